"""What is said to a case after it was told (补充)."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedText, WithId


class CaseNote(WithId):
    """One addition, by the reporter or by whoever works on the case."""

    __tablename__ = "case_notes"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    text: Mapped[str] = mapped_column(SealedText())
    photos: Mapped[list[str]] = mapped_column(JSON)
    by_reporter: Mapped[bool]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
    message_id: Mapped[int]
