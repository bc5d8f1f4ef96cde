"""Short words mean something where they are waited for, and nothing otherwise."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.understanding import short_words
from bot.understanding.intent import NONE, Intent
from bot.understanding.short_words import Slip, agrees, answer_within, arrived, chosen_number, denies, either, slip
from models.database import Database
from models.lessons import CheckIn, Lesson
from models.people import Person
from tests.conftest import StandingClock
from tests.unit.city import City
from tests.unit.hearing import GROUP, Hearing

ACKNOWLEDGES = Intent(NONE.name, 1.0, reply=False, acknowledges=True)
TICK = (GROUP, "已签到")
READ = (GROUP, "已收到")


@pytest.fixture
def hearing(database: Database, clock: StandingClock) -> Hearing:
    """A branch with its group, beside another; 王书记 opens lessons and sends notices."""
    with database.write.begin() as session:
        city = City(session)
        city.branch("小李", "小张", "小赵")
        city.branch("小钱", name="别的支部", secretary="马书记", chat="oc_other")
    lesson = {"kind": "10分钟微课堂", "topic": "交通安全"}
    return Hearing(
        database,
        clock,
        {
            "开课": Intent("open_lesson", 1.0, reply=True, slots=lesson),
            "通知": Intent("send_notice", 1.0, reply=True, slots={"text": "明天大风"}),
            "签到": Intent("check_in", 1.0, reply=True),
            "收到": Intent("notice_ack", 1.0, reply=True),
            "1": ACKNOWLEDGES,
            "好的": ACKNOWLEDGES,
        },
    )


def came(database: Database) -> list[str]:
    with database.read() as session:
        query = select(Person.name).join(CheckIn, CheckIn.person_id == Person.id).order_by(CheckIn.id)
        return list(session.scalars(query))


@pytest.mark.parametrize("word", ["到", "到了！", "来了来了", "已到", "人到了", "签", "1", "小李到", "🙋🏻", "到啦~"])
def test_a_short_word_is_a_check_in_while_a_lesson_is_open(hearing: Hearing, word: str) -> None:
    assert hearing.say("小李", word, GROUP) == []
    hearing.say("王书记", "开课", GROUP)
    assert hearing.say("小李", word, GROUP) == [TICK]
    assert came(hearing.database) == ["小李"]
    kept = hearing.claims()
    assert hearing.say("小李", word, GROUP) == []
    assert hearing.claims() == kept


@pytest.mark.parametrize(
    "word", ["好", "好的", "到了吗", "到了？", "我到楼下了", "来了个大单", "收到", "在", "小张到", "12"]
)
def test_what_says_no_arrival_is_none(hearing: Hearing, word: str) -> None:
    hearing.say("王书记", "开课", GROUP)
    kept = hearing.claims()
    assert hearing.say("小李", word, GROUP) == []
    assert (hearing.claims(), came(hearing.database)) == (kept, [])


def test_only_in_its_group_and_by_its_own_people(hearing: Hearing) -> None:
    hearing.say("王书记", "开课", GROUP)
    assert hearing.all([("小李", "到", "oc_other"), ("小钱", "到", GROUP), ("路人", "到", GROUP)]) == []
    assert hearing.say("小李", "到") == [("private 小李", "已签到")] or came(hearing.database) == ["小李"]


def test_not_before_and_not_after_it_is_open(hearing: Hearing) -> None:
    hearing.say("王书记", "开课", GROUP)
    with hearing.database.write.begin() as session:
        lesson = session.scalars(select(Lesson)).one()
        lesson.closed_at = hearing.clock() - timedelta(seconds=1)
    assert hearing.say("小李", "到", GROUP) == []


def test_where_a_code_is_wanted_no_word_counts(hearing: Hearing) -> None:
    hearing.say("王书记", "开课", GROUP)
    with hearing.database.write.begin() as session:
        session.scalars(select(Lesson)).one().by_code = True
    kept = hearing.claims()
    assert hearing.say("小李", "到", GROUP) == []
    assert (hearing.claims(), came(hearing.database)) == (kept, [])
    ((who, told),) = hearing.say("小李", "到", GROUP, addressed=True)
    assert (who, "四位数字" in told) == ("小李", True)


def test_a_lesson_and_a_notice_share_their_words(hearing: Hearing) -> None:
    """到 is the lesson's, 收到 the notice's, 1 is about what was posted last."""
    hearing.say("王书记", "开课", GROUP)
    hearing.wait(1)
    hearing.say("王书记", "通知", GROUP)
    assert hearing.say("小李", "1", GROUP) == [READ]
    assert hearing.say("小李", "1", GROUP) == [TICK]
    assert hearing.say("小张", "到", GROUP) == [TICK]
    assert hearing.say("小张", "好的", GROUP) == [READ]
    assert hearing.say("小赵", "收到", GROUP) == [READ]
    assert came(hearing.database) == ["小李", "小张"]


def test_what_is_said_to_the_lesson_answers_no_older_notice(hearing: Hearing) -> None:
    hearing.say("王书记", "通知", GROUP)
    hearing.wait(1)
    hearing.say("王书记", "开课", GROUP)
    assert hearing.say("小李", "好的", GROUP) == []
    assert hearing.say("小李", "1", GROUP) == [TICK]
    assert hearing.say("小李", "好的", GROUP) == [READ]
    assert hearing.say("小赵", "收到", GROUP) == [READ]


def test_a_bare_yes_answers_a_notice_soon_after_it_alone(hearing: Hearing) -> None:
    assert hearing.say("小李", "好", GROUP) == []
    hearing.say("王书记", "通知", GROUP)
    assert hearing.say("小李", "好", GROUP) == [READ]
    hearing.wait(31)
    assert hearing.say("小张", "好", GROUP) == []
    assert hearing.say("小张", "好的", GROUP) == [READ]


def test_two_words_at_once_are_one_check_in(hearing: Hearing) -> None:
    hearing.say("王书记", "开课", GROUP)
    assert hearing.all([("小李", "到", GROUP), ("小李", "来了", GROUP)]) == [TICK]
    assert came(hearing.database) == ["小李"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不是隐患，是诉求", Slip("appeal")),
        ("这不是隐患 是我的诉求", Slip("appeal")),
        ("这是诉求，不是隐患", Slip("appeal")),
        ("1001 不是隐患，是诉求", Slip("appeal", number=1001)),
        ("是隐患不是诉求", Slip("hazard")),
        ("打错了，是12栋", Slip("place", "12栋")),
        ("不好意思打错了，是幸福里12栋", Slip("place", "幸福里12栋")),
        ("地址错了 应该是3号楼", Slip("place", "3号楼")),
        ("1001地址错了，是5栋", Slip("place", "5栋", 1001)),
        ("不对，是西门", Slip("place", "西门", firm=False)),
        ("不是东门，是西门", Slip("place", "西门", firm=False, old="东门")),
        ("写错了", Slip("anything")),
    ],
)
def test_slips(text: str, expected: Slip) -> None:
    assert slip(text) == expected


@pytest.mark.parametrize(
    "text", ["不对", "不是", "打错了吗", "是诉求", "你打错了", "他写错了名字", "算错了，少给我五块"]
)
def test_what_is_no_slip(text: str) -> None:
    assert slip(text) is None


def test_answers() -> None:
    assert [chosen_number(text) for text in ("2", "第二个", "选2", "2️⃣", "12", "两个", "2单")] == [
        2,
        2,
        2,
        2,
        *[None] * 3,
    ]
    assert all(map(agrees, ("对", "是的", "嗯嗯", "没错！")))
    assert all(map(denies, ("不是", "都不是", "不对")))
    assert not any(map(agrees, ("对了", "是吗", "不对", "嗯？")))
    assert [answer_within(text) for text in ("是物业那边", "派给城管吧", "物业")] == ["物业", "城管", "物业"]


@given(st.text(max_size=200))
def test_no_text_breaks_them(text: str) -> None:
    for each in (arrived, either, agrees, denies, chosen_number, answer_within, slip):
        each(text)


def test_no_word_is_there_twice() -> None:
    for name in ("arrived", "either", "yes", "no", "slips", "denials"):
        words = short_words._words(name)
        assert len(words) == len(set(words)), name
