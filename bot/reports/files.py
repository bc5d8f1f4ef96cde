"""The files that can be asked for, by the kind that ``bot.content.File.about`` begins with."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from bot.reports.roster_book import roster_book

MakeFile = Callable[[Session, str], bytes]
"""Makes a file of records as they are now, given what stands behind its kind: ``12`` of ``roster:12``."""


def _roster(session: Session, subject: str) -> bytes:
    return roster_book(session, int(subject))


FILES: Mapping[str, MakeFile] = {"roster": _roster}
