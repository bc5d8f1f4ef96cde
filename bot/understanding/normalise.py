"""Normalising: one form for full and half width, capitals, traditional characters, spoken punctuation, characters said
again and again, and what cannot be seen; the literal text is kept beside it.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from opencc import OpenCC

from bot.understanding.numerals import CHINESE
from bot.understanding.tokens import Span

LONGEST = 500
"""Characters that are considered; nobody says in more what the bot should do."""
SHORT = 8
"""Characters of what can be a bare command in quotation marks, or with a space in it that nobody meant."""

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
_HAN = "".join(map(chr, range(0x4E00, 0xA000)))
_SIMPLIFIED = {
    ord(character): simplified
    for character, simplified in zip(_HAN, OpenCC("t2s").convert("\n".join(_HAN)).split("\n"), strict=True)
    # 著 and 乾 are simplified characters as well
    if simplified != character and len(simplified) == 1 and not character.encode("gb2312", "ignore")
}
_FOLD = _SIMPLIFIED | _FULL_WIDTH | _CAPITALS | _WIDE_CAPITALS | _PUNCTUATION

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MENTION = re.compile(r"(?:@小蜂\s*)+")
_SPACED = re.compile(r"[\u4e00-\u9fff](?: [\u4e00-\u9fff]){1,3}")
_MARKS = {"逗号": ",", "句号": ".", "顿号": ",", "冒号": ":", "分号": ";", "感叹号": "!", "叹号": "!", "问号": "?"}
"""How punctuation is dictated."""
_TWICE = "哈呵嘿嘻呜"
"""哈哈哈 is a laugh as 哈哈 is, and 哈 none."""
_SAID_AGAIN = re.compile(rf"({'|'.join(_MARKS)})|([{_TWICE}])\2\2+|([^\s\da-z_{CHINESE}])\3\3+")


class Message(NamedTuple):
    """What was said: literally, without what cannot be seen, and folded for comparing."""

    text: str
    folded: str
    origins: Sequence[int] | None = None
    """Where in ``text`` each character of ``folded`` begins, and where the last ends; None where they are in step."""

    def literal(self, span: Span) -> str:
        """A span of the folded text as it was written."""
        if self.origins is None:
            return self.text[span.start : span.end]
        return self.text[self.origins[span.start] : self.origins[span.end]]


def normalise(text: str) -> Message:
    """The considered part of a text. Never fails, whatever the text holds."""
    considered = text[: LONGEST * 2]
    visible = (considered if considered.isprintable() else "".join(map(_visible, considered))).strip()
    literal = _unquoted(_without_mention(visible)[:LONGEST].strip())
    plain = literal.translate(_FOLD)
    return _shortened(literal, plain) if _SAID_AGAIN.search(plain) else Message(literal, plain)


def folded(text: str) -> str:
    """A text in the one form for comparing, with all that is in it."""
    return text.translate(_FOLD)


def _without_mention(text: str) -> str:
    """Without 小蜂's name before or behind what is said to it."""
    if "@小蜂" not in text:
        return text
    spoken = _MENTION.sub("", text, count=1) if text.startswith("@小蜂") else text
    return spoken.rstrip().removesuffix("@小蜂")


def _shortened(literal: str, plain: str) -> Message:
    """Spoken punctuation as marks, and 到到到到 as 到."""
    kept: list[str] = []
    origins: list[int] = []
    at = 0
    for match in _SAID_AGAIN.finditer(plain):
        mark, twice, once = match.groups()
        said = _MARKS[mark] if mark else twice * 2 if twice else once
        kept += [plain[at : match.start()], said]
        origins += [*range(at, match.start()), *range(match.start(), match.start() + len(said))]
        at = match.end()
    kept.append(plain[at:])
    origins += range(at, len(plain) + 1)
    return Message(literal, "".join(kept), origins)


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
