"""The trained classifier: which category a text belongs to, by its characters; see ``bot.training`` for its making.

A linear model over weighted character n-grams (TF-IDF), in plain Python: a server needs no scikit-learn to use one.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from bot.understanding.categories import OTHER
from bot.understanding.intent import HAZARD
from bot.understanding.lexicon import category_names
from bot.understanding.normalise import normalise

CONSIDERED = 200
"""Characters of a text that count: who reports something has said by then what it is."""

SURE = 0.5
"""Probability from which the classifier's category is taken; below it the lexicon's is."""

_NUMBERS = re.compile(r"\d+")
_MARKS = re.compile(r"[\W_]+")


def canonical(text: str) -> str:
    """What the classifier sees of a text: folded, every number as 0, every run of marks as a space.

    So 12号楼 teaches something of 5号楼, and no phone or house number gets into a model.
    """
    numbered = _NUMBERS.sub("0", normalise(text).folded)
    return _MARKS.sub(" ", numbered).strip()[:CONSIDERED]


def grams_of(seen: str) -> list[str]:
    """The runs of one to three characters in a canonical text, the spaces around words with them."""
    padded = f" {seen} "
    singles = [character for character in seen if character != " "]
    return singles + [padded[at : at + size] for size in (2, 3) for at in range(len(padded) - size + 1)]


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came about."""

    at: str
    """The day, as 2026-11-23."""
    texts: int
    """Different texts that it was trained on."""
    accuracy: float
    """Of the texts that were held out, the share that it put into the right category."""


@dataclass(frozen=True, slots=True)
class Model:
    """The numbers of a classifier. ``weights`` has one row for each gram and one column for each category."""

    categories: Sequence[str]
    grams: Sequence[str]
    rarity: "array[float]"
    """Of each gram: its inverse document frequency."""
    weights: "array[int]"
    scales: Sequence[float]
    """Of each category: what its column of whole numbers is multiplied by."""
    bias: Sequence[float]
    made: Made


class Classifier:
    """Judges texts by a model; may be shared by threads."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._places = {gram: place for place, gram in enumerate(model.grams)}
        width = len(model.categories)
        self._columns = [model.weights[column::width] for column in range(width)]

    @property
    def categories(self) -> Sequence[str]:
        """The categories that it knows."""
        return self.model.categories

    @property
    def foreign(self) -> list[str]:
        """Those of its categories that no hazard has: a model of these is of no use to the bot."""
        known = {*category_names(HAZARD), OTHER}
        return [category for category in self.categories if category not in known]

    def judge(self, text: str) -> Mapping[str, float] | None:
        """How probable each category is, together 1; None for a text that holds nothing the model has ever seen."""
        return self.judge_seen(canonical(text))

    def judge_seen(self, seen: str) -> Mapping[str, float] | None:
        """The same of a text that is canonical already."""
        place_of, rarity = self._places.get, self.model.rarity
        counts = Counter(grams_of(seen)).items()
        known = [(place, count) for gram, count in counts if (place := place_of(gram)) is not None]
        if not known:
            return None
        places = [place for place, _ in known]
        values = [rarity[place] if count == 1 else rarity[place] * (1 + math.log(count)) for place, count in known]
        length = math.hypot(*values)
        # column by column: this is what a text takes its time for
        sums = [sum(map(mul, map(column.__getitem__, places), values)) for column in self._columns]
        scores = zip(self.model.bias, self.model.scales, sums, strict=True)
        probable = _softmax([bias + scale * total / length for bias, scale, total in scores])
        return dict(zip(self.model.categories, probable, strict=True))


def best(judged: Mapping[str, float] | None) -> tuple[str, float] | None:
    """The most probable category, and how probable it is."""
    return max(judged.items(), key=lambda each: each[1]) if judged else None


def _softmax(scores: Sequence[float]) -> list[float]:
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
