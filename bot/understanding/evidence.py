"""Evidence: what in a text speaks for one intent or another.

Each piece is a short string that people can read in ``--explain`` and in the files of weights: ``词 井盖`` a word,
``连 井盖 没了`` two words in a row, ``字 盖没`` one character or two in a row (^ is the beginning, $ the end),
``类 公物`` a word class of ``words.toml``, ``类 公物+损坏`` two of them close together, ``数 隐患 2`` how many classes
of a group, ``口令 check_in 一说就是`` a pattern of ``commands.toml``, ``险 fire`` a danger, ``境 点名`` how it was
said, ``长 3`` at what length, ``别 违停占道`` the category by the words of ``categories.toml``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import add

from bot.understanding.commands import TIERS, Match
from bot.understanding.numerals import CHINESE
from bot.understanding.places import Place
from bot.understanding.tokens import Span, Token

Signs = Mapping[str, Sequence[Span]]
"""Word classes and computed signs, and where each was found."""

NEAR = 14
"""Characters between words that are still about one another: about one clause."""

CONSIDERED = 160
"""Characters that are weighed: who wants something has said by then what it is."""

_AMOUNT = re.compile(rf"(?:\d+|[{CHINESE}几]+)多?(?:元|块|万)")
_NUMBERS = re.compile(r"\d+")
_MARKS = re.compile(r"[^\w?]+|_+")
_LENGTHS = (3, 5, 9, 16, 30)
"""Characters from which a text is longer than short."""
_MANY = 3
"""Word classes of a group from which it makes no difference how many there are."""
_LONGEST_NUMBER = 5
"""Digits; a longer number is as good as this one."""


def gather(text: str, classes: Mapping[str, Sequence[Span]], place: Place | None) -> Signs:
    """The signs in a folded text: the classes found in it, and those that are computed."""
    signs = dict(classes)
    amounts = [Span(*match.span()) for match in _AMOUNT.finditer(text)]
    if amounts:
        signs["数额"] = amounts
    if place is not None:
        signs["地点" if place.named else "处所"] = [place.span]
    return signs


def of_words(text: str, tokens: Sequence[Token]) -> list[str]:
    """What the words and characters of a folded text are; numbers count by their length alone."""
    words = [_word(token.word) for token in tokens if token.span.end <= CONSIDERED and _tells(token.word)]
    plain = _MARKS.sub(" ", _NUMBERS.sub(_zeros, text[:CONSIDERED])).strip()
    padded = f"^{plain}$"
    evidence = ["词 " + word for word in words]
    evidence += [f"连 {one} {next_one}" for one, next_one in pairwise(["^", *words, "$"])]
    evidence += ["字 " + character for character in padded]
    evidence += ["字 " + two for two in map(add, padded, padded[1:])]
    return evidence


def of_signs(signs: Signs, pairs: Mapping[str, Sequence[str]], groups: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Which word classes are there, which pairs of them close together, and how many of each group."""
    for name, spans in signs.items():
        yield f"类 {name}"
        for other in pairs.get(name, ()):
            if other in signs and near(spans, signs[other]):
                yield f"类 {name}+{other}"
    for group, classes in groups.items():
        yield f"数 {group} {min(len(classes & signs.keys()), _MANY)}"


def of_command(command: Match | None) -> Iterator[str]:
    """Which pattern it is."""
    if command is not None:
        yield f"口令 {command.intent}"
        yield f"口令 {command.intent} {TIERS[command.tier]}"


def of_circumstances(text: str, *, addressed: bool, staff: bool) -> Iterator[str]:
    """How it was said, by whom and at what length."""
    if addressed:
        yield "境 点名"
    if staff:
        yield "境 书记"
    if addressed and staff:
        yield "境 书记点名"
    yield f"长 {sum(len(text) >= length for length in _LENGTHS)}"


def near(some: Sequence[Span], others: Sequence[Span]) -> bool:
    """Whether one of them stands close to one of the others, and does not overlap it."""
    return any(0 <= one.gap(other) <= NEAR for one in some for other in others)


def _tells(word: str) -> bool:
    return word.isalnum() or word == "?" or ord(word[0]) > 0x2E80  # Chinese and emoji, not marks


def _word(word: str) -> str:
    return f"{min(len(word), _LONGEST_NUMBER)}位数" if word.isdecimal() else word


def _zeros(number: re.Match[str]) -> str:
    return "0" * min(len(number[0]), _LONGEST_NUMBER)
