"""``jufeng understand --explain``: why a text is understood as it is."""

import json

import pytest

from bot.understanding.explaining import explain
from bot.understanding.jsonl import run
from tests.unit.understood import MONDAY, understanding


def told(text: str, *, addressed: bool = False, staff: bool = False) -> str:
    return "\n".join(explain(understanding(), text, addressed=addressed, staff=staff))


def test_a_command_names_its_pattern() -> None:
    assert "口令：check_in，一说就是，句式 签到" in told("签到")


def test_a_sentence_names_what_speaks_for_it() -> None:
    why = told("幸福里东门井盖没了")
    assert "更像 hazard_report：" in why
    assert "井盖" in why


def test_what_counts_only_for_who_is_addressed_says_so() -> None:
    why = told("我报的")
    assert "会是口令：my_cases，点名才算" in why
    assert "不当回事" in why


@pytest.mark.parametrize("text", ["三中门口", "okk"])
def test_what_is_only_an_answer_says_so(text: str) -> None:
    assert "只当回答" in told(text)


def test_what_is_heard_by_its_sound_is_read_so() -> None:
    assert "读作：打卡" in told("打咔")


@pytest.mark.parametrize("text", ["", "\u200b", " "])
def test_nothing_is_nothing(text: str) -> None:
    assert told(text) == "空的：没有看得见的字"


def test_a_line_is_answered_with_its_evidence() -> None:
    (answer,) = run(['{"text": "签到"}'], MONDAY, explained=True)
    assert json.loads(answer)["evidence"][0] == "读作：签到"
    (plain,) = run(['{"text": "签到"}'], MONDAY)
    assert "evidence" not in json.loads(plain)
