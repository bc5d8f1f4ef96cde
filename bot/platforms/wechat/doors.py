"""How a callback in XML proves where it comes from, and how a passive reply is put into the answer (page 90238)."""

import time
from collections.abc import Mapping
from typing import Protocol

from bot.platforms.wechat.crypto import CallbackCipher
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.xml import envelope, parse, text_at

Query = Mapping[str, str]
"""The parameters of a callback's address."""


class Door(Protocol):
    """What stands between a callback address and its reader. All but ``seal`` raise Rejected."""

    @property
    def fault(self) -> str:
        """What the operator has to mend before anything passes; empty: nothing."""

    def echo(self, query: Query) -> bytes:
        """What the verification of the address wants to hear."""

    def open(self, query: Query, body: bytes) -> bytes:
        """The XML of the message in ``body``."""

    def seal(self, query: Query, reply: str) -> bytes:
        """The answer with the passive reply to the callback of this ``query``."""


class SealedDoor:
    """Everything is encrypted. With a fault everything is refused, for anyone could speak for the platform."""

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str) -> None:
        self.fault = ""
        self._cipher: CallbackCipher | None = None
        try:
            self._cipher = CallbackCipher(token, encoding_aes_key, receive_id)
        except ValueError as error:
            self.fault = str(error)
        if not receive_id:
            self._cipher, self.fault = None, "the id of the corp or account is empty"

    def echo(self, query: Query) -> bytes:
        """The decrypted ``echostr``."""
        encrypted = query.get("echostr", "").replace(" ", "+")  # an address may carry the + of base64 unescaped
        return self._opened(query, encrypted)

    def open(self, query: Query, body: bytes) -> bytes:
        """What is in the element ``Encrypt``."""
        encrypted = text_at(parse(body), "Encrypt")
        if not encrypted:
            raise Rejected(403, "not encrypted")
        return self._opened(query, encrypted)

    def seal(self, query: Query, reply: str) -> bytes:
        """An encrypted envelope with the nonce of the callback."""
        return envelope(self._trusted().seal(reply, int(time.time()), query.get("nonce", ""))).encode()

    def _opened(self, query: Query, encrypted: str) -> bytes:
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        return self._trusted().open(signature, timestamp, nonce, encrypted)

    def _trusted(self) -> CallbackCipher:
        if self._cipher is None:
            raise Rejected(403, "token or encoding_aes_key cannot be used")
        return self._cipher
