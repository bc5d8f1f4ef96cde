"""WeCom's self-built app (自建应用, page 90236): private chats of members, in WeCom and, by its plug-in, in WeChat.

It hears private chats alone. In groups it can only speak, and only in those that the app itself created by
``appchat/create`` (page 90244): an operator's act, after which the group's chatid is a target like any other. People
talk to the bot in groups through ``wecom_aibot``.
"""

from bot.platforms.base import Services
from bot.platforms.wechat.client import WechatClient, corp_token
from bot.platforms.wechat.courier import Courier, fetch_photo
from bot.platforms.wechat.doors import SealedDoor
from bot.platforms.wechat.events import EventReader
from bot.platforms.wechat.passive import CallbackEndpoint, Manners
from bot.platforms.wecom_app.sender import WecomAppSender, meanings
from bot.settings import WecomAppSettings


class WecomAppPlatform:
    """One configured app; implements ``bot.platforms.base.Platform``."""

    def __init__(self, settings: WecomAppSettings, services: Services) -> None:
        self.name = settings.name
        label = f"wecom_app {settings.name}"
        token = corp_token(settings.corp_id, settings.secret)
        self._client = WechatClient(label, settings.api_base, services.clock, token, meanings(label))
        courier = Courier(label, self._client, services.media)
        self.sender = WecomAppSender(settings, self._client, courier)
        door = SealedDoor(settings.token, settings.encoding_aes_key, settings.corp_id)
        reader = EventReader("wecom_app", settings.name, services.clock, greets_daily=True)
        manners = Manners(nothing=b"")
        self.router = CallbackEndpoint(("wecom_app", settings.name), door, reader, services, manners).router

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def fetch(self, source: str) -> bytes:
        """The photo with media_id ``source``, which WeCom keeps for 3 days (page 90254)."""
        return await fetch_photo(self._client, source)
