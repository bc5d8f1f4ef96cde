"""Who has not answered a notice hours after it was sent is asked once more, in private and out of rush hours.

Useful until the notice closes. Each organisation has its own quiet minute.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import select

from bot.reports.notices import nudge_card
from models.notices import Notice, NoticeRoll
from models.people import Person
from schedules.calendar import next_quiet_minute
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job

PERIOD = "nudge"
"""There is one for each notice and organisation."""


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each open notice and each organisation of which somebody has not answered."""
    query = (
        select(Notice.id, Notice.nudge_at, Notice.closes_at, Person.organisation_id)
        .join(NoticeRoll, NoticeRoll.notice_id == Notice.id)
        .join(Person, Person.id == NoticeRoll.person_id)
        .where(
            Notice.closed_at.is_(None),
            Notice.nudge_at <= end,
            Notice.closes_at > start,
            NoticeRoll.answered_at.is_(None),
        )
        .distinct()
    )
    for notice_id, nudge_at, closes_at, organisation_id in directory.session.execute(query):
        windows = directory.rush_hours(directory.tree.by_id[organisation_id])
        target = f"notice:{notice_id}:{organisation_id}"
        run = partial(_nudge, notice_id, organisation_id)
        yield Due(JOB.name, target, PERIOD, next_quiet_minute(nudge_at, windows), closes_at, run, windows)


def _nudge(notice_id: int, organisation_id: int, work: Work) -> None:
    notice = work.session.get_one(Notice, notice_id)
    if notice.closed_at is not None:
        return
    query = (
        select(Person)
        .join(NoticeRoll, NoticeRoll.person_id == Person.id)
        .where(
            NoticeRoll.notice_id == notice_id,
            NoticeRoll.answered_at.is_(None),
            Person.organisation_id == organisation_id,
            Person.left_on.is_(None),
        )
        .order_by(Person.id)
    )
    card = nudge_card(notice)
    for address in work.posting.reach_all(work.session.scalars(query)).values():
        work.posting.post(address, card, useful_until=work.due.useful_until)


JOB = Job("notice_nudge", dues)
