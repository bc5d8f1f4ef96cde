"""Which rungs each case must have climbed, from what was done to it and nothing of the product.

Time is counted minute by minute on a calendar that was copied by hand.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.month.city import TOP
from tests.month.story import FIRST, Act, Told
from tests.year.days import ZONE, is_working, moment

MINUTE = timedelta(minutes=1)
_DAYS = 80
ACCEPT, RESOLVE = "受理超时", "办结超时"
SIMPLE = ("环境卫生", "违停占道")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a case was registered as."""

    category: str
    urgent: bool


@dataclass(frozen=True, order=True, slots=True)
class Climb:
    """One rung that a case climbed. ``organisation``: by its name."""

    number: int
    due_at: datetime
    cause: str
    rung: str
    organisation: str


def _count_minutes() -> tuple[list[int], list[int]]:
    """How many minutes of work had passed before each minute, and which minute was the n-th of them."""
    before: list[int] = []
    minutes: list[int] = []
    for number in range(_DAYS * 24 * 60):
        before.append(len(minutes))
        here = (FIRST + number * MINUTE).astimezone(ZONE)
        if 8 <= here.hour < 20 and is_working(here.date()):
            minutes.append(number)
    return before, minutes


_BEFORE, _WORKED = _count_minutes()


@dataclass(slots=True)
class _Watch:
    """One deadline: the minutes that count run from ``since`` on, but not in ``holds``."""

    cause: str
    since: int
    limit: int
    gap: int
    always: bool
    holds: list[tuple[int, int]] = field(default_factory=list)
    climbed: int = 0

    def due(self) -> int:
        """The minute by which the next rung is reached."""
        left, now = self.limit + self.climbed * self.gap, self.since
        for start, end in [*self.holds, (1 << 60, 1 << 60)]:
            passed = start - now if self.always else _BEFORE[min(start, len(_BEFORE) - 1)] - _BEFORE[now]
            if left <= passed:
                break
            left, now = left - passed, end
        return now + left if self.always else _WORKED[_BEFORE[now] + left - 1] + 1


class Judge:
    """Goes through one case act by act; between two acts, from one look of the schedules to the next."""

    def __init__(self, told: Told, facts: Facts, looks: Sequence[int], by_day: Sequence[int]) -> None:
        """``looks``: the minutes at which the schedules ran; ``by_day``: those of them outside the night."""
        self._told = told
        self._facts = facts
        self._looks = looks if facts.urgent else by_day
        self._unit = ""
        self._levels = [told.branch.committee, TOP]
        self._accept: _Watch | None = None
        self._resolve: _Watch | None = None
        self._taken = False
        self._hold_until: int | None = None
        self._counts = {"重办": 0, "转办": 0}

    def climbs(self, end: datetime) -> Iterator[Climb]:
        """All that must have happened by then, in order."""
        acts = self._told.acts
        ends = [*(minute_of(act.at) for act in acts[1:]), minute_of(end)]
        for act, until in zip(acts, ends, strict=True):
            yield from self._does(act)
            if self._resolve is not None:
                yield from self._lies(until)

    def _does(self, act: Act) -> Iterator[Climb]:
        now = minute_of(act.at)
        self._end_hold(now)
        if act.action in ("登记", "派单", "转办"):
            self._unit, self._taken = act.unit, False
            self._accept = self._watch(ACCEPT, now)
        if act.action in ("登记", "重办"):
            self._resolve = self._watch(RESOLVE, now)
        if act.action in ("受理", "退单", "复办", "办结") and not self._goes_on_untaken(act):
            self._accept, self._taken = None, bool(self._unit)
        if act.action == "退单":
            self._unit, self._taken = "", False
        if act.action == "办结":
            self._accept = self._resolve = None
        if act.action == "挂账" and act.until is not None:
            self._hold(now, minute_of(moment(act.until, 0)))
        if act.action in self._counts:
            self._counts[act.action] += 1
            if self._counts[act.action] % 3 == 0 and self._levels:
                yield Climb(self._told.number, act.at, f"三次{act.action}", "提级", self._levels.pop(0))

    def _goes_on_untaken(self, act: Act) -> bool:
        """复办 by the secretary of what no unit had taken; of the unit it is as good as 受理."""
        return act.action == "复办" and act.who == self._told.branch.secretary

    def _lies(self, until: int) -> Iterator[Climb]:
        """What is reached before the next act, where the schedules have looked before it."""
        while True:
            running = [watch for watch in (self._accept, self._resolve) if watch is not None and self._has_rung(watch)]
            watch = min(running, key=_Watch.due, default=None)
            if watch is None:
                return
            due = watch.due()
            look = bisect_left(self._looks, due)
            if look == len(self._looks) or self._looks[look] >= until:
                return
            rung = ("催办", "督办", "提级")[min(watch.climbed, 2)]
            branch = self._told.branch.name
            whom = {"催办": self._unit or branch, "督办": branch}.get(rung) or self._levels.pop(0)
            watch.climbed += 1
            yield Climb(self._told.number, FIRST + due * MINUTE, watch.cause, rung, whom)

    def _has_rung(self, watch: _Watch) -> bool:
        if watch.climbed < 2:
            return True
        return bool(self._levels) and (watch.cause == RESOLVE or watch.climbed == 2)

    def _watch(self, cause: str, now: int) -> _Watch:
        urgent = self._facts.urgent
        if cause == ACCEPT:
            return _Watch(cause, now, 30 if urgent else 120, 30 if urgent else 120, urgent)
        if urgent:
            return _Watch(cause, now, 24 * 60, 4 * 60, always=True)
        days = 10 if self._told.appeal else 1 if self._facts.category in SIMPLE else 5
        return _Watch(cause, now, days * 12 * 60, 12 * 60, always=False)

    def _hold(self, now: int, until: int) -> None:
        for watch in (self._accept, self._resolve):
            if watch is not None:
                watch.holds.append((now, max(until, now)))

    def _end_hold(self, now: int) -> None:
        for watch in (self._accept, self._resolve):
            if watch is not None and watch.holds and watch.holds[-1][1] > now:
                watch.holds[-1] = (watch.holds[-1][0], now)


def minute_of(when: datetime) -> int:
    """The number of the minute, counted from the beginning."""
    return (when - FIRST) // MINUTE
