"""What a branch has to hold, what it owes, and what was not held in time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from bot.reports.duties import Verdict, by_period, duty_reminder, names
from models.database import Database
from models.duty_rules import DutyRule
from models.lessons import LESSON_KINDS, LessonState
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Status
from schedules.calendar import Span, month_of, quarter_of, year_of
from schedules.duties import DUTIES, DutyState, duty_states, overdue, past_states, season_of
from schedules.duty_reminder import days_of_reminding
from tests.unit.city import LONG_AGO, City, shanghai

NOW = shanghai(11, 25, 15)
YEAR = shanghai(1, 1)


def states(session: Session, branch: Organisation, now: datetime = NOW) -> dict[tuple[str, str], DutyState]:
    found = duty_states(session, Tree(session), [branch], now)[branch.id]
    return {(state.duty.kind, state.organisation.name): state for state in found}


def kinds(session: Session, branch: Organisation, now: datetime = NOW) -> set[str]:
    return {kind for kind, _ in states(session, branch, now)}


def verdict(session: Session, branch: Organisation, kind: str, now: datetime = NOW) -> Verdict:
    return states(session, branch, now)[kind, branch.name].verdict


def missed(session: Session, branch: Organisation, now: datetime = NOW, since: datetime = YEAR) -> list[str]:
    """``主题党日10月``: what was not held in time."""
    lines = [state.line() for state in overdue(session, Tree(session), [branch], now, since)[branch.id]]
    return [f"{line.group}{line.kind}{line.within}" for line in lines]


def rule(
    session: Session,
    organisation: Organisation,
    kind: str,
    every: str,
    times: int,
    set_at: datetime = LONG_AGO,
) -> None:
    session.add(
        DutyRule(organisation_id=organisation.id, kind=kind, every=every, times=times, set_at=set_at, message_id=1)
    )
    session.flush()


def test_each_duty_names_a_kind_of_lesson_and_its_article() -> None:
    assert all(duty.kind in LESSON_KINDS for duty in DUTIES)
    assert all(duty.article.startswith("《中国共产党支部工作条例（试行）》第") for duty in DUTIES)
    assert len({duty.kind for duty in DUTIES}) == len(DUTIES)


def test_a_lesson_with_a_check_in_is_held_and_one_without_is_not(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        rider = city.person(branch, "小李")
        assert verdict(session, branch, "主题党日") is Verdict.DUE
        city.held(branch, shanghai(11, 5, 15), "主题党日")
        assert verdict(session, branch, "主题党日") is Verdict.DUE
        city.held(branch, shanghai(11, 6, 15), "主题党日", came=[rider])
        assert states(session, branch)["主题党日", branch.name].held == 1
        assert verdict(session, branch, "主题党日") is Verdict.DONE


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


def test_a_lesson_across_midnight_counts_in_the_period_in_which_it_was_opened(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        opened_at = shanghai(9, 30, 23, 59)
        lesson = city.held(branch, opened_at, "党员大会", came=[city.person(branch, "小李")])
        lesson.closed_at = opened_at + timedelta(hours=1)
        session.flush()
        assert "党员大会第三季度" not in missed(session, branch)
        assert verdict(session, branch, "党员大会") is Verdict.DUE


def test_a_lesson_counts_as_what_it_is_marked_to_be_and_no_more_as_its_own_kind(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        rider = city.person(branch, "小李")
        city.held(branch, shanghai(11, 6, 15), "10分钟微课堂", came=[rider]).counts_as = "党课"
        city.held(branch, shanghai(11, 7, 15), "主题党日", came=[rider]).counts_as = "党员大会"
        session.flush()
        found = states(session, branch)
        assert {kind: found[kind, branch.name].held for kind in ("党课", "主题党日", "党员大会")} == {
            "党课": 1,
            "主题党日": 0,
            "党员大会": 1,
        }
        city.planned(branch, shanghai(11, 27, 15), "红色学堂").counts_as = "主题党日"
        session.flush()
        assert verdict(session, branch, "主题党日") is Verdict.PLANNED


def test_plans_count_while_they_are_to_come(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.planned(branch, shanghai(11, 24, 15), "主题党日")
        assert verdict(session, branch, "主题党日") is Verdict.DUE
        city.planned(branch, shanghai(11, 27, 15), "主题党日")
        assert states(session, branch)["主题党日", branch.name].planned == 1
        assert verdict(session, branch, "主题党日") is Verdict.PLANNED


def test_a_plan_beyond_the_period_is_no_plan_for_it(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.planned(branch, shanghai(12, 1, 15), "主题党日")
        assert verdict(session, branch, "主题党日") is Verdict.DUE


def test_an_open_lesson_is_planned_until_somebody_comes(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.held(branch, NOW, "主题党日").state = LessonState.OPEN
        state = states(session, branch)["主题党日", branch.name]
        assert (state.held, state.planned, state.verdict) == (0, 1, Verdict.PLANNED)


def test_a_cancelled_lesson_is_nothing(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.planned(branch, shanghai(11, 27, 15), "主题党日").state = LessonState.CANCELLED
        came = [city.person(branch, "小李")]
        city.held(branch, shanghai(11, 6, 15), "主题党日", came=came).state = LessonState.CANCELLED
        assert verdict(session, branch, "主题党日") is Verdict.DUE


# Whom a duty binds


def test_only_branches_with_seven_full_members_have_a_committee(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        group = city.organisation("第一党小组", OrganisationKind.GROUP, branch)
        for number in range(6):
            city.person(branch, f"党员{number}")
        city.person(branch, "预备", status=Status.PROBATIONARY)
        city.person(city.organisation("站点", OrganisationKind.COMPANY, branch), "别处的")
        assert "支委会" not in kinds(session, branch)
        city.person(group, "第七个")
        assert "支委会" in kinds(session, branch)


def test_a_committee_is_judged_by_who_belonged_to_the_branch_at_the_end_of_the_period(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        seventh = [city.person(branch, f"党员{number}") for number in range(7)][-1]
        seventh.created_at = shanghai(3, 31, 23, 59)
        seventh.left_on = date(2026, 6, 1)
        session.flush()
        late = [name for name in missed(session, branch) if name.startswith("支委会")]
        assert late == ["支委会3月", "支委会4月", "支委会5月"]
        assert "支委会" not in kinds(session, branch)
        assert "支委会" in kinds(session, branch, shanghai(5, 31, 23, 59))
        assert "支委会" not in kinds(session, branch, shanghai(6, 1))


def test_each_group_owes_its_own_meeting(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        first, _ = (city.organisation(name, OrganisationKind.GROUP, branch) for name in ("一组", "二组"))
        city.held(first, shanghai(11, 6, 15), "党小组会", came=[city.person(first, "小李")])
        assert states(session, branch)["党小组会", "一组"].verdict is Verdict.DONE
        assert states(session, branch)["党小组会", "二组"].verdict is Verdict.DUE
        assert [name for name in missed(session, branch, since=NOW) if "党小组会" in name] == [
            "一组党小组会10月",
            "二组党小组会10月",
        ]


def test_a_group_meeting_in_the_branch_chat_counts_for_whoever_came(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        first, second = (city.organisation(name, OrganisationKind.GROUP, branch) for name in ("一组", "二组"))
        city.person(second, "小张")
        came = [city.person(first, "小李"), city.person(first, "小赵")]
        city.held(branch, shanghai(11, 6, 15), "党小组会", came=came)
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
        assert duty_states(session, Tree(session), [top, unit], NOW) == {}


# Periods that are over


def test_a_period_that_ended_without_enough_is_overdue(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        rider = city.person(branch, "小李")
        for month in (1, 2, 4, 5, 6, 7, 8, 9, 10):
            city.held(branch, shanghai(month, 28, 15), "主题党日", came=[rider])
        for month in (1, 7):
            city.held(branch, shanghai(month, 28, 15), "党员大会", came=[rider])
        city.planned(branch, shanghai(3, 27, 15), "主题党日")
        late = [name for name in missed(session, branch) if not name.startswith("党课")]
        assert late == ["党员大会第二季度", "主题党日3月"]
        assert missed(session, branch, shanghai(3, 31, 23, 59)) == []
        assert missed(session, branch, shanghai(4, 1)) == ["党课第一季度", "主题党日3月"]
        assert [name for name in missed(session, branch, since=NOW) if "主题党日" in name] == []
        assert "主题党日3月" in missed(session, branch, since=shanghai(3, 1))
        assert "主题党日3月" not in missed(session, branch, since=shanghai(3, 1, 0, 1))


def test_the_last_period_of_each_length_is_judged_beyond_the_new_year(database: Database) -> None:
    january = shanghai(1, 5, 9, year=2027)
    with database.write.begin() as session:
        branch = City(session).organisation()
        assert missed(session, branch, january, year_of(date(2027, 1, 5)).start) == [
            "党员大会2026年第四季度",
            "党课2026年第四季度",
            "主题党日2026年12月",
            "组织生活会2026年",
            "民主评议党员2026年",
        ]


@pytest.mark.parametrize(
    ("created_at", "judged"),
    [(shanghai(9, 1, 23, 59), True), (shanghai(9, 2), False), (shanghai(9, 1), True)],
)
def test_a_period_is_judged_if_the_branch_was_there_by_the_end_of_its_first_day(
    database: Database, created_at: datetime, judged: bool
) -> None:
    with database.write.begin() as session:
        branch = City(session).organisation(created_at=created_at)
        assert ("主题党日9月" in missed(session, branch)) == judged
        assert "主题党日10月" in missed(session, branch)
        assert "党课第三季度" not in missed(session, branch)
        assert verdict(session, branch, "组织生活会") is Verdict.DUE


def test_what_is_over_is_never_planned_or_due(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.held(branch, shanghai(10, 31, 23, 50), "主题党日").state = LessonState.OPEN
        found = past_states(session, Tree(session), [branch], shanghai(11, 1), YEAR)[branch.id]
        assert {state.verdict for state in found} == {Verdict.OVERDUE}
        assert len(found) == 10 + 2 * 3


# Other numbers than the general ones


def test_the_rule_of_the_nearest_organisation_holds(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("两新工委", OrganisationKind.COMMITTEE)
        industry = city.organisation("行业党委", OrganisationKind.COMMITTEE, top)
        branch = city.organisation(parent=industry)
        group = city.organisation("一组", OrganisationKind.GROUP, branch)
        other = city.organisation("别的支部", parent=top)
        rule(session, top, "党课", "month", 1)
        rule(session, industry, "党课", "month", 2)
        rule(session, top, "组织生活会", "year", 0)
        rule(session, group, "党小组会", "month", 3)
        assert states(session, other)["党课", other.name].duty.times == 1
        assert states(session, branch)["党课", branch.name].duty.times == 2
        assert states(session, branch)["党课", branch.name].line().within == "本月"
        assert states(session, branch)["党小组会", "一组"].duty.times == 3
        assert "组织生活会" not in kinds(session, branch)
        rule(session, branch, "党课", "quarter", 7)
        assert states(session, branch)["党课", branch.name].duty.times == 7
        assert states(session, branch)["党课", branch.name].line().within == "本季度"
        city.held(branch, shanghai(10, 6, 15), "党课", came=[city.person(branch, "小李")])
        assert states(session, branch)["党课", branch.name].held == 1


def test_a_period_is_judged_by_the_rule_that_held_when_it_ended(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        rule(session, branch, "党课", "month", 1, shanghai(8, 31, 23, 59))
        rule(session, branch, "党课", "quarter", 2, shanghai(11, 1))
        late = [name for name in missed(session, branch) if name.startswith("党课")]
        assert late == ["党课8月", "党课9月", "党课10月", "党课第一季度", "党课第二季度"]
        assert states(session, branch)["党课", branch.name].duty.times == 2


def test_a_duty_with_another_period_has_no_season(database: Database) -> None:
    with database.write.begin() as session:
        branch = City(session).organisation()
        march = shanghai(3, 2)
        assert not states(session, branch, march)["组织生活会", branch.name].in_season
        assert states(session, branch, shanghai(10, 1))["组织生活会", branch.name].in_season
        rule(session, branch, "组织生活会", "quarter", 1)
        assert states(session, branch, march)["组织生活会", branch.name].in_season


# The whole against a simple count

_DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
_HELD = st.lists(st.tuples(st.sampled_from(["主题党日", "党课", "党员大会", "党小组会"]), _DAYS), max_size=30)


@given(held=_HELD, today=_DAYS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_period_is_judged_as_by_hand(database: Database, held: list[tuple[str, date]], today: date) -> None:
    now = datetime(today.year, today.month, today.day, 4, tzinfo=UTC)
    held = [(kind, day) for kind, day in held if day < today]
    with database.write() as session:
        city = City(session)
        branch = city.organisation()
        group = city.organisation("一组", OrganisationKind.GROUP, branch)
        rider = city.person(group, "小李")
        for kind, day in held:
            city.held(branch, shanghai(day.month, day.day, 15), kind, came=[rider])
        both = [
            *past_states(session, Tree(session), [branch], now, YEAR)[branch.id],
            *duty_states(session, Tree(session), [branch], now)[branch.id],
        ]
        judged = {(state.duty.kind, state.span.name): (state.held, state.verdict) for state in both}
        session.rollback()
    assert len(judged) == len(both) == today.month * 2 + (today.month + 2) // 3 * 2 + 2
    for (kind, name), (count, said) in judged.items():
        days = [day for held_kind, day in held if held_kind == kind and _name(day, name) == name]
        over = name < _name(today, name)
        assert count == len(days)
        assert said is (Verdict.DONE if days else Verdict.OVERDUE if over else Verdict.DUE)


def _name(day: date, like: str) -> str:
    """What the period of a day is called, as long as the one that ``like`` names."""
    if len(like) == 4:
        return str(day.year)
    return f"{day.year}-Q{(day.month + 2) // 3}" if "Q" in like else f"{day.year}-{day.month:02}"


# Words


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
        assert reminder.as_text() == (
            "📌 幸福里流动党支部还没开、也还没定时间的：\n"
            "· 本月：党小组会（一组、二组）\n"
            "· 本季度：党员大会、党课\n"
            "· 今年：组织生活会、民主评议党员\n"
            "定下来就发「计划 党小组会 周五15:00」，小蜂到时候提醒大家。"
        )
        assert [button.says for button in reminder.buttons] == [
            "计划 党小组会",
            "计划 党员大会",
            "计划 党课",
            "计划 组织生活会",
        ]
        assert names(line for line in lines if line.held) == "主题党日"
        assert by_period([]) == []
        assert duty_reminder(branch.name, [line for line in lines if line.held]) is None


# Days of reminding


@pytest.mark.parametrize(
    ("of", "days"),
    [
        (month_of(date(2026, 11, 5)), ["11-16", "11-23", "11-27"]),  # the 29th is a Sunday
        (month_of(date(2026, 4, 5)), ["04-16", "04-23", "04-29"]),
        (month_of(date(2026, 2, 5)), ["02-14", "02-14", "02-27"]),  # the Spring Festival from 15 to 23, 14 is 调休
        (month_of(date(2026, 10, 5)), ["10-16", "10-23", "10-30"]),
        (quarter_of(date(2026, 11, 5)), ["11-16", "12-24", "12-30"]),
        (season_of(year_of(date(2026, 1, 1)), 10), ["11-16", "12-24", "12-30"]),
        (season_of(year_of(date(2026, 1, 1)), 1), ["07-02", "12-24", "12-30"]),
        (month_of(date(2028, 2, 29)), ["02-15", "02-22", "02-28"]),
    ],
)
def test_one_is_reminded_half_way_a_week_and_a_day_before_the_last_day(of: Span, days: list[str]) -> None:
    assert [f"{day:%m-%d}" for day in days_of_reminding(of)] == days
