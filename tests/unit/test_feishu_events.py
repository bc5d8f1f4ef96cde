"""Events made neutral: what fixtures cannot show."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import IncomingMessage
from bot.platforms.feishu.events import EventReader
from bot.platforms.feishu.pressing import Unfilled
from bot.platforms.feishu.said import Identity

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
TYPES = (
    "im.message.receive_v1",
    "card.action.trigger",
    "im.chat.member.bot.added_v1",
    "im.chat.member.user.added_v1",
    "im.chat.member.user.deleted_v1",
    "im.chat.access_event.bot_p2p_chat_entered_v1",
    "application.bot.menu_v6",
)
WORDS = (
    *("sender", "sender_id", "open_id", "message", "message_id", "chat_id", "chat_type", "p2p", "message_type", "text"),
    *("post", "image", "content", "mentions", "key", "name", "@_user_1", "ou_x", "om_x", "operator", "action", "value"),
    *("says", "about", "context", "open_message_id", "open_chat_id", "tag", "at", "img", "image_key", "create_time"),
    *(
        "users",
        "user_id",
        "operator_id",
        "event_key",
        "option",
        "abouts",
        "form_value",
        "words",
        "submit_W10",
        "location",
    ),
    *('{"text":"@_user_1 hi"}', '{"content":[[{"tag":"at","user_id":"ou_x"}]]}', "\ud800", "\0", "9" * 30),
)
words = st.sampled_from(WORDS)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=6),
    max_leaves=40,
)


def reader(identity: Identity | None = None) -> EventReader:
    return EventReader("main", identity or Identity("小蜂", "ou_the_bot"), lambda: NOW)


def message(**changes: Any) -> dict[str, Any]:
    fields = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "chat_type": "group",
        "message_type": "text",
        "content": '{"text":"签到"}',
        "create_time": "1795417200123",
    }
    event = {"sender": {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"}, "message": fields | changes}
    return {"header": {"event_type": "im.message.receive_v1"}, "event": event}


@given(st.sampled_from(TYPES), values, values)
def test_no_event_raises(event_type: str, header: Any, event: Any) -> None:
    header = header if isinstance(header, dict) else {}
    with contextlib.suppress(Unfilled):
        reader().read({"header": header | {"event_type": event_type}, "event": event})


@given(values)
def test_no_callback_raises(callback: Any) -> None:
    reader().read(callback if isinstance(callback, dict) else {})


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "null", "{", '{"text":7}', '{"text":{}}'])
def test_strange_content_has_no_effect(content: str) -> None:
    assert reader().read(message(content=content)) is None


@pytest.mark.parametrize("time", ["", "soon", None, "9" * 30, "-" + "9" * 30, {}])
def test_a_message_without_a_usable_time_was_sent_now(time: object) -> None:
    read = reader().read(message(create_time=time))
    assert read is not None
    assert read.sent_at == NOW


def test_sender_without_open_id_has_no_effect() -> None:
    callback = message()
    callback["event"]["sender"]["sender_id"] = {"user_id": "x"}
    assert reader().read(callback) is None


def test_app_name_is_the_bots_name_too() -> None:
    identity = Identity("小蜂", app_name="聚蜂")
    assert identity.is_me("ou_x", name="聚蜂", bot=True)
    assert not identity.is_me("ou_x", name="", bot=True)
    assert not identity.is_me("ou_x", name="聚蜂", bot=False)


def test_double_click_is_one_press_and_another_person_button_or_time_is_not() -> None:
    def press(
        says: str = "签到", person: str = "ou_1", card: str = "om_1", about: str = "lesson:1", second: int = 1795417200
    ) -> str:
        event = {
            "operator": {"open_id": person},
            "action": {"value": {"says": says, "about": about}},
            "context": {"open_message_id": card, "open_chat_id": "oc_1"},
        }
        header = {"event_type": "card.action.trigger", "create_time": f"{second}000000"}
        read = reader().read({"header": header, "event": event})
        assert read is not None
        return read.key

    assert press() == press() == press(second=1795417201)
    assert press() != press(second=1795417260), "what was refused then may be right by now"
    assert len({press(), press(says="请假"), press(person="ou_2"), press(card="om_2"), press(about="lesson:2")}) == 5


def submitted(*, value: Any = None, **action: Any) -> dict[str, Any]:
    value = {"says": "办结 1001", "about": "case:1001", "form": True} if value is None else value
    event = {
        "operator": {"open_id": "ou_1"},
        "action": {"value": value, **action},
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
    }
    return {"header": {"event_type": "card.action.trigger", "create_time": "1795417200000000"}, "event": event}


@pytest.mark.parametrize("fields", [{}, {"words": ""}, {"words": " \n\0"}, {"words": 7}, {"other": "已清运"}, "已清运"])
def test_form_with_nothing_written(fields: object) -> None:
    with pytest.raises(Unfilled):
        reader().read(submitted(form_value=fields))


def test_form_whose_fields_were_lost_is_empty_too() -> None:
    with pytest.raises(Unfilled):
        reader().read(submitted())


@pytest.mark.parametrize("fields", [{}, None])
def test_a_button_outside_forms_is_no_empty_form(fields: object) -> None:
    read = reader().read(submitted(value={"says": "签到", "about": "lesson:1"}, form_value=fields))
    assert read is not None
    assert read.text == "签到"


def test_words_of_a_form_are_bounded() -> None:
    read = reader().read(submitted(form_value={"words": "长" * 5000}))
    assert read is not None
    assert read.text == "办结 1001 " + "长" * 1000


@pytest.mark.parametrize("name", ["submit_", "submit_x", "submit_é", "submit_Wzdd", "submit_" + "W" * 9999, "cancel"])
def test_a_button_of_a_strange_name_says_nothing(name: str) -> None:
    assert reader().read(submitted(value={"action": "x"}, name=name, form_value={"words": "已清运"})) is None


def test_photos_get_names_before_they_are_fetched() -> None:
    def read() -> IncomingMessage | None:
        return reader().read(message(message_type="image", content='{"image_key":"img_1"}'))

    first, second = read(), read()
    assert first is not None
    assert first == second
    assert first.photos == tuple(photo.name for photo in first.pending)
    assert json.loads(first.pending[0].source) == {"message_id": "om_1", "key": "img_1"}


def test_one_message_brings_only_so_many_photos() -> None:
    content = json.dumps({"content": [[{"tag": "img", "image_key": f"img_{n}"} for n in range(500)]]})
    read = reader().read(message(message_type="post", content=content))
    assert read is not None
    assert len(read.photos) == len(read.pending) == 30


def test_one_is_greeted_once_however_often_one_opens_the_chat() -> None:
    def enter(event_id: str, sender: str = "ou_1") -> IncomingMessage | None:
        header = {"event_type": "im.chat.access_event.bot_p2p_chat_entered_v1", "event_id": event_id}
        return reader().read({"header": header, "event": {"chat_id": "oc_1", "operator_id": {"open_id": sender}}})

    first, again, other = enter("ev1"), enter("ev2"), enter("ev3", "ou_2")
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.key == again.key != other.key
