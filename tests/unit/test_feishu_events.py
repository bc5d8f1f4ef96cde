"""Events made neutral: what fixtures cannot show."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.feishu.events import EventReader, Identity, clean

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
TYPES = ("im.message.receive_v1", "card.action.trigger", "im.chat.member.bot.added_v1")
WORDS = (
    *("sender", "sender_id", "open_id", "message", "message_id", "chat_id", "chat_type", "p2p", "message_type", "text"),
    *("post", "image", "content", "mentions", "key", "name", "@_user_1", "ou_x", "om_x", "operator", "action", "value"),
    *("says", "about", "context", "open_message_id", "open_chat_id", "tag", "at", "img", "image_key", "create_time"),
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


@given(st.text(st.characters(exclude_categories=[])))
def test_clean_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
