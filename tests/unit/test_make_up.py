"""Make-up: what was missed, within thirty days, once, with a note or the right answers."""

import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from handlers.make_up import LEAST, parse_answers
from models.attendance import Mark, marks, missed
from models.database import Database
from models.lessons import Decision, Leave, Lesson, LessonState
from models.make_ups import TIME_LIMIT, MakeUp, Question
from models.people import Person
from models.points import MAKE_UP, PointEntry
from tests.conftest import START, StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk

NOTE = "心得 路口减速看两边，超载不拉，先戴头盔再上路。"
HELD = START - timedelta(days=10)


@pytest.fixture
def city(database: Database) -> None:
    """A branch whose lesson of ten days ago 小李 missed, 小张 came to and 小何 was on leave from."""
    with database.write.begin() as session:
        city = City(session)
        branch = city.branch()
        li, zhang, he = (city.person(branch, name) for name in ("小李", "小张", "小何"))
        city.person(branch, "新来的")
        lesson = city.held(branch, HELD, "党课", "消防", came=[zhang], expected=[li, zhang, he])
        leave = Leave(
            lesson_id=lesson.id, person_id=he.id, reason="有事", state=Decision.APPROVED, asked_at=HELD, message_id=1
        )
        session.add(leave)


@pytest.fixture
def talk(database: Database, clock: StandingClock, city: None) -> Talk:
    return Talk(database, clock)


def held_again(database: Database, days: int, kind: str = "党课") -> int:
    """Another lesson that 小李 missed, so many days ago."""
    with database.write.begin() as session:
        city = City(session)
        people = {person.name: person for person in session.scalars(select(Person))}
        lesson = city.held(people["小李"].organisation, START - timedelta(days=days), kind, expected=[people["小李"]])
        return lesson.id


def says(who: str, intent: str, text: str, chat: str = "", about: str = "", number: int | None = None) -> Said:
    return Said(who, intent, {} if number is None else {"number": number}, chat, text, about=about)


def say(talk: Talk, who: str, intent: str, text: str, about: str = "", number: int | None = None) -> str:
    """What the bot answers in private."""
    ((whom, answer),) = talk.all(says(who, intent, text, about=about, number=number))
    assert whom == who
    return answer


def marks_of(database: Database) -> dict[str, Mark]:
    with database.read() as session:
        lesson = session.scalars(select(Lesson).order_by(Lesson.opened_at)).first()
        assert lesson is not None
        people = {person.id: person.name for person in session.scalars(select(Person))}
        return {people[number]: mark for number, mark in marks(session, [lesson])[lesson.id].items()}


def ask(database: Database, *answers: int, options: int = 3) -> None:
    """Questions with these right answers for the lesson."""
    with database.write.begin() as session:
        lesson = session.scalars(select(Lesson)).one()
        for number, answer in enumerate(answers, 1):
            chosen = [f"选项{letter}" for letter in string.ascii_uppercase[:options]]
            session.add(Question(lesson_id=lesson.id, number=number, text="题", options=chosen, answer=answer))


def points(database: Database) -> list[tuple[str, int]]:
    with database.read() as session:
        return [(entry.rule, entry.points) for entry in session.scalars(select(PointEntry))]


def test_a_note_makes_it_a_make_up_and_never_an_attendance(database: Database, talk: Talk) -> None:
    for who in ("小李", "小何"):
        assert "消防" in say(talk, who, "make_up", "补课")
        assert "补上了" in say(talk, who, "make_up_note", NOTE)
    assert marks_of(database) == {"小李": Mark.MADE_UP, "小张": Mark.PRESENT, "小何": Mark.MADE_UP}
    assert points(database) == [(MAKE_UP.name, MAKE_UP.points)] * 2
    with database.read() as session:
        made = session.scalars(select(MakeUp)).first()
        assert made is not None
        assert made.note == NOTE.removeprefix("心得 ")


@pytest.mark.parametrize("who", ["小张", "新来的", "王书记"])
def test_who_came_or_was_not_expected_has_nothing_to_make_up(database: Database, talk: Talk, who: str) -> None:
    assert "没有要补的课" in say(talk, who, "make_up", "补课")
    assert "没有要补的课" in say(talk, who, "make_up_note", NOTE)
    assert points(database) == []


def test_twice_in_one_batch_earns_once(database: Database, talk: Talk) -> None:
    talk.all(*[says("小李", "make_up_note", NOTE) for _ in range(2)])
    talk.all(says("小李", "make_up_note", NOTE))
    assert points(database) == [(MAKE_UP.name, MAKE_UP.points)]


@pytest.mark.parametrize(("short", "allowed"), [(timedelta(seconds=1), True), (timedelta(), False)])
def test_the_deadline_is_thirty_days_after_the_end(
    database: Database, talk: Talk, clock: StandingClock, short: timedelta, *, allowed: bool
) -> None:
    about = f"lesson:{lesson_number(database)}"
    clock.move_to(HELD + TIME_LIMIT - short)
    answer = say(talk, "小李", "make_up_note", NOTE, about)
    assert ("补上了" in answer, "过了补课的日子（12月13日（周日））" in answer) == (allowed, not allowed)
    assert marks_of(database)["小李"] is (Mark.MADE_UP if allowed else Mark.ABSENT)


def lesson_number(database: Database) -> int:
    with database.read() as session:
        return session.scalars(select(Lesson.id)).one()


@pytest.mark.parametrize(
    ("said", "length"),
    [("心得", 0), ("心得 好", 1), ("心得 。。。。。。。。。。。。。。。。。。", 0), ("心得 " + "学" * (LEAST - 1), 14)],
)
def test_a_note_has_fifteen_characters_punctuation_aside(
    database: Database, talk: Talk, said: str, length: int
) -> None:
    assert f"现在 {length} 个" in say(talk, "小李", "make_up_note", said)
    assert "补上了" in say(talk, "小李", "make_up_note", "心得 " + "学" * LEAST)


def test_several_are_listed_latest_first_and_picked_by_number_day_or_kind(database: Database, talk: Talk) -> None:
    third = held_again(database, 3, "主题党日")
    held_again(database, 5, "10分钟微课堂")
    assert "补哪一课" in say(talk, "小李", "make_up_note", NOTE), "which one is not guessed"
    listed = say(talk, "小李", "make_up", "补课").splitlines()
    assert [line.partition(" ")[0] for line in listed[1:4]] == ["1.", "2.", "3."]
    assert ["主题党日" in listed[1], "微课堂" in listed[2], "党课" in listed[3]] == [True] * 3
    assert "微课堂" in say(talk, "小李", "make_up", "补课 2", number=2)
    assert "党课《消防》" in say(talk, "小李", "make_up", "补课 消防")
    assert "微课堂" in say(talk, "小李", "make_up", "补课 微课堂")
    assert "主题党日" in say(talk, "小李", "make_up", "补课", f"lesson:{third}")
    assert "主题党日" in say(talk, "小李", "make_up_note", NOTE), "the last begun is meant"
    assert "没有第 3 个" in say(talk, "小李", "make_up", "补课 3", number=3)


def test_asked_for_in_the_group_it_goes_on_in_private(talk: Talk) -> None:
    ((whom, _),) = talk.all(says("小李", "make_up", "补课", "oc_branch"))
    assert whom == "小李"


def test_an_open_or_cancelled_lesson_is_not_made_up(database: Database, talk: Talk) -> None:
    for state in (LessonState.OPEN, LessonState.CANCELLED, LessonState.PLANNED):
        with database.write.begin() as session:
            session.scalars(select(Lesson)).one().state = state
        assert "没有要补的课" in say(talk, "小李", "make_up_note", NOTE, f"lesson:{lesson_number(database)}")


def test_right_answers_end_it_and_wrong_ones_are_named(database: Database, talk: Talk, clock: StandingClock) -> None:
    ask(database, 1, 2, 0)
    assert "选项C" in say(talk, "小李", "make_up", "补课")
    assert say(talk, "小李", "answer_questions", "答案 ACB").startswith("第 1、3 题不对")
    assert "一分钟" in say(talk, "小李", "answer_questions", "答案 BCA")
    clock.move_to(clock() + timedelta(minutes=1))
    assert "补上了" in say(talk, "小李", "answer_questions", "答案 BCA")
    assert marks_of(database)["小李"] is Mark.MADE_UP


def test_what_is_no_answer_costs_no_try(database: Database, talk: Talk) -> None:
    ask(database, 1, options=2)
    for said in ("答案", "答案 AB", "答案 C", "答案 不知道"):
        assert "比如「答案 A」" in say(talk, "小李", "answer_questions", said)
    assert "补上了" in say(talk, "小李", "answer_questions", "答案 b")


def test_questions_are_not_passed_by_a_note_nor_a_note_by_answers(database: Database, talk: Talk) -> None:
    assert "心得" in say(talk, "小李", "answer_questions", "答案 A")
    ask(database, 1)
    assert "答题" in say(talk, "小李", "make_up_note", NOTE)
    assert marks_of(database)["小李"] is Mark.ABSENT


@pytest.mark.usefixtures("city")
def test_what_is_missed_is_one_persons(database: Database) -> None:
    held_again(database, 31)
    with database.read() as session:
        people = {person.name: person for person in session.scalars(select(Person))}
        found = {name: list(missed(session, people[name], START - TIME_LIMIT).values()) for name in ("小李", "小何")}
    assert found == {"小李": [Mark.ABSENT], "小何": [Mark.LEAVE]}


@pytest.mark.parametrize(
    "said",
    [
        "ABC",
        "abc",
        "A B C",
        "a,b，c",
        "1A2B3C",
        "1.A 2.B 3.C",
        "3c 1a 2b",
        "ＡＢＣ",
        "1、Ａ；2、Ｂ；3、Ｃ",
        "第1题A第2题B第3题C",
    ],
)
def test_answers_are_read_as_people_write_them(said: str) -> None:
    assert parse_answers(said, 3) == [0, 1, 2]


@pytest.mark.parametrize("said", ["", "AB", "ABCD", "ABE", "1A1B2C", "1A2B4C", "对对错", "123", "不会做"])
def test_what_is_no_answer_is_none(said: str) -> None:
    assert parse_answers(said, 3) is None


@given(
    answers=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    gap=st.sampled_from(["", " ", "，", "、"]),
    numbered=st.booleans(),
    small=st.booleans(),
    data=st.data(),
)
def test_whatever_is_chosen_is_read(
    answers: list[int], gap: str, data: st.DataObject, *, numbered: bool, small: bool
) -> None:
    parts = [f"{number if numbered else ''}{'ABCD'[answer]}" for number, answer in enumerate(answers, 1)]
    if numbered:
        parts = data.draw(st.permutations(parts))
    said = gap.join(parts)
    assert parse_answers(said.lower() if small else said, len(answers)) == answers


@given(st.text(max_size=30), st.integers(1, 3))
def test_any_text_is_an_answer_or_none(said: str, count: int) -> None:
    found = parse_answers(said, count)
    assert found is None or (len(found) == count and set(found) <= {0, 1, 2, 3})
