"""Places as people say them: 170号院, 幸福里东门, 滨河路公交站对面."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.understanding.lexicon import PlaceWords
from bot.understanding.numerals import CHINESE
from bot.understanding.tokens import Span, Token

_LONGEST_NAME = 6
"""Characters of a name before its ending; longer ones are the sentence, not the name."""


_AND = ("和", "与", "跟")


@dataclass(frozen=True, slots=True)
class Place:
    """A literal span of the text that names a place."""

    span: Span
    named: bool
    """It has a name or a number, so that somebody who was not there can find it."""


class PlaceFinder:
    """Finds places by what they are made of: a name with an ending or a house number, then sides."""

    def __init__(self, words: PlaceWords) -> None:
        self._words = words
        self._endings = frozenset(words.endings)
        number = rf"(?:[a-z]?\d{{1,5}}|[a-z]|[{CHINESE}]{{1,5}})"
        self._house = re.compile(rf"(?<![\d月])(?:{number}(?:{_any(words.units)}))+")
        # 福利路路灯: a single character behind a place may begin another word.
        further = {word for word in words.sides | words.alone | self._endings if len(word) > 1 or word == "旁"}
        self._tail = re.compile(rf"(?:{self._house.pattern}|{_any(further)})*")

    def find(self, text: str, tokens: Sequence[Token]) -> Place | None:
        """The first place with a name, else the first without, else None."""
        best: Place | None = None
        for index in range(len(tokens)):
            place = self._crossing(text, tokens, index)
            if place is not None and place.named:
                return place
            best = best or place
        return best

    def _place_at(self, text: str, tokens: Sequence[Token], index: int) -> Place | None:
        """The place that begins with a token."""
        token = tokens[index]
        end = self._named_end(text, tokens, index)
        if end is not None:
            return Place(self._with_tail(text, token.span.start, end), named=True)
        if token.word in self._words.alone:
            return Place(self._with_tail(text, token.span.start, token.span.end), named=False)
        return None

    def _with_tail(self, text: str, start: int, end: int) -> Span:
        tail = self._tail.match(text, end)
        return Span(start, tail.end() if tail else end)

    def _crossing(self, text: str, tokens: Sequence[Token], index: int) -> Place | None:
        """The place that begins with a token, with the second road of a crossing: 人民路和解放街交叉口."""
        first = self._place_at(text, tokens, index)
        if first is None or text[first.span.end : first.span.end + 1] not in _AND:
            return first
        second = self._from(text, tokens, first.span.end + 1)
        return Place(Span(first.span.start, second.span.end), named=True) if second and second.named else first

    def _from(self, text: str, tokens: Sequence[Token], start: int) -> Place | None:
        for index, token in enumerate(tokens):
            if token.span.start >= start:
                return self._place_at(text, tokens, index) if token.span.start == start else None
        return None

    def _named_end(self, text: str, tokens: Sequence[Token], index: int) -> int | None:
        """Where the name or number that begins with a token ends; None if none does."""
        start = tokens[index].span.start
        house = self._house.match(text, start)
        if house:
            return house.end()
        for at in range(index, len(tokens)):
            token = tokens[at]
            if token.span.start - start > _LONGEST_NAME:
                break
            if self._ends_name(tokens, index, at):
                return token.span.end
            if not self._may_be_name(token):
                break
            house = self._house.match(text, token.span.end)
            if house and token.span.end - start >= 2:
                return house.end()
        return None

    def _may_be_name(self, token: Token) -> bool:
        return token.word.isalnum() and not token.word.isdecimal() and token.word not in self._words.stops

    def _ends_name(self, tokens: Sequence[Token], first: int, at: int) -> bool:
        """滨河路 is a name by itself, and what ends in 小区, 东门 or, before a side, 里; 小区 or 东门 alone is none."""
        word = tokens[at].word
        if word in self._words.stops and word not in self._words.bare_endings:
            return False
        if first == at:
            return word not in self._words.alone | self._words.sides and self._has_ending(word)
        if word in self._words.bare_endings:
            return self._is_side(tokens, at + 1)
        return word in self._endings or word in self._words.sides or self._has_ending(word)

    def _has_ending(self, word: str) -> bool:
        return len(word) > 2 and word.endswith(self._words.endings)

    def _is_side(self, tokens: Sequence[Token], at: int) -> bool:
        word = tokens[at].word if at < len(tokens) else ""
        return word in self._words.sides or word in self._endings


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
