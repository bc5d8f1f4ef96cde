"""What a card about a case offers to press, and whom a text in a group calls."""

import pytest
from sqlalchemy import select

from bot.content import Card, Content, Mention, Text, load
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Post
from tests.conftest import StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    """Two streets: each with a branch and a 城管中队, the first with a 物业 that has a group."""
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("区委", OrganisationKind.COMMITTEE)
        for street, secretary in (("和平里街道", "马书记"), ("幸福里街道", "王书记")):
            committee = city.organisation(street, OrganisationKind.COMMITTEE, parent=top)
            branch = city.organisation(f"{street}支部", parent=committee)
            city.person(branch, secretary, Post.SECRETARY)
            unit = city.organisation("城管中队", OrganisationKind.UNIT, parent=committee)
            city.person(unit, f"{street}老秦", Post.CONTACT)
            if street == "幸福里街道":
                city.person(branch, "小李")
                city.chat(branch, "oc_branch")
                property_ = city.organisation("物业", OrganisationKind.UNIT, parent=committee)
                city.person(property_, "老陈", Post.CONTACT)
                city.person(property_, "小陈", Post.CONTACT, reachable=False)
                city.chat(property_, "oc_property")
    return Talk(database, clock)


def posted(database: Database, to: str) -> list[Content]:
    with database.read() as session:
        rows = session.scalars(select(OutboxPost).where(OutboxPost.target == to).order_by(OutboxPost.id))
        return [load(row.content) for row in rows]


def card(database: Database, to: str) -> Card:
    return [content for content in posted(database, to) if isinstance(content, Card)][-1]


def options(shown: Card) -> list[str]:
    return [button.says for button in shown.choice.options] if shown.choice else []


def test_the_nearest_units_come_first_and_a_name_stands_for_the_nearest(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    assert options(card(database, "ou_王书记")) == ["派单 1001 城管中队", "派单 1001 物业"]
    answers = dict(talk.say("王书记", "assign_case", case=1001, org="城管中队"))
    assert answers["幸福里街道老秦"].startswith("📮 新派单 1001")
    assert "和平里街道老秦" not in answers


def test_of_units_as_near_as_each_other_one_is_asked_for(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        top = session.scalars(select(Organisation).where(Organisation.name == "区委")).one()
        city = City(session)
        city.person(city.organisation("区直支部", parent=top), "区书记", Post.SECRETARY)
        city.person(session.scalars(select(Organisation).where(Organisation.name == "区直支部")).one(), "小区")
    talk.say("小区", "hazard_report", text="井盖没了", place="东门")
    ((_, asked),) = talk.say("区书记", "assign_case", case=1001, org="城管中队")
    assert "区委/和平里街道/城管中队、区委/幸福里街道/城管中队" in asked
    answers = dict(talk.say("区书记", "assign_case", case=1001, org="区委/和平里街道/城管中队"))
    assert "1001" in answers["和平里街道老秦"]


def test_at_most_ten_units_are_offered(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        street = session.scalars(select(Organisation).where(Organisation.name == "幸福里街道")).one()
        for number in range(12):
            City(session).organisation(f"单位{number:02}", OrganisationKind.UNIT, parent=street)
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了")
    assert len(options(card(database, "ou_王书记"))) == 10


def test_a_case_that_comes_back_can_be_sent_on_with_one_press(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "return_case", case=1001, text="不归我们管")
    returned = card(database, "ou_王书记")
    assert (returned.title, returned.text) == ("物业退回了 1001（其他）", "不归我们管")
    assert options(returned) == ["派单 1001 城管中队", "派单 1001 物业"]
    shown = card(database, "oc_property")
    assert [button.label for button in shown.buttons] == ["受理", "退单"]
    assert shown.form is not None
    assert (shown.form.label, shown.form.filled("已清运")) == ("怎么办的", "办结 1001 已清运")


def test_a_branch_without_units_has_nothing_to_choose_from(database: Database, clock: StandingClock) -> None:
    with database.write.begin() as session:
        City(session).branch("小李")
    Talk(database, clock).say("小李", "hazard_report", "oc_branch", text="井盖没了")
    assert card(database, "ou_王书记").choice is None


def test_an_accepted_case_can_be_sent_on_or_closed_at_once(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    talk.say("王书记", "accept_case", case=1001)
    shown = card(database, "ou_王书记")
    assert (shown.title, len(options(shown))) == ("1001（东门）已受理。", 2)
    assert shown.form is not None
    assert shown.form.submit.says == "办结 1001"
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "accept_case", case=1001)
    assert options(card(database, "ou_老陈")) == [], "the unit does not send it on"


def test_a_text_in_the_units_group_calls_its_contact(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("王书记", "assign_case", case=1001, org="城管中队")
    told = posted(database, "oc_property")[-1]
    assert isinstance(told, Text)
    assert told.mentions == (Mention("老陈", "ou_老陈"),), "小陈 has no account there"
    assert told.as_text().startswith("@老陈 1001（东门）已改派给城管中队")


def test_who_has_not_checked_in_is_called_while_there_is_time(database: Database, talk: Talk) -> None:
    talk.say("王书记", "open_lesson", "oc_branch", kind="党课")
    talk.answers()
    assert talk.say("王书记", "attendance_list", "oc_branch") == [
        ("oc_branch", "@小李 党课还没签到 2 人（含王书记）。到了请回复「签到」。")
    ]
    assert talk.say("王书记", "attendance_list") == [("王书记", "党课还没签到 2 人：王书记、小李")]
    talk.say("王书记", "close_lesson", "oc_branch")
    assert talk.say("王书记", "attendance_list", "oc_branch") == [("oc_branch", "党课缺席 2 人：王书记、小李")]


def test_more_than_twenty_are_not_called_at_once(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.name == "幸福里街道支部")).one()
        for number in range(20):
            City(session).person(branch, f"骑手{number}")
    talk.say("王书记", "open_lesson", "oc_branch", kind="党课")
    ((_, text),) = talk.say("王书记", "attendance_list", "oc_branch")
    assert "@" not in text


def test_a_location_with_words_is_the_place_unless_the_words_tell_it(database: Database, talk: Talk) -> None:
    for slots, place in (({}, "幸福里 东门"), ({"place": "西门"}, "西门")):
        talk.all(Said("小李", "hazard_report", slots, "oc_branch", "井盖没了", place=" 幸福里\n东门 "))
        assert [field.value for field in card(database, "ou_王书记").fields if field.label == "地点"] == [place]
