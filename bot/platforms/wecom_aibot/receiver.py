"""What the long connection brings: made neutral, committed, and answered where that cannot wait for the outbox."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from prometheus_client import Counter

from bot.content import Card
from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.logs import where
from bot.messages import IncomingMessage, Receipt, Unavailable
from bot.platforms.base import Services
from bot.platforms.wecom_aibot.events import EventReader, pressed_card
from bot.platforms.wecom_aibot.protocol import UPDATE, Ref, Requests, Timing
from bot.platforms.wecom_aibot.reply import press_reply
from bot.platforms.wecom_aibot.streams import Streams
from bot.posting import address_for

log = logging.getLogger(__name__)

NOT_RECORDED = "刚才没有记上，请再发一次。"
NOT_PRESSED = "刚才没有记上，请再按一次"
PRESS_TRIES = 2
"""A press is answered within five seconds or not at all."""

_events = Counter(
    "jufeng_wecom_aibot_frames_total", "Callbacks over long connections, by what became of them", ["kind", "outcome"]
)


class Receiver:
    """Takes the callbacks of one robot."""

    def __init__(
        self, bot: str, services: Services, reader: EventReader, streams: Streams, request: Requests, timing: Timing
    ) -> None:
        self._bot = bot
        self._intake = services.intake
        self._mailbox = services.mailbox
        self._clock = services.clock
        self._reader = reader
        self._streams = streams
        self._request = request
        self._timing = timing
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, req_id: str, body: dict[str, Any]) -> None:
        """Takes a message or event. Tasks begin in the order of their making, and submit before they first wait."""
        message = self._reader.read(body, "")
        if message is None:
            _events.labels("other", "ignored").inc()
            return
        ref = Ref(req_id, message.kind == "entered", message.private, int(self._clock().timestamp()))
        message = replace(message, ref=str(ref))
        if message.kind == "button":
            self._spawn(self._press(message, req_id, pressed_card(body)))
        else:
            self._spawn(self._say(message, req_id))

    async def close(self) -> None:
        """Ends what is under way; whose message could not be committed is told so."""
        self._closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._timing.close / 2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _say(self, message: IncomingMessage, req_id: str) -> None:
        timer = None
        if message.kind == "message":
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._timing.patience, self._streams.begin, req_id, message.chat)
        try:
            receipt = await self._submit(message, 1 + len(self._timing.pauses))
        finally:
            if timer is not None:
                timer.cancel()
        if receipt is not None:
            self._streams.committed(req_id)
        elif message.kind == "message":
            self._streams.end(req_id, message.chat, NOT_RECORDED)

    async def _press(self, message: IncomingMessage, req_id: str, task: str) -> None:
        """Shows the answer on the card of the person who pressed; its buttons stay."""
        receipt = await self._submit(message, PRESS_TRIES)
        answer = receipt.answer if receipt else NOT_PRESSED
        if not answer:
            return
        for card in await self._mailbox.posted(address_for(message), task):
            body = press_reply(card, task, message.sender, answer) if isinstance(card, Card) else None
            if body:
                await self._update(body, req_id)

    async def _submit(self, message: IncomingMessage, tries: int) -> Receipt | None:
        """None where the message could not be committed: the cloud would not deliver it again."""
        for attempt in range(tries):
            try:
                receipt = await self._intake.submit(message)
            except Unavailable:
                log.warning("wecom_aibot %s: %s could not be committed", self._bot, message.key)
                if attempt + 1 == tries or await self._closes_within(self._timing.pauses[attempt]):
                    break
            else:
                _events.labels(message.kind, "duplicate" if receipt.duplicate else "accepted").inc()
                return receipt
        _events.labels(message.kind, "unavailable").inc()
        return None

    async def _closes_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._closing.wait()
        except TimeoutError:
            return False

    async def _update(self, body: dict[str, Any], req_id: str) -> None:
        try:
            await self._request(UPDATE, body, req_id)
        except (RetryLater, Refused, Closed) as error:
            log.warning("wecom_aibot %s: a pressed card could not be brought up to date: %s", self._bot, error.code)
        except Uncertain:
            log.warning("wecom_aibot %s: a pressed card may not be up to date", self._bot)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001  # one message must not take the connection with it
            log.error("wecom_aibot %s: a message failed: %s\n%s", self._bot, type(error).__name__, where(error))
