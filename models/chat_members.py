"""Who is in a group, as far as the platform tells, and who of them is who in the roster."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import WithId
from models.chats import Chat


class ChatMember(WithId):
    """One account in one group, under the name that is shown there."""

    __tablename__ = "chat_members"
    __table_args__ = (UniqueConstraint("chat_id", "ref"),)

    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id"))
    ref: Mapped[str]
    """The platform's id of the account."""
    name: Mapped[str]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Whom of the roster the secretary was asked about: it may be this account's owner."""
    match_number: Mapped[int | None]
    """The number of the list in which that was asked."""


def members_of(session: Session, chat: Chat) -> list[ChatMember]:
    """Who is in the group now, in the order in which they were first seen."""
    query = select(ChatMember).where(ChatMember.chat_id == chat.id, ChatMember.left_at.is_(None))
    return list(session.scalars(query.order_by(ChatMember.id)))
