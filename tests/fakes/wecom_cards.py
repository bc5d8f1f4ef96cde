"""What WeCom refuses in a template card (page 101032): missing fields, too many of them, bad keys and ids."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

BAD_PARAMETER = 40058
MOST_BUTTONS, MOST_OPTIONS, MOST_SELECTS, MOST_CHOICES = 6, 20, 3, 10
MOST_ACTIONS = 3
MOST = {"horizontal_content_list": 6, "jump_list": 3, "vertical_content_list": 4}
LONGEST_KEY, LONGEST_ID, LONGEST_FEEDBACK, LONGEST_QUESTION = 1024, 128, 256, 200
"""Bytes of UTF-8."""
_HEAD = {"card_type", "source", "main_title", "task_id", "feedback"}
_NOTICE = {*_HEAD, "action_menu", "quote_area", "horizontal_content_list", "jump_list", "card_action"}
FIELDS: Mapping[str, set[str]] = {
    "text_notice": {*_NOTICE, "emphasis_content", "sub_title_text"},
    "news_notice": {*_NOTICE, "card_image", "image_text_area", "vertical_content_list"},
    "button_interaction": {
        *(_HEAD | {"action_menu", "quote_area", "sub_title_text", "horizontal_content_list", "card_action"}),
        *{"button_selection", "button_list"},
    },
    "vote_interaction": {*_HEAD, "checkbox", "submit_button"},
    "multiple_interaction": {*_HEAD, "select_list", "submit_button"},
}
"""The fields that page 101032 lists for each card_type."""
TASK_ID_REQUIRED = {"button_interaction", "vote_interaction"}
_TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")


class CardError(Exception):
    """A card that WeCom refuses, with the errcode of the refusal."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = BAD_PARAMETER


def check_card(card: object, *, update: bool = False) -> None:
    """Raises CardError for a card that WeCom refuses. ``update``: it replaces one; ``disable`` is legal."""
    if not isinstance(card, dict) or card.get("card_type") not in FIELDS:
        raise CardError("unknown card_type")
    kind = card["card_type"]
    if unknown := card.keys() - FIELDS[kind]:
        raise CardError(f"{kind} has no {sorted(unknown)[0]}")
    _check_task(card, required=kind in TASK_ID_REQUIRED)
    for name, most in MOST.items():
        _check_list(card.get(name, []), 0, most, name)
    _check_rows(card)
    feedback = card.get("feedback", {}).get("id", "")
    _check(_fits(feedback, LONGEST_FEEDBACK) or not feedback, "feedback.id")
    {
        "text_notice": _check_text_notice,
        "news_notice": _check_news_notice,
        "button_interaction": _check_buttons,
        "vote_interaction": _check_vote,
        "multiple_interaction": _check_selects,
    }[kind](card)
    if not update:
        for question in questions(card):
            _check("disable" not in question or question["disable"] is False, "disable is for updates only")


def keys_of(card: Mapping[str, Any]) -> set[str]:
    """The keys that somebody can press on it: buttons, submit button and menu."""
    buttons = [*card.get("button_list", []), *card.get("action_menu", {}).get("action_list", [])]
    if "submit_button" in card:
        buttons.append(card["submit_button"])
    return {button["key"] for button in buttons}


def questions(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Its questions with options: checkbox, select lists, the choice above the buttons."""
    single = [card[name] for name in ("checkbox", "button_selection") if name in card]
    return [*single, *card.get("select_list", [])]


def _check_task(card: Mapping[str, Any], *, required: bool) -> None:
    task = card.get("task_id", "")
    _check(not task or bool(isinstance(task, str) and _TASK_ID.fullmatch(task)), "task_id")
    _check(bool(task) or not (required or "action_menu" in card), "task_id is required")
    if "action_menu" in card:
        _check_keyed(card["action_menu"].get("action_list"), 1, MOST_ACTIONS, "action_list")


def _check_rows(card: Mapping[str, Any]) -> None:
    for row in card.get("horizontal_content_list", []):
        _check(_text(row.get("keyname")), "keyname")
        _check(row.get("type", 0) in {0, 1, 3}, "type of a row")
        _check(row.get("type") != 1 or _text(row.get("url")), "url of a row")
    for row in card.get("vertical_content_list", []):
        _check(_text(row.get("title")), "title of vertical content")
    for jump in card.get("jump_list", []):
        _check(_text(jump.get("title")), "title of a jump")
        _check(jump.get("type") != 1 or _text(jump.get("url")), "url of a jump")
        _check(jump.get("type") != 3 or _fits(jump.get("question"), LONGEST_QUESTION), "question of a jump")


def _check_text_notice(card: Mapping[str, Any]) -> None:
    _check_action(card)
    title = card.get("main_title", {}).get("title")
    _check(_text(title) or _text(card.get("sub_title_text")), "main_title.title or sub_title_text")


def _check_news_notice(card: Mapping[str, Any]) -> None:
    _check_action(card)
    _check_title(card)
    _check(bool({"card_image", "image_text_area"} & card.keys()), "card_image or image_text_area")


def _check_action(card: Mapping[str, Any]) -> None:
    action = card.get("card_action", {})
    _check(action.get("type") in {1, 2}, "card_action")
    _check(_text(action.get("url" if action["type"] == 1 else "appid")), "card_action's target")


def _check_title(card: Mapping[str, Any]) -> None:
    title = card.get("main_title")
    _check(isinstance(title, dict) and bool(_text(title.get("title")) or _text(title.get("desc"))), "main_title")


def _check_buttons(card: Mapping[str, Any]) -> None:
    _check_title(card)
    _check_keyed(card.get("button_list"), 1, MOST_BUTTONS, "button_list")
    for button in card["button_list"]:
        _check(button.get("style", 1) in {1, 2, 3, 4}, "style of a button")
    if "button_selection" in card:
        _check_question(card["button_selection"], MOST_CHOICES)


def _check_vote(card: Mapping[str, Any]) -> None:
    _check_title(card)
    checkbox = card.get("checkbox")
    _check_question(checkbox, MOST_OPTIONS)
    _check(isinstance(checkbox, dict) and checkbox.get("mode", 0) in {0, 1}, "mode of a checkbox")
    _check_keyed([card.get("submit_button")], 1, 1, "submit_button")


def _check_selects(card: Mapping[str, Any]) -> None:
    _check_title(card)
    selects = card.get("select_list")
    _check_list(selects, 1, MOST_SELECTS, "select_list")
    for select in card["select_list"]:
        _check_question(select, MOST_CHOICES)
    _check_distinct([select["question_key"] for select in card["select_list"]], "question_key")
    _check_keyed([card.get("submit_button")], 1, 1, "submit_button")


def _check_question(question: object, most: int) -> None:
    if not isinstance(question, dict) or not _fits(question.get("question_key"), LONGEST_KEY):
        raise CardError("question_key")
    _check_list(question.get("option_list"), 1, most, "option_list")
    options = question["option_list"]
    for option in options:
        _check(_fits(option.get("id"), LONGEST_ID) and _text(option.get("text")), "an option's id and text")
    _check_distinct([option["id"] for option in options], "option ids")


def _check_keyed(buttons: object, least: int, most: int, name: str) -> None:
    """Things to press: each has a text and a key of its own."""
    _check_list(buttons, least, most, name)
    assert isinstance(buttons, list)
    for button in buttons:
        _check(_fits(button.get("key"), LONGEST_KEY) and _text(button.get("text")), f"text and key in {name}")
    _check_distinct([button["key"] for button in buttons], f"keys in {name}")


def _check_list(value: object, least: int, most: int, name: str) -> None:
    _check(isinstance(value, list) and least <= len(value) <= most, f"{least} to {most} in {name}")
    assert isinstance(value, list)
    _check(all(isinstance(item, dict) for item in value), f"objects in {name}")


def _check_distinct(values: Sequence[str], name: str) -> None:
    _check(len(set(values)) == len(values), f"{name} must differ")


def _check(good: bool, what: str) -> None:
    if not good:
        raise CardError(f"invalid template card: {what}")


def _text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _fits(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value.encode()) <= most
