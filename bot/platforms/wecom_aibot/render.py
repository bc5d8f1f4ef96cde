"""Neutral content as robots of WeCom show it: Markdown (of streams and messages) and template cards (page 101032).

What people wrote goes through ``harmless``: it neither mentions, nor links under other words, nor formats. A bare
address stays as it is; where it leads can be seen.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from bot.content import Button, Card, Choice, Field, Mention, Text

LARGEST_TEXT = 20480
"""Bytes of UTF-8 in a stream or a Markdown message (pages 101031 and 101463)."""
LARGEST_KEY = 1024
LARGEST_OPTION = 128
"""Bytes of UTF-8."""
MOST_BUTTONS, MOST_OPTIONS, MOST_ROWS = 6, 20, 6
LONGEST_TITLE, LONGEST_BODY, LONGEST_DESC = 36, 112, 60
LONGEST_ROW_NAME, LONGEST_ROW = 5, 26
LONGEST_LABEL = 10
"""Characters that clients show of a card; what is longer is said in front of it."""
SUBMIT = "submit"
"""The key of the button that submits a choice: the chosen option carries what is said."""

_STYLES = {"primary": 1, "plain": 2, "danger": 3}
_SENTENCE_END = re.compile(r".*[。！？；，：!?;,:]", re.DOTALL)
_ELLIPSIS = "…"
_PLAIN_REF = re.compile(r"[^\s<>]+")
_WIDE = str.maketrans({"<": "＜", "[": "［", "]": "］", "*": "＊", "`": "｀", "|": "｜", "\\": "＼"})
_PAIRS = re.compile(r"~~|__")
_PAIRS_WIDE = {"~~": "～～", "__": "＿＿"}
_LINE_BREAK = re.compile(r"\r\n?")
_LINE_START = re.compile(r"^([ \t]*)(#+|>+|-{3,}|={3,})?", re.MULTILINE)
_STARTS_WIDE = str.maketrans({"#": "＃", ">": "＞", "-": "－", "=": "＝"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What content becomes: Markdown, a template card, or first the one and then the other."""

    markdown: str
    """Empty: the card says it all."""
    card: dict[str, Any] | None


def shown(content: Text | Card, task_id: str, *, mentions: bool = True) -> Shown:
    """What to send. ``task_id`` must be another for each post. ``mentions``: false for streams, which know none."""
    if isinstance(content, Text):
        return Shown(_cut(_called(content.mentions, real=mentions) + harmless(content.text)) or _ELLIPSIS, None)
    if buttons := _buttons(content.buttons):
        return _button_card(content, buttons, task_id)
    if content.choice and (options := _options(content.choice)):
        return _choice_card(content, content.choice, options, task_id)
    return Shown(_cut(markdown(content)), None)


def answered(card: Card, task_id: str, answer: str) -> dict[str, Any] | None:
    """The template card as it was sent, with the ``answer`` to a press on it in front; None for one without buttons."""
    template = shown(card, task_id).card
    if template is None or not answer:
        return template
    if template["card_type"] == "button_interaction":
        template["sub_title_text"] = _lines(answer, template.get("sub_title_text", ""))
    else:
        template["main_title"]["desc"] = _lines(answer, template["main_title"].get("desc", ""))
    return template


def markdown(card: Card) -> str:
    """Everything that a card says."""
    title = f"**{harmless(' '.join(card.title.split()))}**" if card.title.strip() else ""
    return _lines(title, harmless(_body(card, card.fields))) or _ELLIPSIS


def pack(button: Button) -> str:
    """What a press on the button sends back."""
    return json.dumps([button.says, button.about], ensure_ascii=False, separators=(",", ":"))


def unpack(key: str) -> tuple[str, str]:
    """What a button says and what it is about; empty for a key that ``pack`` did not make."""
    try:
        values = json.loads(key)
    except (ValueError, RecursionError):
        return "", ""
    match values:
        case [str(says), str(about)]:
            return says, about
    return "", ""


def harmless(text: str) -> str:
    """Text that Markdown shows as it is, with full-width signs where the usual ones would do something."""
    text = _PAIRS.sub(lambda pair: _PAIRS_WIDE[pair[0]], _LINE_BREAK.sub("\n", text).translate(_WIDE))
    return _LINE_START.sub(_harmless_start, text)


def _harmless_start(start: re.Match[str]) -> str:
    """Indented lines would be code, the others headings, quotes and rules."""
    return "\u3000" * (len(start[1]) // 2) + (start[2] or "").translate(_STARTS_WIDE)


def _called(mentions: tuple[Mention, ...], *, real: bool) -> str:
    return "".join(_mention(mention, real=real) for mention in mentions)


def _mention(mention: Mention, *, real: bool) -> str:
    return f"<@{mention.ref}> " if real and _PLAIN_REF.fullmatch(mention.ref) else f"@{harmless(mention.name)} "


def _button_card(card: Card, buttons: list[dict[str, Any]], task_id: str) -> Shown:
    title, rest = _split(card.title)
    rows = [field for field in card.fields if _is_row(field)][:MOST_ROWS]
    body = _lines(rest, _body(card, tuple(field for field in card.fields if field not in rows)))
    template: dict[str, Any] = {
        "card_type": "button_interaction",
        "main_title": {"title": title or _short(_first(body), LONGEST_TITLE) or _ELLIPSIS},
        "button_list": buttons,
        "task_id": task_id,
    }
    if rows:
        template["horizontal_content_list"] = [{"keyname": row.label, "value": row.value} for row in rows]
    if body:
        template["sub_title_text"] = _short(body, LONGEST_BODY)
    return Shown(_cut(markdown(card)) if len(body) > LONGEST_BODY else "", template)


def _choice_card(card: Card, choice: Choice, options: list[dict[str, str]], task_id: str) -> Shown:
    """A list of which one is picked; this type of card has room for little else."""
    title, rest = _split(card.title)
    body = _lines(rest, choice.label, _body(card, card.fields))
    head = {"title": title or _short(_first(body), LONGEST_TITLE) or _ELLIPSIS}
    if body:
        head["desc"] = _short(_lines(choice.label, rest) if len(body) > LONGEST_DESC else body, LONGEST_DESC)
    template = {
        "card_type": "vote_interaction",
        "main_title": head,
        "checkbox": {"question_key": "choice", "mode": 0, "option_list": options},
        "submit_button": {"text": "提交", "key": SUBMIT},
        "task_id": task_id,
    }
    return Shown(_cut(markdown(card)) if len(body) > LONGEST_DESC else "", template)


def _buttons(buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    """Those that can be pressed, each once; the hint covers the others."""
    pressable = {key: button for button in buttons if button.says and _fits(key := pack(button), LARGEST_KEY)}
    return [
        {"text": _label(button), "style": _STYLES[button.style], "key": key}
        for key, button in list(pressable.items())[:MOST_BUTTONS]
    ]


def _options(choice: Choice) -> list[dict[str, str]]:
    """All of them or, where a card cannot offer all, none."""
    offered = {pack(option): option for option in choice.options if option.says}
    if len(offered) > MOST_OPTIONS or not all(_fits(key, LARGEST_OPTION) for key in offered):
        return []
    return [{"id": key, "text": _label(option, LONGEST_ROW)} for key, option in offered.items()]


def _label(button: Button, longest: int = LONGEST_LABEL) -> str:
    return _short(" ".join(button.label.split()) or " ".join(button.says.split()), longest) or _ELLIPSIS


def _is_row(field: Field) -> bool:
    """Whether a labelled value can stand in a row of its own."""
    one_line = "\n" not in field.label + field.value
    return one_line and 0 < len(field.label.strip()) <= len(field.label) <= LONGEST_ROW_NAME and _row(field.value)


def _row(value: str) -> bool:
    return 0 < len(value.strip()) <= len(value) <= LONGEST_ROW


def _body(card: Card, fields: tuple[Field, ...]) -> str:
    return _lines(card.text, *(f"{field.label}：{field.value}" for field in fields), card.hint)


def _split(title: str) -> tuple[str, str]:
    """As many sentences of a title as it can show, and the rest."""
    title = " ".join(title.split())
    if len(title) <= LONGEST_TITLE:
        return title, ""
    found = _SENTENCE_END.match(title[:LONGEST_TITLE])
    end = found.end() if found else LONGEST_TITLE
    return title[:end], title[end:].lstrip()


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text.strip())


def _first(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + _ELLIPSIS


def _fits(text: str, most: int) -> bool:
    return len(text.encode(errors="replace")) <= most


def _cut(text: str) -> str:
    """As many whole lines as fit into a message, and ``…`` for the others; a single long line is cut inside."""
    if len(text) * 4 <= LARGEST_TEXT or _fits(text, LARGEST_TEXT):
        return text
    room = LARGEST_TEXT - len(_ELLIPSIS.encode())
    kept = text.encode(errors="replace")[:room].decode(errors="ignore")
    lines, newline, _ = kept.rpartition("\n")
    return (lines + newline if newline else kept) + _ELLIPSIS
