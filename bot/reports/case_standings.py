"""How cases stand at a moment, each by its history until then. What is late is what the ladder has urged (催办), by the
deadline that is kept with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.cases import FINISHED_STATES, OPEN_STATES, Action, Case, CaseKind, CaseState, CaseStep
from models.escalations import Cause, Escalation, Rung
from models.organisations import Organisation, belongs_to

_ONCE = 10_000
"""Ids in one query."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands at a moment, by its history until then."""

    id: int
    kind: CaseKind
    category: str
    organisation_id: int
    unit_id: int | None
    reporter: str
    """Who reported it, only to count different people."""
    created_at: datetime
    state: CaseState
    resolved: tuple[datetime, ...]
    """Each 办结, the first first."""
    reopened: tuple[datetime, ...]
    """Each 重办."""
    rated: tuple[tuple[datetime, bool], ...]
    """Each word of the reporter on a 办结, and whether it was 满意 or 基本满意."""
    answered_late: bool
    """Its first 受理 was not there in time; or is not there though the time is over."""
    late: bool
    """Its 办结, or that which is awaited since the last 重办, was not there in time."""
    lying: bool
    """It waits for a 受理 whose time is over, by the branch or the unit."""

    @property
    def open(self) -> bool:
        """Whether somebody has to do something."""
        return self.state in OPEN_STATES

    @property
    def finished(self) -> bool:
        """办结, rated or not."""
        return self.state in FINISHED_STATES

    @property
    def overdue(self) -> bool:
        """Open, and its time for 受理 or 办结 is over; that of a 挂账 stands still."""
        return self.open and self.state is not CaseState.SUSPENDED and (self.late or self.lying)


def standings(session: Session, organisation: Organisation, since: datetime, end: datetime) -> list[Standing]:
    """The cases of the organisation and all below it as they stood at ``end``: those that were collected or changed
    after ``since``, and those that were open then. In order of their collection.
    """
    changed = select(CaseStep.case_id).where(CaseStep.at >= since)
    touched = or_(Case.created_at >= since, Case.state.in_(OPEN_STATES), Case.id.in_(changed))
    query = (
        select(Case.id, Case.kind, Case.category, Case.organisation_id, Case.reporter_id)
        .add_columns(Case.reporter_platform, Case.reporter_ref, Case.created_at)
        .where(belongs_to(Case.organisation_id, organisation), Case.created_at < end, touched)
        .order_by(Case.created_at, Case.id)
    )
    rows = session.execute(query).all()
    steps, late = _histories(session, [row.id for row in rows], end)
    return [
        _standing(row.id, row.kind, row.category, row.organisation_id, _reporter(*row[4:7]), row.created_at, *history)
        for row in rows
        if (history := (steps.get(row.id, []), late.get(row.id, set())))[0]
    ]


@dataclass(frozen=True, slots=True)
class _Step:
    id: int
    action: Action
    after: CaseState
    unit_id: int | None
    at: datetime


_Late = set[tuple[Cause, int]]
"""What was urged: why, and the step from which the time ran."""


def _reporter(person_id: int | None, platform: str, ref: str) -> str:
    return f"{person_id}" if person_id is not None else f"{platform}:{ref}"


def _histories(session: Session, ids: Sequence[int], end: datetime) -> tuple[dict[int, list[_Step]], dict[int, _Late]]:
    """The steps of each case before ``end``, and what was urged until then."""
    steps: dict[int, list[_Step]] = {}
    late: dict[int, _Late] = {}
    for start in range(0, len(ids), _ONCE):
        some = ids[start : start + _ONCE]
        told = (
            select(CaseStep.case_id, CaseStep.id, CaseStep.action, CaseStep.after, CaseStep.unit_id, CaseStep.at)
            .where(CaseStep.case_id.in_(some), CaseStep.at < end)
            .order_by(CaseStep.id)
        )
        for case_id, step_id, action, after, unit_id, at in session.execute(told):
            steps.setdefault(case_id, []).append(_Step(step_id, action, after, unit_id, at))
        urged = select(Escalation.case_id, Escalation.cause, Escalation.since_id).where(
            Escalation.case_id.in_(some),
            Escalation.rung == Rung.URGE,
            Escalation.cause.in_((Cause.ACCEPT, Cause.RESOLVE)),
            Escalation.due_at < end,
        )
        for case_id, cause, since_id in session.execute(urged):
            late.setdefault(case_id, set()).add((cause, since_id))
    return steps, late


def _standing(
    case_id: int,
    kind: CaseKind,
    category: str,
    organisation_id: int,
    reporter: str,
    created_at: datetime,
    steps: Sequence[_Step],
    late: _Late,
) -> Standing:
    begun = [step.id for step in steps if step.action in (Action.COLLECT, Action.REOPEN)]
    sent = [step.id for step in steps if step.action in (Action.COLLECT, Action.ASSIGN, Action.TRANSFER)]
    last = steps[-1]
    words = [step for step in steps if step.action in (Action.RATE, Action.REOPEN)]
    return Standing(
        id=case_id,
        kind=kind,
        category=category,
        organisation_id=organisation_id,
        unit_id=last.unit_id,
        reporter=reporter,
        created_at=created_at,
        state=last.after,
        resolved=tuple(step.at for step in steps if step.action is Action.RESOLVE),
        reopened=tuple(step.at for step in steps if step.action is Action.REOPEN),
        rated=tuple((step.at, step.action is Action.RATE) for step in words),
        answered_late=(Cause.ACCEPT, steps[0].id) in late,
        late=(Cause.RESOLVE, begun[-1]) in late,
        lying=last.after in (CaseState.COLLECTED, CaseState.DISPATCHED) and (Cause.ACCEPT, sent[-1]) in late,
    )
