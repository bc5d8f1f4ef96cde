"""Monday, 09:30: the roll-up of all branches below a 党委, to its chats or its 组织员. Useful until Tuesday, 20:00."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial

from bot.clock import at
from models.chats import chats_of
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Post, posts_of
from schedules.calendar import week_of
from schedules.digests import organiser_digest
from schedules.directory import Directory, day_of, moments
from schedules.due import Due, Work
from schedules.job import Job

MONDAY = 0
HOUR = time(9, 30)
LAST_HOUR = time(20, 0)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each 党委 and each Monday."""
    for monday in moments(start, end, HOUR, _is_monday):
        day = day_of(monday)
        times = monday, at(day + timedelta(days=1), LAST_HOUR)
        for committee in directory.of_kind(OrganisationKind.COMMITTEE):
            run = partial(_post, committee.id)
            yield from directory.post(JOB.name, committee, week_of(day).name, times, run)


def _is_monday(day: date) -> bool:
    return day.weekday() == MONDAY


def _post(committee_id: int, work: Work) -> None:
    committee = work.session.get_one(Organisation, committee_id)
    chats = chats_of(work.session, committee)
    organisers = [] if chats else posts_of(work.session, committee, Post.ORGANISER)
    text = organiser_digest(work.session, Tree(work.session), committee, work.now) if chats or organisers else None
    if text is None:
        return
    for chat in chats:
        work.say(chat, text)
    for organiser in organisers:
        work.tell(organiser, text)


JOB = Job("organiser_digest", dues)
