"""What has come in: one claim a message, kept with the answer that was given."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedBytes, SealedText, WithId


class Outcome(StrEnum):
    """What became of a message."""

    DONE = "done"
    DEAD = "dead"
    """It failed for good; ``error`` says how."""
    REPLAYED = "replayed"
    """It had failed, and an operator had it done again."""


class Claim(WithId):
    """The claim on one message, written in the transaction of its effects. The key is unique for good."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("platform", "bot", "key"),
        Index("ix_inbox_dead", "id", sqlite_where=text("outcome = 'dead'"), postgresql_where=text("outcome = 'dead'")),
    )

    platform: Mapped[str]
    bot: Mapped[str]
    key: Mapped[str]
    chat: Mapped[str]
    sender: Mapped[str]
    person_id: Mapped[int | None]
    intent: Mapped[str]
    outcome: Mapped[Outcome]
    received_at: Mapped[datetime] = mapped_column(index=True)
    message: Mapped[bytes] = mapped_column(SealedBytes())
    """The message as JSON."""
    answer: Mapped[str] = mapped_column(SealedText())
    """What a synchronous reply says; a redelivery gets it again."""
    error: Mapped[str | None] = mapped_column(SealedText())
