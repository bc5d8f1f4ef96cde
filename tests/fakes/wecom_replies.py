"""What WeCom refuses in a bot's replies, whichever way they come (pages 101031, 101463)."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from tests.fakes.wecom_cards import BAD_PARAMETER, LONGEST_FEEDBACK, CardError, check_card

LONGEST_TEXT = 20480
"""Bytes of UTF-8 in a stream or a markdown message."""
MOST_PICTURES = 10
LARGEST_PICTURE = 10 * 1024 * 1024
BAD_TYPE = 40008
TOO_OFTEN = 45009
_SIGNS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class Refusal(Exception):
    """An errcode other than 0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object at ``name``."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise Refusal(BAD_PARAMETER, f"{name} is missing")
    return value


def string(body: Mapping[str, Any], name: str) -> str:
    """The text at ``name``, which is not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(BAD_PARAMETER, f"{name} is missing")
    return value


def card_in(body: Mapping[str, Any], *, update: bool = False) -> dict[str, Any]:
    """The template card of a body, checked."""
    card = part(body, "template_card")
    try:
        check_card(card, update=update)
    except CardError as error:
        raise Refusal(error.code, str(error)) from error
    return card


def markdown_in(body: Mapping[str, Any]) -> str:
    """The text of a markdown body."""
    markdown = part(body, "markdown")
    _check_feedback(markdown)
    return _short(string(markdown, "content"))


def text_in(body: Mapping[str, Any]) -> str:
    """The text of a text body (only welcomes have one)."""
    return string(part(body, "text"), "content")


def stream_in(body: Mapping[str, Any], *, pictures: bool) -> tuple[str, str, bool]:
    """Id, content and finish of a stream's frame. ``pictures``: msg_item is legal, as it is in URL mode only."""
    stream = part(body, "stream")
    content, finish = stream.get("content", ""), stream.get("finish", False)
    if not isinstance(content, str) or not isinstance(finish, bool):
        raise Refusal(BAD_PARAMETER, "content or finish of a stream")
    if "msg_item" in stream:
        _check_pictures(stream["msg_item"], allowed=pictures and finish)
    _check_feedback(stream)
    return string(stream, "id"), _short(content), finish


def _check_pictures(items: object, *, allowed: bool) -> None:
    if not allowed:
        raise Refusal(BAD_PARAMETER, "msg_item is not supported here")
    if not isinstance(items, list) or len(items) > MOST_PICTURES:
        raise Refusal(BAD_PARAMETER, "too many in msg_item")
    for item in items:
        image = part(item, "image")
        try:
            data = base64.b64decode(string(image, "base64"), validate=True)
        except binascii.Error as error:
            raise Refusal(BAD_PARAMETER, "base64 of a picture") from error
        if len(data) > LARGEST_PICTURE or not data.startswith(_SIGNS):
            raise Refusal(BAD_PARAMETER, "a picture is neither JPG nor PNG, or too large")
        if image.get("md5") != hashlib.md5(data).hexdigest():
            raise Refusal(BAD_PARAMETER, "md5 of a picture")


def _check_feedback(holder: Mapping[str, Any]) -> None:
    if "feedback" in holder and len(string(part(holder, "feedback"), "id").encode()) > LONGEST_FEEDBACK:
        raise Refusal(BAD_PARAMETER, "feedback.id is too long")


def _short(content: str) -> str:
    if len(content.encode()) > LONGEST_TEXT:
        raise Refusal(BAD_PARAMETER, "content exceeds 20480 bytes")
    return content
