"""Photos that people sent and that are still at the platform: which to fetch, and what became of it."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Index, UniqueConstraint, delete, exists, literal, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import SealedText, WithId


class DownloadState(StrEnum):
    """Where a download stands; all but WAITING and ASIDE are final."""

    WAITING = "waiting"
    ASIDE = "aside"
    """It was shown among people: it is fetched once it belongs to a report, and never if it does not."""
    KEPT = "kept"
    REFUSED = "refused"
    """It was too large, no picture, gone, or at an address that is not to be asked; the person was told."""


_WAITING = "state = 'waiting'"


class Download(WithId):
    """One photo on its way into the photo store, where it will be ``name``."""

    __tablename__ = "downloads"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("ix_downloads_waiting", "id", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
    )

    name: Mapped[str]
    platform: Mapped[str]
    bot: Mapped[str]
    sender: Mapped[str]
    """The platform's id of the person who is told where the photo cannot be kept."""
    source: Mapped[str] = mapped_column(SealedText())
    """What the platform needs to fetch it."""
    state: Mapped[DownloadState]
    created_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int]
    error: Mapped[str | None]
    message_id: Mapped[int]


def coming() -> ColumnElement[bool]:
    """Downloads that are not done; the state is written into the statement for SQLite's partial index."""
    return Download.state == literal(DownloadState.WAITING, Download.state.type, literal_execute=True)


def still_coming(session: Session, names: Collection[str]) -> bool:
    """Whether one of these photos has not arrived and may yet."""
    return bool(session.scalar(select(exists().where(coming(), Download.name.in_(names)))))


def fetch_after_all(session: Session, names: Collection[str]) -> None:
    """Those of these photos that were set aside belong to something now."""
    session.execute(update(Download).where(*_aside(names)).values(state=DownloadState.WAITING))


def forget(session: Session, names: Collection[str]) -> None:
    """Those of these photos that were set aside belong to nothing: they stay with those to whom they were shown."""
    session.execute(delete(Download).where(*_aside(names)))


def _aside(names: Collection[str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Download.name.in_(names), Download.state == DownloadState.ASIDE
