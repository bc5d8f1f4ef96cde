"""How good a model is: texts are held out that it was not trained on."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.training.examples import Example
from bot.understanding.classifier import SURE, Classifier, best

SHARE = 5
"""One text in so many is held out."""


def held_out(examples: Sequence[Example]) -> list[int]:
    """The places of a fifth of each category's texts, always the same. What was said twice is never on both sides: a
    text with two categories goes with the first.
    """
    categories_of: dict[str, list[str]] = {}
    for example in examples:
        categories_of.setdefault(example.seen, []).append(example.category)
    texts_of: dict[str, list[str]] = {}
    for seen, categories in categories_of.items():
        texts_of.setdefault(categories[0], []).append(seen)
    chosen: set[str] = set()
    for category in sorted(texts_of):
        texts = sorted(texts_of[category])
        random.Random(category).shuffle(texts)
        chosen.update(texts[: len(texts) // SHARE])
    return [place for place, example in enumerate(examples) if example.seen in chosen]


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of the texts held out. ``answers`` are the true category, the one found, and how probable it was."""

    answers: Sequence[tuple[str, str, float]]

    @property
    def right(self) -> int:
        """How many were put into their category."""
        return sum(true == found for true, found, _ in self.answers)

    @property
    def accuracy(self) -> float:
        """The share of them; 0 where nothing was held out."""
        return self.right / len(self.answers) if self.answers else 0.0

    @property
    def sure(self) -> "Measured":
        """Those alone of which the bot would take the classifier's word."""
        return Measured([answer for answer in self.answers if answer[2] >= SURE])

    def of_categories(self) -> Iterator[tuple[str, int, int, int]]:
        """Of each category: how many texts were of it, how many were said to be, and how many were both."""
        true = Counter(true for true, _, _ in self.answers)
        found = Counter(found for _, found, _ in self.answers)
        both = Counter(true for true, found, _ in self.answers if true == found)
        for category in sorted(true.keys() | found.keys()):
            yield category, true[category], found[category], both[category]


def measure(classifier: Classifier, examples: Sequence[Example]) -> Measured:
    """What the classifier makes of these examples, as it would of a message."""
    return Measured([(e.category, *(best(classifier.judge_seen(e.seen)) or ("", 0.0))) for e in examples])
