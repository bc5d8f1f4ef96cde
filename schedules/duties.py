"""What a branch has to hold (三会一课 and what goes with it), and how it stands in each period.

The duties are the rows of ``duties.toml``, each with its article; an organisation may ask for another number of times
(``models.duty_rules``), which holds for all below it. A lesson counts for the kind that it is marked to count as, else
for its own, in the period in which it was opened, once somebody has checked in.
"""

import importlib.resources
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from bot.clock import at, local
from bot.reports.duties import DutyLine, Verdict
from models.duty_rules import DutyRule
from models.organisations import Organisation, OrganisationKind, Tree
from schedules.calendar import Span, month_of, quarter_of, year_of
from schedules.duty_records import Records, Rules

COMMITTEE_FROM = 7
"""正式党员 from which a branch has a 支部委员会."""

Every = Literal["month", "quarter", "year"]
Binds = Literal["branch", "committee", "group"]

SPANS: Mapping[Every, Callable[[date], Span]] = {"month": month_of, "quarter": quarter_of, "year": year_of}
A_YEAR: Mapping[Every, int] = {"month": 12, "quarter": 4, "year": 1}
"""Periods of a year."""
_NOW: Mapping[Every, str] = {"month": "本月", "quarter": "本季度", "year": "今年"}
_QUARTERS = "一二三四"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """A kind of lesson that must (``hard``, 必须) or should (一般) be held ``times`` in each period; 0: need not."""

    kind: str
    title: str
    every: Every
    times: int
    hard: bool
    binds: Binds
    """``branch``: each 党支部; ``committee``: those with a 支委会; ``group``: each 党小组."""
    season: int
    """The month of the period, counted from 1, from which one is reminded of it."""
    article: str

    @property
    def a_year(self) -> int:
        """How many are asked for in a year."""
        return self.times * A_YEAR[self.every]

    def by(self, rule: DutyRule | None) -> "Duty":
        """The duty as the rule asks for it. A duty with another period has no season."""
        if rule is None:
            return self
        every: Every = next(each for each in SPANS if each == rule.every)
        return replace(self, every=every, times=rule.times, season=self.season if every == self.every else 1)


@dataclass(frozen=True, slots=True)
class DutyState:
    """How one duty of an organisation stands, or stood, in one period."""

    duty: Duty
    """As it is asked for there and then."""
    organisation: Organisation
    span: Span
    as_of: datetime
    held: int
    planned: int
    """Still to come, or open with nobody there yet."""

    @property
    def over(self) -> bool:
        """Whether the period has ended."""
        return self.as_of >= self.span.end

    @property
    def judged(self) -> bool:
        """Whether the organisation was there by the end of the first day: else nobody knows what it had held before."""
        return self.organisation.created_at < at(local(self.span.start).date() + _DAY, time())

    @property
    def verdict(self) -> Verdict:
        """What is to be said of it."""
        if self.held >= self.duty.times:
            return Verdict.DONE
        if self.over:
            return Verdict.OVERDUE
        return Verdict.PLANNED if self.held + self.planned >= self.duty.times else Verdict.DUE

    @property
    def season(self) -> Span:
        """The part of the period in which one is reminded of it."""
        return season_of(self.span, self.duty.season)

    @property
    def in_season(self) -> bool:
        """Whether it is time to speak of it unasked."""
        return self.as_of >= self.season.start

    def line(self) -> DutyLine:
        """The same in the words of reports."""
        return DutyLine(
            kind=self.duty.kind,
            group=self.organisation.name if self.duty.binds == "group" else "",
            every=self.duty.every,
            within=self._called() if self.over else _NOW[self.duty.every],
            hard=self.duty.hard,
            times=self.duty.times,
            held=self.held,
            planned=self.planned,
            verdict=self.verdict,
            article=self.duty.article,
        )

    def _called(self) -> str:
        """The name of a period that is over: 10月, 第三季度, 2025年, 2025年12月."""
        first, year = local(self.span.start).date(), local(self.as_of).year
        if self.duty.every == "year":
            return f"{first.year}年"
        month = self.duty.every == "month"
        name = f"{first.month}月" if month else f"第{_QUARTERS[(first.month - 1) // 3]}季度"
        return name if first.year == year else f"{first.year}年{name}"


def season_of(span: Span, month: int) -> Span:
    """A period from its ``month`` on, counted from 1."""
    first = local(span.start).date()
    return replace(span, start=at(first.replace(month=first.month + month - 1), time()))


def load_duties() -> tuple[Duty, ...]:
    """The rows of ``duties.toml``."""
    text = (importlib.resources.files("schedules") / "duties.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["duty"]
    return tuple(Duty(**row) for row in rows)


DUTIES = load_duties()


def duty_states(
    session: Session, tree: Tree, branches: Iterable[Organisation], now: datetime
) -> dict[int, list[DutyState]]:
    """By the branch's id, how its duties and those of its 党小组 stand in their present periods.

    Only 党支部 and 党小组 have any. What need not be held is left out.
    """
    today = local(now).date()
    return _states(session, tree, branches, now, {every: [span_of(today)] for every, span_of in SPANS.items()})


def past_states(
    session: Session, tree: Tree, branches: Iterable[Organisation], now: datetime, since: datetime
) -> dict[int, list[DutyState]]:
    """The same of the periods that are over: those that began at ``since`` or later, and the last of each length.

    Periods that had begun before the organisation was there are not judged, and left out.
    """
    spans = {every: _past(every, local(now).date(), since) for every in SPANS}
    states = _states(session, tree, branches, now, spans)
    return {branch_id: [state for state in found if state.judged] for branch_id, found in states.items()}


def overdue(
    session: Session, tree: Tree, branches: Iterable[Organisation], now: datetime, since: datetime
) -> dict[int, list[DutyState]]:
    """Of ``past_states``, those in which too few were held."""
    states = past_states(session, tree, branches, now, since)
    return {
        branch_id: [state for state in found if state.verdict is Verdict.OVERDUE] for branch_id, found in states.items()
    }


def _past(every: Every, today: date, since: datetime) -> Sequence[Span]:
    spans = [_before(every, SPANS[every](today))]
    while (earlier := _before(every, spans[-1])).start >= since:
        spans.append(earlier)
    return spans[::-1]


def _before(every: Every, span: Span) -> Span:
    return SPANS[every](local(span.start).date() - _DAY)


def _states(
    session: Session,
    tree: Tree,
    branches: Iterable[Organisation],
    now: datetime,
    spans: Mapping[Every, Sequence[Span]],
) -> dict[int, list[DutyState]]:
    families = {branch.id: _family(tree, branch) for branch in branches if branch.kind is OrganisationKind.BRANCH}
    if not families:
        return {}
    judge = _Judge(session, tree, families.values(), now, spans)
    return {branch_id: list(judge.states(family)) for branch_id, family in families.items()}


def _family(tree: Tree, branch: Organisation) -> list[Organisation]:
    """The branch and its 党小组: those below it without being another branch's."""
    below = [org for org in tree.below(branch) if org is not branch]
    inner = [org for org in below if org.kind is OrganisationKind.BRANCH]
    groups = [org for org in below if org.kind is OrganisationKind.GROUP]
    return [branch, *(group for group in groups if not any(other.covers(group) for other in inner))]


class _Judge:
    """Says how the duties of branches stand in each of some periods."""

    def __init__(
        self,
        session: Session,
        tree: Tree,
        families: Iterable[list[Organisation]],
        now: datetime,
        spans: Mapping[Every, Sequence[Span]],
    ) -> None:
        self._now = now
        self._spans = spans
        self._rules = Rules(session, tree)
        organisations = [org for family in families for org in family]
        groups = [org.id for org in organisations if org.kind is OrganisationKind.GROUP]
        self._records = Records(session, [org.id for org in organisations], groups, [duty.kind for duty in DUTIES])
        every_span = [span for some in spans.values() for span in some]
        self._records.read(min(span.start for span in every_span), max(span.end for span in every_span), now)

    def states(self, family: list[Organisation]) -> Iterator[DutyState]:
        """Of one branch and its 党小组, in the order of ``duties.toml``."""
        for row in DUTIES:
            for organisation in family[1:] if row.binds == "group" else family[:1]:
                for every, spans in self._spans.items():
                    for span in spans:
                        duty = row.by(self._rules.nearest(row.kind, organisation, span.end))
                        if duty.every == every and duty.times and self._binds(duty, family, span):
                            yield self._state(duty, organisation, family[0], span)

    def _binds(self, duty: Duty, family: list[Organisation], span: Span) -> bool:
        """A 支委会 is there by who belongs to the branch at the end of the period, or now."""
        if duty.binds != "committee":
            return True
        after = min(local(span.end).date(), local(self._now).date() + _DAY)
        return self._records.full_members([org.id for org in family], after) >= COMMITTEE_FROM

    def _state(self, duty: Duty, organisation: Organisation, branch: Organisation, span: Span) -> DutyState:
        """A 党小组会 counts for each 党小组 of which somebody checked in; what the branch plans is planned for each."""
        count_held = self._records.attended if duty.binds == "group" else self._records.held
        held = count_held(organisation.id, duty.kind, span)
        planned = sum(self._records.planned(planner, duty.kind, span) for planner in {organisation.id, branch.id})
        return DutyState(duty, organisation, span, self._now, held, planned)
