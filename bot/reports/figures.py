"""The counts that reports share; those of cases are in ``case_figures``.

Each takes an organisation with all below it and a half-open stretch of time.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.attendance import HERE, Mark, marks
from models.lessons import CheckIn, Lesson, LessonState
from models.organisations import Organisation, belongs_to
from models.people import Person
from models.points import Account, PointEntry

TOP = 3
"""How many leaders a report names."""


@dataclass(frozen=True, slots=True)
class LessonFigures:
    """One lesson that was held. ``led_by`` is empty where nobody was recorded; guests do not count as present."""

    title: str
    led_by: str
    expected: int
    present: int
    """``late`` ones among them."""
    late: int = 0
    made_up: int = 0
    series_id: int | None = None


def _during(column: InstrumentedAttribute[datetime | None], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(column >= start, column < end)


def lessons_held(session: Session, organisation: Organisation, start: datetime, end: datetime) -> list[LessonFigures]:
    """The lessons that were opened in the time and had at least one check-in, in their order."""
    query = (
        select(Lesson, Person.name)
        .outerjoin(Person, Person.id == Lesson.led_by)
        .where(
            belongs_to(Lesson.organisation_id, organisation),
            Lesson.state.in_((LessonState.OPEN, LessonState.CLOSED)),
            _during(Lesson.opened_at, start, end),
            exists().where(CheckIn.lesson_id == Lesson.id),
        )
        .order_by(Lesson.opened_at, Lesson.id)
    )
    lessons = session.execute(query).all()
    by_lesson = marks(session, [lesson for lesson, _ in lessons])
    return [_figures(lesson, led_by or "", by_lesson[lesson.id].values()) for lesson, led_by in lessons]


def _figures(lesson: Lesson, led_by: str, of_people: Iterable[Mark]) -> LessonFigures:
    count = Counter(of_people)
    return LessonFigures(
        title=lesson.title,
        led_by=led_by,
        expected=count.total() - count[Mark.GUEST],
        present=sum(count[mark] for mark in HERE),
        late=count[Mark.LATE],
        made_up=count[Mark.MADE_UP],
        series_id=lesson.series_id,
    )


def lessons_planned(session: Session, organisation: Organisation, start: datetime, end: datetime) -> list[Lesson]:
    """The lessons planned for the time, in their order."""
    query = select(Lesson).where(
        belongs_to(Lesson.organisation_id, organisation),
        Lesson.state == LessonState.PLANNED,
        _during(Lesson.planned_at, start, end),
    )
    return list(session.scalars(query.order_by(Lesson.planned_at, Lesson.id)))


def leaders(session: Session, organisation: Organisation, start: datetime, end: datetime) -> list[tuple[str, int]]:
    """Who was given most points in the time, with how many. Only the top is ever named."""
    earned = func.sum(PointEntry.points)
    query = (
        select(Person.name, earned)
        .join(Account, Account.person_id == Person.id)
        .join(PointEntry, PointEntry.to_account_id == Account.id)
        .where(belongs_to(Person.organisation_id, organisation), _during(PointEntry.at, start, end))
        .group_by(Person.id, Person.name)
        .order_by(earned.desc(), Person.id)
        .limit(TOP)
    )
    return list(session.execute(query))
