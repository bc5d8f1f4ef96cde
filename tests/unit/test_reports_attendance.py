"""What is said of one lesson."""

import pytest

from bot.reports.attendance import lesson_card, lesson_summary, missing_call, missing_list, quorum_hint
from models.attendance import Attendance, HeadCount
from models.lessons import Lesson, LessonState
from models.people import Person
from tests.unit.city import shanghai


def lesson(state: LessonState = LessonState.OPEN, kind: str = "10分钟微课堂", topic: str = "交通安全") -> Lesson:
    """10分钟微课堂《交通安全》, open from 15:00 to 15:10."""
    return Lesson(
        id=17,
        kind=kind,
        counts_as="",
        topic=topic,
        place="",
        state=state,
        opened_at=shanghai(11, 23, 15),
        closes_at=shanghai(11, 23, 15, 10),
    )


def absent(*names: str) -> Attendance:
    """These are missing of as many and one."""
    return Attendance(len(names) + 1, 1, missing=tuple(Person(name=name) for name in names))


def test_a_fresh_card_is_one_line() -> None:
    card = lesson_card(lesson(), HeadCount(12, 0))
    assert card.as_text() == "📖 10分钟微课堂《交通安全》开始签到，15:10 截止。回复「签到」即可。"
    assert [(button.says, button.about, button.style) for button in card.buttons] == [("签到", "lesson:17", "primary")]


def test_the_count_appears_with_the_first_who_checks_in() -> None:
    assert lesson_card(lesson(), HeadCount(12, 3)).as_text().splitlines()[1:] == ["已签到：3 / 12"]


def test_a_closed_card_has_no_button() -> None:
    card = lesson_card(lesson(LessonState.CLOSED), HeadCount(12, 0))
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


def test_late_ones_and_guests_are_told_beside_those_expected() -> None:
    count = HeadCount(12, 3, late=1, guests=2)
    assert lesson_card(lesson(), count).as_text().splitlines()[1:] == ["已签到：3 / 12（迟到 1，列席 2）"]
    assert lesson_card(lesson(), HeadCount(12, 0, guests=1)).as_text().endswith("已签到：0 / 12（列席 1）")
    closed = lesson(LessonState.CLOSED)
    people = (Person(name="小李"),)
    figures = Attendance(12, 10, late=2, made_up=1, missing=people)
    assert lesson_summary(closed, figures).text == "📋 签到结束：应到 12，实到 10（迟到 2），请假 0，补课 1，缺席 1"
    assert missing_list(closed, figures).text.splitlines()[1] == "已到 10 人，其中迟到 2 人"
    assert missing_list(closed, Attendance(3, 3, late=1)).text.endswith("应到 3，实到 3，迟到 1")


def test_where_only_the_code_counts_the_card_has_no_button_and_says_so() -> None:
    shown = lesson()
    shown.by_code = True
    card = lesson_card(shown, HeadCount(12, 1))
    assert card.buttons == ()
    assert "四位数字" in card.title
    assert "四位数字" in missing_call(shown, absent("小李"), ()).text


def test_a_lesson_that_goes_on_after_midnight_says_that_it_ends_tomorrow() -> None:
    late = lesson()
    late.opened_at, late.closes_at = shanghai(11, 23, 23, 50), shanghai(11, 24, 0, 50)
    assert "次日 00:50 截止" in lesson_card(late, HeadCount(12, 0)).title


@pytest.mark.parametrize(
    ("kind", "voters", "present", "hint"),
    [
        ("党员大会", 12, 7, "有表决权 12 人，到 7 人，过半数；能不能表决由书记定"),
        ("党员大会", 12, 6, "有表决权 12 人，到 6 人，正好半数；能不能表决由书记定"),
        ("党员大会", 13, 6, "有表决权 13 人，到 6 人，不到半数；能不能表决由书记定"),
        ("支委会", 5, 3, "委员 5 人，到 3 人，过半数；能不能表决由书记定"),
        ("选举", 10, 8, "有表决权 10 人，到 8 人，正好五分之四；能不能表决由书记定"),
        ("选举", 11, 8, "有表决权 11 人，到 8 人，不到五分之四；能不能表决由书记定"),
        ("选举", 11, 9, "有表决权 11 人，到 9 人，过五分之四；能不能表决由书记定"),
        ("党员大会", 0, 0, ""),
        ("党课", 12, 7, ""),
        ("10分钟微课堂", 12, 7, ""),
    ],
)
def test_the_quorum_is_a_hint_for_the_kinds_that_vote(kind: str, voters: int, present: int, hint: str) -> None:
    count = Attendance(20, 15, voters=voters, voters_present=present, missing=(Person(name="小李"),))
    assert quorum_hint(lesson(kind=kind), count) == hint
    said = [
        lesson_card(lesson(kind=kind), count).as_text(),
        lesson_summary(lesson(LessonState.CLOSED, kind), count).text,
        missing_list(lesson(kind=kind), count).text,
        missing_call(lesson(kind=kind), count, ()).text,
    ]
    assert all(("能不能表决" in text) == bool(hint) for text in said)
    assert all(hint in text for text in said)


def test_what_counts_as_a_general_meeting_has_its_quorum() -> None:
    marked = lesson(kind="主题党日")
    marked.counts_as = "党员大会"
    assert quorum_hint(marked, HeadCount(9, 9, voters=9, voters_present=9)).startswith("有表决权 9 人")
