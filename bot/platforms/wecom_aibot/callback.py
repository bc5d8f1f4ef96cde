"""The address of a robot in callback mode: ``/webhooks/wecom_aibot/{name}``."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from bot.content import Card, Text
from bot.mailbox import Fits
from bot.media import MediaStore
from bot.messages import IncomingMessage, Receipt, Unavailable
from bot.platforms.base import Services
from bot.platforms.fields import identifier, part, word
from bot.platforms.recent import Recent
from bot.platforms.wechat.body import read_body
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wecom_aibot.commits import Commits
from bot.platforms.wecom_aibot.envelope import Envelope
from bot.platforms.wecom_aibot.events import ENTERED, PRESSED, EventReader, event_type, origin, pressed_card
from bot.platforms.wecom_aibot.reply import (
    first_pressable,
    fits,
    fits_welcome,
    key_of,
    last_word,
    message_reply,
    press_reply,
    promise,
    stream_reply,
    task_of,
    welcome,
)
from bot.posting import Address, address_for
from bot.settings import WecomAibotSettings

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
"""Bytes. Pictures come as links, so that texts are the largest thing to come."""
LOOK_WITHIN = 1.0
"""Seconds for a look into the outbox; after a commit of 3 there is time to answer before WeCom's 5 are over."""
RECEIVED = "已收到。"
STILL_BUSY = "比平时慢，还在办。过几分钟还没有回复的话，请再发一次。"
NOT_TAKEN = "刚才那条没有记上，请再发一次。"
PRESS_AGAIN = "刚才没有记上，请再按一次"
EVENTS = {ENTERED, PRESSED, "feedback_event"}
CALLBACKS = Counter(
    "jufeng_wecom_aibot_callbacks_total",
    "Callbacks of WeCom's robots, by kind and what became of them.",
    ["kind", "outcome"],
)

Reply = dict[str, Any]
MakeReply = Callable[[Sequence[Text | Card], str, MediaStore], Reply]


class CallbackEndpoint:
    """Takes the callbacks of one robot: verify and decrypt, normalise, commit, and answer with what there is to say.

    WeCom waits for 5 seconds. Where a message takes longer it is promised a stream, for which WeCom then asks again
    and again (page 101031). Presses and first looks into the chat come only once and know no later answer.
    """

    def __init__(self, settings: WecomAibotSettings, services: Services, reader: EventReader) -> None:
        self._name = settings.name
        self._envelope = Envelope(settings)
        self._commits = Commits(services.intake)
        self._mailbox = services.mailbox
        self._media = services.media
        self._reader = reader
        self._cards: Recent[Card] = Recent()
        """By task_id: a press on these can be answered while the database cannot."""
        self.router = APIRouter()
        path = f"/webhooks/wecom_aibot/{settings.name}"
        self.router.add_route(path, self._verify, methods=["GET"])
        self.router.add_route(path, self._receive, methods=["POST"])
        if self._envelope.fault:
            log.error("wecom_aibot %s: %s: callbacks are refused", self._name, self._envelope.fault)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._commits.close()

    async def _verify(self, request: Request) -> Response:
        try:
            echo = self._envelope.echo(request.query_params)
        except Rejected as refusal:
            return self._refuse(refusal)
        CALLBACKS.labels("verification", "answered").inc()
        return Response(echo, media_type="text/plain")

    async def _receive(self, request: Request) -> Response:
        try:
            body = self._envelope.open(request.query_params, await read_body(request, LARGEST_BODY))
        except Rejected as refusal:
            return self._refuse(refusal)
        kind = _kind(body)
        try:
            outcome, reply = await self._answer(kind, body)
        except Unavailable:
            log.warning("wecom_aibot %s: %s could not be committed", self._name, identifier(body, "msgid"))
            CALLBACKS.labels(kind, "unavailable").inc()
            return Response(status_code=503)
        CALLBACKS.labels(kind, outcome).inc()
        if reply is None:
            return Response(media_type="application/json")
        return Response(await self._sealed(reply, request.query_params.get("nonce", "")), media_type="application/json")

    def _refuse(self, refusal: Rejected) -> Response:
        log.warning("wecom_aibot %s: callback refused: %s", self._name, refusal.reason)
        CALLBACKS.labels("other", "refused").inc()
        return Response(status_code=refusal.status)

    async def _made(self, make: MakeReply, contents: Sequence[Text | Card], key: str) -> Reply:
        """In a thread only where photos are read: while the database hangs all threads may be waiting for it."""
        if any(isinstance(content, Card) and content.photos for content in contents):
            return await asyncio.to_thread(make, contents, key, self._media)
        return make(contents, key, self._media)

    async def _sealed(self, reply: Reply, nonce: str) -> bytes:
        """Some megabytes of pictures would hold up everybody else."""
        if part(reply, "stream").get("msg_item"):
            return await asyncio.to_thread(self._envelope.seal, reply, nonce)
        return self._envelope.seal(reply, nonce)

    async def _answer(self, kind: str, body: Mapping[str, Any]) -> tuple[str, Reply | None]:
        """What became of the callback, and the reply; None: there is nothing to say."""
        if kind == "refresh":
            return await self._refresh(body)
        message = self._reader.read(body, word(body, "response_url"))
        if message is None:
            return "ignored", None
        if kind == PRESSED:
            return await self._press(message, pressed_card(body))
        receipt = await self._commits.submit(message, promise=kind == "message")
        if kind == ENTERED:
            return _outcome(receipt), await self._welcome(message) if receipt else None
        if receipt is None:
            return "promised", promise(message.key)
        return _outcome(receipt), await self._reply(message)

    async def _reply(self, message: IncomingMessage) -> Reply | None:
        """A promise where the outbox could not be looked into in time."""
        contents = await self._take(address_for(message), message.key, fits)
        if contents is None:
            return promise(message.key)
        self._commits.forget(message.key)
        if not contents:
            return None
        return await self._made(message_reply, contents, message.key)

    async def _welcome(self, message: IncomingMessage) -> Reply | None:
        contents = await self._take(address_for(message), message.key, fits_welcome)
        self._commits.forget(message.key)
        return welcome(contents, task_of(message.key)) if contents else None

    async def _refresh(self, body: Mapping[str, Any]) -> tuple[str, Reply | None]:
        """WeCom asks for the rest of a stream, whose id is the key of its message."""
        key, (_, chat, private, _) = identifier(part(body, "stream"), "id"), origin(body)
        if not (key and chat):
            return "ignored", None
        state = self._commits.state(key)  # before the outbox is looked into: what is committed by now is there
        address = Address("wecom_aibot", self._name, chat, to_person=private)
        contents = await self._take(address, key, fits)
        if contents:
            return "finished", await self._made(stream_reply, contents, key)
        if contents is None or state == "open":
            return "promised", promise(key)
        words = {"committed": RECEIVED, "failed": NOT_TAKEN, "overdue": STILL_BUSY}
        return state, last_word(key, words[state])

    async def _press(self, message: IncomingMessage, task: str) -> tuple[str, Reply | None]:
        """A press comes once: what could not be committed has to be pressed again."""
        try:
            receipt = await self._commits.submit(message, promise=False)
        except Unavailable:
            receipt = None
        self._commits.forget(message.key)
        outcome = _outcome(receipt) if receipt else "unavailable"
        answer = receipt.answer if receipt else PRESS_AGAIN
        card = await self._card(address_for(message), task) if answer else None
        return outcome, press_reply(card, task, message.sender, answer) if card else None

    async def _card(self, address: Address, task: str) -> Card | None:
        """The card as it was sent."""
        if task in self._cards:
            return self._cards[task]
        key = key_of(task)
        found = self._mailbox.taken(address, key) if key else self._mailbox.posted(address, task)
        contents = await self._within_limits(found)
        return first_pressable(contents or (), task)

    async def _take(self, address: Address, key: str, room: Fits) -> list[Text | Card] | None:
        """None: the outbox did not answer in time, and takes nothing; it may the next time."""
        contents = await self._within_limits(self._mailbox.take(address, key, room, by=time.monotonic() + LOOK_WITHIN))
        if card := first_pressable(contents or (), task_of(key)):
            self._cards[task_of(key)] = card
        return contents

    async def _within_limits(self, look: Awaitable[list[Text | Card]]) -> list[Text | Card] | None:
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                return await look
        except (TimeoutError, SQLAlchemyError) as error:
            log.warning("wecom_aibot %s: the outbox does not answer: %s", self._name, type(error).__name__)
            return None


def _kind(body: Mapping[str, Any]) -> str:
    if body.get("msgtype") == "stream":
        return "refresh"
    name = event_type(body)
    return name if name in EVENTS else "other" if body.get("msgtype") == "event" else "message"


def _outcome(receipt: Receipt | None) -> str:
    if receipt is None:
        return "late"
    return "duplicate" if receipt.duplicate else "accepted"
