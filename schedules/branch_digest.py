"""Friday, 15:30: each branch's week, to the chats tied to it. Useful until Sunday, 20:00."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial

from bot.clock import at
from models.chats import chats_of
from models.organisations import Organisation, OrganisationKind, Tree
from schedules.calendar import week_of
from schedules.digests import branch_digest
from schedules.directory import Directory, day_of, moments
from schedules.due import Due, Work
from schedules.job import Job

FRIDAY = 4
HOUR = time(15, 30)
LAST_HOUR = time(20, 0)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each branch with a chat and each Friday."""
    for friday in moments(start, end, HOUR, _is_friday):
        day = day_of(friday)
        times = friday, at(day + timedelta(days=2), LAST_HOUR)
        for branch in directory.of_kind(OrganisationKind.BRANCH):
            if directory.has_chat(branch, friday):
                yield from directory.post(JOB.name, branch, week_of(day).name, times, partial(_post, branch.id, friday))


def _is_friday(day: date) -> bool:
    return day.weekday() == FRIDAY


def _post(branch_id: int, end: datetime, work: Work) -> None:
    branch = work.session.get_one(Organisation, branch_id)
    text = branch_digest(work.session, Tree(work.session), branch, work.now, end)
    for chat in chats_of(work.session, branch):
        if chat.tied_at is not None and chat.tied_at <= end:
            work.say(chat, text)


JOB = Job("branch_digest", dues)
