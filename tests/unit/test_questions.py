"""Questions that the secretary sets: read strictly, with a sentence about the line that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from handlers.questions import BadQuestions, parse_questions
from models.database import Database
from models.lessons import Lesson
from models.make_ups import MakeUp, Question
from models.people import Person
from tests.conftest import START, StandingClock
from tests.unit.city import City, shanghai
from tests.unit.talk import Said, Talk

ONE = "1. 先戴什么？\nA 头盔\nB 围巾\n答案A"
WORDS = st.text(alphabet="安全头盔路口减速先看再走", min_size=1, max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        "先戴什么？\nA头盔\nB围巾\n答案：a",
        "1、先戴什么？\nＡ．头盔\nＢ．围巾\n正确答案是A",
        "先戴什么？ A 头盔 B 围巾 答案A",
        "先戴什么？A.头盔 B.围巾 答案：A",
        "第一题：先戴什么？\n\nA) 头盔\nB) 围巾\n\n答A。",
    ],
)
def test_a_question_is_read_as_people_write_it(text: str) -> None:
    (draft,) = parse_questions(text)
    assert (draft.text, draft.options, draft.answer) == ("先戴什么？", ["头盔", "围巾"], 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A 头盔\nB 围巾", "第 1 行：先写题目"),
        ("题？\nA 头盔\n答案A", "第 1 行的题选项不够"),
        ("题？\nA 头盔\nC 手套", "第 3 行：这里该写选项 B，写的是 C"),
        ("题？\nA 头盔\nB 头盔", "第 3 行：这个选项和前面的一样"),
        ("题？\nA 头盔\nB 围巾\n答案C", "第 4 行：没有选项 C"),
        ("题？\nA 头盔\nB 围巾\n答案A\n答案B", "第 5 行：这道题已经有答案了"),
        ("题？\nA 头盔\nB 围巾\n2. 又一题？", "第 4 行：前一道题没有写答案"),
        ("题？\nA 头盔\nB 围巾", "第 1 行的题没有写答案"),
        ("题？\nA 1\nB 2\nC 3\nD 4\nA 5\n答案A", "第 6 行：一道题最多 4 个选项"),
        ("答案A", "第 1 行：先写题目和选项"),
        ("\n".join([ONE] * 4), "第 13 行：一课最多 3 道题"),
        ("题" * 201 + "\nA 1\nB 2\n答案A", "第 1 行：题目太长了"),
        ("题\nA " + "长" * 61, "第 2 行：选项太长了"),
        ("", "照这个样子"),
    ],
)
def test_the_line_that_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(BadQuestions, match=said):
        parse_questions(text)


@st.composite
def questions(draw: st.DrawFn) -> list[tuple[str, list[str], int]]:
    count = draw(st.integers(1, 3))
    made = []
    for _ in range(count):
        options = draw(st.lists(WORDS, min_size=2, max_size=4, unique=True))
        made.append((draw(WORDS) + "？", options, draw(st.integers(0, len(options) - 1))))
    return made


@given(questions(), st.sampled_from([" ", ". ", "、", "：", ") "]), st.booleans())
def test_what_is_written_in_order_is_read_back(
    written: list[tuple[str, list[str], int]], mark: str, numbered: bool
) -> None:
    lines = []
    for number, (text, options, answer) in enumerate(written, 1):
        lines.append(f"{number}. {text}" if numbered else text)
        lines += [f"{letter}{mark}{option}" for letter, option in zip("ABCD", options, strict=False)]
        lines.append(f"答案{'ABCD'[answer]}")
    drafts = parse_questions("\n".join(lines))
    assert [(draft.text, draft.options, draft.answer) for draft in drafts] == written


@given(st.text(alphabet="题AaBbCD答案：: \n.12３、Ａ？", max_size=60))
def test_any_text_is_questions_or_a_sentence(text: str) -> None:
    try:
        drafts = parse_questions(text)
    except BadQuestions as error:
        assert str(error)  # noqa: PT017  # most texts are no questions
    else:
        assert 1 <= len(drafts) <= 3
        assert all(draft.answer is not None and draft.answer < len(draft.options) for draft in drafts)


@pytest.fixture
def city(database: Database) -> None:
    """A branch with a lesson that was held and two that are planned."""
    with database.write.begin() as session:
        city = City(session)
        branch = city.branch("小李")
        city.held(branch, shanghai(11, 20, 15), "党课", "消防")
        city.planned(branch, shanghai(11, 25, 15), "10分钟微课堂", "交通")
        city.planned(branch, shanghai(11, 27, 15), "党员大会")
        other = city.organisation("隔壁支部")
        city.held(other, shanghai(11, 22, 15), "主题党日")


@pytest.fixture
def talk(database: Database, clock: StandingClock, city: None) -> Talk:
    return Talk(database, clock)


def sets(talk: Talk, text: str, who: str = "王书记", chat: str = "") -> str:
    ((_, answer),) = talk.all(Said(who, "set_questions", {}, chat, text))
    return answer


def asked(database: Database) -> list[tuple[str, str]]:
    """The kinds of the lessons, and the questions that are set for them."""
    with database.read() as session:
        query = select(Lesson.kind, Question.text).join(Question, Question.lesson_id == Lesson.id)
        return [(kind, text) for kind, text in session.execute(query.order_by(Lesson.kind, Question.number))]


@pytest.mark.parametrize(
    ("naming", "kind"),
    [("", "10分钟微课堂"), (" 党课", "党课"), (" 上次", "党课"), (" 11月27日", "党员大会"), (" 消防", "党课")],
)
def test_the_lesson_that_is_named_is_meant_and_else_the_next(
    database: Database, talk: Talk, naming: str, kind: str
) -> None:
    assert kind in sets(talk, f"出题{naming}\n{ONE}")
    assert asked(database) == [(kind, "先戴什么？")]


def test_questions_for_a_kind_that_is_not_there_are_set_for_no_other(database: Database, talk: Talk) -> None:
    assert "没有安排着的支委会" in sets(talk, f"出题 支委会\n{ONE}")
    assert asked(database) == []


def test_questions_that_begin_in_the_first_line_are_for_the_next_lesson(database: Database, talk: Talk) -> None:
    sets(talk, "出题 先戴什么？\nA 头盔\nB 围巾\n答案A")
    sets(talk, "出题 还戴什么？ A 手套 B 围巾 答案A")
    assert asked(database) == [("10分钟微课堂", "还戴什么？")]


def test_new_ones_replace_the_old_until_somebody_has_answered(database: Database, talk: Talk) -> None:
    sets(talk, f"出题 党课\n{ONE}\n2. 二？\nA 1\nB 2\n答案B")
    sets(talk, f"出题 党课\n{ONE}")
    assert asked(database) == [("党课", "先戴什么？")]
    with database.write.begin() as session:
        question = session.scalars(select(Question)).one()
        somebody = session.scalars(select(Person.id).where(Person.name == "小李")).one()
        made = MakeUp(lesson_id=question.lesson_id, person_id=somebody, begun_at=START, answers="B", message_id=1)
        session.add(made)
    assert "不能再换" in sets(talk, "出题 党课\n换？\nA 1\nB 2\n答案B")
    assert asked(database) == [("党课", "先戴什么？")]


def test_questions_are_set_in_private_by_the_secretary(database: Database, talk: Talk) -> None:
    assert "私下发给我" in sets(talk, f"出题 党课\n{ONE}", chat="oc_branch")
    assert "由书记来办" in sets(talk, f"出题 党课\n{ONE}", who="小李")
    assert asked(database) == []
