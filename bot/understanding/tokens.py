"""The words of the lexicon that occur in a cut text, and where."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_WITHIN = re.compile(r"(?<=[\da-zA-Z])(?=[\da-zA-Z])", re.ASCII)
"""Places within a number or a Latin word."""


class Span(NamedTuple):
    """A stretch of the folded text. A tuple, as tokens are: hundreds are made for each text."""

    start: int
    end: int

    def gap(self, other: "Span") -> int:
        """Characters between the two; negative where they overlap."""
        return max(self.start, other.start) - min(self.end, other.end)


class Token(NamedTuple):
    """One word as jieba cut it."""

    word: str
    span: Span


def tokens_of(words: Iterable[str]) -> list[Token]:
    """The words with their places; together they must be the whole text."""
    tokens: list[Token] = []
    start = 0
    for word in words:
        end = start + len(word)
        tokens.append(Token(word, Span(start, end)))
        start = end
    return tokens


class PhraseFinder:
    """Finds known words and phrases that begin and end where tokens do, and those that a found one contains."""

    def __init__(self, words: Iterable[str]) -> None:
        self._known = known = frozenset(words)
        self._longest = max(map(len, known))
        self._inner: dict[str, Sequence[tuple[int, str]]] = {}
        """Of each word, and nothing of what only begins one."""
        for word in known:
            self._inner.update(dict.fromkeys((word[:end] for end in range(1, len(word))), ()))
        self._inner.update((word, _inner(word, known)) for word in known)

    def find(self, text: str, tokens: Sequence[Token]) -> list[tuple[str, Span]]:
        """All of them, in the order of the text."""
        ends = [end for _, (_, end) in tokens]
        found: list[tuple[str, Span]] = []
        for index, (cut, (start, _)) in enumerate(tokens):
            if 2 < len(cut) <= self._longest and cut not in self._known:
                within = _inner(cut, self._known)[1:]  # 拖欠 in 拖欠工资, a word of jieba's own
                found += ((word, Span(start + at, start + at + len(word))) for at, word in within)
            for at in range(index, len(ends)):
                inner = self._inner.get(text[start : ends[at]])
                if inner is None:
                    break
                for offset, word in inner:
                    found.append((word, Span(start + offset, start + offset + len(word))))
        return _uncut(found, text)


def _inner(word: str, known: frozenset[str]) -> list[tuple[int, str]]:
    """The word, and the known words of two characters and more within it, which jieba does not cut out of it."""
    within = [
        (start, word[start:end])
        for start in range(len(word))
        for end in range(start + 2, len(word) + 1)
        if word[start:end] in known and word[start:end] != word
    ]
    return [(0, word), *within]


def _uncut(found: list[tuple[str, Span]], text: str) -> list[tuple[str, Span]]:
    """Without what would cut a number or a Latin word apart: the code 866611 has no 666 in it."""
    within = {place.start() for place in _WITHIN.finditer(text)}
    return [(word, span) for word, span in found if within.isdisjoint(span)] if within else found
