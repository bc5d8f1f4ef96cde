"""Neutral content as Feishu shows it: text messages and cards of JSON 2.0."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from bot.content import Button, Card, Choice, Form, Mention, Text
from bot.platforms.feishu.pressing import WORDS, button_value, choice_value, form_value, submit_name

LARGEST_TEXT = 150_000 - 1_000
LARGEST_CARD = 30_000 - 1_000
"""Bytes for a message's ``content`` in the request body, room for the rest left (page ``im-v1/message/create``)."""

LONGEST_WRITTEN = 500
"""Characters that a form's input takes."""

_OPEN_ID = re.compile(r"ou_[0-9A-Za-z_-]+")
_ANGLES = re.compile(r"[<>]")
_MENTION = re.compile(r"<(?=\s*/?\s*at)", re.IGNORECASE)
_OPTION = 150
"""Bytes of an option besides its words."""
_STYLES = {"primary": "primary", "plain": "default", "danger": "danger"}
_ELLIPSIS = "…"


def render_text(text: Text, largest: int = LARGEST_TEXT) -> str:
    """The text as the JSON string that create and reply take, its mentions as real ones, cut to ``largest`` bytes."""
    called = "".join(map(_mention, text.mentions))
    return _dump({"text": called + _cut(_harmless(text.text), largest - _weight(called))})


def render_card(card: Card, *, private: bool = False, pictures: Iterable[str] = (), largest: int = LARGEST_CARD) -> str:
    """The card as the JSON string that create, reply and PATCH take. What is too long ends with ``…`` at a line end.

    ``private``: it goes to a person, and what is pressed on it will say so. ``pictures`` are image keys.
    """
    fields = _cut("\n".join(f"{field.label}：{field.value}" for field in card.fields), largest // 3)
    choice = _choice(card.choice, largest // 3, private=private) if card.choice else {}
    after = [fields and _plain(fields), *map(_picture, pictures), choice, *_pressed(card, private=private)]
    room = largest - _size(_dump(_card(card, _ELLIPSIS, after)))
    return _dump(_card(card, _cut(card.text, room), after))


def _card(card: Card, text: str, after: Iterable[Any]) -> dict[str, Any]:
    return {
        "schema": "2.0",
        "config": {"update_multi": True},
        "header": {"title": {"tag": "plain_text", "content": card.title}, "template": "blue"},
        "body": {"direction": "vertical", "elements": [element for element in (_plain(text), *after) if element]},
    }


def _pressed(card: Card, *, private: bool) -> Iterator[dict[str, Any]]:
    yield _buttons(card.buttons, private=private)
    if card.form:
        yield _form(card.form, private=private)
    yield _hint(card.hint)


def _mention(mention: Mention) -> str:
    """A real mention of an open_id; anything else, ``all`` too, is only a name."""
    name = _ANGLES.sub("", mention.name)
    return f'<at user_id="{mention.ref}">{name}</at> ' if _OPEN_ID.fullmatch(mention.ref) else f"@{name} "


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
    return {
        "tag": "button",
        "type": _STYLES[button.style],
        "text": {"tag": "plain_text", "content": button.label},
        "behaviors": [{"type": "callback", "value": button_value(button, private=private)}],
    }


def _picture(key: str) -> dict[str, Any]:
    """A photo, as wide as the card; tapping it shows the whole of it."""
    return {"tag": "img", "img_key": key, "alt": {"tag": "plain_text", "content": "照片"}, "preview": True}


def _choice(choice: Choice, room: int, *, private: bool) -> dict[str, Any]:
    """A list of as many options as fit into ``room`` bytes, each saying something else; nothing without any."""
    options = _fitting(choice.options, room)
    if not options:
        return {}
    return {
        "tag": "select_static",
        "placeholder": {"tag": "plain_text", "content": choice.label},
        "options": [{"text": {"tag": "plain_text", "content": o.label}, "value": o.says} for o in options],
        "behaviors": [{"type": "callback", "value": choice_value(Choice(choice.label, options), private=private)}],
    }


def _fitting(options: Iterable[Button], room: int) -> tuple[Button, ...]:
    kept = {option.says: option for option in reversed(tuple(options))}
    sizes = accumulate(_weight(f"{o.label}{o.says}{o.says}{o.about}") + _OPTION for o in reversed(kept.values()))
    return tuple(option for option, size in zip(reversed(kept.values()), sizes, strict=True) if size <= room)


def _form(form: Form, *, private: bool) -> dict[str, Any]:
    """A line to write into and its button (page ``containers/form-container``).

    The button has to carry a value, or clients fail with 200340.
    """
    words = {
        "tag": "input",
        "name": WORDS,
        "required": True,
        "max_length": LONGEST_WRITTEN,
        "placeholder": {"tag": "plain_text", "content": form.label},
    }
    submit = {
        "tag": "button",
        "name": submit_name(form, private=private),
        "type": _STYLES[form.submit.style],
        "text": {"tag": "plain_text", "content": form.submit.label},
        "form_action_type": "submit",
        "value": form_value(form, private=private),
    }
    return {"tag": "form", "name": "form", "elements": [words, submit]}


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
