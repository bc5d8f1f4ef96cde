"""The digests as of a time, made of the records and the duties. They are posted weekly and shown on request."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.content import Text
from bot.reports import digest
from bot.reports.duties import Behind, Verdict
from bot.reports.weeks import branch_week, organiser_week
from models.organisations import Organisation, OrganisationKind, Tree
from schedules.calendar import week_of
from schedules.directory import day_of
from schedules.duties import DutyState, duty_states, overdue

HALF = 0.5
"""How much of the time for a duty must be over before a branch that owes it is behind."""
LATELY = timedelta(days=31)
"""For how long after its end a period is spoken of, in which too little was held."""


def branch_digest(session: Session, tree: Tree, branch: Organisation, now: datetime, end: datetime) -> Text:
    """The branch's seven days before ``end``, its duties ``now``, and what is planned until the end of next week."""
    states = duty_states(session, tree, [branch], now).get(branch.id, [])
    week = branch_week(
        session,
        branch,
        [state.line() for state in states if state.in_season],
        [state.line() for state in _overdue_lately(session, tree, [branch], now).get(branch.id, [])],
        end=end,
        now=now,
        planned_until=week_of(day_of(now) + timedelta(days=7)).end,
    )
    return digest.branch_digest(week)


def organiser_digest(session: Session, tree: Tree, organisation: Organisation, now: datetime) -> Text | None:
    """The last full week, Monday to Sunday, of the branches below the organisation; None where it has none."""
    branches = branches_below(tree, organisation)
    if not branches:
        return None
    end = week_of(day_of(now)).start
    behind = branches_behind(session, tree, branches, end - timedelta(minutes=1))
    return digest.organiser_digest(organiser_week(session, organisation, end, len(branches), behind))


def branches_below(tree: Tree, organisation: Organisation) -> list[Organisation]:
    """The 党支部 at or below the organisation."""
    return [org for org in tree.below(organisation) if org.kind is OrganisationKind.BRANCH]


def branches_behind(session: Session, tree: Tree, branches: list[Organisation], moment: datetime) -> list[Behind]:
    """Who owes a duty though half of its time is over, or did not hold it in a period that ended lately.

    A branch that was not there when the period began is not behind in it.
    """
    states = duty_states(session, tree, branches, moment)
    owed = {branch_id: [state for state in found if _is_behind(state)] for branch_id, found in states.items()}
    return in_order(branches, owed, _overdue_lately(session, tree, branches, moment))


def in_order(
    branches: Iterable[Organisation], owed: dict[int, list[DutyState]], late: dict[int, list[DutyState]]
) -> list[Behind]:
    """The branches that owe something or are late with it: those with most of what must be held come first."""

    def weight(branch: Organisation) -> tuple[int, int, str]:
        both = [*owed.get(branch.id, []), *late.get(branch.id, [])]
        return -sum(state.duty.hard for state in both), -len(both), branch.path

    return [
        Behind(
            branch.name,
            [state.line() for state in owed.get(branch.id, [])],
            [state.line() for state in late.get(branch.id, [])],
        )
        for branch in sorted(branches, key=weight)
        if owed.get(branch.id) or late.get(branch.id)
    ]


def _overdue_lately(
    session: Session, tree: Tree, branches: list[Organisation], now: datetime
) -> dict[int, list[DutyState]]:
    found = overdue(session, tree, branches, now, since=now)
    return {branch_id: [s for s in states if now - s.span.end < LATELY] for branch_id, states in found.items()}


def _is_behind(state: DutyState) -> bool:
    return state.verdict is Verdict.DUE and state.judged and state.season.elapsed(state.as_of) >= HALF
