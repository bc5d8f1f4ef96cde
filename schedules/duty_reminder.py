"""What a branch still owes, at 15:00 of three days of each period: its middle, a week and a day before its last day.

The middle is the first day of the second half. Of a duty with a season, its season is what is halved. A day off gives
its reminder to the working day before. All that is owed and due for reminding on one day is said at once. It goes to
the 书记 in private, else to a 副书记, and to the branch's chat only where neither can be reached; useful for two days.
A branch hears nothing on the day on which it was made.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache, partial

from bot.clock import at, local
from bot.content import Card, Text
from bot.reports.duties import duty_reminder
from models.chats import chats_of
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Post, posts_of
from schedules.calendar import Span, is_working_day
from schedules.directory import Directory, day_of, moments
from schedules.due import Due, Work
from schedules.duties import DUTIES, SPANS, duty_states, season_of
from schedules.job import Job

HOUR = time(15, 0)
LEADS = (timedelta(days=7), timedelta(days=1))
"""Before the last day."""
USEFUL = timedelta(days=2)
_DAY = timedelta(days=1)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each branch and each day of reminding; whether anything is owed is looked at when it is done."""
    for moment in moments(start, end, HOUR, _is_reminding):
        day = day_of(moment)
        for branch in directory.of_kind(OrganisationKind.BRANCH):
            if branch.created_at < at(day, time()):
                times = moment, moment + USEFUL
                yield from directory.post(JOB.name, branch, day.isoformat(), times, partial(_remind, branch.id, day))


@cache
def _is_reminding(day: date) -> bool:
    """Whether it is a day of reminding for any duty that there may be."""
    seasons = {season_of(span_of(day), 1) for span_of in SPANS.values()}
    seasons |= {season_of(SPANS[duty.every](day), duty.season) for duty in DUTIES}
    return any(day in days_of_reminding(season) for season in seasons)


def days_of_reminding(season: Span) -> list[date]:
    """The days on which what is owed in this stretch of whole days is named."""
    first, last = local(season.start).date(), local(season.end).date() - _DAY
    middle = first + timedelta(days=(last - first + _DAY).days // 2)
    return [_working_day_until(day) for day in (middle, *(last - lead for lead in LEADS))]


def _working_day_until(day: date) -> date:
    while not is_working_day(day):
        day -= _DAY
    return day


def _remind(branch_id: int, day: date, work: Work) -> None:
    branch = work.session.get_one(Organisation, branch_id)
    states = duty_states(work.session, Tree(work.session), [branch], work.now)[branch_id]
    card = duty_reminder(branch.name, [state.line() for state in states if day in days_of_reminding(state.season)])
    if card is None:
        return
    secretaries = posts_of(work.session, branch, Post.SECRETARY, Post.DEPUTY)
    if any(work.tell(secretary, card) for secretary in secretaries):
        return
    for chat in chats_of(work.session, branch)[:1]:
        work.say(chat, _for_everybody(card))


def _for_everybody(card: Card) -> Text:
    """Without the buttons, which are not everybody's to press."""
    return Text(card.as_text())


JOB = Job("duty_reminder", dues)
