"""The calendar of the field: working days, rush hours, and the weeks, months and quarters that duties go by.

Days and hours are those of Asia/Shanghai; every moment that comes out is aware UTC.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types

from bot.clock import at, local
from models.people import Occupation

_log = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time. ``name`` is how slots call it: ``2026-W48``, ``2026-11``, ``2026-Q4``, ``2026``."""

    name: str
    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def elapsed(self, moment: datetime) -> float:
        """How much of it is over: 0.0 at its start, 1.0 at its end and after."""
        return min(1.0, max(0.0, (moment - self.start) / (self.end - self.start)))


@dataclass(frozen=True, slots=True)
class Window:
    """The same hours of every day, in minutes since midnight, half-open; it may reach over midnight."""

    start: int
    end: int

    def minutes_left(self, minute: int) -> int:
        """How many minutes after ``minute`` it ends; 0 where ``minute`` is outside it."""
        inside = (minute - self.start) % _MINUTES < self.length
        return (self.end - minute - 1) % _MINUTES + 1 if inside else 0

    @property
    def length(self) -> int:
        """Its length in minutes; a window that ends when it starts lasts the whole day."""
        return (self.end - self.start - 1) % _MINUTES + 1


Windows = tuple[Window, ...]

_HALF_HOUR = 30
LESSON_HOUR = 15 * 60
"""Riders' lessons are held between 15:00 and 17:00 where nothing speaks against it."""
NIGHT = Window(22 * 60, 7 * 60)
"""Nothing but an urgent alert is posted between 22:00 and 07:00."""

_FOOD = (Window(10 * 60 + 30, 13 * 60 + 30), Window(16 * 60 + 30, 20 * 60 + 30))
_PARCEL = (Window(6 * 60 + 30, 9 * 60 + 30), Window(17 * 60, 20 * 60))
_COMMUTERS = (Window(7 * 60, 9 * 60 + 30), Window(17 * 60, 19 * 60 + 30))

RUSH_HOURS: Mapping[Occupation, Windows] = {
    Occupation.FOOD: _FOOD,
    Occupation.PARCEL: _PARCEL,
    Occupation.RIDE: _COMMUTERS,
    Occupation.TAXI: _COMMUTERS,
}
"""Order peaks of 外卖, loads of 快递, school and commuter peaks of 网约车 and 出租车; the others have none."""


def is_working_day(day: date) -> bool:
    """Whether offices work on this day, public holidays and 调休 counted.

    Outside the years of ``chinesecalendar`` Monday to Friday are working days, and the operator is told once.
    """
    known = _in_the_table(day)
    return day.weekday() < 5 if known is None else not known[0]


def is_public_holiday(day: date) -> bool:
    """Whether this day belongs to a public holiday; an ordinary weekend does not. None is known beyond the table."""
    off, name = _in_the_table(day) or (False, None)
    return off and name is not None


def _in_the_table(day: date) -> tuple[bool, str | None] | None:
    """Whether offices are closed, and the name of the holiday; None outside the years of ``chinesecalendar``."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:  # what the library raises for a year that it does not have
        _warn_of_table()
        return None
    return bool(off), name


@cache
def _warn_of_table() -> None:
    _log.warning("节假日表里没有这一年的安排，先按周一到周五上班计算。升级 chinesecalendar 后即可恢复。")


def rush_hours(members: Mapping[Occupation, int]) -> Windows:
    """The rush hours of an organisation by how many members have each 职业.

    It is the union over the 职业 of at least a third of the members; where none has so many, of the most common one.
    """
    total = sum(members.values())
    if not total:
        return ()
    shares = {occupation for occupation, count in members.items() if count * 3 >= total}
    chosen = shares or {max(members, key=lambda occupation: members[occupation])}
    return tuple(sorted({w for o in chosen for w in RUSH_HOURS.get(o, ())}, key=lambda w: (w.start, w.end)))


def parse_windows(rows: Iterable[Sequence[str]]) -> Windows:
    """Reads ``[["10:30", "13:30"], …]``. Raises ValueError for anything else."""
    return tuple(Window(_minute(start), _minute(end)) for start, end in rows)


def _minute(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if not (0 <= minutes < 60 and 0 <= hours * 60 + minutes <= _MINUTES):
        raise ValueError(f"not a time of day: {text}")
    return hours * 60 + minutes


def next_quiet_minute(moment: datetime, windows: Windows) -> datetime:
    """``moment`` itself, or the end of the rush hours or night that it lies in.

    Rush hours that leave no quiet minute in the whole day are left aside; the night counts all the same.
    """
    return _first_free(moment, (*windows, NIGHT)) or _first_free(moment, (NIGHT,)) or moment


def _first_free(moment: datetime, windows: Windows) -> datetime | None:
    here = local(moment)
    minute, waited = here.hour * 60 + here.minute, 0
    while left := max(window.minutes_left((minute + waited) % _MINUTES) for window in windows):
        waited += left
        if waited >= _MINUTES:
            return None
    whole_minute = here.replace(second=0, microsecond=0)
    return (whole_minute + timedelta(minutes=waited)).astimezone(UTC) if waited else moment


def quiet_stretches(windows: Windows) -> Windows:
    """What the rush hours and the night leave of a day, in order; the night alone where the others leave nothing."""
    return _between((*windows, NIGHT)) or _between((NIGHT,))


def _between(busy: Windows) -> Windows:
    free = [not any(window.minutes_left(minute) for window in busy) for minute in range(_MINUTES)]
    starts = [minute for minute in range(_MINUTES) if free[minute] and not (minute and free[minute - 1])]
    return tuple(Window(start, start + [*free[start:], False].index(False)) for start in starts)


def quiet_times(windows: Windows, minutes: int) -> list[time]:
    """Half and whole hours at which something of this length fits between rush hours, the best for a lesson first.

    Each quiet stretch gives the one nearest to 15:00, when lessons are held, before any gives a second one.
    """
    best: list[int] = []
    others: list[int] = []
    for stretch in quiet_stretches(windows):
        first = -(-stretch.start // _HALF_HOUR) * _HALF_HOUR
        fitting = sorted(range(first, stretch.end - minutes + 1, _HALF_HOUR), key=_from_lesson_hour)
        best += fitting[:1]
        others += fitting[1:]
    ordered = [*sorted(best, key=_from_lesson_hour), *sorted(others, key=_from_lesson_hour)]
    return [time(*divmod(minute, 60)) for minute in ordered]


def _from_lesson_hour(minute: int) -> int:
    return abs(minute - LESSON_HOUR)


def days(start: datetime, end: datetime) -> Iterable[date]:
    """The days of Asia/Shanghai that lie in the stretch, the first and the last in part."""
    day, last = local(start).date(), local(end).date()
    while day <= last:
        yield day
        day += _DAY


def week_of(day: date) -> Span:
    """The week of this day, Monday to Sunday, with its ISO number."""
    year, week, weekday = day.isocalendar()
    monday = day - timedelta(days=weekday - 1)
    return _span(f"{year}-W{week:02}", monday, monday + timedelta(days=7))


def month_of(day: date) -> Span:
    """The month of this day."""
    return _span(f"{day.year}-{day.month:02}", day.replace(day=1), _month_after(day))


def quarter_of(day: date) -> Span:
    """The quarter of this day."""
    number = (day.month - 1) // 3
    first = day.replace(month=number * 3 + 1, day=1)
    return _span(f"{day.year}-Q{number + 1}", first, _month_after(first.replace(month=number * 3 + 3)))


def year_of(day: date) -> Span:
    """The year of this day."""
    return _span(str(day.year), date(day.year, 1, 1), date(day.year + 1, 1, 1))


def last_day_of_month(day: date) -> date:
    """The last day of the month of this day."""
    return _month_after(day) - _DAY


def _month_after(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _span(name: str, first: date, after: date) -> Span:
    return Span(name, at(first, time()), at(after, time()))
