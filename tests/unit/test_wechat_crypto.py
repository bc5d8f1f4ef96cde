"""The encryption of callbacks against every published vector, and against anything else."""

import contextlib
import random
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.wechat.crypto import CallbackCipher, key_of, plainly_signed
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.xml import parse

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP = "wx5823bf96d3bd56c7"
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
ECHO_SIGNATURE = "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
MESSAGE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q=="
)
ROBOT_MESSAGE = (
    "sKqRbbiSUnDhFHOvPjtUMTyjUwe2MrmqVjeWqmzykPIgrJiyR3Mh55RQvnI0y4m+Xed4jwA5sQwzy6V3183d2MS8mrLMrt3HNL+dvMDWTYi1bcs9"
    "HIpq6BEmr8Qd1bi7"
)
ROBOT_PLAIN = '{"msgtype":"stream","stream":{"id":"s1","finish":true,"content":"你好"}}'
SECOND = ("spamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx2c2769f8efd9abc2")

ANYTHING = st.text() | st.binary().map(lambda data: b64encode(data).decode())
BLOCKS = st.integers(0, 12).flatmap(lambda count: st.binary(min_size=16 * count, max_size=16 * count))


@pytest.fixture(scope="module")
def corp() -> CallbackCipher:
    return CallbackCipher(TOKEN, KEY, CORP)


@pytest.fixture(scope="module")
def robot() -> CallbackCipher:
    return CallbackCipher(TOKEN, KEY, "")


def aes(plain: bytes) -> bytes:
    key = key_of(KEY)
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def framed(message: bytes, receiver: bytes = b"", *, declared: int | None = None) -> bytes:
    """The frame, padded; ``declared``: a length other than the message's."""
    length = len(message) if declared is None else declared
    frame = b"0123456789abcdef" + length.to_bytes(4, "big") + message + receiver
    padding = 32 - len(frame) % 32
    return frame + bytes([padding]) * padding


# Published vectors


def test_official_url_verification(corp: CallbackCipher) -> None:
    assert corp.open(ECHO_SIGNATURE, "1409659589", "263014780", ECHO) == b"1616140317555161061"


def test_official_message(corp: CallbackCipher) -> None:
    plain = corp.open("477715d11cdb4164915debcba66cb864d751f3e6", "1409659813", "1372623149", MESSAGE)
    assert parse(plain) == {
        "ToUserName": CORP,
        "FromUserName": "mycreate",
        "CreateTime": "1409659813",
        "MsgType": "text",
        "Content": "hello",
        "MsgId": "4561255354251345929",
        "AgentID": "218",
    }


def test_robot_message_that_the_official_sdk_accepts(robot: CallbackCipher) -> None:
    signature = "91b6b213ab5478f304491f976ecfc94846169bb8"
    assert robot.open(signature, "1700000000", "n1", ROBOT_MESSAGE).decode() == ROBOT_PLAIN


def test_the_same_random_bytes_give_the_same_ciphertext(robot: CallbackCipher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.wechat.crypto.secrets.token_hex", lambda _: "0123456789abcdef")
    sealed = robot.seal(ROBOT_PLAIN, 1700000000, "n1")
    assert sealed == (ROBOT_MESSAGE, "91b6b213ab5478f304491f976ecfc94846169bb8", 1700000000, "n1")


def test_plain_mode() -> None:
    signature = "93d1cec91cee4a4a8baada4c807ed13137622215"
    assert plainly_signed(TOKEN, signature, "1409659589", "263014780")
    assert not plainly_signed(TOKEN, signature, "1409659589", "263014781")
    assert not plainly_signed(TOKEN, "", "1409659589", "263014780")
    assert not plainly_signed("", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "", "")  # SHA-1 of nothing


def test_second_published_parameters() -> None:
    cipher = CallbackCipher(*SECOND)
    sealed = cipher.seal("<xml><Content>你好</Content></xml>", 1409304348, "xxxxxx")
    assert cipher.open(sealed.signature, "1409304348", "xxxxxx", sealed.encrypted).decode() == (
        "<xml><Content>你好</Content></xml>"
    )


# What is refused


@pytest.mark.parametrize(
    ("signature", "timestamp", "nonce", "encrypted"),
    [
        (ECHO_SIGNATURE, "1409659588", "263014780", ECHO),
        (ECHO_SIGNATURE, "1409659589", "263014781", ECHO),
        (ECHO_SIGNATURE, "1409659589", "263014780", MESSAGE),
        (ECHO_SIGNATURE.upper(), "1409659589", "263014780", ECHO),
        (ECHO_SIGNATURE[:-1], "1409659589", "263014780", ECHO),
        ("", "1409659589", "263014780", ECHO),
        ("\udcff小蜂", "\udcff", "小蜂", "\udcff"),
    ],
)
def test_signature_covers_everything(
    corp: CallbackCipher, signature: str, timestamp: str, nonce: str, encrypted: str
) -> None:
    with pytest.raises(Rejected, match="wrong signature") as caught:
        corp.open(signature, timestamp, nonce, encrypted)
    assert caught.value.status == 401


def test_another_token_signs_nothing() -> None:
    with pytest.raises(Rejected):
        CallbackCipher("QDG6eL", KEY, CORP).open(ECHO_SIGNATURE, "1409659589", "263014780", ECHO)


@pytest.mark.parametrize("receive_id", ["", "wx5823bf96d3bd56c8", CORP + "x", CORP[:-1]])
def test_message_for_another_receiver(receive_id: str) -> None:
    with pytest.raises(Rejected, match="for another receiver"):
        CallbackCipher(TOKEN, KEY, receive_id).decrypt(ECHO)


@pytest.mark.parametrize("bad", ["", "=", "AAAA", "not base64", "小蜂", "A" * 44, ECHO[:-4], ECHO + "\n", "\ud800"])
def test_bad_ciphertexts(corp: CallbackCipher, bad: str) -> None:
    with pytest.raises(Rejected):
        corp.decrypt(bad)


@pytest.mark.parametrize(
    "frame",
    [
        framed(b"hello", declared=6),
        framed(b"hello", declared=4),
        framed(b"hello", declared=0xFFFFFFFF),
        b"\x01" * 16,
        b"\x10" * 16,
        b"\x20" * 32,
        b"x" * 31 + b"\x00",
        b"x" * 31 + b"\x21",
        b"x" * 30 + b"\x03\x02",
    ],
)
def test_bad_frames(robot: CallbackCipher, frame: bytes) -> None:
    with pytest.raises(Rejected):
        robot.decrypt(b64encode(aes(frame)).decode())


def test_every_byte_of_the_padding_is_checked(robot: CallbackCipher) -> None:
    good = framed(b"x" * 7)
    assert robot.decrypt(b64encode(aes(good)).decode()) == b"x" * 7
    for position in range(27, 32):
        bad = bytearray(good)
        bad[position] ^= 1
        with pytest.raises(Rejected):
            robot.decrypt(b64encode(aes(bytes(bad))).decode())


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "=", KEY + "C", KEY[:-1] + "钥", KEY[:-1] + "\n"])
def test_keys_that_cannot_be_right(key: str) -> None:
    with pytest.raises(ValueError, match="EncodingAESKey has 43 letters and digits"):
        CallbackCipher(TOKEN, key, CORP)


def test_token_must_not_be_empty() -> None:
    with pytest.raises(ValueError, match="token is empty"):
        CallbackCipher("", KEY, CORP)


# Anything at all


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_anything_opens_or_is_rejected(signature: str, timestamp: str, nonce: str, encrypted: str) -> None:
    with contextlib.suppress(Rejected):
        CallbackCipher(TOKEN, KEY, CORP).open(signature, timestamp, nonce, encrypted)


@given(ANYTHING | BLOCKS.map(lambda blocks: b64encode(blocks).decode()))
def test_anything_decrypts_or_is_rejected(encrypted: str) -> None:
    with contextlib.suppress(Rejected):
        assert isinstance(CallbackCipher(TOKEN, KEY, "").decrypt(encrypted), bytes)


@given(BLOCKS)
def test_any_frame_decrypts_or_is_rejected(frame: bytes) -> None:
    with contextlib.suppress(Rejected):
        assert isinstance(CallbackCipher(TOKEN, KEY, "").decrypt(b64encode(aes(frame)).decode()), bytes)


@given(st.text(), st.text(max_size=20), st.integers(0, 2**40), st.text())
def test_whatever_was_sealed_opens(message: str, receive_id: str, timestamp: int, nonce: str) -> None:
    cipher = CallbackCipher(TOKEN, KEY, receive_id)
    sealed = cipher.seal(message, timestamp, nonce)
    assert cipher.open(sealed.signature, str(timestamp), nonce, sealed.encrypted).decode() == message


def test_equal_messages_look_different_even_from_a_seeded_process(robot: CallbackCipher) -> None:
    seen = set()
    for _ in range(20):
        random.seed(1)
        seen.add(robot.encrypt("签到"))
    assert len(seen) == 20


def test_ciphertext_is_what_an_independent_cipher_expects(corp: CallbackCipher) -> None:
    key = key_of(KEY)
    decryptor = Cipher(AES256(key), CBC(key[:16])).decryptor()
    plain = decryptor.update(b64decode(corp.encrypt("你好"))) + decryptor.finalize()
    assert plain[16:] == b"\x00\x00\x00\x06" + "你好".encode() + CORP.encode() + bytes([20]) * 20
