"""Weighing evidence: which free sentences are a report, an appeal, a question to the bot."""

import math
import re
from collections.abc import Mapping, Sequence

from bot.understanding.lexicon import EvidenceRules, Sign
from bot.understanding.numerals import CHINESE
from bot.understanding.places import Place
from bot.understanding.tokens import Span

Signs = Mapping[str, Sequence[Span]]
"""Word classes and computed signs, and where each was found."""

NEAR = 14
"""Characters between words that are still about one another: about one clause."""

ADDRESSED = 1.0
"""What is said to the bot is meant for it."""

SUREST = 0.96
"""A sentence is never as sure as a command."""

_AMOUNT = re.compile(rf"(?:\d+|[{CHINESE}几]+)多?(?:元|块|万)")


def gather(text: str, classes: Mapping[str, Sequence[Span]], place: Place | None) -> Signs:
    """The signs in a folded text: the classes found in it, and those that are computed."""
    signs = dict(classes)
    amounts = [Span(*match.span()) for match in _AMOUNT.finditer(text)]
    if amounts:
        signs["数额"] = amounts
    if place is not None:
        signs["地点" if place.named else "处所"] = [place.span]
    return signs


def confidence(rules: EvidenceRules, signs: Signs, addressed: bool) -> float:
    """How sure it is, from 0 to 1, that this intent is meant."""
    if any(name in signs for name in rules.forbids):
        return 0.0
    weights = [sign.weight for sign in rules.signs if _applies(sign, signs)]
    if not any(weight > 0 for weight in weights):
        return 0.0
    total = rules.start + sum(weights) + (ADDRESSED if addressed else 0.0)
    return min(SUREST, 1 / (1 + math.exp(-total)))


def _applies(sign: Sign, signs: Signs) -> bool:
    if len(sign.classes) == 1:
        return sign.classes[0] in signs
    first, second = sign.classes
    return any(0 <= one.gap(other) <= NEAR for one in signs.get(first, ()) for other in signs.get(second, ()))
