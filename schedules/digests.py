"""The digests as of a time, made of the records and the duties. They are posted weekly and shown on request."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.content import Text
from bot.reports import digest
from bot.reports.weeks import Behind, branch_week, organiser_week
from models.organisations import Organisation, OrganisationKind, Tree
from schedules.calendar import week_of
from schedules.directory import day_of
from schedules.duties import DutyState, duty_states

HALF = 0.5
"""How much of a period must be over before a branch that owes its duty is behind."""


def branch_digest(session: Session, tree: Tree, branch: Organisation, now: datetime, end: datetime) -> Text:
    """The branch's seven days before ``end``, its duties ``now``, and what is planned until the end of next week."""
    states = duty_states(session, tree, [branch], now).get(branch.id, [])
    week = branch_week(
        session,
        branch,
        [state.line() for state in states],
        end=end,
        now=now,
        planned_until=week_of(day_of(now) + timedelta(days=7)).end,
    )
    return digest.branch_digest(week)


def organiser_digest(session: Session, tree: Tree, organisation: Organisation, now: datetime) -> Text | None:
    """The last full week, Monday to Sunday, of the branches below the organisation; None where it has none."""
    branches = [org for org in tree.below(organisation) if org.kind is OrganisationKind.BRANCH]
    if not branches:
        return None
    end = week_of(day_of(now)).start
    behind = branches_behind(session, tree, branches, end - timedelta(minutes=1))
    return digest.organiser_digest(organiser_week(session, organisation, end, len(branches), behind))


def branches_behind(session: Session, tree: Tree, branches: list[Organisation], moment: datetime) -> list[Behind]:
    """The branches that owe a duty though half of its period is over; those that owe most come first."""
    states = duty_states(session, tree, branches, moment)
    owed = {branch.id: [s for s in states.get(branch.id, []) if _is_behind(s, moment)] for branch in branches}
    late = [branch for branch in branches if owed[branch.id]]
    late.sort(key=lambda branch: (-sum(s.duty.hard for s in owed[branch.id]), -len(owed[branch.id]), branch.path))
    return [Behind(branch.name, [state.line() for state in owed[branch.id]]) for branch in late]


def _is_behind(state: DutyState, moment: datetime) -> bool:
    return state.owed > 0 and state.span.elapsed(moment) >= HALF
