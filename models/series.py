"""Series of short lessons that repeat (班前一刻钟 each working day, 10分钟微课堂 each Wednesday)."""

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.attendance import HERE, Mark, marks
from models.base import WithId
from models.chats import Chat
from models.lessons import Lesson, LessonState
from models.organisations import Organisation
from models.people import Person


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

    @property
    def title(self) -> str:
        """``10分钟微课堂《交通安全》``, or the kind alone where there is no topic."""
        return f"{self.kind}《{self.topic}》" if self.topic else self.kind


DAILY = 5
"""A series that is held on so many days of the week is there every day, as people see it."""


def is_daily(weekdays: Sequence[int]) -> bool:
    """Whether a series of these weekdays needs no reminder of each session: that it opens is enough."""
    return not weekdays or len(weekdays) >= DAILY


def series_of(session: Session, organisation: Organisation) -> dict[int, Series]:
    """All series that the organisation has ever had, by the number that people call them."""
    query = select(Series).where(Series.organisation_id == organisation.id).order_by(Series.made_at, Series.id)
    return dict(enumerate(session.scalars(query), 1))


LONGEST_STREAK = 500
"""Sessions that are looked back upon at most."""


def streaks(
    session: Session, series_id: int, *, person: Person | None = None, came_to: Lesson | None = None
) -> dict[int, int]:
    """How many sessions of a series people came to in a row, up to the last that was held: of ``person``, or of those
    who came to ``came_to``, which is that last one.

    Approved leave and make-up neither break a streak nor add to it, nor does a session at which one was not expected.
    """
    query = (
        select(Lesson)
        .where(Lesson.series_id == series_id, Lesson.state == LessonState.CLOSED)
        .order_by(Lesson.opened_at.desc(), Lesson.id.desc())
        .limit(LONGEST_STREAK)
    )
    lessons = list(session.scalars(query))
    by_lesson = marks(session, lessons, person)
    if came_to is not None:
        people = [person_id for person_id, mark in by_lesson.get(came_to.id, {}).items() if mark in HERE]
    else:
        people = [person.id] if person is not None else []
    return {one: _streak([by_lesson[lesson.id].get(one) for lesson in lessons]) for one in people}


def _streak(latest_first: list[Mark | None]) -> int:
    came = 0
    for mark in latest_first:
        if mark is Mark.ABSENT:
            break
        came += mark in HERE
    return came
