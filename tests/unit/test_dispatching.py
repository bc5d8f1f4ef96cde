"""Whom a case goes to by the branch's table, what is learned from what comes back, and who hears of too many 转办."""

import pytest
from sqlalchemy import select

from bot.content import Card, Content, load
from handlers.case_labels import categories_of
from models.base import new_id
from models.cases import Case, CaseKind, CaseState, CaseStep
from models.corrections import Corrected, Correction
from models.database import Database
from models.escalations import Cause, Escalation, Rung
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Person, Post
from models.routes import Route
from tests.conftest import START, StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk
from tests.unit.understood import understanding


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    """A district over a street with a branch; two units that hear, and one that does not."""
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("区委", OrganisationKind.COMMITTEE)
        city.person(top, "区书记", Post.SECRETARY)
        branch = city.organisation("幸福里支部", parent=top)
        city.chat(branch, "oc_branch")
        for name, post in (("王书记", Post.SECRETARY), ("小李", None)):
            city.person(branch, name, post)
        for name, contact in (("物业", "老陈"), ("城管中队", "老秦")):
            city.person(city.organisation(name, OrganisationKind.UNIT, parent=top), contact, Post.CONTACT)
        city.person(
            city.organisation("供电所", OrganisationKind.UNIT, parent=top), "老吴", Post.CONTACT, reachable=False
        )
    return Talk(database, clock)


def rule(database: Database, organisation: str, category: str, unit: str, kind: CaseKind = CaseKind.HAZARD) -> None:
    with database.write.begin() as session:
        named = {org.name: org.id for org in session.scalars(select(Organisation))}
        made = Route(
            organisation_id=named[organisation],
            kind=kind,
            category=category,
            unit_id=named.get(unit),
            set_at=START,
            message_id=new_id(),
        )
        session.add(made)


def report(
    talk: Talk, category: str = "环境卫生", intent: str = "hazard_report", sureness: float | None = None
) -> list[tuple[str, str]]:
    return talk.all(Said("小李", intent, {"text": "没人管"}, category=category, sureness=sureness))


def case(database: Database, number: int = 1001) -> tuple[str, str]:
    """Its state and its unit."""
    with database.read() as session:
        found = session.scalars(select(Case).where(Case.number == number)).one()
        return str(found.state), found.unit.name if found.unit else ""


def cards(database: Database, to: str) -> list[Card]:
    with database.read() as session:
        rows = session.scalars(select(OutboxPost).where(OutboxPost.target == to).order_by(OutboxPost.id))
        found: list[Content] = [load(row.content) for row in rows]
    return [content for content in found if isinstance(content, Card)]


def fields(card: Card) -> dict[str, str]:
    return {field.label: field.value for field in card.fields}


def options(card: Card) -> list[str]:
    return [button.says for button in card.choice.options] if card.choice else []


def test_a_rule_of_one_above_counts_until_the_branch_says_otherwise(database: Database, talk: Talk) -> None:
    rule(database, "区委", "环境卫生", "城管中队")
    assert dict(report(talk))["老秦"].startswith("📮 新派单 1001")
    rule(database, "幸福里支部", "环境卫生", "物业")
    assert dict(report(talk))["老陈"].startswith("📮 新派单 1002")
    rule(database, "幸福里支部", "环境卫生", "")
    assert set(dict(report(talk))) == {"小李", "王书记"}, "it is the secretary's again"
    assert [case(database, number) for number in (1001, 1002, 1003)] == [
        (CaseState.DISPATCHED, "城管中队"),
        (CaseState.DISPATCHED, "物业"),
        (CaseState.COLLECTED, ""),
    ]


def test_what_was_done_by_the_table_is_in_the_history_as_nobodys_act(database: Database, talk: Talk) -> None:
    rule(database, "幸福里支部", "环境卫生", "物业")
    report(talk)
    with database.read() as session:
        steps = list(session.scalars(select(CaseStep).order_by(CaseStep.id)))
    assert [(str(step.action), step.reason) for step in steps] == [("登记", ""), ("派单", "按派单规则")]
    assert steps[1].actor_id is None
    assert steps[1].message_id == steps[0].message_id
    (shown,) = cards(database, "ou_王书记")
    assert "按派单规则已派给物业" in shown.hint
    assert options(shown) == ["转办 1001 供电所", "转办 1001 城管中队"]
    assert not [button for button in shown.buttons if button.says.startswith(("受理", "不受理"))]
    assert shown.form is None


@pytest.mark.parametrize(
    ("category", "sureness", "sent"),
    [("环境卫生", None, True), ("环境卫生", 0.6, True), ("环境卫生", 0.59, False), ("其他", None, False)],
)
def test_what_is_not_sure_goes_to_the_secretary(
    database: Database, talk: Talk, category: str, sureness: float | None, sent: bool
) -> None:
    for each in ("环境卫生", "其他"):
        rule(database, "幸福里支部", each, "城管中队")
    report(talk, category, sureness=sureness)
    assert case(database) == ((CaseState.DISPATCHED, "城管中队") if sent else (CaseState.COLLECTED, ""))
    (shown,) = cards(database, "ou_王书记")
    assert fields(shown).get("把握") == (f"{sureness:.0%}" if sureness is not None else None)
    if not sent:
        assert options(shown)[0] == "派单 1001 城管中队", "the unit by the table comes first"


def test_an_appeal_goes_to_nobody_by_itself(database: Database, talk: Talk) -> None:
    rule(database, "幸福里支部", "劳动报酬", "物业", CaseKind.APPEAL)
    assert set(dict(report(talk, "劳动报酬", "appeal_file"))) == {"小李", "王书记"}
    assert case(database) == (CaseState.COLLECTED, "")
    (shown,) = cards(database, "ou_王书记")
    assert options(shown)[0] == "派单 1001 物业"


def test_a_unit_where_nobody_would_hear_of_it_gets_nothing_by_the_table(database: Database, talk: Talk) -> None:
    rule(database, "幸福里支部", "环境卫生", "供电所")
    assert "📮" not in str(report(talk))
    assert case(database) == (CaseState.COLLECTED, "")


def test_a_unit_of_the_table_is_meant_though_another_of_its_name_is_nearer(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.name == "幸福里支部")).one()
        rule_made = session.scalars(select(Organisation).where(Organisation.path == "区委/物业")).one()
        City(session).organisation("物业", OrganisationKind.UNIT, parent=branch)
        session.add(
            Route(
                organisation_id=branch.id,
                kind=CaseKind.APPEAL,
                category="劳动报酬",
                unit_id=rule_made.id,
                set_at=START,
                message_id=new_id(),
            )
        )
    report(talk, "劳动报酬", "appeal_file")
    (shown,) = cards(database, "ou_王书记")
    assert options(shown) == ["派单 1001 区委/物业", "派单 1001 供电所", "派单 1001 城管中队"]
    talk.say("王书记", "assign_case", case=1001, org="区委/物业")
    with database.read() as session:
        unit = session.scalars(select(Case)).one().unit
        assert unit is not None
        assert unit.path == "区委/物业"


def test_the_table_earns_nobody_points_the_units_word_does(database: Database, talk: Talk) -> None:
    rule(database, "幸福里支部", "环境卫生", "物业")
    report(talk)
    assert dict(talk.say("小李", "points_query"))["小李"].startswith("你还没有积分")
    talk.say("老陈", "accept_case", case=1001)
    assert "5 分" in dict(talk.say("小李", "points_query"))["小李"]


def test_what_comes_back_or_goes_on_is_kept_to_learn_from(database: Database, talk: Talk) -> None:
    report(talk)
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "return_case", case=1001, text="不归我们管")
    talk.say("王书记", "assign_case", case=1001, org="城管中队")
    talk.say("王书记", "assign_case", case=1001, org="物业", text="看错了")
    with database.read() as session:
        kept = list(session.scalars(select(Correction).order_by(Correction.id)))
        people = {person.id: person.name for person in session.scalars(select(Person))}
        transfer = session.scalars(select(CaseStep).order_by(CaseStep.id.desc()).limit(1)).one()
    assert [(each.what, each.before, each.after, people[each.by_id or 0]) for each in kept] == [
        (Corrected.UNIT, "区委/物业", "", "老陈"),
        (Corrected.UNIT, "区委/城管中队", "区委/物业", "王书记"),
    ]
    assert (str(transfer.action), transfer.reason) == ("转办", "看错了")


def test_every_third_transfer_brings_it_one_organisation_up(database: Database, talk: Talk) -> None:
    report(talk)
    talk.say("王书记", "assign_case", case=1001, org="物业")
    for org in ("城管中队", "物业"):
        assert "提级" not in str(talk.say("王书记", "assign_case", case=1001, org=org))
    answers = dict(talk.say("王书记", "assign_case", case=1001, org="城管中队"))
    assert answers["王书记"] == "1001（环境卫生）已派给城管中队。已经转办 3 次，提级到区委。"
    assert "1001" in answers["区书记"]
    with database.read() as session:
        (raised,) = session.scalars(select(Escalation))
        step = session.get_one(CaseStep, raised.since_id)
        assert (raised.cause, raised.rung, raised.organisation.name) == (Cause.TRANSFERRED, Rung.ESCALATE, "区委")
        assert str(step.action) == "转办"


def test_a_unit_that_has_it_already_is_not_sent_it_twice(database: Database, talk: Talk) -> None:
    report(talk)
    talk.say("王书记", "assign_case", case=1001, org="物业")
    assert talk.say("王书记", "assign_case", case=1001, org="物业") == [("王书记", "1001（环境卫生）已经派给物业了。")]
    with database.read() as session:
        assert len(list(session.scalars(select(CaseStep)))) == 2


def test_an_anonymous_appellant_is_named_on_no_card(database: Database, talk: Talk) -> None:
    report(talk, "劳动报酬", "appeal_file")
    with database.write.begin() as session:
        session.scalars(select(Case)).one().anonymous = True
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "return_case", case=1001, text="不归我们管")
    assert "小李" not in str(cards(database, "ou_老陈"))
    assert "小李" not in str(cards(database, "ou_王书记")[1:])


# 派单规则 by word


def rules(talk: Talk, text: str, who: str = "王书记", chat: str = "") -> str:
    """What the bot answers to a rule that is said."""
    answers = talk.all(Said(who, "route_rules", {"text": text}, chat, text))
    return dict(answers)[chat or who]


def test_the_rule_of_every_category_can_be_said(database: Database, talk: Talk) -> None:
    for kind in CaseKind:
        for category in categories_of(kind)[:-1]:
            meant = understanding().understand(f"{category}归物业管", addressed=True, now=START)
            assert meant.name == "route_rules", category
            assert f"「{category}」" in rules(talk, f"{category}归物业管")
    with database.read() as session:
        kept = {(route.kind, route.category) for route in session.scalars(select(Route))}
        assert {route.unit.name for route in session.scalars(select(Route)) if route.unit} == {"物业"}
    assert kept == {(kind, category) for kind in CaseKind for category in categories_of(kind)[:-1]}
    assert len({category for _, category in kept}) == len(kept), "no category is of both kinds"


@pytest.mark.parametrize(
    ("text", "routed"),
    [
        ("派单规则 环境卫生 物业", {"环境卫生": "物业"}),
        ("派单规则：环境卫生，物业", {"环境卫生": "物业"}),
        ("环境卫生归物业", {"环境卫生": "物业"}),
        ("环境卫生类的以后都派给城管", {"环境卫生": "城管中队"}),
        ("环境卫生、公共设施归物业管", {"环境卫生": "物业", "公共设施": "物业"}),
        ("派单规则 治安 城管中队。", {"治安": "城管中队"}),
        ("派单规则 环境卫生 取消", {"环境卫生": ""}),
        ("派单规则 环境卫生 派出所", {}),
        ("派单规则 其他 物业", {}),
        ("派单规则 垃圾 物业", {}),
        ("环境卫生归谁管", {}),
        ("环境卫生归物业管吗？", {}),
        ("派单规则", {}),
        ("派单规则 环境卫生", {}),
    ],
)
def test_rules_as_they_are_said(database: Database, talk: Talk, text: str, routed: dict[str, str]) -> None:
    meant = understanding().understand(text, addressed=True, now=START)
    assert meant.name == "route_rules"
    assert rules(talk, text)
    with database.read() as session:
        found = {route.category: route.unit.name if route.unit else "" for route in session.scalars(select(Route))}
    assert found == routed


def test_one_line_a_unit_with_what_comes_from_above(database: Database, talk: Talk) -> None:
    assert "还没有派单规则" in rules(talk, "派单规则")
    rule(database, "区委", "道路交通", "城管中队")
    rule(database, "幸福里支部", "环境卫生", "物业")
    lines = rules(talk, "派单规则").splitlines()
    assert lines[1:3] == ["物业：环境卫生", "城管中队：道路交通"]


def test_rules_are_said_of_the_groups_organisation_by_who_runs_it(database: Database, talk: Talk) -> None:
    assert "幸福里支部" in rules(talk, "环境卫生归物业", "区书记", "oc_branch")
    assert "区委" in rules(talk, "环境卫生归物业", "区书记")
    with database.write.begin() as session:
        top = session.scalars(select(Organisation).where(Organisation.name == "区委")).one()
        City(session).chat(top, "oc_top")
    answers = talk.all(Said("王书记", "route_rules", {}, "oc_top", "环境卫生归物业"))
    assert answers == [("王书记", "区委的派单规则由那边的书记来定。")]


@pytest.mark.parametrize("kind", ["hazard_report", "appeal_file"])
def test_the_unit_hears_that_the_secretary_has_closed_it_or_merged_it(talk: Talk, kind: str) -> None:
    for _ in range(3):
        report(talk, intent=kind)
    for number in (1001, 1002):
        talk.say("王书记", "assign_case", case=number, org="物业")
    assert [text for whom, text in talk.say("王书记", "resolve_case", case=1001, text="清了") if whom == "老陈"]
    assert [text for whom, text in talk.say("王书记", "merge_case", case=1002, into=1003) if whom == "老陈"]


def test_to_another_secretary_an_appeal_is_no_more_there_than_a_number_never_given(
    database: Database, talk: Talk
) -> None:
    with database.write.begin() as session:
        city = City(session)
        elsewhere = city.organisation("别处支部")
        city.person(elsewhere, "马书记", Post.SECRETARY)
        city.person(elsewhere, "小马")
    report(talk, intent="appeal_file")
    talk.all(Said("小马", "hazard_report", {"text": "没人管"}, category="环境卫生"))
    heard = [talk.say("马书记", "merge_case", case=1002, into=into) for into in (1001, 1999)]
    assert [[text.replace("1999", "1001") for _, text in each] for each in heard] == [
        ["没有找到 1001，请看看编号是不是打错了。"]
    ] * 2
