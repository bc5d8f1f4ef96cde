"""Who did what with other people's data: imports, bindings, ties, exports."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import WithId


class AuditEntry(WithId):
    """``actor_id`` is empty for the operator at the command line. Subjects are ids, never texts."""

    __tablename__ = "audit"

    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    action: Mapped[str]
    subject: Mapped[str]
    message_id: Mapped[int | None]
