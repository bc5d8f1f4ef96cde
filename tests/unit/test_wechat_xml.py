"""Callbacks in XML are read, or refused in one way; passive replies carry any text."""

import contextlib
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.wechat.crypto import CallbackCipher
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.xml import LARGEST, envelope, image_reply, parse, text_at, text_reply

AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MENU = """<xml><MsgType><![CDATA[event]]></MsgType><SendPicsInfo><Count>2</Count><PicList>
<item><PicMd5Sum><![CDATA[a1]]></PicMd5Sum></item><item><PicMd5Sum><![CDATA[b2]]></PicMd5Sum></item>
</PicList></SendPicsInfo><EventKey></EventKey></xml>"""
BOMB = '<!DOCTYPE xml [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>'
OUTSIDE = '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Content>&a;</Content></xml>'


def test_nested_and_repeated_elements() -> None:
    fields = parse(MENU.encode())
    assert text_at(fields, "MsgType") == "event"
    assert text_at(fields, "SendPicsInfo", "Count") == "2"
    assert fields["SendPicsInfo"]["PicList"]["item"] == [{"PicMd5Sum": "a1"}, {"PicMd5Sum": "b2"}]


@pytest.mark.parametrize(
    "path",
    [("EventKey",), ("Missing",), ("SendPicsInfo",), ("MsgType", "Further"), ("SendPicsInfo", "PicList", "item")],
)
def test_what_is_no_text_is_empty(path: tuple[str, ...]) -> None:
    assert text_at(parse(MENU.encode()), *path) == ""


def test_declarations_and_attributes_change_nothing() -> None:
    document = "\ufeff<?xml version='1.0' encoding='iso-8859-1'?><xml a='1'><Content b='2'>你好</Content></xml>"
    assert parse(document.encode()) == {"Content": "你好"}


@pytest.mark.parametrize(
    "document",
    [
        *("", " ", "x", "<xml>", "<xml/>", "<xml></xml>", "<xml>text</xml>", "<other><a>1</a></other>", "\x00"),
        "<xml><a>1</a></xml><xml/>",
        "<xml><a>&unknown;</a></xml>",
        "<xml><a>\x01</a></xml>",
        BOMB,
        OUTSIDE,
        "<xml>" + "<a>" * 9 + "</a>" * 9 + "</xml>",
        "<xml>" + "<a>" * 30_000 + "</a>" * 30_000 + "</xml>",
        "{}",
    ],
)
def test_what_is_refused(document: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(document.encode())
    assert caught.value.status == 400


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(Rejected):
        parse("<xml><Content>你好</Content></xml>".encode("gbk"))


def test_size_is_bounded() -> None:
    frame = len("<xml><a></a></xml>")
    parse(b"<xml><a>" + b"x" * (LARGEST - frame) + b"</a></xml>")
    with pytest.raises(Rejected) as caught:
        parse(b"<xml><a>" + b"x" * (LARGEST - frame + 1) + b"</a></xml>")
    assert caught.value.status == 413


@given(st.binary() | st.text().map(lambda text: f"<xml><a>{text}</a></xml>".encode(errors="replace")))
def test_anything_is_read_or_refused(document: bytes) -> None:
    with contextlib.suppress(Rejected):
        assert text_at(parse(document), "a") is not None


def test_text_reply() -> None:
    reply = ElementTree.fromstring(text_reply("已签到", to="小李", sender="gh_1", at=AT))
    assert {child.tag: child.text for child in reply} == {
        "ToUserName": "小李",
        "FromUserName": "gh_1",
        "CreateTime": "1795417200",
        "MsgType": "text",
        "Content": "已签到",
    }


def test_image_reply() -> None:
    reply = ElementTree.fromstring(image_reply("media-1", to="zhao", sender="gh_1", at=AT))
    assert reply.findtext("MsgType") == "image"
    assert reply.findtext("Image/MediaId") == "media-1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("]]>", "]]>"),
        ("a]]>]]>b]]", "a]]>]]>b]]"),
        ("</Content><MsgType>x", "</Content><MsgType>x"),
        ("&amp; {content} %s <![CDATA[", "&amp; {content} %s <![CDATA["),
        ("a\x00\x08\x0b\x1b\ufffe\ud800b", "ab"),
        ("]\x00]>", "]]>"),
        ("行\n行\t", "行\n行\t"),
        ("🐝", "🐝"),
    ],
)
def test_texts_come_through(text: str, shown: str) -> None:
    reply = ElementTree.fromstring(text_reply(text, to=text, sender=text, at=AT))
    assert reply.findtext("Content") == reply.findtext("ToUserName") == reply.findtext("FromUserName") == shown


@given(st.text())
def test_any_text_makes_a_reply(text: str) -> None:
    reply = ElementTree.fromstring(text_reply(text, to="a", sender="b", at=AT))
    assert sorted(child.tag for child in reply) == ["Content", "CreateTime", "FromUserName", "MsgType", "ToUserName"]


@given(st.text())
def test_envelope_keeps_the_nonce_inside(nonce: str) -> None:
    cipher = CallbackCipher("token", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "corp")
    sealed = cipher.seal("<xml/>", 1700000000, nonce)
    answer = ElementTree.fromstring(envelope(sealed))
    assert [child.tag for child in answer] == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"]
    assert cipher.decrypt(answer.findtext("Encrypt", "")) == b"<xml/>"
    assert answer.findtext("TimeStamp") == "1700000000"
