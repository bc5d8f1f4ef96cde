"""What the bot has asked somebody back with answers to choose from: 您是不是想说……, 派给谁？"""

from datetime import datetime, timedelta

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedText, WithId

OPEN_FOR = timedelta(minutes=10)

_OPEN = "closed_at IS NULL"


class Offer(WithId):
    """One question to one person. Of one person at most one is open: the last that was asked."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "ix_offers_open",
            "sender",
            "platform",
            "bot",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )

    platform: Mapped[str]
    bot: Mapped[str]
    sender: Mapped[str]
    chat: Mapped[str]
    """The platform's id of the group where it may be answered, too; empty: in private alone."""
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"))
    """The group where that was said which it is about; None in private chat."""
    options: Mapped[str] = mapped_column(SealedText())
    """What each answer means, as JSON (see ``bot.offers``); empty once it is closed."""
    photos: Mapped[list[str]] = mapped_column(JSON)
    """Media names of what came with the words."""
    asked_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """When it was answered, another was asked, or its time was over."""
    message_id: Mapped[int]
    """The message that it is about."""

    def close(self, now: datetime) -> None:
        """It can be answered no more, and what was said is not kept here any longer."""
        self.closed_at, self.options, self.photos = now, "", []
