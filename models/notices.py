"""Notices (通知) that ask for 收到, and who has answered."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import WithId
from models.organisations import Organisation


class Notice(WithId):
    """A notice. Whom it asks is frozen in ``NoticeRoll`` when it is sent."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("number"),)

    number: Mapped[int]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    text: Mapped[str]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    sent_at: Mapped[datetime]
    nudge_at: Mapped[datetime]
    """When those who have not answered are asked once more, in private."""
    closes_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    message_id: Mapped[int]

    organisation: Mapped[Organisation] = relationship()


class NoticePost(WithId):
    """A notice's card in one chat."""

    __tablename__ = "notice_posts"
    __table_args__ = (UniqueConstraint("notice_id", "chat_id"),)

    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id"), index=True)
    card: Mapped[str]
    """The uuid of the post that shows the live count."""


class NoticeRoll(WithId):
    """That a person is asked for 收到, and when it was said."""

    __tablename__ = "notice_roll"
    __table_args__ = (UniqueConstraint("notice_id", "person_id"),)

    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    answered_at: Mapped[datetime | None]
    message_id: Mapped[int | None]
    """Of the answer."""
