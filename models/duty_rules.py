"""What an organisation asks of itself and those below it instead of the general duties (三会一课)."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import WithId


class DutyRule(WithId):
    """How often a kind of lesson is held there: ``times`` in each ``every``; 0: it is not asked for.

    Rules are only ever added: the last one set before a period ends is the one that the period is judged by.
    """

    __tablename__ = "duty_rules"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    kind: Mapped[str]
    every: Mapped[str]
    """``month``, ``quarter`` or ``year``."""
    times: Mapped[int]
    set_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    set_at: Mapped[datetime]
    message_id: Mapped[int]
