"""Series of short lessons that repeat (班前一刻钟 each working day, 10分钟微课堂 each Wednesday)."""

from datetime import date, datetime, time

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import WithId
from models.chats import Chat
from models.organisations import Organisation


class Series(WithId):
    """A lesson that repeats in one chat; the lessons themselves are made from it some days ahead."""

    __tablename__ = "series"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id"))
    kind: Mapped[str]
    topic: Mapped[str]
    weekdays: Mapped[list[int]] = mapped_column(JSON)
    """Monday is 0. One that falls on a holiday moves to the next working day; empty: every working day."""
    at: Mapped[time]
    """In Asia/Shanghai."""
    minutes: Mapped[int]
    begins_on: Mapped[date]
    ended_at: Mapped[datetime | None]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
    message_id: Mapped[int]

    organisation: Mapped[Organisation] = relationship()
    chat: Mapped[Chat] = relationship()
