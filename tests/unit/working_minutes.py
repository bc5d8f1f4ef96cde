"""Working time counted minute by minute on a calendar copied by hand: nothing of the product is in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.year.days import ZONE, is_working

MINUTE = timedelta(minutes=1)


def works(moment: datetime) -> bool:
    """Whether the minute that begins there is one of working time, in 2026."""
    here = moment.astimezone(ZONE)
    return 8 <= here.hour < 20 and is_working(here.date())


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """Each minute of the stretch by its beginning."""
    while start < end:
        yield start
        start += MINUTE


def counted(start: datetime, end: datetime, *, always: bool = False) -> int:
    """How many of them are of working time, or of any."""
    return sum(always or works(minute) for minute in minutes(start, end))


def reached(start: datetime, wanted: int, *, always: bool = False) -> datetime:
    """The first whole minute by which so many have been counted since ``start``."""
    while wanted > 0:
        wanted -= always or works(start)
        start += MINUTE
    return start
