"""附议: who has seen the same hazard too. They are told how it ends."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import WithId
from models.cases import Case
from models.people import Person


class Follower(WithId):
    """One +1 to a case. ``platform``, ``bot`` and ``ref`` say where to tell the person, in the roster or not."""

    __tablename__ = "followers"
    __table_args__ = (UniqueConstraint("case_id", "platform", "ref"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    platform: Mapped[str]
    bot: Mapped[str]
    ref: Mapped[str]
    at: Mapped[datetime]
    message_id: Mapped[int]

    person: Mapped[Person | None] = relationship()


def followers_of(session: Session, case: Case) -> list[Follower]:
    """Who has said +1, the first first."""
    return list(session.scalars(select(Follower).where(Follower.case_id == case.id).order_by(Follower.id)))
