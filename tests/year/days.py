"""The calendar of 2026 as the State Council gave it out (国办发明电〔2025〕7号), copied by hand.

It shares nothing with ``schedules.calendar`` or ``chinesecalendar``: it is what those are compared with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
YEAR = 2026
DAY = timedelta(days=1)


def _stretch(first: tuple[int, int], last: tuple[int, int]) -> set[date]:
    start, end = date(YEAR, *first), date(YEAR, *last)
    return {start + DAY * number for number in range((end - start).days + 1)}


HOLIDAYS = frozenset(
    _stretch((1, 1), (1, 3))  # 元旦
    | _stretch((2, 15), (2, 23))  # 春节
    | _stretch((4, 4), (4, 6))  # 清明节
    | _stretch((5, 1), (5, 5))  # 劳动节
    | _stretch((6, 19), (6, 21))  # 端午节
    | _stretch((9, 25), (9, 27))  # 中秋节
    | _stretch((10, 1), (10, 7))  # 国庆节
    | {date(YEAR + 1, 1, 1)}
)
"""Public holidays, the weekends within them counted."""
WORKED_WEEKENDS = frozenset(
    date(YEAR, month, day) for month, day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))
)
"""调休: Saturdays and Sundays on which people work."""


def is_working(day: date) -> bool:
    """Whether people of offices work on this day."""
    return day in WORKED_WEEKENDS or (day.weekday() < 5 and day not in HOLIDAYS)


def working_day_after(day: date) -> date:
    """The first working day after this one."""
    day += DAY
    while not is_working(day):
        day += DAY
    return day


def working_day_until(day: date) -> date:
    """This day, or the last working day before it."""
    while not is_working(day):
        day -= DAY
    return day


def every_day(first: date, last: date) -> Iterator[date]:
    """Each day from the first to the last, both counted."""
    while first <= last:
        yield first
        first += DAY


def moment(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """That time of that day in Shanghai, as aware UTC."""
    return datetime.combine(day, time(hour, minute, second), ZONE).astimezone(UTC)


def day_of(when: datetime) -> date:
    """The day in Shanghai."""
    return when.astimezone(ZONE).date()


@dataclass(frozen=True, slots=True)
class Period:
    """A month, a quarter or the year, from the first to the last day, both counted."""

    every: str
    first: date
    last: date

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return moment(self.first, 0)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return moment(self.last + DAY, 0)

    def __contains__(self, when: datetime) -> bool:
        return self.first <= day_of(when) <= self.last

    @property
    def name(self) -> str:
        """``2026-03``, ``2026-Q1`` or ``2026``."""
        number = {"month": f"-{self.first.month:02}", "quarter": f"-Q{self.first.month // 3 + 1}", "year": ""}
        return f"{self.first.year}{number[self.every]}"


_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def periods(every: str) -> list[Period]:
    """The periods of this length that make up the year."""
    length = _MONTHS[every]
    firsts = [date(YEAR, month, 1) for month in range(1, 13, length)]
    nexts = [*firsts[1:], date(YEAR + 1, 1, 1)]
    return [Period(every, first, after - DAY) for first, after in zip(firsts, nexts, strict=True)]


def period_at(every: str, when: datetime) -> Period:
    """The period of this length that the moment lies in. Raises ValueError outside the year."""
    found = [period for period in periods(every) if when in period]
    if not found:
        raise ValueError(f"{when} is not in {YEAR}")
    return found[0]
