"""催办, 督办 and 提级: who hears of what, once, when the night or an outage is in between, and in how many words."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.content import Card, load
from bot.reports.ladder import late_text
from models.cases import Action, Actor, Case, CaseKind, CaseStep, Part, change, collect, legal_actions
from models.chats import Chat
from models.database import Database
from models.escalations import Cause, Escalation, Rung, escalations_of
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Identity, Occupation, Post
from schedules import case_follow_up, case_overdue, suspension_end
from schedules.runner import next_due, run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, posts, shanghai
from tests.unit.talk import Talk

JOBS = (case_overdue.JOB, suspension_end.JOB, case_follow_up.JOB)
MONDAY = shanghai(11, 23, 15)
EVERYBODY = frozenset(Part)
UNIT_CHAT = "oc_unit"
"""Beside it there is a contact, 老陈."""


class Town:
    """工委 / 党委 / 支部 with a secretary each, and a unit with a group."""

    def __init__(self, session: Session) -> None:
        city = City(session)
        self.session = session
        self.top = city.organisation("工委", OrganisationKind.COMMITTEE)
        self.committee = city.organisation("党委", OrganisationKind.COMMITTEE, self.top)
        self.branch = city.organisation("支部", parent=self.committee)
        self.unit = city.organisation("物业", OrganisationKind.UNIT, self.committee)
        city.person(self.top, "工委书记", Post.SECRETARY)
        city.person(self.committee, "党委书记", Post.SECRETARY)
        city.person(self.committee, "组织员", Post.ORGANISER)
        city.person(self.branch, "王书记", Post.SECRETARY)
        self.reporter = city.person(self.branch, "小李", occupation=Occupation.FOOD)
        city.person(self.unit, "老陈", Post.CONTACT)
        city.chat(self.unit, UNIT_CHAT)

    def case(self, at: datetime = MONDAY, kind: CaseKind = CaseKind.HAZARD, *, urgent: bool = False) -> Case:
        case = Case(
            kind=kind,
            category="环境卫生" if kind is CaseKind.HAZARD else "薪酬",
            place="东门" if kind is CaseKind.HAZARD else "",
            text="说了什么",
            photos=[],
            urgent=urgent,
            organisation=self.branch,
            reporter=self.reporter,
            reporter_platform="feishu",
            reporter_bot="main",
            reporter_ref="ou_小李",
            message_id=1,
        )
        return collect(self.session, case, Actor(None, frozenset(), at, 1))

    def do(
        self,
        case: Case,
        action: Action,
        at: datetime,
        unit: Organisation | None = None,
        until: date | None = None,
        *,
        by: frozenset[Part] = EVERYBODY,
    ) -> CaseStep:
        step = change(self.session, case, action, Actor(None, by, at, 1), unit=unit, until=until)
        self.session.flush()
        return step

    def sent(self, case: Case, at: datetime = MONDAY) -> Case:
        """The same case with the unit."""
        self.do(case, Action.ASSIGN, at, self.unit)
        return case


def _run(database: Database, now: datetime) -> list[tuple[str, str]]:
    """What is said in one run: to whom, and the first line of it."""
    before = len(posts(database))
    run_due(database, now, ROADS, JOBS)
    return [(target, text.split("\n")[0]) for target, text in posts(database)[before:]]


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    with database.write.begin() as session:
        yield Town(session)


@pytest.mark.usefixtures("town")
def test_nothing_is_said_of_no_case(database: Database) -> None:
    assert _run(database, MONDAY) == []


def test_each_rung_is_climbed_once_and_at_its_own_moment(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
    due = [shanghai(11, 23, 17), shanghai(11, 23, 19), shanghai(11, 24, 9), shanghai(11, 24, 15), shanghai(11, 25, 15)]
    now, found = MONDAY, []
    while (moment := next_due(database, now, shanghai(11, 25, 15), JOBS)) is not None:
        now = moment
        found.append(now)
        assert _run(database, now)
        assert _run(database, now + timedelta(seconds=30)) == []
    assert found == due
    with database.read() as session:
        climbed = escalations_of(session, session.scalars(select(Case)).one())
        assert [(each.cause, each.rung, each.organisation.name) for each in climbed] == [
            (Cause.ACCEPT, Rung.URGE, "物业"),
            (Cause.ACCEPT, Rung.SUPERVISE, "支部"),
            (Cause.ACCEPT, Rung.ESCALATE, "党委"),
            (Cause.RESOLVE, Rung.URGE, "物业"),
            (Cause.RESOLVE, Rung.SUPERVISE, "支部"),
        ]
        assert [each.due_at for each in climbed] == [each.at for each in climbed] == due


def test_who_has_it_is_urged_the_secretary_at_督办_and_those_above_at_提级(database: Database) -> None:  # noqa: N802
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
    assert _run(database, shanghai(11, 23, 17)) == [(UNIT_CHAT, "⏰ 催办 1001（东门）")]
    assert sorted(_run(database, shanghai(11, 23, 19))) == [
        (UNIT_CHAT, "📣 督办 1001（东门）"),
        ("ou_王书记", "📣 督办 1001（东门）"),
    ]
    assert sorted(_run(database, shanghai(11, 24, 9))) == [
        ("ou_党委书记", "⬆️ 提级 1001（东门）"),
        ("ou_小李", "你报的 1001（东门）到时还没受理，已提级到党委，由那边过问。"),
        ("ou_王书记", "⬆️ 提级 1001（东门）"),
        ("ou_组织员", "⬆️ 提级 1001（东门）"),
    ]


def test_after_an_outage_every_rung_is_done_once_and_said_in_one_text(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        for _ in range(3):
            town.sent(town.case())
    heard = _run(database, shanghai(11, 30, 10))  # a week later
    assert [target for target, _ in heard].count(UNIT_CHAT) == 1
    assert (UNIT_CHAT, "⏰ 超时的有 6 件：") in heard  # 受理 and 办结 of each
    assert len({target for target, _ in heard}) == len(heard)
    with database.read() as session:
        climbed = escalations_of(session, session.scalars(select(Case).where(Case.number == 1001)).one())
        levels = [each.organisation.name for each in climbed if each.rung is Rung.ESCALATE]
        assert [each.due_at for each in climbed] == sorted(each.due_at for each in climbed)
        assert levels == ["党委", "工委"]
        assert session.scalar(select(func.count(Escalation.id))) == 3 * len(climbed)


def test_it_waits_for_the_morning_unless_it_is_urgent(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
        town.sent(town.case(shanghai(11, 23, 22), urgent=True), shanghai(11, 23, 22))
    assert _run(database, shanghai(11, 23, 22, 30)) == [(UNIT_CHAT, "⏰ 催办 1002（东门）")]
    morning = _run(database, shanghai(11, 24, 7))
    assert (UNIT_CHAT, "⏰ 超时的有 2 件：") in morning


def test_what_is_done_in_time_is_never_spoken_of(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        case = town.sent(town.case())
        town.do(case, Action.ACCEPT, shanghai(11, 23, 16, 59), by=frozenset({Part.UNIT}))
    assert _run(database, shanghai(11, 24, 14)) == []
    with database.write.begin() as session:
        case = session.scalars(select(Case)).one()
        change(session, case, Action.RESOLVE, Actor(None, EVERYBODY, shanghai(11, 24, 14), 1))
    assert _run(database, shanghai(11, 29, 14)) == []


def test_of_an_appeal_people_alone_hear_and_no_more_than_the_number(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case(kind=CaseKind.APPEAL))
    heard = _run(database, shanghai(12, 14, 15))
    assert {target for target, _ in heard} == {"ou_老陈", "ou_王书记", "ou_党委书记", "ou_工委书记", "ou_小李"}
    texts = [text for _, text in posts(database)]
    assert not [text for text in texts if "薪酬" in text or "说了什么" in text or "小李" in text]


def test_the_reporter_is_not_disturbed_on_the_road(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.case(shanghai(11, 23, 17))
    run_due(database, shanghai(11, 24, 11), ROADS, JOBS)
    with database.read() as session:
        told = session.scalars(select(OutboxPost).where(OutboxPost.target == "ou_小李")).one()
        assert told.due_at == shanghai(11, 24, 13, 30)  # after the order peak


def test_a_suspended_case_is_looked_at_on_its_day(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        case = town.sent(town.case())
        town.do(case, Action.ACCEPT, MONDAY, by=frozenset({Part.UNIT}))
        town.do(case, Action.SUSPEND, MONDAY, until=date(2026, 11, 28))  # a Saturday
    assert _run(database, shanghai(11, 30, 8, 59)) == []
    card = "📅 挂账到期 1001（东门）"
    assert sorted(_run(database, shanghai(11, 30, 9))) == [(UNIT_CHAT, card), ("ou_王书记", card)]
    assert _run(database, shanghai(11, 30, 19)) == []
    assert _run(database, shanghai(12, 1, 8)) == [(UNIT_CHAT, "⏰ 催办 1001（东门）")]


def test_one_more_question_after_a_week_and_never_a_third(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.do(town.case(), Action.RESOLVE, MONDAY)
    assert _run(database, shanghai(11, 30, 14, 59)) == []
    assert _run(database, shanghai(11, 30, 15)) == [("ou_小李", "🔔 你报的 1001（东门）办结一周了，现在怎么样？")]
    assert _run(database, shanghai(12, 7, 15)) == _run(database, shanghai(12, 30, 15)) == []


def test_who_has_answered_is_not_asked_again(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        case = town.case()
        town.do(case, Action.RESOLVE, MONDAY)
        town.do(case, Action.RATE, MONDAY)
    assert _run(database, shanghai(11, 30, 15)) == []


def test_nobody_is_asked_where_nothing_can_be_said(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        case = town.case()
        case.reporter_platform, case.reporter_ref = "page", "7"
        town.do(case, Action.RESOLVE, MONDAY)
    assert _run(database, shanghai(11, 30, 15)) == []


@pytest.mark.parametrize("times", [1, 2, 3, 4, 6])
def test_every_third_重办_goes_up_at_once(database: Database, clock: StandingClock, times: int) -> None:  # noqa: N802
    with database.write.begin() as session:
        town = Town(session)
        town.do(town.sent(town.case()), Action.RESOLVE, MONDAY)
    talk = Talk(database, clock)
    for number in range(1, times + 1):
        heard = talk.say("小李", "case_feedback", case=1001, points=1)
        assert any("已提级到" in text for _, text in heard) == (number % 3 == 0)
        talk.say("老陈", "resolve_case", case=1001, text="又弄了")
    with database.read() as session:
        raised = escalations_of(session, session.scalars(select(Case)).one())
        assert [each.organisation.name for each in raised] == ["党委", "工委"][: times // 3]
        assert {each.cause for each in raised} <= {Cause.REOPENED}


def test_late_is_said_in_the_largest_unit() -> None:
    said_of = [late_text(timedelta(minutes=minutes), urgent=False) for minutes in (0, 59, 60, 719, 720, 1500)]
    assert said_of == ["超 1 分钟", "超 59 分钟", "超 1 小时", "超 11 小时", "超 1 天", "超 2 天"]
    assert late_text(timedelta(hours=23), urgent=True) == "超 23 小时"


def test_the_chat_of_a_unit_is_where_it_hears(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
        session.delete(session.scalars(select(Chat)).one())
    assert _run(database, shanghai(11, 23, 17)) == [("ou_老陈", "⏰ 催办 1001（东门）")]


BY_UNIT = frozenset({Part.UNIT})
BY_BRANCH = frozenset({Part.DISPATCHER})


@pytest.mark.parametrize(
    ("told", "done"),
    [
        ("王书记", ()),
        ("王书记", ((Action.ACCEPT, BY_BRANCH),)),
        ("老陈", ((Action.ASSIGN, BY_BRANCH),)),
        ("老陈", ((Action.ASSIGN, BY_BRANCH), (Action.ACCEPT, BY_UNIT))),
        ("老陈", ((Action.ASSIGN, BY_BRANCH), (Action.SUSPEND, BY_BRANCH))),
        ("王书记", ((Action.ACCEPT, BY_BRANCH), (Action.SUSPEND, BY_BRANCH))),
    ],
)
def test_what_a_rung_names_is_open_to_who_is_told(
    database: Database, told: str, done: tuple[tuple[Action, frozenset[Part]], ...]
) -> None:
    with database.write.begin() as session:
        town = Town(session)
        session.delete(session.scalars(select(Chat)).one())
        case = town.case()
        for action, parts in done:
            town.do(case, action, MONDAY, town.unit, date(2026, 11, 24), by=parts)
        parts = BY_UNIT if told == "老陈" else BY_BRANCH
        legal = {str(action) for action in legal_actions(case, parts)}
    for moment in (shanghai(11, 24, 9), shanghai(11, 24, 15), shanghai(11, 26, 15), shanghai(12, 3, 15)):
        run_due(database, moment, ROADS, JOBS)
    with database.read() as session:
        rows = session.scalars(select(OutboxPost).where(OutboxPost.target == f"ou_{told}"))
        cards = [content for row in rows if isinstance(content := load(row.content), Card)]
    named = {word for card in cards for word in re.findall(r"「(\w+) 1001", card.as_text())} - {"进度"}
    pressed = {button.label for card in cards for button in card.buttons}
    assert named
    assert named | pressed <= legal


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("reachable", [True, False])
def test_提级_is_heard_though_the_secretary_there_cannot_be_reached(  # noqa: N802
    database: Database, kind: CaseKind, reachable: bool
) -> None:
    with database.write.begin() as session:
        town = Town(session)
        if not reachable:
            session.delete(session.scalars(select(Identity).where(Identity.ref == "ou_党委书记")).one())
        town.sent(town.case(kind=kind))
    run_due(database, shanghai(11, 24, 9), ROADS, JOBS)
    heard = dict(posts(database))
    assert ("ou_党委书记" in heard) is reachable
    assert ("ou_组织员" in heard) is (kind is CaseKind.HAZARD or not reachable)
    if kind is CaseKind.APPEAL and not reachable:
        assert "「进度 1001」" not in heard["ou_组织员"], "to the 组织员 there is no such appeal"


def test_an_organiser_is_not_asked_to_do_what_only_secretaries_may(database: Database) -> None:
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
        town.sent(town.case())
    run_due(database, shanghai(11, 24, 9), ROADS, JOBS)
    heard = dict(posts(database))
    assert "办结 编号" in heard["ou_党委书记"]
    assert "办结 编号" not in heard["ou_组织员"]
    assert "进度 编号" in heard["ou_组织员"]


def test_whom_提级_has_brought_it_to_hears_how_it_goes_on(database: Database, clock: StandingClock) -> None:  # noqa: N802
    with database.write.begin() as session:
        town = Town(session)
        town.sent(town.case())
    run_due(database, shanghai(11, 24, 9), ROADS, JOBS)
    talk = Talk(database, clock)
    talk.answers()
    for who, intent in (("王书记", "resolve_case"), ("小李", "case_feedback"), ("小李", "withdraw_case")):
        heard = talk.say(who, intent, case=1001, text="清了", points=1)
        assert [target for target, _ in heard].count("党委书记") == 1, intent
