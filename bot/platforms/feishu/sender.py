"""The sending half of one Feishu app.

Pages ``im-v1/message/create``, ``im-v1/message/reply``, ``im-v1/message/patch``, ``im-v1/message-reaction/create``.
"""

import logging
from typing import Any

from bot.content import Card, Text
from bot.delivery import Delivery, Limits, Refused
from bot.platforms.feishu.client import FeishuClient, message_path
from bot.platforms.feishu.errors import RECALLED
from bot.platforms.feishu.render import render, render_card

log = logging.getLogger(__name__)

TICK = "DONE"
"""The reaction that says "done"."""


class FeishuSender:
    """Implements ``bot.delivery.Sender``: a repeated ``uuid`` posts at most once within an hour."""

    platform = "feishu"
    limits = Limits(
        reactions=True, reactions_at_once=5, updates=True, chat_per_second=4, acknowledge_after=1, once_for=3600
    )

    def __init__(self, bot: str, client: FeishuClient) -> None:
        self.bot = bot
        self._client = client

    async def send(self, delivery: Delivery) -> str:
        """Posts, and returns the message_id. What is meant for one person is never a reply, which a group might see."""
        msg_type, content = render(delivery.content, private=delivery.to_person)
        body = {"msg_type": msg_type, "content": content, "uuid": delivery.uuid}
        if delivery.reply_to and not delivery.to_person:
            return await self._reply(delivery, body)
        return await self._create(delivery, body)

    async def react(self, ref: str, *, chat: str) -> None:
        """Puts the tick on message ``ref``; Feishu keeps one reaction of a kind per bot and message."""
        log.debug("feishu %s: tick on %s in %s", self.bot, ref, chat)
        body = {"reaction_type": {"emoji_type": TICK}}
        await self._client.call("POST", message_path(ref, "/reactions"), body=body)

    async def update(self, ref: str, content: Text | Card) -> None:
        """Replaces what card ``ref`` shows, up to 14 days after it was sent. Refuses texts."""
        if isinstance(content, Text):
            raise Refused("only cards can be updated")
        await self._client.call("PATCH", message_path(ref), body={"content": render_card(content)})

    async def _reply(self, delivery: Delivery, body: dict[str, Any]) -> str:
        """A reply; a post of its own when the message to reply to was recalled meanwhile."""
        try:
            return _message_id(await self._client.call("POST", message_path(delivery.reply_to, "/reply"), body=body))
        except Refused as refusal:
            if refusal.code != RECALLED:
                raise
            return await self._create(delivery, body)

    async def _create(self, delivery: Delivery, body: dict[str, Any]) -> str:
        query = {"receive_id_type": "open_id" if delivery.to_person else "chat_id"}
        body = {"receive_id": delivery.target, **body}
        return _message_id(await self._client.call("POST", "/im/v1/messages", query=query, body=body))


def _message_id(answer: dict[str, Any]) -> str:
    data = answer.get("data")
    return str(data.get("message_id", "")) if isinstance(data, dict) else ""
