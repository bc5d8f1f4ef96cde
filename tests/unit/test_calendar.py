"""Working days, rush hours and periods."""

import logging
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import at, local
from models.people import Occupation
from schedules import calendar
from schedules.calendar import (
    NIGHT,
    RUSH_HOURS,
    Window,
    Windows,
    is_working_day,
    last_day_of_month,
    month_of,
    next_quiet_minute,
    parse_windows,
    quarter_of,
    quiet_stretches,
    quiet_times,
    rush_hours,
    week_of,
    year_of,
)
from tests.unit.city import shanghai

DAYS = st.dates(date(2004, 1, 1), date(2100, 12, 30))
MOMENTS = st.datetimes(datetime(2004, 1, 1), datetime(2100, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
MINUTE = st.integers(0, 24 * 60 - 1)
WINDOWS = st.lists(st.builds(Window, MINUTE, MINUTE), max_size=4).map(tuple)
FOOD = RUSH_HOURS[Occupation.FOOD]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 14), True),  # 调休: a Saturday before the Spring Festival
        (date(2026, 10, 10), True),  # 调休: a Saturday after the National Day
        (date(2026, 9, 20), True),  # 调休: a Sunday
        (date(2026, 10, 1), False),
        (date(2026, 11, 21), False),
        (date(2026, 11, 23), True),
    ],
)
def test_holidays_and_make_up_days(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_beyond_the_table_weekdays_count_and_the_operator_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    calendar._warn_of_table.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert [is_working_day(date(2099, 10, day)) for day in range(1, 8)] == [True, True, False, False, *[True] * 3]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        (shanghai(11, 23, 10, 29), shanghai(11, 23, 10, 29)),
        (shanghai(11, 23, 10, 30), shanghai(11, 23, 13, 30)),
        (shanghai(11, 23, 13, 29), shanghai(11, 23, 13, 30)),
        (shanghai(11, 23, 15, 30), shanghai(11, 23, 15, 30)),
        (shanghai(11, 23, 22, 0), shanghai(11, 24, 7, 0)),
        (shanghai(11, 24, 6, 59), shanghai(11, 24, 7, 0)),
    ],
)
def test_riders_of_food_are_left_alone_at_noon_in_the_evening_and_at_night(moment: datetime, quiet: datetime) -> None:
    assert next_quiet_minute(moment, FOOD) == quiet


def test_night_and_morning_load_are_one_stretch() -> None:
    assert next_quiet_minute(shanghai(11, 23, 23, 10), RUSH_HOURS[Occupation.PARCEL]) == shanghai(11, 24, 9, 30)


def test_a_window_may_reach_over_midnight_and_last_to_its_end() -> None:
    assert next_quiet_minute(shanghai(11, 23, 21, 0), parse_windows([["20:30", "08:00"]])) == shanghai(11, 24, 8, 0)
    assert next_quiet_minute(shanghai(11, 23, 21, 0), parse_windows([["20:30", "24:00"]])) == shanghai(11, 24, 7, 0)


def test_rush_hours_without_end_are_left_aside() -> None:
    all_day = parse_windows([["00:00", "24:00"]])
    assert next_quiet_minute(shanghai(11, 23, 12, 0), all_day) == shanghai(11, 23, 12, 0)
    assert next_quiet_minute(shanghai(11, 23, 23, 0), all_day) == shanghai(11, 24, 7, 0)


@pytest.mark.parametrize("rows", [[["10:30"]], [["10:30", "25:00"]], [["10:60", "11:00"]], [["half past", "11:00"]]])
def test_unreadable_rush_hours_are_refused(rows: list[list[str]]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_windows(rows)


def test_rush_hours_are_those_of_every_third_member() -> None:
    parcel = RUSH_HOURS[Occupation.PARCEL]
    assert rush_hours({Occupation.FOOD: 9, Occupation.PARCEL: 1}) == FOOD
    assert set(rush_hours({Occupation.FOOD: 2, Occupation.PARCEL: 1})) == {*FOOD, *parcel}
    assert rush_hours({}) == ()
    assert rush_hours({Occupation.LIVE: 3}) == ()


def test_where_nobody_is_a_third_the_most_common_work_decides() -> None:
    members = {Occupation.FOOD: 3, Occupation.PARCEL: 2, Occupation.RIDE: 2, Occupation.TRUCK: 2, Occupation.LIVE: 2}
    assert rush_hours(members) == FOOD


@given(MOMENTS, WINDOWS)
def test_the_next_quiet_minute_is_quiet_and_within_a_day(moment: datetime, windows: Windows) -> None:
    quiet = next_quiet_minute(moment, windows)
    assert moment <= quiet < moment + timedelta(days=1)
    assert next_quiet_minute(quiet, windows) == quiet
    assert NIGHT.minutes_left(_minute(quiet)) == 0


@given(MOMENTS, WINDOWS)
def test_nothing_before_the_next_quiet_minute_is_quiet(moment: datetime, windows: Windows) -> None:
    quiet = next_quiet_minute(moment, windows)
    for minutes in range(int((quiet - moment).total_seconds()) // 60):
        assert next_quiet_minute(moment + timedelta(minutes=minutes), windows) > moment + timedelta(minutes=minutes)


def _minute(moment: datetime) -> int:
    return local(moment).hour * 60 + local(moment).minute


@given(DAYS, st.times())
def test_a_moment_lies_in_the_periods_of_its_day_alone(day: date, hour: time) -> None:
    moment = at(day, hour.replace(tzinfo=None))
    for span_of in (week_of, month_of, quarter_of, year_of):
        span = span_of(day)
        assert moment in span
        assert span_of(local(span.end).date()).start == span.end
        assert span_of(local(span.start).date()) == span
        assert 0.0 <= span.elapsed(moment) < 1.0


def test_periods_are_named_and_begin_at_midnight_in_shanghai() -> None:
    assert week_of(date(2026, 11, 27)).name == "2026-W48"
    assert week_of(date(2027, 1, 1)).name == "2026-W53"
    assert month_of(date(2026, 12, 31)).name == "2026-12"
    assert quarter_of(date(2026, 11, 27)).name == "2026-Q4"
    assert year_of(date(2026, 11, 27)).name == "2026"
    assert quarter_of(date(2026, 11, 27)).start == shanghai(10, 1)
    assert month_of(date(2024, 2, 29)).end == shanghai(3, 1, year=2024)


def test_the_first_minute_of_a_quarter_belongs_to_it() -> None:
    assert shanghai(10, 1, 0, 0) in quarter_of(date(2026, 10, 1))
    assert shanghai(9, 30, 23, 59) not in quarter_of(date(2026, 10, 1))


@given(DAYS)
def test_the_last_day_of_a_month_is_followed_by_a_first(day: date) -> None:
    last = last_day_of_month(day)
    assert (last.year, last.month) == (day.year, day.month)
    assert (last + timedelta(days=1)).day == 1


def test_the_quiet_stretches_of_riders_and_of_those_without_rush_hours() -> None:
    assert quiet_stretches(FOOD) == (Window(7 * 60, 630), Window(810, 990), Window(1230, 22 * 60))
    assert quiet_stretches(()) == (Window(7 * 60, 22 * 60),)
    assert quiet_stretches((Window(0, 0),)) == (Window(7 * 60, 22 * 60),)


@given(WINDOWS, MINUTE)
def test_a_minute_is_in_a_quiet_stretch_or_in_rush_hours_or_night(windows: Windows, minute: int) -> None:
    stretches = quiet_stretches(windows)
    assert stretches == tuple(sorted(stretches, key=lambda window: window.start))
    free = any(stretch.minutes_left(minute) for stretch in stretches)
    if any(window.minutes_left(minute) for window in (*windows, NIGHT)):
        assert not free or stretches == quiet_stretches(())
    else:
        assert free


@given(WINDOWS, st.sampled_from([10, 30, 60]))
def test_what_is_proposed_fits_between_the_rush_hours(windows: Windows, minutes: int) -> None:
    proposed = quiet_times(windows, minutes)
    assert len(set(proposed)) == len(proposed)
    for each in proposed:
        minute = each.hour * 60 + each.minute
        assert minute % 30 == 0
        stretch = next(window for window in quiet_stretches(windows) if window.minutes_left(minute))
        assert minute + minutes <= stretch.end


def test_riders_are_proposed_the_trough_first_then_each_other_stretch() -> None:
    assert quiet_times(FOOD, 60)[:3] == [time(15), time(9, 30), time(20, 30)]
    assert quiet_times((), 60)[0] == time(15)
    assert quiet_times((Window(0, 14 * 60 + 50), Window(15 * 60 + 10, 0)), 60) == []
