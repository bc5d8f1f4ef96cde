"""What Feishu refuses in a card of JSON 2.0: unknown properties, tags and shapes."""

from collections.abc import Iterator, Mapping
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
_COMMON = {"tag", "element_id", "margin"}
_INPUT = {"name", "required", "disabled", "placeholder", "width", "behaviors", "confirm"}
_COLUMN = {"background_style", "width", "weight", "padding", "action", "elements", *BODY}
ELEMENTS: Mapping[str, set[str]] = {
    "div": {*_COMMON, "text", "icon", "width"},
    "markdown": {*_COMMON, "content", "i18n_content", "text_size", "text_align", "icon"},
    "hr": _COMMON,
    "img": {*_COMMON, "img_key", "alt", "title", "scale_type", "size", "corner_radius", "transparent", "preview"},
    "button": {
        *(_COMMON | {"type", "size", "width", "text", "icon", "hover_tips", "disabled", "disabled_tips", "confirm"}),
        *{"behaviors", "name", "required", "form_action_type", "value"},
    },
    "column_set": {*_COMMON, "horizontal_spacing", "horizontal_align", "flex_mode", "background_style", "columns"},
    "column": {*_COMMON, *_COLUMN},
    "form": {*_COMMON, "name", "elements", *BODY},
    "input": {*_COMMON, *_INPUT, "default_value", "input_type", "rows", "max_length", "label", "value"},
    "select_static": {*_COMMON, *_INPUT, "type", "options", "initial_option", "initial_index"},
}
MOST_ELEMENTS = 200
_INTERACTIVE = {"button", "input", "select_static"}


class CardError(Exception):
    """Feishu's sub-code of 230099."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_card(card: object) -> None:
    """Raises CardError for a card that Feishu refuses."""
    if not isinstance(card, dict) or card.get("schema") != "2.0":
        raise CardError(200621, "not a card of schema 2.0")
    _only(card, CARD)
    _only(card.get("config", {}), CONFIG)
    if card.get("config", {}).get("update_multi", True) is not True:
        raise CardError(200621, "update_multi must be true")
    _check_header(card.get("header", {}))
    body = card.get("body", {})
    _only(body, {*BODY, "elements"})
    elements = list(_walk(body.get("elements"), root=True))
    if len(elements) > MOST_ELEMENTS:
        raise CardError(11310, "too many elements")


def _check_header(header: Mapping[str, Any]) -> None:
    _only(header, HEADER)
    if header:
        _check_text(header.get("title"))


def _walk(elements: object, *, root: bool) -> Iterator[Mapping[str, Any]]:
    if not isinstance(elements, list):
        raise CardError(200621, "elements must be a list")
    for element in elements:
        yield element
        _check_element(element, root=root)
        for inner in ("elements", "columns"):
            if inner in element:
                yield from _walk(element[inner], root=False)


def _check_element(element: Mapping[str, Any], *, root: bool) -> None:
    tag = str(element.get("tag"))
    if tag not in ELEMENTS:
        raise CardError(200861, f"unsupported tag {tag}")
    _only(element, ELEMENTS[tag])
    if "text" in element:
        _check_text(element["text"])
    for behaviour in element.get("behaviors", []):
        _check_behaviour(behaviour)
    if tag == "form":
        _check_form(element, root=root)


def _check_text(text: object) -> None:
    if not isinstance(text, dict) or text.get("tag") not in {"plain_text", "lark_md"}:
        raise CardError(200621, "not a text")
    _only(text, TEXT)
    if not isinstance(text.get("content"), str):
        raise CardError(200621, "a text without content")


def _check_behaviour(behaviour: Mapping[str, Any]) -> None:
    if behaviour.get("type") not in {"callback", "open_url"}:
        raise CardError(200621, "unknown behaviour")
    if behaviour["type"] == "callback" and not isinstance(behaviour.get("value"), dict | str):
        raise CardError(200621, "a callback without a value")


def _check_form(form: Mapping[str, Any], *, root: bool) -> None:
    interactive = [element for element in form.get("elements", []) if element.get("tag") in _INTERACTIVE]
    names = [element.get("name") for element in interactive]
    if not root or not all(names) or len(set(names)) < len(names):
        raise CardError(200621, "a form stands at the root, and what is in it has names of its own")
    if not any(element.get("form_action_type") == "submit" for element in interactive):
        raise CardError(200621, "a form without a submit button")


def _only(value: object, allowed: set[str]) -> None:
    if not isinstance(value, dict):
        raise CardError(200621, "not an object")
    if unknown := value.keys() - allowed:
        raise CardError(200621, f"unknown property {sorted(unknown)[0]}")
