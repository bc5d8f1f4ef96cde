"""流动党员: who has come from where, who has left, and the yearly reports to the home branch."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import SealedText, WithId
from models.lessons import CheckIn
from models.make_ups import MakeUp
from models.points import ClaimState, PointClaim


class Direction(StrEnum):
    """流入 or 离开."""

    IN = "in"
    OUT = "out"


class Movement(WithId):
    """That a person has come to, or left, the organisation."""

    __tablename__ = "movements"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    direction: Mapped[Direction]
    on: Mapped[date]
    """Since when, or from when on."""
    home: Mapped[str]
    """流出地党组织 of one who came; where to, of one who left."""
    contact: Mapped[str] = mapped_column(SealedText())
    """The home organisation's contact, with a phone as a rule; of one who left, the phone that was given."""
    recorded_at: Mapped[datetime]
    message_id: Mapped[int]


class HomeReport(WithId):
    """That a 流动党员 has reported to the home organisation (每年至少一次)."""

    __tablename__ = "home_reports"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    on: Mapped[date]
    recorded_at: Mapped[datetime]
    message_id: Mapped[int]


def arrivals(session: Session, people: Collection[int]) -> dict[int, Movement]:
    """The last arrival of each of these people, by the person's id."""
    query = select(Movement).where(Movement.person_id.in_(people), Movement.direction == Direction.IN)
    return {
        movement.person_id: movement for movement in session.scalars(query.order_by(Movement.recorded_at, Movement.id))
    }


def last_reports(session: Session, people: Collection[int]) -> dict[int, date]:
    """When each of these people last reported to the home organisation."""
    query = select(HomeReport.person_id, func.max(HomeReport.on)).where(HomeReport.person_id.in_(people))
    return dict(session.execute(query.group_by(HomeReport.person_id)).all())


def last_activities(session: Session, people: Collection[int]) -> dict[int, datetime]:
    """When each of these people last took part in anything (组织生活): a lesson, its make-up, voluntary service."""
    kinds = (
        (CheckIn.person_id, CheckIn.at, CheckIn.person_id.in_(people)),
        (MakeUp.person_id, MakeUp.done_at, MakeUp.person_id.in_(people)),
        (
            PointClaim.person_id,
            PointClaim.made_at,
            PointClaim.person_id.in_(people) & (PointClaim.state == ClaimState.APPROVED),
        ),
    )
    found: dict[int, datetime] = {}
    for person_id, moment, condition in kinds:
        for who, when in session.execute(select(person_id, func.max(moment)).where(condition).group_by(person_id)):
            if when is not None:
                found[who] = max(found.get(who, when), when)
    return found
