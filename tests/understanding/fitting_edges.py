"""The weights of the edges of places, fitted to the places of the tuning part; ``make weights`` writes them.

A text with a place has one of many stretches of words for it, or none. The score of a stretch is what its first edge
says of a beginning, what its words say of being within and what its last edge says of an end; the probability of each,
and of none, is the softmax of all scores. Where several labels are equally right, any of them will do.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from bot.understanding import Understanding
from bot.understanding.edges import BEGINS, ENDS, FIRST, LAST, LONGEST, WITHIN, EdgeEvidence, between
from bot.understanding.intent import APPEAL, HAZARD
from bot.understanding.lexicon import load
from bot.understanding.normalise import normalise
from bot.understanding.tokens import Token
from bot.understanding.weights import Weights, row
from tests.understanding.texts import Said

STRENGTH = 1.0
"""Of the regularisation."""
ROUNDS = 150
LONGEST_TEXT = 60
"""Words of a text that is learned from."""
TEXTS_OF_EVIDENCE = 2
LEAST = 0.1
"""A weight below it is left out."""
INTENTS = frozenset({HAZARD, APPEAL, "station_query"})
"""Those that have a place."""

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """The evidence of a text, and which stretches of its words are its place."""

    intent: str
    edges: Sequence[Sequence[str]]
    within: Sequence[Sequence[str]]
    places: frozenset[tuple[int, int]]


def examples(said: Iterable[Said], understanding: Understanding) -> list[Example]:
    """The texts that tell something: those with a place, hazards in which no rule finds one, and all others of which
    it was not labelled.
    """
    evidence = EdgeEvidence(load())
    found = (_example(one, understanding, evidence) for one in said if one.intent in INTENTS)
    return [example for example in found if example is not None]


def _example(said: Said, understanding: Understanding, evidence: EdgeEvidence) -> Example | None:
    reading = understanding.read(said.text, addressed=said.addressed, staff=False)
    labels = said.slots.get("place", ())
    if said.intent == HAZARD and not labels and reading.place is not None:
        return None
    pieces = evidence.pieces(reading.tokens)
    places = frozenset(_stretches(reading.message.folded, pieces, labels))
    if len(pieces) > LONGEST_TEXT or (labels and not places):
        return None
    told = [evidence.told(word) for word in (FIRST, *(piece.word for piece in pieces), LAST)]
    edges = [[*one.before, *other.behind, *between(one.word, other.word)] for one, other in pairwise(told)]
    return Example(said.intent, edges, [one.within for one in told[1:-1]], places)


def _stretches(text: str, pieces: Sequence[Token], labels: Iterable[str]) -> Iterable[tuple[int, int]]:
    """The edges between which the places stand that edges of words enclose."""
    edges = [0, *(piece.span.end for piece in pieces)]
    for label in labels:
        place = normalise(label).folded
        start = text.find(place)
        if start in edges and start + len(place) in edges:
            first, last = edges.index(start), edges.index(start + len(place))
            if 0 < last - first <= LONGEST:
                yield first, last


def fitted(made_of: str, learned: Sequence[Example]) -> Weights:
    """The weights of what tells anything."""
    of_edges, of_words = _known(example.edges for example in learned), _known(example.within for example in learned)
    told = _Fit(learned, of_edges, of_words).weights()
    telling = {piece: [round(weight, 2) if abs(weight) >= LEAST else 0.0 for weight in said] for piece, said in told}
    return Weights(
        made_of,
        (BEGINS, WITHIN, ENDS),
        (0.0, 0.0, 0.0),
        {piece: row(weights) for piece, weights in telling.items() if any(weights)},
    )


def _known(texts: Iterable[Sequence[Sequence[str]]]) -> list[str]:
    often = Counter(itertools.chain.from_iterable({*itertools.chain.from_iterable(text)} for text in texts))
    return sorted(piece for piece, times in often.items() if times >= TEXTS_OF_EVIDENCE)


class _Fit:
    """All stretches of all texts, laid end to end, and the weights that make the places likeliest."""

    def __init__(self, learned: Sequence[Example], of_edges: Sequence[str], of_words: Sequence[str]) -> None:
        self._of_edges, self._of_words = of_edges, of_words
        self._edges = _matrix([edge for example in learned for edge in example.edges], of_edges)
        self._words = _matrix([word for example in learned for word in example.within], of_words)
        self._intents = sorted({example.intent for example in learned})
        begins, ends, right, sizes = list[int](), list[int](), list[bool](), list[int]()
        before_word = list[int]()
        edge = 0
        for example in learned:
            count = len(example.within)
            stretches = [
                (first, last) for first in range(count) for last in range(first + 1, min(count, first + LONGEST) + 1)
            ]
            begins += [edge + first for first, _ in stretches]
            ends += [edge + last for _, last in stretches]
            right += [stretch in example.places for stretch in stretches]
            before_word += range(edge, edge + count)
            sizes.append(len(stretches))
            edge += count + 1
        self._begins, self._ends, self._right = np.array(begins), np.array(ends), np.array(right)
        self._before_word = np.array(before_word)
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._text = np.repeat(np.arange(len(learned)), sizes)
        self._none = np.array([not example.places for example in learned])
        self._intent = np.array([self._intents.index(example.intent) for example in learned])

    def weights(self) -> Iterator[tuple[str, tuple[float, float, float]]]:
        """Of each piece of evidence: how much it speaks for a beginning, for being within, for an end."""
        edges, words = len(self._of_edges), len(self._of_words)
        size = 2 * edges + words + len(self._intents)
        found = minimize(self._loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}).x
        begins, ends, within, nowhere = np.split(found, [edges, 2 * edges, 2 * edges + words])
        yield from ((piece, (begins[at], 0.0, ends[at])) for at, piece in enumerate(self._of_edges))
        yield from ((piece, (0.0, within[at], 0.0)) for at, piece in enumerate(self._of_words))
        yield from ((f"境 {intent}", (-nowhere[at], 0.0, 0.0)) for at, intent in enumerate(self._intents))

    def _loss(self, point: Array) -> tuple[float, Array]:
        """How unlikely the right answers are, and which way it gets worse."""
        edges, words = len(self._of_edges), len(self._of_words)
        begins, ends, within, nowhere = np.split(point, [edges, 2 * edges, 2 * edges + words])
        none = nowhere[self._intent]
        passed = self._passed(self._words @ within)
        scores = (self._edges @ begins - passed)[self._begins] + (self._edges @ ends + passed)[self._ends]
        highest = np.maximum(np.maximum.reduceat(scores, self._starts), none)
        shares, none_shares = np.exp(scores - highest[self._text]), np.exp(none - highest)
        total = np.add.reduceat(shares, self._starts) + none_shares
        shares, none_shares = shares / total[self._text], none_shares / total
        right = np.where(self._right, shares, 0.0)
        of_text = np.where(self._none, none_shares, np.add.reduceat(right, self._starts)) + 1e-12
        less = shares - right / of_text[self._text]
        by_begin = np.bincount(self._begins, less, self._edges.shape[0])
        by_end = np.bincount(self._ends, less, self._edges.shape[0])
        by_word = np.cumsum(by_begin - by_end)[self._before_word]
        by_none = np.bincount(self._intent, none_shares - self._none, len(self._intents))
        slope = np.concatenate([self._edges.T @ by_begin, self._edges.T @ by_end, self._words.T @ by_word, by_none])
        learned = point * np.concatenate([np.ones(2 * edges + words), np.zeros(len(self._intents))])
        loss = -np.log(of_text).sum() + STRENGTH * (learned @ learned) / 2
        return float(loss), slope + STRENGTH * learned

    def _passed(self, within: Array) -> Array:
        """At each edge, the sum of all words before it."""
        at_edge = np.zeros(self._edges.shape[0] + 1)
        at_edge[self._before_word + 1] = within
        return np.cumsum(at_edge)[:-1]


def _matrix(evidence: Sequence[Sequence[str]], known: Sequence[str]) -> csr_matrix:
    place_of: Callable[[str], int | None] = {piece: place for place, piece in enumerate(known)}.get
    rows = [[place for piece in pieces if (place := place_of(piece)) is not None] for pieces in evidence]
    places = list(itertools.chain.from_iterable(rows))
    ends = [0, *itertools.accumulate(map(len, rows))]
    return csr_matrix(([1.0] * len(places), places, ends), shape=(len(rows), len(known)))
