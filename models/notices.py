"""Notices (通知) that ask for 收到, and who has answered."""

from datetime import datetime

from sqlalchemy import JSON, ColumnElement, ForeignKey, UniqueConstraint, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import WithId
from models.organisations import Organisation, at_or_below
from models.people import Person


class Notice(WithId):
    """A notice. Whom it asks is frozen in ``NoticeRoll`` when it is sent."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("number"),)

    number: Mapped[int]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    text: Mapped[str]
    photos: Mapped[list[str]] = mapped_column(JSON)
    """Media names (see ``bot.media``)."""
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


def find_notice(session: Session, number: int) -> Notice | None:
    """The notice with this number."""
    return session.scalars(select(Notice).where(Notice.number == number)).one_or_none()


def cards_of(session: Session, notice: Notice) -> list[NoticePost]:
    """Where the notice was posted."""
    return list(session.scalars(select(NoticePost).where(NoticePost.notice_id == notice.id).order_by(NoticePost.id)))


def tally(session: Session, notice: Notice, within: Organisation) -> tuple[int, int]:
    """``(answered, asked)`` of those at or below an organisation; who has left without an answer is asked no more."""
    counts = select(func.count(NoticeRoll.answered_at), func.count(NoticeRoll.id))
    answered, asked = session.execute(counts.where(*_on_roll(notice, within))).one()
    return answered, asked


def unanswered(session: Session, notice: Notice, within: Organisation) -> list[Person]:
    """Those at or below an organisation who have not answered, in order of the roster."""
    people = select(Person).where(*_on_roll(notice, within), NoticeRoll.answered_at.is_(None))
    return list(session.scalars(people.order_by(Person.id)))


def _on_roll(notice: Notice, within: Organisation) -> tuple[ColumnElement[bool], ...]:
    """The conditions on ``NoticeRoll``, its person and the person's organisation."""
    return (
        NoticeRoll.notice_id == notice.id,
        NoticeRoll.person_id == Person.id,
        Person.organisation_id == Organisation.id,
        or_(Person.left_on.is_(None), NoticeRoll.answered_at.is_not(None)),
        at_or_below(within),
    )
