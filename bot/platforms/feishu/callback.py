"""The address that Feishu posts events and card actions to: ``POST /webhooks/feishu/{name}``."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from bot.messages import IncomingMessage, Intake, Unavailable
from bot.platforms.feishu.envelope import Envelope, Rejected, is_verification
from bot.platforms.feishu.events import EventReader, event_type
from bot.platforms.feishu.pressing import Unfilled
from bot.settings import FeishuSettings

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
"""Bytes. Feishu's largest message is 150 KB of text."""
PRESS_WITHIN = 2.5
"""Seconds that a press may take to be committed; after 3 the client shows an error of its own."""
KNOWN_TYPES = frozenset(
    {
        "url_verification",
        "card.action.trigger",
        "im.message.receive_v1",
        "im.message.recalled_v1",
        "im.message.reaction.created_v1",
        "im.message.reaction.deleted_v1",
        "im.chat.member.bot.added_v1",
        "im.chat.member.bot.deleted_v1",
        "im.chat.member.user.added_v1",
        "im.chat.member.user.deleted_v1",
        "im.chat.member.user.withdrawn_v1",
        "im.chat.updated_v1",
        "im.chat.disbanded_v1",
        "im.chat.access_event.bot_p2p_chat_entered_v1",
        "application.bot.menu_v6",
    }
)
EVENTS = Counter(
    "jufeng_feishu_events_total", "Callbacks of Feishu, by event type and what became of them.", ["type", "outcome"]
)


class CallbackEndpoint:
    """Takes the callbacks of one app: verify and decrypt, normalise, commit, and only then answer 200.

    Feishu wants its answer within 3 seconds (URL verification: 1) and repeats events that got none after 15 s,
    5 min, 1 h and 6 h; card actions are never repeated (page ``receive-and-handle-callbacks``).
    ``joined`` is told of each group that the bot was added to, once that is committed. It must not block.
    """

    def __init__(
        self,
        settings: FeishuSettings,
        intake: Intake,
        reader: EventReader,
        joined: Callable[[IncomingMessage], None],
    ) -> None:
        self._name = settings.name
        self._envelope = Envelope(settings)
        self._reader = reader
        self._intake = intake
        self._joined = joined
        self.router = APIRouter()
        self.router.add_route(f"/webhooks/feishu/{settings.name}", self._receive, methods=["POST"])

    async def _receive(self, request: Request) -> Response:
        headers = dict(request.scope["headers"])
        try:
            callback = self._envelope.open(headers, await _body(request, headers.get(b"content-length", b"")))
        except Rejected as refusal:
            log.warning("feishu %s: callback refused: %s", self._name, refusal.reason)
            EVENTS.labels("other", "refused").inc()
            return Response(status_code=refusal.status)
        if is_verification(callback):
            EVENTS.labels("url_verification", "answered").inc()
            return _json({"challenge": callback.get("challenge")})
        return await self._take(callback)

    async def _take(self, callback: Mapping[str, Any]) -> Response:
        name = event_type(callback)
        kind = name if name in KNOWN_TYPES else "other"
        try:
            message = self._reader.read(callback)
        except Unfilled:
            EVENTS.labels(kind, "ignored").inc()
            return _toast("warning", "还没有写内容，请写几个字再提交")
        if message is None:
            EVENTS.labels(kind, "ignored").inc()
            return _nothing()
        try:
            async with asyncio.timeout(PRESS_WITHIN if message.kind == "button" else None):
                receipt = await self._intake.submit(message)
        except TimeoutError:
            log.warning("feishu %s: %s was not committed in time", self._name, message.key)
            EVENTS.labels(kind, "late").inc()
            return _toast("info", "现在有点忙，还没有办完。请过一会儿再按一次，看看办好没有")
        except Unavailable:
            log.warning("feishu %s: %s could not be committed", self._name, message.key)
            EVENTS.labels(kind, "unavailable").inc()
            return _sorry(message)
        EVENTS.labels(kind, "duplicate" if receipt.duplicate else "accepted").inc()
        if message.kind == "joined" and not receipt.duplicate:
            self._joined(message)
        if message.kind != "button" or not receipt.answer:
            return _nothing()
        return _toast("info" if receipt.duplicate else "success", receipt.answer)


async def _body(request: Request, declared: bytes) -> bytes:
    """The raw body; ``declared`` is its Content-Length. Raises Rejected as soon as it is known to be too large."""
    if declared.isdigit() and int(declared[:12]) > LARGEST_BODY:
        raise Rejected(413, "body too large")
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Rejected(400, "body broken off")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY:
            raise Rejected(413, "body too large")
        more = message.get("more_body", False)
    return b"".join(chunks)


def _sorry(message: IncomingMessage) -> Response:
    """An event comes again if it is answered 503; a button press does not, so the person is told to press again."""
    if message.kind == "button":
        return _toast("error", "刚才没有记上，请再按一次")
    return Response(status_code=503)


def _toast(kind: str, content: str) -> Response:
    return _json({"toast": {"type": kind, "content": content}})


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value), media_type="application/json")


def _nothing() -> Response:
    return Response(b"{}", media_type="application/json")
