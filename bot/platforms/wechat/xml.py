"""The XML of callbacks and passive replies, of WeCom's apps and of official accounts (pages 90238 and 90241).

Callbacks are read with xmltodict, as wechatpy does. Its ``parse_message`` is not used: it rewrites some events, and
raises whatever comes up where a field is missing or comes twice. Passive replies are wechatpy's, which puts texts
between CDATA marks as they are: here whatever would end the CDATA early, or is no character of XML, is taken care of.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.replies import ImageReply, TextReply

from bot.platforms.wechat.crypto import Sealed
from bot.platforms.wechat.errors import Rejected

LARGEST = 256 * 1024
"""Bytes. The longest text that people can send is 2048 of them; the rest is for encryption and lists."""
DEEPEST = 8
"""Levels of elements; pictures of a menu click are the deepest, on level 5."""
ENVELOPE = """<xml>
<Encrypt><![CDATA[{encrypted}]]></Encrypt>
<MsgSignature><![CDATA[{signature}]]></MsgSignature>
<TimeStamp>{timestamp}</TimeStamp>
<Nonce><![CDATA[{nonce}]]></Nonce>
</xml>"""
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot say, not even escaped."""


def parse(document: bytes) -> dict[str, Any]:
    """What is inside ``<xml>``: texts, None for empty elements, mappings, and lists of what comes more than once.

    Always UTF-8, whatever it declares; attributes are dropped. Raises Rejected.
    """
    if len(document) > LARGEST:
        raise Rejected(413, "XML too large")
    try:
        root = xmltodict.parse(document, encoding="utf-8", xml_attribs=False)
    except (ExpatError, ValueError) as error:  # ValueError: it declares entities
        raise Rejected(400, "not XML") from error
    fields = root.get("xml") if isinstance(root, dict) else None
    if not isinstance(fields, dict) or _deeper(fields, DEEPEST):
        raise Rejected(400, "not a message")
    return fields


def text_at(fields: Mapping[str, Any], *path: str) -> str:
    """The text of the element at ``path``; empty if there is none, or no single text."""
    value: Any = fields
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def text_reply(content: str, *, to: str, sender: str, at: datetime) -> str:
    """A passive text to person ``to``; ``sender`` is the account or corp as the callback's ToUserName had it."""
    return TextReply(
        target=_cdata(to), source=_cdata(sender), time=int(at.timestamp()), content=_cdata(content)
    ).render()


def image_reply(media_id: str, *, to: str, sender: str, at: datetime) -> str:
    """A passive picture that was uploaded before; for the rest see text_reply."""
    return ImageReply(
        target=_cdata(to), source=_cdata(sender), time=int(at.timestamp()), image=_cdata(media_id)
    ).render()


def envelope(sealed: Sealed) -> str:
    """The answer that carries an encrypted passive reply."""
    return ENVELOPE.format(
        encrypted=sealed.encrypted,
        signature=sealed.signature,
        timestamp=sealed.timestamp,
        nonce=_cdata(sealed.nonce),
    )


def _cdata(text: str) -> str:
    return NOT_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>")


def _deeper(value: object, levels: int) -> bool:
    """Whether elements are nested more than ``levels`` deep."""
    if isinstance(value, dict):
        return levels == 0 or any(_deeper(inner, levels - 1) for inner in value.values())
    return isinstance(value, list) and any(_deeper(inner, levels) for inner in value)
