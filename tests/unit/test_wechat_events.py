"""Callbacks in XML made neutral: what contract tests cannot show."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Card, Text
from bot.messages import IncomingMessage
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.events import EventReader, kind_of
from bot.platforms.wechat.passive import LARGEST_REPLY, in_one, room_for
from bot.platforms.wechat.pieces import size
from bot.platforms.wechat.xml import parse

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
NAMES = (
    *("ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Content", "MediaId", "Label", "Recognition"),
    *("Location_X", "Location_Y"),
    *("Event", "EventKey", "AgentID", "Encrypt", "PicUrl", "item"),
)
WORDS = (
    *("text", "image", "voice", "location", "event", "click", "CLICK", "subscribe", "enter_agent", "LOCATION"),
    *("zhao", "签到", "1795417200", "-1", "9" * 30, "9" * 5000, "253402300799", "１２３", "1_0", "\u2028", "", " "),
)
names, words = st.sampled_from(NAMES), st.sampled_from(WORDS) | st.text()
values = st.recursive(
    words | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)


def read(fields: dict[str, Any], document: bytes = b"", *, daily: bool = True) -> IncomingMessage | None:
    found = EventReader("wecom_app", "main", lambda: NOW, greets_daily=daily).read(fields, document)
    return found.message if found else None


def text(**changes: str) -> dict[str, Any]:
    fields = {"FromUserName": "zhao", "CreateTime": "1795417200", "MsgType": "text", "Content": "签到", "MsgId": "7"}
    return fields | changes


@given(st.dictionaries(names, values), st.booleans())
def test_no_callback_raises(fields: dict[str, Any], daily: bool) -> None:
    kind_of(fields)
    read(fields, daily=daily)


@given(st.dictionaries(names, words))
def test_no_document_raises(fields: dict[str, str]) -> None:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    document = f"<xml>{inside}</xml>".encode(errors="replace")
    try:
        parsed = parse(document)
    except Rejected:
        return
    read(parsed, document)


@pytest.mark.parametrize("time", ["", "soon", "9" * 30, "9" * 5000, "253402300799"])
def test_a_message_without_a_usable_time_was_sent_now(time: str) -> None:
    found = read(text(CreateTime=time))
    assert found is not None
    assert found.sent_at == NOW


def test_a_message_without_an_id_is_known_by_all_that_it_says() -> None:
    found = read(text(MsgId=""), b"document")
    assert found is not None
    assert found.key == "event:" + hashlib.sha256(b"document").hexdigest()[:40]


@pytest.mark.parametrize(
    ("x", "y", "label", "expected"),
    [
        ("36.061100", "103.834300", "东门", ("东门", 36.0611, 103.8343)),
        ("36.061100", "103.834300", "", ("", 36.0611, 103.8343)),
        ("0.000000", "0.000000", "东门", ("东门", None, None)),
        ("", "103.8", "东门", ("东门", None, None)),
        ("nan", "nan", "", ("", None, None)),
    ],
)
def test_a_location(x: str, y: str, label: str, expected: tuple[str, float | None, float | None]) -> None:
    found = read(text(MsgType="location", Location_X=x, Location_Y=y, Label=label))
    assert found is not None
    assert (found.place, found.latitude, found.longitude) == expected


def test_the_key_of_a_message() -> None:
    keys = [text(), text(FromUserName="li"), text(MsgId="8"), text(CreateTime="1795417201")]
    assert len({found.key for fields in keys if (found := read(fields))}) == 4
    assert read(text()) == read(text(), b"in another envelope")


def test_kinds_that_are_counted_are_few() -> None:
    assert kind_of({"MsgType": "event", "Event": "CLICK"}) == "event_click"
    assert (
        kind_of({"MsgType": "event", "Event": "made up"}) == kind_of({"MsgType": "made up"}) == kind_of({}) == "other"
    )


@given(st.lists(st.text(min_size=1, max_size=3000).map(Text), min_size=1, max_size=4))
def test_one_answer_is_never_too_long(contents: list[Text]) -> None:
    assert size(in_one(contents)) <= LARGEST_REPLY
    if room_for(contents):
        assert in_one(contents) == "\n\n".join(content.text for content in contents)


def test_an_answer_has_no_room_for_photos() -> None:
    assert room_for([Card("隐患")])
    assert not room_for([Text("好"), Card("隐患", photos=("a.jpg",))])
