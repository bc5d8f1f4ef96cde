"""What Feishu refuses in a card of JSON 2.0: unknown properties, tags and shapes, and pictures of somebody else."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CARD = {"schema", "config", "card_link", "header", "body"}
CONFIG = {
    "streaming_mode",
    "summary",
    "locales",
    "enable_forward",
    "update_multi",
    "width_mode",
    "use_custom_translation",
    "enable_forward_interaction",
    "style",
}
HEADER = {"title", "subtitle", "text_tag_list", "i18n_text_tag_list", "template", "icon", "padding"}
BODY = {"direction", "padding", "horizontal_spacing", "horizontal_align", "vertical_spacing", "vertical_align"}
TEXT = {"tag", "content", "i18n_content", "text_size", "text_align", "text_color", "lines"}
TEMPLATES = {
    *("blue", "wathet", "turquoise", "green", "yellow", "orange", "red"),
    *("carmine", "violet", "purple", "indigo", "grey", "default"),
}
_COMMON = {"tag", "element_id", "margin"}
_INPUT = {"name", "required", "disabled", "placeholder", "width", "behaviors", "confirm"}
_COLUMN = {"background_style", "width", "weight", "padding", "action", "elements", *BODY}
_IMAGE = {"img_key", "alt", "title", "scale_type", "size", "corner_radius", "transparent", "preview", "mode"}
ELEMENTS: Mapping[str, set[str]] = {
    "div": {*_COMMON, "text", "icon", "width"},
    "markdown": {*_COMMON, "content", "i18n_content", "text_size", "text_align", "icon"},
    "hr": _COMMON,
    "img": {*_COMMON, *_IMAGE},
    "img_combination": {*_COMMON, "combination_mode", "combination_transparent", "corner_radius", "img_list"},
    "button": {
        *(_COMMON | {"type", "size", "width", "text", "icon", "hover_tips", "disabled", "disabled_tips", "confirm"}),
        *{"behaviors", "name", "required", "form_action_type", "value"},
    },
    "column_set": {*_COMMON, "horizontal_spacing", "horizontal_align", "flex_mode", "background_style", "columns"},
    "column": {*_COMMON, *_COLUMN},
    "form": {*_COMMON, "name", "elements", *BODY},
    "input": {
        *(_COMMON | _INPUT | {"default_value", "input_type", "rows", "auto_resize", "max_rows", "show_icon"}),
        *{"max_length", "label", "label_position", "value"},
    },
    "select_static": {*_COMMON, *_INPUT, "type", "options", "initial_option", "initial_index"},
}
BUTTON_TYPES = {
    *("default", "primary", "danger", "text", "primary_text", "danger_text"),
    *("primary_filled", "danger_filled", "laser"),
}
INPUT_TYPES = {"text", "multiline_text", "password"}
MOST_ELEMENTS = 200
LONGEST_INPUT = 1000
_INTERACTIVE = {"button", "input", "select_static"}
_ELEMENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}")

BAD_JSON = 200621
UNSUPPORTED_TAG = 200861
BAD_IMAGE_KEY = 200570
TOO_MANY = 11310
NO_SUBMIT_VALUE = 200340
"""This code is the clients': the cloud itself may let it pass, but then the form fails in people's hands."""


class CardError(Exception):
    """Feishu's sub-code of 230099."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _Seen:
    """What may come only once in a card, and who owns a picture."""

    is_own_image: Callable[[str], bool]
    names: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)


def check_card(card: object, is_own_image: Callable[[str], bool] = lambda key: key.startswith("img_")) -> None:
    """Raises CardError for a card that Feishu refuses."""
    if not isinstance(card, dict) or card.get("schema") != "2.0":
        raise CardError(BAD_JSON, "not a card of schema 2.0")
    _only(card, CARD)
    _only(card.get("config", {}), CONFIG)
    if card.get("config", {}).get("update_multi", True) is not True:
        raise CardError(BAD_JSON, "update_multi must be true")
    _check_header(card.get("header", {}))
    body = card.get("body", {})
    _only(body, {*BODY, "elements"})
    seen = _Seen(is_own_image)
    elements = list(_walk(body.get("elements"), seen, root=True))
    if len(elements) > MOST_ELEMENTS:
        raise CardError(TOO_MANY, "element exceeds the limit")


def _check_header(header: Mapping[str, Any]) -> None:
    _only(header, HEADER)
    if header:
        _check_text(header.get("title"))
    if "subtitle" in header:
        _check_text(header["subtitle"])
    _one_of(header, "template", TEMPLATES)


def _walk(elements: object, seen: _Seen, *, root: bool = False, form: bool = False) -> Iterator[Mapping[str, Any]]:
    if not isinstance(elements, list):
        raise CardError(BAD_JSON, "elements must be a list")
    for element in elements:
        _check_element(element, seen, root=root, form=form)
        yield element
        for inner in ("elements", "columns"):
            if inner in element:
                yield from _walk(element[inner], seen, form=form or element["tag"] == "form")


def _check_element(element: object, seen: _Seen, *, root: bool, form: bool) -> None:
    tag = str(element.get("tag")) if isinstance(element, dict) else ""
    if tag not in ELEMENTS or not isinstance(element, dict):
        raise CardError(UNSUPPORTED_TAG, f"unsupported tag {tag}")
    _only(element, ELEMENTS[tag])
    if "text" in element:
        _check_text(element["text"])
    for behaviour in element.get("behaviors", []):
        _check_behaviour(behaviour)
    _check_once(seen.ids, element.get("element_id"), _ELEMENT_ID)
    if tag in _INTERACTIVE:
        _check_interactive(element, seen, form=form)
    elif tag == "form":
        _check_form(element, seen, root=root)
    else:
        _check_shown(element, seen)


def _check_shown(element: Mapping[str, Any], seen: _Seen) -> None:
    match element["tag"]:
        case "column_set":
            _check_columns(element)
        case "img":
            _check_image(element, seen)
            _check_text(element.get("alt"))
        case "img_combination":
            _check_images(element, seen)
        case "markdown" if not isinstance(element.get("content"), str):
            raise CardError(BAD_JSON, "markdown without content")


def _check_text(text: object) -> None:
    if not isinstance(text, dict) or text.get("tag") not in {"plain_text", "lark_md"}:
        raise CardError(BAD_JSON, "not a text")
    _only(text, TEXT)
    if not isinstance(text.get("content"), str):
        raise CardError(BAD_JSON, "a text without content")


def _check_behaviour(behaviour: Mapping[str, Any]) -> None:
    if behaviour.get("type") not in {"callback", "open_url"}:
        raise CardError(BAD_JSON, "unknown behaviour")
    if behaviour["type"] == "callback" and not isinstance(behaviour.get("value"), dict | str):
        raise CardError(BAD_JSON, "a callback without a value")


def _check_columns(element: Mapping[str, Any]) -> None:
    columns = element.get("columns")
    if not isinstance(columns, list) or any(column.get("tag") != "column" for column in columns):
        raise CardError(BAD_JSON, "a column_set holds columns")


def _check_image(element: Mapping[str, Any], seen: _Seen) -> None:
    key = element.get("img_key")
    if not isinstance(key, str) or not seen.is_own_image(key):
        raise CardError(BAD_IMAGE_KEY, f"card contains invalid image keys; ErrorValue: image key {key}")


def _check_images(element: Mapping[str, Any], seen: _Seen) -> None:
    _one_of(element, "combination_mode", {"double", "triple", "bisect", "trisect"})
    images = element.get("img_list")
    if not isinstance(images, list) or not images or "combination_mode" not in element:
        raise CardError(BAD_JSON, "a combination without pictures or mode")
    for image in images:
        _only(image, {"img_key"})
        _check_image(image, seen)


def _check_interactive(element: Mapping[str, Any], seen: _Seen, *, form: bool) -> None:
    name = element.get("name")
    if form and not name:
        raise CardError(BAD_JSON, "what is in a form has a name")
    _check_once(seen.names, name)
    if "placeholder" in element:
        _check_text(element["placeholder"])
    match element["tag"]:
        case "button":
            _check_button(element, form=form)
        case "input":
            _check_input(element, form=form)
        case "select_static":
            _check_select(element, form=form)


def _check_form(form: Mapping[str, Any], seen: _Seen, *, root: bool) -> None:
    if not root:
        raise CardError(BAD_JSON, "a form stands at the root")
    if not form.get("name"):
        raise CardError(BAD_JSON, "a form without a name")
    _check_once(seen.names, form["name"])
    if not any(inner.get("form_action_type") == "submit" for inner in _inside(form)):
        raise CardError(BAD_JSON, "a form without a submit button")


def _inside(element: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("elements", "columns"):
        for inner in element.get(key, []):
            if isinstance(inner, dict):
                yield inner
                yield from _inside(inner)


def _check_button(button: Mapping[str, Any], *, form: bool) -> None:
    _one_of(button, "type", BUTTON_TYPES)
    action = button.get("form_action_type")
    if action is not None and (not form or action not in {"submit", "reset"}):
        raise CardError(BAD_JSON, "form_action_type is submit or reset, in a form")
    if action == "submit" and not isinstance(button.get("value"), dict | str):
        raise CardError(NO_SUBMIT_VALUE, "a submit button without a value")


def _check_input(element: Mapping[str, Any], *, form: bool) -> None:
    _one_of(element, "input_type", INPUT_TYPES)
    length = element.get("max_length", LONGEST_INPUT)
    if not isinstance(length, int) or not 1 <= length <= LONGEST_INPUT:
        raise CardError(BAD_JSON, "max_length is from 1 to 1000")
    if "label" in element:
        _check_text(element["label"])
    _check_reacts(element, form=form)


def _check_select(element: Mapping[str, Any], *, form: bool) -> None:
    options = element.get("options")
    if not isinstance(options, list) or not options:
        raise CardError(BAD_JSON, "a select without options")
    values: set[str] = set()
    for option in options:
        _only(option, {"text", "icon", "value"})
        _check_text(option.get("text"))
        if not isinstance(option.get("value"), str) or option["value"] in values:
            raise CardError(BAD_JSON, "each option has a value of its own")
        values.add(option["value"])
    _check_reacts(element, form=form)


def _check_reacts(element: Mapping[str, Any], *, form: bool) -> None:
    """Outside a form nothing else would send what was written or picked."""
    if not form and not element.get("behaviors"):
        raise CardError(BAD_JSON, f"{element['tag']} outside a form without a callback")


def _check_once(seen: set[str], name: object, pattern: re.Pattern[str] | None = None) -> None:
    if name is None:
        return
    if not isinstance(name, str) or name in seen or (pattern and not pattern.fullmatch(name)):
        raise CardError(BAD_JSON, f"{name} is no name of its own")
    seen.add(name)


def _one_of(element: Mapping[str, Any], key: str, allowed: set[str]) -> None:
    if key in element and element[key] not in allowed:
        raise CardError(BAD_JSON, f"{key} is {element[key]}")


def _only(value: object, allowed: set[str]) -> None:
    if not isinstance(value, dict):
        raise CardError(BAD_JSON, "not an object")
    if unknown := value.keys() - allowed:
        raise CardError(BAD_JSON, f"unknown property {sorted(unknown)[0]}")
