"""What the answer to a callback says (passive replies, page 101031). Pictures are read here, which blocks."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.content import Card, Text
from bot.media import MediaStore
from bot.platforms.wechat.pictures import picture
from bot.platforms.wechat.pieces import pieces, size
from bot.platforms.wecom_aibot.render import LARGEST_TEXT, answered, harmless, markdown, shown

LARGEST_WELCOME = 2048
"""Bytes of a plain text; no page has a number, and this is the least that any other text of WeCom's may have."""
MOST_PICTURES = 10
LARGEST_PICTURE = 10 * 1024 * 1024
NOTHING = "…"
LONGEST_TASK = 128
"""Characters of a task_id (page 101032)."""
REPLY = "re@"
"""Begins the task_id of a card that went out in an answer; those of other posts are their uuids."""


@dataclass(frozen=True, slots=True)
class _Composed:
    """Contents in one answer: Markdown, one card to press something on, and photos."""

    markdown: str
    card: dict[str, Any] | None
    photos: tuple[str, ...]
    title: str


def fits(contents: Sequence[Text | Card]) -> bool:
    """Whether one stream has room for all of these."""
    composed = _composed(contents, REPLY)
    return size(composed.markdown) <= LARGEST_TEXT and len(composed.photos) <= MOST_PICTURES


def fits_welcome(contents: Sequence[Text | Card]) -> bool:
    """Whether one welcome has room for all of these."""
    return size(_plain(contents)) <= LARGEST_WELCOME


def message_reply(contents: Sequence[Text | Card], key: str, media: MediaStore) -> dict[str, Any]:
    """The answer to message ``key``: a card alone where that says it all, else a stream, with or without a card."""
    composed = _composed(contents, task_of(key))
    if composed.card and not (composed.markdown or composed.photos):
        return {"msgtype": "template_card", "template_card": composed.card}
    return _stream_reply(composed, key, media)


def stream_reply(contents: Sequence[Text | Card], key: str, media: MediaStore) -> dict[str, Any]:
    """The same where a stream was promised: it is finished now."""
    return _stream_reply(_composed(contents, task_of(key)), key, media)


def promise(key: str) -> dict[str, Any]:
    """A stream, still empty, for which WeCom will ask by the key of the message."""
    return _stream(key, "", finish=False)


def last_word(key: str, text: str) -> dict[str, Any]:
    """The stream finished with a sentence of our own."""
    return _stream(key, text, finish=True)


def welcome(contents: Sequence[Text | Card], task: str) -> dict[str, Any]:
    """The answer to somebody who opened the private chat: a card alone where that says it all, else a plain text."""
    if len(contents) == 1:
        only = shown(contents[0], task)
        if only.card and not only.markdown:
            return {"msgtype": "template_card", "template_card": only.card}
    text = pieces(_plain(contents), LARGEST_WELCOME)
    return {"msgtype": "text", "text": {"content": text[0] if text else NOTHING}}


def press_reply(card: Card, task: str, user: str, answer: str) -> dict[str, Any] | None:
    """The card ``task`` as it was sent, with the answer in it, for the one who pressed; None if it had no buttons."""
    template = answered(card, task, answer)
    if template is None:
        return None
    return {"response_type": "update_template_card", "userids": [user], "template_card": template}


def first_pressable(contents: Sequence[Text | Card], task: str) -> Card | None:
    """The card among the contents of an answer on which something can be pressed."""
    cards = (content for content in contents if isinstance(content, Card))
    return next((card for card in cards if shown(card, task).card), None)


def task_of(key: str) -> str:
    """The task_id of the card in the answer to message ``key``: the same whenever that is delivered again."""
    task = REPLY + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return task if len(task) <= LONGEST_TASK else REPLY + hashlib.sha256(key.encode()).hexdigest()


def key_of(task: str) -> str:
    """The message in the answer to which a card went out; empty for a card that was sent otherwise."""
    if not task.startswith(REPLY):
        return ""
    encoded = task.removeprefix(REPLY)
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return ""


def _composed(contents: Sequence[Text | Card], task: str) -> _Composed:
    """One answer has one card to press: the first. The others say what to type."""
    said: list[str] = []
    pressable: dict[str, Any] | None = None
    title = ""
    for content in contents:
        words = shown(content, task, mentions=False)
        if isinstance(content, Card) and words.card:
            said.append(markdown(content) if pressable else words.markdown)
            pressable, title = pressable or words.card, title or content.title
        else:
            said.append(words.markdown)
    photos = tuple(name for content in contents if isinstance(content, Card) for name in content.photos)
    return _Composed("\n\n".join(filter(None, said)), pressable, photos, title)


def _stream_reply(composed: _Composed, key: str, media: MediaStore) -> dict[str, Any]:
    reply = _stream(key, composed.markdown or harmless(composed.title) or NOTHING, finish=True)
    if pictures := _pictures(composed.photos, media):
        reply["stream"]["msg_item"] = pictures
    if composed.card:
        return {**reply, "msgtype": "stream_with_template_card", "template_card": composed.card}
    return reply


def _stream(key: str, content: str, *, finish: bool) -> dict[str, Any]:
    """The id of a stream is the key of its message: whichever process is asked for the rest knows what it is about."""
    return {"msgtype": "stream", "stream": {"id": key, "finish": finish, "content": content}}


def _pictures(photos: Sequence[str], media: MediaStore) -> list[dict[str, Any]]:
    found = [picture(media, name, LARGEST_PICTURE) for name in photos[:MOST_PICTURES]]
    return [{"msgtype": "image", "image": image} for image in found if image]


def _plain(contents: Sequence[Text | Card]) -> str:
    return "\n\n".join(content.as_text() for content in contents)
