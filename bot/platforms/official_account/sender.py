"""The service desk of one official account (developers.weixin.qq.com/doc/subscription/guide/product/kf/intro.md)."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.content import Attachment, Card
from bot.delivery import Closed, Delivery, Limits, Refused, RetryLater
from bot.platforms.wechat.client import WechatClient
from bot.platforms.wechat.courier import Courier, parts_of
from bot.platforms.wechat.errors import OPERATOR_SECONDS, Meaning

log = logging.getLogger(__name__)

NO_SERVICE_DESK = "48001"


class OfficialAccountSender:
    """Implements ``bot.delivery.Sender``: texts and photos to followers. WeChat decides how many a person gets.

    It knows no ids: of a message whose answer was lost the follower may get a second one.
    """

    platform = "official_account"
    ready = True
    limits = Limits(
        reactions=False,
        reactions_at_once=0,
        updates=False,
        chat_per_second=1,
        acknowledge_after=3,
        once_for=0,
        files=False,
        closes=True,
        passive=True,
    )

    def __init__(self, bot: str, client: WechatClient, courier: Courier) -> None:
        self.bot = bot
        self.silent = False
        """Whether nothing can be sent: the account has no service desk, as the last attempt has shown."""
        self._client = client
        self._courier = courier

    async def send(self, delivery: Delivery) -> str:
        """Posts, in several messages what is too long for one or has photos. They have no ids."""
        if not delivery.to_person:
            raise Refused("groups")
        if isinstance(delivery.content, Attachment):
            raise Refused("files")
        return await self._courier.send(delivery.uuid, parts_of(delivery.content), partial(self._tell, delivery.target))

    async def react(self, ref: str, *, chat: str) -> None:  # noqa: ARG002
        """There are no reactions."""
        raise Refused("reactions")

    async def update(self, ref: str, card: Card, *, private: bool) -> None:  # noqa: ARG002
        """There are no cards."""
        raise Refused("updates")

    async def _tell(self, person: str, message: dict[str, Any]) -> str:
        try:
            await self._client.call("POST", "/cgi-bin/message/custom/send", body={"touser": person, **message})
        except Closed as closed:
            self.silent = closed.code == NO_SERVICE_DESK
            raise
        self.silent = False
        return ""


def meanings(label: str) -> Mapping[int, Meaning]:
    """What codes mean for an account; ``label`` names it in the log.

    45015: the person has not written for 48 hours, or follows no longer; 45047: has got as much as is allowed until
    the next message; 40003, 43004: does not follow, or has never written; 48001: the account has no service desk.
    """
    closed = dict.fromkeys((40003, 43004, 45015, 45047, 48001), Closed)
    return closed | {40164: partial(_untrusted, label)}


def _untrusted(label: str, code: str) -> Exception:
    log.error("%s: this server's address is not in the account's list of IP addresses (IP白名单)", label)
    return RetryLater(code, OPERATOR_SECONDS, everything=True)
