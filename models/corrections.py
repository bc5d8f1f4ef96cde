"""What people have put right of what the bot had understood of a case: what the classifier learns from."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import WithId


class Corrected(StrEnum):
    """What was wrong."""

    CATEGORY = "category"
    URGENCY = "urgency"
    KIND = "kind"
    """What was told as a hazard is an appeal."""
    UNIT = "unit"
    """It was sent to one unit and came back, or went on to another."""


class Correction(WithId):
    """One thing put right. ``before`` and ``after``, which are never a text: a category, 急 or 不急, 隐患 or 诉求, the
    path of a unit."""

    __tablename__ = "corrections"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    what: Mapped[Corrected]
    before: Mapped[str]
    after: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
    message_id: Mapped[int]
