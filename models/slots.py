"""Schedule slots: a due thing is done once, whoever finds it due."""

from datetime import datetime

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import WithId


class Slot(WithId):
    """That ``job`` has been settled for ``target`` in ``period``; ``missed``: too late to be useful, so not done."""

    __tablename__ = "slots"
    __table_args__ = (UniqueConstraint("job", "target", "period"),)

    job: Mapped[str]
    target: Mapped[str]
    period: Mapped[str]
    due_at: Mapped[datetime]
    settled_at: Mapped[datetime] = mapped_column(index=True)
    missed: Mapped[bool]


def settled(session: Session, since: datetime) -> set[tuple[str, str, str]]:
    """The ``(job, target, period)`` of all slots settled since then, which takes in all that were due since then."""
    rows = session.execute(select(Slot.job, Slot.target, Slot.period).where(Slot.settled_at >= since))
    return {(job, target, period) for job, target, period in rows}
