"""A planned lesson is named in the group the day before, 15:30, and half an hour before it starts."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy import select

from bot.clock import at, local
from bot.reports.reminders import lesson_reminder
from models.chats import Chat, chats_of
from models.inbox import Claim
from models.lessons import Lesson, LessonState
from models.organisations import OrganisationKind, Tree
from models.series import Series, is_daily
from schedules.calendar import next_quiet_minute
from schedules.directory import Directory, day_of
from schedules.due import Due, Work
from schedules.job import Job

HOUR = time(15, 30)
"""Of the day before; it moves to the next quiet minute."""
SOON = timedelta(minutes=30)
"""Before the start; out of rush hours and nights it moves like any post, and is missed if the start comes first."""
_AHEAD = timedelta(days=2)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """Two for each planned lesson, but for those whose time was over when it was planned.

    One of a series has the second alone, and one of a daily series none: it opens by itself, which everybody sees.
    """
    query = (
        select(
            Lesson.id, Lesson.organisation_id, Lesson.planned_at, Lesson.series_id, Series.weekdays, Claim.received_at
        )
        .outerjoin(Series, Series.id == Lesson.series_id)
        .outerjoin(Claim, Claim.id == Lesson.message_id)
        .where(Lesson.state == LessonState.PLANNED, Lesson.planned_at > start, Lesson.planned_at <= end + _AHEAD)
    )
    for lesson_id, organisation_id, planned_at, series_id, weekdays, known_since in directory.session.execute(query):
        if planned_at is None or (series_id is not None and is_daily(weekdays)):
            continue
        both = list(_of(directory, lesson_id, organisation_id, planned_at))
        for due in both if series_id is None else both[1:]:
            if _was_known(known_since, due.at):
                yield due


def _was_known(known_since: datetime | None, moment: datetime) -> bool:
    """A lesson that was not planned by a message has always been known."""
    return known_since is None or known_since <= moment


def _of(directory: Directory, lesson_id: int, organisation_id: int, planned_at: datetime) -> Iterator[Due]:
    windows = directory.rush_hours(directory.tree.by_id[organisation_id])
    day_before = at(day_of(planned_at) - timedelta(days=1), HOUR)
    soon = planned_at - SOON
    target, period = f"lesson:{lesson_id}", f"{local(planned_at):%Y-%m-%dT%H:%M}"
    run = partial(_remind, lesson_id, planned_at)
    yield Due(JOB.name, target, f"{period} day", next_quiet_minute(day_before, windows), soon, run, windows)
    yield Due(JOB.name, target, f"{period} soon", next_quiet_minute(soon, windows), planned_at, run, windows)


def _remind(lesson_id: int, planned_at: datetime, work: Work) -> None:
    lesson = work.session.get_one(Lesson, lesson_id)
    if lesson.state is LessonState.PLANNED and lesson.planned_at == planned_at:
        for chat in _chats(work, lesson):
            work.say(chat, lesson_reminder(work.session, lesson, work.now))


def _chats(work: Work, lesson: Lesson) -> list[Chat]:
    """Where it will be held; else the chats of its organisation, or of the branch that it belongs to."""
    if lesson.chat_id is not None:
        return [work.session.get_one(Chat, lesson.chat_id)]
    above = Tree(work.session).above(lesson.organisation)
    branches = [org for org in above if org.kind is OrganisationKind.BRANCH][:1]
    for organisation in (lesson.organisation, *branches):
        if chats := chats_of(work.session, organisation):
            return chats
    return []


JOB = Job("lesson_reminder", dues)
