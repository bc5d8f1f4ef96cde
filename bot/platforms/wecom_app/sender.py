"""The sending half of one self-built app (pages 90236 and 90248)."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bot.content import Attachment, Card
from bot.delivery import Closed, Delivery, Limits, Refused, RetryLater
from bot.platforms.budget import Budget, Rate
from bot.platforms.wechat.client import WechatClient
from bot.platforms.wechat.courier import Courier, Part, parts_of
from bot.platforms.wechat.errors import OPERATOR_SECONDS, Meaning
from bot.settings import WecomAppSettings

log = logging.getLogger(__name__)

RATES = (Rate(30, 60.0), Rate(1000, 3600.0))
"""For one member; WeCom drops what is more, and says nothing. In groups of the app it would take more."""
REPEATED_WITHIN = 180
"""Seconds for which WeCom drops a message that it has had (see ``WecomAppSender``)."""
EVERYBODY = "@all"


class WecomAppSender:
    """Implements ``bot.delivery.Sender``: texts and photos to members, and to groups that the app created.

    Texts stay plain, and cards become texts: WeChat's plug-in, where many members read them, shows no Markdown.

    ``enable_duplicate_check`` compares content and members, and knows no ids: of two equal messages within the
    interval the second is dropped. With 3 minutes a post whose answer was lost, or whose process was killed, goes out
    once, however often it is tried within them; and what somebody asks for twice is only dropped while the same
    text has just been said. After them it is given up, as a dead letter. Groups have no check.

    A member who does not see the app is no reason to drop what is meant for that member, for most of the time the
    app's visible range is wrong: such posts are held until the person writes, which shows that it was mended.
    """

    platform = "wecom_app"
    ready = True
    limits = Limits(
        reactions=False,
        reactions_at_once=0,
        updates=False,
        chat_per_second=1,
        acknowledge_after=3,
        once_for=REPEATED_WITHIN,
        closes=True,
        passive=True,
    )

    def __init__(
        self,
        settings: WecomAppSettings,
        client: WechatClient,
        courier: Courier,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bot = settings.name
        self._agent_id = settings.agent_id
        self._client = client
        self._courier = courier
        self._budget = Budget(RATES, clock)

    async def send(self, delivery: Delivery) -> str:
        """Posts, in several messages what is too long for one or has photos; returns the msgid of the last."""
        content = delivery.content
        parts: list[Part] = [content] if isinstance(content, Attachment) else parts_of(content)
        say = self._tell if delivery.to_person else self._say
        return await self._courier.send(delivery.uuid, parts, partial(say, delivery.target))

    async def react(self, ref: str, *, chat: str) -> None:  # noqa: ARG002
        """There are no reactions."""
        raise Refused("reactions")

    async def update(self, ref: str, card: Card, *, private: bool) -> None:  # noqa: ARG002
        """There are no cards."""
        raise Refused("updates")

    async def _tell(self, user: str, message: dict[str, Any]) -> str:
        """To one member. Lists of members, and everybody at once, are never meant."""
        if not user or "|" in user or user.casefold() == EVERYBODY:
            raise Refused("userid")
        self._spend(f"@{user}")
        repeated = {"enable_duplicate_check": 1, "duplicate_check_interval": REPEATED_WITHIN}
        body = {"touser": user, "agentid": self._agent_id, **message, **repeated}
        answer = await self._client.call("POST", "/cgi-bin/message/send", body=body)
        if answer.get("invaliduser"):
            raise unseen(f"wecom_app {self.bot}")("invaliduser")
        return str(answer.get("msgid", ""))

    async def _say(self, chat: str, message: dict[str, Any]) -> str:
        """To a group that the app created; such posts have no id."""
        self._spend(chat)
        await self._client.call("POST", "/cgi-bin/appchat/send", body={"chatid": chat, **message})
        return ""

    def _spend(self, key: str) -> None:
        if not self._budget.take(key):
            raise RetryLater("budget", self._budget.wait(key))


def meanings(label: str) -> Mapping[int, Meaning]:
    """What codes mean for an app; ``label`` names it in the log."""
    return {60020: partial(_untrusted, label), 60111: unseen(label), 81013: unseen(label)}


def unseen(label: str) -> Meaning:
    """A member who is unknown, or does not see the app."""

    def meaning(code: str) -> Exception:
        log.warning("%s: a member does not see the app (%s): check its visible range", label, code)
        return Closed(code)

    return meaning


def _untrusted(label: str, code: str) -> Exception:
    log.error("%s: this server's address is not among the app's trusted IP addresses (企业可信IP)", label)
    return RetryLater(code, OPERATOR_SECONDS, everything=True)
