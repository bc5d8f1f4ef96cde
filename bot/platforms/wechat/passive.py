"""The callback address of an app or account, whose answer carries the replies: ``/webhooks/{platform}/{name}``."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from bot.clock import system_clock
from bot.content import Card, Text
from bot.mailbox import InPlaceOf
from bot.messages import Unavailable
from bot.platforms.base import Services
from bot.platforms.wechat.body import read_body
from bot.platforms.wechat.doors import Door
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.events import EventReader, Read, kind_of
from bot.platforms.wechat.pieces import pieces, size
from bot.platforms.wechat.xml import parse, text_at, text_reply
from bot.posting import Address

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
"""Bytes. Texts have 2048 of them, pictures come as ids; the rest is for encryption and menus."""
LARGEST_REPLY = 2048
"""Bytes of a passive text."""
IN_TIME = 4.0
"""Seconds after which an answer is left to the next delivery: both platforms hang up after 5 (page 90238)."""
CALLBACKS = Counter(
    "jufeng_wechat_callbacks_total",
    "Callbacks in XML of WeCom's apps and of official accounts, by kind and what became of them.",
    ["platform", "kind", "outcome"],
)
MORE = "…"


@dataclass(frozen=True, slots=True)
class Manners:
    """How a platform answers."""

    nothing: bytes
    """The answer that says nothing."""
    alone: Callable[[], bool] = lambda: False
    """Whether nothing can be sent but by answers: then they say what they can, without photos and cut to their size."""
    in_place_of: InPlaceOf | None = None


class CallbackEndpoint:
    """Takes the callbacks of one bot: verify and decrypt, normalise, commit, and only then answer.

    Both platforms repeat what was not answered 200 within 5 seconds, three attempts in all. So a commit that takes
    too long is answered 503 and its replies are left alone: the next delivery finds the claim and carries them, and
    if there is none, the outbox sends them. Nothing is said twice, for what an answer carries was taken out of it.
    """

    def __init__(self, way: tuple[str, str], door: Door, reader: EventReader, services: Services, manners: Manners):
        self._platform, self._bot = way
        self._door = door
        self._reader = reader
        self._intake = services.intake
        self._mailbox = services.mailbox
        self._manners = manners
        self.router = APIRouter()
        address = f"/webhooks/{self._platform}/{self._bot}"
        self.router.add_route(address, self._verify, methods=["GET"])
        self.router.add_route(address, self._receive, methods=["POST"])
        if door.fault:
            log.error("%s %s: %s: callbacks are refused", *way, door.fault)

    async def _verify(self, request: Request) -> Response:
        try:
            echo = self._door.echo(request.query_params)
        except Rejected as refusal:
            return self._refuse(refusal)
        self._count("verification", "answered")
        return Response(echo, media_type="text/plain")

    async def _receive(self, request: Request) -> Response:
        late_at = time.monotonic() + IN_TIME
        try:
            document = self._door.open(request.query_params, await read_body(request, LARGEST_BODY))
            fields = parse(document)
        except Rejected as refusal:
            return self._refuse(refusal)
        kind, read = kind_of(fields), self._reader.read(fields, document)
        if read is None:
            self._count(kind, "ignored")
            return self._nothing()
        try:
            contents = await self._said(read, kind, late_at)
        except (Unavailable, TimeoutError, SQLAlchemyError) as error:
            log.warning("%s %s: %s: %s", self._platform, self._bot, read.message.key, type(error).__name__)
            self._count(kind, "unavailable")
            return Response(status_code=503)
        if not contents:
            return self._nothing()
        reply = text_reply(
            in_one(contents), to=read.message.sender, sender=text_at(fields, "ToUserName"), at=system_clock()
        )
        return Response(self._door.seal(request.query_params, reply), media_type="application/xml")

    async def _said(self, read: Read, kind: str, late_at: float) -> Sequence[Text | Card]:
        """What there is to say once the message is committed. Raises TimeoutError where that took too long."""
        message, manners = read.message, self._manners
        receipt = await self._intake.submit(message)
        if time.monotonic() > late_at:
            raise TimeoutError
        contents: Sequence[Text | Card] = ()
        if not (receipt.duplicate and read.anew):
            address = Address(self._platform, self._bot, message.sender, to_person=True)
            alone = manners.alone()
            fits = _short_enough if alone else room_for
            contents = await self._mailbox.take(
                address, message.key, fits, whole=not alone, in_place_of=manners.in_place_of, by=late_at
            )
        self._count(kind, "duplicate" if receipt.duplicate else "accepted")
        return contents

    def _refuse(self, refusal: Rejected) -> Response:
        log.warning("%s %s: callback refused: %s", self._platform, self._bot, refusal.reason)
        self._count("other", "refused")
        return Response(status_code=refusal.status)

    def _nothing(self) -> Response:
        return Response(self._manners.nothing, media_type="text/plain")

    def _count(self, kind: str, outcome: str) -> None:
        CALLBACKS.labels(self._platform, kind, outcome).inc()


def in_one(contents: Sequence[Text | Card]) -> str:
    """All of these as one passive text; what is too long for it ends with ``…``, at the end of a line."""
    text = _joined(contents)
    if size(text) <= LARGEST_REPLY:
        return text
    return pieces(text, LARGEST_REPLY - size(MORE))[0] + MORE


def room_for(contents: Sequence[Text | Card]) -> bool:
    """Whether one passive text says all of these: it has no photos."""
    photos = any(isinstance(content, Card) and content.photos for content in contents)
    return not photos and _short_enough(contents)


def _short_enough(contents: Sequence[Text | Card]) -> bool:
    return size(_joined(contents)) <= LARGEST_REPLY


def _joined(contents: Sequence[Text | Card]) -> str:
    return "\n\n".join(content.as_text() for content in contents)
