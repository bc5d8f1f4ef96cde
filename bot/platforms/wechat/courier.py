"""One post as the messages that it takes, and photos both ways (pages 90236, 90253 and 90254)."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.content import Attachment, Card, Text
from bot.delivery import Refused, RetryLater, Uncertain
from bot.media import LARGEST_FILE, MediaStore, too_large
from bot.platforms.wechat.client import WechatClient
from bot.platforms.wechat.pieces import pieces

log = logging.getLogger(__name__)

LARGEST_TEXT = 2048
"""Bytes of one text; what is longer is refused by one of the platforms and cut by the other."""
REMEMBERED = 1000
"""Posts of which is known how far they came."""
UPLOAD = "/cgi-bin/media/upload"


@dataclass(frozen=True, slots=True)
class Photo:
    """A kept photo (see ``bot.media``)."""

    name: str


Part = str | Photo | Attachment
Say = Callable[[dict[str, Any]], Awaitable[str]]
"""Sends one message, of which it is given ``msgtype`` and what belongs to that, and returns its id."""


@dataclass(slots=True)
class _Progress:
    said: int = 0
    """Parts that were accepted."""
    message: dict[str, Any] | None = None
    """The next one, if it was tried: it may have been accepted, and is sent again just as it was."""
    ref: str = ""


class Courier:
    """Sends posts part by part. One that failed goes on where it stopped, as far as this process remembers."""

    def __init__(self, label: str, client: WechatClient, media: MediaStore) -> None:
        self._label = label
        self._client = client
        self._media = media
        self._known: OrderedDict[str, _Progress] = OrderedDict()

    async def send(self, uuid: str, parts: Sequence[Part], say: Say) -> str:
        """Says all of ``parts`` that were not said under this ``uuid`` before; returns the id of the last message.

        Raises what ``say`` raises, and RetryLater, Refused and Closed of uploads.
        """
        progress = self._progress(uuid)
        for part in parts[progress.said :]:
            message = progress.message or await self._message(part)
            progress.message = None
            if message:
                progress.ref = await self._said(message, say, progress)
            progress.said += 1
        return progress.ref

    async def _said(self, message: dict[str, Any], say: Say, progress: _Progress) -> str:
        try:
            return await say(message)
        except (RetryLater, Uncertain, asyncio.CancelledError):  # cancelled: an attempt may take only so much time
            progress.message = message
            raise

    async def _message(self, part: Part) -> dict[str, Any] | None:
        """None: there is nothing to say."""
        match part:
            case str():
                return {"msgtype": "text", "text": {"content": part}}
            case Attachment(name, data):
                return {"msgtype": "file", "file": {"media_id": await self._upload("file", name, data)}}
            case Photo(name):
                photo = await asyncio.to_thread(self._photo, name)
                if photo is not None:
                    return {"msgtype": "image", "image": {"media_id": await self._upload("image", name, photo)}}
        return None

    def _photo(self, name: str) -> bytes | None:
        try:
            return self._media.path(name).read_bytes()
        except (LookupError, OSError) as error:
            log.warning("%s: photo %s is left out: %s", self._label, name, type(error).__name__)
            return None

    async def _upload(self, kind: str, name: str, data: bytes) -> str:
        answer = await self._client.upload(UPLOAD, name, data, query={"type": kind})
        return str(answer.get("media_id", ""))

    def _progress(self, uuid: str) -> _Progress:
        progress = self._known.setdefault(uuid, _Progress())
        self._known.move_to_end(uuid)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return progress


async def fetch_photo(client: WechatClient, media_id: str) -> bytes:
    """A photo that somebody sent; the platforms keep it for 3 days (page 90254).

    Raises BadPhoto where it is too large, else RetryLater, Refused, or what the client makes of a code.
    """
    try:
        return await client.download("/cgi-bin/media/get", query={"media_id": media_id}, largest=LARGEST_FILE)
    except Refused as refusal:
        if refusal.code == "too_large":
            raise too_large(LARGEST_FILE) from refusal
        raise


def parts_of(content: Text | Card) -> list[Part]:
    """The text in pieces, and the photos; buttons are told as the hint of the card."""
    photos = content.photos if isinstance(content, Card) else ()
    return [*pieces(content.as_text(), LARGEST_TEXT), *map(Photo, photos)]
