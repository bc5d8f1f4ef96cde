"""Every role, every state, every command, by messages: each is done and kept in the history, or refused with the
commands that are open; and of an appeal an outsider hears nothing but that there is none."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import handlers
from bot.content import load
from bot.handling import Batch
from bot.messages import IncomingMessage
from bot.posting import Posting
from bot.router import Router
from models.cases import Action, Actor, Case, CaseKind, CaseState, CaseStep, Part, collect
from models.chats import Chat
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Identity, Person, Post
from models.sealing import unlock
from tests.conftest import KEY, START
from tests.unit.city import ROADS, City, said
from tests.unit.understood import understanding

NUMBER, OTHER = 1001, 1002
COMMANDS = {
    "受理": f"受理 {NUMBER}",
    "不受理": f"不受理 {NUMBER} 不属实",
    "派单": f"派单 {NUMBER} 城管中队",
    "转办": f"{NUMBER}转给城管中队",
    "退单": f"退单 {NUMBER} 不归我们管",
    "挂账": f"{NUMBER}挂账到12月10号 等施工队",
    "复办": f"复办 {NUMBER}",
    "办结": f"{NUMBER}办结了，垃圾拉走了",
    "并案": f"并案 {NUMBER} 到 {OTHER}",
    "评价": f"评价 {NUMBER} 满意",
    "未解决": f"评价 {NUMBER} 未解决",
    "撤回": f"撤回 {NUMBER}",
}
OPEN_TO = {
    "书记": """
        已收集: 受理→已受理 不受理→不予受理 派单→已派单 办结→已办结 并案→已并案
        已受理: 不受理→不予受理 派单→已派单 挂账→挂账 办结→已办结 并案→已并案
        已派单: 转办→已派单 挂账→挂账 办结→已办结 并案→已并案
        办理中: 转办→已派单 挂账→挂账 办结→已办结 并案→已并案
        挂账: 转办→已派单 挂账→挂账 复办→办理中 办结→已办结 并案→已并案
    """,
    "经办": """
        已派单: 受理→办理中 退单→已受理 办结→已办结
        办理中: 挂账→挂账 办结→已办结
        挂账: 挂账→挂账 复办→办理中 办结→已办结
    """,
    "报的人": """
        已收集: 撤回→已撤回
        已受理: 撤回→已撤回
        已派单: 撤回→已撤回
        办理中: 撤回→已撤回
        挂账: 撤回→已撤回
        已办结: 评价→已评价 未解决→办理中
        已评价: 评价→已评价 未解决→办理中
    """,
    "外人": "",
}
"""What is open to whom in which state, and the state that follows. 派单 and 转办 are said as one likes."""
ROLES = {
    "王书记": "书记",
    "区书记": "书记",
    "admin": "书记",
    "老陈": "经办",
    "小李": "报的人",
    "小张": "外人",
    "马书记": "外人",
    "老秦": "外人",
    "路人": "外人",
}
"""The branch's secretary, one above, an administrator, the unit's 联系人, who reported it; a member, another branch's
secretary, another unit's 联系人, a stranger."""
STAFF = ("马书记", "老秦")
"""Outsiders who run other cases."""
HELD_BY_UNIT = ("已派单", "办理中", "挂账", "已办结", "已评价")
ACTIONS = {"未解决": Action.REOPEN}
NOT_FOUND = f"没有找到 {NUMBER}，请看看编号是不是打错了。"
BY_STAFF = "这件事由书记或者责任单位的联系人来办。"
ANYBODYS = ("评价", "未解决", "撤回")
"""Commands that are no secretary's and no unit's."""
SECRET = "青铜鲸鱼"
NAMED = re.compile(r"「(\w+) \d+(?: (未解决))?")

Cell = tuple[str, str]


def opened(part: str) -> dict[Cell, str]:
    """What follows, by state and command, of all that is open to a part."""
    cells = {}
    for line in OPEN_TO[part].split("\n"):
        state, _, pairs = line.strip().partition(": ")
        for pair in pairs.split():
            command, _, after = pair.partition("→")
            cells[state, command] = after
    return cells


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message has brought about."""

    state: str
    unit: str
    steps: list[CaseStep]
    """New ones, of any case."""
    told: list[tuple[str, str]]
    """To whom and what: people by their names, groups by their ids."""

    def answer(self, who: str) -> str:
        (words,) = [words for name, words in self.told if name == who]
        return words


@pytest.fixture(scope="module", params=CaseKind, ids=lambda kind: kind.name.lower())
def kind(request: pytest.FixtureRequest) -> CaseKind:
    found: CaseKind = request.param
    return found


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Database]:
    """A district with two branches and two units; nothing is ever committed but that."""
    unlock(KEY)
    path = tmp_path_factory.mktemp("table") / "jufeng.db"
    shutil.copy(sqlite_template, path)
    opened_database = Database(f"sqlite:///{path}")
    with opened_database.write.begin() as session:
        city = City(session)
        top = city.organisation("区委", OrganisationKind.COMMITTEE)
        city.person(top, "区书记", Post.SECRETARY)
        branch = city.organisation("幸福里支部", parent=top)
        city.chat(branch, "oc_branch")
        for name, post in (("王书记", Post.SECRETARY), ("小李", None), ("小张", None)):
            city.person(branch, name, post)
        city.person(city.organisation("和平里支部", parent=top), "马书记", Post.SECRETARY)
        for unit, contact in (("物业", "老陈"), ("城管中队", "老秦")):
            made = city.organisation(unit, OrganisationKind.UNIT, parent=top)
            city.chat(made, f"oc_{unit}")
            city.person(made, contact, Post.CONTACT)
    yield opened_database
    opened_database.close()


def case_in(session: Session, kind: CaseKind, state: str, reporter: str = "小李") -> Case:
    """A case of 小李's in that state, with the 物业 where a unit has it."""
    named = {org.name: org for org in session.scalars(select(Organisation))}
    person = session.scalars(select(Person).where(Person.name == reporter)).one()
    hazard = kind is CaseKind.HAZARD
    case = Case(
        kind=kind,
        category="环境卫生" if hazard else "劳动报酬",
        place="东门" if hazard else "",
        text=f"{SECRET}没人管",
        photos=[],
        organisation=named["幸福里支部"],
        chat_id=session.scalars(select(Chat.id).where(Chat.ref == "oc_branch")).one() if hazard else None,
        reporter=person,
        reporter_platform="feishu",
        reporter_bot="main",
        reporter_ref=f"ou_{reporter}",
        message_id=1,
    )
    collect(session, case, Actor(person, frozenset({Part.REPORTER}), START - timedelta(hours=1), 1))
    case.state = CaseState(state)
    if state in HELD_BY_UNIT:
        case.unit = named["物业"]
        case.unit_id, case.taken = case.unit.id, state != "已派单"
    if state in ("已办结", "已评价"):
        case.resolved_at = START - timedelta(minutes=30)
    if state == "挂账":
        case.suspended_until = date(2026, 12, 1)
    session.flush()
    return case


def say(session: Session, who: str, text: str, chat: str = "") -> Heard:
    """Has the router handle what somebody says to the bot, in private or in a group."""
    sender, before = f"ou_{who}", set(session.scalars(select(CaseStep.id)))
    message = IncomingMessage(
        "feishu", "main", "om_1", chat or f"p_{who}", not chat, sender, START, text=text, addressed=True, ref="om_1"
    )
    found = session.scalars(select(Identity).where(Identity.ref == sender)).one_or_none()
    chats = {(each.platform, each.bot, each.ref): each for each in session.scalars(select(Chat))}
    posting = Posting(session, START, ROADS)
    people = {("feishu", sender): found.person} if found else {}
    batch = Batch(session, START, posting, people, chats, frozenset({"feishu:ou_admin"}), None, frozenset({sender}))
    Router(understanding()).handle(batch, message, 42)
    posting.write()
    case = session.scalars(select(Case).where(Case.number == NUMBER)).one()
    posts = session.scalars(select(OutboxPost).order_by(OutboxPost.id))
    told = [(post.target.removeprefix("ou_"), said(load(post.content))) for post in posts]
    steps = [step for step in session.scalars(select(CaseStep)) if step.id not in before]
    return Heard(str(case.state), case.unit.name if case.unit else "", steps, told)


def allowed(who: str, state: str, command: str) -> str:
    """The command as the table calls it, if it is open to that person in that state; else empty."""
    cells = opened(ROLES[who])
    as_said = {"派单": ("派单", "转办"), "转办": ("转办", "派单")}.get(command, (command,))
    return next((each for each in as_said if (state, each) in cells), "")


def check_done(kind: CaseKind, who: str, state: str, command: str, heard: Heard) -> None:
    """There is exactly one step in the history, of who did it and why, and whoever did it is told so."""
    (step,) = heard.steps
    assert heard.state == str(step.after) == opened(ROLES[who])[state, command]
    assert (step.action, str(step.before)) == (ACTIONS.get(command, command), state)
    assert (step.message_id, step.at) == (42, START)
    assert (step.actor_id is None) == (who == "admin")
    assert step.until == (date(2026, 12, 10) if command == "挂账" else None)
    assert bool(step.reason) == (command in ("不受理", "退单", "挂账", "办结", "并案", "评价", "未解决"))
    if command in ("派单", "转办"):
        assert heard.unit == "城管中队"
    assert str(NUMBER) in heard.answer(who)
    assert kind is CaseKind.HAZARD or not [target for target, _ in heard.told if target.startswith("oc_")]


def check_refused(kind: CaseKind, who: str, state: str, command: str, heard: Heard) -> None:
    """Nothing has happened, nobody else hears of it, and the answer names what is open instead."""
    assert heard.steps == []
    assert (heard.state, heard.unit) == (state, "物业" if state in HELD_BY_UNIT else "")
    assert len(heard.told) == 1, heard.told
    words = heard.answer(who)
    if ROLES[who] == "外人" or (who == "老陈" and state not in HELD_BY_UNIT):
        check_outsider(kind, who, command, words)
        return
    there = {there for at, there in opened(ROLES[who]) if at == state}
    named = {rated or action for action, rated in NAMED.findall(words)}
    assert named == (there or {"进度"}), words
    assert SECRET not in words


def check_outsider(kind: CaseKind, who: str, command: str, words: str) -> None:
    if ROLES[who] == "外人" and who not in STAFF and command not in ANYBODYS:
        assert words == BY_STAFF
    elif kind is CaseKind.APPEAL:
        assert words == NOT_FOUND
    else:
        assert words.startswith(f"{NUMBER} ")
        assert f"「进度 {NUMBER}」" in words


def test_every_handler_is_there() -> None:
    assert {"accepting", "dispatching", "merging", "resolving", "suspending", "withdrawing"} <= set(handlers.__all__)
    assert sum(len(opened(part)) for part in OPEN_TO) == 40


@contextmanager
def cases_in(database: Database, kind: CaseKind, state: str) -> Iterator[Session]:
    """A session with the case, and with another that it can be merged into; nothing of it stays."""
    with database.write() as session:
        case_in(session, kind, state)
        case_in(session, kind, "已受理", reporter="小张")
        yield session
        session.rollback()


def heard_of(session: Session, who: str, command: str, chat: str = "") -> Heard:
    """What saying the command would bring about."""
    tried = session.begin_nested()
    heard = say(session, who, COMMANDS[command], chat)
    for step in heard.steps:
        session.expunge(step)
    tried.rollback()
    return heard


@pytest.mark.parametrize("state", [str(state) for state in CaseState])
def test_each_role_and_each_command(database: Database, kind: CaseKind, state: str) -> None:
    with cases_in(database, kind, state) as session:
        for who, command in product(ROLES, COMMANDS):
            heard = heard_of(session, who, command)
            found = allowed(who, state, command)
            try:
                if found:
                    check_done(kind, who, state, found, heard)
                else:
                    check_refused(kind, who, state, command, heard)
            except (AssertionError, ValueError) as error:
                raise AssertionError(f"{who} {state} {command}: {error}; {heard}") from error


@pytest.mark.parametrize("state", ["已收集", "已派单", "挂账", "已办结"])
@pytest.mark.parametrize("chat", ["oc_branch", "oc_物业"])
def test_whatever_is_said_of_an_appeal_in_a_group_the_group_hears_nothing(
    database: Database, chat: str, state: str
) -> None:
    with cases_in(database, CaseKind.APPEAL, state) as session:
        for who, command in product(ROLES, COMMANDS):
            heard = heard_of(session, who, command, chat)
            assert not [words for target, words in heard.told if target.startswith("oc_")], (who, command, heard.told)
            assert bool(heard.steps) == bool(allowed(who, state, command)), (who, command, heard)
