"""The day of the next look of a case that is 挂账: at 09:00 whoever has it, and the secretary, are asked to look.

A day off leaves it to the next working day. From the day's beginning the deadlines run again (``schedules.deadlines``).
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import select

from bot.clock import at
from bot.reports.ladder import ask_to_look
from models.cases import Case, CaseState
from models.organisations import Tree
from schedules.directory import Directory, day_of
from schedules.due import Due, Work
from schedules.job import Job
from schedules.working_time import first_working_day

HOUR = time(9, 0)
USEFUL = timedelta(days=5)
"""Later the ladder has spoken of it."""


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # few are 挂账
    """One for each case that is 挂账 and each day to which that was put off."""
    query = select(Case.id, Case.suspended_until).where(
        Case.state == CaseState.SUSPENDED, Case.suspended_until <= day_of(end)
    )
    for case_id, until in directory.session.execute(query):
        if until is not None:
            moment, run = at(first_working_day(until), HOUR), partial(_ask, case_id, until)
            yield Due(JOB.name, f"case:{case_id}", until.isoformat(), moment, moment + USEFUL, run)


def _ask(case_id: int, until: date, work: Work) -> None:
    case = work.session.get_one(Case, case_id)
    if case.state is CaseState.SUSPENDED and case.suspended_until == until:
        ask_to_look(work.session, work.posting, Tree(work.session), case)


JOB = Job("suspension_end", dues)
