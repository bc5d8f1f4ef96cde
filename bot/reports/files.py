"""The files that can be asked for, by the kind that ``bot.content.File.about`` begins with."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from bot.reports.attendance_book import attendance_book
from bot.reports.case_book import case_book
from bot.reports.case_ledger import CaseWanted
from bot.reports.ledgers import Wanted
from bot.reports.meeting_book import meeting_book
from bot.reports.roster_book import roster_book
from models.cases import CaseKind

MakeFile = Callable[[Session, str], bytes]
"""Makes a file of records as they are now, given what stands behind its kind: ``12`` of ``minutes:12``."""


def _meetings(session: Session, subject: str) -> bytes:
    return meeting_book(session, Wanted.of(subject))


def _attendance(session: Session, subject: str) -> bytes:
    return attendance_book(session, Wanted.of(subject))


def _roster(session: Session, subject: str) -> bytes:
    """The roster has no period: the organisation's id is enough."""
    return roster_book(session, int(subject.partition(":")[0]))


def _minutes(session: Session, subject: str) -> bytes:
    from bot.reports.minutes import minutes  # noqa: PLC0415  # python-docx takes its time; few ask for 纪要

    return minutes(session, int(subject))


def _hazards(session: Session, subject: str) -> bytes:
    return case_book(session, CaseWanted(CaseKind.HAZARD, Wanted.of(subject)))


def _appeals(session: Session, subject: str) -> bytes:
    """Before the rest of the subject stands the level."""
    return case_book(session, CaseWanted.of(CaseKind.APPEAL, subject))


FILES: Mapping[str, MakeFile] = {
    "meetings": _meetings,
    "attendance": _attendance,
    "roster": _roster,
    "minutes": _minutes,
    "hazards": _hazards,
    "appeals": _appeals,
}
