"""催办, 督办 and 提级: each rung that a case's lateness has reached, once, however late the schedules run.

They wait for the end of the night, unless the case is urgent. The rush hours of a branch do not count: units are told,
and secretaries in private. The first rung of a run does all that are due, so that one address gets one text.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import exists, select

from bot.clock import local
from bot.reports.ladder import Climbed, Words
from models.cases import Case
from models.escalations import Escalation, Rung
from models.organisations import Tree
from schedules.calendar import next_quiet_minute
from schedules.deadlines import Rising, rising
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each rung, as the cases stand now."""
    for found in rising(directory.session, directory.tree, end):
        period = f"{local(found.due_at):%Y-%m-%dT%H:%M:%S} {found.since_id} {found.cause} {found.rung}"
        windows = None if found.case.urgent else ()
        due_at, run = found.due_at, partial(_climb, _key(found))
        yield Due(JOB.name, f"case:{found.case.id}", period, due_at, None, run, windows)


Key = tuple[int, int, str, Rung, int]


def _key(found: Rising) -> Key:
    return found.case.id, found.since_id, found.cause, found.rung, found.organisation.id


def _climb(key: Key, work: Work) -> None:
    """Does everything that is due by now, unless another rung of this run has done so."""
    if _is_done(key, work):
        return
    tree = Tree(work.session)
    words = Words(work.session, work.posting, tree)
    night = next_quiet_minute(work.now, ()) > work.now
    for found in rising(work.session, tree, work.now):
        if found.case.urgent or not night:
            words.add(_done(found, work))
    directory = Directory(work.session)
    words.post(work.now, lambda case: _quiet_minute(directory, case, work.now))


def _is_done(key: Key, work: Work) -> bool:
    case_id, since_id, cause, rung, organisation_id = key
    same = exists().where(
        Escalation.case_id == case_id,
        Escalation.since_id == since_id,
        Escalation.cause == cause,
        Escalation.rung == rung,
        Escalation.organisation_id == organisation_id,
    )
    return bool(work.session.scalar(select(same)))


def _done(found: Rising, work: Work) -> Climbed:
    case, organisation = found.case, found.organisation
    if found.rung is Rung.ESCALATE:
        case.level, case.level_id = organisation, organisation.id
    escalation = Escalation(
        case_id=case.id,
        since_id=found.since_id,
        cause=found.cause,
        rung=found.rung,
        organisation_id=organisation.id,
        due_at=found.due_at,
        at=work.now,
    )
    work.session.add(escalation)
    return Climbed(case, found.cause, found.rung, organisation, found.owed_by)


def _quiet_minute(directory: Directory, case: Case, now: datetime) -> datetime:
    """When its reporter may be disturbed, who may be on the road."""
    return next_quiet_minute(now, directory.rush_hours(case.organisation))


JOB = Job("case_overdue", dues)
