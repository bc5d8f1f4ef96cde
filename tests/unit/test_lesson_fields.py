"""Labelled fields of a command about a lesson: found in any order and variant, and never in what is none."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.understanding.fields import labelled, without_labelled
from bot.understanding.lexicon import word_class
from handlers.lesson_fields import LONGEST, put, read_fields
from models.lessons import LESSON_KINDS, Lesson, kind_named
from tests.unit.understood import said

FIELDS = {
    "地点：东站驿站": ("place", "东站驿站"),
    "线上 https://meet.example.org/a?b=1": ("link", "https://meet.example.org/a?b=1"),
    "主持 王书记": ("host", "王书记"),
    "记录人：小李": ("recorder", "小李"),
    "（计党课）": ("counts_as", "党课"),
}


def found(text: str) -> dict[str, str]:
    return {field.name: field.value for field in labelled(text)}


@pytest.mark.parametrize("order", list(permutations(FIELDS)))
def test_the_order_of_the_fields_makes_no_difference(order: tuple[str, ...]) -> None:
    text = f"计划 主题党日 周五15:00 冬季安全 {' '.join(order)}"
    assert found(text) == dict(FIELDS.values())
    assert without_labelled(text).split() == ["计划", "主题党日", "周五15:00", "冬季安全"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("计划 党课 周五15:00 地点东站驿站", {"place": "东站驿站"}),
        ("计划 党课 地点在东站，周五15:00", {"place": "东站"}),
        ("计划 党课 周五15:00，地点：东站驿站，主持：王书记", {"place": "东站驿站", "host": "王书记"}),
        ("计划 党课 周五15:00 主持王书记 记录小李", {"host": "王书记", "recorder": "小李"}),
        ("计划 党课 周五15:00 腾讯会议 123 456 789", {"link": "腾讯会议 123 456 789"}),
        ("计划 党课 周五15:00 https://a.example/b。", {"link": "https://a.example/b"}),
        ("计划 党课 周五15:00 议程：1.学习 2.讨论", {"agenda": "1.学习 2.讨论"}),
        (
            "计划 党课 周五15:00\n议程：\n1.学习\n2.讨论\n地点：东站 二楼",
            {"agenda": "1.学习\n2.讨论", "place": "东站 二楼"},
        ),
        ("计划 10分钟微课堂 周五15:00 计党课", {"counts_as": "党课"}),
        ("计划 10分钟微课堂 周五15:00 计入：主题党日", {"counts_as": "主题党日"}),
        ("地点：东站\n主持：\n计划 党课 周五15:00", {"place": "东站", "host": ""}),
    ],
)
def test_variants(text: str, fields: dict[str, str]) -> None:
    assert found(text) == fields


@pytest.mark.parametrize(
    "text",
    [
        "计划 主题党日 周五15:00",
        "计划 党课 周五15:00 记录身边好人",
        "计划 党课 周五15:00 计算机安全",
        "计划 党课 周五15:00 主题教育",
        "计划 党课 周五15:00 线上购物防骗",
        "计划 党课 周五15:00 我的主持经验",
        "",
    ],
)
def test_words_of_a_topic_are_no_labels(text: str) -> None:
    assert found(text) == {}
    assert without_labelled(text) == text


@example("1,线上1")
@given(st.text(alphabet=st.sampled_from("地点：线上主持记录议程题（计党课）h://t \n,，1-王。"), max_size=60))
def test_any_text_can_be_read_and_its_fields_lie_in_it(text: str) -> None:
    kept = Counter("".join(without_labelled(text).split()))
    for field in labelled(text):
        assert 0 <= field.start < field.end <= len(text)
        assert kept <= Counter(text[: field.start] + text[field.end :])
    fields = read_fields(text)
    assert all(fields.values())
    assert all(len(value) <= LONGEST[name] for name, value in fields.items())


def test_a_date_in_the_agenda_is_not_when_the_lesson_is() -> None:
    intent = said("计划 党课 议程：学习9月30日的文件\n地点：西站\n周五15:00", role="secretary")
    assert intent.name == "plan_lesson"
    intent = said("计划 党课 周五15:00 地点：西站 议程：学习9月30日的文件", role="secretary")
    assert intent.slots == {"kind": "党课", "time": "2026-11-27T15:00:00+08:00", "place": "西站"}


def test_a_topic_may_be_labelled() -> None:
    intent = said("计划 主题党日 周五15:00 主题：雪天送温暖", role="secretary")
    assert intent.slots == {"kind": "主题党日", "time": "2026-11-27T15:00:00+08:00", "topic": "雪天送温暖"}


@pytest.mark.parametrize("word", word_class("会种"))
def test_every_word_for_a_meeting_is_a_kind_but_for_talks(word: str) -> None:
    """Those that were none fell into the topic of a 微课堂, and the duty was missed."""
    kind = kind_named(word)
    assert kind in LESSON_KINDS or word == "谈心谈话"


def test_a_lesson_is_not_marked_to_count_as_what_it_is() -> None:
    lesson = Lesson(kind="党课", counts_as="")
    put(lesson, read_fields("计划 党课 计党课"))
    assert lesson.counts_as == ""
    put(lesson, read_fields("计划 党课 （计入支部大会） 地点：" + "远" * 60))
    assert lesson.counts_as == "党员大会"
    assert lesson.place == "远" * LONGEST["place"]
