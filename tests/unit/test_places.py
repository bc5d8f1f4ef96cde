"""Places in free text: a list of made-up sentences, names put together by rule, and what is no place."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.lexicon import load
from bot.understanding.normalise import normalise
from bot.understanding.places import PlaceFinder, same_place
from bot.understanding.segment import Segmenter
from bot.understanding.tokens import Token, tokens_of

SENTENCES = Path(__file__).with_name("data") / "places.tsv"
"""What is said, and the place in it; empty: there is none."""
RIGHT = 0.97
"""Share of the sentences that must be read exactly."""


def _one_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


NAMES = _one_of("幸福里 兴工 滨河 人民 和平 团结 阳光 长青 柳园 金源 翠湖 学府")
ROADS = st.builds("{}{}".format, NAMES, st.sampled_from(["路", "街", "大道", "东路", "大街"]))
ESTATES = st.builds("{}{}".format, NAMES, st.sampled_from(["小区", "花园", "家园", "新村", "家属院"]))
NUMBERS = st.integers(1, 199).map(str) | st.sampled_from(["三", "十二", "一百七十", "二十五"])
HOUSES = st.builds("{}{}".format, NUMBERS, st.sampled_from(["号院", "号楼", "栋", "幢"]))
SIDES = st.sampled_from(["东门", "西门口", "对面", "斜对面", "旁边", "门口", "后门", "楼下"])
PLACES = (
    st.builds("{}{}号{}".format, ROADS, NUMBERS, st.sampled_from(["门口", "对面", "楼下"]))
    | st.builds("{}{}".format, ESTATES, SIDES)
    | st.builds("{}{}".format, ESTATES, HOUSES)
    | st.builds("{}{}单元".format, HOUSES, st.integers(1, 9))
    | st.builds("{}{}{}".format, ROADS, st.sampled_from(["和", "与"]), ROADS).map(lambda roads: f"{roads}交叉口")
    | st.builds("{}往{}{}米".format, ROADS, st.sampled_from("东南西北"), st.integers(10, 300))
    | st.builds("{}第{}个路灯".format, ROADS, st.sampled_from(["一", "二", "三", "5", "十"]))
)
WRONG = _one_of("井盖没了 垃圾没人收 有个大坑 着火了 有人打架 水管爆了")
JUNK = _one_of("今天 昨天 一个 两个 那边 这边 有点 刚才 我看见 发现 又 好像 突然 快来人 大家小心 怎么")
BEFORE = st.sampled_from(["", "就在", "在", "位置是", "嗯，在"])
BEHIND = st.sampled_from(["", "那儿", "那里", "。", "的", "啊"])


@cache
def _read() -> tuple[Segmenter, PlaceFinder]:
    lexicon = load()
    return Segmenter(frozenset(lexicon.words())), PlaceFinder(lexicon.places)


def _tokens(folded: str) -> list[Token]:
    return tokens_of(_read()[0].cut(folded))


def place_in(text: str) -> tuple[str, bool]:
    """The place that is found, and whether it is one that somebody else can find."""
    message = normalise(text)
    place = _read()[1].find(message.folded, _tokens(message.folded))
    return (message.text[place.span.start : place.span.end], place.named) if place else ("", False)


def answered(text: str) -> str:
    """The place that a text is and nothing else."""
    message = normalise(text)
    span = _read()[1].alone(message.folded, _tokens(message.folded))
    return message.text[span.start : span.end] if span else ""


def test_the_sentences_are_read() -> None:
    rows = [line.split("\t") for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    wrong = [(text, place, place_in(text)[0]) for text, place in rows if place_in(text)[0] != place]
    assert len(rows) >= 150
    assert sum(not place for _, place in rows) >= 20
    assert 1 - len(wrong) / len(rows) >= RIGHT, wrong


@settings(max_examples=300, deadline=None)
@given(PLACES, WRONG)
def test_a_place_put_together_is_found_whole(place: str, wrong: str) -> None:
    assert place_in(f"{place}{wrong}") == (place, True)


@settings(max_examples=200, deadline=None)
@given(st.lists(JUNK, max_size=3).map("".join), WRONG)
def test_junk_is_no_place(junk: str, wrong: str) -> None:
    assert place_in(f"{junk}{wrong}") == ("", False)


@settings(max_examples=200, deadline=None)
@given(PLACES, BEFORE, BEHIND)
def test_an_answer_is_the_place_without_its_filler(place: str, before: str, behind: str) -> None:
    assert answered(f"{before}{place}{behind}") == place


@pytest.mark.parametrize(
    "text",
    [
        *("", "好的", "今天真冷", "东门有人吗", "我在东门等你", "到楼下了", "幸福里东门井盖没了"),
        *("吃饭没", "三号", "1024", "收到", "位置", "在的"),
    ],
)
def test_what_says_something_else_is_no_answer(text: str) -> None:
    assert answered(text) == ""


@pytest.mark.parametrize("text", ["还是上次那个地方", "老地方", "同一个地方，灯又坏了", "上次那儿", "昨天报的那个地方"])
def test_the_same_place_again(text: str) -> None:
    assert same_place(text) is not None


@pytest.mark.parametrize("text", ["上次那个井盖", "之前报过", "这个地方", "昨天里面没灯", "找个地方"])
def test_another_place(text: str) -> None:
    assert same_place(text) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("劲松七路第三个路灯不亮", "劲松七路第三个路灯"),
        ("天府三街一个充电柜都莫得", "天府三街"),
        ("八一路落叶堆到膝盖", "八一路"),
        ("古城路上漏了一路柴油", "古城路"),
        ("陇海路公厕往西20米 水管爆了", "陇海路公厕往西20米"),
        ("解放大道循礼门路口那个坑", "解放大道循礼门路口"),
        ("G312国道李家集段路肩塌了", "G312国道李家集段"),
        ("飞霞南路妇幼门口救护车进不去", "飞霞南路妇幼门口"),
        ("西康路艺林里自来水管子呲水", "西康路艺林里"),
        ("洪殿北路天和大厦泔水桶翻了", "洪殿北路天和大厦"),
        ("友爱村五巷有人飞线", "友爱村五巷"),
        ("兴业路黄焖鸡把剩菜倒回锅里", "兴业路黄焖鸡"),
        ("玉泉路地铁A口呕吐物没人弄", "玉泉路地铁A口"),
        ("大渡口地铁站口有扒手", "大渡口地铁站口"),
        ("二环南辅路导向线磨没了", "二环南辅路"),
        ("一一三七号门前那堆垃圾沤臭了", "一一三七号门前"),
        ("书记我跟你说啊哈西大街公交枢纽出口减速带起来了", "哈西大街公交枢纽出口"),
        ("丰庆公园单杠底下螺丝掉光了", "丰庆公园"),
        ("磨盘山隧道口一排树枝刮断了", "磨盘山隧道口"),
    ],
)
def test_names_of_every_kind(text: str, place: str) -> None:
    assert place_in(text) == (place, True)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500) | st.text("路街号楼小区一三百东门口那这在的。abk12+ ", max_size=500))
def test_a_place_stands_in_the_text(text: str) -> None:
    message = normalise(text)
    tokens = _tokens(message.folded)
    place = _read()[1].find(message.folded, tokens)
    assert place is None or (place.span.start < place.span.end and message.literal(place.span) in message.text)
