"""流动党员: who has come from where, who has left, and the yearly reports to the home branch."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedText, WithId


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
    """The home organisation's contact, with a phone as a rule."""
    recorded_at: Mapped[datetime]
    message_id: Mapped[int]


class HomeReport(WithId):
    """That a 流动党员 has reported to the home organisation (每年至少一次)."""

    __tablename__ = "home_reports"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    on: Mapped[date]
    recorded_at: Mapped[datetime]
    message_id: Mapped[int]
