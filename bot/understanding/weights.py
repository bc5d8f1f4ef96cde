"""Weights: what each piece of evidence speaks for, learned from the texts of ``tests/understanding``.

A file of them is made for people to read. Its first line says what it was made of, its second which answers there are
and what speaks for each before anything is said; every other line is one piece of evidence and, answer by answer, what
it adds, in hundredths at the finest. The sums become probabilities by the softmax, so that 0.9 means that nine in ten
are right.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from bot.understanding.lexicon import LexiconError

USUAL = 60
"""Pieces of evidence of a usual text. A longer one is no surer for it, nor is a short one less sure: each piece counts
less or more, by the root.
"""
FEWEST = 12
"""Pieces from which on fewer do not count for still more."""

_BITS = 32
_ZERO = 1 << (_BITS - 1)
"""What is added to each number of a row, so that none borrows from the next: then only its highest bit is wrong. Sums
stay far below 2³¹.
"""


@dataclass(frozen=True)
class Weights:
    """A linear model over evidence; may be shared by threads."""

    made_of: str
    """What tells the texts apart that it was fitted to."""
    answers: Sequence[str]
    start: Sequence[float]
    """Of each answer."""
    adds: Mapping[str, int]
    """Of each piece of evidence: how much it speaks for or against each answer, as a ``row``."""

    @cached_property
    def _zeros(self) -> int:
        return sum(_ZERO << (_BITS * place) for place in range(len(self.answers)))

    @cached_property
    def _format(self) -> struct.Struct:
        return struct.Struct(f"<{len(self.answers)}i")

    def unpacked(self, row: int) -> Sequence[int]:
        """What a row, or a sum of rows, adds to each answer, in hundredths."""
        zeros = self._zeros
        return self._format.unpack(((row + zeros) ^ zeros).to_bytes(self._format.size, "little"))

    def judge(self, evidence: Iterable[str]) -> list[float]:
        """How probable each answer is, together 1."""
        found = [adds for adds in map(self.adds.get, evidence) if adds is not None]
        share = share_of(len(found)) / 100
        told = self.unpacked(sum(found))
        sums = [start + share * hundredths for start, hundredths in zip(self.start, told, strict=True)]
        highest = max(sums)
        powers = [math.exp(total - highest) for total in sums]
        total = sum(powers)
        return [power / total for power in powers]

    def speaking(self, evidence: Iterable[str], answer: str, against: str) -> dict[str, float]:
        """By how much each piece of evidence speaks more for one answer than for another, as it counts in a text of
        so many pieces; what makes no difference is left out.
        """
        one, other = self.answers.index(answer), self.answers.index(against)
        told = {piece: self.unpacked(self.adds[piece]) for piece in evidence if piece in self.adds}
        share = share_of(len(told)) / 100
        said = {piece: (hundredths[one] - hundredths[other]) * share for piece, hundredths in told.items()}
        return {piece: weight for piece, weight in said.items() if weight}

    def told(self, piece: str) -> dict[str, float]:
        """What a known piece of evidence adds to the answers that it makes a difference to."""
        hundredths = self.unpacked(self.adds[piece])
        return {answer: said / 100 for answer, said in zip(self.answers, hundredths, strict=True) if said}


def row(weights: Iterable[float]) -> int:
    """The weights of all answers as one number, each in hundredths and in its own 32 bits.

    Rows are added in one go, which is ten times as quick as answer by answer, and take a quarter of the memory. Answers
    behind the last one with a weight take none.
    """
    return sum(_at(place, weight) for place, weight in enumerate(weights) if weight)


def _at(place: int, weight: float) -> int:
    return round(weight * 100) << (_BITS * place)


def share_of(known: int) -> float:
    """How much each of so many known pieces of evidence counts."""
    return math.sqrt(USUAL / max(known, FEWEST))


@cache
def load_weights(name: str) -> Weights:
    """The weights of ``data/<name>.weights``. Raises LexiconError where the file cannot be read."""
    return parse(name, (files("bot.understanding") / "data" / f"{name}.weights").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Weights:
    """The weights that a file's text holds. Raises LexiconError with the number of a line that is none."""
    made_of, head, *lines = text.splitlines()
    try:
        start = {answer: float(weight) for answer, _, weight in (one.partition(" ") for one in head.split("\t"))}
    except ValueError as error:
        raise LexiconError(f"{name}.weights 第 2 行读不懂：{error}") from error
    rows = _Rows(start)
    adds: dict[str, int] = {}
    for number, line in enumerate(lines, start=3):
        evidence, *told = line.split("\t")
        try:
            adds[evidence] = sum(map(rows.__getitem__, told))
        except KeyError as error:
            raise LexiconError(f"{name}.weights 第 {number} 行：没有 {error.args[0]} 这一种") from error
        except (ValueError, OverflowError) as error:
            raise LexiconError(f"{name}.weights 第 {number} 行读不懂：{line}") from error
    return Weights(made_of, tuple(start), tuple(start.values()), adds)


class _Rows(dict[str, int]):
    """The row of a single weight by the words that tell it, ``none -0.86``: of few words a whole file is made."""

    def __init__(self, answers: Iterable[str]) -> None:
        super().__init__()
        self._places = {answer: place for place, answer in enumerate(answers)}

    def __missing__(self, told: str) -> int:
        answer, _, weight = told.partition(" ")
        self[told] = _at(self._places[answer], float(weight))
        return self[told]


def written(weights: Weights) -> str:
    """The text of the file that holds them."""
    head = "\t".join(f"{answer} {start:g}" for answer, start in zip(weights.answers, weights.start, strict=True))
    lines = (
        "\t".join([evidence, *(f"{answer} {weight:g}" for answer, weight in weights.told(evidence).items())])
        for evidence in sorted(weights.adds)
    )
    return "\n".join([weights.made_of, head, *lines]) + "\n"
