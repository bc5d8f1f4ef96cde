"""Which lesson somebody means: what fits is kept, and what fits nothing is about something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.lesson_words import named
from models.lessons import Lesson, LessonState, kind_within
from tests.conftest import START
from tests.unit.city import shanghai

LESSONS = [
    Lesson(kind=kind, topic=topic, state=LessonState.PLANNED, planned_at=at)
    for kind, topic, at in (
        ("党员大会", "", shanghai(11, 24, 15)),
        ("10分钟微课堂", "交通安全", shanghai(11, 25, 15)),
        ("10分钟微课堂", "消防", shanghai(11, 25, 19)),
        ("党课", "", shanghai(12, 2, 15)),
    )
]
EVERY = [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("请假", EVERY),
        ("请假 党员大会", [0]),
        ("支部大会我来不了", [0]),
        ("后天的微课堂请假", [1, 2]),
        ("交通安全那课", [1]),
        ("周三19：00那次", [2]),
        ("周三晚上7点的课", [2]),
        ("下周三", [3]),
        ("12月2日 微课", [3]),
        ("专题党课请假", [3]),
        ("今晚要跑单", EVERY),
        ("主题党日", EVERY),
        ("明天的微课堂", [1, 2]),
    ],
)
def test_kind_day_hour_and_topic_tell_lessons_apart(text: str, meant: list[int]) -> None:
    assert [LESSONS.index(lesson) for lesson in named(LESSONS, text, START)] == meant


@given(st.text(max_size=40), st.lists(st.sampled_from(LESSONS), max_size=4, unique_by=id))
def test_any_text_leaves_some_of_what_there_is_in_its_order(text: str, lessons: list[Lesson]) -> None:
    found = named(lessons, text, START)
    assert bool(found) == bool(lessons)
    assert [lesson for lesson in lessons if lesson in found] == found


@pytest.mark.parametrize(
    ("text", "word"),
    [("支部党员大会", "支部党员大会"), ("十分钟微课堂 安全", "十分钟微课堂"), ("谈心谈话", ""), ("", "")],
)
def test_the_longest_word_that_names_a_kind_is_taken(text: str, word: str) -> None:
    assert kind_within(text) == word
