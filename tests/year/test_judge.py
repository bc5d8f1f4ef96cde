"""The judge on cases that were worked out by hand, and its calendar beside the product's."""

from datetime import date, datetime, time, timedelta

import pytest

from schedules.calendar import is_public_holiday, is_working_day
from schedules.series import session_days
from tests.year import judge
from tests.year.days import DAY, HOLIDAYS, YEAR, every_day, is_working, moment, periods
from tests.year.record import Arrival, Leave, Meeting, Record, Series
from tests.year.town import BRANCH, COMMITTEE, FOUNDED, FULL, MASSES, Member, Org

NEW_YEAR, SILVESTER = date(YEAR, 1, 1), date(YEAR, 12, 31)
THREE = moment(date(YEAR, 3, 5), 15)


def branch(*statuses: str, founded_at: datetime = FOUNDED) -> Org:
    above = Org("党委", COMMITTEE, None, "其他", FOUNDED, "")
    made = Org("支部", BRANCH, above, "外卖", founded_at, "oc_1")
    above.below.append(made)
    for number, status in enumerate(statuses):
        made.members.append(Member(number, f"骑手{number}", made, status, "", 1.0, founded_at))
    return made


def held(org: Org, kind: str, at: datetime, came: int = 1) -> Meeting:
    meeting = Meeting(org, org.chat, kind, opened_at=at)
    meeting.came = {member: Arrival(at, "word", at) for member in org.members[:came]}
    return meeting


def verdict(org: Org, kind: str, period: str, *meetings: Meeting, now: datetime) -> str:
    judging = judge.Judge(Record(meetings=list(meetings)), now)
    found = [one.verdict for one in judging.verdicts(org) if (one.kind, one.period.name) == (kind, period)]
    return found[0] if found else ""


def test_both_calendars_are_the_state_councils() -> None:
    days = list(every_day(NEW_YEAR, SILVESTER))
    assert [day for day in days if is_working(day) != is_working_day(day)] == []
    assert [day for day in days if (day in HOLIDAYS) != is_public_holiday(day)] == []


@pytest.mark.parametrize("weekdays", [{2}, {0, 2, 4}, {5}, {6}, set(range(7)), set()])
def test_series_skip_the_same_days(weekdays: set[int]) -> None:
    series = Series(branch(), "", "10分钟微课堂", frozenset(weekdays), time(15), FOUNDED)
    ours = {day: on for day in every_day(NEW_YEAR, SILVESTER) if (on := judge.session_day(series, day))}
    theirs = session_days(weekdays, NEW_YEAR, SILVESTER + 14 * DAY)
    assert ours == {day: on for day, on in theirs.items() if NEW_YEAR <= day <= SILVESTER}


def test_a_session_of_the_spring_festival_is_held_after_it() -> None:
    wednesdays = Series(branch(), "", "10分钟微课堂", frozenset({2}), time(15), FOUNDED)
    assert judge.session_day(wednesdays, date(YEAR, 2, 18)) == date(YEAR, 2, 24)
    tuesdays = Series(branch(), "", "10分钟微课堂", frozenset({1}), time(15), FOUNDED)
    assert judge.session_day(tuesdays, date(YEAR, 2, 17)) is None  # the 24th has one in any case


@pytest.mark.parametrize(
    ("every", "name", "season", "days"),
    [
        ("month", "2026-02", 1, {(2, 14), (2, 27)}),  # the 15th and the 21st are holidays, on the 14th people work
        ("month", "2026-03", 1, {(3, 16), (3, 24), (3, 30)}),
        ("quarter", "2026-Q4", 1, {(11, 16), (12, 24), (12, 30)}),
        ("year", "2026", 10, {(11, 16), (12, 24), (12, 30)}),
    ],
)
def test_days_of_reminding(every: str, name: str, season: int, days: set[tuple[int, int]]) -> None:
    (period,) = [period for period in periods(every) if period.name == name]
    assert judge.reminding_days(period, season) == {date(YEAR, month, day) for month, day in days}


def test_one_is_late_from_the_minute_on() -> None:
    org = branch(FULL, FULL, FULL, MASSES)
    meeting = Meeting(org, "oc_1", "主题党日", opened_at=THREE)
    first, second, third, guest = org.members
    late = THREE + timedelta(minutes=15)
    meeting.came = {
        first: Arrival(late - timedelta(seconds=1), "word", late),
        second: Arrival(late, "word", late),
        guest: Arrival(THREE, "word", THREE),
    }
    meeting.leaves = {third: Leave(THREE, granted=True, decided_at=late)}
    assert judge.marks(meeting, late) == {first: "签到", second: "迟到", third: "请假", guest: "列席"}
    assert judge.marks(meeting, THREE) == {first: "未签到", second: "未签到", third: "未签到", guest: "列席"}


def test_one_has_one_mark() -> None:
    org = branch(FULL, FULL, FULL)
    meeting = Meeting(org, "oc_1", "主题党日", opened_at=THREE)
    came, made_up, absent = org.members
    meeting.came = {came: Arrival(THREE, "word", THREE)}
    meeting.leaves = {member: Leave(THREE, granted=True, decided_at=THREE) for member in (came, made_up)}
    meeting.made_up = {came: THREE + DAY, made_up: THREE + DAY}
    assert judge.marks(meeting, THREE + 2 * DAY) == {came: "签到", made_up: "补课", absent: "缺席"}
    assert judge.figures(judge.marks(meeting, THREE + 2 * DAY)) == judge.Figures(3, 1, 0, 0, 1, 1, 0)


@pytest.mark.parametrize(
    ("at", "said"), [(moment(date(YEAR, 3, 31), 23, 59), "已完成"), (moment(date(YEAR, 4, 1), 0), "逾期")]
)
def test_the_quarter_ends_at_midnight(at: datetime, said: str) -> None:
    org = branch(FULL)
    assert verdict(org, "党课", "2026-Q1", held(org, "党课", at), now=moment(date(YEAR, 4, 2), 9)) == said


def test_where_nobody_came_nothing_was_held() -> None:
    org = branch(FULL)
    assert verdict(org, "党课", "2026-Q1", held(org, "党课", THREE, came=0), now=THREE + 60 * DAY) == "逾期"


def test_a_lesson_counts_as_what_it_is_marked_to() -> None:
    org = branch(FULL)
    lesson = held(org, "红色学堂", THREE)
    lesson.counts_as = "党课"
    assert verdict(org, "党课", "2026-Q1", lesson, now=THREE + DAY) == "已完成"


def test_what_is_planned_is_neither_due_nor_done() -> None:
    org = branch(FULL)
    plan = Meeting(org, "oc_1", "党课", planned_at=THREE, announced_at=THREE - 5 * DAY)
    assert verdict(org, "党课", "2026-Q1", plan, now=THREE - 6 * DAY) == "待办"
    assert verdict(org, "党课", "2026-Q1", plan, now=THREE - DAY) == "已安排"
    assert verdict(org, "党课", "2026-Q1", plan, now=THREE + DAY) == "待办"  # and then it was not held
    plan.cancelled_at = THREE - 2 * DAY
    assert verdict(org, "党课", "2026-Q1", plan, now=THREE - DAY) == "待办"


@pytest.mark.parametrize(("full", "bound"), [(6, False), (7, True)])
def test_seven_have_a_committee(full: int, bound: bool) -> None:
    assert bool(verdict(branch(*[FULL] * full, MASSES), "支委会", "2026-03", now=THREE)) is bound


def test_one_who_leaves_on_the_first_was_there_in_the_month_before() -> None:
    org = branch(*[FULL] * 7)
    org.members[0].left_on = date(YEAR, 4, 1)
    later = moment(date(YEAR, 5, 2), 9)
    assert verdict(org, "支委会", "2026-03", now=later) == "逾期"
    assert verdict(org, "支委会", "2026-04", now=later) == ""


def test_a_branch_counts_from_the_day_on_which_it_is_founded() -> None:
    org = branch(FULL, founded_at=moment(date(YEAR, 3, 1), 22))
    judging = judge.Judge(Record(), THREE)
    counts = {one.period.name for one in judging.verdicts(org) if one.counts}
    assert counts == {"2026-03"}
