"""Leave: from the lesson that is meant, decided by whom it concerns, and its reason is for nobody else."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.attendance import Mark, marks
from models.database import Database
from models.lessons import Coming, Decision, Leave, Lesson, LessonState, close_lesson, open_lesson
from models.organisations import OrganisationKind
from models.people import Person, Post, Status
from tests.conftest import StandingClock
from tests.unit.city import City, shanghai
from tests.unit.talk import Said, Talk

SECRET = "老婆要生了"


@pytest.fixture(autouse=True)
def city(database: Database) -> None:
    """A branch with a 党小组 below and a 党委 above it; two meetings of it are planned, and one of the 党小组."""
    with database.write.begin() as session:
        city = City(session)
        committee = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        city.person(committee, "刘书记", Post.SECRETARY)
        branch = city.organisation(parent=committee)
        group = city.organisation("中转场党小组", OrganisationKind.GROUP, parent=branch)
        for name, post in (("王书记", Post.SECRETARY), ("小李", None), ("李小明", None)):
            city.person(branch, name, post)
        city.person(branch, "群众", status=Status.MASSES)
        city.person(group, "组长", Post.LEADER)
        city.person(group, "组员")
        city.chat(branch, "oc_branch")
        city.planned(branch, shanghai(11, 23, 16), "党员大会")
        city.planned(branch, shanghai(11, 25, 15), "10分钟微课堂", "交通安全")
        city.planned(group, shanghai(11, 24, 15), "党小组会")


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return Talk(database, clock)


def leaves(database: Database) -> list[tuple[str, str, Decision]]:
    """Who has asked for leave from what, in the order in which they asked."""
    with database.read() as session:
        query = (
            select(Person.name, Lesson.kind, Leave.state)
            .join(Leave, Leave.person_id == Person.id)
            .join(Lesson, Lesson.id == Leave.lesson_id)
            .order_by(Leave.id)
        )
        return list(session.execute(query))


def lesson_id(database: Database, kind: str) -> int:
    with database.read() as session:
        return session.scalars(select(Lesson.id).where(Lesson.kind == kind)).one()


def asks(who: str, text: str = "请假", reason: str = "", chat: str = "", about: str = "") -> Said:
    return Said(who, "leave_request", {"text": reason} if reason else {}, chat, text, about=about)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请假 有事", "党员大会"),
        ("请假 今晚要跑单", "党员大会"),
        ("请假 后天的微课堂 有事", "10分钟微课堂"),
        ("微课堂我请假", "10分钟微课堂"),
        ("交通安全那课我请假", "10分钟微课堂"),
        ("请假 后天有事", "10分钟微课堂"),
        ("请假 周日要回老家", "党员大会"),
    ],
)
def test_the_lesson_that_is_named_is_meant_and_else_the_next(
    database: Database, talk: Talk, text: str, kind: str
) -> None:
    talk.all(asks("小李", text, "有事"))
    assert leaves(database) == [("小李", kind, Decision.ASKED)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("请假 下周三的微课堂", "12月2日（周三）没有安排10分钟微课堂"),
        ("请假 党课 有事", "没有安排党课"),
        ("这次党小组会我来不了", "没有安排党小组会"),
    ],
)
def test_a_lesson_that_is_named_and_not_planned_is_not_taken_for_another(
    database: Database, talk: Talk, text: str, said: str
) -> None:
    ((whom, answer),) = talk.all(asks("小李", text, "有事"))
    assert whom == "小李"
    assert answer.startswith(said)
    assert leaves(database) == []


def test_leave_can_be_asked_for_far_ahead_from_a_named_lesson(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Person).where(Person.name == "小李")).one().organisation
        City(session).planned(branch, shanghai(12, 20, 15), "主题党日")
    talk.all(asks("小李", "请假 主题党日 有事", "有事"), asks("李小明", "请假 12月20日 有事", "有事"))
    assert leaves(database) == [("小李", "主题党日", Decision.ASKED), ("李小明", "主题党日", Decision.ASKED)]


def test_who_is_not_expected_need_not_ask(database: Database, talk: Talk) -> None:
    talk.all(asks("群众", reason="有事"))
    assert leaves(database) == [("群众", "10分钟微课堂", Decision.ASKED)]


def test_the_button_of_a_reminder_stays_about_its_lesson(database: Database, talk: Talk) -> None:
    about = f"lesson:{lesson_id(database, '10分钟微课堂')}"
    talk.all(asks("小李", about=about))
    assert leaves(database) == [("小李", "10分钟微课堂", Decision.ASKED)]


@pytest.mark.parametrize(
    ("state", "said"), [(LessonState.CLOSED, "已经结束"), (LessonState.CANCELLED, "取消了，不用请假")]
)
def test_the_button_of_a_lesson_that_is_over_says_so(
    database: Database, talk: Talk, state: LessonState, said: str
) -> None:
    number = lesson_id(database, "党员大会")
    with database.write.begin() as session:
        session.get_one(Lesson, number).state = state
    ((_, answer),) = talk.all(asks("小李", about=f"lesson:{number}"))
    assert said in answer
    assert leaves(database) == []


def test_a_button_about_somebody_elses_lesson_gives_no_leave(database: Database, talk: Talk) -> None:
    talk.all(asks("小李", about=f"lesson:{lesson_id(database, '党小组会')}"))
    assert leaves(database) == []


def test_the_secretary_of_the_branch_decides_and_a_leader_for_the_party_group_alone(talk: Talk) -> None:
    asked = talk.all(asks("组员", "请假 党小组会", "有事"))
    assert [whom for whom, _ in asked] == ["组长", "组员"]
    assert talk.say("王书记", "approve_leave", person="组员")[0][0] == "组员", "the secretary runs the 党小组 too"
    asked = talk.all(asks("组员", "请假 党员大会", "有事"))
    assert [whom for whom, _ in asked] == ["王书记", "组员"]
    ((_, refused),) = talk.say("组长", "approve_leave", person="组员")
    assert refused == "组员 没有等着批的假。"


def test_a_secretary_asks_the_next_above(talk: Talk) -> None:
    assert [whom for whom, _ in talk.all(asks("王书记", reason="有事"))] == ["刘书记", "王书记"]


def test_nobody_in_the_group_sees_a_reason(database: Database, talk: Talk) -> None:
    heard = talk.all(asks("小李", reason=SECRET, chat="oc_branch"))
    heard += talk.say("王书记", "refuse_leave", "oc_branch", person="小李", text="要投票")
    heard += talk.all(asks("小李", reason=SECRET, chat="oc_branch"))
    heard += talk.all(Said("王书记", "attendance_list", {}, "oc_branch", "谁请假了"))
    heard += talk.say("王书记", "approve_leave", "oc_branch", person="小李")
    in_group = [text for whom, text in heard if whom == "oc_branch"]
    assert len(in_group) == 2, "the list and the approval"
    assert not any(SECRET in text or "要投票" in text for text in in_group)
    ((_, private),) = talk.all(Said("王书记", "attendance_list", {}, "", "谁请假了"))
    assert SECRET in private


@pytest.mark.parametrize(
    ("slots", "name"),
    [
        ({"person": "小李", "text": "要投票"}, "小李"),
        ({"person": "李小", "text": "明要投票"}, "李小明"),
        ({"person": "李小明", "text": "要投票"}, "李小明"),
    ],
)
def test_a_refusal_finds_where_the_name_ends(database: Database, talk: Talk, slots: dict[str, str], name: str) -> None:
    talk.all(asks("小李", reason="有事"), asks("李小明", reason="有事"))
    told = dict(talk.say("王书记", "refuse_leave", **slots))
    assert "理由：要投票" in told[name]
    assert {(who, state) for who, _, state in leaves(database) if state is not Decision.ASKED} == {
        (name, Decision.REFUSED)
    }


def test_a_refusal_wants_a_reason(database: Database, talk: Talk) -> None:
    talk.all(asks("小李", reason="有事"))
    ((whom, answer),) = talk.say("王书记", "refuse_leave", person="小李")
    assert whom == "王书记"
    assert "理由" in answer
    assert leaves(database) == [("小李", "党员大会", Decision.ASKED)]


def test_leave_is_asked_for_twice_and_no_more(database: Database, talk: Talk) -> None:
    for _ in range(2):
        assert len(talk.all(asks("小李", reason="有事"))) == 2
        talk.say("王书记", "refuse_leave", person="小李", text="要投票")
    ((whom, answer),) = talk.all(asks("小李", reason="有事"))
    assert (whom, "两次" in answer) == ("小李", True)
    assert leaves(database) == [("小李", "党员大会", Decision.REFUSED)]


def test_both_of_one_batch_are_one_leave(database: Database, talk: Talk) -> None:
    talk.all(asks("小李", reason="有事"), asks("小李", reason="有事"))
    assert leaves(database) == [("小李", "党员大会", Decision.ASKED)]


def test_leave_takes_back_that_one_comes(database: Database, talk: Talk) -> None:
    number = lesson_id(database, "党员大会")
    with database.write.begin() as session:
        people = {person.name: person.id for person in session.scalars(select(Person))}
        for name in ("小李", "李小明"):
            session.add(Coming(lesson_id=number, person_id=people[name], at=shanghai(11, 23), message_id=1))
    talk.all(asks("小李", reason="有事"))
    with database.read() as session:
        assert list(session.scalars(select(Coming.person_id))) == [people["李小明"]]


def test_who_comes_after_all_is_there_and_who_withdraws_is_absent(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    for who in ("小李", "李小明", "王书记"):
        talk.all(asks(who, reason="有事"))
    for who in ("小李", "李小明"):
        talk.say("王书记", "approve_leave", person=who)
    talk.say("刘书记", "approve_leave", person="王书记")
    talk.say("李小明", "withdraw_leave")
    number = lesson_id(database, "党员大会")
    clock.move_to(shanghai(11, 23, 16))
    with database.write.begin() as session:
        lesson = session.get_one(Lesson, number)
        open_lesson(session, lesson, clock())
    talk.say("小李", "check_in")
    with database.write.begin() as session:
        lesson = session.get_one(Lesson, number)
        close_lesson(lesson, clock() + timedelta(hours=1))
        people = {person.id: person.name for person in session.scalars(select(Person))}
        found = {people[one]: mark for one, mark in marks(session, [lesson])[number].items()}
    assert {name: found[name] for name in ("小李", "李小明", "王书记")} == {
        "小李": Mark.PRESENT,
        "李小明": Mark.ABSENT,
        "王书记": Mark.LEAVE,
    }


def test_a_card_of_a_cancelled_lesson_decides_nothing(database: Database, talk: Talk) -> None:
    talk.all(asks("小李", reason="有事"))
    with database.write.begin() as session:
        leave = session.scalars(select(Leave)).one()
        session.get_one(Lesson, leave.lesson_id).state = LessonState.CANCELLED
        about = f"leave:{leave.id}"
    talk.all(Said("王书记", "approve_leave", {"person": "小李"}, kind="button", about=about))
    talk.say("王书记", "approve_leave", person="小李")
    assert leaves(database) == [("小李", "党员大会", Decision.ASKED)]


def test_an_old_card_of_leave_taken_back_decides_no_other_leave(database: Database, talk: Talk) -> None:
    """Pressed, it approved the leave that the same person had asked for from another lesson since."""
    talk.all(asks("小李", reason="有事"))
    with database.read() as session:
        about = f"leave:{session.scalars(select(Leave.id)).one()}"
    talk.say("小李", "withdraw_leave")
    talk.all(asks("小李", "周三的微课堂请假", reason="体检"))
    button = Said("王书记", "approve_leave", {"person": "小李"}, kind="button", about=about)
    assert talk.all(button) == []  # what the button shows is no message
    refusal = Said("王书记", "refuse_leave", {"person": "小李", "text": "要投票"}, kind="button", about=about)
    assert talk.all(refusal) == []
    assert leaves(database) == [("小李", "10分钟微课堂", Decision.ASKED)]


def test_who_approved_hears_that_the_leave_is_not_wanted_any_more(database: Database, talk: Talk) -> None:
    talk.all(asks("小李", reason=SECRET))
    talk.say("王书记", "approve_leave", person="小李")
    told = talk.all(Said("小李", "coming", {}, "oc_branch", "我会来"))
    assert [(whom, "小李 能来了" in text) for whom, text in told if whom == "王书记"] == [("王书记", True)]
    assert SECRET not in str(told)
    talk.all(asks("李小明", reason="有事"))
    assert [whom for whom, _ in talk.say("李小明", "withdraw_leave")] == ["李小明"]
