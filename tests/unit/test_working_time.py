"""Working time against a counter of minutes, and at the edges of days, weeks and holidays."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.working_time import WORKING_DAY, after, between, first_working_day
from tests.unit.working_minutes import counted, reached
from tests.year.days import moment

FIRST = moment(date(2026, 1, 1), 0)
MOMENTS = st.integers(0, 330 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


def _at(text: str) -> datetime:
    day, clock = text.split(" ")
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return moment(date.fromisoformat(f"2026-{day}"), hour, minute, *second)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("11-23 15:00", 2, "11-23 17:00"),
        ("11-23 18:00", 2, "11-23 20:00"),  # the day's last moment, not the next one's first
        ("11-23 19:30", 2, "11-24 09:30"),
        ("11-23 20:00", 2, "11-24 10:00"),
        ("11-23 23:59", 2, "11-24 10:00"),
        ("11-24 03:00", 2, "11-24 10:00"),
        ("11-27 19:00", 2, "11-30 09:00"),  # Friday to Monday
        ("11-23 15:00:20", 12, "11-24 15:00:20"),  # a day later, to the second
        ("09-18 15:00", 12, "09-20 15:00"),  # Friday to the Sunday that is worked (调休)
        ("09-24 15:00", 12, "09-28 15:00"),  # over 中秋
        ("09-30 15:00", 12, "10-08 15:00"),  # over 国庆
        ("10-09 15:00", 12, "10-10 15:00"),  # the Saturday that is worked
        ("02-14 12:00", 12, "02-24 12:00"),  # over 春节
    ],
)
def test_hours_of_work_pass_on_working_days_alone(start: str, hours: int, end: str) -> None:
    assert after(_at(start), timedelta(hours=hours)) == _at(end)


def test_nothing_passes_in_no_time() -> None:
    assert after(_at("11-22 15:00"), timedelta()) == _at("11-22 15:00")
    assert between(_at("11-23 15:00"), _at("11-23 14:00")) == timedelta()


def test_a_day_off_leaves_it_to_the_next_working_day() -> None:
    assert first_working_day(date(2026, 10, 1)) == date(2026, 10, 8)
    assert first_working_day(date(2026, 10, 10)) == date(2026, 10, 10)


@given(MOMENTS, st.integers(1, 30 * 60))
def test_a_moment_later_is_that_of_the_counter(start: datetime, minutes: int) -> None:
    assert after(start, timedelta(minutes=minutes)) == reached(start, minutes)


@given(MOMENTS, st.integers(0, 20 * 24 * 60))
def test_time_between_is_that_of_the_counter(start: datetime, minutes: int) -> None:
    end = start + timedelta(minutes=minutes)
    assert between(start, end) == timedelta(minutes=counted(start, end))


@given(MOMENTS, st.timedeltas(timedelta(seconds=1), 15 * WORKING_DAY))
def test_what_is_after_has_that_much_between(start: datetime, length: timedelta) -> None:
    end = after(start, length)
    assert between(start, end) == length
    assert between(start, end - timedelta(microseconds=1)) < length
