"""Normalising: one form for full and half width, capitals and invisible characters, with the literal text kept.

``Message.text`` and ``Message.folded`` have the same length, so that a span found in the folded text names the same
literal span of what was written.
"""

import re
import unicodedata
from dataclasses import dataclass

LONGEST = 500
SHORT = 8
"""Characters of what can be a bare command in quotation marks, or with a space in it that nobody meant."""
"""Characters that are considered; nobody says in more what the bot should do."""

_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_CAPITALS = {code: chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
_WIDE_CAPITALS = {code + 0xFEE0: small for code, small in _CAPITALS.items()}
_PUNCTUATION = {
    ord("\u3000"): " ",
    ord("\u00a0"): " ",
    ord("。"): ".",
    ord("、"): ",",
    ord("【"): "[",
    ord("】"): "]",
    ord("﹕"): ":",
    ord("∶"): ":",
    ord("〇"): "零",
}
_FOLD = _FULL_WIDTH | _CAPITALS | _WIDE_CAPITALS | _PUNCTUATION

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MENTION = re.compile(r"(?:@小蜂\s*)+")
_SPACED = re.compile(r"[\u4e00-\u9fff](?: [\u4e00-\u9fff]){1,3}")


@dataclass(frozen=True, slots=True)
class Message:
    """What was said: literally, without what cannot be seen, and folded for comparing."""

    text: str
    folded: str


def normalise(text: str) -> Message:
    """The considered part of a text. Never fails, whatever the text holds."""
    visible = "".join(map(_visible, text[: LONGEST * 2])).strip()
    spoken = _MENTION.sub("", visible, count=1) if visible.startswith("@小蜂") else visible
    literal = _unquoted(spoken[:LONGEST].strip())
    return Message(literal, literal.translate(_FOLD))


def folded(text: str) -> str:
    """A text in the one form for comparing, with all that is in it."""
    return text.translate(_FOLD)


def _unquoted(text: str) -> str:
    """A bare command as it is: 「签到」 copied from a card, 签 到 of a thumb that hit the space bar."""
    if len(text) > SHORT:
        return text
    bare = text.strip("「」『』“”\"'")
    return bare.replace(" ", "") if _SPACED.fullmatch(bare) else bare


def _visible(character: str) -> str:
    """The character; a space for a line end or a tab; nothing for controls, zero-width, bidi and surrogates."""
    if character in "\n\r\t\u2028\u2029":
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character
