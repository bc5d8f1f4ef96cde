"""Deadlines and rungs of cases against a counter of minutes that knows only what was done, and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.base import new_id
from models.cases import Action, Actor, Case, CaseKind, CaseState, CaseStep, Part, change, collect, legal_actions
from models.corrections import Corrected, Correction
from models.database import Database
from models.escalations import Cause
from models.organisations import Organisation, OrganisationKind
from schedules.deadlines import (
    URGENT,
    Done,
    History,
    clocks,
    promised,
    promises,
    read_histories,
    terms_of,
)
from tests.unit.city import City, shanghai
from tests.unit.working_minutes import MINUTE, works
from tests.year.days import day_of, moment

UNITS = [Organisation(id=number, path=f"市/单位{number}", name="", kind=OrganisationKind.UNIT) for number in (1, 2)]
ALL = frozenset(Part)
HOUR = 60
ENDS = (Action.MERGE, Action.WITHDRAW, Action.DECLINE)
EXPECTED = {
    # what is asked of a case, in minutes: 受理, its gap, 办结, its gap
    (CaseKind.HAZARD, "环境卫生", False): (120, 120, 720, 720),
    (CaseKind.HAZARD, "违停占道", False): (120, 120, 720, 720),
    (CaseKind.HAZARD, "公共设施", False): (120, 120, 3600, 720),
    (CaseKind.APPEAL, "薪酬", False): (120, 120, 7200, 720),
    (CaseKind.HAZARD, "环境卫生", True): (30, 30, 1440, 240),
    (CaseKind.APPEAL, "薪酬", True): (30, 30, 1440, 240),
}
"""Written down anew from the domain, minutes of work for all but the urgent."""


class _Kept:
    """Stands in for a session where only what is added to it counts."""

    def __init__(self) -> None:
        self.steps: list[Done] = []

    def add(self, step: CaseStep) -> None:
        self.steps.append(Done(new_id(), step.action, step.at, step.until))


def _case(kind: CaseKind, category: str, *, urgent: bool) -> Case:
    return Case(
        id=1,
        number=1001,
        kind=kind,
        category=category,
        urgent=urgent,
        state=CaseState.COLLECTED,
        organisation_id=9,
        taken=False,
        reopened=0,
        transfers=0,
    )


@dataclass
class _Counter:
    """Counts the minutes of both deadlines as somebody with a watch would."""

    accept_counts: bool = True
    accept: int = 0
    resolve: int = 0
    taken: bool = False
    with_unit: bool = False
    suspended_until: date | None = None
    hits: dict[Cause, dict[int, datetime]] = field(default_factory=lambda: {Cause.ACCEPT: {}, Cause.RESOLVE: {}})

    def does(self, action: Action, by: Part, until: date | None) -> None:
        """Something is done to the case at this minute."""
        self.suspended_until = until if action is Action.SUSPEND else None
        if action in (Action.ASSIGN, Action.TRANSFER):
            self.with_unit, self.taken, self.accept_counts = True, False, True
            self.accept, self.hits[Cause.ACCEPT] = 0, {}
        if action in (Action.ACCEPT, Action.RESOLVE):
            self.taken = self.with_unit
            self.accept_counts = False
        if action is Action.RETURN:
            self.with_unit, self.accept_counts = False, False
        if action is Action.RESUME and by is Part.UNIT:  # whoever goes on with it has taken it
            self.taken, self.accept_counts = True, False
        if action is Action.REOPEN:
            self.resolve, self.hits[Cause.RESOLVE] = 0, {}

    def passes(self, minute: datetime, *, always: bool) -> None:
        """The minute that begins there."""
        held = self.suspended_until is not None and minute < moment(self.suspended_until, 0)
        if held or not (always or works(minute)):
            return
        if self.accept_counts:
            self.accept += 1
            self.hits[Cause.ACCEPT][self.accept] = minute + MINUTE
        self.resolve += 1
        self.hits[Cause.RESOLVE][self.resolve] = minute + MINUTE


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(EXPECTED)),
    st.integers(0, 250 * 24 * 60),
    st.lists(st.tuples(st.integers(1, 40 * HOUR), st.integers(0, 99), st.integers(1, 9)), max_size=7),
)
def test_every_rung_is_where_the_counter_says(
    what: tuple[CaseKind, str, bool], begin: int, acts: list[tuple[int, int, int]]
) -> None:
    kind, category, urgent = what
    case, kept, counter = _case(kind, category, urgent=urgent), _Kept(), _Counter()
    now = moment(date(2026, 1, 1), 0) + begin * MINUTE
    kept.add(CaseStep(case_id=1, action=Action.COLLECT, after=CaseState.COLLECTED, at=now))
    for minutes, choice, days in acts:
        for _ in range(minutes):
            counter.passes(now, always=urgent)
            now += MINUTE
        legal = [each for each in legal_actions(case, ALL) if each not in ENDS]
        action, until = legal[choice % len(legal)], day_of(now) + timedelta(days=days)
        held = until if action is Action.SUSPEND else None
        unit = UNITS[case.unit_id == 1] if action in (Action.ASSIGN, Action.TRANSFER) else None
        by = _who(case, action, days)
        change(kept, case, action, Actor(None, frozenset({by}), now, 1), unit=unit, until=held)  # type: ignore[arg-type]
        counter.does(action, by, held)
    if case.state in (CaseState.RESOLVED, CaseState.RATED):
        return
    running = {clock.cause: clock for clock in clocks(case, History(kept.steps))}
    assert (Cause.ACCEPT in running) == counter.accept_counts
    for cause, limit, gap in _thresholds(what):
        if cause in running:
            ends = {limit + gaps * gap: running[cause].moment(gaps) for gaps in range(4)}
            while max(ends.values()) > now:
                counter.passes(now, always=urgent)
                now += MINUTE
            assert ends == {count: counter.hits[cause][count] for count in ends}


def _who(case: Case, action: Action, choice: int) -> Part:
    """One of those who may do it."""
    may = [part for part in Part if action in legal_actions(case, frozenset({part}))]
    return may[choice % len(may)]


def _thresholds(what: tuple[CaseKind, str, bool]) -> Iterator[tuple[Cause, int, int]]:
    accept, accept_gap, resolve, resolve_gap = EXPECTED[what]
    yield Cause.ACCEPT, accept, accept_gap
    yield Cause.RESOLVE, resolve, resolve_gap


@pytest.mark.parametrize("what", sorted(EXPECTED))
def test_the_table_says_what_the_domain_says(what: tuple[CaseKind, str, bool]) -> None:
    kind, category, urgent = what
    for cause, limit, gap in _thresholds(what):
        terms = terms_of(cause, kind, category, urgent=urgent)
        assert (terms.limit, terms.gap, terms.always) == (limit * MINUTE, gap * MINUTE, urgent)


MONDAY = shanghai(11, 23, 15)


def _owed_by(session: Session, case: Case) -> datetime:
    """When the next thing is due."""
    return min(clock.moment() for clock in clocks(case, read_histories(session, [case])[case.id]))


def _late(session: Session, case: Case, now: datetime) -> timedelta:
    """How late it is with what it is latest with."""
    return max(clock.late(now) for clock in clocks(case, read_histories(session, [case])[case.id]))


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.write.begin() as opened:
        yield opened


def _collected(session: Session, at: datetime = MONDAY, category: str = "环境卫生", **known: object) -> Case:
    branch = City(session).organisation()
    case = Case(
        kind=known.get("kind", CaseKind.HAZARD),
        category=category,
        place="东门",
        text="东门有垃圾",
        photos=[],
        urgent=known.get("urgent", False),
        organisation_id=branch.id,
        reporter_platform="feishu",
        reporter_bot="main",
        reporter_ref="ou_小李",
        message_id=1,
    )
    return collect(session, case, Actor(None, frozenset(), at, 1))


def _do(session: Session, case: Case, action: Action, at: datetime, **more: object) -> None:
    change(session, case, action, Actor(None, ALL, at, 1), **more)  # type: ignore[arg-type]
    session.flush()


def test_a_case_is_promised_from_its_report_and_again_when_reopened(session: Session) -> None:
    case = _collected(session)
    assert promised(session, case) == shanghai(11, 24, 15)
    assert promises(session, [case])[case.id].accept_by == shanghai(11, 23, 17)
    _do(session, case, Action.RESOLVE, shanghai(11, 24, 9))
    assert promised(session, case) == shanghai(11, 24, 15)  # it was in time
    _do(session, case, Action.REOPEN, shanghai(11, 25, 10))
    assert promised(session, case) == shanghai(11, 26, 10)
    assert _owed_by(session, case) == shanghai(11, 26, 10)
    assert promises(session, [case])[case.id].accept_by == shanghai(11, 23, 17)


def test_nothing_is_promised_of_a_case_that_is_declined(session: Session) -> None:
    case = _collected(session)
    _do(session, case, Action.DECLINE, MONDAY)
    assert promised(session, case) is None


def test_a_suspended_case_holds_its_time_until_the_day_begins(session: Session) -> None:
    case = _collected(session)
    _do(session, case, Action.ACCEPT, MONDAY)
    _do(session, case, Action.SUSPEND, shanghai(11, 23, 18), until=date(2026, 11, 28))  # a Saturday
    assert promised(session, case) == shanghai(11, 30, 17)  # 3 hours had passed, 9 are left from Monday morning
    assert _late(session, case, shanghai(11, 30, 17)) == timedelta()
    assert _late(session, case, shanghai(11, 30, 19)) == timedelta(hours=2)
    _do(session, case, Action.SUSPEND, shanghai(11, 30, 19), until=date(2026, 12, 3))  # once more: the lateness stands
    assert _late(session, case, shanghai(12, 2, 12)) == timedelta(hours=2)
    assert _late(session, case, shanghai(12, 3, 9)) == timedelta(hours=3)


def test_the_later_of_two_is_how_late_it_is(session: Session) -> None:
    case = _collected(session, category="公共设施")
    assert _late(session, case, shanghai(11, 24, 9)) == timedelta(hours=4)  # of 受理: 办结 has days yet
    _do(session, case, Action.ACCEPT, shanghai(11, 24, 9))
    assert _late(session, case, shanghai(11, 24, 9)) == timedelta()


def test_an_urgent_case_runs_by_night(session: Session) -> None:
    case = _collected(session, shanghai(11, 28, 23), urgent=True)  # Saturday, late
    assert _owed_by(session, case) == shanghai(11, 28, 23, 30)
    assert promised(session, case) == shanghai(11, 29, 23)


def test_a_correction_that_leaves_less_time_begins_anew(session: Session) -> None:
    case = _collected(session, category="公共设施")
    _do(session, case, Action.ACCEPT, MONDAY)
    _correct(session, case, Corrected.CATEGORY, ("公共设施", "环境卫生"), shanghai(11, 27, 15))
    case.category = "环境卫生"
    assert promised(session, case) == shanghai(11, 30, 15)  # not Tuesday, which is over
    _correct(session, case, Corrected.URGENCY, ("不急", URGENT), shanghai(11, 28, 10))
    case.urgent = True
    assert promised(session, case) == shanghai(11, 29, 10)


def test_a_correction_that_leaves_more_time_counts_from_the_report(session: Session) -> None:
    case = _collected(session)
    _correct(session, case, Corrected.CATEGORY, ("环境卫生", "公共设施"), shanghai(11, 24, 10))
    case.category = "公共设施"
    assert promised(session, case) == shanghai(11, 30, 15)


def _correct(session: Session, case: Case, what: Corrected, change: tuple[str, str], at: datetime) -> None:
    before, after = change
    session.add(Correction(case_id=case.id, what=what, before=before, after=after, at=at, message_id=1))
    session.flush()
