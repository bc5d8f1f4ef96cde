"""这个月还差什么 and 要求: who is told what, and who may ask for how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.content import Card, load
from bot.understanding.numerals import CHINESE
from handlers.duties import MOST, read_frequency
from models.audit import AuditEntry
from models.database import Database
from models.duty_rules import DutyRule
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Person, Post, Status
from tests.conftest import START, StandingClock
from tests.unit.city import City, shanghai
from tests.unit.talk import Talk


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("两新工委", OrganisationKind.COMMITTEE)
        industry = city.organisation("行业党委", OrganisationKind.COMMITTEE, top)
        city.person(top, "陈书记", Post.SECRETARY)
        city.person(top, "周组织员", Post.ORGANISER)
        city.person(industry, "刘书记", Post.SECRETARY)
        branch = city.organisation("甲支部", parent=industry)
        city.person(branch, "王书记", Post.SECRETARY)
        city.person(branch, "小李", status=Status.PROBATIONARY)
        group = city.organisation("一组", OrganisationKind.GROUP, branch)
        city.person(group, "赵组长", Post.LEADER)
        for number in range(6):
            other = city.organisation(f"第{number}支部", parent=industry, created_at=shanghai(10, 1))
            city.person(other, f"{number}书记", Post.SECRETARY)
        city.person(city.organisation("空党委", OrganisationKind.COMMITTEE), "空书记", Post.SECRETARY)
        city.person(city.organisation("物业", OrganisationKind.UNIT, top), "老陈", Post.SECRETARY)
        city.chat(branch, "oc_甲")
        city.chat(industry, "oc_党委")
    return Talk(database, clock, admins=("feishu:ou_小李",))


def hold(database: Database, organisation: str, month: int, *kinds: str) -> None:
    """Held on the fifth of the month, with the secretary there."""
    with database.write.begin() as session:
        city = City(session)
        held_by = session.scalars(select(Organisation).where(Organisation.name == organisation)).one()
        person = session.scalars(select(Person).where(Person.organisation_id == held_by.id)).first()
        assert person is not None
        for kind in kinds:
            city.held(held_by, shanghai(month, 5, 15), kind, came=[person])


def answer(talk: Talk, who: str, intent: str = "duty_query", chat: str = "", **slots: str) -> str:
    """The one thing that is said, and that in private."""
    ((whom, text),) = talk.say(who, intent, chat, **slots)
    assert whom == who
    return text


def ask(talk: Talk, who: str, kind: str, frequency: str, chat: str = "") -> str:
    return answer(talk, who, "set_duty", chat, kind=kind, text=f"要求 {kind} {frequency}")


def test_a_branch_sees_what_is_held_due_and_overdue(talk: Talk, database: Database) -> None:
    hold(database, "甲支部", 11, "主题党日")
    for month in (1, 4, 7):
        hold(database, "甲支部", month, "党员大会", "党课")
    for month in (1, 2, 3, 4, 5, 6, 7, 10):
        hold(database, "甲支部", month, "主题党日")
    assert answer(talk, "王书记") == (
        "📋 甲支部，三会一课：\n"
        "本月：\n"
        "· 一组党小组会 待办 0/1（第十三条）\n"
        "· 主题党日 已完成 1/1（第十六条，必须）\n"
        "本季度：\n"
        "· 党员大会 待办 0/1（第十一条）\n"
        "· 党课 待办 0/1（第十五条）\n"
        "今年：\n"
        "· 组织生活会 待办 0/1（第十七条，必须）\n"
        "· 民主评议党员 待办 0/1（第十八条）\n"
        "过了期没开够的：\n"
        "· 党小组会：一组 1月、2月、3月、4月、5月、6月、7月、8月、9月、10月，各差 1 次（第十三条）\n"
        "· 主题党日：8月、9月，各差 1 次（第十六条）\n"
        "条款出自《中国共产党支部工作条例（试行）》。\n"
        "定下来就发「计划 党小组会 周五15:00」，小蜂到时候提醒大家。"
    )
    assert answer(talk, "王书记", chat="oc_甲").startswith("📋 甲支部")


def test_a_group_sees_its_own_meeting_alone(talk: Talk, database: Database) -> None:
    hold(database, "一组", 11, "党小组会")
    text = answer(talk, "赵组长")
    assert text.startswith("📋 一组，三会一课：\n本月：\n· 一组党小组会 已完成 1/1（第十三条）\n过了期")
    assert "党课" not in text
    assert text.endswith("眼下没有要定的会。")


def test_an_organiser_sees_all_branches_below_and_at_most_five_that_are_behind(talk: Talk, database: Database) -> None:
    for number in range(6):
        hold(database, f"第{number}支部", 11, "主题党日")
        hold(database, f"第{number}支部", 10, "主题党日")
    hold(database, "第0支部", 11, "党员大会", "党课", "组织生活会", "民主评议党员")
    text = answer(talk, "周组织员")
    assert text == answer(talk, "陈书记") == answer(talk, "刘书记", chat="oc_党委").replace("行业党委", "两新工委", 1)
    lines = text.splitlines()
    assert lines[:5] == [
        "📋 两新工委，支部 7 个，三会一课：",
        "本月：都开完的 6/7",
        "本季度：都开完的 1/7",
        "今年：都开完的 1/7",
        "还差的支部 6 个，先看这 5 个：",
    ]
    behind = "党员大会、党小组会（一组）、党课、主题党日、组织生活会、民主评议党员；逾期 党员大会（第一季度"
    assert lines[5].startswith(f"· 甲支部：{behind}")
    assert lines[6:] == [f"· 第{number}支部：党员大会、党课、组织生活会、民主评议党员" for number in range(1, 5)]
    assert answer(talk, "空书记") == "空党委下面还没有支部，先没有三会一课的情况。"


def test_what_is_all_planned_is_told_apart_from_what_is_all_held(talk: Talk, database: Database) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.name == "第0支部")).one()
        City(session).planned(branch, shanghai(11, 27, 15), "主题党日")
    hold(database, "第1支部", 11, "主题党日")
    assert "本月：都开完的 1/7，都定了时间的 1\n" in answer(talk, "周组织员")


@pytest.mark.parametrize(("who", "chat"), [("小李", ""), ("小李", "oc_甲"), ("赵组长", "oc_甲"), ("王书记", "oc_党委")])
def test_nobody_else_is_told(talk: Talk, database: Database, clock: StandingClock, who: str, chat: str) -> None:
    plain = Talk(database, clock)
    assert answer(plain, who, chat=chat) == "三会一课的情况给书记和组织员看。"


def test_a_unit_has_no_duties(talk: Talk) -> None:
    assert answer(talk, "老陈").startswith("物业不开三会一课")
    assert ask(talk, "老陈", "党课", "每月1次").startswith("物业不开三会一课")


# 要求


def test_what_a_committee_asks_for_holds_below_and_is_on_record(talk: Talk, database: Database) -> None:
    assert ask(talk, "刘书记", "党课", "每月1次") == (
        "定好了：行业党委和下面 7 个支部，党课每月 1 次。从这个周期算起，提醒、周报都按这个来。"
    )
    assert "· 党课 待办 0/1（第十五条）" in answer(talk, "王书记").partition("本季度：")[0]
    assert "· 党课：每月 1 次（行业党委定的）" in answer(talk, "王书记", "set_duty", text="要求")
    assert "· 党课：每季度 1 次（第十五条）" in answer(talk, "陈书记", "set_duty", text="要求")
    with database.read() as session:
        rule = session.scalars(select(DutyRule)).one()
        assert (rule.kind, rule.every, rule.times) == ("党课", "month", 1)
        assert rule.set_by == session.scalars(select(Person.id).where(Person.name == "刘书记")).one()
        audit = session.scalars(select(AuditEntry).where(AuditEntry.action == "set_duty")).one()
        assert audit.subject == f"organisation:{rule.organisation_id}"


@pytest.mark.parametrize(
    ("frequency", "allowed"),
    [("每季度2次", True), ("每月1次", True), ("每年1次", False), ("每年12次", False), ("不要求", False)],
)
def test_a_branch_may_ask_for_more_and_never_for_less(talk: Talk, frequency: str, allowed: bool) -> None:
    text = ask(talk, "王书记", "党课", frequency)
    assert text.startswith("定好了：甲支部，" if allowed else "党课的要求是每季度 1 次，这里可以多开，不能少开。")


def test_an_administrator_may_ease_what_holds_for_a_branch(talk: Talk) -> None:
    assert ask(talk, "小李", "党课", "每年1次").startswith("定好了：甲支部，党课每年 1 次")


def test_what_a_branch_had_asked_for_is_brought_up_to_what_comes_from_above(talk: Talk, database: Database) -> None:
    ask(talk, "王书记", "党课", "每季度2次")
    ask(talk, "0书记", "党课", "每月3次")
    ask(talk, "王书记", "党小组会", "每月2次")
    ask(talk, "赵组长", "党小组会", "每月3次")
    assert ask(talk, "刘书记", "党课", "每月2次").endswith(
        "下面有 1 个组织自己定得更松，一并改成这样。下面有 1 个组织自己定得更严，照旧。"
    )
    assert ask(talk, "刘书记", "党小组会", "每月5次").endswith("下面有 2 个组织自己定得更松，一并改成这样。")
    assert "· 党课：每月 2 次（行业党委定的）" in answer(talk, "王书记", "set_duty", text="要求")
    assert "· 党课：每月 3 次（第0支部定的）" in answer(talk, "0书记", "set_duty", text="要求")
    assert "党小组会 待办 0/5" in answer(talk, "赵组长")


def test_what_the_uppermost_asks_for_holds_below_a_committee_that_had_asked_for_less(talk: Talk) -> None:
    ask(talk, "刘书记", "支委会", "每季度1次")
    assert ask(talk, "陈书记", "支委会", "每月2次").endswith("下面有 1 个组织自己定得更松，一并改成这样。")
    assert "· 支委会：每月 2 次（两新工委定的" in answer(talk, "王书记", "set_duty", text="要求")


def test_a_committee_eases_the_general_duties_but_not_what_was_asked_for_above_it(talk: Talk) -> None:
    assert ask(talk, "刘书记", "党课", "每年1次").startswith("定好了：行业党委和下面 7 个支部，党课每年 1 次")
    ask(talk, "陈书记", "主题党日", "每月2次")
    assert ask(talk, "刘书记", "主题党日", "每月1次").startswith("主题党日的要求是每月 2 次，这里可以多开，不能少开。")


def test_nobody_is_told_that_those_below_were_eased_who_ask_for_more_themselves(talk: Talk, database: Database) -> None:
    ask(talk, "王书记", "党课", "每月1次")
    assert ask(talk, "刘书记", "党课", "每年1次").endswith("下面有 1 个组织自己定得更严，照旧。")
    assert "· 党课：每月 1 次（甲支部定的）" in answer(talk, "王书记", "set_duty", text="要求")


def test_an_organiser_gets_no_buttons_that_are_the_secretary_s(talk: Talk, database: Database) -> None:
    talk.say("王书记", "duty_query", "oc_甲")
    talk.say("周组织员", "duty_query", "oc_甲")
    with database.read() as session:
        posts = session.scalars(select(OutboxPost).order_by(OutboxPost.id))
        cards = [content for post in posts if isinstance(content := load(post.content), Card)]
    assert [bool(card.buttons) for card in cards] == [True, False]
    assert "定下来就发" not in cards[1].as_text()


@pytest.mark.parametrize("intent", ["duty_query", "digest"])
def test_an_organiser_who_has_left_sees_nothing_any_more(talk: Talk, database: Database, intent: str) -> None:
    assert "支部 7 个" in answer(talk, "周组织员", intent)
    with database.write.begin() as session:
        session.scalars(select(Person).where(Person.name == "周组织员")).one().left_on = START.date()
    assert "发给书记和组织员" in answer(talk, "周组织员", intent).replace("给书记和组织员看", "发给书记和组织员")


def test_a_group_sets_its_own_meeting_alone(talk: Talk) -> None:
    assert ask(talk, "赵组长", "党课", "每月1次") == "党小组只定党小组会，比如「要求 党小组会 每月1次」。"
    assert ask(talk, "赵组长", "党小组会", "每月2次").startswith("定好了：一组，党小组会每月 2 次")
    assert answer(talk, "赵组长", "set_duty", text="要求").splitlines()[1:2] == ["· 党小组会：每月 2 次（一组定的）"]


def test_the_same_again_changes_nothing(talk: Talk, database: Database) -> None:
    assert ask(talk, "王书记", "党课", "每季度1次") == "党课现在就是每季度 1 次，不用再定。"
    with database.read() as session:
        assert session.scalars(select(DutyRule)).all() == []


def test_other_names_of_a_kind_are_known(talk: Talk) -> None:
    assert ask(talk, "王书记", "支部大会", "每季度两次").startswith("定好了：甲支部，党员大会每季度 2 次")


@pytest.mark.parametrize("kind", ["红色学堂", "选举", ""])
def test_only_kinds_that_are_duties_can_be_asked_for(talk: Talk, kind: str) -> None:
    assert ask(talk, "王书记", kind, "每月1次").startswith("能定要求的有：党员大会、支委会、")


@pytest.mark.parametrize("who", ["赵组长", "1书记"])
def test_nobody_sets_what_is_not_theirs(talk: Talk, database: Database, who: str) -> None:
    assert ask(talk, who, "党课", "每月1次", chat="oc_甲").startswith("这件事由书记来办。")
    with database.read() as session:
        assert session.scalars(select(DutyRule)).all() == []


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("每月1次", ("month", 1)),
        ("每个月一次", ("month", 1)),
        ("一个月两次", ("month", 2)),
        ("每月至少开2次", ("month", 2)),
        ("至少每月2次", ("month", 2)),
        ("每月", ("month", 1)),
        ("每季1次", ("quarter", 1)),
        ("每季度三回", ("quarter", 3)),
        ("一年4次", ("year", 4)),
        ("每年开十二次", ("year", 12)),
        ("2次/月", ("month", 2)),
        ("两次每季度", ("quarter", 2)),
        ("不要求", (None, 0)),
        ("不做要求", (None, 0)),
        ("不用开了", (None, 0)),
        ("每周1次", None),
        ("每半年1次", None),
        ("每两个月1次", None),
        ("每月0次", None),
        ("每月13次", None),
        ("每月1.5次", None),
        ("大家都要来", None),
        ("", None),
        ("次", None),
        ("每月次", None),
    ],
)
def test_how_often(words: str, meant: tuple[str | None, int] | None) -> None:
    assert read_frequency(words) == meant


@given(st.text(f"每个月季度年次回要开不求用至少/12345{CHINESE}", max_size=10))
def test_whatever_is_said_a_frequency_is_within_bounds(words: str) -> None:
    found = read_frequency(words)
    assert found is None or (found[0] in ("month", "quarter", "year") and 1 <= found[1] <= MOST) or found == (None, 0)


@given(st.sampled_from(["月", "季度", "年"]), st.integers(1, 99))
def test_every_number_up_to_the_most_can_be_asked_for(every: str, times: int) -> None:
    found = read_frequency(f"每{every}{times}次")
    assert (found is not None and found[1] == times) == (times <= MOST)
