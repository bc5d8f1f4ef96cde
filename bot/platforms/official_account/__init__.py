"""WeChat's official accounts (公众号): private chats with followers; there are no groups.

Replies are carried by the answer to the message (passive replies), which every account may do. Reminders, photos and
what is too long go out as messages of its service desk (客服消息); a follower gets 5 within 48 hours of writing.
Accounts that have no service desk work by passive replies alone: what cannot be sent is held for the person's next
message (developers.weixin.qq.com/doc/subscription/guide/product/kf/intro.md).
"""

from bot.content import File, Text
from bot.platforms.base import Services
from bot.platforms.official_account.door import AccountDoor
from bot.platforms.official_account.sender import OfficialAccountSender, meanings
from bot.platforms.wechat.client import WechatClient, account_token
from bot.platforms.wechat.courier import Courier, fetch_photo
from bot.platforms.wechat.events import EventReader
from bot.platforms.wechat.passive import CallbackEndpoint, Manners
from bot.settings import OfficialAccountSettings


class OfficialAccountPlatform:
    """One configured account; implements ``bot.platforms.base.Platform``."""

    def __init__(self, settings: OfficialAccountSettings, services: Services) -> None:
        self.name = settings.name
        label = f"official_account {settings.name}"
        token = account_token(settings.app_id, settings.app_secret)
        self._client = WechatClient(label, settings.api_base, services.clock, token, meanings(label))
        self.sender = OfficialAccountSender(settings.name, self._client, Courier(label, self._client, services.media))
        door = AccountDoor(settings)
        reader = EventReader("official_account", settings.name, services.clock, greets_daily=False)

        def file_link(file: File) -> Text:
            return services.links.to_file(file, services.clock())

        manners = Manners(nothing=b"success", alone=lambda: self.sender.silent, in_place_of=file_link)
        self.router = CallbackEndpoint(("official_account", settings.name), door, reader, services, manners).router

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def fetch(self, source: str) -> bytes:
        """The photo with media_id ``source``, which WeChat keeps for 3 days."""
        return await fetch_photo(self._client, source)
