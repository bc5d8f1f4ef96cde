"""附议: who follows, who is told, and what it earns."""

import pytest
from sqlalchemy import select

from models.cases import Case, dispatch
from models.database import Database
from models.followers import Follower
from models.organisations import Organisation
from models.people import Identity, Person
from models.points import Account, PointEntry
from tests.conftest import StandingClock
from tests.unit.city import LONG_AGO, followers
from tests.unit.talk import Talk, talk_of_a_hazard
from tests.unit.understood import said


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return talk_of_a_hazard(database, clock)


def second(talk: Talk, who: str, number: int = 1001, chat: str = "") -> str:
    ((whom, text),) = talk.say(who, "second_case", chat, case=number)
    assert whom == who, "in private, wherever it was said"
    return text


def points(database: Database) -> dict[str, list[str]]:
    """By name, the causes of everybody's points for 附议."""
    query = select(Person.name, PointEntry.cause).join(Account, Account.person_id == Person.id)
    query = query.join(PointEntry, PointEntry.to_account_id == Account.id).where(PointEntry.rule == "附议")
    found: dict[str, list[str]] = {}
    with database.read() as session:
        for name, cause in session.execute(query.order_by(PointEntry.id)):
            found.setdefault(name, []).append(cause)
    return found


def test_a_number_is_enough(database: Database, talk: Talk) -> None:
    assert second(talk, "小张", chat="oc_branch") == "附议记在 1001（东门）了，办好了告诉你。"
    assert second(talk, "小张") == "你已经附议过 1001（东门）了，办好了告诉你。"
    assert second(talk, "小李") == "1001（东门）就是你报的，不用附议，办好了告诉你。"
    assert second(talk, "小赵", 1002) == "没有找到 1002，请看看编号是不是打错了。"
    assert followers(database) == ["ou_小张"]


def test_a_stranger_may_follow_and_is_told(database: Database, talk: Talk) -> None:
    second(talk, "路人甲")
    assert any(whom == "路人甲" for whom, _ in talk.say("王书记", "resolve_case", case=1001, text="盖上了"))
    assert points(database) == {}


def test_an_appeal_is_not_there_for_others(database: Database, talk: Talk) -> None:
    talk.say("小李", "appeal_file", text="站点扣了我两百块")
    assert second(talk, "小张", 1002) == "没有找到 1002，请看看编号是不是打错了。"
    assert followers(database) == []


@pytest.mark.parametrize(("intent", "state"), [("decline_case", "不予受理"), ("resolve_case", "已办结")])
def test_what_is_at_an_end_is_not_followed(database: Database, talk: Talk, intent: str, state: str) -> None:
    talk.say("王书记", intent, case=1001, text="看过了")
    assert second(talk, "小张").startswith(f"1001（东门）现在是「{state}」，不用附议了")
    assert followers(database) == []


def test_plus_one_to_a_merged_one_goes_to_the_one_that_goes_on(database: Database, talk: Talk) -> None:
    talk.say("小赵", "hazard_report", text="路灯不亮", place="西门")
    talk.say("王书记", "merge_case", case=1002, into=1001)
    assert second(talk, "小张", 1002) == "附议记在 1001（东门）了，办好了告诉你。"
    told = [whom for whom, text in talk.say("王书记", "resolve_case", case=1001, text="好了") if "已办结" in text]
    assert sorted(told) == sorted(["王书记", "oc_branch", "小李", "小赵", "小张"]), "each once"


def test_who_has_reported_and_followed_is_told_once(talk: Talk) -> None:
    talk.say("小赵", "hazard_report", text="路灯不亮", place="西门")
    second(talk, "小赵")
    second(talk, "小张", 1002)
    second(talk, "小张")
    talk.say("王书记", "merge_case", case=1002, into=1001)
    told = [whom for whom, text in talk.say("王书记", "resolve_case", case=1001, text="好了") if "已办结" in text]
    assert sorted(told) == sorted(["王书记", "oc_branch", "小李", "小赵", "小张"])


def test_another_system_whose_report_was_merged_is_told_nothing(database: Database, talk: Talk) -> None:
    talk.say("小赵", "hazard_report", text="路灯不亮", place="西门")
    with database.write.begin() as session:
        theirs = session.scalars(select(Case).where(Case.number == 1002)).one()
        theirs.reporter_platform, theirs.reporter_bot, theirs.reporter_ref = "open311", "city", "city"
        theirs.reporter_id = None
    talk.say("王书记", "merge_case", case=1002, into=1001)
    told = [whom for whom, _ in talk.say("王书记", "resolve_case", case=1001, text="好了")]
    assert sorted(told) == sorted(["王书记", "oc_branch", "小李"])


def test_a_point_comes_with_the_first_taking_of_it_by_a_person(database: Database, talk: Talk) -> None:
    second(talk, "小张")
    assert points(database) == {}
    talk.say("王书记", "accept_case", case=1001)
    assert points(database) == {"小张": ["second:1001"]}
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "accept_case", case=1001)
    assert points(database) == {"小张": ["second:1001"]}, "once"


def test_who_follows_what_is_taken_already_has_it_at_once(database: Database, talk: Talk) -> None:
    talk.say("王书记", "accept_case", case=1001)
    second(talk, "小张")
    assert points(database) == {"小张": ["second:1001"]}


def test_the_reporter_never_earns_it(database: Database, talk: Talk, clock: StandingClock) -> None:
    """Not even by another account: one person may be known to two platforms."""
    with database.write.begin() as session:
        li, zhang = (session.scalars(select(Person).where(Person.name == name)).one() for name in ("小李", "小张"))
        for person in (li, zhang):
            session.add(Identity(provider="feishu", ref=f"ou_{person.name}二", person_id=person.id, bound_at=LONG_AGO))
    assert "就是你报的" in second(talk, "小李二")
    second(talk, "小张")
    second(talk, "小张二")
    talk.say("王书记", "accept_case", case=1001)
    assert points(database) == {"小张": ["second:1001"]}


def test_neither_the_reporter_nor_who_takes_it_earns_it(database: Database, talk: Talk) -> None:
    second(talk, "王书记")
    with database.write.begin() as session:
        case, li = (
            session.scalars(select(Case)).one(),
            session.scalars(select(Person).where(Person.name == "小李")).one(),
        )
        known = Follower(
            case_id=case.id, person=li, platform="feishu", bot="main", ref="ou_once", at=LONG_AGO, message_id=1
        )
        session.add(known)  # before that id was known to be 小李's
    talk.say("王书记", "accept_case", case=1001)
    assert points(database) == {}


def test_what_goes_out_by_rule_is_not_taken_by_anybody_yet(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        unit = session.scalars(select(Organisation).where(Organisation.name == "物业")).one()
        dispatch(session, session.scalars(select(Case)).one(), unit, LONG_AGO)
    second(talk, "小张")
    assert points(database) == {}
    talk.say("老陈", "accept_case", case=1001)
    assert points(database) == {"小张": ["second:1001"]}


def test_who_was_asked_nothing_is_told_how(database: Database, talk: Talk) -> None:
    ((whom, text),) = talk.say("小张", "second_case")
    assert (whom, text) == ("小张", "附议哪一件？请带上编号，比如「附议 1024」。")
    with database.read() as session:
        assert session.scalars(select(Case.number)).all() == [1001]
    assert followers(database) == []


@pytest.mark.parametrize(
    "text", ["附议 1024", "附议1024", "+1 1024", "＋1 1024", "1024 +1", "1024附议", "我也看到了 1024"]
)
def test_a_number_makes_it_a_command_for_everybody(text: str) -> None:
    intent = said(text)
    assert (intent.name, intent.integer("case"), intent.reply) == ("second_case", 1024, True)


@pytest.mark.parametrize("text", ["+1", "＋1", "加一", "附议", "我附议", "是同一件事"])
def test_without_one_it_is_chatter_unless_the_bot_is_addressed(text: str) -> None:
    assert said(text).name == "none"
    assert said(text, addressed=True).name == "second_case"


@pytest.mark.parametrize("text", ["另报", "另报一件", "不是一件事", "不是同一件"])
def test_anew(text: str) -> None:
    assert said(text, addressed=True).name == "report_anew"
