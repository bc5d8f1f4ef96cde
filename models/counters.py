"""Short number series that people type: cases, claims, and lists of people who match the roster."""

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

FIRST = {"case": 1001, "claim": 1, "match": 1, "notice": 1}


class Counter(Base):
    """The last number given of a series."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


def next_number(session: Session, name: str) -> int:
    """The next number of a series, without gaps: a transaction that fails gives its number back."""
    raised = update(Counter).where(Counter.name == name).values(value=Counter.value + 1).returning(Counter.value)
    value = session.scalar(raised.execution_options(synchronize_session=False))
    if value is not None:
        return value
    session.add(Counter(name=name, value=FIRST[name]))
    session.flush()
    return session.scalars(select(Counter.value).where(Counter.name == name)).one()
