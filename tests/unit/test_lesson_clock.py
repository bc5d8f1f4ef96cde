"""Lessons at awkward moments: over midnight, on 29 February, on a 调休 Saturday, in the first minute of a quarter."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from models.attendance import attendance, head_count
from models.codes import code_at, new_secret
from models.database import Database
from models.lessons import CheckIn, Lesson, LessonState
from models.points import PointEntry
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, posts, shanghai
from tests.unit.test_checkin import Branch

MINUTE = timedelta(minutes=1)
MOMENTS = {
    "over midnight": shanghai(11, 23, 23, 50),
    "on 29 February": shanghai(2, 29, 15, year=2028),
    "into 29 February": shanghai(2, 28, 23, 50, year=2028),
    "out of 29 February": shanghai(2, 29, 23, 50, year=2028),
    "on a 调休 Saturday": shanghai(2, 14, 15),
    "in the first minute of a quarter": shanghai(10, 1),
    "in the last minute of a quarter": shanghai(9, 30, 23, 59),
    "in the last minute of a year": shanghai(12, 31, 23, 59),
}


@pytest.mark.parametrize("opens_at", MOMENTS.values(), ids=MOMENTS)
def test_a_lesson_is_opened_checked_in_to_and_closed_at_any_moment(database: Database, opens_at: datetime) -> None:
    clock = StandingClock(opens_at)
    branch = Branch(database, clock)
    branch.say("王书记", "开课 党员大会 三季度工作")
    branch.say("王书记", "签到")
    clock.move_to(opens_at + 15 * MINUTE - timedelta(microseconds=1))
    branch.say("小吴", "签到")
    clock.move_to(opens_at + 15 * MINUTE)
    branch.say("小张", "签到")
    clock.move_to(opens_at + 60 * MINUTE - timedelta(seconds=1))
    run_due(database, clock(), ROADS)
    branch.say("小李", "签到")
    clock.move_to(opens_at + 60 * MINUTE)
    run_due(database, clock(), ROADS)
    branch.say("小郑", "签到")
    with database.read() as session:
        lesson = session.scalars(select(Lesson)).one()
        assert (lesson.state, lesson.opened_at, lesson.closed_at) == (
            LessonState.CLOSED,
            opens_at,
            opens_at + 60 * MINUTE,
        )
        figures = attendance(session, lesson)
        assert (figures.expected, figures.present, figures.late, len(figures.missing)) == (8, 4, 2, 4)
        assert {record.late for record in session.scalars(select(CheckIn).order_by(CheckIn.at).limit(2))} == {False}
        assert [entry.points for entry in session.scalars(select(PointEntry))] == [2] * 4
    assert any("应到 8，实到 4（迟到 2），请假 0，缺席 4" in text for _, text in posts(database))


@pytest.mark.parametrize("opens_at", MOMENTS.values(), ids=MOMENTS)
def test_its_codes_go_on_at_any_moment(database: Database, opens_at: datetime) -> None:
    """Windows of 15 seconds are counted from 1970 in UTC: no day, month or year has an odd one."""
    clock = StandingClock(opens_at)
    branch = Branch(database, clock)
    midnight = datetime(opens_at.year, opens_at.month, opens_at.day, 16, tzinfo=UTC)
    clock.move_to(max(midnight - 30 * MINUTE, opens_at))
    branch.say("王书记", "开课 党员大会 三季度工作")
    with database.write.begin() as session:
        secret = session.scalars(select(Lesson)).one().secret = new_secret()
    clock.move_to(max(midnight - timedelta(seconds=1), clock()))
    code = code_at(secret, clock())
    clock.move_to(clock() + timedelta(seconds=5))
    branch.say("小李", f"签到 {code}")
    assert [who for who, _, _ in branch.check_ins()] == ["小李"]


def test_who_opens_before_the_planned_time_has_nobody_late_before_it(database: Database, clock: StandingClock) -> None:
    branch = Branch(database, clock)
    branch.say("王书记", "计划 党员大会 今天15:30")
    branch.say("王书记", "开课 党员大会")
    for minutes, who in ((44, "小李"), (1, "小张")):
        clock.move_to(clock() + minutes * MINUTE)
        branch.say(who, "签到")
    with database.read() as session:
        assert [record.late for record in session.scalars(select(CheckIn).order_by(CheckIn.at))] == [False, True]
        lesson = session.scalars(select(Lesson)).one()
        count, all_figures = head_count(session, lesson), attendance(session, lesson)
        for name in ("expected", "present", "late", "guests", "voters", "voters_present"):
            assert getattr(count, name) == getattr(all_figures, name), name


def test_a_planned_lesson_of_an_hour_ago_is_late_from_its_opening(database: Database, clock: StandingClock) -> None:
    branch = Branch(database, clock)
    branch.say("王书记", "计划 党员大会 今天15:10")
    clock.move_to(clock() + 40 * MINUTE)
    branch.say("王书记", "开课 党员大会")
    clock.move_to(clock() + 14 * MINUTE)
    branch.say("小李", "签到")
    with database.read() as session:
        assert session.scalars(select(CheckIn.late)).one() is False


def test_tomorrow_is_the_day_after_it_was_said_however_late_it_arrives(database: Database) -> None:
    """明天 that was said a minute before midnight was understood after it, and was a day late."""
    branch = Branch(database, StandingClock(shanghai(11, 24, 0, 1)))
    branch.say("王书记", "计划 党课 明天15:00", sent_at=shanghai(11, 23, 23, 59))
    branch.say("王书记", "改期 党课 后天15:00", sent_at=shanghai(11, 23, 23, 59))
    with database.read() as session:
        assert session.scalars(select(Lesson.planned_at)).all() == [shanghai(11, 25, 15)]
