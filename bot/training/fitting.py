"""Fitting a model with scikit-learn: TF-IDF of character n-grams, multinomial logistic regression."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from bot.training.examples import Example, TrainingError
from bot.understanding.classifier import Made, Model, grams_of
from bot.understanding.model_file import MOST_GRAMS, MOST_WEIGHTS, quantised

NOT_INSTALLED = "训练要用 scikit-learn，这里没有装。请在聚蜂的文件夹里运行 make install-train，再训练一次"
LOOSENESS = 30.0
"""Inverse strength of the regularisation. Less makes probabilities that are too modest: see ``benchmarks.training``."""
ROUNDS = 200
TOLERANCE = 1e-4
TEXTS_OF_A_GRAM = 2
"""Different texts that a gram has to be in: what only one has said is not in the model."""


class Fitter:
    """Counts the grams of all examples once, and fits models to some of them or to all."""

    def __init__(self, examples: Sequence[Example]) -> None:
        """Raises TrainingError where scikit-learn is missing."""
        try:
            from scipy.sparse import csr_matrix  # noqa: PLC0415  # only training needs it; it comes with scikit-learn
            from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415
            from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
            from threadpoolctl import threadpool_limits  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise TrainingError(NOT_INSTALLED) from error
        self._transformer, self._regression, self._threads = TfidfTransformer, LogisticRegression, threadpool_limits
        self._examples = examples
        # scikit-learn's own CountVectorizer takes nearly three times as long
        places: defaultdict[str, int] = defaultdict(lambda: len(places))
        of_texts, counts, ends = array("i"), array("f"), array("i", [0])
        for example in examples:
            counted = Counter(grams_of(example.seen))
            of_texts.extend(map(places.__getitem__, counted))
            counts.extend(counted.values())
            ends.append(len(counts))
        self._grams = list(places)
        self._counts: Any = csr_matrix((counts, of_texts, ends), shape=(len(examples), len(places)))

    def fit(self, places: Sequence[int], made: Made) -> Model:
        """A model of the examples at these places. Raises TrainingError where they have nothing in common."""
        chosen = [self._examples[place] for place in places]
        counts, kept = self._of(places, len({example.category for example in chosen}))
        transformer = self._transformer(sublinear_tf=True)
        values = transformer.fit_transform(counts)
        regression = self._regression(C=LOOSENESS, max_iter=ROUNDS, tol=TOLERANCE)
        with self._threads(1):  # more wait for each other most of the time, and round differently on each machine
            regression.fit(values, [e.category for e in chosen], sample_weight=[e.weight for e in chosen])
        columns, bias = _columns(regression.coef_.tolist(), regression.intercept_.tolist())
        weights, scales = quantised(columns)
        return Model(
            categories=regression.classes_.tolist(),
            grams=[self._grams[place] for place in kept],
            rarity=array("f", transformer.idf_.tolist()),
            weights=weights,
            scales=scales,
            bias=bias,
            made=made,
        )

    def _of(self, places: Sequence[int], categories: int) -> tuple[Any, list[int]]:
        """The counts of these examples, and which grams they are of: the commonest of those that two texts have."""
        rows = self._counts[list(places)]
        texts_of = rows.getnnz(axis=0).tolist()
        common = [place for place, texts in enumerate(texts_of) if texts >= TEXTS_OF_A_GRAM]
        if not common:
            raise TrainingError("这些文字没有一个词是相同的，学不到东西；请多给一些")
        most = min(MOST_GRAMS, MOST_WEIGHTS // categories)
        chosen = sorted(common, key=lambda place: (-texts_of[place], self._grams[place]))[:most]
        kept = sorted(chosen, key=self._grams.__getitem__)  # in the order of the texts they could be read
        return rows[:, kept], kept


def _columns(weights: list[list[float]], bias: list[float]) -> tuple[list[list[float]], list[float]]:
    """Weights and bias of each category; of two categories scikit-learn gives only what speaks for the second."""
    if len(weights) > 1:
        return weights, bias
    return [[0.0] * len(weights[0]), weights[0]], [0.0, bias[0]]
