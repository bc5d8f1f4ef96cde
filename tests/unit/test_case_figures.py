"""The figures of cases: what counts, as of when, and of how few people nothing is told."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from bot.reports.case_figures import (
    LABELS,
    RATES,
    Share,
    Tally,
    by_week,
    case_figures,
    open_by_unit,
    repeated_places,
    tally,
    units_below,
)
from bot.reports.case_figures import broken_down as parts
from bot.reports.case_standings import Standing, standings
from models.cases import Action, Case, CaseKind, CaseState
from models.database import Database
from models.escalations import Cause
from models.organisations import Organisation, OrganisationKind
from tests.unit.case_city import Cases
from tests.unit.city import City, shanghai

START, END = shanghai(11, 16), shanghai(11, 23)
MIDDLE = shanghai(11, 18, 15)
BEFORE = shanghai(11, 12, 10)
HAZARD, APPEAL = CaseKind.HAZARD, CaseKind.APPEAL
HOUR = timedelta(hours=1)


class Town:
    """A committee with a branch, a neighbour of whom nothing is counted, and two units."""

    def __init__(self, session: Session) -> None:
        self.session = session
        city = City(session)
        self.top = city.organisation("甲_党委", OrganisationKind.COMMITTEE)
        self.branch = city.organisation("支部", parent=self.top)
        self.other = city.organisation("甲X党委", OrganisationKind.COMMITTEE)
        self.wuye = city.organisation("物业", OrganisationKind.UNIT, parent=self.top)
        self.chengguan = city.organisation("城管", OrganisationKind.UNIT, parent=self.top)
        self.cases = Cases(session)

    def told(self, at: datetime = MIDDLE, kind: CaseKind = HAZARD, **about: str) -> Case:
        return self.cases.told(self.branch, at, kind, **about)  # type: ignore[arg-type]  # texts alone

    def appeals(self, number: int, category: str = "劳动报酬", *, of_one: bool = False) -> list[Case]:
        refs = ["ou_same" if of_one else f"ou_{category}{n}" for n in range(number)]
        return [self.told(kind=APPEAL, category=category, ref=ref) for ref in refs]

    def standings(self, since: datetime = START, end: datetime = END) -> list[Standing]:
        return standings(self.session, self.top, since, end)

    def tally(self, start: datetime = START, end: datetime = END) -> Tally:
        return tally(self.standings(start, end), start, end)

    def rates(self, start: datetime = START, end: datetime = END) -> dict[str, str]:
        own = self.tally(start, end)
        return {rate: str(own.share(rate)) for rate in RATES if own.share(rate)}


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    with database.write.begin() as session:
        yield Town(session)


def test_nothing_has_no_rates_and_divides_by_nothing(town: Town) -> None:
    assert town.tally() == Tally()
    assert (town.rates(), town.tally().hours) == ({}, None)
    assert [str(Tally().share(rate)) for rate in RATES] == ["–"] * 6


def test_what_was_collected_and_how_far_it_has_come(town: Town) -> None:
    town.told()
    town.cases.do(town.told(), Action.ACCEPT, MIDDLE + HOUR)
    town.cases.do(town.told(), Action.DECLINE, MIDDLE + HOUR, "不属实")
    town.cases.do(town.told(), Action.WITHDRAW, MIDDLE + HOUR)
    town.cases.do(town.told(), Action.MERGE, MIDDLE + HOUR)
    town.cases.done(town.told(), MIDDLE + 3 * HOUR)
    town.cases.told(town.other, MIDDLE)
    own = town.tally()
    assert (own.collected, own.acceptable, own.accepted, own.closable, own.closed) == (6, 4, 2, 3, 1)
    assert town.rates() == {
        "受理率": "50%（2/4）",
        "按时受理率": "100%（3/3）",
        "办结率": "33%（1/3）",
        "按时办结率": "100%（1/1）",
        "重办率": "0%（0/1）",
    }
    assert own.hours == 3


def test_a_case_counts_in_the_days_in_which_things_happened_to_it(town: Town) -> None:
    """Collected before: it is no new one, and its end is one of this week's."""
    old = town.cases.done(town.told(BEFORE), MIDDLE)
    town.cases.do(old, Action.RATE, MIDDLE + HOUR, "满意")
    own = town.tally()
    assert (own.collected, own.closable, own.due, own.rated, own.done, own.ended) == (0, 0, 1, 1, 1, 1)
    assert own.hours == pytest.approx((MIDDLE - BEFORE) / HOUR)
    before = town.tally(START - timedelta(days=7), START)
    assert (before.collected, before.closable, before.closed, before.rated) == (1, 1, 0, 0)


def test_a_week_stays_what_it_was_at_its_end(town: Town) -> None:
    case = town.told()
    as_it_was = town.standings()
    town.cases.done(case, END + HOUR)
    assert town.standings() == as_it_was
    assert [case.state for case in as_it_was] == [CaseState.COLLECTED]
    assert town.rates() == {"受理率": "0%（0/1）", "办结率": "0%（0/1）"}


def test_the_edges_of_a_week_belong_to_one_week_alone(town: Town) -> None:
    town.told(START)
    town.told(END)
    assert town.tally().collected == 1
    assert town.tally(END, END + timedelta(days=7)).collected == 1


def test_late_is_what_was_urged(town: Town) -> None:
    late, slow, lying, waiting = (town.told() for _ in range(4))
    town.cases.done(town.cases.urged(late, Cause.RESOLVE, MIDDLE + HOUR), MIDDLE + 2 * HOUR)
    town.cases.urged(slow, Cause.ACCEPT, MIDDLE + HOUR)
    town.cases.do(slow, Action.ACCEPT, MIDDLE + 2 * HOUR)
    town.cases.urged(slow, Cause.RESOLVE, MIDDLE + 5 * HOUR)
    town.cases.urged(lying, Cause.ACCEPT, MIDDLE + HOUR)
    rates = town.rates()
    assert rates["按时受理率"] == "33%（1/3）"
    assert rates["按时办结率"] == "0%（0/2）"
    overdue = {case.id: case.overdue for case in town.standings()}
    assert overdue == {late.id: False, slow.id: True, lying.id: True, waiting.id: False}


def test_what_falls_due_after_the_end_is_not_late_yet(town: Town) -> None:
    case = town.told()
    town.cases.urged(case, Cause.RESOLVE, END + HOUR)
    assert [case.overdue for case in town.standings()] == [False]
    assert [case.overdue for case in town.standings(end=END + 2 * HOUR)] == [True]


def test_what_is_opened_again_runs_by_a_time_of_its_own(town: Town) -> None:
    case = town.cases.done(town.cases.urged(town.told(), Cause.RESOLVE, MIDDLE + HOUR), MIDDLE + 2 * HOUR)
    assert town.rates()["按时办结率"] == "0%（0/1）"
    town.cases.do(case, Action.REOPEN, MIDDLE + 3 * HOUR, "未解决：还堆着")
    assert [case.overdue for case in town.standings()] == [False]
    town.cases.done(case, MIDDLE + 4 * HOUR)
    assert {rate: town.rates()[rate] for rate in ("按时办结率", "满意率", "重办率")} == {
        "按时办结率": "100%（1/1）",
        "满意率": "0%（0/1）",
        "重办率": "100%（1/1）",
    }


def test_a_unit_that_does_not_take_a_case_lets_it_lie(town: Town) -> None:
    case = town.cases.sent(town.told(), MIDDLE + HOUR, town.wuye)
    town.cases.urged(case, Cause.ACCEPT, MIDDLE + 3 * HOUR)
    (own,) = town.standings()
    assert (own.overdue, own.answered_late) == (True, False)
    town.cases.do(case, Action.TRANSFER, MIDDLE + 4 * HOUR, unit=town.chengguan)
    assert [case.overdue for case in town.standings()] == [False]


def test_what_is_set_aside_is_not_overdue(town: Town) -> None:
    case = town.cases.do(town.told(), Action.ACCEPT, MIDDLE)
    town.cases.urged(case, Cause.RESOLVE, MIDDLE + HOUR)
    town.cases.do(case, Action.SUSPEND, MIDDLE + 2 * HOUR, "等配件", until=shanghai(12, 1).date())
    assert [(case.open, case.overdue) for case in town.standings()] == [(True, False)]
    assert town.tally().due == 0


def test_the_last_word_of_a_reporter_counts(town: Town) -> None:
    case = town.cases.done(town.told(), MIDDLE)
    town.cases.do(case, Action.REOPEN, MIDDLE + HOUR, "未解决")
    town.cases.done(case, MIDDLE + 2 * HOUR)
    town.cases.do(case, Action.RATE, MIDDLE + 3 * HOUR, "基本满意")
    assert (town.tally().rated, town.tally().satisfied) == (1, 1)


def test_what_few_people_said_of_their_appeals_is_not_counted(town: Town) -> None:
    town.cases.do(town.cases.done(town.told(), MIDDLE), Action.RATE, MIDDLE + HOUR, "满意")
    for case in town.appeals(4):
        town.cases.do(town.cases.done(case, MIDDLE), Action.REOPEN, MIDDLE + HOUR, "未解决")
    assert town.rates()["满意率"] == "100%（1/1）"
    assert town.rates()["重办率"] == "0%（0/1）"
    (fifth,) = town.appeals(1, "平台规则")
    town.cases.do(town.cases.done(fifth, MIDDLE), Action.RATE, MIDDLE + HOUR, "满意")
    assert town.rates()["满意率"] == "33%（2/6）"


def test_a_category_of_appeals_is_named_from_five_people_on(town: Town) -> None:
    town.appeals(4)
    town.appeals(5, "停车充电", of_one=True)
    assert case_figures(town.standings(), START, END)[APPEAL].categories == ()
    town.appeals(5, "工伤事故")
    found = case_figures(town.standings(), START, END)[APPEAL]
    assert (found.collected, found.categories) == (14, (("工伤事故", 5),))


def test_hazards_by_category(town: Town) -> None:
    for category, number in (("道路交通", 2), ("消防安全", 3), ("治安", 1), ("环境卫生", 1)):
        for _ in range(number):
            town.told(category=category)
    town.cases.done(town.told(BEFORE, category="治安"), MIDDLE)
    found = case_figures(town.standings(), START, END)
    assert (found[HAZARD].collected, found[HAZARD].resolved, found[HAZARD].open) == (7, 1, 7)
    assert found[HAZARD].categories == (("消防安全", 3), ("道路交通", 2), ("治安", 1))
    assert not found[APPEAL]


def test_parts_leave_out_the_appeals_of_few(town: Town) -> None:
    for case in town.appeals(4):
        town.cases.sent(case, MIDDLE, town.wuye)
    town.cases.sent(town.told(), MIDDLE, town.wuye)

    def by_unit() -> list[tuple[str, int]]:
        found = parts(town.standings(), lambda case: str(case.unit_id), START, END)
        return [(unit, own.collected) for unit, own in found]

    assert by_unit() == [(str(town.wuye.id), 1)]
    town.cases.sent(town.appeals(1, "健康医疗")[0], MIDDLE, town.wuye)
    assert by_unit() == [(str(town.wuye.id), 6)]


def test_open_cases_by_unit_the_overdue_first(town: Town) -> None:
    for at in (MIDDLE, START):
        town.cases.sent(town.told(at), at + HOUR, town.wuye)
    late = town.cases.sent(town.told(), MIDDLE + HOUR, town.chengguan)
    town.cases.urged(late, Cause.ACCEPT, MIDDLE + 3 * HOUR)
    town.told(BEFORE)
    for case in town.appeals(4, "工伤事故"):
        town.cases.sent(case, MIDDLE, town.wuye)
    found = open_by_unit(town.session, town.standings())
    assert [(unit.name, unit.open, unit.overdue, unit.oldest) for unit in found] == [
        ("城管", 1, 1, MIDDLE),
        ("物业", 2, 0, START),
        ("", 1, 0, BEFORE),
    ]


def test_two_units_of_one_name_go_by_their_paths(town: Town) -> None:
    again = City(town.session).organisation("物业", OrganisationKind.UNIT, parent=town.branch)
    for unit in (town.wuye, again):
        town.cases.sent(town.told(), MIDDLE, unit)
    found = {unit.name for unit in open_by_unit(town.session, town.standings())}
    assert found == {"甲_党委/物业", "甲_党委/支部/物业"}


def test_units_below_85_per_cent(town: Town) -> None:
    for unit, done, left in ((town.wuye, 3, 2), (town.chengguan, 5, 0)):
        for number in range(done + left):
            case = town.cases.sent(town.told(), MIDDLE, unit)
            town.cases.urged(case, Cause.RESOLVE, MIDDLE + HOUR) if number >= done else town.cases.done(case, MIDDLE)
        town.cases.sent(town.told(), MIDDLE, unit)
    assert units_below(town.session, town.standings(), START, END) == [("物业", "办结 60%（3/5）")]
    for case in [case for case in town.session.query(Case) if case.unit is town.chengguan][:5]:
        town.cases.do(case, Action.REOPEN, MIDDLE + HOUR, "未解决")
    assert units_below(town.session, town.standings(), START, END) == [
        ("城管", "满意 0%（0/5）"),
        ("物业", "办结 60%（3/5）"),
    ]


def test_four_cases_say_nothing_about_a_unit(town: Town) -> None:
    for _ in range(4):
        town.cases.urged(town.cases.sent(town.told(), MIDDLE, town.wuye), Cause.RESOLVE, MIDDLE + HOUR)
    assert units_below(town.session, town.standings(), START, END) == []


def test_85_per_cent_is_good_enough(town: Town) -> None:
    assert not Share(17, 20).below(85)
    assert Share(169, 199).below(85)
    assert (Share(169, 199).percent, bool(Share())) == (85, False)


def test_places_that_come_a_third_time(town: Town) -> None:
    for place in ("幸福里 东门", "幸福里东门", "幸福里东门 ", "１７０号院", "170号院", "", "", ""):
        town.told(place=place)
    town.told(kind=APPEAL, place="170号院")
    town.cases.do(town.told(place="170号院"), Action.MERGE, MIDDLE)
    town.cases.do(town.told(place="170号院"), Action.DECLINE, MIDDLE, "不属实")
    assert repeated_places(town.session, town.top, START, END) == [("幸福里东门", 3)]
    town.told(place="170号院")
    assert repeated_places(town.session, town.top, START, END) == [("幸福里东门", 3), ("170号院", 3)]


def test_week_by_week_each_as_of_its_end(town: Town) -> None:
    town.cases.done(town.told(START + HOUR), END + HOUR)
    town.told(END + HOUR)
    found = list(by_week(town.session, town.top, START, END + timedelta(days=3)))
    assert [(start, own.collected, own.closed, own.ended) for start, _, own in found] == [
        (START, 1, 0, 0),
        (END, 1, 0, 1),
    ]


def test_an_organisation_is_counted_with_all_below_it_and_no_other(town: Town) -> None:
    town.told()
    town.cases.told(town.other, MIDDLE)

    def collected(organisation: Organisation) -> int:
        return tally(standings(town.session, organisation, START, END), START, END).collected

    assert [collected(organisation) for organisation in (town.top, town.branch, town.other)] == [1, 1, 1]


def test_every_rate_has_a_part_of_its_whole() -> None:
    assert {name for pair in RATES.values() for name in pair} <= set(LABELS)
    assert tuple(LABELS) == tuple(Tally.__dataclass_fields__)


tallies = st.builds(Tally, *(st.integers(0, 1000) for _ in LABELS))


@given(st.lists(tallies, max_size=5), st.lists(tallies, max_size=5))
def test_tallies_add_up_in_any_order(some: list[Tally], others: list[Tally]) -> None:
    assert sum(some + others, Tally()) == sum(reversed(others + some), Tally())
    assert sum(some, Tally()) + sum(others, Tally()) == sum(some + others, Tally())


moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 30)).map(lambda one: one.replace(tzinfo=START.tzinfo))  # noqa: DTZ001


@given(
    st.sampled_from([*CaseState]),
    moments,
    st.lists(moments, min_size=1, max_size=3),
    st.lists(moments, max_size=2),
    st.lists(st.tuples(moments, st.booleans()), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_no_part_is_more_than_its_whole(
    state: CaseState,
    created_at: datetime,
    resolved: list[datetime],
    reopened: list[datetime],
    rated: list[tuple[datetime, bool]],
    answered_late: bool,
    late: bool,
) -> None:
    one = Standing(
        id=1,
        kind=HAZARD,
        category="",
        organisation_id=1,
        unit_id=None,
        reporter="",
        created_at=created_at,
        state=state,
        resolved=tuple(sorted(resolved)),
        reopened=tuple(sorted(reopened)),
        rated=tuple(sorted(rated)),
        answered_late=answered_late,
        late=late,
        lying=False,
    )
    own = Tally.of(one, START, END)
    assert all(getattr(own, part) <= getattr(own, whole) <= 1 for part, whole in RATES.values())
    assert own.ended <= own.due
