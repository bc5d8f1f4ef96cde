"""The sending half of one Feishu app.

Pages ``im-v1/message/create``, ``im-v1/message/reply``, ``im-v1/message/patch``, ``im-v1/message-reaction/create``.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from bot.content import Attachment, Card, Text
from bot.delivery import Delivery, Limits, Refused
from bot.media import MediaStore
from bot.platforms.feishu.client import FeishuClient, message_path
from bot.platforms.feishu.errors import BAD_CARD, NO_REPLY, SHUT_OUT
from bot.platforms.feishu.render import render_card, render_text
from bot.platforms.feishu.uploads import Uploads

log = logging.getLogger(__name__)

TICK = "DONE"
"""The reaction that says "done"."""

Answer = TypeVar("Answer")


class Robot(Protocol):
    """Something else that can post into one group."""

    async def send(self, delivery: Delivery) -> str:
        """Posts, and returns a message id or nothing. Raises RetryLater, Refused or Uncertain."""


class FeishuSender:
    """Implements ``bot.delivery.Sender``: a repeated ``uuid`` posts at most once within an hour.

    ``robots``: by chat id, what posts into a group that shuts the app itself out.
    """

    platform = "feishu"
    ready = True
    limits = Limits(
        reactions=True, reactions_at_once=5, updates=True, chat_per_second=4, acknowledge_after=1, once_for=3600
    )

    def __init__(
        self, bot: str, client: FeishuClient, media: MediaStore, robots: Mapping[str, Robot] = MappingProxyType({})
    ) -> None:
        self.bot = bot
        self._client = client
        self._uploads = Uploads(client, media)
        self._robots = robots

    async def send(self, delivery: Delivery) -> str:
        """Posts, and returns the message_id. What is meant for one person is never a reply, which a group might see."""
        try:
            return await self._send(delivery)
        except Refused as refusal:
            robot = None if delivery.to_person else self._robots.get(delivery.target)
            if robot is None or refusal.code not in SHUT_OUT:
                raise
            log.warning("feishu %s: %s goes to its group's robot: %s", self.bot, delivery.uuid, refusal.code)
            return await robot.send(delivery)

    async def react(self, ref: str, *, chat: str) -> None:
        """Puts the tick on message ``ref``; Feishu keeps one reaction of a kind per bot and message."""
        log.debug("feishu %s: tick on %s in %s", self.bot, ref, chat)
        body = {"reaction_type": {"emoji_type": TICK}}
        await self._client.call("POST", message_path(ref, "/reactions"), body=body)

    async def update(self, ref: str, card: Card, *, private: bool) -> None:
        """Replaces what card ``ref`` shows, up to 14 days after it was sent."""

        async def patch(content: str) -> None:
            await self._client.call("PATCH", message_path(ref), body={"content": content})

        await self._show(card, patch, private=private)

    async def _send(self, delivery: Delivery) -> str:
        match delivery.content:
            case Text() as text:
                return await self._post(delivery, "text", render_text(text))
            case Attachment() as file:
                return await self._post(delivery, "file", json.dumps({"file_key": await self._uploads.file_key(file)}))
            case Card() as card:

                async def post(content: str) -> str:
                    return await self._post(delivery, "interactive", content)

                return await self._show(card, post, private=delivery.to_person)

    async def _show(self, card: Card, give: Callable[[str], Awaitable[Answer]], *, private: bool) -> Answer:
        """Gives out the card with its photos; without them where Feishu does not take it with them."""
        pictures = await self._uploads.image_keys(card.photos)
        try:
            return await give(render_card(card, private=private, pictures=pictures))
        except Refused as refusal:
            if not pictures or refusal.code != BAD_CARD:
                raise
            log.warning("feishu %s: a card goes out without its photos: %s", self.bot, refusal.code)
            self._uploads.forget(card.photos)
            return await give(render_card(card, private=private))

    async def _post(self, delivery: Delivery, msg_type: str, content: str) -> str:
        body = {"msg_type": msg_type, "content": content, "uuid": delivery.uuid}
        if delivery.reply_to and not delivery.to_person:
            return await self._reply(delivery, body)
        return await self._create(delivery, body)

    async def _reply(self, delivery: Delivery, body: dict[str, Any]) -> str:
        """A reply; a post of its own where the message cannot be replied to (any more)."""
        try:
            return _message_id(await self._client.call("POST", message_path(delivery.reply_to, "/reply"), body=body))
        except Refused as refusal:
            if refusal.code not in NO_REPLY:
                raise
            return await self._create(delivery, body)

    async def _create(self, delivery: Delivery, body: dict[str, Any]) -> str:
        query = {"receive_id_type": "open_id" if delivery.to_person else "chat_id"}
        body = {"receive_id": delivery.target, **body}
        return _message_id(await self._client.call("POST", "/im/v1/messages", query=query, body=body))


def _message_id(answer: dict[str, Any]) -> str:
    data = answer.get("data")
    return str(data.get("message_id", "")) if isinstance(data, dict) else ""
