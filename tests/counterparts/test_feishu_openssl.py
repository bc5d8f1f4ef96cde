"""``openssl enc`` seals and opens callbacks by the letter of the page, for the fake callbacks and the product."""

import hashlib
import os
import shutil
import subprocess
from base64 import b64decode, b64encode

import pytest

from bot.platforms.feishu.crypto import CallbackCipher
from tests.fakes.feishu_callbacks import decrypt, encrypt

KEY = "test key"
CHALLENGE = b'{"challenge":"ajls384kdjxxxx","token":"vtok","type":"url_verification"}'
SEALED = (
    "AAECAwQFBgcICQoLDA0ODw9mLTIAZS9jAmGTQ1wAhHp7T0KSqa6xlIO2zHinxKSsd2H/U7kq7SBxcMqYIav34QbNqCDgnQXwC9D+hPHbkxbsPidU8t1R"
    "U0HL/MJ/qpJ0"
)
DOCUMENTED = "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def openssl(data: bytes, iv: bytes, *options: str) -> bytes:
    """AES-256-CBC under SHA-256 of the key, with PKCS7 padding."""
    key = hashlib.sha256(KEY.encode()).hexdigest()
    command = ["openssl", "enc", "-aes-256-cbc", "-K", key, "-iv", iv.hex(), *options]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def opened(sealed: str) -> bytes:
    data = b64decode(sealed)
    return openssl(data[16:], data[:16], "-d")


def sealed(plain: bytes, iv: bytes) -> str:
    return b64encode(iv + openssl(plain, iv)).decode()


def test_vectors() -> None:
    assert opened(DOCUMENTED) == b"hello world"
    assert opened(SEALED) == CHALLENGE
    assert sealed(CHALLENGE, bytes(range(16))) == SEALED


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 1000])
def test_all_agree(length: int) -> None:
    plain, iv = os.urandom(length), os.urandom(16)
    assert encrypt(KEY, plain, iv) == sealed(plain, iv)
    assert opened(encrypt(KEY, plain, iv)) == decrypt(KEY, sealed(plain, iv)) == plain
    assert CallbackCipher(KEY).decrypt(sealed(plain, iv)) == plain
