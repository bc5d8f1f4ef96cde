"""The 10th, the 20th and five days before the end of a month, 15:00: what a branch still owes. Useful for two days.

It goes to the 书记 in private, else to a 副书记, and to the branch's chat only where neither can be reached.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial

from bot.reports.duties import duty_reminder
from models.chats import chats_of
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Post, posts_of
from schedules.calendar import last_day_of_month
from schedules.directory import Directory, day_of, moments
from schedules.due import Due, Work
from schedules.duties import duty_states
from schedules.job import Job

HOUR = time(15, 0)
DAYS = (10, 20)
BEFORE_END = timedelta(days=5)
USEFUL = timedelta(days=2)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each branch and each day of reminding; whether anything is owed is looked at when it is done."""
    for moment in moments(start, end, HOUR, _is_reminding):
        period = day_of(moment).isoformat()
        for branch in directory.of_kind(OrganisationKind.BRANCH):
            times = moment, moment + USEFUL
            yield from directory.post(JOB.name, branch, period, times, partial(_remind, branch.id))


def _is_reminding(day: date) -> bool:
    return day.day in DAYS or day == last_day_of_month(day) - BEFORE_END


def _remind(branch_id: int, work: Work) -> None:
    branch = work.session.get_one(Organisation, branch_id)
    states = duty_states(work.session, Tree(work.session), [branch], work.now)[branch_id]
    text = duty_reminder(branch.name, [state.line() for state in states])
    if text is None:
        return
    secretaries = posts_of(work.session, branch, Post.SECRETARY, Post.DEPUTY)
    if any(work.tell(secretary, text) for secretary in secretaries):
        return
    for chat in chats_of(work.session, branch)[:1]:
        work.say(chat, text)


JOB = Job("duty_reminder", dues)
