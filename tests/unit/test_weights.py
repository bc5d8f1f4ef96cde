"""The weights of the evidence: read, written, and told apart when they are wrong."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.lexicon import LexiconError
from bot.understanding.weights import FEWEST, USUAL, parse, share_of, written

TEXT = "made of these\nnone 0.5\thazard_report -0.25\n字 井\thazard_report 0.5\n词 井盖\tnone -1\thazard_report 2.25\n"


def test_a_file_is_written_as_it_is_read() -> None:
    assert written(parse("intents", TEXT)) == TEXT


def test_evidence_adds_up_to_probabilities() -> None:
    weights = parse("intents", TEXT)
    none, hazard = weights.judge(["词 井盖", "词 没有见过"])
    assert math.isclose(none + hazard, 1)
    assert math.isclose(hazard / none, math.exp((-0.25 - 0.5) + share_of(1) * (2.25 + 1)))
    assert weights.judge([]) == pytest.approx([math.exp(0.75) / (1 + math.exp(0.75)), 1 / (1 + math.exp(0.75))])


def test_what_speaks_for_one_answer_rather_than_another() -> None:
    weights = parse("intents", TEXT)
    said = ["词 井盖", "字 井", "词 没有见过"]
    assert weights.speaking(said, "hazard_report", "none") == pytest.approx(
        {"词 井盖": 3.25 * share_of(2), "字 井": 0.5 * share_of(2)}
    )


@given(st.integers(0, 2000))
def test_a_text_is_no_surer_for_being_long_nor_less_sure_for_being_short(known: int) -> None:
    assert math.isclose(max(known, FEWEST) * share_of(known) ** 2, USUAL)


@pytest.mark.parametrize("line", ["词 井盖\tnone much", "词 井盖\tnonsense 1"])
def test_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(LexiconError, match=r"intents\.weights 第 5 行"):
        parse("intents", TEXT + line)
