"""Group chats and the organisation that each is tied to."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import WithId
from models.organisations import Organisation


class Chat(WithId):
    """A group in which the bot was seen. It can be posted to once it is tied (绑定) to an organisation."""

    __tablename__ = "chats"
    __table_args__ = (UniqueConstraint("platform", "bot", "ref"),)

    platform: Mapped[str]
    bot: Mapped[str]
    ref: Mapped[str]
    title: Mapped[str]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    tied_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    tied_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship()


def chats_of(session: Session, organisation: Organisation) -> list[Chat]:
    """The groups tied to the organisation, the first tied first."""
    query = select(Chat).where(Chat.organisation_id == organisation.id).order_by(Chat.tied_at, Chat.id)
    return list(session.scalars(query))
