"""When the people of an organisation have time: their quiet stretches, and hours to propose for a lesson."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from bot.clock import at, local
from bot.handling import Batch, Context
from models.lessons import LESSON_KINDS
from models.organisations import Organisation
from schedules.calendar import is_working_day, next_quiet_minute, quiet_stretches, quiet_times
from schedules.directory import Directory

PROPOSED = 3
_AHEAD = 14
"""Days among which there are always enough working days to propose."""


def directory(batch: Batch) -> Directory:
    """The organisations with their rush hours, read once a batch."""
    return Directory(batch.session)


def is_quiet(context: Context, organisation: Organisation, moment: datetime) -> bool:
    """Whether the organisation's people have neither rush hours nor night then."""
    return next_quiet_minute(moment, _directory(context).rush_hours(organisation)) == moment


def quiet_text(context: Context, organisation: Organisation) -> str:
    """``07:00–10:30、13:30–16:30``: every quiet stretch of a day."""
    stretches = quiet_stretches(_directory(context).rush_hours(organisation))
    return "、".join(f"{_clock(stretch.start)}–{_clock(stretch.end)}" for stretch in stretches)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def proposals(context: Context, organisation: Organisation, kind: str, day: date | None) -> list[datetime]:
    """Three hours for a lesson of the kind, still to come: of that day; without one, of the next working days."""
    hours = quiet_times(_directory(context).rush_hours(organisation), LESSON_KINDS[kind].minutes)
    wanted = [at(day, hour) for hour in hours] if day is not None else []
    still = [moment for moment in wanted if moment > context.now][:PROPOSED]
    if still or not hours:
        return still
    after = max(day or local(context.now).date(), local(context.now).date())
    coming = (at(each, hours[0]) for each in _working_days(after))
    return [moment for moment, _ in zip((m for m in coming if m > context.now), range(PROPOSED), strict=False)]


def _working_days(first: date) -> Iterator[date]:
    days = (first + timedelta(days=number) for number in range(_AHEAD))
    return (day for day in days if is_working_day(day))


def _directory(context: Context) -> Directory:
    return context.batch.shared(directory)
