"""Media of WeCom's intelligent robots are encrypted where their links lead (pages ``100719`` and ``101463``)."""

import binascii

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.media import BadPhoto

PADDING = 32
"""Bytes of PKCS#7's block, which is larger than that of AES: a sealed file is up to so much longer than its content."""
_AES_BLOCK = 16
_KEY_BYTES = 32


def open_sealed(data: bytes, key: str) -> bytes:
    """What is inside ``data``: AES-256-CBC, the IV being the first half of the key.

    ``key`` is base64 and mostly comes without its closing ``=``: the EncodingAESKey of a bot that is called back, the
    item's own ``aeskey`` over a long connection. Raises BadPhoto where the two do not fit each other.
    """
    try:
        secret = binascii.a2b_base64(key + "=" * (-len(key) % 4), strict_mode=True)
    except ValueError as error:
        raise _sealed() from error
    if len(secret) != _KEY_BYTES or not data or len(data) % _AES_BLOCK:
        raise _sealed()
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:_AES_BLOCK])).decryptor()
    padded = decryptor.update(data) + decryptor.finalize()
    length = padded[-1]
    if not 1 <= length <= PADDING or padded[-length:] != bytes([length]) * length:
        raise _sealed()
    return padded[:-length]


def _sealed() -> BadPhoto:
    return BadPhoto("这张照片解不开，请再发一次")
