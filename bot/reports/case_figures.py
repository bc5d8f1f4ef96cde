"""The figures of cases that people know from 12345. Digests, 统计, pages and ledgers all take them from here.

A case is judged by its history up to a moment (``case_standings``), so that the figures of a week stay what they were
at its end. What one case adds to the figures of a time is its ``Tally``; tallies add up, and a ``Share`` names its part
and its whole.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.reports.case_standings import Standing, standings
from bot.reports.layout import share
from models.cases import Case, CaseKind, CaseState
from models.organisations import Organisation, belongs_to

TOP = 3
"""How many categories, units or places a report names."""
FEW = 5
"""The appeals of fewer people than this are counted and never broken down: a category could point to a person."""
ENOUGH_CASES = 5
"""A share of fewer cases says nothing about a unit."""
GOOD = 85
"""Per cent of 办结率 and 满意率 below which a unit is named."""
OFTEN = 3
"""三次及以上: a place that was reported so often is named."""
WEEK = timedelta(days=7)
FOUR_WEEKS = 4 * WEEK
"""The time for which units and places are judged: one week is too short for five working days to be over."""
_PUT_ASIDE = (CaseState.MERGED, CaseState.WITHDRAWN)
"""Nobody has to answer for these: they are counted elsewhere, or were taken back."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole; there may be no whole."""

    part: int = 0
    whole: int = 0

    def __bool__(self) -> bool:
        return self.whole > 0

    @property
    def percent(self) -> int | None:
        """In whole per cent, rounded; None of nothing."""
        return share(self.part, self.whole) if self.whole else None

    def __str__(self) -> str:
        """``83%（30/36）``; ``–`` of nothing."""
        return f"{self.percent}%（{self.part}/{self.whole}）" if self.whole else "–"

    def below(self, percent: int) -> bool:
        """Whether it is less than so many per cent, unrounded; nothing is not."""
        return 100 * self.part < percent * self.whole


@dataclass(frozen=True, slots=True)
class Tally:
    """What cases add to the figures of a time, from its start to its end. ``LABELS`` says what each is called.

    Of the cases that were collected in the time, as they stand at its end:

    * 受理率 is ``accepted`` of ``acceptable`` (not 已并案, 已撤回): taken up by a 受理, 派单 or 办结; 不予受理 is not;
    * 按时受理率 is ``prompt`` of ``answered``: those with a 受理 or 不予受理, or without one though the time is over;
    * 办结率 is ``closed`` of ``closable`` (not 已并案, 已撤回, 不予受理).

    Of what happened in the time, whenever the case was collected:

    * 按时办结率 is ``timely`` of ``due``: those whose last 办结 lies in it, and those still open whose time is over;
    * 满意率 is ``satisfied`` (满意, 基本满意) of ``rated``: the last word of each reporter who said one;
    * 重办率 is ``redone`` of ``done``: those with a 办结 in it that were opened again by its end;
    * the average is that of ``ended``: those whose last 办结 lies in it, from 登记 on; nights and 挂账 count.
    """

    collected: int = 0
    acceptable: int = 0
    accepted: int = 0
    answered: int = 0
    prompt: int = 0
    closable: int = 0
    closed: int = 0
    due: int = 0
    timely: int = 0
    rated: int = 0
    satisfied: int = 0
    done: int = 0
    redone: int = 0
    ended: int = 0
    seconds: int = 0

    @classmethod
    def of(cls, case: Standing, start: datetime, end: datetime) -> "Tally":
        """Of one case, which stands as it does at ``end``."""
        new = start <= case.created_at < end
        acceptable = new and case.state not in _PUT_ASIDE
        declined = case.state is CaseState.DECLINED
        waiting = case.state is CaseState.COLLECTED
        answered = acceptable and (not waiting or case.answered_late)
        closable = acceptable and not declined
        done = [moment for moment in case.resolved if start <= moment < end]
        ended = case.finished and start <= case.resolved[-1] < end
        due = ended or (case.open and case.late and case.state is not CaseState.SUSPENDED)
        words = [good for moment, good in case.rated if start <= moment < end]
        return cls(
            collected=int(new),
            acceptable=int(acceptable),
            accepted=int(acceptable and not waiting and not declined),
            answered=int(answered),
            prompt=int(answered and not case.answered_late),
            closable=int(closable),
            closed=int(closable and case.finished),
            due=int(due),
            timely=int(ended and not case.late),
            rated=int(bool(words)),
            satisfied=int(bool(words) and words[-1]),
            done=int(bool(done)),
            redone=int(bool(done) and any(moment >= done[0] for moment in case.reopened)),
            ended=int(ended),
            seconds=int((case.resolved[-1] - case.created_at).total_seconds()) if ended else 0,
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(mine + theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    @property
    def values(self) -> tuple[int, ...]:
        """In the order of ``LABELS``."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def share(self, rate: str) -> Share:
        """One of ``RATES``."""
        part, whole = RATES[rate]
        return Share(getattr(self, part), getattr(self, whole))

    @property
    def hours(self) -> float | None:
        """The average from 登记 to 办结, in hours of the clock on the wall; None where nothing was finished."""
        return self.seconds / self.ended / 3600 if self.ended else None


LABELS: Mapping[str, str] = {
    "collected": "新收",
    "acceptable": "应受理",
    "accepted": "受理",
    "answered": "应答复",
    "prompt": "按时答复",
    "closable": "应办",
    "closed": "已办",
    "due": "到期",
    "timely": "按时办结",
    "rated": "评价",
    "satisfied": "满意",
    "done": "办结过",
    "redone": "重办",
    "ended": "办结",
    "seconds": "用时（秒）",
}
"""What the values of a ``Tally`` are called, in their order."""
RATES: Mapping[str, tuple[str, str]] = {
    "受理率": ("accepted", "acceptable"),
    "按时受理率": ("prompt", "answered"),
    "办结率": ("closed", "closable"),
    "按时办结率": ("timely", "due"),
    "满意率": ("satisfied", "rated"),
    "重办率": ("redone", "done"),
}
"""The part and the whole of each."""


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """``collected`` and ``resolved`` within the time; ``open`` at its end; ``categories`` of those collected, most
    first."""

    collected: int = 0
    resolved: int = 0
    open: int = 0
    categories: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.collected or self.resolved or self.open)


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """The open cases that a unit has; ``name`` is empty for those that no unit has yet."""

    name: str
    open: int
    overdue: int
    oldest: datetime


def may_be_named(cases: Iterable[Standing]) -> list[Standing]:
    """Those of one part (a category, a unit, a branch) that may be told of it: its appeals from five people on."""
    told = list(cases)
    appeals = {case.reporter for case in told if case.kind is CaseKind.APPEAL}
    return [case for case in told if case.kind is CaseKind.HAZARD or len(appeals) >= FEW]


def tally(cases: Iterable[Standing], start: datetime, end: datetime) -> Tally:
    """All of them together. What the reporters of appeals said is left out while fewer than five have said it."""
    told = list(cases)
    spoken = [case for case in told if any(start <= moment < end for moment, _ in case.rated)]
    unnamed = {case.id for case in spoken} - {case.id for case in may_be_named(spoken)}
    whole = Tally()
    for case in told:
        own = Tally.of(case, start, end)
        whole += replace(own, rated=0, satisfied=0, done=0, redone=0) if case.id in unnamed else own
    return whole


def broken_down(
    cases: Iterable[Standing], part: Callable[[Standing], str], start: datetime, end: datetime
) -> list[tuple[str, Tally]]:
    """The figures of each part that has any, the most collected first; the appeals of few people stay out."""
    parts: dict[str, list[Standing]] = {}
    for case in cases:
        parts.setdefault(part(case), []).append(case)
    told = ((name, tally(may_be_named(some), start, end)) for name, some in parts.items())
    return sorted(((name, own) for name, own in told if any(own.values)), key=lambda one: (-one[1].collected, one[0]))


def by_week(
    session: Session, organisation: Organisation, start: datetime, end: datetime
) -> Iterator[tuple[datetime, list[Standing], Tally]]:
    """The cases and figures week by week, each with its beginning and as of its own end; the last may be shorter."""
    while start < end:
        until = min(start + WEEK, end)
        cases = standings(session, organisation, start, until)
        yield start, cases, tally(cases, start, until)
        start = until


def case_figures(cases: Iterable[Standing], start: datetime, end: datetime) -> dict[CaseKind, CaseFigures]:
    """The cases of each kind. A category of appeals is named only where five people told of it."""
    told = list(cases)
    return {kind: _case_figures([case for case in told if case.kind is kind], start, end) for kind in CaseKind}


def _case_figures(cases: Sequence[Standing], start: datetime, end: datetime) -> CaseFigures:
    new = [case for case in cases if start <= case.created_at < end]
    whole = tally(cases, start, end)
    parts = broken_down(new, lambda case: case.category, start, end)
    return CaseFigures(
        collected=whole.collected,
        resolved=whole.ended,
        open=sum(case.open for case in cases),
        categories=tuple((category, own.collected) for category, own in parts[:TOP]),
    )


def open_by_unit(session: Session, cases: Iterable[Standing]) -> list[UnitFigures]:
    """The units with most open cases. The appeals of fewer than five people stay out of a unit's."""
    units: dict[int, list[Standing]] = {}
    for case in cases:
        if case.open:
            units.setdefault(case.unit_id or 0, []).append(case)
    names = unit_names(session, units)
    told = ((unit_id, may_be_named(some)) for unit_id, some in units.items())
    found = [
        UnitFigures(
            names.get(unit_id, ""),
            len(some),
            sum(case.overdue for case in some),
            min(case.created_at for case in some),
        )
        for unit_id, some in told
        if some
    ]
    return sorted(found, key=lambda unit: (-unit.overdue, -unit.open, unit.oldest))[:TOP]


def unit_names(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of organisations; two of one name go by their paths."""
    wanted = {org_id for org_id in ids if org_id}
    rows = session.execute(select(Organisation.id, Organisation.name, Organisation.path)).all() if wanted else []
    often = Counter(name for org_id, name, _ in rows if org_id in wanted)
    return {org_id: path if often[name] > 1 else name for org_id, name, path in rows if org_id in wanted}


def units_below(session: Session, cases: Iterable[Standing], start: datetime, end: datetime) -> list[tuple[str, str]]:
    """The units of whose cases fewer than 85 % are 办结 or 满意, the least first: ``("物业", "办结 60%（3/5）")``.

    What a unit has still time for is not asked of it. Fewer than five cases say nothing.
    """
    units: dict[int, list[Standing]] = {}
    for case in cases:
        if case.unit_id is not None:
            units.setdefault(case.unit_id, []).append(case)
    names = unit_names(session, units)
    found = [
        (worst.part / worst.whole, names[unit_id], f"{word} {worst}")
        for unit_id, some in units.items()
        for word, worst in _below_good(may_be_named(some), start, end)
    ]
    return [(name, said) for _, name, said in sorted(found)[:TOP]]


def _below_good(cases: Sequence[Standing], start: datetime, end: datetime) -> Iterator[tuple[str, Share]]:
    """The worse of the two shares, where it is below what is good."""
    own = tally(cases, start, end)
    shares = (("办结", Share(own.ended, own.due)), ("满意", own.share("满意率")))
    bad = [(word, one) for word, one in shares if one.whole >= ENOUGH_CASES and one.below(GOOD)]
    if bad:
        yield min(bad, key=lambda pair: pair[1].part / pair[1].whole)


def repeated_places(
    session: Session, organisation: Organisation, start: datetime, end: datetime
) -> list[tuple[str, int]]:
    """三次及以上: the places named by three hazards of the time or more (并案, 撤回, 不予受理 aside), most first."""
    query = (
        select(Case.place)
        .where(
            belongs_to(Case.organisation_id, organisation),
            Case.kind == CaseKind.HAZARD,
            Case.state.not_in((*_PUT_ASIDE, CaseState.DECLINED)),
            Case.created_at >= start,
            Case.created_at < end,
        )
        .order_by(Case.id)
    )
    counts = Counter(filter(None, map(_place, session.scalars(query))))
    return [(place, count) for place, count in counts.most_common() if count >= OFTEN][:TOP]


def _place(told: str) -> str:
    """A place as it is compared: wide and narrow letters and spaces make no difference."""
    return "".join(unicodedata.normalize("NFKC", told).split())
