"""待办, 我报的 and 更多: what comes first, what is said of it, and how the next page is found."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.cases import Action, Actor, Case, Part, change
from models.database import Database
from models.organisations import OrganisationKind
from models.people import Post
from tests.conftest import StandingClock
from tests.unit.city import City
from tests.unit.talk import Talk


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    """A branch with a group and a 物业 with one, below a committee."""
    with database.write.begin() as session:
        city = City(session)
        street = city.committee("街道")
        city.branch("小李", "小张", name="支部", parent=street)
        unit = city.organisation("物业", OrganisationKind.UNIT, parent=street)
        city.person(unit, "老陈", Post.CONTACT)
        city.chat(unit, "oc_property")
    return Talk(database, clock)


def report(talk: Talk, place: str, chat: str = "", who: str = "小李") -> None:
    talk.say(who, "hazard_report", chat, text=f"{place}井盖没了", place=place)


def asked(talk: Talk, who: str, intent: str, chat: str = "") -> str:
    """What the bot answers; what it tells others besides is left out."""
    return "\n".join(text for to, text in talk.say(who, intent, chat) if to in (who, chat))


def numbers(answer: str) -> list[int]:
    return [int(line[:4]) for line in answer.splitlines() if line[:4].isdecimal()]


def urge(database: Database, number: int) -> None:
    with database.write.begin() as session:
        session.scalars(select(Case).where(Case.number == number)).one().urgent = True


def test_the_most_overdue_comes_first_and_of_those_the_urgent(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    report(talk, "甲路")
    clock.move_to(clock() + timedelta(hours=1))
    report(talk, "乙路")
    urge(database, 1002)
    clock.move_to(clock() + timedelta(minutes=10))
    report(talk, "丙路")
    urge(database, 1003)
    report(talk, "丁路")
    clock.move_to(clock() + timedelta(minutes=20, hours=1))
    # 17:30: 1001 was due at 17:00, 1002 at 16:30, 1003 at 16:40, 1004 is due at 18:10.
    answer = asked(talk, "王书记", "case_list")
    assert numbers(answer) == [1002, 1003, 1001, 1004]
    first, *lines = answer.splitlines()
    assert first == "在办 4 件，超时 3 件："
    assert lines == [
        "1002（乙路）急 已收集 超 1 小时",
        "1003（丙路）急 已收集 超 50 分钟",
        "1001（甲路）已收集 超 30 分钟",
        "1004（丁路）已收集，11月23日（周一）18:10前",
    ]


def test_what_is_set_aside_says_when_it_is_looked_at_again(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    report(talk, "甲路")
    report(talk, "乙路")
    with database.write.begin() as session:
        case = session.scalars(select(Case).where(Case.number == 1001)).one()
        secretary = Actor(None, frozenset({Part.DISPATCHER}), clock(), 1)
        change(session, case, Action.ACCEPT, secretary)
        change(session, case, Action.SUSPEND, secretary, "等配件", until=date(2026, 12, 10))
    assert asked(talk, "王书记", "case_list").splitlines()[-1] == "1001（甲路）挂账，12月10日（周四）再看"
    assert "1001（甲路）挂账，12月10日（周四）再看" in asked(talk, "小李", "my_cases")
    assert asked(talk, "小李", "case_query").startswith("1002")


@pytest.mark.parametrize(("who", "found"), [("王书记", [1001, 1002]), ("刘书记", [1001, 1002]), ("老陈", [1002])])
def test_everybody_has_their_own(talk: Talk, who: str, found: list[int]) -> None:
    report(talk, "甲路")
    report(talk, "乙路")
    talk.say("王书记", "assign_case", case=1002, org="物业")
    assert sorted(numbers(asked(talk, who, "case_list"))) == found


def test_appeals_are_on_no_list_in_a_group(talk: Talk) -> None:
    talk.say("小李", "appeal_file", text="站点扣了我两百块")
    assert asked(talk, "王书记", "case_list", "oc_branch") == "没有在办的事。"
    assert numbers(asked(talk, "王书记", "case_list")) == [1001]
    assert talk.say("小李", "my_cases", "oc_branch") == [
        ("小李", "你报的 1 件，在办 1 件：\n1001（诉求，其他）已收集，12月7日（周一）15:00前办结")
    ]


def test_one_who_told_it_sees_when_it_is_late_and_what_waits_for_an_answer(talk: Talk, clock: StandingClock) -> None:
    report(talk, "甲路")
    report(talk, "乙路")
    talk.say("王书记", "resolve_case", case=1002, text="补上了")
    clock.move_to(clock() + timedelta(days=14))
    assert asked(talk, "小李", "my_cases").splitlines() == [
        "你报的 2 件，在办 1 件：",
        "1001（甲路）已收集，超时了，在催",
        "1002（乙路）已办结，等你评价",
    ]
    assert "还没有报过" in asked(talk, "小张", "my_cases")


def test_what_ended_long_ago_is_listed_no_more_but_what_is_open_is(talk: Talk, clock: StandingClock) -> None:
    report(talk, "甲路")
    report(talk, "乙路")
    talk.say("王书记", "decline_case", case=1001, text="不属实")
    clock.move_to(clock() + timedelta(days=181))
    assert numbers(asked(talk, "小李", "my_cases")) == [1002]


# 更多


def many(talk: Talk, count: int, chat: str = "") -> None:
    for number in range(count):
        report(talk, f"{number}号院", chat)


def test_each_more_is_the_next_page_until_there_is_none(talk: Talk) -> None:
    many(talk, 17)
    pages = [numbers(asked(talk, "王书记", intent)) for intent in ("case_list", "more", "more")]
    assert pages == [list(range(1001, 1009)), list(range(1009, 1017)), [1017]]
    assert asked(talk, "王书记", "more") == "没有更多了。"
    assert numbers(asked(talk, "王书记", "case_list")) == list(range(1001, 1009)), "a list begins anew"


def test_exactly_one_page_has_no_next(talk: Talk) -> None:
    many(talk, 8)
    assert "更多" not in asked(talk, "王书记", "case_list")
    assert asked(talk, "王书记", "more") == "没有更多了。"


def test_more_goes_on_with_ones_own_list_alone_in_this_chat_and_for_a_while(talk: Talk, clock: StandingClock) -> None:
    many(talk, 9)
    asked(talk, "王书记", "case_list")
    nothing = "没有可以往下翻的。请先发「待办」或「我报的」。"
    assert asked(talk, "小李", "more") == nothing
    assert talk.say("王书记", "more", "oc_branch") == [("王书记", nothing)]
    clock.move_to(clock() + timedelta(minutes=11))
    assert asked(talk, "王书记", "more") == nothing
    asked(talk, "王书记", "case_list")
    asked(talk, "王书记", "roster")
    assert asked(talk, "王书记", "more") == nothing, "something else was said since"


def test_more_of_ones_own_reports_stays_private(talk: Talk) -> None:
    many(talk, 9)
    talk.say("小李", "my_cases", "oc_branch")
    ((to, answer),) = talk.say("小李", "more", "oc_branch")
    assert (to, numbers(answer)) == ("小李", [1001])


def test_a_list_that_was_answered_in_private_goes_on_there_wherever_it_was_asked(talk: Talk) -> None:
    many(talk, 25)
    talk.say("小李", "my_cases", "oc_branch")
    pages = [numbers(asked(talk, "小李", "more", chat)) for chat in ("oc_branch", "", "")]
    assert pages == [list(range(1017, 1009, -1)), list(range(1009, 1001, -1)), [1001]]
    talk.say("王书记", "case_list", "oc_branch")
    assert asked(talk, "王书记", "more").startswith("没有可以往下翻的"), "this one was answered in the group"


def test_what_is_told_on_one_platform_is_ones_own_on_all(database: Database, talk: Talk) -> None:
    report(talk, "甲路")
    with database.write.begin() as session:
        session.scalars(select(Case)).one().reporter_platform = "wecom_app"
    assert numbers(asked(talk, "小李", "my_cases")) == [1001]


def test_who_works_on_it_sees_what_was_told_and_added(talk: Talk) -> None:
    talk.say("小李", "appeal_file", text="站点扣了我两百块")
    talk.say("小李", "add_to_case", case=1001, text="昨天又扣了")
    own = asked(talk, "小李", "case_query")
    assert "昨天又扣了" in own
    assert "站点扣了我两百块" not in own, "who told it knows it"
    answers = dict(talk.say("王书记", "case_query", case=1001))
    assert "站点扣了我两百块" in answers["王书记"]
    assert "昨天又扣了" in answers["王书记"]
