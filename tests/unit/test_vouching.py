"""代报: asked of another than the one who vouches, counted once, at the time of the 代报."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.lessons import CheckIn, CheckInWay, Decision, Lesson, LessonState, Vouch, open_lesson
from models.organisations import OrganisationKind
from models.people import Post, Status
from models.points import PointEntry
from tests.conftest import START, StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def city(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        committee = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        branch = city.branch(parent=committee, chat="")
        city.person(branch, "小吴", Post.ORGANISATION)
        city.person(branch, "小李")
        city.person(branch, "小张")
        city.person(branch, "小张三")
        city.person(branch, "群众", status=Status.MASSES)
        city.branch(name="隔壁支部", secretary="孙书记", parent=committee, chat="")
        city.person(committee, "刘书记", Post.SECRETARY)
        chat = city.chat(branch, "oc_branch")
        lesson = Lesson(
            organisation=branch, chat_id=chat.id, kind="党员大会", topic="", place="", state=LessonState.PLANNED
        )
        open_lesson(session, lesson, START)


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return Talk(database, clock)


def vouched(database: Database) -> list[Decision]:
    with database.read() as session:
        return list(session.scalars(select(Vouch.state).order_by(Vouch.id)))


def came(database: Database) -> list[tuple[CheckInWay, bool]]:
    with database.read() as session:
        return [(record.way, record.late) for record in session.scalars(select(CheckIn).order_by(CheckIn.id))]


def whom(answers: list[tuple[str, str]]) -> list[str]:
    return sorted(name for name, _ in answers)


def test_it_counts_at_the_time_of_the_vouching_however_late_it_is_confirmed(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    clock.move_to(START + 14 * MINUTE)
    assert whom(talk.say("小李", "vouch", "oc_branch", person="小张", text="没信号")) == ["小李", "王书记"]
    assert came(database) == []
    clock.move_to(START + 3 * 60 * MINUTE)
    talk.say("王书记", "close_lesson", "oc_branch")
    assert whom(talk.say("王书记", "confirm_vouch", person="小张")) == ["小张", "小李", "王书记"]
    assert came(database) == [(CheckInWay.VOUCHED, False)]
    with database.read() as session:
        assert session.scalars(select(CheckIn.at)).one() == START + 14 * MINUTE
        assert session.scalar(select(func.count()).select_from(PointEntry)) == 1


def test_who_was_vouched_for_after_the_limit_is_late(database: Database, talk: Talk, clock: StandingClock) -> None:
    clock.move_to(START + 15 * MINUTE)
    talk.say("小李", "vouch", "oc_branch", person="小张")
    talk.say("王书记", "confirm_vouch", person="小张")
    assert came(database) == [(CheckInWay.VOUCHED, True)]


def test_a_name_typed_together_with_the_reason_is_the_longest_that_fits(database: Database, talk: Talk) -> None:
    answers = dict(talk.say("小李", "vouch", "oc_branch", person="小张", text="三没信号"))
    assert "小张三 到了" in answers["王书记"]
    assert "原因：没信号" in answers["王书记"]


def test_the_secretary_above_confirms_where_nobody_else_is_left(database: Database, talk: Talk) -> None:
    """Neither the one who vouches nor the one vouched for confirms."""
    assert whom(talk.say("王书记", "vouch", "oc_branch", person="小吴")) == ["刘书记", "王书记"]
    for who in ("王书记", "小吴", "孙书记"):
        talk.say(who, "confirm_vouch", person="小吴")
        assert came(database) == []
    talk.say("刘书记", "confirm_vouch", person="小吴")
    assert came(database) == [(CheckInWay.VOUCHED, False)]


def test_the_secretary_of_another_branch_confirms_nothing(database: Database, talk: Talk) -> None:
    talk.say("小李", "vouch", "oc_branch", person="小张")
    with database.read() as session:
        about = f"vouch:{session.scalars(select(Vouch.id)).one()}"
    for intent in ("confirm_vouch", "refuse_vouch"):
        press = Said("孙书记", intent, kind="button", about=about)
        assert talk.all(press) == []  # the press itself is answered
    assert vouched(database) == [Decision.ASKED]


@pytest.mark.parametrize("name", ["小李", "群众", "孙书记", "没有这人"])
def test_oneself_and_those_not_expected_cannot_be_vouched_for(database: Database, talk: Talk, name: str) -> None:
    assert whom(talk.say("小李", "vouch", "oc_branch", person=name)) == ["小李"]
    assert vouched(database) == []


def test_two_who_vouch_for_one_in_one_batch_ask_once(database: Database, talk: Talk) -> None:
    said = [Said(who, "vouch", {"person": "小张"}, "oc_branch") for who in ("小李", "小吴")]
    assert whom(talk.all(*said)) == ["小吴", "小李", "王书记"]
    assert vouched(database) == [Decision.ASKED]


def test_two_who_decide_at_the_same_time_the_first_decides(database: Database, talk: Talk) -> None:
    talk.say("小李", "vouch", "oc_branch", person="小张")
    with ThreadPoolExecutor() as others:
        with database.write.begin() as session:
            session.scalars(select(Vouch)).one().state = Decision.REFUSED
            session.flush()
            answers = others.submit(talk.say, "王书记", "confirm_vouch", person="小张")
            sleep(0.3)
        assert whom(answers.result(timeout=30)) == ["王书记"]
    assert (vouched(database), came(database)) == ([Decision.REFUSED], [])


def test_confirmed_and_checked_in_in_one_batch_is_one_check_in(database: Database, talk: Talk) -> None:
    talk.say("小李", "vouch", "oc_branch", person="小张")
    both = [Said("王书记", "confirm_vouch", {"person": "小张"}), Said("小张", "check_in", chat="oc_branch")]
    talk.all(*both)
    assert came(database) == [(CheckInWay.VOUCHED, False)]
    talk.say("小李", "vouch", "oc_branch", person="小张三")
    talk.all(Said("小张三", "check_in", chat="oc_branch"), Said("王书记", "confirm_vouch", {"person": "小张三"}))
    assert [way for way, _ in came(database)] == [CheckInWay.VOUCHED, CheckInWay.WORD]


def test_one_vouches_for_two_and_no_more_whatever_became_of_them(database: Database, talk: Talk) -> None:
    talk.say("小李", "vouch", "oc_branch", person="小张")
    talk.say("王书记", "refuse_vouch", person="小张")
    talk.say("小李", "vouch", "oc_branch", person="小吴")
    assert whom(talk.say("小李", "vouch", "oc_branch", person="小张三")) == ["小李"]
    assert whom(talk.say("小吴", "vouch", "oc_branch", person="小张")) == ["小吴"]
    assert vouched(database) == [Decision.REFUSED, Decision.ASKED]
    assert came(database) == []
