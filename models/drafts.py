"""What somebody has begun to report and not yet told in full, or what the bot has asked back about it."""

from datetime import datetime, timedelta

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SealedText, WithId
from models.cases import Case, CaseKind

OPEN_FOR = timedelta(minutes=30)
"""After that it is closed, with a word."""
OPEN_FOR_OVERHEARD = timedelta(minutes=5)
"""A photo in a group that was not sent to the bot: people send each other photos. It is dropped silently."""

_OPEN = "closed_at IS NULL"


class Draft(WithId):
    """One begun report of one person in one chat. While it is open, what the same person says there may complete it.

    Of one person there is at most one open in one chat. What it waits for:

    * without ``case`` and ``alike``: what is wrong, and where; it has photos or a place already;
    * with ``case``: the place of a hazard that is registered already;
    * with ``alike``: whether the told hazard is that one (+1 附议) or another.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        Index(
            "ix_drafts_open",
            "platform",
            "bot",
            "chat",
            "sender",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )

    platform: Mapped[str]
    bot: Mapped[str]
    chat: Mapped[str]
    """The platform's id of the chat, as in ``IncomingMessage.chat``."""
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"))
    """The group; None in private chat."""
    sender: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[CaseKind | None]
    """What it is going to be; None while nothing tells."""
    text: Mapped[str] = mapped_column(SealedText())
    category: Mapped[str]
    """As understood from ``text``; empty without."""
    sureness: Mapped[float | None]
    urgent: Mapped[bool]
    photos: Mapped[list[str]] = mapped_column(JSON)
    place: Mapped[str] = mapped_column(SealedText())
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    alike_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    overheard: Mapped[bool]
    """It was not said to the bot: nothing is asked and nothing is said of it."""
    begun_at: Mapped[datetime]
    closes_at: Mapped[datetime] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    message_id: Mapped[int]
    """The message that began it."""

    case: Mapped[Case | None] = relationship(foreign_keys=[case_id])
    alike: Mapped[Case | None] = relationship(foreign_keys=[alike_id])
