"""WeCom's 智能机器人 (aibot): it hears what is addressed to it in internal groups and in private chats.

In mode ``websocket`` a long connection (``socket``, ``link``) brings messages (``receiver``) and takes posts
(``sender``). In mode ``callback`` WeCom calls us (``callback``), and what its answers do not carry goes other ways
(``callback_sender``). Both read messages (``events``) and show content (``render``) alike.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from bot.delivery import Refused
from bot.fetching import Fetcher
from bot.media import LARGEST_FILE
from bot.platforms.base import Services
from bot.platforms.budget import Budget, Rate
from bot.platforms.fields import word
from bot.platforms.wechat.media import PADDING, open_sealed
from bot.platforms.wecom_aibot.callback import CallbackEndpoint
from bot.platforms.wecom_aibot.callback_sender import CallbackSender, of_a_test
from bot.platforms.wecom_aibot.events import EventReader
from bot.platforms.wecom_aibot.protocol import Timing
from bot.platforms.wecom_aibot.pushing import Pushes
from bot.platforms.wecom_aibot.receiver import Receiver
from bot.platforms.wecom_aibot.sender import WecomAibotSender
from bot.platforms.wecom_aibot.socket import AibotSocket
from bot.platforms.wecom_aibot.streams import Streams
from bot.settings import WecomAibotSettings

RATES = (Rate(30, 60.0), Rate(1000, 3600.0))
"""Of one chat; replies and pushes together, and presumably each frame of a stream (page 101463)."""


class WecomAibotPlatform:
    """One configured robot; implements ``bot.platforms.base.Platform``.

    ``robots``: by chat id, the push-only robots of groups, and ``app``: the app that reaches the same people. They
    post what this robot may not. ``timing`` is that of the long connection.
    """

    def __init__(
        self,
        settings: WecomAibotSettings,
        services: Services,
        robots: Mapping[str, Pushes] | None = None,
        app: Pushes | None = None,
        timing: Timing | None = None,
    ) -> None:
        reader = EventReader(settings.name, services.bot_name, services.clock)
        self._key = settings.encoding_aes_key
        gateway = of_a_test(settings.ws_url)
        self._fetcher = Fetcher([gateway.host] if gateway else [])
        self._way: _Connected | _Called
        if settings.mode == "websocket":
            self._way = _Connected(settings, services, reader, robots or {}, app, timing or Timing())
        else:
            self._way = _Called(settings, services, reader, robots or {}, app)
        self.sender = self._way.sender
        self.router = self._way.router

    async def start(self) -> None:
        """Begins to connect, if that is how this robot works."""
        self._way.start()

    async def close(self) -> None:
        """Ends background work and closes connections."""
        await self._way.close()
        await self._fetcher.close()

    async def fetch(self, source: str) -> bytes:
        """The photo behind a link that is good for five minutes; the key is its own, or that of the callbacks."""
        link = _object(source)
        data = await self._fetcher.fetch(word(link, "url"), largest=LARGEST_FILE + PADDING)
        return await asyncio.to_thread(open_sealed, data, word(link, "aeskey") or self._key)


class _Connected:
    """Mode ``websocket``."""

    def __init__(
        self,
        settings: WecomAibotSettings,
        services: Services,
        reader: EventReader,
        robots: Mapping[str, Pushes],
        app: Pushes | None,
        timing: Timing,
    ) -> None:
        name, budget = settings.name, Budget(RATES, time.monotonic)
        ownership = services.own(f"wecom_aibot:{name}")
        self._socket = AibotSocket(settings, ownership, self._take, timing)
        self._streams = Streams(name, self._socket.request, budget, timing)
        self._receiver = Receiver(name, services, reader, self._streams, self._socket.request, timing)
        self.sender = WecomAibotSender(name, self._socket, self._streams, budget, services, robots, app)
        self.router = APIRouter()

    def start(self) -> None:
        self._socket.start()

    async def close(self) -> None:
        await self._receiver.close()
        await self._streams.close()
        await self._socket.close()

    def _take(self, req_id: str, body: dict[str, Any]) -> None:
        self._receiver.take(req_id, body)


class _Called:
    """Mode ``callback``."""

    def __init__(
        self,
        settings: WecomAibotSettings,
        services: Services,
        reader: EventReader,
        robots: Mapping[str, Pushes],
        app: Pushes | None,
    ) -> None:
        self._endpoint = CallbackEndpoint(settings, services, reader)
        self.sender = CallbackSender(settings, robots, app)
        self.router = self._endpoint.router

    def start(self) -> None:
        """It is WeCom that calls."""

    async def close(self) -> None:
        await self._endpoint.close()
        await self.sender.close()


def _object(source: str) -> dict[str, Any]:
    try:
        found = json.loads(source)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("bad_source")
    return found
