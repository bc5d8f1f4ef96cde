"""Sealed media of WeCom: what opens, and what is refused in Chinese."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from bot.media import BadPhoto
from bot.platforms.wechat.media import open_sealed

KEY = "SU7X5itaQYOB5QpJ15eliHoC/2cwsUUpoeT0aGn4X28"
"""43 characters, as the service gives them."""
SEALED = base64.b64decode("qQ6JWSQgVMImAB3Fn62I8N7Y5qN4uV3qV1/twgBQnYc=")
"""``\\xff\\xd8\\xff a picture`` by ``openssl enc -aes-256-cbc -nopad``, padded by hand."""


def raw(padded: bytes, key: str = KEY) -> bytes:
    """``padded`` encrypted as it is."""
    secret = base64.b64decode(key + "=")
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def sealed(content: bytes) -> bytes:
    length = 32 - len(content) % 32
    return raw(content + bytes([length]) * length)


@pytest.mark.parametrize("key", [KEY, f"{KEY}="])
def test_opens_with_and_without_the_closing_sign(key: str) -> None:
    assert open_sealed(SEALED, key) == b"\xff\xd8\xff a picture"


@given(st.binary(max_size=200))
def test_opens_content_of_every_length(content: bytes) -> None:
    assert open_sealed(sealed(content), KEY) == content


@pytest.mark.parametrize(
    "key", ["", "a", "short", KEY[:-1], KEY[:-2], KEY + KEY, f"{KEY}==", KEY.replace("S", "钥"), KEY[:-1] + " "]
)
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(BadPhoto, match="解不开"):
        open_sealed(SEALED, key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        SEALED[:-1],
        SEALED + b"\0",
        SEALED[:16],
        raw(bytes(32)),
        raw(b"a" * 31 + b"\x21"),
        raw(b"a" * 30 + b"\x03\x03"),
        raw(bytes([32]) * 16),
    ],
)
def test_data_that_does_not_fit(data: bytes) -> None:
    with pytest.raises(BadPhoto, match="解不开"):
        open_sealed(data, KEY)


def test_another_key() -> None:
    with pytest.raises(BadPhoto, match="解不开"):
        open_sealed(SEALED, "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")


@given(st.binary(max_size=100), st.text(max_size=50))
def test_nothing_else_is_ever_raised(data: bytes, key: str) -> None:
    with pytest.raises(BadPhoto):
        open_sealed(data, key)
