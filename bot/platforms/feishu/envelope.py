"""From the raw bytes of a callback to a trusted JSON object: verify, decrypt, check the token."""

import hmac
from collections.abc import Mapping
from typing import Any

from bot.platforms.feishu.crypto import BadCiphertext, CallbackCipher
from bot.platforms.fields import json_object
from bot.settings import FeishuSettings

SIGNATURE = b"x-lark-signature"
TIMESTAMP = b"x-lark-request-timestamp"
NONCE = b"x-lark-request-nonce"


class Rejected(Exception):
    """The callback is refused with HTTP ``status``; ``reason`` is fixed text for the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Envelope:
    """Opens the callbacks of one app.

    With an Encrypt Key only encrypted callbacks pass, and all but the URL verification must be signed; without one
    the Verification Token is the proof. An app with neither could be spoken for by anyone, so everything is refused.
    """

    def __init__(self, settings: FeishuSettings) -> None:
        self._cipher = CallbackCipher(settings.encrypt_key) if settings.encrypt_key else None
        self._token = settings.verification_token.encode()

    def open(self, headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
        """The callback in ``body``; header names are lower-case, as ASGI gives them. Raises Rejected."""
        if self._cipher is None:
            return self._checked(_plain(_parsed(body)))
        if signature := headers.get(SIGNATURE):
            if not self._cipher.signed(signature, headers.get(TIMESTAMP, b""), headers.get(NONCE, b""), body):
                raise Rejected(401, "wrong signature")
            return self._checked(_decrypted(self._cipher, _parsed(body)))
        return self._verification(self._cipher, _parsed(body))

    def _checked(self, callback: dict[str, Any]) -> dict[str, Any]:
        if not self._trusted(callback):
            raise Rejected(401, "wrong verification token")
        return callback

    def _trusted(self, callback: dict[str, Any]) -> bool:
        if not self._token:
            return self._cipher is not None
        header = callback.get("header")
        token = header.get("token") if isinstance(header, dict) else callback.get("token")
        return isinstance(token, str) and hmac.compare_digest(token.encode(errors="replace"), self._token)

    def _verification(self, cipher: CallbackCipher, envelope: dict[str, Any]) -> dict[str, Any]:
        """Only the URL verification comes unsigned.

        Everything else gets one and the same refusal, or the answers would tell a forger which paddings are right.
        """
        refusal = Rejected(401, "not signed")
        try:
            callback = _decrypted(cipher, envelope)
        except Rejected as error:
            raise refusal from error
        if not is_verification(callback) or not self._trusted(callback):
            raise refusal
        return callback


def is_verification(callback: Mapping[str, Any]) -> bool:
    """Whether this is the URL verification (page ``send-notifications-to-developers-server``)."""
    return callback.get("type") == "url_verification"


def _plain(callback: dict[str, Any]) -> dict[str, Any]:
    if "encrypt" in callback:
        raise Rejected(401, "encrypted, but no encrypt_key is configured")
    return callback


def _decrypted(cipher: CallbackCipher, envelope: dict[str, Any]) -> dict[str, Any]:
    encrypted = envelope.get("encrypt")
    if not isinstance(encrypted, str):
        raise Rejected(401, "not encrypted")
    try:
        return _parsed(cipher.decrypt(encrypted))
    except BadCiphertext as error:
        raise Rejected(400, "does not decrypt") from error


def _parsed(data: bytes) -> dict[str, Any]:
    value = json_object(data)
    if value is None:
        raise Rejected(400, "not a JSON object")
    return value
