"""The one clock. Everything that needs the time is handed one of these; nothing reads the time by itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC time."""


def system_clock() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


class MovableClock:
    """The machine's time plus an offset that only grows: the sandbox's 快进, and the tests' time."""

    def __init__(self, offset: timedelta = timedelta(), base: Clock = system_clock) -> None:
        self.offset = offset
        self._base = base

    def __call__(self) -> datetime:
        return self._base() + self.offset

    def move_to(self, moment: datetime) -> None:
        """Makes it ``moment`` now. Raises ValueError if that lies in the past."""
        now = self()
        if moment < now:
            raise ValueError("时间只能向前快进")
        self.offset += moment - now


def local(moment: datetime) -> datetime:
    """The same moment in Asia/Shanghai, as people read it."""
    return moment.astimezone(SHANGHAI)


def at(day: date, clock: time) -> datetime:
    """That hour of that day in Shanghai, as aware UTC."""
    return datetime.combine(day, clock, SHANGHAI).astimezone(UTC)


def start_of_day(moment: datetime) -> datetime:
    """Midnight in Shanghai before that moment, as aware UTC."""
    return local(moment).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def start_of_month(moment: datetime) -> datetime:
    """Midnight in Shanghai at the first of that month, as aware UTC."""
    return local(moment).replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
