"""A robot's messages and events made neutral."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Button
from bot.messages import IncomingMessage
from bot.platforms.wecom_aibot.events import EventReader, pressed_card
from bot.platforms.wecom_aibot.render import pack
from tests.fakes.wecom_media import Link
from tests.fakes.wecom_messages import BOT_ID, Place, WecomMessages, item_of

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
GROUP = Place("wrCHAT", "lihua", private=False)
PRIVATE = Place("", "lihua", private=True)
LINK = {"url": "https://example.org/1", "aeskey": "k" * 43}
CARD = {"card_type": "button_interaction", "task_id": "t" * 32}
SIGN_IN = pack(Button("签到", "签到", "lesson:17"))
WORDS = (
    *("msgid", "chatid", "chattype", "group", "single", "from", "userid", "msgtype", "text", "mixed", "image", "voice"),
    *("file", "event", "stream", "content", "msg_item", "quote", "url", "aeskey", "eventtype", "enter_chat", "task_id"),
    *("template_card_event", "event_key", "selected_items", "selected_item", "option_ids", "option_id", "create_time"),
    *('["签到",""]', '["a"]', "@小蜂 签到", "@", "\ud800", "\0", "9" * 30, "[" * 10_000),
)
words = st.sampled_from(WORDS)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=8),
    max_leaves=40,
)
bodies = st.dictionaries(words, values, max_size=10)


def reader() -> EventReader:
    return EventReader("main", "小蜂", lambda: NOW)


def read(body: dict[str, Any]) -> IncomingMessage:
    message = reader().read(body, "the ref")
    assert message is not None
    return message


def messages() -> WecomMessages:
    return WecomMessages(BOT_ID)


@given(bodies)
def test_no_body_raises(body: dict[str, Any]) -> None:
    reader().read(body, "")
    pressed_card(body)


@given(values, values, st.sampled_from(["enter_chat", "template_card_event", "feedback_event"]))
def test_no_event_raises(details: Any, selected: Any, kind: str) -> None:
    body = messages().event(GROUP, {"eventtype": kind, kind: details, "selected_items": selected})
    reader().read(body, "")


def test_text_in_a_group() -> None:
    body = messages().text(GROUP, "签到")
    message = read(body)
    assert (message.chat, message.private, message.sender) == ("wrCHAT", False, "lihua")
    assert (message.text, message.addressed, message.kind) == ("签到", True, "message")
    assert (message.key, message.ref, message.sent_at) == (body["msgid"], "the ref", NOW)


def test_text_in_private() -> None:
    message = read(messages().text(PRIVATE, "今天学什么"))
    assert (message.chat, message.private, message.text) == ("lihua", True, "今天学什么")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("@小蜂 签到", "签到"),
        ("@小蜂\u2005签到", "签到"),
        ("@小蜂\n签到", "签到"),
        ("@小蜂", ""),
        ("@小蜂 ", ""),
        ("@小蜂签到", "签到"),
        ("@聚蜂助手 签到", "签到"),
        ("@小李 @小蜂 替他签到", "@小李 替他签到"),
        ("@小蜂 @小李 替他签到", "@小李 替他签到"),
        ("@聚蜂助手 @小李 替他签到", "@小李 替他签到"),
        ("请@小蜂 看看", "请看看"),
        ("没有称呼", "没有称呼"),
    ],
)
def test_mention_of_the_bot_is_no_part_of_the_text(said: str, heard: str) -> None:
    body = messages().text(GROUP, "")
    body["text"]["content"] = said
    assert read(body).text == heard


def test_a_name_in_private_is_kept_unless_it_is_the_bots() -> None:
    assert read(messages().text(PRIVATE, "@小李 请假")).text == "@小李 请假"
    assert read(messages().text(PRIVATE, "@小蜂 请假")).text == "请假"


def test_mixed() -> None:
    link = Link(**LINK)
    said = [item_of(item, with_key=True) for item in ("@小蜂 路灯坏了", link, "在东门", link)]
    body = messages().mixed(GROUP, said)
    message = read(body)
    assert message.text == "路灯坏了\n在东门"
    assert len(message.photos) == len(set(message.photos)) == 2
    assert tuple(photo.name for photo in message.pending) == message.photos
    assert json.loads(message.pending[0].source) == LINK


def test_the_same_photo_has_the_same_name_when_it_comes_again() -> None:
    body = messages().media(PRIVATE, "image", LINK)
    assert read(body).photos == read(body).photos
    assert read(body).text == ""


def test_picture_without_a_key_of_its_own() -> None:
    (photo,) = read(messages().media(PRIVATE, "image", {"url": LINK["url"]})).pending
    assert json.loads(photo.source) == {"url": LINK["url"], "aeskey": ""}


def test_voice_is_what_was_heard() -> None:
    assert read(messages().voice(PRIVATE, "我要请假。")).text == "我要请假。"


@pytest.mark.parametrize("kind", ["file", "video", "location"])
def test_other_kinds_are_answered_in_private_and_say_nothing(kind: str) -> None:
    message = read(messages().media(PRIVATE, kind, LINK))
    assert (message.text, message.photos, message.addressed) == ("", (), True)
    body = messages().media(PRIVATE, kind, LINK) | GROUP.fields()
    assert reader().read(body, "") is None


def test_quoted_picture_is_a_photo_and_quoted_words_are_not_said() -> None:
    image = {"msgtype": "image", "image": LINK}
    message = read(messages().text(GROUP, "报隐患", image))
    assert (message.text, len(message.photos)) == ("报隐患", 1)
    mixed = {"msgtype": "mixed", "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": "签到"}}, image]}}
    assert len(read(messages().text(GROUP, "报隐患", mixed)).photos) == 1
    words = {"msgtype": "text", "text": {"content": "签到"}}
    assert read(messages().text(GROUP, "这是什么", words)).text == "这是什么"


def test_entered() -> None:
    body = messages().entered("lihua")
    message = read(body)
    assert (message.kind, message.chat, message.private, message.sender) == ("entered", "lihua", True, "lihua")
    assert (message.key, message.sent_at) == (body["msgid"], datetime.fromtimestamp(body["create_time"], UTC))


def test_button() -> None:
    body = messages().pressed(GROUP, CARD, SIGN_IN, {})
    message = read(body)
    assert (message.kind, message.text, message.about) == ("button", "签到", "lesson:17")
    assert (message.chat, message.private, message.addressed) == ("wrCHAT", False, True)
    assert pressed_card(body) == CARD["task_id"]


def test_choice_says_what_was_chosen() -> None:
    body = messages().pressed(PRIVATE, CARD, "submit", {"choice": [pack(Button("二", "选 2", "lesson:9"))]})
    message = read(body)
    assert (message.text, message.about, message.private) == ("选 2", "lesson:9", True)


def test_nothing_chosen_has_no_effect() -> None:
    assert reader().read(messages().pressed(PRIVATE, CARD, "submit", {}), "") is None


def test_flat_form_of_the_sdk() -> None:
    body = messages().pressed(GROUP, CARD, SIGN_IN, {})
    body["event"] = body["event"].pop("template_card_event") | {"eventtype": "template_card_event"}
    assert read(body).text == "签到"
    assert pressed_card(body) == CARD["task_id"]


def test_double_click_is_one_press() -> None:
    def key(at: int = 1_795_417_200, user: str = "lihua", says: str = SIGN_IN) -> str:
        place = Place("wrCHAT", user, private=False)
        return read(messages().pressed(place, CARD, says, {}) | {"create_time": at}).key

    assert key() == key(1_795_417_201)
    other = pack(Button("请假", "请假", "lesson:17"))
    assert len({key(), key(1_795_417_260), key(user="xiaozhang"), key(says=other)}) == 4


@pytest.mark.parametrize("body", [messages().refresh(GROUP, "s"), messages().disconnected(), {}, {"msgtype": "text"}])
def test_what_nobody_said_has_no_effect(body: dict[str, Any]) -> None:
    assert reader().read(body, "") is None


def test_feedback_has_no_effect() -> None:
    body = messages().event(PRIVATE, {"eventtype": "feedback_event", "feedback_event": {"id": "1", "type": 1}})
    assert reader().read(body, "") is None


@pytest.mark.parametrize("time", ["soon", None, "9" * 30, -(10**30), {}])
def test_a_message_without_a_usable_time_was_sent_now(time: object) -> None:
    assert read(messages().text(GROUP, "签到") | {"create_time": time}).sent_at == NOW
