"""People of a test city who say things with a known meaning, through the real intake and the real handlers."""

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

import handlers
from bot.content import load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.posting import Roads
from bot.router import Router
from bot.understanding.intent import Intent, Slot
from models.database import Database
from models.organisations import OrganisationKind
from models.outbox import Post, PostKind
from models.people import Post as Office
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, said

__all__ = ["Said", "Talk", "handlers", "message_of", "talk_of_a_hazard"]
_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Said:
    """What ``who`` of the city means, in a group or, without one, in private."""

    who: str
    intent: str
    slots: Mapping[str, Slot] = field(default_factory=dict)
    chat: str = ""
    text: str = ""
    kind: Literal["message", "button"] = "message"
    about: str = ""
    place: str = ""
    category: str | None = None
    sureness: float | None = None
    danger: str = ""


def _intent(one: Said) -> Intent:
    return Intent(
        one.intent,
        1.0,
        reply=True,
        slots=one.slots,
        category=one.category,
        sureness=one.sureness,
        danger=one.danger,
    )


def message_of(who: str, text: str, chat: str, sent_at: datetime, **more: Any) -> IncomingMessage:
    """In a group or, without one, in private, where everything is said to the bot."""
    return IncomingMessage(
        platform="feishu",
        bot="main",
        key=f"om_{next(_keys)}",
        chat=chat or f"private {who}",
        private=not chat,
        sender=f"ou_{who}",
        sent_at=sent_at,
        text=text,
        **{"addressed": not chat} | more,
    )


class _Meaning:
    """Understands messages as they are told beforehand, in their order."""

    def __init__(self) -> None:
        self.coming: deque[Intent] = deque()

    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        return self.coming.popleft()


class Talk:
    """Says things, and tells what the bot answers."""

    def __init__(self, database: Database, clock: StandingClock, admins: tuple[str, ...] = (), roads: Roads = ROADS):
        self._database = database
        self._clock = clock
        self._meaning = _Meaning()
        self._intake = GroupCommitIntake(database, Router(self._meaning), clock, roads, admins)
        self._seen = 0

    def say(self, who: str, intent: str, chat: str = "", **slots: Slot) -> list[tuple[str, str]]:
        """One message in a transaction of its own; returns what the bot says: ``(whom, text)``."""
        return self.all(Said(who, intent, slots, chat))

    def all(self, *everything: Said) -> list[tuple[str, str]]:
        """Several messages in one transaction, in their order."""
        self._meaning.coming.extend(map(_intent, everything))
        self._intake.process([self._message(one) for one in everything])
        return self.answers()

    def _message(self, one: Said) -> IncomingMessage:
        more = {"kind": one.kind, "addressed": True, "about": one.about, "place": one.place, "ref": "om_ref"}
        return message_of(one.who, one.text or one.intent, one.chat, self._clock(), **more)

    def answers(self) -> list[tuple[str, str]]:
        """What the bot has said since the last look, card updates aside; people go by their names."""
        with self._database.read() as session:
            rows = list(session.scalars(select(Post).where(Post.id > self._seen).order_by(Post.id)))
        self._seen = max((row.id for row in rows), default=self._seen)
        posts = [row for row in rows if row.kind is not PostKind.UPDATE]
        return [(post.target.removeprefix("ou_"), said(load(post.content))) for post in posts]


def talk_of_a_hazard(database: Database, clock: StandingClock) -> Talk:
    """Hazard 1001 is 小李's; 小张, 小赵 and 王书记 may follow it, and 老陈 may be sent it."""
    with database.write.begin() as session:
        city = City(session)
        city.branch("小李", "小张", "小赵")
        city.person(city.organisation("物业", OrganisationKind.UNIT), "老陈", Office.CONTACT)
    talk = Talk(database, clock)
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    return talk
