"""People of a test city who say texts; what each text means by itself is told beforehand, else it means nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.content import Card, load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.router import Router
from bot.understanding.intent import NONE, Intent
from models.database import Database
from models.inbox import Claim
from models.outbox import Post, PostKind
from tests.conftest import StandingClock
from tests.unit.city import ROADS, said
from tests.unit.talk import handlers, message_of

__all__ = ["GROUP", "Hearing", "handlers"]
GROUP = "oc_branch"


class Hearing:
    """Says texts, and tells what the bot answers."""

    def __init__(self, database: Database, clock: StandingClock, meanings: Mapping[str, Intent]) -> None:
        self.database = database
        self.clock = clock
        self.meanings = dict(meanings)
        self.seen = 0
        self.ahead = timedelta()
        """By how much the platform's clock is ahead."""
        self._intake = GroupCommitIntake(database, Router(self), clock, ROADS, ())

    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        """As told beforehand."""
        return self.meanings.get(text) or Intent(NONE.name, 1.0, reply=addressed)

    def say(self, who: str, text: str, chat: str = "", *, addressed: bool = False) -> list[tuple[str, str]]:
        """One message in a transaction of its own; returns what the bot says: ``(whom, text)``."""
        return self.all([(who, text, chat)], addressed=addressed)

    def all(self, texts: list[tuple[str, str, str]], *, addressed: bool = False) -> list[tuple[str, str]]:
        """Several messages in one transaction, in their order."""
        self._intake.process([self._message(*each, addressed=addressed) for each in texts])
        return self.answers()

    def press(self, who: str, label: str, chat: str = "") -> str:
        """Presses a button of the last card there; returns what it shows."""
        with self.database.read() as session:
            target = chat or f"ou_{who}"
            of_cards = select(Post).where(Post.target == target, Post.kind == PostKind.POST).order_by(Post.id.desc())
            cards = [card for post in session.scalars(of_cards) if isinstance(card := load(post.content), Card)]
        (button,) = [button for button in cards[0].buttons if button.label == label]
        message = self._message(who, button.says, chat, about=button.about, button=True)
        (receipt,) = self._intake.process([message])
        return receipt.answer

    def wait(self, minutes: int) -> None:
        """Time goes by."""
        self.clock.move_to(self.clock() + timedelta(minutes=minutes))

    def claims(self) -> int:
        """How many messages have been kept."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Claim)) or 0

    def answers(self) -> list[tuple[str, str]]:
        """What the bot has said since the last look, card updates aside; people go by their names."""
        with self.database.read() as session:
            rows = list(session.scalars(select(Post).where(Post.id > self.seen).order_by(Post.id)))
        self.seen = max((row.id for row in rows), default=self.seen)
        posts = [row for row in rows if row.kind is not PostKind.UPDATE]
        return [(post.target.removeprefix("ou_"), said(load(post.content))) for post in posts]

    def _message(
        self, who: str, text: str, chat: str, *, addressed: bool = False, about: str = "", button: bool = False
    ) -> IncomingMessage:
        kind = "button" if button else "message"
        heard = addressed or not chat or button
        sent_at = self.clock() + self.ahead
        return message_of(who, text, chat, sent_at, kind=kind, addressed=heard, about=about, ref="om_ref")
