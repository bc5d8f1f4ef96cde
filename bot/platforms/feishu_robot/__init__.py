"""The custom robot of one Feishu group (自定义机器人): a webhook that posts into it, and hears nothing.

Pages ``ucTM5YjL3ETO24yNxkjN`` (limits, codes). It has no idempotency keys and no message ids.
"""

import asyncio
import base64
import dataclasses
import hashlib
import hmac
import json
import logging
import time
from collections import OrderedDict
from typing import Any

import httpx

from bot.clock import Clock
from bot.content import Attachment, Card, Text
from bot.delivery import Delivery, Refused, RetryLater, Uncertain
from bot.fetching import read_bounded, tls
from bot.media import BadPhoto
from bot.platforms.budget import Budget, Rate
from bot.platforms.feishu.render import render_card, render_text
from bot.platforms.fields import json_object
from bot.settings import FeishuRobotSettings

log = logging.getLogger(__name__)

RATES = (Rate(4, 1.5), Rate(95, 61.0))
"""Feishu takes 5 a second and 100 a minute; requests do not arrive as evenly as they left."""
LARGEST = 20 * 1024 - 1024
"""Bytes of the content, room for the rest of the 20 KB left."""
LARGEST_ANSWER = 64 * 1024
IN_ALL = 5.0
"""Seconds for one request: less than is left of an attempt of the outbox after the app itself was refused."""
CONNECT = 2.0
SHORT_WAIT = 2.0
"""Seconds that a post waits for its turn by itself."""
TOO_FAST = 11232
"""Many robots at once, as at full and half hours."""
TOO_FAST_SECONDS = 10.0
UNREACHABLE_SECONDS = 5.0
REMEMBERED = 1000
"""Posts of which is known that an answer was lost."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NO_ADDRESS = (httpx.InvalidURL, httpx.UnsupportedProtocol)


class FeishuRobot:
    """Posts through one webhook, which is a secret: neither it nor what is posted is logged."""

    def __init__(self, settings: FeishuRobotSettings, clock: Clock, seconds: float = IN_ALL) -> None:
        self.chat = settings.chat_id
        self._name = settings.name
        self._url = settings.webhook_url
        self._secret = settings.secret
        self._clock = clock
        self._seconds = seconds
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(seconds, connect=min(CONNECT, seconds)),
            verify=tls(),
            headers={"Accept-Encoding": "gzip, deflate"},
        )
        self._lost: OrderedDict[str, None] = OrderedDict()
        self._budget = Budget(RATES, time.monotonic)

    async def send(self, delivery: Delivery) -> str:
        """Posts into the robot's group, whatever the delivery's target is; returns "", for there is no message id.

        Raises RetryLater and Refused, and Uncertain where an answer is lost: the post may be there, and a second
        attempt cannot be told from a second post. Where that one's answer is lost too it is refused as ``uncertain``.
        """
        body = _body(delivery.content)
        if wait := await self._budget.turn(self._name, SHORT_WAIT):
            raise RetryLater("own_rate", wait)
        try:
            async with asyncio.timeout(self._seconds):
                response, data = await self._push(body | self._signature())
        except _NO_ADDRESS as error:
            raise Refused("webhook_url") from error
        except _NOT_SENT as error:
            raise RetryLater(type(error).__name__, UNREACHABLE_SECONDS) from error
        except (httpx.RequestError, BadPhoto, TimeoutError) as error:
            raise self._without_answer(delivery.uuid) from error
        self._check(response, data)
        return ""

    async def close(self) -> None:
        """Closes every connection."""
        await self._http.aclose()

    def _without_answer(self, uuid: str) -> Uncertain | Refused:
        """Rather twice in the group than not at all, but no more often."""
        if uuid in self._lost:
            return Refused("uncertain")
        self._lost[uuid] = None
        if len(self._lost) > REMEMBERED:
            self._lost.popitem(last=False)
        return Uncertain("no_answer")

    async def _push(self, body: dict[str, Any]) -> tuple[httpx.Response, bytes]:
        async with self._http.stream("POST", self._url, json=body) as response:
            return response, await read_bounded(response, LARGEST_ANSWER)

    def _signature(self) -> dict[str, str]:
        """Nothing without a secret. The key is made of both, and nothing is signed with it; good for an hour."""
        if not self._secret:
            return {}
        timestamp = str(int(self._clock().timestamp()))
        digest = hmac.new(f"{timestamp}\n{self._secret}".encode(), digestmod=hashlib.sha256).digest()
        return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}

    def _check(self, response: httpx.Response, data: bytes) -> None:
        code = _code(data)
        if code == 0:
            return
        log.warning("feishu robot %s: code %s, http %s", self._name, code, response.status_code)
        if code is None or response.is_server_error:
            raise RetryLater(f"http_{response.status_code}", UNREACHABLE_SECONDS)
        if code == TOO_FAST or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RetryLater(str(code), TOO_FAST_SECONDS)
        raise Refused(str(code))


def _body(content: Text | Card | Attachment) -> dict[str, Any]:
    match content:
        case Text():
            words = Text(content.as_text())  # the robot knows nobody whom it could mention
            return {"msg_type": "text", "content": json.loads(render_text(words, LARGEST))}
        case Card():
            shown = dataclasses.replace(content, buttons=(), choice=None, form=None)  # pressing would do nothing
            return {"msg_type": "interactive", "card": json.loads(render_card(shown, largest=LARGEST))}
        case Attachment():
            raise Refused("robots_send_no_files")


def _code(data: bytes) -> int | None:
    """The code of an answer, ``StatusCode`` in old ones; None if it is not the robot's JSON."""
    answer = json_object(data) or {}
    code = answer.get("code", answer.get("StatusCode"))
    return code if isinstance(code, int) else None
