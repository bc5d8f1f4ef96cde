"""Feishu (飞书): a self-built app as the bot of groups and private chats, over HTTP callbacks.

A callback is verified and decrypted (``envelope``), made neutral (``events``, ``said``, ``pressing``), committed, and
answered (``callback``); posts are rendered (``render``, ``uploads``) and sent (``sender``, ``client``). Who is in the
groups is read in the background (``members``).
"""

import asyncio
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from bot.delivery import Refused, RetryLater, Uncertain
from bot.media import LARGEST_FILE, BadPhoto
from bot.platforms.base import Services
from bot.platforms.feishu.callback import CallbackEndpoint
from bot.platforms.feishu.client import FeishuClient, message_path
from bot.platforms.feishu.errors import EXTERNAL
from bot.platforms.feishu.events import EventReader
from bot.platforms.feishu.members import MemberReader
from bot.platforms.feishu.said import Identity
from bot.platforms.feishu.sender import FeishuSender, Robot
from bot.platforms.fields import identifier, json_object
from bot.settings import FeishuSettings

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds between attempts to learn the bot's open_id."""


class FeishuPlatform:
    """One configured Feishu app; implements ``bot.platforms.base.Platform``.

    ``robots``: by chat id, the custom robots that post where the app itself may not (``bot.platforms.feishu_robot``).
    """

    def __init__(
        self, settings: FeishuSettings, services: Services, robots: Mapping[str, Robot] = MappingProxyType({})
    ) -> None:
        self.name = settings.name
        self.identity = Identity(services.bot_name)
        self._client = FeishuClient(settings, services.clock)
        self.sender = FeishuSender(settings.name, self._client, services.media, robots)
        self._members = MemberReader(settings.name, self._client, services.intake, services.clock)
        reader = EventReader(settings.name, self.identity, services.clock)
        self.router = CallbackEndpoint(settings, services.intake, reader, self._members.look).router
        self._learning: asyncio.Task[None] | None = None
        if not (settings.encrypt_key or settings.verification_token):
            log.error("feishu %s: neither encrypt_key nor verification_token: callbacks are refused", self.name)

    async def start(self) -> None:
        """Begins to ask Feishu who the bot is, and who is in its groups.

        Until the first answer comes, mentions are recognised by name.
        """
        self._learning = asyncio.create_task(self._learn())
        self._members.start()

    async def close(self) -> None:
        """Ends background work and closes connections."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        await self._members.close()
        await self._client.close()

    async def fetch(self, source: str) -> bytes:
        """The photo of a message (page ``im-v1/message-resource/get``).

        Raises BadPhoto, RetryLater, Refused or Uncertain.
        """
        message, key = _source(source)
        path = message_path(message, f"/resources/{quote(key, safe='')}")
        try:
            return await self._client.download(path, query={"type": "image"}, largest=LARGEST_FILE)
        except Refused as refusal:
            if refusal.code != EXTERNAL:
                raise
            raise BadPhoto("外部群里的照片飞书不让取，请私聊发给我") from refusal

    async def _learn(self) -> None:
        pause = 1.0
        while not self.identity.open_id:
            try:
                self._recognise((await self._client.call("GET", "/bot/v3/info")).get("bot"))
            except (RetryLater, Refused, Uncertain) as error:
                log.warning("feishu %s: who the bot is remains unknown: %s", self.name, error)
            if not self.identity.open_id:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _recognise(self, info: Any) -> None:
        """Takes over the answer of page ``uAjMxEjLwITMx4CMyETM``, whose ``bot`` is at the top level."""
        if isinstance(info, dict) and isinstance(info.get("open_id"), str):
            self.identity.app_name = str(info.get("app_name", ""))
            self.identity.open_id = info["open_id"]


def _source(source: str) -> tuple[str, str]:
    """The message and the key, as ``events`` put them together. Raises Refused for anything else."""
    where = json_object(source) or {}
    message, key = identifier(where, "message_id"), identifier(where, "key")
    if not (message and key):
        raise Refused("bad_source")
    return message, key
