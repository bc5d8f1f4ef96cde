"""The small language of command patterns, made into regular expressions.

It is described for its authors at the head of ``data/commands.toml``. Each template also knows the words of which a
text must hold one (``needs``), so that few of them are tried on any text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from bot.understanding.slots import EXPRESSIONS, NEEDS, NUMERIC

_MARKS = r"[\s,.:;!~\-—_]"
GAP = f"{_MARKS}*+"
"""Possessive: three gaps in a row would try every way to share out 派单 1024 ,,,,,, for seconds."""
_MUST_GAP = f"{GAP}(?<={_MARKS})"
_SOMETHING = ".{0,6}?"

_COMMON = frozenset("的了我有在到去来没不是给好")
"""Characters of so many texts that nearly any of them holds one."""

_SPACED = NUMERIC | {"code"}
"""Slots that people set apart with spaces or not: 把1024派给城管, 把 1024 派给城管."""


class TemplateError(Exception):
    """A pattern cannot be read; the message quotes it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a pattern: its expression, and the words of which one must be there (empty: nothing need be)."""

    pattern: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Template:
    """A pattern ready for use."""

    source: str
    pattern: str
    needs: frozenset[str]
    literal: int
    """Characters of it that are words: how specific it is."""

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """Made when it is first wanted: making all of them takes longer than loading everything else."""
        return re.compile(self.pattern)


class Compiler:
    """Makes templates, given the words of the classes."""

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self._classes = {name: _any_word(words) for name, words in classes.items()}

    def compile(self, source: str, ending: str) -> Template:
        """Raises TemplateError for a slot or class that does not exist, and for brackets that do not match."""
        reader = _Reader(source)
        part = self._choice(reader)
        if reader.peek():
            raise TemplateError(f"括号不配对：{source}")
        literal = len(re.sub(r"\{.*?\}|\[.*?\]|[\s_.|()?]", "", source))
        return Template(source, part.pattern + ending, part.needs, literal)

    def _choice(self, reader: "_Reader") -> Part:
        branches = [self._sequence(reader)]
        while reader.take("|"):
            branches.append(self._sequence(reader))
        if len(branches) == 1:
            return branches[0]
        longest_first = sorted((part.pattern for part in branches), key=len, reverse=True)
        return Part(f"(?:{'|'.join(longest_first)})", _any_of(branches))

    def _sequence(self, reader: "_Reader") -> Part:
        parts: list[Part] = []
        while (character := reader.peek()) and character not in "|)]":
            part = self._atom(reader)
            if reader.take("?"):
                part = Part(f"(?:{part.pattern})?")
            parts.append(part)
        return _joined(parts)

    def _atom(self, reader: "_Reader") -> Part:
        character = reader.next()
        if character in " ,":
            return Part(GAP)
        if character == "_":
            return Part(_MUST_GAP)
        if character in "([":
            return self._group(character, reader)
        if character == "{":
            return self._slot(reader.until("}"), reader.source)
        if character == "<":
            return self._class(reader.until(">"), reader.source)
        if character == "." and reader.take("."):
            return Part(_SOMETHING)
        return _letter(character)

    def _group(self, opened: str, reader: "_Reader") -> Part:
        inner = self._choice(reader)
        if not reader.take(")" if opened == "(" else "]"):
            raise TemplateError(f"括号不配对：{reader.source}")
        if opened == "(":
            return Part(f"(?:{inner.pattern})", inner.needs)
        reader.take("?")
        return Part(f"(?:{inner.pattern})?")

    @staticmethod
    def _slot(name: str, source: str) -> Part:
        if name not in EXPRESSIONS:
            raise TemplateError(f"没有叫 {name} 的空格：{source}")
        form = f" *(?P<{name}>{EXPRESSIONS[name]}){GAP if name in _SPACED else ''}"
        return Part(form, NEEDS.get(name, frozenset()))

    def _class(self, name: str, source: str) -> Part:
        if name not in self._classes:
            raise TemplateError(f"没有叫 {name} 的词类：{source}")
        return self._classes[name]


class _Reader:
    """Walks over a pattern, one character at a time."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._at = 0

    def peek(self) -> str:
        return self.source[self._at : self._at + 1]

    def next(self) -> str:
        self._at += 1
        return self.source[self._at - 1]

    def take(self, character: str) -> bool:
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def until(self, closing: str) -> str:
        end = self.source.find(closing, self._at)
        if end < 0:
            raise TemplateError(f"括号不配对：{self.source}")
        inner, self._at = self.source[self._at : end], end + 1
        return inner


@cache
def _letter(character: str) -> Part:
    return Part(re.escape(character), frozenset({character}))


def _any_word(words: Sequence[str]) -> Part:
    longest_first = sorted(words, key=len, reverse=True)
    return Part(f"(?:{'|'.join(map(re.escape, longest_first))})", frozenset(words))


def _any_of(branches: Sequence[Part]) -> frozenset[str]:
    """A choice needs one of its branches' words, unless some branch needs none."""
    if not all(part.needs for part in branches):
        return frozenset()
    return frozenset[str]().union(*(part.needs for part in branches))


def _joined(parts: Sequence[Part]) -> Part:
    """A sequence needs what its most telling part needs: no common character, long words first, then few of them."""
    told = _runs(parts)
    needs = max((part.needs for part in told if part.needs), key=_telling, default=frozenset[str]())
    return Part("".join(part.pattern for part in parts), needs)


def _telling(needs: frozenset[str]) -> tuple[bool, int, int]:
    return needs.isdisjoint(_COMMON), min(map(len, needs)), -len(needs)


def _runs(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring single characters as the one word they spell."""
    runs: list[Part] = []
    word = ""
    for part in [*parts, Part("")]:
        spelled = "".join(part.needs)
        if len(spelled) == 1 and part.pattern == re.escape(spelled):
            word += spelled
            continue
        if word:
            runs.append(Part("", frozenset({word})))
            word = ""
        runs.append(part)
    return runs
