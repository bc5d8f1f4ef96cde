"""Edges: where the place in a hazard or an appeal begins and ends, by weights learned from our own texts.

``places.py`` finds what is made as places are: then there is one. But people leave out and run together what no rule
foresees: 御景湾 | 保安不让进, 中山路夜市海鲜摊 | 生蚝发臭. Each piece of evidence is a short string that people can
read in ``data/place.weights``: of an edge ``前 路`` the word before it and ``后 井盖`` the one behind it, with their
classes (类, among them 侧, 处, 号, 停 and 尾 of ``places.toml``), nearest characters (字, 间, 尾, 头), lengths (长) and
kinds (型); of the stretch itself ``内 小区`` the words within it; and ``境 appeal_file`` what the text means, for most
appeals name no place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from bot.understanding.lexicon import Lexicon
from bot.understanding.numerals import CHINESE
from bot.understanding.places import LOOKED_AT, ONLY_A_NUMBER, Place, cut_at_endings, same_place
from bot.understanding.tokens import Span, Token
from bot.understanding.weights import Weights

BEGINS, WITHIN, ENDS = "起", "内", "止"
"""What a piece of evidence speaks for or against: that a place begins there, goes on there, ends there."""

LONGEST = 12
"""Words of a place."""
FIRST, LAST = "^", "$"
"""What stands before the first word and behind the last."""
_LONGEST_NUMBER = 5
_TELEPHONE = 7
"""Digits from which a number is no part of a place, but somebody's telephone."""
_WHOSE = 3
"""Words before a telephone that may tell whose it is: 联系人 | 王 | 五."""
_LONGEST_WORD = 4
_SHORT_WORD = 2


class Edges:
    """Finds the stretch of a text that most probably is its place. May be shared by threads."""

    def __init__(self, lexicon: Lexicon, weights: Weights) -> None:
        self._evidence = EdgeEvidence(lexicon)
        self._weights = weights
        self._known: dict[str, _Rows] = {}

    def find(self, intent: str, text: str, tokens: Sequence[Token], place: Place | None) -> Span | None:
        """The likeliest stretch of a folded text; where there more likely is none, ``place``, which is made as places
        are.

        上次那个地方 is none, nor is the 18号 of 昨天18号.
        """
        again = same_place(text)
        learned = self._likeliest(intent, tokens)
        if learned is not None and ONLY_A_NUMBER.fullmatch(text, *learned):
            learned = None
        found = learned or (place.span if place else None)
        return None if found is None or (again is not None and again.gap(found) < 0) else found

    def _likeliest(self, intent: str, tokens: Sequence[Token]) -> Span | None:
        pieces = self._evidence.pieces(tokens)
        if not pieces:
            return None
        words = [FIRST, *(piece.word for piece in pieces), LAST]
        rows = [self._rows(word) for word in words]
        edges = [
            self._weights.unpacked(one.before + other.behind + self._row(between(before, behind)))
            for (one, other), (before, behind) in zip(pairwise(rows), pairwise(words), strict=True)
        ]
        contacts = _contacts(words[1:-1])
        within = [float("-inf") if at in contacts else each.within for at, each in enumerate(rows[1:-1])]
        best, (first, last) = _best([edge[0] for edge in edges], within, [edge[2] for edge in edges])
        meant = self._weights.unpacked(self._row([f"境 {intent}"]))[0]
        if last - first >= LONGEST or best + meant <= 0:
            return None
        return Span(pieces[first].span.start, pieces[last].span.end)

    def _rows(self, word: str) -> "_Rows":
        """What a word tells, added up. Only words of the weights' own texts are kept in memory."""
        known = self._known.get(word)
        if known is not None:
            return known
        told = self._evidence.told(word)
        within = self._weights.unpacked(self._row(told.within))[1]
        rows = _Rows(self._row(told.before), self._row(told.behind), within)
        if any(f"{side} {word}" in self._weights.adds for side in ("前", "后", "内")):
            self._known[word] = rows
        return rows

    def _row(self, evidence: Iterable[str]) -> int:
        return sum(filter(None, map(self._weights.adds.get, evidence)))


class _Rows(NamedTuple):
    """As ``Told``, in weights: for the edges as rows, to which what two words tell together is added."""

    before: int
    behind: int
    within: int
    """In hundredths."""


def _best(begins: Sequence[float], within: Sequence[float], ends: Sequence[float]) -> tuple[float, tuple[int, int]]:
    """The highest sum of a beginning, what lies within and an end; and its first and last word."""
    highest, where = float("-inf"), (0, 0)
    running, first = float("-inf"), 0
    for at, inner in enumerate(within):
        if begins[at] > running:
            running, first = begins[at], at
        running += inner
        if running + ends[at + 1] > highest:
            highest, where = running + ends[at + 1], (first, at)
    return highest, where


class EdgeEvidence:
    """What the words of a text tell about the edges of places."""

    def __init__(self, lexicon: Lexicon) -> None:
        places = lexicon.places
        classes: dict[str, list[str]] = {}
        for name, words in (
            ("侧", places.sides),
            ("处", places.alone),
            ("号", places.units),
            ("停", places.stops),
            *lexicon.classes.items(),
        ):
            for word in words:
                classes.setdefault(word, []).append(name)
        self._classes: Mapping[str, Sequence[str]] = classes
        self._endings = frozenset(places.endings)
        self._bare_endings = places.bare_endings
        self._stops = places.stops

    def pieces(self, tokens: Sequence[Token]) -> list[Token]:
        """The words of which a place can be made: 古城 | 路 | 上, not 古城 | 路上."""
        return cut_at_endings(tokens[:LOOKED_AT], self._stops)

    def told(self, word: str) -> "Told":
        """What a word, ``FIRST`` or ``LAST`` tells by itself."""
        plain = f"{min(len(word), _LONGEST_NUMBER)}位数" if word.isdecimal() else word
        told = [f" {plain}", f"长 {min(len(word), _LONGEST_WORD)}"]
        told += [f"类 {name}" for name in (*self._classes.get(word, ()), *self._ending(word))]
        long = len(word) > _SHORT_WORD
        return Told(
            word,
            before=[*map("前".__add__, told), f"前字 {_plain(word[-1])}", *([f"前尾 {word[-2:]}"] if long else ())],
            behind=[*map("后".__add__, told), f"后字 {_plain(word[0])}", *([f"后头 {word[:2]}"] if long else ())],
            within=[*map("内".__add__, told), f"内型 {_kind(word[0])}", *([f"内尾 {word[-1]}"] if long else ())],
        )

    def _ending(self, word: str) -> Iterator[str]:
        """What the word is for ending as places do."""
        for at in range(len(word)):
            if word[at:] in self._endings:
                yield "带尾" if at else "尾"
                return
        if word[-1] in self._bare_endings:
            yield "似尾"


@dataclass(frozen=True, slots=True)
class Told:
    """What a word tells of the edge that it stands before, of the one that it stands behind, of a place with it."""

    word: str
    before: Sequence[str]
    behind: Sequence[str]
    within: Sequence[str]


def between(before: str, behind: str) -> tuple[str, str]:
    """What two words tell together of the edge between them."""
    return (
        f"间 {_plain(before[-1])}{_plain(behind[0])}",
        f"型 {_kind(before[-1])}{_kind(behind[0])}",
    )


def _contacts(words: Sequence[str]) -> set[int]:
    """Which words are a telephone, or may be whose it is: others will see the place."""
    telephones = [at for at, word in enumerate(words) if len(word) >= _TELEPHONE and word.isdecimal()]
    return {at for telephone in telephones for at in range(telephone - _WHOSE, telephone + 1)}


def _plain(character: str) -> str:
    return "0" if character.isdecimal() else character


def _kind(character: str) -> str:
    if character.isdecimal():
        return "0"
    if character in CHINESE:
        return "一"
    if character.isascii():
        return "a" if character.isalpha() else character
    return "字" if character.isalnum() else character
