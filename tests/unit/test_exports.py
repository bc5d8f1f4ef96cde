"""导出: what the secretary gets, and that it is noted who took what."""

import dataclasses

import pytest
from sqlalchemy import select

from bot.links import Links, subject_of
from bot.reports.case_ledger import Level
from bot.reports.files import FILES
from models.audit import AuditEntry
from models.cases import CaseKind
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.people import Post
from tests.conftest import StandingClock
from tests.unit.case_city import Cases
from tests.unit.city import ROADS, City, shanghai
from tests.unit.talk import Said, Talk

SOME = "会议台账-甲支部-2026-10-01至2026-11-23.xlsx"


@pytest.fixture
def branch(database: Database) -> int:
    """A branch with two lessons that were held, one that is planned, and one of a neighbour."""
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("党委", OrganisationKind.COMMITTEE)
        made, other = city.organisation("甲支部", parent=top), city.organisation("乙支部", parent=top)
        wang = city.person(made, "王书记", Post.SECRETARY)
        city.person(top, "刘书记", Post.SECRETARY)
        city.person(other, "赵书记", Post.SECRETARY)
        city.person(made, "小李")
        city.chat(made, "甲群")
        city.held(made, shanghai(10, 9, 15), "党课", "一", came=[wang], expected=[wang])
        city.held(made, shanghai(11, 9, 15), "支委会", "二", came=[wang], expected=[wang])
        city.planned(made, shanghai(11, 30, 15), "党员大会")
        city.held(other, shanghai(11, 20, 15), "党课", "邻居的", came=[wang])
        return made.id


def asked(talk: Talk, text: str, kind: str, who: str = "王书记", chat: str = "") -> list[tuple[str, str]]:
    return talk.all(Said(who, "export", {"kind": kind}, chat, text))


def noted(database: Database) -> list[str]:
    with database.read() as session:
        return [f"{entry.action} {entry.subject}" for entry in session.scalars(select(AuditEntry))]


def test_without_an_address_there_is_the_file_alone(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock)
    assert asked(talk, "导出 会议", "会议") == [("王书记", SOME)]
    assert noted(database) == [f"export meetings:{branch}:2026-10-01:2026-11-23"]


def test_the_link_beside_it_opens_the_same_ledger(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock, roads=dataclasses.replace(ROADS, links=Links("https://bot.example.org")))
    file, (whom, words) = asked(talk, "导出 会议", "会议", chat="甲群")
    assert (file, whom) == (("王书记", SOME), "王书记")
    token = words.rpartition("https://bot.example.org/p/ledger/")[2]
    kind, _, subject = subject_of("ledger", token, clock()).partition(":")
    assert (kind, subject.rpartition(":")[0]) == ("meetings", f"{branch}:2026-10-01:2026-11-23")
    with database.read() as session:
        assert FILES[kind](session, subject).startswith(b"PK")


def test_what_is_not_given_is_not_noted(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock)
    asked(talk, "导出 会议", "会议", who="小李")
    asked(talk, "导出 会议", "会议", who="赵书记", chat="甲群")
    asked(talk, "导出 隐患", "隐患")
    asked(talk, "导出 诉求 保密", "诉求", who="刘书记", chat="甲群")
    asked(talk, "导出 考勤 上季度", "考勤")
    assert noted(database) == []


@pytest.fixture
def appealing(database: Database, branch: int) -> int:
    """The branch has a hazard and an appeal."""
    with database.write.begin() as session:
        cases, made = Cases(session), session.get_one(Organisation, branch)
        cases.told(made, shanghai(11, 9, 9))
        cases.told(made, shanghai(11, 9, 9), CaseKind.APPEAL)
    return branch


@pytest.mark.parametrize(
    ("text", "who", "level"),
    [
        ("导出 诉求", "王书记", Level.INTERNAL),
        ("导出 诉求 公开 本季度", "王书记", Level.PUBLIC),
        ("导出 诉求 保密", "王书记", Level.SECRET),
        ("导出 诉求", "刘书记", Level.INTERNAL),
    ],
)
def test_appeals_are_told_by_their_level_and_that_is_noted(
    database: Database, clock: StandingClock, appealing: int, text: str, who: str, level: Level
) -> None:
    talk = Talk(database, clock, roads=dataclasses.replace(ROADS, links=Links("https://bot.example.org")))
    file, (whom, words) = asked(talk, text, "诉求", who=who, chat="甲群")
    assert file[0] == whom == who
    assert file[1].startswith(f"诉求台账（{level}）-甲支部-2026-10-01至2026-1")
    assert f"「{level}」" in words
    assert "http" not in words
    assert noted(database)[-1].startswith(f"export appeals:{appealing}:2026-10-01:2026-1")
    assert noted(database)[-1].endswith(f":{level.name}")


@pytest.mark.parametrize("who", ["刘书记", "赵书记"])
def test_names_of_appellants_are_for_the_secretary_of_the_very_branch(
    database: Database, clock: StandingClock, appealing: int, who: str
) -> None:
    talk = Talk(database, clock, admins=("feishu:ou_刘书记",))
    ((whom, words),) = asked(talk, "导出 诉求 保密", "诉求", who=who, chat="甲群")
    assert (whom, "只给" in words) == (who, True)
    assert noted(database) == []


def test_hazards_have_a_page_beside_the_file(database: Database, clock: StandingClock, appealing: int) -> None:
    talk = Talk(database, clock, roads=dataclasses.replace(ROADS, links=Links("https://bot.example.org")))
    file, (_, words) = asked(talk, "导出 隐患", "隐患")
    assert file == ("王书记", "隐患台账-甲支部-2026-10-01至2026-11-23.xlsx")
    kind, _, subject = subject_of("ledger", words.rpartition("/p/ledger/")[2], clock()).partition(":")
    with database.read() as session:
        assert FILES[kind](session, subject).startswith(b"PK")


def test_planned_meetings_are_a_ledger_and_no_attendance(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock)
    assert asked(talk, "导出 会议 2026-11-30", "会议")[0][1] == "会议台账-甲支部-2026-11-30.xlsx"
    ((_, words),) = asked(talk, "导出 考勤 2026-11-30", "考勤")
    assert words.startswith("甲支部，2026-11-30，没有考勤的记录。")


def test_the_minutes_are_those_of_ones_own_branch_first(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock)
    assert asked(talk, "导出 纪要", "纪要")[0][1] == "支委会纪要-甲支部-2026-11-09.docx"
    assert asked(talk, "导出 党课纪要", "纪要")[0][1] == "党课纪要-甲支部-2026-10-09.docx"
    assert asked(talk, "导出 纪要 上月", "纪要")[0][1] == "党课纪要-甲支部-2026-10-09.docx"
    assert "没有找到已经结束的主题党日" in asked(talk, "导出 纪要 党日活动", "纪要")[0][1]
    assert len(noted(database)) == 3


def test_a_committee_gets_all_below_it(database: Database, clock: StandingClock, branch: int) -> None:
    talk = Talk(database, clock)
    assert asked(talk, "导出 考勤", "考勤", who="刘书记")[0][1] == "考勤台账-党委-2026-10-01至2026-11-23.xlsx"
    name = asked(talk, "导出 纪要", "纪要", who="刘书记")[0][1]
    assert name == "党课纪要-乙支部-2026-11-20.docx"


def test_a_chat_of_nobody_has_no_ledger(database: Database, clock: StandingClock, branch: int) -> None:
    with database.write.begin() as session:
        chat = City(session).chat(session.get_one(Organisation, branch), "无主群")
        chat.organisation_id = None
    ((_, words),) = asked(Talk(database, clock), "导出 会议", "会议", chat="无主群")
    assert words.startswith("这里还没有绑定组织。")
