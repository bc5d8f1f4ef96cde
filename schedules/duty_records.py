"""What the records say of duties: lessons held and planned, 正式党员, and what organisations ask for themselves.

Everything is read at once, in a few queries, however many organisations and periods are asked for.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time

from sqlalchemy import Case, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from bot.clock import at
from models.duty_rules import DutyRule
from models.lessons import CheckIn, Lesson, LessonState
from models.organisations import Organisation, Tree
from models.people import Person, Status
from schedules.calendar import Span

_Moments = dict[tuple[int, str], list[datetime]]
"""By organisation and kind of duty, the times of lessons, in order."""


class Rules:
    """What organisations ask for instead of the general duties."""

    def __init__(self, session: Session, tree: Tree) -> None:
        self._tree = tree
        self._rules: dict[tuple[int, str], list[DutyRule]] = defaultdict(list)
        for rule in session.scalars(select(DutyRule).order_by(DutyRule.set_at, DutyRule.id)):
            self._rules[rule.organisation_id, rule.kind].append(rule)

    def own(self, kind: str, organisation: Organisation, before: datetime | None = None) -> DutyRule | None:
        """The last one that the organisation itself set, by then or at all."""
        rules = self._rules.get((organisation.id, kind), ())
        return next((rule for rule in reversed(rules) if before is None or rule.set_at < before), None)

    def nearest(self, kind: str, organisation: Organisation, before: datetime | None = None) -> DutyRule | None:
        """The one that holds for the organisation, or held by then: its own, or that of the nearest one above."""
        for org in (organisation, *self._tree.above(organisation)):
            if rule := self.own(kind, org, before):
                return rule
        return None


class Records:
    """The lessons of some organisations within a stretch of time, and who belonged to them."""

    def __init__(
        self, session: Session, organisations: Collection[int], groups: Collection[int], kinds: Collection[str]
    ) -> None:
        self._session = session
        self._organisations = organisations
        self._groups = groups
        self._kinds = kinds
        self._held: _Moments = defaultdict(list)
        self._planned: _Moments = defaultdict(list)
        self._attended: _Moments = defaultdict(list)
        self._members: dict[int, list[tuple[datetime, date | None]]] = defaultdict(list)

    def read(self, start: datetime, end: datetime, now: datetime) -> None:
        """Looks up what lies in ``[start, end)``, as of ``now``."""
        self._read_lessons(start, end, now)
        self._read_members()
        if self._groups:
            self._read_groups(start, end)

    def held(self, organisation_id: int, kind: str, span: Span) -> int:
        """How many lessons of the organisation had somebody check in."""
        return _within(self._held, organisation_id, kind, span)

    def attended(self, group_id: int, kind: str, span: Span) -> int:
        """How many lessons, of whichever organisation, somebody of the group checked in to."""
        return _within(self._attended, group_id, kind, span)

    def planned(self, organisation_id: int, kind: str, span: Span) -> int:
        """How many are open without anybody yet, or planned for a time to come."""
        return _within(self._planned, organisation_id, kind, span)

    def full_members(self, organisations: Collection[int], after: date) -> int:
        """How many 正式党员 belonged there until the beginning of the day ``after``."""
        moment = at(after, time())
        return sum(
            created_at < moment and (left_on is None or left_on >= after)
            for organisation_id in organisations
            for created_at, left_on in self._members[organisation_id]
        )

    def _read_lessons(self, start: datetime, end: datetime, now: datetime) -> None:
        met = exists().where(CheckIn.lesson_id == Lesson.id)
        when = func.coalesce(Lesson.opened_at, Lesson.planned_at)
        query = (
            select(Lesson.organisation_id, _duty_kind(), Lesson.state, when, met)
            .where(
                Lesson.organisation_id.in_(self._organisations),
                Lesson.state != LessonState.CANCELLED,
                _duty_kind().in_(self._kinds),
                or_(Lesson.state != LessonState.PLANNED, Lesson.planned_at >= now),
                and_(when >= start, when < end),
            )
            .order_by(when)
        )
        for organisation_id, kind, state, moment, has_met in self._session.execute(query):
            if has_met and state is not LessonState.PLANNED:
                self._held[organisation_id, kind].append(moment)
            elif state is not LessonState.CLOSED:
                self._planned[organisation_id, kind].append(moment)

    def _read_groups(self, start: datetime, end: datetime) -> None:
        query = (
            select(Person.organisation_id, _duty_kind(), Lesson.opened_at, Lesson.id)
            .join(CheckIn, CheckIn.person_id == Person.id)
            .join(Lesson, Lesson.id == CheckIn.lesson_id)
            .where(
                Person.organisation_id.in_(self._groups),
                Lesson.state.in_((LessonState.OPEN, LessonState.CLOSED)),
                _duty_kind().in_(self._kinds),
                and_(Lesson.opened_at >= start, Lesson.opened_at < end),
            )
            .distinct()
            .order_by(Lesson.opened_at)
        )
        for group_id, kind, opened_at, _ in self._session.execute(query):
            if opened_at is not None:
                self._attended[group_id, kind].append(opened_at)

    def _read_members(self) -> None:
        query = select(Person.organisation_id, Person.created_at, Person.left_on).where(
            Person.organisation_id.in_(self._organisations), Person.status == Status.FULL
        )
        for organisation_id, created_at, left_on in self._session.execute(query):
            self._members[organisation_id].append((created_at, left_on))


def _duty_kind() -> Case[str]:
    """The kind of duty that a lesson is held for: the one it is marked to count as, else its own."""
    return case((Lesson.counts_as != "", Lesson.counts_as), else_=Lesson.kind)


def _within(moments: _Moments, organisation_id: int, kind: str, span: Span) -> int:
    times = moments.get((organisation_id, kind), [])
    return bisect_left(times, span.end) - bisect_left(times, span.start)
