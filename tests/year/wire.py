"""The way to the product: messages as the platform delivers them, the schedules, and what the bot has put out."""

import itertools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

import handlers
from bot.content import Card, load
from bot.intake import BATCH, GroupCommitIntake
from bot.links import Links
from bot.messages import IncomingMessage
from bot.posting import Roads
from bot.roster import import_roster, read_roster
from bot.router import Router
from bot.understanding import Understanding
from models.codes import code_at
from models.database import Database
from models.lessons import Lesson, LessonSite
from models.organisations import Organisation
from models.outbox import Post, PostKind
from schedules.job import Job
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.year.town import Member, Town

__all__ = ["Outage", "Wire", "handlers"]

_runner = logging.getLogger("schedules.runner")
HOMES = {"feishu": ("feishu", "main")}
REDELIVERED = timedelta(hours=7)
"""For how long the platform tries again to deliver what the server did not take."""


@dataclass(frozen=True, slots=True)
class Outage:
    """When there was no server."""

    start: datetime
    end: datetime
    schedules_first: bool
    """At its end, whether the schedules run before the messages come that waited, or after."""

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


class Wire:
    """Delivers what people say, in order, and turns the clock."""

    def __init__(self, database: Database, folder: Path, town: Town, start: datetime, jobs: Iterable[Job]) -> None:
        self.database = database
        self.clock = StandingClock(start)
        self.roads = Roads(homes=HOMES, links=Links("https://bot.example.org"))
        self.outages: list[Outage] = []
        self._folder = folder
        self._town = town
        self._jobs = tuple(jobs)
        self._intake = GroupCommitIntake(database, Router(Understanding()), self.clock, self.roads)
        self._keys = itertools.count(1)
        self._said: list[IncomingMessage] = []
        self._held: list[IncomingMessage] = []
        self._seen = 0
        self.messages = 0
        if database.embedded:
            event.listen(database.engine, "connect", forgo_durability)
            database.engine.dispose()

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.clock()

    @property
    def outage(self) -> Outage | None:
        """Why there is no server now, where there is none."""
        return next((outage for outage in self.outages if self.now in outage), None)

    def serves(self, when: datetime) -> bool:
        """Whether there is a server now, and will be then."""
        return not any(moment in outage for outage in self.outages for moment in (self.now, when))

    def join(self, members: Iterable[Member]) -> None:
        """The operator imports a roster."""
        path = self._folder / "roster.csv"
        self._town.write_roster(path, members)
        with self.database.write.begin() as session:
            import_roster(session, read_roster(path), self.now)

    def say(self, member: Member, text: str, chat: str = "", *, about: str = "") -> datetime | None:
        """What a member says in a group or, without one, in private. ``about``: by pressing a button of that card.

        Returns when it arrives: while there is no server the platform keeps it. None: it never does.
        """
        message = self.write(member, text, chat, about=about)
        if self.outage is None:
            self._said.append(message)
            return self.now
        if self.outage.end - self.now > REDELIVERED:
            return None
        self._held.append(message)
        return self.outage.end

    def write(self, member: Member, text: str, chat: str = "", *, about: str = "") -> IncomingMessage:
        """The same, while it is under way; ``bring`` has it arrive."""
        if not member.bound:
            raise ValueError(f"{member.name} has no account")
        return IncomingMessage(
            platform="feishu",
            bot="main",
            key=f"om_{next(self._keys)}",
            chat=chat or f"private {member.ref}",
            private=not chat,
            sender=member.ref,
            sent_at=self.now,
            kind="button" if about else "message",
            text=text,
            addressed=bool(about) or not chat,
            about=about,
            ref="om_ref",
        )

    def bring(self, message: IncomingMessage) -> None:
        """A message arrives: late, or once more."""
        self._said.append(message)

    def deliver(self) -> None:
        """Hands over what has been said at this moment."""
        said, self._said = self._said, []
        self.messages += len(said)
        for first in range(0, len(said), BATCH):
            self._intake.process(said[first : first + BATCH])

    def recover(self) -> None:
        """The server is back: the platform delivers what it still has."""
        self._said, self._held = self._held, []
        self.deliver()

    def tick(self) -> None:
        """Does what is due, where there is a server. Raises whatever a job raises, which the product only logs."""
        if self.outage is None:
            with Strict():
                run_due(self.database, self.now, self.roads, self._jobs)

    def opened(self) -> list[tuple[str, int]]:
        """``(chat, lesson)`` of the cards to check in on that the bot has posted since the last look."""
        with self.database.read() as session:
            query = select(Post).where(Post.id > self._seen, Post.kind == PostKind.POST).order_by(Post.id)
            rows = list(session.scalars(query))
        self._seen = max((row.id for row in rows), default=self._seen)
        found = []
        for row in rows:
            content = load(row.content)
            buttons = content.buttons if isinstance(content, Card) else ()
            said = [button.about for button in buttons if button.says == "签到"]
            found += [(row.target, int(about.removeprefix("lesson:"))) for about in said]
        return found

    def code(self, lesson_id: int) -> str:
        """What the screen at the place shows."""
        with self.database.read() as session:
            secret = session.get_one(Lesson, lesson_id).secret
        assert secret is not None
        return code_at(secret, self.now)

    def walls(self, path: str) -> tuple[int, list[str]]:
        """The lesson that an organisation has opened at places last, and the codes on their walls."""
        query = select(Lesson.id).join(Lesson.organisation).where(Organisation.path == path, Lesson.at_sites)
        with self.database.read() as session:
            lesson_id = session.scalars(query.order_by(Lesson.id.desc()).limit(1)).one()
            sites = session.scalars(select(LessonSite).where(LessonSite.lesson_id == lesson_id).order_by(LessonSite.id))
            return lesson_id, [site.code for site in sites]


class Strict(logging.Handler):
    """What the runner logs as an error, and would try again, is one here."""

    def __enter__(self) -> None:
        _runner.addHandler(self)

    def __exit__(self, *raised: object) -> None:
        _runner.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Raises what was caught."""
        if record.levelno >= logging.ERROR:
            raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)


def forgo_durability(connection: Any, record: object) -> None:
    """What a power cut would lose is thrown away in any case."""
    connection.execute("PRAGMA synchronous=OFF")
