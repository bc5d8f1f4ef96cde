"""Cases: who may do what in which state, what is kept of it, and the numbers that people type."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
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
书记   已受理: 不受理→不予受理 派单→已派单 办结→已办结 并案→已并案
书记   已派单: 派单→已派单 办结→已办结 并案→已并案
书记   办理中: 派单→已派单 办结→已办结 并案→已并案
单位   已派单: 受理→办理中 退单→已受理 办结→已办结
单位   办理中: 退单→已受理 办结→已办结
报的人 已办结: 评价→已评价 重办→办理中
报的人 已评价: 评价→已评价 重办→办理中
"""
"""Everything that is legal for a case that is with a unit; whatever is not here is refused."""

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


def case_in(state: CaseState, unit: Organisation | None = UNIT) -> Case:
    return Case(
        id=new_id(), number=1001, kind=CaseKind.HAZARD, state=state, unit=unit, unit_id=unit and unit.id, reopened=0
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
            change(session, case, action, actor(part), "因为")
        assert refusal.value.legal == tuple(a for a in Action if (part, state, a) in LEGAL)
        assert (case.state, case.unit_id, list(session.new)) == (state, UNIT.id, [])
        return
    step = change(session, case, action, actor(part), "因为", unit=UNIT)
    assert case.state is step.after is after
    assert (step.case_id, step.action, step.before) == (case.id, action, state)
    assert (step.actor_id, step.at, step.message_id, step.reason) == (5, START, 42, "因为")
    assert step in session.new


def test_the_table_speaks_of_nothing_unknown() -> None:
    assert set(LEGAL) <= set(CELLS)
    assert len(LEGAL) == 24


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


def test_the_first_acceptance_is_kept_and_a_return_takes_the_unit_off() -> None:
    session, case = Session(), case_in(CaseState.COLLECTED, unit=None)
    change(session, case, Action.ASSIGN, actor(Part.DISPATCHER), unit=UNIT)
    assert (case.unit_id, case.accepted_at) == (UNIT.id, START)
    later = replace(actor(Part.UNIT), at=START + timedelta(hours=1))
    change(session, case, Action.ACCEPT, later)
    change(session, case, Action.RETURN, later, "不归我们管")
    assert (case.unit, case.unit_id, case.accepted_at) == (None, None, START)


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
