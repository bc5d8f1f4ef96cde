"""What the answers to callbacks did not carry: by response_url, by the group's robot, or by the app to a person.

A robot in callback mode cannot begin to speak: a response_url takes one post within an hour of the message, and
reminders need another way (page 101138).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import httpx

from bot.clock import system_clock
from bot.content import Attachment, Card, Text
from bot.delivery import Closed, Delivery, Refused, Uncertain
from bot.fetching import host_and_port
from bot.platforms.recent import Recent
from bot.platforms.wechat.client import WechatClient
from bot.platforms.wecom_aibot.pushing import Pushes, RobotSender, push_by
from bot.platforms.wecom_aibot.render import shown
from bot.settings import WecomAibotSettings

HOST = "qyapi.weixin.qq.com:443"


class CallbackSender(RobotSender):
    """The sending half of one robot in callback mode; implements ``bot.delivery.Sender``.

    ``robots``: by chat id, the push-only robots of groups. ``app`` reaches the same people by their userids.
    """

    ready = True

    def __init__(self, settings: WecomAibotSettings, robots: Mapping[str, Pushes], app: Pushes | None = None) -> None:
        self.bot = settings.name
        self._robots = robots
        self._app = app
        self.limits = replace(RobotSender.limits, passive=True, files=app is not None)
        self._client = WechatClient(f"wecom_aibot {settings.name}", "", system_clock)
        gateway = of_a_test(settings.ws_url)
        self._trusted = host_and_port(gateway) if gateway else ""
        self._used: Recent[str] = Recent()
        """What became of a response_url: the post that it may have taken, or empty where it takes nothing any more."""

    async def send(self, delivery: Delivery) -> str:
        """Posts the way that is open. Raises Closed where there is none until somebody writes."""
        other = self._app if delivery.to_person else self._robots.get(delivery.target)
        url, content = self._response_url(delivery.reply_to), delivery.content
        if other and (isinstance(content, Attachment) or (isinstance(content, Card) and content.photos)):
            url = None  # it takes neither
        if url and not isinstance(content, Attachment):
            try:
                return await self._respond(url, delivery, content)
            except Refused:
                pass  # it was used, or its hour is over: the client has logged which
        if other is None:
            raise Closed("no_push")
        return await push_by(other, delivery)

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def _respond(self, url: httpx.URL, delivery: Delivery, content: Text | Card) -> str:
        """Raises Refused for an address that takes nothing any more.

        It takes one post: refused after an attempt that got no answer, it has that one.
        """
        link = str(url)
        attempted = self._used.get(link)
        if attempted not in (None, delivery.uuid):
            raise Refused("used")
        try:
            body = _body(content, delivery.uuid, private=delivery.to_person)
            await self._client.call("POST", str(url.copy_with(query=None)), query=dict(url.params), body=body)
        except Refused:
            if attempted == delivery.uuid:
                return ""
            self._used[link] = ""
            raise
        except (Uncertain, asyncio.CancelledError):  # cancelled: an attempt may take only so much time
            self._used[link] = delivery.uuid
            raise
        self._used[link] = ""
        return ""

    def _response_url(self, link: str) -> httpx.URL | None:
        """None for what is no response_url: what a callback names is not called wherever it leads."""
        try:
            url = httpx.URL(link)
        except httpx.InvalidURL:
            return None
        where = host_and_port(url)
        if not (url.scheme == "https" and where == HOST) and not (self._trusted and where == self._trusted):
            return None
        return url


def _body(content: Text | Card, task: str, *, private: bool) -> dict[str, Any]:
    """Only private chats take cards to press something on; in a group the hint says what to type."""
    if isinstance(content, Card):
        card = shown(content, task)
        if private and card.card and not card.markdown:
            return {"msgtype": "template_card", "template_card": card.card}
        content = replace(content, buttons=(), choice=None)
    return {"msgtype": "markdown", "markdown": {"content": shown(content, task, mentions=False).markdown}}


def of_a_test(gateway: str) -> httpx.URL | None:
    """The address of the gateway where that is a test's, on this very machine; None for any other."""
    try:
        url = httpx.URL(gateway)
        return url if ip_address(url.host).is_loopback else None
    except (httpx.InvalidURL, ValueError):
        return None
