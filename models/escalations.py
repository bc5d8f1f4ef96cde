"""催办, 督办 and 提级: what was done because a case was left lying, each once."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import WithId
from models.cases import Case
from models.organisations import Organisation, Tree


class Rung(StrEnum):
    """The rungs of the ladder."""

    URGE = "催办"
    """Who has the case is told."""
    SUPERVISE = "督办"
    """And the branch's secretary."""
    ESCALATE = "提级"
    """And the next organisation up, once for each."""


class Cause(StrEnum):
    """Why."""

    ACCEPT = "受理超时"
    RESOLVE = "办结超时"
    REOPENED = "三次重办"
    TRANSFERRED = "三次转办"
    DIRECT = "诉求直通"
    """The reporter of an appeal wants it higher up."""


class Escalation(WithId):
    """One rung for one case. ``since_id`` is the step of the case from which the time ran, or that was one too many."""

    __tablename__ = "escalations"
    __table_args__ = (UniqueConstraint("case_id", "since_id", "cause", "rung", "organisation_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    since_id: Mapped[int] = mapped_column(ForeignKey("case_steps.id"))
    cause: Mapped[Cause]
    rung: Mapped[Rung]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    """Who was to be told: of 催办 the unit, or the branch while that has it; of 督办 the branch; of 提级 one above."""
    due_at: Mapped[datetime]
    """When it was due, to the minute."""
    at: Mapped[datetime]
    """When it was done."""

    organisation: Mapped[Organisation] = relationship()


def escalations_of(session: Session, case: Case) -> list[Escalation]:
    """What was done about the case, the first first."""
    return list(session.scalars(select(Escalation).where(Escalation.case_id == case.id).order_by(Escalation.id)))


def next_level(tree: Tree, case: Case) -> Organisation | None:
    """The organisation to which 提级 brings the case next; None where it has reached the top."""
    above = tree.above(case.level or case.organisation)
    return above[0] if above else None
