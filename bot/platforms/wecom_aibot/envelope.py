"""From the raw request of a callback to a trusted JSON object, and back to an encrypted reply (page 101033)."""

import json
import time
from collections.abc import Mapping
from typing import Any

from bot.platforms.wechat.crypto import CallbackCipher
from bot.platforms.wechat.errors import Rejected
from bot.settings import WecomAibotSettings

RECEIVE_ID = ""
"""That of the robots of a company's own."""


class Envelope:
    """Opens and seals what one robot and WeCom send each other in callback mode.

    ``fault`` says, for the operator, what is wrong with the token or key; with a fault everything is refused, for
    anyone could speak for the robot.
    """

    def __init__(self, settings: WecomAibotSettings) -> None:
        self._cipher: CallbackCipher | None = None
        self.fault = ""
        try:
            self._cipher = CallbackCipher(settings.token, settings.encoding_aes_key, RECEIVE_ID)
        except ValueError as error:
            self.fault = str(error)

    def echo(self, query: Mapping[str, str]) -> bytes:
        """What the verification of the address wants to hear. Raises Rejected."""
        encrypted = query.get("echostr", "").replace(" ", "+")  # an address may carry the + of base64 unescaped
        return self._trusted().open(_signature(query), query.get("timestamp", ""), query.get("nonce", ""), encrypted)

    def open(self, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The callback in ``body``. Raises Rejected."""
        cipher = self._trusted()
        envelope = _parsed(body)
        encrypted = envelope.get("encrypt", envelope.get("Encrypt"))
        if not isinstance(encrypted, str):
            raise Rejected(400, "not encrypted")
        opened = cipher.open(_signature(query), query.get("timestamp", ""), query.get("nonce", ""), encrypted)
        return _parsed(opened)

    def seal(self, reply: Mapping[str, Any], nonce: str) -> bytes:
        """The answer to the callback that came with ``nonce``."""
        sealed = self._trusted().seal(json.dumps(reply, ensure_ascii=False), int(time.time()), nonce)
        answer = {
            "encrypt": sealed.encrypted,
            "msgsignature": sealed.signature,
            "timestamp": sealed.timestamp,
            "nonce": sealed.nonce,
        }
        return json.dumps(answer).encode()

    def _trusted(self) -> CallbackCipher:
        if self._cipher is None:
            raise Rejected(403, "no usable token or encoding_aes_key is configured")
        return self._cipher


def _signature(query: Mapping[str, str]) -> str:
    """WeCom's own plugin takes it under any of these names."""
    return query.get("msg_signature") or query.get("msgsignature") or query.get("signature") or ""


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Rejected(400, "not JSON") from error
    if not isinstance(value, dict):
        raise Rejected(400, "not a JSON object")
    return value
