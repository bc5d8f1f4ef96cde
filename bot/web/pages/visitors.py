"""Who is in front of a page: a browser that has been here before, or a name with the last four digits of its phone.

A browser keeps one signed cookie with a number of its own and, once somebody has been recognised, that person's id.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from bot.links import BadLink, LinkExpired, subject_of, token_for
from bot.web.pages.base import Pages
from models.audit import AuditEntry
from models.base import new_id
from models.database import Database
from models.people import Person
from models.sealing import digest

COOKIE = "jufeng_me"
PAGE = "browser"
KEPT_FOR = timedelta(days=180)
TRIES = 5
"""Failures within an hour, of one name and of one browser."""
HOUR = timedelta(hours=1)
FAILED = "page_bind_failed"
NO_MATCH = "没有对上。请看看姓名和手机后四位；还是不行，请在群里发「签到」加屏幕上的数字，或者跟书记说。"
TOO_OFTEN = "试得太多了，请一小时以后再来，或者在群里发「签到」。"
NOT_WRITTEN = "请写姓名和手机号的后四位数字。"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser, and who has been recognised there; 0: nobody yet."""

    browser: str
    person_id: int = 0

    @classmethod
    def of(cls, request: Request, now: datetime) -> "Visitor | None":
        """The visitor whom the cookie tells; None: there is none, or none of ours."""
        try:
            browser, _, person = subject_of(PAGE, request.cookies.get(COOKIE, ""), now).partition(":")
        except (BadLink, LinkExpired):
            return None
        return cls(browser, int(person))

    @classmethod
    def new(cls) -> "Visitor":
        """A browser that has not been here before."""
        return cls(secrets.token_hex(8))

    def remember(self, response: Response, pages: Pages) -> None:
        """Has the browser keep who it is."""
        response.set_cookie(
            COOKIE,
            token_for(PAGE, f"{self.browser}:{self.person_id}", pages.clock() + KEPT_FOR),
            max_age=int(KEPT_FOR.total_seconds()),
            path="/p/checkin",
            secure=pages.links.base.startswith("https:"),
            httponly=True,
            samesite="strict",
        )


def recognise(database: Database, now: datetime, browser: str, name: str, digits: str) -> int | str:
    """The id of the person, or the sentence that says why nobody was recognised. Blocks.

    A try is written down before it is looked at, so that a thousand at once are no more than five.
    """
    if not (name and name.isprintable() and len(digits) == 4 and digits.isascii() and digits.isdecimal()):
        return NOT_WRITTEN
    subjects = (f"name:{digest(name.replace(' ', ''))[:32]}", f"browser:{browser}")
    with database.read() as session:
        if _failures(session, subjects, now) >= TRIES:
            return TOO_OFTEN
    tried = [
        AuditEntry(id=new_id(), at=now, actor_id=None, action=FAILED, subject=subject, message_id=None)
        for subject in subjects
    ]
    ids = [entry.id for entry in tried]
    with database.write.begin() as session:
        session.add_all(tried)
    with database.write.begin() as session:
        if _failures(session, subjects, now) > TRIES:
            return TOO_OFTEN
        person = _matching(session, name, digits)
        if person is None:
            return NO_MATCH
        session.execute(delete(AuditEntry).where(AuditEntry.id.in_(ids)))
        done = AuditEntry(
            at=now, actor_id=person.id, action="page_bind", subject=f"person:{person.id}", message_id=None
        )
        session.add(done)
        return person.id


def _failures(session: Session, subjects: tuple[str, ...], now: datetime) -> int:
    """Those of the subject that has most."""
    recent: tuple[ColumnElement[bool], ...] = (AuditEntry.action == FAILED, AuditEntry.at > now - HOUR)
    query = select(func.count()).where(*recent, AuditEntry.subject.in_(subjects)).group_by(AuditEntry.subject)
    return max(session.scalars(query), default=0)


def _matching(session: Session, name: str, digits: str) -> Person | None:
    called = (name, name.replace(" ", ""))  # 李 明 is 李明, but Tom Lee is no TomLee
    named = session.scalars(select(Person).where(Person.name.in_(called), Person.left_on.is_(None)))
    found = [person for person in named if person.phone.endswith(digits)]
    return found[0] if len(found) == 1 else None
