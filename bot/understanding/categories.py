"""Categories (类别) of hazards and appeals, and whether life is in danger."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from bot.understanding.evidence import Signs
from bot.understanding.lexicon import load
from bot.understanding.normalise import normalise
from bot.understanding.tokens import Span

OTHER = "其他"


class Categories:
    """Finds the category of a case by its words."""

    def __init__(self, categories: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        """``categories``: intent, then category, then the weight of each word."""
        self._order = {intent: list(names) for intent, names in categories.items()}
        self._weights = {intent: _by_word(names) for intent, names in categories.items()}

    def within(self, intent: str, text: str) -> str:
        """The category by the words that a text contains, wherever they stand: for a text that nobody has parsed."""
        return self.of(intent, ((word, Span(0, 0)) for word in self._weights[intent] if word in text)) or OTHER

    def of(self, intent: str, phrases: Iterable[tuple[str, Span]]) -> str | None:
        """The category for a hazard or an appeal (其他 if no word tells); None for other intents."""
        weights = self._weights.get(intent)
        if weights is None:
            return None
        sums: Counter[str] = Counter()
        for word in {word for word, _ in phrases}:
            for category, weight in weights.get(word, ()):
                sums[category] += weight
        return max(self._order[intent], key=lambda category: sums[category]) if sums else OTHER


@cache
def _known() -> Categories:
    return Categories(load().categories)


def category_within(intent: str, text: str) -> str:
    """The category of a hazard (``hazard_report``) or an appeal (``appeal_file``) by its words alone."""
    return _known().within(intent, normalise(text).folded)


def _by_word(categories: Mapping[str, Mapping[str, int]]) -> dict[str, list[tuple[str, int]]]:
    table: dict[str, list[tuple[str, int]]] = {}
    for category, words in categories.items():
        for word, weight in words.items():
            table.setdefault(word, []).append((category, weight))
    return table


def danger_of(text: str, signs: Signs, dangers: Mapping[str, Sequence[str]], hypothetical: Sequence[str]) -> str:
    """fire, gas, crime or injury, if it happens now and is not only feared; else empty."""
    worries = tuple(hypothetical)
    for danger, names in dangers.items():
        spans = (span for name in names for span in signs.get(name, ()))
        if any(not text[: span.start].endswith(worries) for span in spans):
            return danger
    return ""
