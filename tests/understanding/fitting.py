"""``make weights``: fits the weights of the evidence to the texts of the tuning part, and writes them to the lexicon.

Multinomial logistic regression over the evidence of each text, once for the intents and once for the categories of
each kind of case; for the edges of places see ``fitting_edges.py``. Needs scikit-learn (``make install-train``). What
was not looked at says how good it is: ``make understand``.
"""

import hashlib
import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

import bot.understanding
from bot.understanding import Understanding
from bot.understanding.intent import CASES
from bot.understanding.understanding import INTENTS, PLACE_EDGES
from bot.understanding.weights import Weights, row, share_of, written
from tests.understanding import fitting_edges
from tests.understanding.measure import say
from tests.understanding.texts import TUNING, Said, texts

DATA = Path(bot.understanding.__file__).parent / "data"
LOOSENESS = 1.0
"""Inverse strength of the regularisation. Most of what people say is like none of the texts: of that, nothing may be
thought with confidence.
"""
ROUNDS = 1000
TOLERANCE = 1e-5
TEXTS_OF_EVIDENCE = 2
"""Different texts that a piece of evidence has to be in."""
LEAST = 0.06
"""A weight below it is left out."""
FEW = 12
"""Texts of an intent below which nothing is learned of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """The evidence of a text, and its answer."""

    evidence: tuple[str, ...]
    answer: str


def fingerprint(said: Iterable[Said]) -> str:
    """What tells one set of texts from another, whatever their order."""
    lines = sorted(
        f"{one.text}|{one.addressed}|{one.role}|{one.intent}|{one.category}|{'/'.join(one.slots.get('place', ()))}"
        for one in said
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def unlearned(name: str) -> Weights:
    """Weights that know nothing."""
    return Weights(name, ("none",), (0.0,), {})


def of_places(said: Sequence[Said]) -> Weights:
    """The weights of the edges of places."""
    return fitting_edges.fitted(fingerprint(said), fitting_edges.examples(said, Understanding(unlearned)))


def fitted(said: Sequence[Said]) -> dict[str, Weights]:
    """The weights of each file, by its name."""
    understanding = Understanding(unlearned)
    made_of = fingerprint(said)
    often = Counter(one.intent for one in said)
    intents, of_case = [], {name: list[Example]() for name in CASES}
    for one in said:
        if often[one.intent] < FEW:
            continue
        reading = understanding.read(one.text, addressed=one.addressed, staff=one.role != "member")
        intents.append(Example(reading.evidence, one.intent))
        if one.category:
            of_case[one.intent].append(Example(understanding.of_category(one.intent, reading), one.category))
    return {INTENTS: _fit(made_of, intents)} | {name: _fit(made_of, examples) for name, examples in of_case.items()}


def _fit(made_of: str, examples: Sequence[Example]) -> Weights:
    """The weights of what tells anything; what was left out is not missed when the rest is fitted again without it."""
    often = Counter(itertools.chain.from_iterable(example.evidence for example in examples))
    known = sorted(evidence for evidence, times in often.items() if times >= TEXTS_OF_EVIDENCE)
    first = _regression(examples, known).coef_.T.tolist()
    telling = [evidence for evidence, told in zip(known, first, strict=True) if any(_telling(told))]
    regression = _regression(examples, telling)
    told = [_telling(weights) for weights in regression.coef_.T.tolist()]
    answers, start = regression.classes_.tolist(), regression.intercept_.round(2).tolist()
    order = _order(told, answers)
    return Weights(
        made_of=made_of,
        answers=tuple(answers[place] for place in order),
        start=tuple(start[place] for place in order),
        adds={
            evidence: row(weights[place] for place in order) for evidence, weights in zip(telling, told, strict=True)
        },
    )


def _order(told: Sequence[Sequence[float]], answers: Sequence[str]) -> list[int]:
    """Answers of which most pieces of evidence tell something come first: their rows are short numbers."""
    often = [sum(1 for weight in weights if weight) for weights in zip(*told, strict=True)]
    return sorted(range(len(answers)), key=lambda place: (-often[place], answers[place]))


def _regression(examples: Sequence[Example], known: Sequence[str]) -> Any:
    place_of = {evidence: place for place, evidence in enumerate(known)}
    places, shares, ends = array("i"), array("f"), array("i", [0])
    for example in examples:
        found = sorted(place_of[evidence] for evidence in example.evidence if evidence in place_of)
        places.extend(found)
        shares.extend([share_of(len(found))] * len(found))
        ends.append(len(places))
    matrix: Any = csr_matrix((shares, places, ends), shape=(len(examples), len(known)))
    regression = LogisticRegression(C=LOOSENESS, max_iter=ROUNDS, tol=TOLERANCE)
    return regression.fit(matrix, [example.answer for example in examples])


def _telling(told: Sequence[float]) -> list[float]:
    """In hundredths, without what makes little difference."""
    return [round(weight, 2) if round(abs(weight), 2) >= LEAST else 0.0 for weight in told]


def main() -> None:
    """Writes the files."""
    said = list(texts(TUNING))
    for name, weights in (fitted(said) | {PLACE_EDGES: of_places(said)}).items():
        (DATA / f"{name}.weights").write_text(written(weights), encoding="utf-8")
        say(f"{name}: {len(weights.answers)} answers, {len(weights.adds)} pieces of evidence")


if __name__ == "__main__":
    main()
