"""统计: who is told, of which time, and that few appeals stay together."""

from datetime import timedelta

import pytest

from handlers.case_stats import LINES, NOT_YOURS
from models.cases import CaseKind
from models.database import Database
from models.escalations import Cause
from models.organisations import Organisation, OrganisationKind
from models.people import Post
from tests.conftest import StandingClock
from tests.unit.case_city import Cases
from tests.unit.city import City, shanghai
from tests.unit.talk import Said, Talk

FRIDAY = shanghai(11, 20, 18)
HOUR = timedelta(hours=1)


@pytest.fixture
def branch(database: Database) -> int:
    """A branch with its secretary, its committee with an 组织员, and a unit with a 联系人."""
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("党委", OrganisationKind.COMMITTEE)
        made = city.organisation("甲支部", parent=top)
        unit = city.organisation("物业", OrganisationKind.UNIT, parent=top)
        city.person(made, "王书记", Post.SECRETARY)
        city.person(made, "小李")
        city.person(top, "周组织员", Post.ORGANISER)
        city.person(unit, "老陈", Post.CONTACT)
        city.chat(made, "甲群")
        return made.id


@pytest.fixture
def talk(database: Database, clock: StandingClock, branch: int) -> Talk:
    return Talk(database, clock)


def asked(talk: Talk, text: str, who: str = "王书记", chat: str = "") -> list[str]:
    """The lines of what is answered, all of it to whoever asked."""
    said = talk.all(Said(who, "case_stats", {}, chat, text))
    assert {whom for whom, _ in said} == {who}
    return [line for _, words in said for line in words.splitlines()]


def test_it_is_told_in_private_to_those_who_look_after_the_organisation(
    database: Database, talk: Talk, branch: int
) -> None:
    with database.write.begin() as session:
        Cases(session).told(session.get_one(Organisation, branch), FRIDAY)
    for who in ("小李", "老陈"):
        assert asked(talk, "统计", who) == [NOT_YOURS]
    for who in ("王书记", "周组织员"):
        assert "隐患：新收 1，办结 0，在办 1" in asked(talk, "统计", who)
        assert "隐患：新收 1，办结 0，在办 1" in asked(talk, "统计", who, "甲群")


def test_working_hours_are_shown_beside_those_on_the_wall(database: Database, talk: Talk, branch: int) -> None:
    """From Friday, 18:00 to Monday, 09:00 it is 63 hours, and three of working time."""
    with database.write.begin() as session:
        cases = Cases(session)
        cases.done(cases.told(session.get_one(Organisation, branch), FRIDAY), shanghai(11, 23, 9))
    assert "平均 63.0 小时办结，其中工作时间（8–20 点）3.0 小时" in asked(talk, "统计")


def test_the_kind_and_the_time_can_be_told(database: Database, talk: Talk, branch: int) -> None:
    with database.write.begin() as session:
        cases, made = Cases(session), session.get_one(Organisation, branch)
        cases.told(made, FRIDAY)
        cases.told(made, FRIDAY, CaseKind.APPEAL)
    assert not [line for line in asked(talk, "统计 隐患") if line.startswith("诉求")]
    assert not [line for line in asked(talk, "诉求统计") if line.startswith("隐患")]
    assert "没有隐患和诉求" in asked(talk, "统计 上月 按周")[0]
    assert "，没有诉求。" in asked(talk, "统计 诉求 上月")[0], "of hazards nothing was asked"
    assert "没看懂是哪段时间" in asked(talk, "统计 近三个月")[0]


def test_few_appeals_are_in_no_line_of_their_own(database: Database, talk: Talk, branch: int) -> None:
    with database.write.begin() as session:
        cases, made = Cases(session), session.get_one(Organisation, branch)
        for number in range(4):
            cases.told(made, FRIDAY, CaseKind.APPEAL, category="劳动报酬", ref=f"ou_{number}")
    assert asked(talk, "统计 按类别")[1:] == ["不到五个人提的诉求不分开说。"]
    with database.write.begin() as session:
        Cases(session).told(
            session.get_one(Organisation, branch), FRIDAY, CaseKind.APPEAL, category="劳动报酬", ref="ou_fifth"
        )
    assert asked(talk, "统计 按类别")[1] == "· 劳动报酬：新收 5，办结率 0%（0/5）"


def test_what_lies_and_what_comes_again_is_named(database: Database, talk: Talk, branch: int) -> None:
    with database.write.begin() as session:
        cases, made = Cases(session), session.get_one(Organisation, branch)
        for _ in range(3):
            cases.urged(cases.told(made, FRIDAY, place="东门"), Cause.RESOLVE, FRIDAY + HOUR)
    lines = asked(talk, "统计")
    assert "隐患：新收 3，办结 0，在办 3（超时 3）" in lines
    assert "三次及以上：东门 3" in lines


def test_more_parts_than_fit_are_counted(database: Database, talk: Talk, branch: int) -> None:
    with database.write.begin() as session:
        cases, made = Cases(session), session.get_one(Organisation, branch)
        for number in range(LINES + 2):
            cases.told(made, FRIDAY, category=f"类{number:02}")
    lines = asked(talk, "统计 按类别")
    assert (len([line for line in lines if line.startswith("·")]), "另有 2 个" in lines) == (LINES, True)
