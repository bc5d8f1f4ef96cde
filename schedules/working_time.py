"""Working time: 08:00 to 20:00 in Shanghai on working days, holidays and 调休 counted; a day of it is twelve hours."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from bot.clock import at, local
from schedules.calendar import is_working_day

FROM = time(8, 0)
TO = time(20, 0)
"""A working day's first hour, and when it is over."""
WORKING_DAY = timedelta(hours=12)
"""So that a working day after 15:00 it is 15:00 of the next one."""
_DAY = timedelta(days=1)


def first_working_day(day: date) -> date:
    """This day or the next on which offices work."""
    while not is_working_day(day):
        day += _DAY
    return day


@lru_cache(maxsize=1 << 16)
def after(moment: datetime, length: timedelta) -> datetime:
    """The first moment, in aware UTC, by which so much working time has passed since ``moment``.

    Nothing passes in no time: for a ``length`` of zero it is ``moment`` itself. Remembered, for a case's deadlines are
    asked for again at every run of the schedules.
    """
    if length <= timedelta():
        return moment.astimezone(UTC)
    day = local(moment).date()
    while True:
        start, end = _hours(day)
        start = max(start, moment)
        if start < end and is_working_day(day):
            if length <= end - start:
                return (start + length).astimezone(UTC)
            length -= end - start
        day += _DAY


def between(start: datetime, end: datetime) -> timedelta:
    """The working time from ``start`` to ``end``; none where that is not after ``start``."""
    day, last = local(start).date(), local(end).date()
    passed = timedelta()
    while day <= last:
        first, over = _hours(day)
        stretch = min(over, end) - max(first, start)
        if stretch > timedelta() and is_working_day(day):
            passed += stretch
        day += _DAY
    return passed


def _hours(day: date) -> tuple[datetime, datetime]:
    return at(day, FROM), at(day, TO)
