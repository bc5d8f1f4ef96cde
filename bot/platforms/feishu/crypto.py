"""Decryption and signature of callbacks (Feishu page ``encrypt-key-encryption-configuration-case``)."""

import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


class BadCiphertext(Exception):
    """The envelope does not decrypt."""


class CallbackCipher:
    """The Encrypt Key of one app: AES-256-CBC with SHA-256 of the key, the IV in front, PKCS7."""

    def __init__(self, encrypt_key: str) -> None:
        self._secret = encrypt_key.encode()
        self._aes = algorithms.AES(hashlib.sha256(self._secret).digest())

    def decrypt(self, encrypted: str) -> bytes:
        """The plaintext of base64 ``encrypted``. Raises BadCiphertext, and nothing else, for anything bad."""
        try:
            data = binascii.a2b_base64(encrypted, strict_mode=True)
        except ValueError as error:
            raise BadCiphertext from error
        if len(data) < 2 * BLOCK or len(data) % BLOCK:
            raise BadCiphertext
        decryptor = Cipher(self._aes, modes.CBC(data[:BLOCK])).decryptor()
        return _unpadded(decryptor.update(data[BLOCK:]) + decryptor.finalize())

    def signed(self, signature: bytes, timestamp: bytes, nonce: bytes, body: bytes) -> bool:
        """Whether ``signature`` is hex SHA-256 of timestamp, nonce, key and the raw body. Constant-time.

        There is no freshness window: Feishu repeats a callback up to 7.1 hours later. Claims absorb repeats.
        """
        expected = hashlib.sha256(b"".join((timestamp, nonce, self._secret, body))).hexdigest()
        return hmac.compare_digest(expected.encode(), signature)


def _unpadded(padded: bytes) -> bytes:
    length = padded[-1]
    if not 1 <= length <= BLOCK or padded[-length:] != bytes([length]) * length:
        raise BadCiphertext
    return padded[:-length]
