"""Make-up (补课) of a missed lesson: its material, then a note of what was learned, or the secretary's questions."""

from datetime import datetime, timedelta

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedText, WithId

TIME_LIMIT = timedelta(days=30)
"""For how long after its end a lesson can be made up."""


class MakeUp(WithId):
    """One person's make-up of one lesson. Once it is done the lesson counts as 补课, and stays visible as that."""

    __tablename__ = "make_ups"
    __table_args__ = (UniqueConstraint("lesson_id", "person_id"),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    begun_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(SealedText())
    """心得, where there were no questions."""
    answers: Mapped[str | None]
    """``ABC``: the last that were given."""
    answered_at: Mapped[datetime | None]
    message_id: Mapped[int]
    """The message that finished it, or began it."""


class Question(WithId):
    """A question with its choices that the secretary set for a lesson; there are at most three."""

    __tablename__ = "questions"
    __table_args__ = (UniqueConstraint("lesson_id", "number"),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    number: Mapped[int]
    text: Mapped[str]
    options: Mapped[list[str]] = mapped_column(JSON)
    answer: Mapped[int]
    """The index of the right option."""
