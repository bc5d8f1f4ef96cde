"""A notice closes at its time, in a quiet minute: its cards say so, and whoever sent it hears the figures in private.

Never missed.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import select

from bot.reports.notices import notice_summary, refresh_cards
from models.notices import Notice
from models.people import LEADING, Person, posts_of
from schedules.calendar import next_quiet_minute
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job

PERIOD = "close"


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each open notice."""
    query = select(Notice.id, Notice.organisation_id, Notice.closes_at).where(
        Notice.closed_at.is_(None), Notice.closes_at <= end
    )
    for notice_id, organisation_id, closes_at in directory.session.execute(query):
        windows = directory.rush_hours(directory.tree.by_id[organisation_id])
        moment, run = next_quiet_minute(closes_at, windows), partial(_close, notice_id)
        yield Due(JOB.name, f"notice:{notice_id}", PERIOD, moment, None, run, windows)


def _close(notice_id: int, work: Work) -> None:
    notice = work.session.get_one(Notice, notice_id, with_for_update=True)
    if notice.closed_at is not None:
        return
    notice.closed_at = work.now
    refresh_cards(work.session, work.posting, notice)
    text = notice_summary(work.session, notice, notice.organisation)
    for person in _concerned(work, notice):
        if work.tell(person, text):
            return


def _concerned(work: Work, notice: Notice) -> Iterable[Person]:
    """Who sent it; failing that, who else runs the organisation."""
    sender = work.session.get(Person, notice.sent_by) if notice.sent_by else None
    if sender is not None and sender.left_on is None:
        yield sender
    yield from posts_of(work.session, notice.organisation, *LEADING)


JOB = Job("notice_close", dues)
