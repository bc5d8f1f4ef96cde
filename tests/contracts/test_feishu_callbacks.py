"""The callback address over a real port: what it takes, what it refuses, and what it answers."""

import asyncio
import hashlib
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import REGISTRY

from bot.messages import IncomingMessage, Receipt
from bot.platforms.feishu.callback import LARGEST_BODY
from tests.contracts.feishu_app import KEY, callbacks, feishu_settings, platform_for, serving
from tests.fakes.feishu_callbacks import REDELIVER_AFTER, Callback, compact, deliver
from tests.fakes.intake import StubIntake

DOCUMENTED = (
    b'{"encrypt":"AAECAwQFBgcICQoLDA0ODw9mLTIAZS9jAmGTQ1wAhHp7T0KSqa6xlIO2zHinxKSsd2H/U7kq7SBxcMqYIav34QbNqCDgnQXwC9D+'
    b'hPHbkxbsPidU8t1RU0HL/MJ/qpJ0"}'
)
"""A URL verification with key ``test key``, IV 00..0f, challenge ``ajls384kdjxxxx`` and token ``vtok``."""


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, StubIntake]]:
    intake = StubIntake()
    with serving(platform_for(intake)) as url:
        yield url, intake


@pytest.fixture
def address(served: tuple[str, StubIntake]) -> str:
    return served[0]


@pytest.fixture(autouse=True)
def intake(served: tuple[str, StubIntake]) -> StubIntake:
    """The intake behind ``address``, as new."""
    intake = served[1]
    intake.answer, intake.unavailable = "", 0
    intake.messages.clear()
    return intake


def post(address: str, callback: Callback) -> httpx.Response:
    return httpx.post(address, content=callback.body, headers=callback.headers)


def counted(kind: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("jufeng_feishu_events_total", {"type": kind, "outcome": outcome}) or 0.0


# URL verification


def test_encrypted_url_verification_needs_no_signature(address: str) -> None:
    answer = post(address, Callback({"Content-Type": "application/json"}, DOCUMENTED))
    assert (answer.status_code, answer.json()) == (200, {"challenge": "ajls384kdjxxxx"})


def test_plain_url_verification_without_a_key(intake: StubIntake) -> None:
    with serving(platform_for(intake, feishu_settings(encrypt_key=""))) as url:
        answer = post(url, callbacks(encrypt_key="").url_verification("abc"))
        assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})
        assert post(url, callbacks(encrypt_key="").url_verification("abc", token="wrong")).status_code == 401


def test_plain_url_verification_is_refused_where_there_is_a_key(address: str) -> None:
    assert post(address, callbacks(encrypt_key="").url_verification()).status_code == 401


def test_url_verification_with_a_wrong_token(address: str) -> None:
    assert post(address, callbacks().url_verification(token="wrong")).status_code == 401
    assert post(address, callbacks().url_verification(token="错")).status_code == 401


# Events


def test_message_is_committed_before_the_answer(address: str, intake: StubIntake) -> None:
    before = counted("im.message.receive_v1", "accepted")
    answer = post(address, callbacks().message("签到", mention_bot=True))
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert [(message.text, message.addressed) for message in intake.messages] == [("签到", True)]
    assert counted("im.message.receive_v1", "accepted") == before + 1


def test_header_names_are_case_insensitive(address: str, intake: StubIntake) -> None:
    for change in (str.lower, str.upper, str.title):
        callback = callbacks().message("签到")
        headers = {change(name): value for name, value in callback.headers.items()}
        assert post(address, Callback(headers, callback.body)).status_code == 200
    assert len(intake.messages) == 3


def test_old_timestamps_pass(address: str, intake: StubIntake) -> None:
    """Feishu repeats an event up to seven hours later, so claims must do what a freshness window would."""
    body = callbacks().message("签到").body
    signature = hashlib.sha256(f"1000000000n{KEY}".encode() + body).hexdigest()
    headers = {"X-Lark-Signature": signature, "X-Lark-Request-Timestamp": "1000000000", "X-Lark-Request-Nonce": "n"}
    assert post(address, Callback(headers, body)).status_code == 200
    assert len(intake.messages) == 1


def test_replay_gets_the_same_answer(address: str, intake: StubIntake) -> None:
    callback = callbacks().message("签到")
    before = counted("im.message.receive_v1", "duplicate")
    first, second = post(address, callback), post(address, callback)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(intake.messages) == 1
    assert counted("im.message.receive_v1", "duplicate") == before + 1


def test_unsigned_events_with_the_right_token_pass_where_there_is_no_key(intake: StubIntake) -> None:
    with serving(platform_for(intake, feishu_settings(encrypt_key=""))) as url:
        assert post(url, callbacks(encrypt_key="").message("签到")).status_code == 200
        assert post(url, callbacks(encrypt_key="", token="wrong").message("签到")).status_code == 401
        assert post(url, callbacks().message("签到")).status_code == 401
    assert len(intake.messages) == 1


def test_without_a_token_the_signature_is_enough(intake: StubIntake) -> None:
    with serving(platform_for(intake, feishu_settings(token=""))) as url:
        assert post(url, callbacks(token="whatever").message("签到")).status_code == 200
        assert post(url, callbacks(token="").url_verification("abc")).json() == {"challenge": "abc"}


def test_with_neither_key_nor_token_everything_is_refused(intake: StubIntake) -> None:
    with serving(platform_for(intake, feishu_settings(encrypt_key="", token=""))) as url:
        assert post(url, callbacks(encrypt_key="", token="").message("签到")).status_code == 401
        assert post(url, callbacks(encrypt_key="", token="").url_verification()).status_code == 401
    assert not intake.messages


def test_unknown_events_are_answered_and_counted(address: str, intake: StubIntake) -> None:
    before = counted("other", "ignored")
    assert post(address, callbacks().event("some.future.event_v3", {})).json() == {}
    assert counted("other", "ignored") == before + 1
    assert not intake.messages


@pytest.mark.anyio
async def test_what_cannot_be_committed_comes_again(intake: StubIntake, address: str) -> None:
    intake.unavailable = 2
    async with httpx.AsyncClient() as client:
        statuses = await deliver(client, address, callbacks().message("签到"), speed=2000)
    assert statuses == [503, 503, 200]
    assert len(intake.messages) == 1


# Card actions


def test_button_is_answered_with_a_toast(address: str, intake: StubIntake) -> None:
    intake.answer = "✅ 已签到"
    press = callbacks().card_action({"says": "签到", "about": "lesson:17"}, card="om_card")
    answer = post(address, press)
    assert answer.json() == {"toast": {"type": "success", "content": "✅ 已签到"}}
    assert [(message.text, message.about, message.ref) for message in intake.messages] == [
        ("签到", "lesson:17", "om_card")
    ]


def test_second_click_is_told_the_same_and_has_no_effect(address: str, intake: StubIntake) -> None:
    intake.answer = "✅ 已签到"
    cloud = callbacks()
    cloud.now = lambda: 1_790_000_000.0
    for expected in ("success", "info"):
        press = cloud.card_action({"says": "签到", "about": "lesson:17"}, card="om_card")
        assert post(address, press).json() == {"toast": {"type": expected, "content": "✅ 已签到"}}
    assert len(intake.messages) == 1


def test_button_without_an_answer(address: str) -> None:
    press = callbacks().card_action({"says": "签到", "about": ""}, card="om_card")
    assert post(address, press).json() == {}


def test_button_that_could_not_be_committed_asks_to_press_again(address: str, intake: StubIntake) -> None:
    """Feishu never repeats card actions, so a 503 would lose the press without a word."""
    intake.unavailable = 1
    answer = post(address, callbacks().card_action({"says": "签到", "about": ""}, card="om_card"))
    assert answer.status_code == 200
    assert answer.json()["toast"]["type"] == "error"


class SlowIntake(StubIntake):
    """Takes longer than Feishu waits."""

    async def submit(self, message: IncomingMessage) -> Receipt:
        """Remembers the message, and answers when nobody waits any more."""
        receipt = await super().submit(message)
        await asyncio.sleep(0.5)
        return receipt


def test_button_that_takes_too_long_is_not_left_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.feishu.callback.PRESS_WITHIN", 0.1)
    intake = SlowIntake("✅ 已签到")
    with serving(platform_for(intake)) as url:
        answer = post(url, callbacks().card_action({"says": "签到", "about": ""}, card="om_card"))
        assert (answer.status_code, answer.json()["toast"]["type"]) == (200, "info")
        assert "再按一次" in answer.json()["toast"]["content"]
        assert post(url, callbacks().message("签到")).json() == {}, "a message is waited for: it would come again"
    assert len(intake.messages) == 2


def test_what_is_picked_is_answered_with_a_toast(address: str, intake: StubIntake) -> None:
    intake.answer = "✅ 1002 已办结"
    value = {"abouts": {"办结 1001": "case:1001", "办结 1002": "case:1002"}}
    pick = callbacks().card_action(value, card="om_card", tag="select_static", option="办结 1002")
    assert post(address, pick).json() == {"toast": {"type": "success", "content": "✅ 1002 已办结"}}
    assert [(message.text, message.about) for message in intake.messages] == [("办结 1002", "case:1002")]


def test_what_is_written_is_answered_with_a_toast_once(address: str, intake: StubIntake) -> None:
    intake.answer = "✅ 1001 已办结"
    value = {"says": "办结 1001", "about": "case:1001", "form": True}
    for expected in ("success", "info"):
        sent = callbacks().card_action(value, card="om_card", name="submit_x", form={"words": "已清运"})
        assert post(address, sent).json()["toast"]["type"] == expected
    assert [(message.text, message.about) for message in intake.messages] == [("办结 1001 已清运", "case:1001")]


def test_an_empty_form_is_handed_back(address: str, intake: StubIntake) -> None:
    value = {"says": "办结 1001", "about": "case:1001", "form": True}
    answer = post(address, callbacks().card_action(value, card="om_card", form={"words": "  "}))
    assert (answer.status_code, answer.json()["toast"]["type"]) == (200, "warning")
    assert "写几个字" in answer.json()["toast"]["content"]
    assert not intake.messages


# Redelivery


def test_all_five_deliveries_have_one_effect_and_one_answer(address: str, intake: StubIntake) -> None:
    """After 15 s, 5 min, 1 h and 6 h, each time under another event_id; the message_id is what stays."""
    sender = callbacks()
    first = sender.message("签到", mention_bot=True)
    answers = [post(address, first)]
    for _ in REDELIVER_AFTER:
        answers.append(post(address, sender.redelivered(first)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
    assert len(intake.messages) == 1


def test_an_event_that_got_no_answer_in_time_has_one_effect(address: str, intake: StubIntake) -> None:
    """Whoever joined is known by the event_id, which stays the same over HTTP."""
    joined = callbacks().people("added", ("ou_1", "小李"))
    assert {post(address, joined).status_code for _ in range(3)} == {200}
    (message,) = intake.messages
    assert [(member.ref, member.name) for member in message.members] == [("ou_1", "小李")]
    assert message.sender == ""


# Refusals


def tampered(callback: Callback) -> Callback:
    return Callback(callback.headers, callback.body[:-4] + b'A"}')


def unsigned(callback: Callback) -> Callback:
    return Callback({"Content-Type": "application/json"}, callback.body)


def deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("status", "callback"),
    [
        pytest.param(401, callbacks(encrypt_key="another key").message("签到"), id="signed with another key"),
        pytest.param(401, tampered(callbacks().message("签到")), id="changed after signing"),
        pytest.param(401, unsigned(callbacks().message("签到")), id="encrypted but not signed"),
        pytest.param(401, callbacks(encrypt_key="").message("签到"), id="plaintext"),
        pytest.param(401, callbacks(token="wrong").message("签到"), id="wrong verification token"),
        pytest.param(401, callbacks().signed(b'{"header":{"token":7}}'), id="token that is not text"),
        pytest.param(401, callbacks().signed(b'{"header":[]}'), id="header that is not an object"),
        pytest.param(401, unsigned(Callback({}, compact({"encrypt": "AAAA"}))), id="unsigned and undecryptable"),
        pytest.param(401, unsigned(Callback({}, compact({"encrypt": 7}))), id="envelope that is not text"),
        pytest.param(400, Callback({}, b""), id="empty"),
        pytest.param(400, Callback({}, b"\xff\xfe\x00garbage"), id="garbage"),
        pytest.param(400, Callback({}, b"[]"), id="list"),
        pytest.param(400, Callback({}, b"1" * 5000), id="endless number"),
        pytest.param(400, Callback({}, deep(100_000)), id="deep JSON"),
        pytest.param(400, callbacks().signed(deep(100_000)), id="deep JSON inside the envelope"),
        pytest.param(400, callbacks().signed(b"garbage"), id="garbage inside the envelope"),
        pytest.param(413, Callback({}, b"x" * 5_000_000), id="5 MB"),
    ],
)
def test_refusals(address: str, intake: StubIntake, status: int, callback: Callback) -> None:
    before = counted("other", "refused")
    answer = post(address, callback)
    assert (answer.status_code, answer.content) == (status, b"")
    assert not intake.messages
    assert counted("other", "refused") == before + 1
    assert post(address, callbacks().message("签到")).status_code == 200


def test_signed_ciphertext_of_bad_padding(address: str) -> None:
    body = compact({"encrypt": "A" * 64})
    signature = hashlib.sha256(f"1n{KEY}".encode() + body).hexdigest()
    headers = {"X-Lark-Signature": signature, "X-Lark-Request-Timestamp": "1", "X-Lark-Request-Nonce": "n"}
    assert post(address, Callback(headers, body)).status_code == 400


def test_large_body_without_a_declared_length_is_cut_off(address: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 65536

    assert httpx.post(address, content=chunks()).status_code == 413


def test_large_body_is_refused_before_it_is_sent(address: str) -> None:
    """Only the headers go out here, and the answer comes."""
    target = urlsplit(address)
    connection = http.client.HTTPConnection(target.netloc, timeout=5)
    connection.putrequest("POST", target.path)
    connection.putheader("Content-Length", str(LARGEST_BODY + 1))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    response.close()
    connection.close()


def test_broken_off_body_is_no_error(address: str) -> None:
    target = urlsplit(address)
    connection = http.client.HTTPConnection(target.netloc, timeout=5)
    connection.putrequest("POST", target.path)
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    connection.close()
    assert post(address, callbacks().message("签到")).status_code == 200


def test_only_post_is_answered(address: str) -> None:
    assert httpx.get(address).status_code == 405


def test_forged_unsigned_envelopes_all_look_alike(address: str) -> None:
    """Otherwise the difference between bad padding and bad JSON would decrypt a message byte by byte."""
    good = callbacks().message("签到")
    encrypted = json.loads(good.body)["encrypt"]
    forged = [encrypted, encrypted[:-24] + "A" * 24, encrypted[:64], "AAAA", "*"]
    answers = [post(address, unsigned(Callback({}, compact({"encrypt": one})))) for one in forged]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b"")}


def test_who_the_bot_is_is_asked_in_the_background(intake: StubIntake) -> None:
    """Even when nobody answers there, the platform starts at once and goes by the name."""
    platform = platform_for(intake)
    with serving(platform, start=True) as url:
        assert post(url, callbacks().message("签到", mention_bot=True)).status_code == 200
        assert platform.identity.open_id == ""
    assert intake.messages[0].addressed
