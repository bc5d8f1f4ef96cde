"""Lessons: who is expected, who was there, on leave or missing, and once each."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from models.attendance import Attendance, attendance
from models.chats import Chat
from models.database import Database
from models.lessons import (
    LESSON_KINDS,
    CheckIn,
    CheckInWay,
    Decision,
    Leave,
    Lesson,
    LessonState,
    RollEntry,
    close_lesson,
    open_lesson,
)
from models.organisations import Organisation, OrganisationKind
from models.people import Person, Post, Status
from models.points import PointEntry
from tests.conftest import START, StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk

PARTY = {"王书记", "小吴", "预备", "组员"}
LEARNERS = PARTY | {"对象", "积极分子"}
EVERYONE = LEARNERS | {"群众"}
AUDIENCE = {
    "党员大会": PARTY,
    "支委会": {"王书记", "小吴"},
    "党小组会": PARTY,
    "党课": LEARNERS,
    "主题党日": PARTY,
    "组织生活会": PARTY,
    "民主评议党员": PARTY,
    "选举": PARTY,
    "10分钟微课堂": EVERYONE,
    "班前一刻钟": EVERYONE,
    "红色学堂": EVERYONE,
    "恳谈会": EVERYONE,
}


@pytest.fixture(autouse=True)
def city(database: Database) -> None:
    """A branch with one person of each 身份, a 党小组 below it and another branch beside it."""
    with database.write.begin() as session:
        city = City(session)
        committee = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        branch = city.branch(parent=committee)
        city.person(branch, "小吴", Post.PUBLICITY)
        city.person(branch, "预备", status=Status.PROBATIONARY)
        city.person(branch, "对象", status=Status.PROSPECT)
        city.person(branch, "积极分子", status=Status.ACTIVIST)
        city.person(branch, "群众", status=Status.MASSES)
        group = city.organisation("中转场党小组", OrganisationKind.GROUP, parent=branch)
        city.person(group, "组员", Post.DISCIPLINE)
        city.branch("客人", name="隔壁支部", secretary="孙书记", parent=committee, chat="oc_other")


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return Talk(database, clock)


def opened(database: Database, kind: str = "党课") -> int:
    """Opens a lesson of the branch in its group, and returns its id."""
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.name == "幸福里流动党支部")).one()
        chat = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one()
        lesson = Lesson(organisation=branch, chat_id=chat.id, kind=kind, topic="", place="", state=LessonState.PLANNED)
        open_lesson(session, lesson, START)
        return lesson.id


def expected(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(Person.name).join(RollEntry, RollEntry.person_id == Person.id)))


def figures(database: Database) -> tuple[int, int, int, int, set[str]]:
    """应到, 实到, 请假, 列席, and who is missing."""
    with database.read() as session:
        counted: Attendance = attendance(session, session.scalars(select(Lesson)).one())
        missing = {person.name for person in counted.missing}
        return counted.expected, counted.present, counted.on_leave, counted.guests, missing


def count(database: Database, model: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


# Who is expected


def test_the_table_knows_every_kind() -> None:
    assert set(AUDIENCE) == set(LESSON_KINDS)


@pytest.mark.parametrize("kind", AUDIENCE)
def test_who_is_expected_at_each_kind(database: Database, kind: str) -> None:
    opened(database, kind)
    assert expected(database) == AUDIENCE[kind]
    with database.read() as session:
        lesson = session.scalars(select(Lesson)).one()
        assert lesson.closes_at == START + timedelta(minutes=LESSON_KINDS[kind].minutes)


def test_a_committee_member_of_a_group_below_is_not_expected_at_the_committee_of_the_branch(database: Database) -> None:
    opened(database, "支委会")
    assert "组员" not in expected(database)


def _join(database: Database) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.name == "幸福里流动党支部")).one()
        City(session).person(branch, "新来的")


def _leave(database: Database) -> None:
    with database.write.begin() as session:
        other = session.scalars(select(Organisation).where(Organisation.name == "隔壁支部")).one()
        person = session.scalars(select(Person).where(Person.name == "对象")).one()
        person.organisation_id, person.status = other.id, Status.MASSES


@pytest.mark.parametrize("change", [_join, _leave])
def test_who_joins_or_leaves_after_the_opening_does_not_change_who_is_expected(
    database: Database, talk: Talk, change: Callable[[Database], None]
) -> None:
    opened(database)
    change(database)
    assert expected(database) == LEARNERS
    assert figures(database) == (6, 0, 0, 0, LEARNERS)
    talk.say("新来的", "check_in", "oc_branch")
    assert figures(database)[:2] == (6, 0)


# Who was there


def test_leave_counts_when_it_is_approved_and_they_did_not_come_after_all(database: Database) -> None:
    lesson_id = opened(database)
    with database.write.begin() as session:
        people = {person.name: person.id for person in session.scalars(select(Person))}
        for name, state in (
            ("小吴", Decision.APPROVED),
            ("预备", Decision.ASKED),
            ("对象", Decision.APPROVED),
            ("群众", Decision.APPROVED),
        ):
            session.add(
                Leave(
                    lesson_id=lesson_id,
                    person_id=people[name],
                    reason="跑单",
                    state=state,
                    asked_at=START,
                    message_id=1,
                )
            )
        for name in ("王书记", "对象", "群众", "客人"):
            session.add(
                CheckIn(lesson_id=lesson_id, person_id=people[name], at=START, way=CheckInWay.WORD, message_id=1)
            )
    assert figures(database) == (6, 2, 1, 2, {"预备", "积极分子", "组员"})


def test_leave_is_asked_for_approved_and_counted(database: Database, talk: Talk) -> None:
    opened(database)
    asked = talk.say("预备", "leave_request", text="今晚要跑单")
    assert [whom for whom, _ in asked] == ["王书记", "预备"]
    assert figures(database)[2] == 0
    assert [whom for whom, _ in talk.say("预备", "leave_request", text="再请一次")] == ["预备"]
    assert count(database, Leave) == 1
    assert [whom for whom, _ in talk.say("孙书记", "approve_leave", person="预备")] == ["孙书记"]
    assert figures(database)[2] == 0
    assert [whom for whom, _ in talk.say("王书记", "approve_leave", person="预备")] == ["预备", "王书记"]
    assert figures(database) == (6, 0, 1, 0, LEARNERS - {"预备"})


def test_a_guest_is_counted_beside_those_who_are_expected(database: Database, talk: Talk) -> None:
    opened(database)
    talk.all(*[Said(who, "check_in", chat="oc_branch") for who in ("客人", "王书记")])
    assert figures(database)[:4] == (6, 1, 0, 1)
    ((whom, summary),) = talk.say("王书记", "close_lesson", "oc_branch")
    assert whom == "oc_branch"
    assert summary.endswith("应到 6，实到 1，请假 0，缺席 5，列席 1")


# Once


def test_each_person_checks_in_once(database: Database, talk: Talk, clock: StandingClock) -> None:
    opened(database)
    assert talk.say("王书记", "check_in", "oc_branch") == [("oc_branch", "已签到")]
    clock.move_to(clock() + timedelta(minutes=5))
    for chat in ("oc_branch", ""):
        ((whom, answer),) = talk.say("王书记", "check_in", chat)
        assert whom == "王书记"
        assert "15:00" in answer
    assert count(database, CheckIn) == count(database, PointEntry) == 1


def test_a_word_and_a_button_in_one_batch_are_one_check_in(database: Database, talk: Talk) -> None:
    lesson_id = opened(database)
    word = Said("王书记", "check_in", chat="oc_branch")
    press = replace(word, kind="button", about=f"lesson:{lesson_id}")
    talk.all(word, press, word, Said("小吴", "check_in", chat="oc_branch"), press)
    with database.read() as session:
        assert [c.way for c in session.scalars(select(CheckIn).order_by(CheckIn.id))] == [CheckInWay.WORD] * 2
        assert session.scalar(select(func.sum(PointEntry.points))) == 4
    assert figures(database)[1] == 2


def test_the_database_itself_refuses_a_second_check_in(database: Database) -> None:
    lesson_id = opened(database)
    with database.write() as session:
        person = session.scalars(select(Person.id)).first()
        for _ in range(2):
            session.add(CheckIn(lesson_id=lesson_id, person_id=person, at=START, way=CheckInWay.WORD, message_id=1))
        with pytest.raises(IntegrityError):
            session.flush()


def test_a_lesson_is_opened_once_in_a_chat(database: Database, talk: Talk) -> None:
    opening = Said("王书记", "open_lesson", {"kind": "党课", "topic": "交通安全"}, "oc_branch")
    answers = talk.all(opening, opening)
    assert [whom for whom, _ in answers] == ["oc_branch", "王书记"]
    assert "结束签到" in answers[1][1]
    assert "结束签到" in talk.say("王书记", "open_lesson")[0][1]
    assert count(database, Lesson) == 1
    assert len(talk.say("孙书记", "open_lesson", "oc_other")) == 1
    assert count(database, Lesson) == 2


def test_the_database_itself_refuses_a_second_open_lesson_in_a_chat(database: Database) -> None:
    opened(database)
    with pytest.raises(IntegrityError):
        opened(database, "党员大会")


def test_a_check_in_right_behind_the_opening_in_one_batch_found_nothing_open(database: Database, talk: Talk) -> None:
    answers = talk.all(
        Said("客人", "check_in", chat="oc_other"),
        Said("王书记", "open_lesson", {"kind": "党课"}, "oc_branch"),
        Said("小吴", "check_in", chat="oc_branch"),
    )
    assert ("oc_branch", "已签到") in answers
    assert figures(database)[1] == 1


# Closing


def test_absence_exists_only_once_a_lesson_is_closed(database: Database, talk: Talk) -> None:
    opened(database)
    talk.say("王书记", "check_in", "oc_branch")
    ((_, before),) = talk.say("王书记", "attendance_list", "oc_branch")
    talk.say("王书记", "close_lesson", "oc_branch")
    ((_, after),) = talk.say("王书记", "attendance_list", "oc_branch")
    assert ("缺席" in before, "缺席" in after) == (False, True)
    assert all("5 人" in answer and "小吴" in answer for answer in (before, after))


def test_a_closed_lesson_takes_nobody_any_more(database: Database, talk: Talk) -> None:
    lesson_id = opened(database)
    closing = Said("王书记", "close_lesson", chat="oc_branch")
    word = Said("小吴", "check_in", chat="oc_branch")
    answers = talk.all(closing, word, replace(word, kind="button", about=f"lesson:{lesson_id}"), closing)
    assert [whom for whom, _ in answers] == ["oc_branch", "小吴", "王书记"]
    assert answers[0][1].endswith("应到 6，实到 0，请假 0，缺席 6")
    assert count(database, CheckIn) == 0
    with database.read() as session:
        lesson = session.get_one(Lesson, lesson_id)
        assert (lesson.state, lesson.closed_at) == (LessonState.CLOSED, START)


def test_only_who_runs_the_branch_opens_and_closes(database: Database, talk: Talk) -> None:
    opened(database)
    for who in ("孙书记", "小吴", "路人"):
        assert [whom for whom, _ in talk.say(who, "close_lesson", "oc_branch")] == [who]
        assert [whom for whom, _ in talk.say(who, "open_lesson", "oc_branch")] == [who]
    with database.read() as session:
        assert session.scalars(select(Lesson.state)).one() is LessonState.OPEN


def test_after_closing_another_can_be_opened(database: Database) -> None:
    lesson_id = opened(database)
    with database.write.begin() as session:
        close_lesson(session.get_one(Lesson, lesson_id), START)
    opened(database)
    assert count(database, Lesson) == 2
