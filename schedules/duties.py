"""What a branch has to hold (三会一课 and what goes with it), and what it still owes.

The duties are the rows of ``duties.toml``, each with its article of 《中国共产党支部工作条例（试行）》.
"""

import importlib.resources
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.duties import DutyLine
from models.lessons import CheckIn, Lesson, LessonState
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Person, Status
from schedules.calendar import Span, month_of, quarter_of, year_of

COMMITTEE_FROM = 7
"""正式党员 from which a branch has a 支部委员会."""

Every = Literal["month", "quarter", "year"]
Binds = Literal["branch", "committee", "group"]

_SPANS: Mapping[Every, Callable[[date], Span]] = {"month": month_of, "quarter": quarter_of, "year": year_of}
_WITHIN: Mapping[Every, str] = {"month": "本月", "quarter": "本季度", "year": "今年"}


@dataclass(frozen=True, slots=True)
class Duty:
    """A kind of lesson that must (``hard``, 必须) or should (一般) be held ``times`` in each period."""

    kind: str
    title: str
    every: Every
    times: int
    hard: bool
    binds: Binds
    """``branch``: each 党支部; ``committee``: those with a 支委会; ``group``: each 党小组."""
    season: int
    """The month of the period, counted from 1, from which it is asked for."""
    article: str


@dataclass(frozen=True, slots=True)
class DutyState:
    """How one duty of an organisation stands in the present period. ``planned`` ones are still to come."""

    duty: Duty
    organisation: Organisation
    span: Span
    held: int
    planned: int

    @property
    def owed(self) -> int:
        """How many are neither held nor planned."""
        return max(0, self.duty.times - self.held - self.planned)

    def line(self) -> DutyLine:
        """The same in the words of reports."""
        group = self.organisation.name if self.duty.binds == "group" else ""
        return DutyLine(
            self.duty.kind, group, _WITHIN[self.duty.every], self.duty.hard, self.held, self.planned, self.owed
        )


def load_duties() -> tuple[Duty, ...]:
    """The rows of ``duties.toml``."""
    text = (importlib.resources.files("schedules") / "duties.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["duty"]
    return tuple(Duty(**row) for row in rows)


DUTIES = load_duties()


def duty_states(
    session: Session, tree: Tree, branches: Iterable[Organisation], now: datetime
) -> dict[int, list[DutyState]]:
    """By the branch's id, how its duties and those of its 党小组 stand. Only 党支部 and 党小组 have any."""
    families = {branch.id: _family(tree, branch) for branch in branches if branch.kind is OrganisationKind.BRANCH}
    if not families:
        return {}
    day = local(now).date()
    duties = [duty for duty in DUTIES if _in_season(duty, day)]
    spans = {duty.kind: _SPANS[duty.every](day) for duty in duties}
    records = _Records(session, {org.id for family in families.values() for org in family}, spans, now)
    return {
        branch_id: [
            DutyState(
                duty,
                organisation,
                spans[duty.kind],
                records.held(duty, organisation),
                records.planned(duty, organisation, branch_id),
            )
            for duty in duties
            for organisation in _bound(duty, family, records)
        ]
        for branch_id, family in families.items()
    }


def _in_season(duty: Duty, day: date) -> bool:
    first = local(_SPANS[duty.every](day).start).date()
    return day.month - first.month + 1 >= duty.season


def _family(tree: Tree, branch: Organisation) -> list[Organisation]:
    """The branch, and what is below it without being another branch's."""
    below = [org for org in tree.below(branch) if org is not branch]
    inner = [org for org in below if org.kind is OrganisationKind.BRANCH]
    return [branch, *(org for org in below if not any(other.covers(org) for other in inner))]


def _bound(duty: Duty, family: list[Organisation], records: "_Records") -> list[Organisation]:
    branch = family[0]
    match duty.binds:
        case "group":
            return [org for org in family if org.kind is OrganisationKind.GROUP]
        case "committee":
            return [branch] if sum(records.full_members[org.id] for org in family) >= COMMITTEE_FROM else []
        case "branch":
            return [branch]


class _Records:
    """The lessons of these organisations in the periods of their kinds, counted in three queries."""

    def __init__(self, session: Session, organisations: set[int], spans: Mapping[str, Span], now: datetime) -> None:
        self._session = session
        self._organisations = organisations
        self._in_period = _in_period(spans)
        self._held: Counter[tuple[int, str]] = Counter()
        self._planned: Counter[tuple[int, str]] = Counter()
        self._attended = self._count_groups()
        self.full_members = self._count_members()
        self._count_lessons(now)

    def held(self, duty: Duty, organisation: Organisation) -> int:
        """A 党小组会 counts for each 党小组 of which somebody checked in, in whichever chat it was held."""
        counts = self._attended if duty.binds == "group" else self._held
        return counts[organisation.id, duty.kind]

    def planned(self, duty: Duty, organisation: Organisation, branch_id: int) -> int:
        """What the branch plans for its 党小组 is planned for each of them."""
        holders = {organisation.id, branch_id}
        return sum(self._planned[holder, duty.kind] for holder in holders)

    def _count_lessons(self, now: datetime) -> None:
        met = exists().where(CheckIn.lesson_id == Lesson.id)
        to_come = or_(Lesson.state == LessonState.OPEN, Lesson.planned_at >= now)
        query = select(Lesson.organisation_id, Lesson.kind, Lesson.state, met, to_come).where(
            Lesson.organisation_id.in_(self._organisations), Lesson.state != LessonState.CANCELLED, self._in_period
        )
        for organisation_id, kind, state, has_met, is_to_come in self._session.execute(query):
            if has_met and state is not LessonState.PLANNED:
                self._held[organisation_id, kind] += 1
            elif is_to_come and state is not LessonState.CLOSED:
                self._planned[organisation_id, kind] += 1

    def _count_groups(self) -> Counter[tuple[int, str]]:
        query = (
            select(Person.organisation_id, Lesson.kind, func.count(Lesson.id.distinct()))
            .join(CheckIn, CheckIn.person_id == Person.id)
            .join(Lesson, Lesson.id == CheckIn.lesson_id)
            .where(
                Person.organisation_id.in_(self._organisations),
                Lesson.state.in_((LessonState.OPEN, LessonState.CLOSED)),
                Lesson.kind.in_([duty.kind for duty in DUTIES if duty.binds == "group"]),
                self._in_period,
            )
            .group_by(Person.organisation_id, Lesson.kind)
        )
        rows = self._session.execute(query)
        return Counter({(organisation_id, kind): count for organisation_id, kind, count in rows})

    def _count_members(self) -> Counter[int]:
        query = (
            select(Person.organisation_id, func.count())
            .where(Person.organisation_id.in_(self._organisations), Person.status == Status.FULL)
            .group_by(Person.organisation_id)
        )
        return Counter(dict(self._session.execute(query).all()))


def _in_period(spans: Mapping[str, Span]) -> ColumnElement[bool]:
    when = func.coalesce(Lesson.opened_at, Lesson.planned_at)
    return or_(*(and_(Lesson.kind == kind, when >= s.start, when < s.end) for kind, s in spans.items()))
