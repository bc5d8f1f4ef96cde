"""What the buttons, lists and forms of our cards carry, and what is read back of it when somebody presses one.

Pages ``card-callback-communication`` and ``containers/form-container``.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.content import Button, Choice, Form
from bot.platforms.fields import clean, json_object, part, word

WORDS = "words"
"""The name of a form's input."""
LONGEST = 1000
"""Characters of what is picked or written; a form's input takes no more (page ``interactive-components/input``)."""
_SUBMIT = "submit_"


class Unfilled(Exception):
    """A form was sent with nothing written in it."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a press says for the person, and about what; ``private``: on a card that was sent to one person."""

    says: str
    about: str
    private: bool


def button_value(button: Button, *, private: bool) -> dict[str, Any]:
    """What a press on the button gives back."""
    return _marked({"says": button.says, "about": button.about}, private=private)


def choice_value(choice: Choice, *, private: bool) -> dict[str, Any]:
    """What a pick gives back along with the option, which is what it says."""
    abouts = {option.says: option.about for option in choice.options}
    common = set(abouts.values())
    value: dict[str, Any] = {"about": common.pop()} if len(common) == 1 else {"abouts": abouts}
    return _marked(value, private=private)


def form_value(form: Form, *, private: bool) -> dict[str, Any]:
    """What the form's button gives back along with the words."""
    return button_value(form.submit, private=private) | {"form": True}


def submit_name(form: Form, *, private: bool) -> str:
    """The name of the form's button. It says the same once more, for clients that lose the value."""
    value = json.dumps(form_value(form, private=private), ensure_ascii=False, separators=(",", ":"))
    return _SUBMIT + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def read_press(action: Mapping[str, Any]) -> Press | None:
    """The ``action`` of a callback; None if it is none of ours. Raises Unfilled."""
    value = part(action, "value")
    if not word(value, "says"):
        value = _named(word(action, "name")) or value
    says, about = clean(word(value, "says")), clean(word(value, "about"))
    if says and value.get("form") is True:
        says = _filled(says, part(action, "form_value"))
    elif not says:
        says = clean(word(action, "option"))
        about = about or clean(word(part(value, "abouts"), says))
        says = says if len(says) <= LONGEST else ""
    return Press(says, about, value.get("private") is True) if says else None


def _marked(value: dict[str, Any], *, private: bool) -> dict[str, Any]:
    return value | {"private": True} if private else value


def _filled(says: str, fields: Mapping[str, Any]) -> str:
    words = clean(word(fields, WORDS)).strip()[:LONGEST]
    if not words:
        raise Unfilled
    return Form("", Button("", says)).filled(words)


def _named(name: str) -> dict[str, Any]:
    """The value that is written into a button's name; empty for any other name."""
    if not name.startswith(_SUBMIT):
        return {}
    encoded = name.removeprefix(_SUBMIT)
    try:
        value = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return {}
    return json_object(value) or {}
