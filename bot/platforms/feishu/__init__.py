"""Feishu (飞书): a self-built app as the bot of groups and private chats, over HTTP callbacks.

A callback is verified and decrypted (``envelope``), made neutral (``events``), committed, and answered (``callback``);
posts are rendered (``render``) and sent (``sender``, ``client``).
"""

import asyncio
import contextlib
import logging
from typing import Any

from bot.clock import Clock
from bot.delivery import Refused, RetryLater, Uncertain
from bot.messages import Intake
from bot.platforms.feishu.callback import CallbackEndpoint
from bot.platforms.feishu.client import FeishuClient
from bot.platforms.feishu.events import EventReader, Identity
from bot.platforms.feishu.sender import FeishuSender
from bot.settings import FeishuSettings

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds between attempts to learn the bot's open_id."""


class FeishuPlatform:
    """One configured Feishu app; implements ``bot.platforms.base.Platform``."""

    def __init__(self, settings: FeishuSettings, intake: Intake, clock: Clock, bot_name: str) -> None:
        self.name = settings.name
        self.identity = Identity(bot_name)
        self._client = FeishuClient(settings, clock)
        self.sender = FeishuSender(settings.name, self._client)
        self.router = CallbackEndpoint(settings, intake, EventReader(settings.name, self.identity, clock)).router
        self._learning: asyncio.Task[None] | None = None
        if not (settings.encrypt_key or settings.verification_token):
            log.error("feishu %s: neither encrypt_key nor verification_token: callbacks are refused", self.name)

    async def start(self) -> None:
        """Begins to ask Feishu who the bot is; until the answer comes, mentions are recognised by name."""
        self._learning = asyncio.create_task(self._learn())

    async def close(self) -> None:
        """Ends background work and closes connections."""
        if self._learning is not None:
            self._learning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._learning
        await self._client.close()

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
