"""``jufeng understand``: JSON lines in, JSON lines out."""

import json

from bot.understanding.jsonl import run
from tests.unit.understood import MONDAY


def test_an_answer_is_the_question_with_its_meaning() -> None:
    lines = ['{"text": "办结 1024 已清运", "addressed": true, "role": "contact"}', "", '{"text": "今天风大", "id": 7}']
    first, second = (json.loads(line) for line in run(lines, MONDAY))
    assert first == {
        "text": "办结 1024 已清运",
        "addressed": True,
        "role": "contact",
        "intent": "resolve_case",
        "confidence": first["confidence"],
        "reply": True,
        "slots": {"case": 1024, "text": "已清运"},
        "category": None,
    }
    assert 0.9 <= first["confidence"] <= 1
    assert (second["intent"], second["reply"], second["id"]) == ("none", False, 7)


def test_private_implies_addressed() -> None:
    (answer,) = run(['{"text": "在想什么呢", "private": true}'], MONDAY)
    assert json.loads(answer)["reply"] is True


def test_chinese_is_written_as_it_is() -> None:
    (answer,) = run(['{"text": "签到"}'], MONDAY)
    assert "签到" in answer


def test_a_bad_line_is_named_and_the_next_one_read() -> None:
    bad = ["{", "[]", "{}", '{"text": 5}', '{"text": "签到", "addressed": "yes"}', '{"text": "签到", "role": []}']
    answers = [json.loads(line) for line in run([*bad, '{"text": "签到"}'], MONDAY)]
    assert [answer.get("error", "")[:6] for answer in answers] == [f"第 {n} 行：" for n in range(1, 7)] + [""]
    assert answers[-1]["intent"] == "check_in"


def test_unpaired_surrogates_can_be_written() -> None:
    (answer,) = run(['{"text": "\\ud800签到", "note": "\\udfff"}'], MONDAY)
    assert answer.encode("utf-8")
