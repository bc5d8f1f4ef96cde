"""What is said of one lesson."""

import pytest

from bot.reports.attendance import lesson_card, lesson_summary, missing_list
from models.attendance import Attendance
from models.lessons import Lesson, LessonState
from models.people import Person
from tests.unit.city import shanghai


def lesson(state: LessonState = LessonState.OPEN) -> Lesson:
    """10分钟微课堂《交通安全》, open until 15:10."""
    return Lesson(
        id=17, kind="10分钟微课堂", topic="交通安全", place="", state=state, closes_at=shanghai(11, 23, 15, 10)
    )


def absent(*names: str) -> Attendance:
    """These are missing of as many and one."""
    return Attendance(len(names) + 1, 1, missing=tuple(Person(name=name) for name in names))


def test_a_fresh_card_is_one_line() -> None:
    card = lesson_card(lesson(), 0, 12)
    assert card.as_text() == "📖 10分钟微课堂《交通安全》开始签到，15:10 截止。回复「签到」即可。"
    assert [(button.says, button.about, button.style) for button in card.buttons] == [("签到", "lesson:17", "primary")]


def test_the_count_appears_with_the_first_who_checks_in() -> None:
    assert lesson_card(lesson(), 3, 12).as_text().splitlines()[1:] == ["已签到：3 / 12"]


def test_a_closed_card_has_no_button() -> None:
    card = lesson_card(lesson(LessonState.CLOSED), 0, 12)
    assert card.as_text() == "📖 10分钟微课堂《交通安全》签到已结束\n已签到：0 / 12"
    assert card.buttons == ()


def test_the_summary_counts() -> None:
    closed = lesson(LessonState.CLOSED)
    people = tuple(Person(name=str(number)) for number in range(11))
    assert (
        lesson_summary(closed, Attendance(12, 1, missing=people)).text
        == "📋 签到结束：应到 12，实到 1，请假 0，缺席 11"
    )
    assert (
        lesson_summary(closed, Attendance(12, 11, on_leave=1, guests=2)).text
        == "📋 签到结束：应到 12，实到 11，请假 1，缺席 0，列席 2"
    )


def test_nobody_is_absent_before_the_end() -> None:
    with pytest.raises(ValueError, match="17"):
        lesson_summary(lesson(), absent("小李"))
    assert missing_list(lesson(), absent("小李", "小张")).text == "10分钟微课堂《交通安全》还没签到 2 人：小李、小张"
    assert missing_list(lesson(LessonState.CLOSED), absent("小李")).text == "10分钟微课堂《交通安全》缺席 1 人：小李"


def test_where_nobody_is_missing_that_is_said() -> None:
    assert missing_list(lesson(), absent()).text == "10分钟微课堂《交通安全》都签到了：应到 1，实到 1"
    assert (
        missing_list(lesson(LessonState.CLOSED), absent()).text == "10分钟微课堂《交通安全》没有人缺席：应到 1，实到 1"
    )
