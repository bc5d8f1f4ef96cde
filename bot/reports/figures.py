"""The counts that reports share. Each takes an organisation with all below it and a half-open stretch of time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.attendance import HERE, Mark, marks
from models.cases import FINISHED_STATES, OPEN_STATES, Action, Case, CaseKind, CaseState, CaseStep, Rating
from models.lessons import CheckIn, Lesson, LessonState
from models.organisations import Organisation, at_or_below
from models.people import Person
from models.points import Account, PointEntry

TOP = 3
"""How many leaders, categories, units or places a report names."""
FEW = 5
"""Fewer appeals than this are counted and never broken down: a category could point to a person."""


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


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """``collected`` and ``resolved`` within the time; ``open`` now; ``categories`` of those collected, most first."""

    collected: int = 0
    resolved: int = 0
    open: int = 0
    categories: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.collected or self.resolved or self.open)


@dataclass(frozen=True, slots=True)
class Rates:
    """办结率 is ``finished`` of ``collected``; 满意率 is ``satisfied`` (满意, 基本满意) of ``rated``."""

    collected: int
    finished: int
    rated: int
    satisfied: int


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """The open cases that a unit has; ``name`` is empty for those that no unit has yet."""

    name: str
    open: int
    oldest: datetime


def _below(column: InstrumentedAttribute[int], organisation: Organisation) -> ColumnElement[bool]:
    """That ``column`` names the organisation or one below it."""
    return column.in_(select(Organisation.id).where(at_or_below(organisation)))


def _during(column: InstrumentedAttribute[datetime | None], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(column >= start, column < end)


def lessons_held(session: Session, organisation: Organisation, start: datetime, end: datetime) -> list[LessonFigures]:
    """The lessons that were opened in the time and had at least one check-in, in their order."""
    query = (
        select(Lesson, Person.name)
        .outerjoin(Person, Person.id == Lesson.led_by)
        .where(
            _below(Lesson.organisation_id, organisation),
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
        _below(Lesson.organisation_id, organisation),
        Lesson.state == LessonState.PLANNED,
        _during(Lesson.planned_at, start, end),
    )
    return list(session.scalars(query.order_by(Lesson.planned_at, Lesson.id)))


def case_figures(
    session: Session, organisation: Organisation, start: datetime, end: datetime
) -> dict[CaseKind, CaseFigures]:
    """The cases of each kind. Appeals are broken down by category only from five on."""
    collected, resolved = (_during(column, start, end) for column in (Case.created_at, Case.resolved_at))
    is_open = Case.state.in_(OPEN_STATES)
    query = (
        select(
            Case.kind,
            Case.category,
            func.count().filter(collected),
            func.count().filter(resolved),
            func.count().filter(is_open),
        )
        .where(_below(Case.organisation_id, organisation), or_(collected, resolved, is_open))
        .group_by(Case.kind, Case.category)
    )
    rows = session.execute(query).all()
    return {kind: _case_figures(kind, [row[1:] for row in rows if row[0] is kind]) for kind in CaseKind}


def _case_figures(kind: CaseKind, rows: Sequence[tuple[str, int, int, int]]) -> CaseFigures:
    collected = sum(new for _, new, _, _ in rows)
    named = kind is CaseKind.HAZARD or collected >= FEW
    categories = sorted(((category, new) for category, new, _, _ in rows if new), key=lambda pair: (-pair[1], pair[0]))
    return CaseFigures(
        collected=collected,
        resolved=sum(resolved for _, _, resolved, _ in rows),
        open=sum(still_open for _, _, _, still_open in rows),
        categories=tuple(categories[:TOP]) if named else (),
    )


def rates(session: Session, organisation: Organisation, start: datetime, end: datetime) -> Rates:
    """Of the cases collected in the time (不予受理 and 并案 aside) as of its end, and of the ratings given in it."""
    finished = and_(Case.state.in_(FINISHED_STATES), Case.resolved_at < end)
    query = select(func.count(), func.count().filter(finished)).where(
        _below(Case.organisation_id, organisation),
        _during(Case.created_at, start, end),
        Case.state.not_in((CaseState.DECLINED, CaseState.MERGED)),
    )
    collected, done = session.execute(query).one()
    satisfied = func.count(Case.id.distinct()).filter(Case.rating.in_((Rating.SATISFIED, Rating.FAIR)))
    ratings = (
        select(func.count(Case.id.distinct()), satisfied)
        .join(CaseStep, CaseStep.case_id == Case.id)
        .where(
            _below(Case.organisation_id, organisation),
            CaseStep.action.in_((Action.RATE, Action.REOPEN)),
            _during(CaseStep.at, start, end),
        )
    )
    rated, happy = session.execute(ratings).one()
    return Rates(collected, done, rated, happy)


def open_by_unit(session: Session, organisation: Organisation) -> list[UnitFigures]:
    """The units with most open cases. Appeals are left out while fewer than five are open."""
    unit = select(Organisation.id, Organisation.name).subquery()
    query = (
        select(unit.c.name, Case.kind, func.count(), func.min(Case.created_at))
        .outerjoin(unit, unit.c.id == Case.unit_id)
        .where(_below(Case.organisation_id, organisation), Case.state.in_(OPEN_STATES))
        .group_by(Case.unit_id, unit.c.name, Case.kind)
    )
    rows = session.execute(query).all()
    appeals = sum(count for _, kind, count, _ in rows if kind is CaseKind.APPEAL)
    units: dict[str, UnitFigures] = {}
    for name, kind, count, oldest in rows:
        if kind is CaseKind.HAZARD or appeals >= FEW:
            so_far = units.get(name or "", UnitFigures(name or "", 0, oldest))
            units[name or ""] = UnitFigures(name or "", so_far.open + count, min(so_far.oldest, oldest))
    return sorted(units.values(), key=lambda unit: (-unit.open, unit.oldest))[:TOP]


def repeated_places(
    session: Session, organisation: Organisation, start: datetime, end: datetime
) -> list[tuple[str, int]]:
    """The places named by more than one hazard of the time (并案 aside), most first."""
    query = select(Case.place).where(
        _below(Case.organisation_id, organisation),
        Case.kind == CaseKind.HAZARD,
        Case.state != CaseState.MERGED,
        _during(Case.created_at, start, end),
    )
    counts = Counter(place.strip() for place in session.scalars(query))
    return [(place, count) for place, count in counts.most_common() if place and count > 1][:TOP]


def leaders(session: Session, organisation: Organisation, start: datetime, end: datetime) -> list[tuple[str, int]]:
    """Who was given most points in the time, with how many. Only the top is ever named."""
    earned = func.sum(PointEntry.points)
    query = (
        select(Person.name, earned)
        .join(Account, Account.person_id == Person.id)
        .join(PointEntry, PointEntry.to_account_id == Account.id)
        .where(_below(Person.organisation_id, organisation), _during(PointEntry.at, start, end))
        .group_by(Person.id, Person.name)
        .order_by(earned.desc(), Person.id)
        .limit(TOP)
    )
    return list(session.execute(query))
