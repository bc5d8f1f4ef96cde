"""Leases: which process does a thing that only one may do."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class Lease(Base):
    """``owner`` may do ``name`` until ``until``."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]


def acquire(session: Session, name: str, owner: str, now: datetime, length: timedelta) -> bool:
    """Takes or renews the lease. False while another owner holds it.

    Raises IntegrityError where two processes take a new one at once; the loser tries again at its next turn.
    """
    held = session.get(Lease, name)
    if held is None:
        session.add(Lease(name=name, owner=owner, until=now + length))
        session.flush()
        return True
    taken = session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.owner == owner, Lease.until <= now))
        .values(owner=owner, until=now + length)
        .execution_options(synchronize_session=False)
        .returning(Lease.name)
    )
    return taken.first() is not None


def release(session: Session, name: str, owner: str, now: datetime) -> None:
    """Gives the lease up, so that another process need not wait for its end."""
    session.execute(
        update(Lease)
        .where(Lease.name == name, Lease.owner == owner)
        .values(until=now)
        .execution_options(synchronize_session=False)
    )
