"""Cases: hazards (隐患) and appeals (诉求), one number series, one state machine."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import SealedText, WithId
from models.counters import next_number
from models.organisations import Organisation
from models.people import Person


class CaseKind(StrEnum):
    """Hazards are public in their group; appeals are confidential."""

    HAZARD = "hazard"
    APPEAL = "appeal"


class CaseState(StrEnum):
    """The states, in the field's words."""

    COLLECTED = "已收集"
    ACCEPTED = "已受理"
    DISPATCHED = "已派单"
    IN_PROGRESS = "办理中"
    RESOLVED = "已办结"
    RATED = "已评价"
    DECLINED = "不予受理"
    MERGED = "已并案"


class Action(StrEnum):
    """What can be done to a case, as it is typed."""

    COLLECT = "登记"
    ACCEPT = "受理"
    DECLINE = "不受理"
    ASSIGN = "派单"
    RETURN = "退单"
    RESOLVE = "办结"
    MERGE = "并案"
    RATE = "评价"
    REOPEN = "重办"


class Part(StrEnum):
    """In what part somebody acts on a case."""

    DISPATCHER = "dispatcher"
    """The branch's secretary, or one above."""
    UNIT = "unit"
    """The 联系人 of the unit that the case is with."""
    REPORTER = "reporter"


OPEN_STATES = (CaseState.COLLECTED, CaseState.ACCEPTED, CaseState.DISPATCHED, CaseState.IN_PROGRESS)
FINISHED_STATES = (CaseState.RESOLVED, CaseState.RATED)

_BRANCH_HELD = (CaseState.COLLECTED, CaseState.ACCEPTED)
_WITH_UNIT = (CaseState.DISPATCHED, CaseState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do an action, from which states, and the state that follows."""

    by: Part
    before: tuple[CaseState, ...]
    after: CaseState


RULES: dict[Action, tuple[Rule, ...]] = {
    Action.ACCEPT: (
        Rule(Part.DISPATCHER, (CaseState.COLLECTED,), CaseState.ACCEPTED),
        Rule(Part.UNIT, (CaseState.DISPATCHED,), CaseState.IN_PROGRESS),
    ),
    Action.DECLINE: (Rule(Part.DISPATCHER, _BRANCH_HELD, CaseState.DECLINED),),
    Action.ASSIGN: (Rule(Part.DISPATCHER, OPEN_STATES, CaseState.DISPATCHED),),
    Action.RETURN: (Rule(Part.UNIT, _WITH_UNIT, CaseState.ACCEPTED),),
    Action.RESOLVE: (
        Rule(Part.DISPATCHER, OPEN_STATES, CaseState.RESOLVED),
        Rule(Part.UNIT, _WITH_UNIT, CaseState.RESOLVED),
    ),
    Action.MERGE: (Rule(Part.DISPATCHER, OPEN_STATES, CaseState.MERGED),),
    Action.RATE: (Rule(Part.REPORTER, FINISHED_STATES, CaseState.RATED),),
    Action.REOPEN: (Rule(Part.REPORTER, FINISHED_STATES, CaseState.ACCEPTED),),
}
"""派单 on a case that was only collected accepts it in the same step; 受理 by the unit makes it 办理中."""


class Illegal(Exception):
    """The action is not open to this person in this state; ``legal`` are those that are."""

    def __init__(self, case: "Case", action: Action, legal: tuple[Action, ...]) -> None:
        super().__init__(f"{action} of case {case.number} in state {case.state}")
        self.case = case
        self.action = action
        self.legal = legal


class Rating(StrEnum):
    """The answer to the one satisfaction question; 未解决 opens the case again."""

    SATISFIED = "满意"
    FAIR = "基本满意"
    UNSOLVED = "未解决"


class Case(WithId):
    """One hazard or appeal. The text is what was said, to the letter."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("number"),)

    number: Mapped[int]
    kind: Mapped[CaseKind]
    state: Mapped[CaseState]
    category: Mapped[str]
    place: Mapped[str] = mapped_column(SealedText())
    text: Mapped[str] = mapped_column(SealedText())
    photos: Mapped[list[str]] = mapped_column(JSON)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"))
    """The group where it was reported."""
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    reporter_platform: Mapped[str]
    reporter_bot: Mapped[str]
    reporter_ref: Mapped[str]
    """Where to tell the reporter, who need not be in the roster."""
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    """The responsible unit that it is with."""
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    accepted_at: Mapped[datetime | None]
    """First 受理."""
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    rating: Mapped[Rating | None]
    reopened: Mapped[int] = mapped_column(default=0)
    """Number of 重办."""
    message_id: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    unit: Mapped[Organisation | None] = relationship(foreign_keys=[unit_id])
    reporter: Mapped[Person | None] = relationship()

    @property
    def confidential(self) -> bool:
        """Whether nothing of it may be said in a group."""
        return self.kind is CaseKind.APPEAL


class CaseStep(WithId):
    """One change of a case: who, when, from which message, and why."""

    __tablename__ = "case_steps"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    action: Mapped[Action]
    before: Mapped[CaseState | None]
    after: Mapped[CaseState]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    reason: Mapped[str] = mapped_column(SealedText())
    at: Mapped[datetime] = mapped_column(index=True)
    message_id: Mapped[int]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on a case, when, and from which message. ``person`` is None for a reporter outside the roster."""

    person: Person | None
    parts: frozenset[Part]
    at: datetime
    message_id: int


def parts_of(person: Person, case: Case) -> frozenset[Part]:
    """In what parts a person of the roster may act on a case."""
    parts = set()
    if person.acts_for(case.organisation):
        parts.add(Part.DISPATCHER)
    if case.unit is not None and person.contact_of(case.unit):
        parts.add(Part.UNIT)
    if case.reporter_id == person.id:
        parts.add(Part.REPORTER)
    return frozenset(parts)


def legal_actions(case: Case, parts: frozenset[Part]) -> tuple[Action, ...]:
    """What these parts may do to the case as it stands."""
    return tuple(action for action in RULES if _rule(case, action, parts))


def collect(session: Session, case: Case, actor: Actor) -> Case:
    """Gives a new case its number and first step."""
    case.number = next_number(session, "case")
    case.state = CaseState.COLLECTED
    case.created_at = actor.at
    session.add(case)
    session.flush()
    session.add(_step(case, Action.COLLECT, None, actor, ""))
    return case


def change(
    session: Session, case: Case, action: Action, actor: Actor, reason: str = "", unit: Organisation | None = None
) -> CaseStep:
    """Does one action and keeps it in the history. Raises Illegal where state and part do not allow it."""
    rule = _rule(case, action, actor.parts)
    if rule is None:
        raise Illegal(case, action, legal_actions(case, actor.parts))
    before = case.state
    case.state = rule.after
    _settle(case, action, actor.at, unit)
    step = _step(case, action, before, actor, reason)
    session.add(step)
    return step


def _settle(case: Case, action: Action, now: datetime, unit: Organisation | None) -> None:
    """What an action means for the case beside its state."""
    if action in (Action.ACCEPT, Action.ASSIGN) and case.accepted_at is None:
        case.accepted_at = now
    if action is Action.ASSIGN:
        case.unit = unit
        case.unit_id = unit.id if unit else None
    if action is Action.RETURN:
        case.unit = None
        case.unit_id = None
    if action is Action.RESOLVE:
        case.resolved_at = now
    if action is Action.REOPEN:
        case.resolved_at = None
        case.reopened += 1
        if case.unit_id is not None:
            case.state = CaseState.IN_PROGRESS


def _rule(case: Case, action: Action, parts: frozenset[Part]) -> Rule | None:
    """The unit's own rule comes first where somebody has both parts and the case is with the unit."""
    fitting = [rule for rule in RULES.get(action, ()) if rule.by in parts and case.state in rule.before]
    return fitting[0] if fitting else None


def _step(case: Case, action: Action, before: CaseState | None, actor: Actor, reason: str) -> CaseStep:
    return CaseStep(
        case_id=case.id,
        action=action,
        before=before,
        after=case.state,
        actor_id=actor.person.id if actor.person else None,
        unit_id=case.unit_id,
        reason=reason,
        at=actor.at,
        message_id=actor.message_id,
    )


def find_case(session: Session, number: int) -> Case | None:
    """The case with this number."""
    return session.scalars(select(Case).where(Case.number == number)).one_or_none()
