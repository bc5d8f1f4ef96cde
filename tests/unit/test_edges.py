"""The edges of places: what was learned of where a place begins and ends."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.edges import BEGINS, ENDS, WITHIN, Edges
from bot.understanding.lexicon import load
from bot.understanding.normalise import Message, normalise
from bot.understanding.segment import Segmenter
from bot.understanding.tokens import Token, tokens_of
from bot.understanding.understanding import PLACE_EDGES
from bot.understanding.weights import Weights, load_weights, row

HAZARD = "hazard_report"
SAYABLE = "路街号楼小区一三百东门口那这在的。abk12+ 井盖没了"


@cache
def _segmenter() -> Segmenter:
    return Segmenter(frozenset(load().words()))


@cache
def _edges() -> Edges:
    return Edges(load(), load_weights(PLACE_EDGES))


def read(text: str) -> tuple[Message, list[Token]]:
    message = normalise(text)
    return message, tokens_of(_segmenter().cut(message.folded))


def place_in(text: str, intent: str = HAZARD, *, certain: bool = False) -> str:
    message, tokens = read(text)
    span = _edges().find(intent, tokens, certain=certain)
    return message.literal(span) if span else ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("御景湾有条野狗追人", "御景湾"),
        ("金域蓝湾消防通道停了一溜私家车", "金域蓝湾"),
        ("和平里暖气管子漏了", "和平里"),
        ("兄弟们桐梓坡别走了 树倒了", "桐梓坡"),
        ("恒大名都电梯又停了", "恒大名都"),
        ("井盖没了 幸福里东门", "幸福里东门"),
        ("有人把渣土倒在滨江路三号桥下", "滨江路三号桥下"),
        ("我在解放路和人民路路口看见红绿灯不亮", "解放路和人民路路口"),
        ("万象城三楼扶梯夹人了", "万象城三楼"),
        ("刚路过大东家园北门 水管爆了", "大东家园北门"),
        ("井盖没了差点摔了", ""),
    ],
)
def test_places_that_no_rule_foresees(text: str, place: str) -> None:
    assert place_in(text) == place


def test_most_appeals_name_no_place() -> None:
    assert place_in("站点扣了我两百块没说理由", "appeal_file") == ""
    assert place_in("滨江华府保安不让进 天天超时", "appeal_file") == "滨江华府"


def test_where_there_is_one_the_likeliest_is_taken() -> None:
    assert place_in("站点扣了我两百块没说理由", "appeal_file", certain=True) != ""
    assert _edges().find(HAZARD, [], certain=True) is None


def test_what_begins_goes_on_and_ends_adds_up() -> None:
    rows = {"后 甲": row([2, 0, 0]), "内 甲": row([0, 1, 0]), "内 乙": row([0, -1, 0]), "前 甲": row([0, 0, 1.5])}
    weights = Weights("", (BEGINS, WITHIN, ENDS), (0, 0, 0), {**rows, "前 丙": row([0, 0, 2.4])})
    tokens = tokens_of(["丁", "甲", "乙", "丙"])
    assert Edges(load(), weights).find(HAZARD, tokens, certain=False) == tokens[1].span
    dearer = Weights("", weights.answers, weights.start, {**weights.adds, "前 丙": row([0, 0, 2.6])})
    assert Edges(load(), dearer).find(HAZARD, tokens, certain=False) == (1, 4)
    never = Weights("", weights.answers, weights.start, {**weights.adds, f"境 {HAZARD}": row([-5, 0, 0])})
    assert Edges(load(), never).find(HAZARD, tokens, certain=False) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500) | st.text(SAYABLE, max_size=500))
def test_the_place_stands_in_the_text(text: str) -> None:
    message, tokens = read(text)
    span = _edges().find(HAZARD, tokens, certain=True)
    assert (span is None) == (not tokens)
    assert span is None or (span.start < span.end and message.literal(span) in message.text)
