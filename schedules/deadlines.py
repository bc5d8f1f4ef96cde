"""By when a case is to be 受理 and 办结, and which rungs of the ladder (催办 → 督办 → 提级) its lateness has reached.

Everything is reckoned from the case's own steps, so that a moment is the same whoever asks for it and whenever. The
numbers are the rows of ``deadlines.toml``.

- 受理 runs from 登记 while the branch has the case, and anew from each 派单 and 转办 while the unit has not taken it.
- 办结 runs from 登记, and anew from each 重办.
- While the case is 挂账 both stand still, until that ends or the day of the next look begins.
- A correction of category or urgency that leaves less time has the time begin anew, so that nothing is late at once.
"""

import importlib.resources
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import merge
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from bot.clock import at
from models.cases import OPEN_STATES, Action, Case, CaseKind, CaseState, CaseStep
from models.corrections import Corrected, Correction
from models.escalations import Cause, Escalation, Rung
from models.organisations import Organisation, Tree
from schedules.working_time import WORKING_DAY, after, between

URGENT = "急"
"""How a correction calls it."""
_ENDED = (CaseState.DECLINED, CaseState.MERGED, CaseState.WITHDRAWN)
_AT_ONCE = 500
"""Cases of which the history is read in one query."""
_BEGINS = {
    Cause.ACCEPT: (Action.COLLECT, Action.ASSIGN, Action.TRANSFER),
    Cause.RESOLVE: (Action.COLLECT, Action.REOPEN),
}
"""The steps from which each time runs anew."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long something may take, and how far the rungs are apart. ``always``: round the clock, else working time."""

    limit: timedelta
    gap: timedelta
    always: bool

    def after(self, moment: datetime, length: timedelta) -> datetime:
        """When so much time has passed since then."""
        return moment + length if self.always else after(moment, length)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much time has passed."""
        return max(end - start, timedelta()) if self.always else between(start, end)


@dataclass(frozen=True, slots=True)
class _Row:
    what: Cause
    urgent: bool
    kind: CaseKind | None
    categories: tuple[str, ...]
    terms: Terms

    def fits(self, what: Cause, kind: CaseKind, category: str, *, urgent: bool) -> bool:
        return (
            self.what is what
            and self.urgent == urgent
            and self.kind in (None, kind)
            and (not self.categories or category in self.categories)
        )


def _row(row: dict[str, Any]) -> _Row:
    causes = {"accept": Cause.ACCEPT, "resolve": Cause.RESOLVE}
    urgent = bool(row["urgent"])
    terms = Terms(_length(row["limit"]), _length(row["gap"]), urgent)
    kind = CaseKind(row["kind"]) if "kind" in row else None
    return _Row(causes[row["what"]], urgent, kind, tuple(row.get("categories", ())), terms)


def _length(parts: dict[str, int]) -> timedelta:
    """``{ days = 1 }``, ``{ hours = 2 }``, ``{ minutes = 30 }``. Days are working days."""
    days = parts.get("days", 0) * WORKING_DAY
    return days + timedelta(hours=parts.get("hours", 0), minutes=parts.get("minutes", 0))


def _load() -> tuple[_Row, ...]:
    text = (importlib.resources.files("schedules") / "deadlines.toml").read_text(encoding="utf-8")
    return tuple(_row(row) for row in tomllib.loads(text)["terms"])


_ROWS = _load()


def terms_of(what: Cause, kind: CaseKind, category: str, *, urgent: bool) -> Terms:
    """The first row of ``deadlines.toml`` that fits. Raises LookupError where none does."""
    for row in _ROWS:
        if row.fits(what, kind, category, urgent=urgent):
            return row.terms
    raise LookupError(f"deadlines.toml has no row for {what} of {kind}")


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that runs for one thing: since which step, in which stretches, and on what terms.

    The last stretch has no end: what would have been counts also of a case that was 办结 in time.
    """

    cause: Cause
    since_id: int
    stretches: tuple[tuple[datetime, datetime | None], ...]
    terms: Terms

    def moment(self, gaps: int = 0) -> datetime:
        """When the limit, and so many gaps more, have run."""
        left = self.terms.limit + gaps * self.terms.gap
        for start, end in self.stretches:
            passed = self.terms.between(start, end) if end is not None else left
            if left <= passed:
                return self.terms.after(start, left)
            left -= passed
        raise ValueError("a clock without an open end")

    def late(self, now: datetime) -> timedelta:
        """How much time has run beyond the limit by now; zero while it is not over."""
        passed = sum((self.terms.between(start, min(end or now, now)) for start, end in self.stretches), timedelta())
        return max(passed - self.terms.limit, timedelta())


class Done(NamedTuple):
    """One step of a case, without its words, which are sealed."""

    id: int
    action: Action
    at: datetime
    until: date | None


class Climbed(NamedTuple):
    """One rung that a case has climbed."""

    since_id: int
    cause: Cause
    rung: Rung


@dataclass(frozen=True, slots=True)
class History:
    """What deadlines are reckoned from: the steps of one case, its corrections and its escalations, the first first."""

    steps: Sequence[Done]
    corrections: Sequence[Correction] = ()
    escalations: Sequence[Climbed] = ()


@dataclass(frozen=True, slots=True)
class Promise:
    """By when a case was to be accepted after 登记, and by when it is to be 办结 since 登记 or the last 重办."""

    accept_by: datetime
    resolve_by: datetime


@dataclass(frozen=True, slots=True)
class Rising:
    """A rung that a case has reached and that has not been done."""

    case: Case
    since_id: int
    cause: Cause
    rung: Rung
    organisation: Organisation
    due_at: datetime
    owed_by: datetime
    """The deadline, from which the rungs count."""


def promised(session: Session, case: Case) -> datetime | None:
    """By when the case is, or was, to be 办结. None: it was declined, merged or withdrawn.

    While it is 挂账, as if it went on on the day of the next look.
    """
    return None if case.state in _ENDED else promises(session, [case])[case.id].resolve_by


def promises(session: Session, cases: Sequence[Case]) -> dict[int, Promise]:
    """By the case's id, by when it is, or was, to be 受理 and 办结; whatever became of it."""
    histories = read_histories(session, cases)
    return {case.id: _promise(case, histories[case.id]) for case in cases}


def rising(session: Session, tree: Tree, until: datetime) -> list[Rising]:
    """The rungs that open cases reach by ``until`` as they stand now and that were not done, the earliest first."""
    query = select(Case).where(Case.state.in_(OPEN_STATES)).options(defer(Case.text), defer(Case.place))
    cases = list(session.scalars(query.order_by(Case.id)))
    histories = read_histories(session, cases)
    found = [each for case in cases for each in _rising(tree, case, histories[case.id], until)]
    return sorted(found, key=lambda each: each.due_at)


def clocks(case: Case, history: History) -> tuple[Clock, ...]:
    """What runs, or stands still, for an open case: 受理 while it is owed, and 办结."""
    causes = (Cause.ACCEPT, Cause.RESOLVE) if _awaits_acceptance(case) else (Cause.RESOLVE,)
    return tuple(_clock(case, history, cause) for cause in causes)


def read_histories(session: Session, cases: Sequence[Case]) -> dict[int, History]:
    """By the case's id. Rows and no records: the schedules read the whole of what is open every half minute."""
    steps: defaultdict[int, list[Done]] = defaultdict(list)
    corrections: defaultdict[int, list[Correction]] = defaultdict(list)
    escalations: defaultdict[int, list[Climbed]] = defaultdict(list)
    for ids in _batches([case.id for case in cases]):
        of_steps = select(CaseStep.case_id, CaseStep.id, CaseStep.action, CaseStep.at, CaseStep.until)
        in_order = of_steps.where(CaseStep.case_id.in_(ids)).order_by(CaseStep.id)
        for case_id, step_id, action, moment, until in session.execute(in_order):
            steps[case_id].append(Done(step_id, action, moment, until))
        of_corrections = select(Correction).where(
            Correction.case_id.in_(ids), Correction.what.in_((Corrected.CATEGORY, Corrected.URGENCY))
        )
        for correction in session.scalars(of_corrections.order_by(Correction.id)):
            corrections[correction.case_id].append(correction)
        of_rungs = select(Escalation.case_id, Escalation.since_id, Escalation.cause, Escalation.rung)
        for case_id, since_id, cause, rung in session.execute(of_rungs.where(Escalation.case_id.in_(ids))):
            escalations[case_id].append(Climbed(since_id, cause, rung))
    return {case.id: History(steps[case.id], corrections[case.id], escalations[case.id]) for case in cases}


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))


def _awaits_acceptance(case: Case) -> bool:
    """Whether nobody has taken it who should: the branch at first, then each unit that it is sent to."""
    if case.unit_id is None:
        return case.state is CaseState.COLLECTED
    return not case.taken


def _promise(case: Case, history: History) -> Promise:
    first = _clock(case, History(history.steps[:1], history.corrections), Cause.ACCEPT)
    return Promise(first.moment(), _clock(case, history, Cause.RESOLVE).moment())


def _clock(case: Case, history: History, cause: Cause) -> Clock:
    terms = _terms(case, cause)
    begun = max(place for place, step in enumerate(history.steps) if step.action in _BEGINS[cause])
    since = history.steps[begun]
    shortened = (each.at for each in history.corrections if _leaves_less(case, cause, each))
    start = max((since.at, *shortened))
    return Clock(cause, since.id, tuple(_stretches(start, since.at, history.steps[begun + 1 :])), terms)


def _terms(case: Case, cause: Cause) -> Terms:
    return terms_of(cause, case.kind, case.category, urgent=case.urgent)


def _leaves_less(case: Case, cause: Cause, correction: Correction) -> bool:
    """Whether the case was put on shorter terms, by which it might be late at once."""
    if correction.what is Corrected.URGENCY:
        return case.urgent and correction.after == URGENT
    before = terms_of(cause, case.kind, correction.before, urgent=case.urgent)
    return before.limit > terms_of(cause, case.kind, correction.after, urgent=case.urgent).limit


def _stretches(start: datetime, since: datetime, steps: Iterable[Done]) -> Iterator[tuple[datetime, datetime | None]]:
    """When the time runs from ``start`` on, of that since ``since``: not while the case is 挂账."""
    running_from = since
    for step in steps:
        if step.action is Action.SUSPEND and step.until is not None:
            if max(running_from, start) < step.at:
                yield max(running_from, start), step.at
            running_from = max(at(step.until, time()), step.at)
        else:
            running_from = min(running_from, step.at)  # whatever else is done to it ends 挂账
    yield max(running_from, start), None


def _rising(tree: Tree, case: Case, history: History, until: datetime) -> Iterator[Rising]:
    level = case.level or case.organisation
    ladders = (_rungs(clock, history.escalations, len(tree.above(level))) for clock in clocks(case, history))
    for due_at, clock, rung in merge(*ladders, key=lambda each: each[0]):
        if due_at > until:
            return
        organisation = case.organisation
        if rung is Rung.URGE and case.unit is not None:
            organisation = case.unit
        if rung is Rung.ESCALATE:
            above = tree.above(level)
            if not above:
                continue
            level = organisation = above[0]
        yield Rising(case, clock.since_id, clock.cause, rung, organisation, due_at, clock.moment())


def _rungs(clock: Clock, escalations: Iterable[Climbed], levels: int) -> Iterator[tuple[datetime, Clock, Rung]]:
    """Those of one clock that are not done. 受理 goes up one organisation at most, 办结 one more with each gap."""
    done = [each.rung for each in escalations if (each.since_id, each.cause) == (clock.since_id, clock.cause)]
    for gaps, rung in enumerate((Rung.URGE, Rung.SUPERVISE)):
        if rung not in done:
            yield clock.moment(gaps), clock, rung
    raised = done.count(Rung.ESCALATE)
    most = min(levels, 1 - raised) if clock.cause is Cause.ACCEPT else levels
    for number in range(raised, raised + most):
        yield clock.moment(2 + number), clock, Rung.ESCALATE
