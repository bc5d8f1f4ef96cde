"""Cases: hazards (隐患) and appeals (诉求), one number series, one state machine."""

from dataclasses import dataclass
from datetime import date, datetime
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
    SUSPENDED = "挂账"
    """It cannot be solved now; there is a day for the next look."""
    DECLINED = "不予受理"
    MERGED = "已并案"
    WITHDRAWN = "已撤回"


class Action(StrEnum):
    """What can be done to a case, as it is typed."""

    COLLECT = "登记"
    ACCEPT = "受理"
    DECLINE = "不受理"
    ASSIGN = "派单"
    TRANSFER = "转办"
    """派单 once more, to another unit."""
    RETURN = "退单"
    SUSPEND = "挂账"
    RESUME = "复办"
    """挂账 is over: the case goes on where it was."""
    RESOLVE = "办结"
    MERGE = "并案"
    RATE = "评价"
    REOPEN = "重办"
    WITHDRAW = "撤回"


class Part(StrEnum):
    """In what part somebody acts on a case."""

    DISPATCHER = "dispatcher"
    """The branch's secretary, or one above."""
    UNIT = "unit"
    """The 联系人 of the unit that the case is with."""
    REPORTER = "reporter"


FINISHED_STATES = (CaseState.RESOLVED, CaseState.RATED)

_BRANCH_HELD = (CaseState.COLLECTED, CaseState.ACCEPTED)
_WITH_UNIT = (CaseState.DISPATCHED, CaseState.IN_PROGRESS)
_HELD = (*_BRANCH_HELD, *_WITH_UNIT)
_TAKEN = (CaseState.ACCEPTED, *_WITH_UNIT)
OPEN_STATES = (*_HELD, CaseState.SUSPENDED)
"""Not at an end yet, whoever has it."""


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
    Action.ASSIGN: (Rule(Part.DISPATCHER, _BRANCH_HELD, CaseState.DISPATCHED),),
    Action.TRANSFER: (Rule(Part.DISPATCHER, (*_WITH_UNIT, CaseState.SUSPENDED), CaseState.DISPATCHED),),
    Action.RETURN: (Rule(Part.UNIT, (CaseState.DISPATCHED,), CaseState.ACCEPTED),),
    Action.SUSPEND: (
        Rule(Part.DISPATCHER, (*_TAKEN, CaseState.SUSPENDED), CaseState.SUSPENDED),
        Rule(Part.UNIT, (CaseState.IN_PROGRESS, CaseState.SUSPENDED), CaseState.SUSPENDED),
    ),
    Action.RESUME: (
        Rule(Part.DISPATCHER, (CaseState.SUSPENDED,), CaseState.ACCEPTED),
        Rule(Part.UNIT, (CaseState.SUSPENDED,), CaseState.IN_PROGRESS),
    ),
    Action.RESOLVE: (
        Rule(Part.DISPATCHER, OPEN_STATES, CaseState.RESOLVED),
        Rule(Part.UNIT, (*_WITH_UNIT, CaseState.SUSPENDED), CaseState.RESOLVED),
    ),
    Action.MERGE: (Rule(Part.DISPATCHER, OPEN_STATES, CaseState.MERGED),),
    Action.RATE: (Rule(Part.REPORTER, FINISHED_STATES, CaseState.RATED),),
    Action.REOPEN: (Rule(Part.REPORTER, FINISHED_STATES, CaseState.ACCEPTED),),
    Action.WITHDRAW: (Rule(Part.REPORTER, OPEN_STATES, CaseState.WITHDRAWN),),
}
"""派单 on a case that was only collected accepts it in the same step; 受理 by the unit makes it 办理中.

首接负责: once a unit has taken a case it may set it aside (挂账), but not send it back (退单). 复办 and 重办 of a case
that a unit has taken leave it with that unit (see ``change``).
"""


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
    sureness: Mapped[float | None]
    """How sure the trained classifier was of the category, from 0 to 1; None where only the lexicon has spoken."""
    place: Mapped[str] = mapped_column(SealedText())
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    """Degrees as the reporter's platform gives them, in China by GCJ-02. None for appeals."""
    text: Mapped[str] = mapped_column(SealedText())
    photos: Mapped[list[str]] = mapped_column(JSON)
    result_photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    """How it looks after 办结."""
    urgent: Mapped[bool] = mapped_column(default=False)
    """Life is in danger, or somebody said that it cannot wait."""
    anonymous: Mapped[bool] = mapped_column(default=False)
    """The reporter is named to nobody; no unit learns the reporter of any case."""
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
    taken: Mapped[bool] = mapped_column(default=False)
    """Whether ``unit`` has done 受理 of it: 首接负责."""
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey("lessons.id"), index=True)
    """The 恳谈会 at which it was taken in."""
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    accepted_at: Mapped[datetime | None]
    """First 受理."""
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    suspended_until: Mapped[date | None]
    """The day of the next look, in Shanghai, while it is 挂账: from its beginning the deadlines run again."""
    rating: Mapped[Rating | None]
    reopened: Mapped[int] = mapped_column(default=0)
    """Number of 重办."""
    transfers: Mapped[int] = mapped_column(default=0)
    """Number of 转办."""
    level_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    """The organisation to which 提级 has brought it; None: it is still its own branch's."""
    message_id: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    unit: Mapped[Organisation | None] = relationship(foreign_keys=[unit_id])
    level: Mapped[Organisation | None] = relationship(foreign_keys=[level_id])
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
    until: Mapped[date | None]
    """Of 挂账: the day of the next look."""
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
    session: Session,
    case: Case,
    action: Action,
    actor: Actor,
    reason: str = "",
    *,
    unit: Organisation | None = None,
    until: date | None = None,
) -> CaseStep:
    """Does one action and keeps it in the history. Raises Illegal where state and part do not allow it.

    ``unit`` is whom 派单 and 转办 send it to, ``until`` the day of the next look of 挂账. Raises ValueError where
    these actions come without.
    """
    rule = _rule(case, action, actor.parts)
    if rule is None:
        raise Illegal(case, action, legal_actions(case, actor.parts))
    before = case.state
    case.state = rule.after
    _settle(case, action, actor.at)
    _hand_over(case, action, unit)
    _set_aside(case, action, until)
    step = _step(case, action, before, actor, reason)
    session.add(step)
    return step


def dispatch(session: Session, case: Case, unit: Organisation, at: datetime) -> CaseStep:
    """派单 by the branch's own table (派单规则), as the case is collected: nobody's act, from the report's message."""
    actor = Actor(None, frozenset({Part.DISPATCHER}), at, case.message_id)
    return change(session, case, Action.ASSIGN, actor, "按派单规则", unit=unit)


def _settle(case: Case, action: Action, now: datetime) -> None:
    """When it was accepted and resolved, and how often done anew."""
    if action in (Action.ACCEPT, Action.ASSIGN) and case.accepted_at is None:
        case.accepted_at = now
    if action is Action.RESOLVE:
        case.resolved_at = now
    if action is Action.REOPEN:
        case.resolved_at = None
        case.reopened += 1


def _hand_over(case: Case, action: Action, unit: Organisation | None) -> None:
    """Whom the case is with."""
    if action in (Action.ASSIGN, Action.TRANSFER):
        if unit is None:
            raise ValueError(f"{action} without a unit")
        case.unit, case.unit_id, case.taken = unit, unit.id, False
        case.transfers += action is Action.TRANSFER
    if action is Action.RETURN:
        case.unit, case.unit_id = None, None
    if case.state is CaseState.IN_PROGRESS or (action is Action.RESOLVE and case.unit_id is not None):
        case.taken = True
    if action in (Action.REOPEN, Action.RESUME) and case.unit_id is not None:
        case.state = CaseState.IN_PROGRESS if case.taken else CaseState.DISPATCHED


def _set_aside(case: Case, action: Action, until: date | None) -> None:
    if action is Action.SUSPEND and until is None:
        raise ValueError(f"{action} without a day for the next look")
    case.suspended_until = until if action is Action.SUSPEND else None


def _rule(case: Case, action: Action, parts: frozenset[Part]) -> Rule | None:
    """The first that fits."""
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
        until=case.suspended_until,
        at=actor.at,
        message_id=actor.message_id,
    )


def find_case(session: Session, number: int) -> Case | None:
    """The case with this number."""
    return session.scalars(select(Case).where(Case.number == number)).one_or_none()
