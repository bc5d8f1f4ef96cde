"""What is written on the long connection (page 101463): frames, error codes, and how to find back to a message."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.delivery import Closed, RetryLater
from bot.ownership import LENGTH, RENEWAL
from bot.platforms.fields import part, word
from bot.platforms.wechat.client import encoded
from bot.platforms.wechat.errors import Meaning

SUBSCRIBE = "aibot_subscribe"
PING = "ping"
MESSAGE = "aibot_msg_callback"
EVENT = "aibot_event_callback"
RESPOND = "aibot_respond_msg"
WELCOME = "aibot_respond_welcome_msg"
UPDATE = "aibot_respond_update_msg"
SEND = "aibot_send_msg"
UPLOAD = ("aibot_upload_media_init", "aibot_upload_media_chunk", "aibot_upload_media_finish")
DISCONNECTED = "disconnected_event"

UNKNOWN_MESSAGE = "846605"
STREAM_OVER = "846608"
"""The stream was finished, or its time is over."""
TOO_OFTEN = "45009"
NO_FRAME = "no_frame"
"""Our own code for a page, or anything else that is no frame, in place of an acknowledgement."""
NOT_SUBSCRIBED = 846609
MEANINGS: Mapping[int, Meaning] = {
    45009: lambda code: RetryLater(code, 15.0),  # of this chat: 30 in any minute
    93006: Closed,  # nobody of this chat has written to the bot before
    NOT_SUBSCRIBED: lambda code: RetryLater(code, 1.0),  # not subscribed: this connection is at its end
}

REPLY_WITHIN = 24 * 3600
"""Seconds after a message within which it can be replied to."""
WELCOME_WITHIN = 6
"""Seconds after a person came in within which a welcome is tried; the cloud takes it for five."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Tests have less of them."""

    ack: float = 10.0
    """For the cloud to acknowledge a frame."""
    beat: float = 30.0
    open: float = 10.0
    close: float = 0.3
    """For a goodbye, on either side of the connection and to the database."""
    first_pause: float = 1.0
    longest_pause: float = 60.0
    healthy: float = 60.0
    """A connection that lasted so long was a good one: the next pause is short again."""
    refused: float = 60.0
    """After a wrong secret, and after too many subscriptions."""
    kicked: float = 600.0
    standby: float = 3.0
    """Between two looks at whether the bot has lost its owner."""
    renewal: float = RENEWAL
    lease: float = LENGTH.total_seconds()
    patience: float = 1.0
    """Until a message is shown to be worked upon."""
    unclaimed: float = 20.0
    """Until a begun answer is ended after its message was done, where no post has come to finish it."""
    unanswered: float = 300.0
    """Until a begun answer is ended in any case; for the end itself there is as much again, which makes 10 minutes."""
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Between attempts to commit a message, which the cloud would not deliver again."""


class Requests(Protocol):
    """Sends a frame and returns the body of its acknowledgement."""

    async def __call__(self, cmd: str, body: Mapping[str, Any] | None = None, req_id: str = "") -> dict[str, Any]:
        """``req_id``: that of the callback which is answered; empty: a new one.

        Raises RetryLater, before anything is sent; Refused or Closed; Uncertain where no acknowledgement came.
        """


@dataclass(frozen=True, slots=True)
class Ref:
    """Which callback a post answers, as it stands in ``IncomingMessage.ref``."""

    req_id: str
    welcome: bool
    private: bool
    at: int
    """When it came, in seconds since 1970."""

    def __str__(self) -> str:
        kind, place = "welcome" if self.welcome else "message", "private" if self.private else "group"
        return f"{kind}:{place}:{self.at}:{self.req_id}"

    @classmethod
    def parse(cls, ref: str) -> "Ref | None":
        """None for what is no such reference, as of the other transport of the same bot."""
        kind, _, rest = ref.partition(":")
        place, _, rest = rest.partition(":")
        at, _, req_id = rest.partition(":")
        if kind not in ("welcome", "message") or not at.isdecimal() or not req_id:
            return None
        return cls(req_id, kind == "welcome", place == "private", int(at))


@dataclass(frozen=True, slots=True)
class Incoming:
    """A frame from the cloud; without ``cmd`` it acknowledges the one with its ``req_id``."""

    cmd: str
    req_id: str
    body: dict[str, Any]
    errcode: int


def frame(cmd: str, req_id: str, body: Mapping[str, Any] | None) -> str:
    """A frame as it is sent."""
    content: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": req_id}}
    if body is not None:
        content["body"] = body
    return encoded(content).decode()


def parse(data: str | bytes) -> Incoming | None:
    """None for anything that is no frame."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    req_id, errcode = word(part(content, "headers"), "req_id"), content.get("errcode", 0)
    if not req_id or not isinstance(errcode, int):
        return None
    return Incoming(word(content, "cmd"), req_id, part(content, "body"), errcode)


def new_id() -> str:
    """A req_id of our own."""
    return secrets.token_hex(16)
