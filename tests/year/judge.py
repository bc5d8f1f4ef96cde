"""What the rules of the field make of the raw record, worked out a second time and as plainly as possible.

Nothing of the product is imported here: where the product and this judge differ, one of them is wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.year.days import (
    DAY,
    HOLIDAYS,
    ZONE,
    Period,
    day_of,
    is_working,
    periods,
    working_day_after,
    working_day_until,
)
from tests.year.record import Meeting, Record, Series
from tests.year.town import COMMITTEE_POSTS, FULL, GROUP, MASSES, PROBATIONARY, Member, Org

# kind: how long it is open, who is expected, from which minute on one is late
KINDS = {
    "党员大会": (60, "party", 15),
    "支委会": (60, "committee", 15),
    "党小组会": (60, "party", 15),
    "党课": (60, "learners", 15),
    "主题党日": (60, "party", 15),
    "组织生活会": (60, "party", 15),
    "民主评议党员": (60, "party", 15),
    "10分钟微课堂": (10, "all", 5),
    "班前一刻钟": (15, "all", 5),
    "红色学堂": (30, "all", 10),
}
# kind: every, times, whom it binds, from which month of the period on it is asked for
DUTIES = {
    "党员大会": ("quarter", 1, "branch", 1),
    "支委会": ("month", 1, "committee", 1),
    "党小组会": ("month", 1, "group", 1),
    "党课": ("quarter", 1, "branch", 1),
    "主题党日": ("month", 1, "branch", 1),
    "组织生活会": ("year", 1, "branch", 10),
    "民主评议党员": ("year", 1, "branch", 10),
}
COMMITTEE_FROM = 7
DONE, PLANNED, DUE, OVERDUE = "已完成", "已安排", "待办", "逾期"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one meeting."""

    expected: int
    present: int
    late: int
    on_leave: int
    made_up: int
    missing: int
    guests: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one duty of an organisation stands in one period."""

    org: Org
    kind: str
    period: Period
    required: int
    held: int
    planned: int
    verdict: str

    @property
    def counts(self) -> bool:
        """Whether the organisation was there on the first day; before that nobody knows what it held."""
        return day_of(self.org.founded_at) <= self.period.first

    @property
    def standing(self) -> tuple[str, str, int, int, int, str]:
        """Kind, period, required, held, planned and the verdict."""
        return self.kind, self.period.name, self.required, self.held, self.planned, self.verdict

    @property
    def label(self) -> str:
        """The kind, with the 党小组 where it is one's."""
        return f"{self.org.name} {self.kind}" if self.org.kind == GROUP else self.kind


ALL_PERIODS = [period for every in ("month", "quarter", "year") for period in periods(every)]
# When posts wait: 外卖, 快递 and cars have their rush hours; the night is everybody's.
RUSH = {
    "外卖": (("10:30", "13:30"), ("16:30", "20:30")),
    "快递": (("06:30", "09:30"), ("17:00", "20:00")),
    "网约车": (("07:00", "09:30"), ("17:00", "19:30")),
}
NIGHT = (("22:00", "24:00"), ("00:00", "07:00"))


def quiet(when: datetime, trade: str) -> datetime:
    """That minute, or the first one after it outside rush hours and night."""
    while any(start <= f"{when.astimezone(ZONE):%H:%M}" < end for start, end in (*RUSH.get(trade, ()), *NIGHT)):
        when += timedelta(minutes=1)
    return when


def reminding_days(period: Period, season: int) -> set[date]:
    """Half-time, a week and a day before the last day, each on a working day; a season is what is halved."""
    first = period.first.replace(month=period.first.month + season - 1)
    days = (period.last - first).days + 1
    named = first + DAY * (days // 2), period.last - DAY * 7, period.last - DAY
    return {working_day_until(day) for day in named}


def session_day(series: Series, day: date) -> date | None:
    """When the session of this day is held: on a public holiday's next working day, unless there is one in any case."""
    if not series.weekdays:
        return day if is_working(day) else None
    if day.weekday() not in series.weekdays:
        return None
    if day not in HOLIDAYS:
        return day
    moved = working_day_after(day)
    earlier = [day - DAY * back for back in range(1, 10)]
    also = any(d in HOLIDAYS and d.weekday() in series.weekdays and working_day_after(d) == moved for d in earlier)
    return None if also or moved.weekday() in series.weekdays else moved


def expected(meeting: Meeting) -> list[Member]:
    """应到: those of its audience who belonged there when it opened."""
    if meeting.opened_at is None:
        return []
    here = [member for member in meeting.org.everyone() if member.belongs(meeting.opened_at)]
    match KINDS[meeting.kind][1]:
        case "party":
            return [member for member in here if member.status in (FULL, PROBATIONARY)]
        case "committee":
            return [member for member in here if member.org is meeting.org and member.post in COMMITTEE_POSTS]
        case "learners":
            return [member for member in here if member.status != MASSES]
    return here


def late_from(meeting: Meeting) -> datetime:
    """From when on one is late: so long after its time, or after its opening if that was later."""
    assert meeting.opened_at is not None
    begins = max(meeting.opened_at, meeting.planned_at or meeting.opened_at)
    return begins + timedelta(minutes=KINDS[meeting.kind][2])


def closes_at(meeting: Meeting) -> datetime:
    """When it closes by itself."""
    assert meeting.opened_at is not None
    return max(meeting.opened_at, meeting.planned_at or meeting.opened_at) + timedelta(minutes=meeting.minutes)


def closed_at(meeting: Meeting) -> datetime:
    """When it was closed, by somebody or by itself."""
    return meeting.closed_at or closes_at(meeting)


def is_over(meeting: Meeting, now: datetime) -> bool:
    """Whether it has been closed, by somebody or by itself."""
    return meeting.opened_at is not None and closed_at(meeting) <= now


def marks(meeting: Meeting, now: datetime) -> dict[Member, str]:
    """The one mark of everybody who was expected, and of the guests, by what is known now."""
    came = {member: arrival for member, arrival in meeting.came.items() if arrival.known_at <= now}
    found = {}
    for member in expected(meeting):
        if member in came:
            late = not meeting.sites and came[member].at >= late_from(meeting)
            found[member] = "迟到" if late else "签到"
        elif member in meeting.made_up and meeting.made_up[member] <= now:
            found[member] = "补课"
        elif _is_on_leave(meeting, member, now):
            found[member] = "请假"
        else:
            found[member] = "缺席" if is_over(meeting, now) else "未签到"
    return found | {member: "列席" for member in came if member not in found}


def _is_on_leave(meeting: Meeting, member: Member, now: datetime) -> bool:
    leave = meeting.leaves.get(member)
    return leave is not None and leave.granted and leave.decided_at is not None and leave.decided_at <= now


def figures(by_member: dict[Member, str]) -> Figures:
    """The figures that these marks make."""
    count = Counter(by_member.values())
    return Figures(
        expected=len(by_member) - count["列席"],
        present=count["签到"] + count["迟到"],
        late=count["迟到"],
        on_leave=count["请假"],
        made_up=count["补课"],
        missing=count["缺席"] + count["未签到"],
        guests=count["列席"],
    )


class Judge:
    """Judges duties by a record, as of one moment."""

    def __init__(self, record: Record, now: datetime) -> None:
        self._record = record
        self._now = now
        self._meetings: defaultdict[Org, list[Meeting]] = defaultdict(list)
        for meeting in record.meetings:
            for branch in {_branch_of(org) for org in (meeting.org, *(member.org for member in meeting.came))}:
                self._meetings[branch].append(meeting)

    def verdicts(self, branch: Org) -> list[Verdict]:
        """Every duty of the branch and of its 党小组, in every period of the year that has begun."""
        return list(self._verdicts(branch, [period for period in ALL_PERIODS if period.start <= self._now]))

    def present(self, branch: Org) -> list[Verdict]:
        """The same in the present month, quarter and year."""
        return list(self._verdicts(branch, [period for period in ALL_PERIODS if self._now in period]))

    def _verdicts(self, branch: Org, of: list[Period]) -> Iterator[Verdict]:
        for kind, (_, _, binds, _) in DUTIES.items():
            for org in branch.groups if binds == "group" else [branch]:
                for period in of:
                    every, times, _ = self._asked(org, kind, period)
                    if every == period.every and times and self._is_bound(org, kind, period):
                        yield self._verdict(org, kind, period, times)

    def _asked(self, org: Org | None, kind: str, period: Period) -> tuple[str, int, int]:
        """How often, and from which month on, by what the nearest organisation has asked for before the period's end.

        A duty with a period of its own has no season.
        """
        every, times, _, season = DUTIES[kind]
        while org is not None:
            said = [rule for rule in self._record.rules if rule.org is org and rule.kind == kind]
            said = [rule for rule in said if rule.at <= self._now and rule.at < period.end]
            if said:
                return said[-1].every, said[-1].times, season if said[-1].every == every else 1
            org = org.parent
        return every, times, season

    def reminded_of(self, branch: Org, day: date) -> set[tuple[str, str]]:
        """What the branch is reminded of on that day: present duties that are due, each with ``month``, ``year`` …"""
        return {
            (verdict.period.every, verdict.label)
            for verdict in self.present(branch)
            if verdict.verdict == DUE
            and day in reminding_days(verdict.period, self._asked(verdict.org, verdict.kind, verdict.period)[2])
        }

    def _is_bound(self, org: Org, kind: str, period: Period) -> bool:
        if DUTIES[kind][2] != "committee":
            return True
        # Who belonged to it in the period's last moment; for the present one, now.
        when = min(self._now, period.end - timedelta(seconds=1))
        return sum(member.status == FULL and member.belongs(when) for member in org.everyone()) >= COMMITTEE_FROM

    def _verdict(self, org: Org, kind: str, period: Period, times: int) -> Verdict:
        meetings = [m for m in self._meetings[_branch_of(org)] if (m.counts_as or m.kind) == kind]
        held = sum(self._was_opened(meeting, period) and self._counts(meeting, org, kind) for meeting in meetings)
        over = period.end <= self._now
        planned = 0 if over else sum(self._is_to_come(meeting, org, period) for meeting in meetings)
        if held >= times:
            verdict = DONE
        elif over:
            verdict = OVERDUE
        else:
            verdict = PLANNED if held + planned >= times else DUE
        return Verdict(org, kind, period, times, held, planned, verdict)

    def _was_opened(self, meeting: Meeting, period: Period) -> bool:
        return meeting.opened_at is not None and meeting.opened_at <= self._now and meeting.opened_at in period

    def _counts(self, meeting: Meeting, org: Org, kind: str) -> bool:
        """A 党小组会 is each 党小组's of which somebody came; all else is held by whose it is, if anybody came."""
        came = [member for member, arrival in meeting.came.items() if arrival.known_at <= self._now]
        if DUTIES[kind][2] == "group":
            return any(member.org is org for member in came)
        return meeting.org is org and bool(came)

    def _is_to_come(self, meeting: Meeting, org: Org, period: Period) -> bool:
        """Planned for a moment that is still to come, or open without anybody there yet."""
        if meeting.org not in (org, _branch_of(org)):
            return False
        if meeting.opened_at is not None:
            return meeting.opened_at in period and not meeting.came and not is_over(meeting, self._now)
        if meeting.cancelled_at is not None or meeting.planned_at is None or meeting.announced_at is None:
            return False
        return meeting.planned_at in period and meeting.planned_at >= self._now and meeting.announced_at <= self._now


def _branch_of(org: Org) -> Org:
    return org.parent if org.kind == GROUP and org.parent else org
