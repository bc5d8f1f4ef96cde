"""What Feishu's error codes mean for a delivery (pages ``im-v1/message/create`` and ``ugjM14COyUjL4ITN``)."""

from collections.abc import Mapping
from typing import Any

import httpx

from bot.delivery import Refused, RetryLater
from bot.platforms.fields import json_object

TOKEN_CODES = frozenset({99991661, 99991663, 99991671})
"""The tenant token is missing, expired or malformed."""
NO_REPLY = frozenset({"230011", "230050", "230071", "230110"})
"""There is no replying to this message: it was recalled, cannot be seen, has no thread, was deleted."""
BAD_CARD = "230099"
"""The card is refused, among others for an image key that is not good (sub-code 200570)."""
SHUT_OUT = frozenset({"230002", "230006", "230018", "230027", "230035"})
"""The app may not post in this group: it is not in it, has no bot, settings forbid it, it is external, it is muted."""
EXTERNAL = "234009"
"""Photos of external groups are not given out (page ``im-v1/message-resource/get``)."""
TOO_FAST = 99991400
"""50 a second and 1000 a minute for one API."""
CHAT_TOO_FAST = frozenset({230020, 11232, 11233})
"""5 a second in one group, all bots together; the last two are those of the older API."""
IN_FLIGHT = 230049
"""The same uuid is being sent at this moment."""
OPERATOR_MUST_ACT = {99991401: 60.0, 99991403: 600.0}
"""IP address not allowed, monthly quota used up: seconds until the next attempt."""


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of any answer, whatever its status. Raises RetryLater for HTML and other things."""
    answer = json_object(response.content)
    if answer is not None and isinstance(answer.get("code"), int):
        return answer
    throttled = response.status_code == httpx.codes.TOO_MANY_REQUESTS
    raise RetryLater(f"http_{response.status_code}", _wait(response.headers, 5.0), everything=throttled)


def failure(code: int, response: httpx.Response) -> RetryLater | Refused:
    """What an answer with a ``code`` other than 0 means."""
    if code in CHAT_TOO_FAST:
        return RetryLater(str(code), _wait(response.headers, 1.0))
    if code == TOO_FAST or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return RetryLater(str(code), _wait(response.headers, 1.0), everything=True)
    if code == IN_FLIGHT:
        return RetryLater(str(code), 1.0)
    if code in TOKEN_CODES:
        return RetryLater(str(code), 5.0, everything=True)
    if code in OPERATOR_MUST_ACT:
        return RetryLater(str(code), OPERATOR_MUST_ACT[code], everything=True)
    if response.is_server_error:
        return RetryLater(str(code), 5.0)
    return Refused(str(code))


def _wait(headers: Mapping[str, str], otherwise: float) -> float:
    """Seconds that Feishu asks to wait (page ``uUzN04SN3QjL1cDN``)."""
    try:
        seconds = float(headers.get("x-ogw-ratelimit-reset", ""))
    except ValueError:
        return otherwise
    return min(seconds, 3600.0) if seconds > 0 else otherwise
