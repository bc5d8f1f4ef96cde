"""The sandbox as a platform: its sender, and the way of a person's message into the intake."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from bot.clock import MovableClock
from bot.content import Button, Card
from bot.delivery import Delivery, Limits, Refused, Uncertain
from bot.messages import IncomingMessage, Receipt
from bot.platforms.base import Services
from bot.platforms.sandbox.bodies import ButtonPress, NewMessage
from bot.platforms.sandbox.cloud import PRIVATE, Bubble, Cloud, NotFound, private_chat
from bot.platforms.sandbox.farewell import Farewell
from bot.platforms.sandbox.feed import Feed
from bot.platforms.sandbox.routes import sandbox_routes
from models.database import Database


class SandboxPlatform:
    """One process's sandbox; implements ``bot.platforms.base.Platform`` and is its own sender."""

    platform = "sandbox"
    bot = "main"
    ready = True
    limits = Limits(
        reactions=True,
        reactions_at_once=10_000,
        updates=True,
        chat_per_second=1000,
        acknowledge_after=0.0,
        once_for=float("inf"),
    )

    def __init__(self, database: Database, services: Services, clock: MovableClock) -> None:
        self.cloud = Cloud(database)
        self.feed = Feed(clock)
        self.media = services.media
        self._farewell = Farewell(self.feed.close)
        self.sender = self
        self.router = sandbox_routes(self)
        self._intake = services.intake
        self._clock = clock
        self._mention = re.compile(rf"[ \u2005]*@{re.escape(services.bot_name)}[ \u2005]*")

    async def start(self) -> None:
        """Watches for the end of the process; there is nothing to connect to."""
        self._farewell.watch()

    async def close(self) -> None:
        """Lets the open pages go."""
        self._farewell.close()
        self.feed.close()

    async def say(self, new: NewMessage) -> tuple[Bubble, Receipt]:
        """A person posts; the same id again has no second effect. Raises Unavailable and IdTaken."""
        now = self._clock()
        bubble = await asyncio.to_thread(self.cloud.say, new.id, new.chat, new.sender, new.text, new.photos, now)
        self._show(bubble)
        return bubble, await self._intake.submit(self._said(bubble, new))

    async def press(self, press: ButtonPress, card: Bubble, button: Button) -> Receipt:
        """A person presses what a card offers: ``button`` says it for the person. Raises Unavailable."""
        return await self._intake.submit(
            IncomingMessage(
                platform=self.platform,
                bot=self.bot,
                key=f"press:{card.uuid}:{press.sender}:{press.what}:{press.id}",
                chat=card.chat,
                private=card.chat.startswith(PRIVATE),
                sender=press.sender,
                sent_at=self._clock(),
                kind="button",
                text=button.says,
                addressed=True,
                about=button.about,
                ref=card.uuid,
            )
        )

    async def send(self, delivery: Delivery) -> str:
        """Posts, once for a uuid, and returns the bubble's uuid."""
        chat = private_chat(delivery.target) if delivery.to_person else delivery.target
        now = self._clock()
        bubble = await self._do(lambda: self.cloud.post(delivery.uuid, chat, delivery.content, delivery.reply_to, now))
        return bubble.uuid

    async def react(self, ref: str, *, chat: str) -> None:  # noqa: ARG002  # uuids are unique over all chats
        """Puts the tick on message ``ref``."""
        await self._do(lambda: self.cloud.tick(ref))

    async def update(self, ref: str, card: Card, *, private: bool) -> None:  # noqa: ARG002  # it knows its chats
        """Replaces what the card ``ref`` shows."""
        await self._do(lambda: self.cloud.replace(ref, card))

    async def fetch(self, source: str) -> bytes:
        """Photos are here before the message that names them."""
        raise Refused(f"no photo at {source}")

    async def _do(self, change: Callable[[], Bubble]) -> Bubble:
        with _as_delivery_failures():
            bubble = await asyncio.to_thread(change)
        self._show(bubble)
        return bubble

    def _show(self, bubble: Bubble) -> None:
        self.feed.publish("bubble", {"bubble": bubble.as_json()})

    def _said(self, bubble: Bubble, new: NewMessage) -> IncomingMessage:
        private = new.chat.startswith(PRIVATE)
        text = self._mention.sub(" ", new.text).strip()
        return IncomingMessage(
            platform=self.platform,
            bot=self.bot,
            key=new.id,
            chat=new.chat,
            private=private,
            sender=new.sender,
            sent_at=bubble.at,
            text=text,
            addressed=private or bool(self._mention.search(new.text)),
            photos=tuple(new.photos),
            ref=bubble.uuid,
        )


@contextmanager
def _as_delivery_failures() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise Refused("no such message") from error
    except SQLAlchemyError as error:
        raise Uncertain("the chat log did not answer") from error
