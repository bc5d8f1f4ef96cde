"""WeCom's signature and encryption, written for the fakes from the contract and independent of the product's code.

Checked against the vendor's packages in ``tests/counterparts``.
"""

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32
"""Bytes of a PKCS#7 block: more than the 16 that AES itself has (pages 101033, 101463)."""
_RANDOM = 16


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """``msg_signature``: SHA-1 in hex of the four, sorted and joined (page 101033)."""
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, encrypted])).encode()).hexdigest()


def seal(aes_key: str, message: str, receive_id: str = "", random: bytes = b"") -> str:
    """Base64 of the encrypted message. ``aes_key``: the 43 characters of EncodingAESKey; ``random``: 16 bytes."""
    plain = message.encode()
    prefix = random or os.urandom(_RANDOM)
    return base64.b64encode(
        encrypt(aes_key, prefix + struct.pack(">I", len(plain)) + plain + receive_id.encode())
    ).decode()


def unseal(aes_key: str, encrypted: str) -> tuple[str, str]:
    """The message and the receiveid behind it. Raises ValueError for anything that is not well formed."""
    plain = decrypt(aes_key, base64.b64decode(encrypted, validate=True))
    if len(plain) < _RANDOM + 4:
        raise ValueError("too short")
    (length,) = struct.unpack_from(">I", plain, _RANDOM)
    start = _RANDOM + 4
    if start + length > len(plain):
        raise ValueError("the length is greater than the message")
    return plain[start : start + length].decode(), plain[start + length :].decode()


def encrypt(aes_key: str, plain: bytes) -> bytes:
    """AES-256-CBC with the key's first 16 bytes as IV, as for pictures (page 101463)."""
    pad = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    return encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()


def decrypt(aes_key: str, encrypted: bytes) -> bytes:
    """Undoes ``encrypt``. Raises ValueError."""
    decryptor = _cipher(aes_key).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise ValueError("wrong padding")
    return padded[:-pad]


def new_key() -> str:
    """A key as WeCom writes them: 43 characters, without the ``=``."""
    return base64.b64encode(os.urandom(32)).decode().rstrip("=")


def _cipher(aes_key: str) -> Cipher[CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(AES256(key), CBC(key[:16]))
