"""Any text at all: nothing raises, nothing takes long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.normalise import LONGEST, normalise
from bot.understanding.tokens import Span
from tests.unit.understood import MONDAY, said, understanding

LONGEST_COST = 0.05
"""Seconds, on a busy machine."""
ADVERSARIAL = [
    "收" * 100_000,
    "签到" * 50_000,
    "1" * 100_000,
    "着火了" * 40_000,
    "@小蜂 " * 30_000,
    "我" * 400 + "参加",
    "五" * 500,
    "周五" * 250,
    "3号楼" * 170,
    "给小李加5分" * 20_000,
    "派单 1024" + " ," * 240,
    "计党课 " * 25_000,
    "井改" * 250,
    "\u200b" * 100_000,
    "\u202e签到\u202c" * 100,
    "\ud800" * 1000,
    "{{7*7}}${jndi:ldap://x}",
    "'; DROP TABLE members;--",
    '{"text": "签到"}',
    "Привет 你好 مرحبا 🐝 สวัสดี",
]
WORDS = [
    "签到",
    "井盖",
    "没了",
    "幸福里",
    "东门",
    "1024",
    "派给",
    "周五",
    "15:00",
    "扣了",
    "站点",
    "两百块",
    "，",
    " ",
    "？",
    "哈哈",
]
texts = (
    st.text()
    | st.lists(st.sampled_from(WORDS)).map("".join)
    | st.text(st.characters(categories=["Cs", "Cf", "Nd", "Lo"]))
)


@settings(max_examples=300, deadline=None)
@given(texts, st.booleans(), st.sampled_from(["member", "secretary", "organizer", "contact"]))
def test_any_text_gives_an_answer(text: str, addressed: bool, role: str) -> None:
    intent = said(text, addressed=addressed, role=role)
    assert 0 <= intent.confidence <= 1
    assert intent.reply == (addressed or intent.name != "none")
    assert intent.reply or intent.slots == {}


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zs"])))
def test_what_cannot_be_seen_is_not_answered(text: str) -> None:
    assert not said(text).reply


@given(texts)
def test_what_is_folded_leads_back_to_what_was_written(text: str) -> None:
    message = normalise(text)
    assert len(message.folded) <= len(message.text) <= LONGEST
    pieces = [message.literal(Span(at, at + 1)) for at in range(len(message.folded))]
    assert "".join(pieces) == message.text


@given(texts)
def test_a_place_is_a_literal_span(text: str) -> None:
    place = said(f"{text}井盖没了请派人处理").text("place")
    assert place in normalise(f"{text}井盖没了请派人处理").text


@pytest.mark.parametrize("text", ADVERSARIAL, ids=range(len(ADVERSARIAL)))
def test_twice_the_adversarial_text_costs_no_more_than_a_few_times_as_much(text: str) -> None:
    assert cost_of(text + text) < 8 * max(cost_of(text), 0.001)


@pytest.mark.parametrize("text", ADVERSARIAL, ids=range(len(ADVERSARIAL)))
def test_no_adversarial_text_takes_long(text: str) -> None:
    """派单 1024 , , , took seconds, 计党课 计党课 计党课 one; both take a few milliseconds."""
    assert cost_of(text) < LONGEST_COST


def cost_of(text: str) -> float:
    """Seconds of the quickest of five readings."""
    said(text, addressed=True)
    times = []
    for _ in range(5):
        start = time.process_time()
        understanding().understand(text, addressed=True, role="secretary", now=MONDAY)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    "text", ["@小蜂 签到", "\u202e签到\u202c", "签\u200b到", "\ud800签到\udfff", "　签到！！", "签到🙏", "签到\n"]
)
def test_a_command_in_disguise_is_the_command(text: str) -> None:
    assert said(text).name == "check_in"


@pytest.mark.parametrize("text", ["签到 0233", "签到866611", "打卡 233300", "签到 2333"])
def test_a_code_with_slang_in_it_is_a_code(text: str) -> None:
    """233 and 666 are laughter, but one code in 140 has them among its digits."""
    intent = said(text)
    assert (intent.name, intent.text("code")) == ("check_in", text[-6:].strip("到 "))


def test_the_hour_before_a_place_is_no_part_of_it() -> None:
    """明天下午3点东站驿站 was held at 点东站驿站."""
    intent = understanding().understand("计划党课明天下午3点东站驿站", addressed=True, role="secretary", now=MONDAY)
    assert (intent.name, intent.text("place"), intent.text("topic")) == ("plan_lesson", "东站驿站", "")
