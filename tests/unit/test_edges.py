"""The edges of places: what was learned of where a place begins and ends."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.edges import BEGINS, ENDS, LONGEST, WITHIN, Edges
from bot.understanding.intent import APPEAL, HAZARD
from bot.understanding.lexicon import load
from bot.understanding.normalise import Message, normalise
from bot.understanding.places import Place
from bot.understanding.segment import Segmenter
from bot.understanding.tokens import Span, Token, tokens_of
from bot.understanding.understanding import PLACE_EDGES
from bot.understanding.weights import Weights, load_weights, row

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


def place_in(text: str, intent: str = HAZARD, certain: Place | None = None) -> str:
    message, tokens = read(text)
    span = _edges().find(intent, message.folded, tokens, certain)
    return message.literal(span) if span else ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("御景湾有条野狗追人", "御景湾"),
        ("御景湾保安说啥不让进", "御景湾"),
        ("金域蓝湾消防通道停了一溜私家车", "金域蓝湾"),
        ("和平里暖气管子漏了", "和平里"),
        ("北行那片就俩换电柜", "北行"),
        ("夫子庙一带找个厕所都难", "夫子庙"),
        ("兄弟们桐梓坡别走了", "桐梓坡"),
        ("恒大名都电梯又停了", "恒大名都"),
        ("井盖没了 幸福里东门", "幸福里东门"),
        ("有人把渣土倒在滨江路三号桥下", "滨江路三号桥下"),
        ("我在解放路和人民路路口看见红绿灯不亮", "解放路和人民路路口"),
        ("万象城三楼扶梯夹人了", "万象城三楼"),
        ("刚路过大东家园北门 水管爆了", "大东家园北门"),
        ("井盖没了差点摔了", ""),
        ("电梯里有人推电瓶车", ""),
    ],
)
def test_where_places_begin_and_end(text: str, place: str) -> None:
    assert place_in(text) == place


def test_most_appeals_name_no_place() -> None:
    assert place_in("站点扣了我两百块没说理由", APPEAL) == ""
    assert place_in("滨江华府保安不让进 天天超时", APPEAL) == "滨江华府"


@pytest.mark.parametrize(
    "text", ["张三13800000000东门井盖没了", "联系人王五13812345678和平路路灯坏了", "和平路路灯坏了 13812345678"]
)
def test_a_telephone_is_no_part_of_a_place(text: str) -> None:
    assert not set("张三王五138") & set(place_in(text))


@pytest.mark.parametrize(
    "text",
    ["上次那个地方路灯又不亮了", "上次报的那个地方又漏水了", "之前那个位置又漏水了", "上次报的地方垃圾又堆满了"],
)
def test_the_same_place_again_is_none_by_itself(text: str) -> None:
    assert place_in(text) == ""


@pytest.mark.parametrize("text", ["18号下午井盖没了", "昨天18号晚上路灯不亮", "12号"])
def test_a_date_is_no_place(text: str) -> None:
    assert place_in(text) == ""


def test_where_no_stretch_is_likely_the_place_stands_as_it_is() -> None:
    assert place_in("昨晚站点扣了我两百块没说理由", APPEAL) == ""
    assert place_in("昨晚站点扣了我两百块没说理由", APPEAL, Place(Span(2, 4), named=True)) == "站点"
    assert _edges().find(HAZARD, "", [], None) is None


def test_a_place_has_no_end_of_words() -> None:
    message, tokens = read("东门" + "解放路" * 100)
    span = _edges().find(HAZARD, message.folded, tokens, None)
    assert span is None or span.end - span.start <= 3 * LONGEST


def test_what_begins_goes_on_and_ends_adds_up() -> None:
    text = "丁甲乙丙"
    rows = {"后 甲": row([2, 0, 0]), "内 甲": row([0, 1, 0]), "内 乙": row([0, -1, 0]), "前 甲": row([0, 0, 1.5])}
    weights = Weights("", (BEGINS, WITHIN, ENDS), (0, 0, 0), {**rows, "前 丙": row([0, 0, 2.4])})
    tokens = tokens_of(text)
    assert Edges(load(), weights).find(HAZARD, text, tokens, None) == (1, 2)
    dearer = Weights("", weights.answers, weights.start, {**weights.adds, "前 丙": row([0, 0, 2.6])})
    assert Edges(load(), dearer).find(HAZARD, text, tokens, None) == (1, 4)
    never = Weights("", weights.answers, weights.start, {**weights.adds, f"境 {HAZARD}": row([-5, 0, 0])})
    assert Edges(load(), never).find(HAZARD, text, tokens, None) is None
    assert Edges(load(), never).find(HAZARD, text, tokens, Place(Span(1, 2), named=True)) == (1, 2)
    assert Edges(load(), never).find(HAZARD, text, tokens, Place(Span(3, 4), named=True)) == (3, 4)


def test_a_likely_name_comes_before_a_place_without_one() -> None:
    text = "洗车的拉水管横在路上 滨河家园东门"
    start = text.index("路上")
    assert place_in(text, certain=Place(Span(start, start + 2), named=False)) == "滨河家园东门"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500) | st.text(SAYABLE, max_size=500))
def test_the_place_stands_in_the_text(text: str) -> None:
    message, tokens = read(text)
    span = _edges().find(HAZARD, message.folded, tokens, None)
    assert span is None or (span.start < span.end and message.literal(span) in message.text)
