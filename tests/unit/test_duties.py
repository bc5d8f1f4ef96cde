"""What a branch owes."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from bot.reports.duties import by_period, duty_reminder, names
from models.database import Database
from models.lessons import LESSON_KINDS, LessonState
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Status
from schedules.duties import DUTIES, DutyState, duty_states
from tests.unit.city import City, shanghai

NOW = shanghai(11, 25, 15)


def states(session: Session, branch: Organisation, now: datetime = NOW) -> dict[tuple[str, str], DutyState]:
    found = duty_states(session, Tree(session), [branch], now)[branch.id]
    return {(state.duty.kind, state.organisation.name): state for state in found}


def kinds(session: Session, branch: Organisation, now: datetime = NOW) -> set[str]:
    return {kind for kind, _ in states(session, branch, now)}


def test_each_duty_names_a_kind_of_lesson_and_its_article() -> None:
    assert all(duty.kind in LESSON_KINDS for duty in DUTIES)
    assert all(duty.article.startswith("《中国共产党支部工作条例（试行）》第") for duty in DUTIES)
    assert len({duty.kind for duty in DUTIES}) == len(DUTIES)


def test_a_lesson_with_a_check_in_is_held_and_one_without_is_not(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        rider = city.person(branch, "小李")
        assert states(session, branch)["主题党日", branch.name].owed == 1
        city.held(branch, shanghai(11, 5, 15), "主题党日")
        assert states(session, branch)["主题党日", branch.name].owed == 1
        city.held(branch, shanghai(11, 6, 15), "主题党日", came=[rider])
        assert states(session, branch)["主题党日", branch.name].held == 1
        assert states(session, branch)["主题党日", branch.name].owed == 0


@pytest.mark.parametrize(
    ("opened_at", "counts"),
    [
        (shanghai(10, 1, 0, 0), True),
        (shanghai(9, 30, 23, 59), False),
        (shanghai(12, 31, 23, 59), True),
        (shanghai(1, 1, 0, 0, year=2027), False),
    ],
)
def test_the_quarter_begins_and_ends_at_midnight(database: Database, opened_at: datetime, counts: bool) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.held(branch, opened_at, "党员大会", came=[city.person(branch, "小李")])
        assert states(session, branch)["党员大会", branch.name].held == counts


def test_plans_count_while_they_are_to_come(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.planned(branch, shanghai(11, 24, 15), "主题党日")
        assert states(session, branch)["主题党日", branch.name].owed == 1
        city.planned(branch, shanghai(11, 27, 15), "主题党日")
        assert states(session, branch)["主题党日", branch.name].planned == 1
        assert states(session, branch)["主题党日", branch.name].owed == 0


def test_an_open_lesson_is_planned_until_somebody_comes(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.held(branch, NOW, "主题党日").state = LessonState.OPEN
        state = states(session, branch)["主题党日", branch.name]
        assert (state.held, state.planned, state.owed) == (0, 1, 0)


def test_a_cancelled_lesson_is_nothing(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.planned(branch, shanghai(11, 27, 15), "主题党日").state = LessonState.CANCELLED
        assert states(session, branch)["主题党日", branch.name].owed == 1


def test_only_branches_with_seven_full_members_have_a_committee(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        group = city.organisation("第一党小组", OrganisationKind.GROUP, branch)
        for number in range(6):
            city.person(branch, f"党员{number}")
        city.person(branch, "预备", status=Status.PROBATIONARY)
        assert "支委会" not in kinds(session, branch)
        city.person(group, "第七个")
        assert "支委会" in kinds(session, branch)


def test_each_group_owes_its_own_meeting(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        first, _ = (city.organisation(name, OrganisationKind.GROUP, branch) for name in ("一组", "二组"))
        city.held(first, shanghai(11, 6, 15), "党小组会", came=[city.person(first, "小李")])
        assert states(session, branch)["党小组会", "一组"].owed == 0
        assert states(session, branch)["党小组会", "二组"].owed == 1


def test_a_group_meeting_in_the_branch_chat_counts_for_whoever_came(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        first, second = (city.organisation(name, OrganisationKind.GROUP, branch) for name in ("一组", "二组"))
        city.person(second, "小张")
        city.held(branch, shanghai(11, 6, 15), "党小组会", came=[city.person(first, "小李")])
        assert states(session, branch)["党小组会", "一组"].held == 1
        assert states(session, branch)["党小组会", "二组"].held == 0
        city.planned(branch, shanghai(11, 27, 15), "党小组会")
        assert states(session, branch)["党小组会", "二组"].planned == 1


def test_committees_and_units_owe_nothing_and_branches_do_not_owe_for_each_other(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        unit = city.organisation("物业", OrganisationKind.UNIT, top)
        outer = city.organisation("甲支部", parent=top)
        inner = city.organisation("乙支部", parent=outer)
        city.organisation("一组", OrganisationKind.GROUP, inner)
        found = duty_states(session, Tree(session), [top, unit, outer, inner], NOW)
        assert set(found) == {outer.id, inner.id}
        assert "党小组会" not in {state.duty.kind for state in found[outer.id]}
        assert "党小组会" in {state.duty.kind for state in found[inner.id]}


def test_yearly_duties_are_asked_for_in_the_fourth_quarter(database: Database) -> None:
    with database.write.begin() as session:
        branch = City(session).organisation()
        assert "组织生活会" not in kinds(session, branch, shanghai(9, 30, 23, 59))
        assert "组织生活会" in kinds(session, branch, shanghai(10, 1, 0, 0))


def test_the_reminder_says_what_and_how(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        for name in ("一组", "二组"):
            city.organisation(name, OrganisationKind.GROUP, branch)
        city.held(branch, shanghai(11, 6, 15), "主题党日", came=[city.person(branch, "小李")])
        lines = [state.line() for state in states(session, branch).values()]
        reminder = duty_reminder(branch.name, lines)
        assert reminder is not None
        assert reminder.text == (
            "📌 幸福里流动党支部还没开、也还没定时间的：\n"
            "· 本月：党小组会（一组、二组）\n"
            "· 本季度：党员大会、党课\n"
            "· 今年：组织生活会、民主评议党员\n"
            "定下来就发「计划 党员大会 周五15:00」，小蜂到时候提醒大家。"
        )
        assert names(line for line in lines if line.held) == "主题党日"
        assert by_period([]) == []
        assert duty_reminder(branch.name, [line for line in lines if line.held]) is None
