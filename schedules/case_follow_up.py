"""Seven days after 办结 its reporter is asked once more how it is, unless it was rated; in private, out of rush hours.

Once for each 办结, and never a third time. Useful for three days. Who only followed the case (附议) is asked nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import select

from bot.clock import local
from bot.messages import PROVIDERS
from bot.posting import Address
from bot.reports.follow_up import ASKED_AGAIN, USEFUL, follow_up_card
from models.cases import Case, CaseState
from schedules.calendar import next_quiet_minute
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """One for each case that is 已办结 and whose reporter can be told anything."""
    query = select(Case.id, Case.resolved_at, Case.organisation_id).where(
        Case.state == CaseState.RESOLVED,
        Case.reporter_platform.in_(list(PROVIDERS)),
        Case.resolved_at > start - ASKED_AGAIN - USEFUL,
        Case.resolved_at <= end - ASKED_AGAIN,
    )
    for case_id, resolved_at, organisation_id in directory.session.execute(query):
        if resolved_at is not None:
            windows = directory.rush_hours(directory.tree.by_id[organisation_id])
            moment, period = resolved_at + ASKED_AGAIN, f"{local(resolved_at):%Y-%m-%dT%H:%M:%S}"
            due_at, run = next_quiet_minute(moment, windows), partial(_ask, case_id, resolved_at)
            yield Due(JOB.name, f"case:{case_id}", period, due_at, moment + USEFUL, run, windows)


def _ask(case_id: int, resolved_at: datetime, work: Work) -> None:
    case = work.session.get_one(Case, case_id)
    if case.state is not CaseState.RESOLVED or case.resolved_at != resolved_at:
        return
    address = Address(case.reporter_platform, case.reporter_bot, case.reporter_ref, to_person=True)
    work.posting.post(address, follow_up_card(case), useful_until=work.due.useful_until)


JOB = Job("case_follow_up", dues)
