"""Callback crypto against the documented vectors, and against anything else."""

import contextlib
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.feishu.crypto import BadCiphertext, CallbackCipher
from bot.platforms.feishu.envelope import Envelope, Rejected
from bot.settings import FeishuSettings
from tests.fakes.feishu_callbacks import decrypt, encrypt

CHALLENGE = b'{"challenge":"ajls384kdjxxxx","token":"vtok","type":"url_verification"}'
ENCRYPTED_CHALLENGE = (
    "AAECAwQFBgcICQoLDA0ODw9mLTIAZS9jAmGTQ1wAhHp7T0KSqa6xlIO2zHinxKSsd2H/U7kq7SBxcMqYIav34QbNqCDgnQXwC9D+hPHbkxbsPidU8t1R"
    "U0HL/MJ/qpJ0"
)
SIGNATURE = b"760c1e950319e3070613c3ecb535f49d4f886c74624b67fd95955889a66fc26f"


@pytest.fixture(scope="module")
def cipher() -> CallbackCipher:
    return CallbackCipher("test key")


def test_documented_vector(cipher: CallbackCipher) -> None:
    assert cipher.decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_vector_that_official_clients_accept(cipher: CallbackCipher) -> None:
    assert cipher.decrypt(ENCRYPTED_CHALLENGE) == CHALLENGE
    body = b'{"encrypt":"' + ENCRYPTED_CHALLENGE.encode() + b'"}'
    assert cipher.signed(SIGNATURE, b"1700000000", b"n1", body)


def test_the_product_opens_the_vector_signed_and_unsigned() -> None:
    envelope = Envelope(FeishuSettings(encrypt_key="test key", verification_token="vtok"))
    body = b'{"encrypt":"' + ENCRYPTED_CHALLENGE.encode() + b'"}'
    signed = {
        b"x-lark-signature": SIGNATURE,
        b"x-lark-request-timestamp": b"1700000000",
        b"x-lark-request-nonce": b"n1",
    }
    for headers in (signed, {}):
        assert envelope.open(headers, body) == json.loads(CHALLENGE)
    with pytest.raises(Rejected):
        envelope.open(signed | {b"x-lark-request-nonce": b"n2"}, body)


@pytest.mark.parametrize(
    ("timestamp", "nonce", "tail"),
    [(b"1700000001", b"n1", b""), (b"1700000000", b"n2", b""), (b"1700000000", b"n1", b" ")],
)
def test_signature_covers_timestamp_nonce_and_body(
    cipher: CallbackCipher, timestamp: bytes, nonce: bytes, tail: bytes
) -> None:
    body = b'{"encrypt":"' + ENCRYPTED_CHALLENGE.encode() + b'"}' + tail
    assert not cipher.signed(SIGNATURE, timestamp, nonce, body)


def test_signature_of_strange_bytes_is_wrong_and_no_error(cipher: CallbackCipher) -> None:
    assert not cipher.signed(b"\xff\xfe", b"", b"", b"")


def test_independent_encryption_agrees(cipher: CallbackCipher) -> None:
    assert encrypt("test key", CHALLENGE, bytes(range(16))) == ENCRYPTED_CHALLENGE
    for length in range(40):
        assert cipher.decrypt(encrypt("test key", b"x" * length, bytes(16))) == b"x" * length
        assert decrypt("test key", encrypt("test key", b"x" * length, bytes(16))) == b"x" * length


@pytest.mark.parametrize("bad", ["", "=", "AAAA", "not base64", "小蜂", "A" * 44, ENCRYPTED_CHALLENGE[:-4], "\ud800"])
def test_bad_ciphertexts(cipher: CallbackCipher, bad: str) -> None:
    with pytest.raises(BadCiphertext):
        cipher.decrypt(bad)


def test_every_byte_of_the_padding_is_checked(cipher: CallbackCipher) -> None:
    """A flipped bit of the block before the last changes one byte of the padding."""
    good = bytearray(b64decode(encrypt("test key", b"x" * 20, bytes(16))))
    for position in range(20, 32):
        bad = bytearray(good)
        bad[position] ^= 1
        with pytest.raises(BadCiphertext):
            cipher.decrypt(b64encode(bad).decode())


@given(st.text() | st.binary().map(lambda data: b64encode(data).decode()))
def test_anything_decrypts_or_is_bad(encrypted: str) -> None:
    with contextlib.suppress(BadCiphertext):
        assert isinstance(CallbackCipher("key").decrypt(encrypted), bytes)


@given(st.binary(max_size=200), st.text("key 钥匙", min_size=1, max_size=40), st.binary(min_size=16, max_size=16))
def test_whatever_was_encrypted_comes_back(plain: bytes, key: str, iv: bytes) -> None:
    assert CallbackCipher(key).decrypt(encrypt(key, plain, iv)) == plain
