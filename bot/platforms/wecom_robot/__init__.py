"""The robot of one WeCom group (消息推送, page 99110): it posts through a webhook and hears nothing."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bot.clock import system_clock
from bot.content import Attachment, Card, Mention, Text
from bot.delivery import Delivery, Refused, RetryLater
from bot.media import MediaStore
from bot.platforms.budget import Budget, Rate
from bot.platforms.recent import Recent
from bot.platforms.wechat.client import WechatClient
from bot.platforms.wechat.pictures import picture
from bot.platforms.wechat.pieces import pieces
from bot.platforms.wecom_aibot.render import markdown
from bot.settings import WecomRobotSettings

log = logging.getLogger(__name__)

RATE = Rate(20, 60.0)
LARGEST_TEXT = 2048
LARGEST_MARKDOWN = 4096
LARGEST_IMAGE = 2 * 1024 * 1024
"""Bytes."""
WRONG_WEBHOOK = "93000"
TOO_OFTEN = 45009

_MENTION = re.compile(r"<(?=\s*@)")


@dataclass(frozen=True, slots=True)
class _Photo:
    name: str


_Part = dict[str, Any] | _Photo | Attachment
"""A post: its body, or what is still to be read or uploaded for it."""


class WecomRobot:
    """Posts to the group ``chat_id``. The key in the address of its webhook is the secret: no address is ever logged.

    The platform knows no idempotency: of a post whose answer was lost, people may see a second one.
    """

    def __init__(
        self, settings: WecomRobotSettings, media: MediaStore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = settings.name
        self.chat_id = settings.chat_id
        self._media = media
        self._budget = Budget((RATE,), clock)
        self._accepted: Recent[int] = Recent()
        """By uuid, how many pieces of a post were accepted."""
        self._webhook = _webhook(settings.webhook_url)
        if not self._webhook.params.get("key"):
            log.error("wecom_robot %s: webhook_url is no address of a robot: it posts nothing", self.name)
        base = str(self._webhook.copy_with(raw_path=b"/"))
        self._client = WechatClient(f"wecom_robot {self.name}", base, system_clock, meanings={TOO_OFTEN: _too_often})

    async def send(self, delivery: Delivery) -> str:
        """Posts, in several pieces what is too long for one. A robot's posts have no id.

        Raises RetryLater, Refused or Uncertain; what was accepted before that is not posted again for the same uuid.
        """
        if not self._webhook.params.get("key"):
            raise Refused(WRONG_WEBHOOK)
        parts = _parts(delivery.content)
        for place in range(self._accepted.get(delivery.uuid, 0), len(parts)):
            await self._post(parts[place])
            self._accepted[delivery.uuid] = place + 1
        return ""

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def _post(self, part: _Part) -> None:
        if not self._budget.take(""):
            raise RetryLater("budget", self._budget.wait(""))
        try:
            if body := await self._body(part):
                await self._client.call("POST", self._webhook.path, query=dict(self._webhook.params), body=body)
        except Refused as refusal:
            if refusal.code == WRONG_WEBHOOK:
                log.error("wecom_robot %s: webhook_url is wrong or was deleted", self.name)
            raise

    async def _body(self, part: _Part) -> dict[str, Any] | None:
        """None: there is nothing to post."""
        match part:
            case _Photo(name):
                image = await asyncio.to_thread(picture, self._media, name, LARGEST_IMAGE)
                return {"msgtype": "image", "image": image} if image else None
            case Attachment(name, data):
                return await self._file(name, data)
        return part

    async def _file(self, name: str, data: bytes) -> dict[str, Any]:
        path = self._webhook.path.rpartition("/")[0] + "/upload_media"
        query = {**self._webhook.params, "type": "file"}
        answer = await self._client.upload(path, name, data, query=query)
        return {"msgtype": "file", "file": {"media_id": str(answer.get("media_id", ""))}}


def _webhook(address: str) -> httpx.URL:
    """An empty one for what is no address: the error would quote it, key and all."""
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL:
        return httpx.URL()
    return url if url.scheme in ("https", "http") and url.host else httpx.URL()


def _too_often(code: str) -> RetryLater:
    return RetryLater(code, RATE.seconds)


def _parts(content: Text | Card | Attachment) -> list[_Part]:
    """The same for every attempt, whatever has become of the photos meanwhile."""
    match content:
        case Text():
            return _texts(content)
        case Card():
            said = _pieces(markdown(content), LARGEST_MARKDOWN)
            return [*map(_markdown, said), *map(_Photo, content.photos)]
    return [content]


def _texts(text: Text) -> list[_Part]:
    """Who is mentioned is mentioned once, with the first piece; clients show the names of ``mentioned_list``."""
    nameless = Text(text.text, tuple(mention for mention in text.mentions if not _is_ref(mention)))
    said = _pieces(_MENTION.sub("＜", nameless.as_text()), LARGEST_TEXT)
    bodies: list[dict[str, Any]] = [{"msgtype": "text", "text": {"content": piece}} for piece in said]
    refs = [mention.ref for mention in text.mentions if _is_ref(mention)]
    if bodies and refs:
        bodies[0]["text"]["mentioned_list"] = refs
    return list(bodies)


def _is_ref(mention: Mention) -> bool:
    """``@all`` would call everybody."""
    return bool(mention.ref) and not mention.ref.startswith("@")


def _markdown(piece: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": piece}}


def _pieces(text: str, largest: int) -> list[str]:
    """Without those that say nothing, which WeCom refuses."""
    return [piece.strip("\n") for piece in pieces(text, largest) if piece.strip()]
