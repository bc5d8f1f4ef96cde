"""The lessons of series are made a week ahead, each once.

A session that would fall on a public holiday moves to the next working day, unless the series has a session that day
already: then it is left out.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache, partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import at
from models.base import new_id
from models.chats import Chat
from models.lessons import Lesson, LessonState
from models.series import Series
from schedules.calendar import is_public_holiday, is_working_day
from schedules.directory import Directory, day_of
from schedules.due import Due, Work
from schedules.job import Job

AHEAD = timedelta(days=7)
"""How long before their day the lessons are made."""
_BACK = timedelta(days=6)
"""How old a session may be that could not be made in time; it is put on record all the same."""
_MOVED = timedelta(days=14)
"""Longer than any holiday, after which what fell on it is held."""
_DAY = timedelta(days=1)


def session_days(weekdays: Collection[int], first: date, last: date) -> Mapping[date, date]:
    """By the day of the rule, the day on which its session is held, for those held from ``first`` to ``last``.

    ``weekdays``: Monday is 0; empty: every working day, 调休 counted.
    """
    return _session_days(frozenset(weekdays), first, last)


@lru_cache(maxsize=1024)
def _session_days(weekdays: frozenset[int], first: date, last: date) -> Mapping[date, date]:
    """Remembered, for many series have the same days, and every run of the schedules asks for them."""
    held: dict[date, date] = {}
    taken: set[date] = set()
    day = first - _MOVED
    while day <= last:
        on = _held_on(day, weekdays)
        if on is not None and on not in taken:
            held[day] = on
            taken.add(on)
        day += _DAY
    return {day: on for day, on in held.items() if first <= on <= last}


def _held_on(day: date, weekdays: Collection[int]) -> date | None:
    """Where the session of this day goes; None: it has none, or it is left out for another one."""
    if not weekdays:
        return day if is_working_day(day) else None
    if day.weekday() not in weekdays:
        return None
    if not is_public_holiday(day):
        return day
    moved = day + _DAY
    while not is_working_day(moved):
        moved += _DAY
    return None if moved.weekday() in weekdays else moved


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # made however late
    """One for each session within the next week that has not been made."""
    of_the_group = Chat.organisation_id == Series.organisation_id  # not of one that is tied to another by now
    going_on = directory.session.scalars(
        select(Series).join(Series.chat).where(Series.ended_at.is_(None), of_the_group)
    ).all()
    first, last = day_of(end - _BACK), day_of(end + AHEAD)
    made = _made(directory.session, first, [series.id for series in going_on])
    for series in going_on:
        for day, on in _wanted(series, first, last):
            if (series.id, day) not in made:
                due_at = max(series.made_at, at(on, series.at) - AHEAD)
                run = partial(_make, series.id, day, on)
                yield Due(JOB.name, f"series:{series.id}", day.isoformat(), due_at, None, run)


def make_ahead(session: Session, series: Series, now: datetime) -> list[Lesson]:
    """Makes the lessons of the next week at once, for a series that is new; in their order."""
    days = _wanted(series, day_of(now), day_of(now + AHEAD))
    lessons = [_lesson(series, day, on) for day, on in days if at(on, series.at) - AHEAD <= now]
    session.add_all(lessons)
    return lessons


def next_session(session: Session, series: Series, now: datetime) -> datetime | None:
    """When the series is held next: a session that was moved counts where it is now, one that was cancelled not.

    None where its holidays reach further than two weeks.
    """
    query = select(Lesson.planned_at).where(
        Lesson.series_id == series.id, Lesson.state == LessonState.PLANNED, Lesson.planned_at > now
    )
    planned = [moment for moment in session.scalars(query) if moment is not None]
    made = _made(session, day_of(now), [series.id])
    to_make = _wanted(series, day_of(now), day_of(now + _MOVED))
    later = (at(on, series.at) for day, on in to_make if (series.id, day) not in made)
    return min((*planned, *(moment for moment in later if moment > now)), default=None)


def _made(session: Session, since: date, series_ids: Collection[int]) -> set[tuple[int, date]]:
    """The series and days of the lessons that there are, held from that day on."""
    query = select(Lesson.series_id, Lesson.series_day).where(
        Lesson.series_id.in_(series_ids), Lesson.series_day >= since - _MOVED
    )
    return {(series_id, day) for series_id, day in session.execute(query) if series_id is not None and day is not None}


def _wanted(series: Series, first: date, last: date) -> list[tuple[date, date]]:
    """The sessions of a series by their days of the rule, those before it was made aside."""
    days = session_days(series.weekdays, first, last)
    return [(day, on) for day, on in days.items() if day >= series.begins_on and at(on, series.at) > series.made_at]


def _make(series_id: int, day: date, on: date, work: Work) -> None:
    series = work.session.get_one(Series, series_id, with_for_update=True)
    if series.ended_at is None and (series_id, day) not in _made(work.session, on, [series_id]):
        work.session.add(_lesson(series, day, on))


def _lesson(series: Series, day: date, on: date) -> Lesson:
    return Lesson(
        id=new_id(),
        organisation_id=series.organisation_id,
        chat_id=series.chat_id,
        kind=series.kind,
        topic=series.topic,
        place="",
        state=LessonState.PLANNED,
        planned_at=at(on, series.at),
        series_id=series.id,
        series_day=day,
        message_id=series.message_id,
    )


JOB = Job("series", dues)
