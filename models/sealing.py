"""Encryption at rest: AES-256-GCM under the key of the data folder, and keyed digests for look-ups."""

import contextlib
import hashlib
import hmac
import itertools
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Locked(Exception):
    """The key is not loaded, or it is not the one that the records were sealed with."""


class _Vault:
    cipher: AESGCM | None = None
    digest_key: bytes = b""


class _Nonces:
    """A random start for each process, and counted from there: 96 bits do not meet again under one key."""

    def __init__(self) -> None:
        self._numbers = itertools.count(secrets.randbits(8 * _NONCE))

    def __call__(self) -> bytes:
        return (next(self._numbers) % (1 << 8 * _NONCE)).to_bytes(_NONCE, "big")


_nonce = _Nonces()


def unlock(key: bytes) -> None:
    """Uses this 32-byte key for every sealed column of the process."""
    _Vault.cipher = AESGCM(key)
    _Vault.digest_key = hashlib.sha256(b"jufeng digest" + key).digest()


def load_key(path: Path) -> bytes:
    """The key in this file; a new one is made, readable by its owner alone, where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    return bytes.fromhex(path.read_text().strip())


def _make_key(path: Path) -> None:
    """Written whole and to the disk before it has its name: another process finds all of it or nothing."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def seal(plain: bytes) -> bytes:
    """Encrypts with a fresh nonce. Raises Locked before ``unlock``."""
    nonce = _nonce()
    return nonce + _cipher().encrypt(nonce, plain, None)


def open_sealed(sealed: bytes) -> bytes:
    """Decrypts what ``seal`` made. Raises Locked under another key."""
    try:
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except InvalidTag as error:
        raise Locked("数据是用另一把密钥加密的：请放回原来的 keys/master.key") from error


def digest(text: str) -> str:
    """A keyed digest: equal texts are found again without being readable."""
    _cipher()
    return hmac.new(_Vault.digest_key, text.encode(), hashlib.sha256).hexdigest()


def _cipher() -> AESGCM:
    if _Vault.cipher is None:
        raise Locked("密钥还没有载入")
    return _Vault.cipher
