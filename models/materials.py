"""Materials of lessons: texts, links and files that stay reachable."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import WithId


class Material(WithId):
    """One material of a lesson: a text, a link, or a file of the data folder."""

    __tablename__ = "materials"

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"), index=True)
    title: Mapped[str]
    """What it is called; of a text alone, the text."""
    link: Mapped[str]
    """Empty where it is no link."""
    file: Mapped[str]
    """The name under which the file is kept (a photo's media name, or ``<id>.<ending>``); empty where it is none."""
    size: Mapped[int]
    """Bytes of an uploaded file; 0 for what is none, and for photos."""
    added_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    added_at: Mapped[datetime]
    message_id: Mapped[int]
