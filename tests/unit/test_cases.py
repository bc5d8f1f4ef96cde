"""Cases: who may do what in which state, what is kept of it, and the numbers that people type."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.base import new_id
from models.cases import (
    Action,
    Actor,
    Case,
    CaseKind,
    CaseState,
    CaseStep,
    Illegal,
    Part,
    change,
    collect,
    dispatch,
    find_case,
    legal_actions,
)
from models.counters import next_number
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.people import Person, Post
from tests.conftest import START
from tests.unit.city import City

PARTS = {"书记": Part.DISPATCHER, "单位": Part.UNIT, "报的人": Part.REPORTER}
TABLE = """
书记   已收集: 受理→已受理 不受理→不予受理 派单→已派单 办结→已办结 并案→已并案
书记   已受理: 不受理→不予受理 派单→已派单 挂账→挂账 办结→已办结 并案→已并案
书记   已派单: 转办→已派单 挂账→挂账 办结→已办结 并案→已并案
书记   办理中: 转办→已派单 挂账→挂账 办结→已办结 并案→已并案
书记   挂账: 转办→已派单 挂账→挂账 复办→办理中 办结→已办结 并案→已并案
单位   已派单: 受理→办理中 退单→已受理 办结→已办结
单位   办理中: 挂账→挂账 办结→已办结
单位   挂账: 挂账→挂账 复办→办理中 办结→已办结
报的人 已收集: 撤回→已撤回
报的人 已受理: 撤回→已撤回
报的人 已派单: 撤回→已撤回
报的人 办理中: 撤回→已撤回
报的人 挂账: 撤回→已撤回
报的人 已办结: 评价→已评价 重办→办理中
报的人 已评价: 评价→已评价 重办→办理中
"""
"""Everything that is legal for a case that is with a unit; whatever is not here is refused."""
UNTAKEN = (CaseState.COLLECTED, CaseState.ACCEPTED, CaseState.DISPATCHED)
NEXT_LOOK = date(2026, 12, 10)

Cell = tuple[Part, CaseState, Action]


def _legal() -> dict[Cell, CaseState]:
    cells = {}
    for line in TABLE.strip().splitlines():
        head, _, actions = line.partition(": ")
        part, state = head.split()
        for pair in actions.split():
            action, _, after = pair.partition("→")
            cells[PARTS[part], CaseState(state), Action(action)] = CaseState(after)
    return cells


LEGAL = _legal()
CELLS = list(product(Part, CaseState, Action))
UNIT = Organisation(id=7, path="市/物业", name="物业", kind=OrganisationKind.UNIT)
REPORTED = Actor(None, frozenset(), START, 41)


def case_in(state: CaseState, unit: Organisation | None = UNIT, *, taken: bool | None = None) -> Case:
    return Case(
        id=new_id(),
        number=1001,
        kind=CaseKind.HAZARD,
        state=state,
        unit=unit,
        unit_id=unit and unit.id,
        taken=(unit is not None and state not in UNTAKEN) if taken is None else taken,
        suspended_until=NEXT_LOOK if state is CaseState.SUSPENDED else None,
        reopened=0,
        transfers=0,
    )


def actor(*parts: Part, message_id: int = 42) -> Actor:
    return Actor(Person(id=5, name="小李"), frozenset(parts), START, message_id)


@pytest.mark.parametrize(("part", "state", "action"), CELLS, ids=lambda value: value.name)
def test_each_cell_of_the_table(part: Part, state: CaseState, action: Action) -> None:
    session = Session()
    case = case_in(state)
    after = LEGAL.get((part, state, action))
    if after is None:
        with pytest.raises(Illegal) as refusal:
            change(session, case, action, actor(part), "因为", unit=UNIT, until=NEXT_LOOK)
        assert refusal.value.legal == tuple(a for a in Action if (part, state, a) in LEGAL)
        assert (case.state, case.unit_id, list(session.new)) == (state, UNIT.id, [])
        return
    step = change(session, case, action, actor(part), "因为", unit=UNIT, until=NEXT_LOOK)
    assert case.state is step.after is after
    assert (step.case_id, step.action, step.before) == (case.id, action, state)
    assert (step.actor_id, step.at, step.message_id, step.reason) == (5, START, 42, "因为")
    assert step.until == case.suspended_until == (NEXT_LOOK if action is Action.SUSPEND else None)
    assert step in session.new


def test_the_table_speaks_of_nothing_unknown() -> None:
    assert set(LEGAL) <= set(CELLS)
    assert len(LEGAL) == 40


@pytest.mark.parametrize("state", CaseState)
def test_two_parts_may_do_what_either_may(state: CaseState) -> None:
    legal = set(legal_actions(case_in(state), frozenset({Part.DISPATCHER, Part.UNIT})))
    assert legal == {action for part, at, action in LEGAL if at is state and part is not Part.REPORTER}


@pytest.mark.parametrize("state", CaseState)
def test_somebody_with_no_part_may_do_nothing(state: CaseState) -> None:
    assert legal_actions(case_in(state), frozenset()) == ()


@pytest.mark.parametrize("state", [CaseState.RESOLVED, CaseState.RATED])
def test_reopening_goes_back_to_the_unit_or_else_to_the_branch(state: CaseState) -> None:
    with_unit, without = case_in(state), case_in(state, unit=None)
    for case in (with_unit, without):
        case.resolved_at = START
        change(Session(), case, Action.REOPEN, actor(Part.REPORTER))
        assert case.resolved_at is None
        assert case.reopened == 1
    assert with_unit.state is CaseState.IN_PROGRESS
    assert without.state is CaseState.ACCEPTED


def test_what_no_unit_has_taken_goes_back_to_be_taken() -> None:
    """重办 and 复办 of a case that the branch itself has done, or has set aside while it was only 已派单."""
    for action, before, by in (
        (Action.REOPEN, CaseState.RESOLVED, Part.REPORTER),
        (Action.RESUME, CaseState.SUSPENDED, Part.DISPATCHER),
    ):
        case = case_in(before, taken=False)
        change(Session(), case, action, actor(by))
        assert (case.state, case.unit_id) == (CaseState.DISPATCHED, UNIT.id)
    alone = case_in(CaseState.SUSPENDED, unit=None)
    change(Session(), alone, Action.RESUME, actor(Part.DISPATCHER))
    assert alone.state is CaseState.ACCEPTED


def test_the_first_acceptance_is_kept_and_a_return_takes_the_unit_off() -> None:
    session, case = Session(), case_in(CaseState.COLLECTED, unit=None)
    change(session, case, Action.ASSIGN, actor(Part.DISPATCHER), unit=UNIT)
    assert (case.unit_id, case.accepted_at) == (UNIT.id, START)
    later = replace(actor(Part.UNIT), at=START + timedelta(hours=1))
    change(session, case, Action.RETURN, later, "不归我们管")
    assert (case.unit, case.unit_id, case.accepted_at) == (None, None, START)
    change(session, case, Action.ASSIGN, replace(later, parts=frozenset({Part.DISPATCHER})), unit=UNIT)
    change(session, case, Action.ACCEPT, later)
    assert (case.taken, case.accepted_at) == (True, START)


@pytest.mark.parametrize("first", [Action.ACCEPT, Action.RESOLVE])
def test_the_first_unit_that_takes_it_is_responsible(first: Action) -> None:
    """首接负责: after that it cannot send it back; who gets it by 转办 has not taken it."""
    session, case = Session(), case_in(CaseState.DISPATCHED)
    change(session, case, first, actor(Part.UNIT))
    assert case.taken
    if first is Action.RESOLVE:
        change(session, case, Action.REOPEN, actor(Part.REPORTER))
    with pytest.raises(Illegal) as refusal:
        change(session, case, Action.RETURN, actor(Part.UNIT), "不归我们管")
    assert refusal.value.legal == (Action.SUSPEND, Action.RESOLVE)
    other = Organisation(id=8, path="市/城管", name="城管", kind=OrganisationKind.UNIT)
    change(session, case, Action.TRANSFER, actor(Part.DISPATCHER), unit=other)
    assert (case.unit, case.unit_id, case.taken, case.transfers) == (other, other.id, False, 1)
    change(session, case, Action.RETURN, actor(Part.UNIT), "也不归我们管")
    assert (case.state, case.unit_id) == (CaseState.ACCEPTED, None)


def test_what_lacks_its_unit_or_its_day_is_a_mistake_of_the_program() -> None:
    for state, action in (
        (CaseState.ACCEPTED, Action.ASSIGN),
        (CaseState.IN_PROGRESS, Action.TRANSFER),
        (CaseState.IN_PROGRESS, Action.SUSPEND),
    ):
        with pytest.raises(ValueError, match="without"):
            change(Session(), case_in(state), action, actor(Part.DISPATCHER))


@pytest.mark.parametrize("ends", [Action.RESUME, Action.RESOLVE, Action.TRANSFER, Action.MERGE])
def test_whatever_is_done_to_it_ends_being_set_aside(ends: Action) -> None:
    case = case_in(CaseState.IN_PROGRESS)
    set_aside = change(Session(), case, Action.SUSPEND, actor(Part.UNIT), "等配件", until=NEXT_LOOK)
    assert set_aside.until == NEXT_LOOK
    step = change(Session(), case, ends, actor(Part.DISPATCHER), unit=UNIT)
    assert (case.suspended_until, step.until) == (None, None)


def test_the_table_of_the_branch_sends_a_case_on_without_anybody() -> None:
    case = case_in(CaseState.COLLECTED, unit=None)
    case.message_id = 41
    step = dispatch(Session(), case, UNIT, START)
    assert (case.state, case.unit, case.taken, case.accepted_at) == (CaseState.DISPATCHED, UNIT, False, START)
    assert (step.action, step.actor_id, step.message_id, step.reason) == (Action.ASSIGN, None, 41, "按派单规则")


# With a database


def reported(session: Session, text: str = "井盖没了") -> Case:
    branch = session.scalars(select(Organisation)).first() or City(session).organisation()
    case = Case(
        kind=CaseKind.HAZARD,
        category="公共设施",
        place="东门",
        text=text,
        photos=[],
        organisation=branch,
        reporter_platform="feishu",
        reporter_bot="main",
        reporter_ref="ou_1",
        message_id=41,
    )
    return collect(session, case, REPORTED)


def test_the_whole_life_of_a_case_is_kept(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        secretary = city.person(branch, "王书记", Post.SECRETARY)
        unit = city.organisation("物业", OrganisationKind.UNIT)
        case = reported(session)
        dispatcher = Actor(secretary, frozenset({Part.DISPATCHER}), START, 51)
        contact, reporter = (replace(dispatcher, parts=frozenset({part})) for part in (Part.UNIT, Part.REPORTER))
        change(session, case, Action.ASSIGN, dispatcher, unit=unit)
        change(session, case, Action.ACCEPT, contact)
        change(session, case, Action.RESOLVE, contact, "已补上")
        change(session, case, Action.REOPEN, reporter, "未解决")
        change(session, case, Action.RESOLVE, contact, "又补了一次")
        change(session, case, Action.RATE, reporter, "满意")
    with database.read() as session:
        kept = find_case(session, 1001)
        assert kept is not None
        assert (kept.state, kept.reopened, kept.text) == (CaseState.RATED, 1, "井盖没了")
        steps = list(session.scalars(select(CaseStep).where(CaseStep.case_id == kept.id).order_by(CaseStep.id)))
        actor_id = session.scalars(select(Person.id)).one()
    assert " ".join(step.action for step in steps) == "登记 派单 受理 办结 重办 办结 评价"
    assert [step.before for step in steps] == [None, *[step.after for step in steps[:-1]]]
    assert [step.reason for step in steps] == ["", "", "", "已补上", "未解决", "又补了一次", "满意"]
    assert [step.message_id for step in steps] == [41] + [51] * 6
    assert [step.actor_id for step in steps] == [None] + [actor_id] * 6


def test_numbers_begin_at_1001_and_are_one_series(database: Database) -> None:
    with database.write.begin() as session:
        assert [reported(session, text).number for text in "甲乙丙"] == [1001, 1002, 1003]
        assert next_number(session, "claim") == 1


def test_a_number_of_a_transaction_that_failed_is_given_again(database: Database) -> None:
    with database.write.begin() as session:
        reported(session)
    with database.write() as session:
        assert reported(session).number == 1002
        session.rollback()
    with database.write.begin() as session:
        assert reported(session).number == 1002


def test_numbers_have_no_gaps_though_several_take_them_and_some_fail(database: Database) -> None:
    with database.write.begin() as session:
        next_number(session, "case")
    chance = random.Random(1024)

    def take(fails: bool) -> int | None:
        with database.write() as session:
            number = next_number(session, "case")
            if fails:
                session.rollback()
                return None
            session.commit()
            return number

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(take, [chance.random() < 0.4 for _ in range(60)]))
    numbers = sorted(number for number in taken if number is not None)
    assert numbers == list(range(1002, 1002 + len(numbers)))


def test_of_two_who_change_a_case_at_once_the_second_is_told(database: Database) -> None:
    with database.write.begin() as session:
        reported(session)
    with database.read() as session:
        seen = find_case(session, 1001)
        assert seen is not None
        assert seen.organisation.name
    with database.write.begin() as session:
        first = find_case(session, 1001)
        assert first is not None
        change(session, first, Action.ACCEPT, replace(REPORTED, parts=frozenset({Part.DISPATCHER})))
    with database.write() as session:
        session.add(seen)
        change(session, seen, Action.DECLINE, replace(REPORTED, parts=frozenset({Part.DISPATCHER})))
        with pytest.raises(StaleDataError):
            session.flush()
    with database.read() as session:
        assert session.scalars(select(Case.state)).one() is CaseState.ACCEPTED
        assert set(session.scalars(select(CaseStep.action))) == {Action.COLLECT, Action.ACCEPT}
