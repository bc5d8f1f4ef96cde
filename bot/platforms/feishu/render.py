"""Neutral content as Feishu shows it: text messages and cards of JSON 2.0."""

import json
import re
from bisect import bisect_right
from typing import Any

from bot.content import Button, Card, Text

LARGEST_TEXT = 150_000 - 1_000
LARGEST_CARD = 30_000 - 1_000
"""Bytes for a message's ``content`` in the request body, room for the rest left (page ``im-v1/message/create``)."""

_MENTION = re.compile(r"<(?=\s*/?\s*at)", re.IGNORECASE)
_STYLES = {"primary": "primary", "plain": "default", "danger": "danger"}
_ELLIPSIS = "…"


def render(content: Text | Card, *, private: bool) -> tuple[str, str]:
    """``msg_type`` and ``content``. ``private``: it goes to a person, and its buttons will say so."""
    if isinstance(content, Text):
        return "text", _dump({"text": _cut(_harmless(content.text), LARGEST_TEXT)})
    return "interactive", render_card(content, private=private)


def render_card(card: Card, *, private: bool = False) -> str:
    """The card as the JSON string that create, reply and PATCH take. What is too long ends with ``…`` at a line end."""
    fields = _cut("\n".join(f"{field.label}：{field.value}" for field in card.fields), LARGEST_CARD // 3)
    room = LARGEST_CARD - _size(_dump(_card(card, _ELLIPSIS, fields, private=private)))
    return _dump(_card(card, _cut(card.text, room), fields, private=private))


def _card(card: Card, text: str, fields: str, *, private: bool) -> dict[str, Any]:
    elements = [_plain(text), _plain(fields), _buttons(card.buttons, private=private), _hint(card.hint)]
    return {
        "schema": "2.0",
        "config": {"update_multi": True},
        "header": {"title": {"tag": "plain_text", "content": card.title}, "template": "blue"},
        "body": {"direction": "vertical", "elements": [element for element in elements if element]},
    }


def _plain(text: str) -> dict[str, Any]:
    """Plain text, not Markdown: what people wrote must neither mention anyone nor become a link."""
    return {"tag": "div", "text": {"tag": "plain_text", "content": text}} if text else {}


def _hint(text: str) -> dict[str, Any]:
    if not text:
        return {}
    return {
        "tag": "div",
        "text": {"tag": "plain_text", "content": text, "text_size": "notation", "text_color": "grey"},
    }


def _buttons(buttons: tuple[Button, ...], *, private: bool) -> dict[str, Any]:
    if not buttons:
        return {}
    columns = [{"tag": "column", "width": "auto", "elements": [_button(button, private=private)]} for button in buttons]
    return {"tag": "column_set", "flex_mode": "flow", "horizontal_spacing": "8px", "columns": columns}


def _button(button: Button, *, private: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"says": button.says, "about": button.about}
    if private:
        value["private"] = True
    return {
        "tag": "button",
        "type": _STYLES[button.style],
        "text": {"tag": "plain_text", "content": button.label},
        "behaviors": [{"type": "callback", "value": value}],
    }


def _harmless(text: str) -> str:
    """``<at …>`` in a text message mentions people; a full-width bracket looks the same and does not."""
    return _MENTION.sub("＜", text)


def _cut(text: str, room: int) -> str:
    """As many whole lines of ``text`` as fit into ``room`` bytes of a request body, and ``…`` for the others.

    A first line that is too long by itself is cut inside.
    """
    if _weight(text) <= room:
        return text
    kept = bisect_right(range(len(text)), room, key=lambda length: _weight(text[:length] + _ELLIPSIS)) - 1
    shortened = text[: max(kept, 0)]
    whole_lines, newline, _ = shortened.rpartition("\n")
    return (whole_lines + newline if newline else shortened) + _ELLIPSIS


def _weight(text: str) -> int:
    """Bytes of ``text`` in the request body, where it is a JSON string inside a JSON string."""
    return _size(_dump(text))


def _size(content: str) -> int:
    """Bytes of ``content`` as a JSON string in the request body."""
    return len(_dump(content).encode())


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
