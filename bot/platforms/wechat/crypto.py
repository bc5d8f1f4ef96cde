"""Signature and encryption of the callbacks of WeCom's robots and apps and of official accounts (page 101033).

This is the one place that meets wechatpy's cryptography. Its AES, its frame and its signatures are used; around them:

- it compares signatures with ``!=``: here they are compared in constant time;
- its ``decrypt`` checks neither the padding nor the length, and bad input surfaces as one of five kinds of exception:
  here only its AES decrypts, the frame is taken apart with every check, and there is one exception;
- it draws the 16 bytes in front from ``random``; as the IV is always the same, they alone keep equal messages
  from looking equal: here they come from ``secrets``.

A signature proves no freshness: WeChat repeats callbacks, and claims absorb repeats.
"""

import binascii
import hmac
import re
import secrets
from typing import NamedTuple

from wechatpy.enterprise.crypto import PrpCrypto
from wechatpy.utils import WeChatSigner

from bot.platforms.wechat.errors import Rejected

AES_BLOCK = 16
PADDED_TO = 32
RANDOM = 16
"""Random bytes in front of every message."""
LENGTH = 4
"""Bytes that hold the length of the message."""
BASE64_KEY = re.compile("[A-Za-z0-9+/]{43}")


class Sealed(NamedTuple):
    """An encrypted message and what proves where it comes from."""

    encrypted: str
    signature: str
    timestamp: int
    nonce: str


class CallbackCipher:
    """The Token and EncodingAESKey of one callback address.

    ``receive_id`` is the CorpID for an app, the appid for an official account, and empty for a robot (page 101033).
    Raises ValueError, with text for the operator, for a token or key that cannot be right.
    """

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str) -> None:
        if not token:
            raise ValueError("the callback token is empty")
        self._token = token
        self._receive_id = receive_id
        self._frames = _Frames(key_of(encoding_aes_key))

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """The message in base64 ``encrypted``; the rest are parameters of the address. Raises Rejected."""
        if not _equal(signature, self._sign(timestamp, nonce, encrypted)):
            raise Rejected(401, "wrong signature")
        return self.decrypt(encrypted)

    def seal(self, message: str, timestamp: int, nonce: str) -> Sealed:
        """An encrypted and signed ``message``; a reply carries the ``nonce`` of the callback."""
        encrypted = self.encrypt(message)
        return Sealed(encrypted, self._sign(str(timestamp), nonce, encrypted), timestamp, nonce)

    def encrypt(self, message: str) -> str:
        """Base64 of the encrypted ``message``."""
        return self._frames.encrypt(message.encode(errors="replace"), self._receive_id).decode()

    def decrypt(self, encrypted: str) -> bytes:
        """The message in base64 ``encrypted``, whoever signed it. Raises Rejected for anything bad."""
        try:
            data = binascii.a2b_base64(encrypted, strict_mode=True)
        except ValueError as error:
            raise Rejected(400, "not base64") from error
        frame = self._decrypted(data)[RANDOM:]
        end = LENGTH + int.from_bytes(frame[:LENGTH], "big")
        if len(frame) < end:
            raise Rejected(400, "does not decrypt")
        if frame[end:] != self._receive_id.encode():
            raise Rejected(401, "for another receiver")
        return frame[LENGTH:end]

    def _decrypted(self, data: bytes) -> bytes:
        """Without the PKCS#7 padding, every byte of which is checked."""
        if not data or len(data) % AES_BLOCK:
            raise Rejected(400, "does not decrypt")
        padded = self._frames.cipher.decrypt(data)
        length = padded[-1]
        if not 1 <= length <= PADDED_TO or padded[-length:] != bytes([length]) * length:
            raise Rejected(400, "does not decrypt")
        return padded[:-length]

    def _sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        return _signature(self._token, timestamp, nonce, encrypted)


def plainly_signed(token: str, signature: str, timestamp: str, nonce: str) -> bool:
    """Whether an official account's callback in plain mode is signed: its body is not covered. Constant-time."""
    return bool(token) and _equal(signature, _signature(token, timestamp, nonce))


def key_of(encoding_aes_key: str) -> bytes:
    """The 32 bytes of a key. Raises ValueError unless it is 43 characters of base64."""
    if not BASE64_KEY.fullmatch(encoding_aes_key):
        raise ValueError(
            f"an EncodingAESKey has 43 letters and digits, this one has {len(encoding_aes_key)} characters"
        )
    return binascii.a2b_base64(encoding_aes_key + "=")


class _Frames(PrpCrypto):
    """wechatpy's frame: random bytes, length, message, receiver, padding."""

    def get_random_string(self) -> str:
        return secrets.token_hex(RANDOM // 2)


def _signature(*parts: str) -> str:
    """Hex SHA-1 of the parts in order; parameters of an address may hold anything."""
    signer = WeChatSigner()
    signer.add_data(*(part.encode(errors="surrogatepass") for part in parts))
    return signer.signature


def _equal(signature: str, expected: str) -> bool:
    return hmac.compare_digest(signature.encode(errors="replace"), expected.encode())
