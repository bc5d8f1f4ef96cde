"""The sandbox's own chat log: the "cloud" that the sandbox page shows."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, SealedBytes, WithId


class SandboxMessage(WithId):
    """A bubble in a chat: of a person (``sender`` is their id) or of the bot (empty)."""

    __tablename__ = "sandbox_messages"
    __table_args__ = (UniqueConstraint("uuid"), Index("ix_sandbox_messages_chat", "chat", "id"))

    uuid: Mapped[str]
    chat: Mapped[str]
    sender: Mapped[str]
    content: Mapped[bytes] = mapped_column(SealedBytes())
    ticked: Mapped[bool]
    reply_to: Mapped[str]
    at: Mapped[datetime]


class SandboxClock(Base):
    """How far the sandbox's clock has been moved forward. One row."""

    __tablename__ = "sandbox_clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    offset_seconds: Mapped[float]
