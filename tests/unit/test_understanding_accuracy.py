"""How much is understood of the texts of ``tests/understanding``: of those that nothing was tuned on, and of all."""

from functools import cache
from pathlib import Path

import pytest

from bot.understanding.intent import APPEAL, HAZARD
from bot.understanding.understanding import INTENTS, PLACE_EDGES
from bot.understanding.weights import load_weights
from tests.understanding import measure
from tests.understanding.fitting import FEW, fingerprint
from tests.understanding.measure import Heard
from tests.understanding.texts import TEST, TUNING, texts
from tests.unit.understood import understanding

WEIGHTS = (INTENTS, HAZARD, APPEAL, PLACE_EDGES)


@cache
def heard(part: Path) -> list[Heard]:
    return measure.hear(understanding(), texts(part))


def test_there_are_texts_enough_and_half_of_them_are_chatter() -> None:
    everything = [*texts(TUNING), *texts(TEST)]
    assert len(everything) >= 1500
    assert sum(one.intent == "none" for one in everything) >= 0.45 * len(everything)


def test_no_text_is_in_both_parts() -> None:
    assert not {one.text for one in texts(TUNING)} & {one.text for one in texts(TEST)}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_weights_are_those_of_the_texts(name: str) -> None:
    """After a change of the texts: ``make weights``."""
    assert load_weights(name).made_of == fingerprint(texts(TUNING))


def test_intents() -> None:
    assert measure.share(heard(TEST)) >= 0.97
    assert measure.macro(heard(TEST)) >= 0.93


def test_every_intent_for_itself() -> None:
    """Of a quarter of the texts that it was tuned on: all of them take long."""
    quarter = measure.hear(understanding(), list(texts(TUNING))[::4])
    for name, group in measure.by_intent(quarter).items():
        if len(group) >= FEW:
            assert measure.share(group) >= 0.9, name


def test_cases_are_heard_though_nobody_was_asked() -> None:
    assert measure.share(measure.unasked_cases(heard(TEST))) >= 0.97


def test_chatter_is_left_alone() -> None:
    talk = measure.chatter(heard(TEST))
    assert sum(one.acted_upon_alone for one in talk) <= 0.01 * len(talk)


def test_categories() -> None:
    assert measure.categories(heard(TEST)) >= 0.92


def test_slots() -> None:
    assert measure.slots(heard(TEST)) >= 0.95


def test_places() -> None:
    told = [one for one in heard(TEST) if "place" in one.said.slots]
    assert measure.share(told, lambda one: one.slot_is_right("place")) >= 0.92


def test_confidence_is_what_it_says() -> None:
    sure = [one for one in heard(TEST) if one.intent.name != "none" and one.intent.confidence >= 0.9]
    assert measure.share(sure) >= 0.9
