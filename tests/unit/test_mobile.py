"""流动党员: what is understood of where they come from, who says that somebody leaves, who is reminded of what."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.roster.checking import RosterRow
from bot.roster.importing import import_roster
from handlers.mobile_fields import LONGEST_HOME, Inflow, find_date, read_inflow
from models.database import Database
from models.lessons import audience
from models.make_ups import MakeUp
from models.movements import Direction, HomeReport, Movement
from models.organisations import OrganisationKind
from models.people import Identity, Person, Post, Status, people_below
from schedules.mobile_reminders import JOB, _is_report_day, _is_unreached_day, _months_after
from schedules.runner import next_due, run_due
from tests.conftest import START, StandingClock
from tests.unit.city import LONG_AGO, ROADS, City, posts, shanghai
from tests.unit.talk import Said, Talk
from tests.unit.understood import said as understood

TODAY = date(2026, 11, 23)
HOME = "甘肃定西河口村党支部"
MARCH = date(2026, 3, 1)
WHOLE = Inflow(HOME, "老王 13900000000", MARCH)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (f"流入 {HOME} 联系人 老王 13900000000 2026年3月", WHOLE),
        (f"流入{HOME}，联系人老王13900000000，2026年3月", WHOLE),
        (f"流入：2026.3起；老王 139-0000-0000；{HOME}", WHOLE),
        (f"流动党员报到 13900000000老王 {HOME} 今年3月", WHOLE),
        (f"流入 我 从2026-03起 流出地党组织：{HOME} 联系人是老王 电话13900000000", WHOLE),
        (f"流入\n{HOME}\n联系人：老王\n手机：+86 139 0000 0000\n时间：20260301", WHOLE),
        ("流入 甘肃 定西 河口村党支部 老王 13900000000 3月", WHOLE),
        (f"流入 小李 {HOME} 联系人 老王 13900000000 3月份", Inflow(HOME, "老王 13900000000", MARCH, "小李")),
        ("流入 联系人 李主任", Inflow(contact="李主任")),
        ("流入 0931-1234567 王建国", Inflow(contact="王建国 09311234567")),
        ("流入 12月", Inflow(since=date(2025, 12, 1))),
        ("流入 上个月", Inflow(since=date(2026, 10, 1))),
        ("流入 去年9月5日 云岭县东关社区", Inflow("云岭县东关社区", since=date(2025, 9, 5))),
        ("流入 13月 2026年2月30日", Inflow()),
        ("流入 来自老家", Inflow("老家")),
        ("流入 甘肃定西老家那边的", Inflow()),
        ("流入", Inflow()),
        ("流入 小李", Inflow(person="小李")),
    ],
)
def test_fields_are_found_in_any_order(text: str, fields: Inflow) -> None:
    assert read_inflow(text, TODAY) == fields


@given(st.permutations([HOME, "联系人 老王 13900000000", "2026年3月"]), st.sampled_from([" ", "，", "；", "\n", "。 "]))
def test_the_order_of_the_fields_makes_no_difference(parts: list[str], gap: str) -> None:
    assert read_inflow(f"流入 {gap.join(parts)}", TODAY) == WHOLE


@given(st.text(max_size=400), st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_any_text_is_read(text: str, today: date) -> None:
    fields = read_inflow(text, today)
    assert len(fields.home) <= LONGEST_HOME


@given(st.dates(date(2020, 1, 1), date(2098, 12, 31)), st.dates(date(2020, 1, 1), date(2098, 12, 31)))
def test_every_way_to_write_a_day_is_that_day(day: date, today: date) -> None:
    for text in (f"{day.year}年{day.month}月{day.day}日", day.isoformat(), f"{day:%Y.%m.%d}", f"{day:%Y%m%d}"):
        assert find_date(f"从{text}起", today) == day
    found = find_date(f"{day.month}月1日", today)
    assert found is not None
    assert found <= today < date(found.year + 1, found.month, 1)


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    with database.write.begin() as session:
        city = City(session)
        committee = city.committee()
        city.branch("小李", "小张", parent=committee)
        city.branch(name="另一支部", secretary="孙书记", parent=committee, chat="")
    return Talk(database, clock)


def say(talk: Talk, who: str, text: str, chat: str = "", **more: str) -> list[tuple[str, str]]:
    """Something said as the real understanding takes it."""
    intent = understood(text, role="secretary" if "书记" in who else "member", addressed=True)
    return talk.all(Said(who, intent.name, intent.slots, chat, text=text, **more))  # type: ignore[arg-type]


def person(database: Database, name: str = "小李") -> Person:
    with database.read() as session:
        return session.scalars(select(Person).where(Person.name == name)).one()


def movements(database: Database) -> list[Movement]:
    with database.read() as session:
        return list(session.scalars(select(Movement).order_by(Movement.id)))


def test_one_statement_registers_everything(talk: Talk, database: Database) -> None:
    answers = say(talk, "小李", f"流入 {HOME} 联系人 老王 13900000000 2026年3月")
    assert [whom for whom, _ in answers] == ["小李", "王书记"] or [whom for whom, _ in answers] == ["王书记", "小李"]
    changed = person(database)
    assert (changed.mobile, changed.home_organisation, changed.vote_here) == (True, HOME, False)
    (arrival,) = movements(database)
    assert (arrival.direction, arrival.on, arrival.home, arrival.contact) == (
        Direction.IN, MARCH, HOME, "老王 13900000000",
    )  # fmt: skip


def test_what_is_missing_is_asked_for_once_and_added_to_the_same_record(talk: Talk, database: Database) -> None:
    assert "还缺联系人和手机、从哪年哪月起" in dict(say(talk, "小李", f"流入 {HOME}"))["小李"]
    assert "还缺" not in dict(say(talk, "小李", "流入 2026年3月"))["小李"]
    assert "还缺" not in dict(say(talk, "小李", f"流入 {HOME} 联系人 老王 13900000000"))["小李"]
    (arrival,) = movements(database)
    assert (arrival.on, arrival.contact) == (MARCH, "老王 13900000000")


def test_another_home_is_another_arrival(talk: Talk, database: Database) -> None:
    for home in (HOME, "白水县河口村党支部"):
        say(talk, "小李", f"流入 {home} 3月")
    assert [movement.home for movement in movements(database)] == [HOME, "白水县河口村党支部"]
    assert person(database).home_organisation == "白水县河口村党支部"


@pytest.mark.parametrize("text", ["流入", "流入 小李", "流入 联系人 老王 13900000000", "流入 甘肃定西老家那边的"])
def test_without_a_home_nothing_is_registered(talk: Talk, database: Database, text: str) -> None:
    assert [whom for whom, _ in say(talk, "小李", text)] == ["小李"]
    assert movements(database) == []
    assert not person(database).mobile


def test_a_day_to_come_is_refused(talk: Talk, database: Database) -> None:
    assert "不能在今天以后" in say(talk, "小李", f"流入 {HOME} 2027年3月")[0][1]
    assert movements(database) == []


def test_no_group_hears_a_phone_or_a_home(talk: Talk) -> None:
    answers = say(talk, "小李", f"流入 {HOME} 联系人 老王 13900000000 3月", "oc_branch")
    answers += say(talk, "王书记", "流动党员", "oc_branch")
    answers += say(talk, "小李", "离开支部 去兰州", "oc_branch")
    answers += say(talk, "小李", "已向流出地汇报", "oc_branch")
    assert answers
    assert "oc_branch" not in [whom for whom, _ in answers]
    assert any("手机号别发在群里" in text for whom, text in answers if whom == "小李")


def test_a_secretary_registers_for_somebody_and_never_by_mistake_himself(talk: Talk, database: Database) -> None:
    assert [whom for whom, _ in say(talk, "王书记", f"流入 小李 {HOME} 3月")] == ["小李", "王书记"]
    assert person(database).mobile
    for name in ("小钱", "孙书记"):
        answers = say(talk, "王书记", f"流入 {name} {HOME} 3月")
        assert [whom for whom, _ in answers] == ["王书记"]
        assert "没有找到" in answers[0][1]
    assert not person(database, "王书记").mobile


def test_a_member_registers_nobody_else(talk: Talk, database: Database) -> None:
    assert say(talk, "小李", f"流入 小张 {HOME} 3月") == [("小李", "别人的去留由书记来登记。")]
    assert [person(database, name).mobile for name in ("小张", "小李")] == [False, False]


def test_the_first_part_of_a_home_is_no_name(talk: Talk, database: Database) -> None:
    say(talk, "小李", "流入 定西 河口村党支部 3月")
    assert person(database).home_organisation == "定西河口村党支部"


def confirm(talk: Talk, database: Database, who: str, whom: str) -> list[tuple[str, str]]:
    about = f"person:{person(database, whom).id}"
    said = Said(who, "confirm_outflow", {}, text=f"确认离开 {whom} 兰州", kind="button", about=about)
    return talk.all(said)


def test_nothing_happens_before_it_is_confirmed(talk: Talk, database: Database) -> None:
    say(talk, "小李", "离开支部 去兰州")
    assert person(database).left_on is None
    assert [whom for whom, _ in confirm(talk, database, "小李", "小李")] == ["王书记"]
    assert person(database).left_on == TODAY
    (leaving,) = movements(database)
    assert (leaving.direction, leaving.home) == (Direction.OUT, "兰州")
    confirm(talk, database, "小李", "小李")
    assert len(movements(database)) == 1


@pytest.mark.parametrize("who", ["小张", "孙书记", "路人"])
def test_only_oneself_and_the_secretary_say_that_somebody_leaves(talk: Talk, database: Database, who: str) -> None:
    say(talk, who, "小李离开支部")
    confirm(talk, database, who, "小李")
    talk.say(who, "confirm_outflow", person="小李")
    assert person(database).left_on is None


def test_who_has_left_is_expected_nowhere_and_runs_nothing(talk: Talk, database: Database) -> None:
    for name in ("王书记", "小李"):
        confirm(talk, database, "刘书记", name)
    with database.read() as session:
        branch = session.scalars(select(Person).where(Person.name == "小张")).one().organisation
        city = City(session)
        lesson = city.planned(branch, START)
        assert [p.name for p in audience(session, lesson)] == ["小张"]
        assert not session.scalars(select(Person).where(Person.name == "王书记")).one().acts_for(branch)
        session.rollback()
    assert "书记来办" in talk.say("王书记", "roster")[0][1]


def test_two_who_confirm_at_the_same_time_have_one_leaving_told(talk: Talk, database: Database) -> None:
    with ThreadPoolExecutor() as others:
        with database.write.begin() as session:
            session.scalars(select(Person).where(Person.name == "小李")).one().left_on = TODAY
            session.flush()
            answers = others.submit(confirm, talk, database, "小李", "小李")
            sleep(0.3)
        assert answers.result(timeout=30) == []
    assert movements(database) == []


def test_a_phone_in_where_somebody_goes_is_kept_sealed(talk: Talk, database: Database) -> None:
    talk.all(Said("小李", "confirm_outflow", {"person": "小李"}, text="确认离开 小李 兰州城关区 13900000009"))
    with database.read() as session:
        gone = session.scalars(select(Movement).where(Movement.direction == Direction.OUT)).one()
        assert (gone.home, gone.contact) == ("兰州城关区", "13900000009")


def test_who_has_left_comes_back_by_saying_so(talk: Talk, database: Database) -> None:
    confirm(talk, database, "小李", "小李")
    say(talk, "小李", f"流入 {HOME} 3月")
    assert person(database).left_on is None
    confirm(talk, database, "王书记", "小李")
    say(talk, "王书记", f"流入 小李 {HOME} 3月")
    assert person(database).left_on is None
    assert [m.direction.value for m in movements(database)] == ["out", "in", "out", "in"]


def test_who_has_left_is_back_with_the_next_roster(talk: Talk, database: Database) -> None:
    row = RosterRow(
        line=2, path="支部", kind=None, name="小钱", phone="13800000099", status=Status.FULL, post=None,
        occupation=person(database).occupation, mobile=False, home_organisation="", identities=(), columns=frozenset(),
    )  # fmt: skip
    with database.write.begin() as session:
        import_roster(session, [row], START)
        session.scalars(select(Person).where(Person.name == "小钱")).one().left_on = TODAY
    with database.write.begin() as session:
        assert import_roster(session, [row], START).people_changed == 1
        assert import_roster(session, [row], START).people_unchanged == 1
    assert person(database, "小钱").left_on is None


def reports(database: Database) -> list[date]:
    with database.read() as session:
        return list(session.scalars(select(HomeReport.on).order_by(HomeReport.on)))


def test_a_report_to_the_home_organisation_is_kept_once_a_day(talk: Talk, database: Database) -> None:
    assert "不是流动党员" in say(talk, "小李", "已向流出地汇报")[0][1]
    say(talk, "小李", f"流入 {HOME} 3月")
    for text in ("已向流出地汇报", "我已经向流出地党组织汇报过了", "3月5日已向流出地汇报"):
        say(talk, "小李", text)
    say(talk, "王书记", "小李去年12月已向流出地汇报")
    say(talk, "小李", "2027年1月已向流出地汇报")
    assert reports(database) == [date(2025, 12, 1), date(2026, 3, 5), TODAY]


# Reminders


def run_until(database: Database, start: datetime, end: datetime) -> None:
    moment: datetime | None = start
    while moment is not None:
        run_due(database, moment, ROADS, [JOB])
        moment = next_due(database, moment, end, [JOB])


def told(database: Database, words: str) -> list[tuple[str, str]]:
    return [(whom, text) for whom, text in posts(database) if words in text]


def mobile(session_city: City, names: Sequence[str], *, reachable: bool = True) -> list[Person]:
    """A branch with a secretary, a group and these 流动党员."""
    branch = session_city.organisation()
    session_city.chat(branch, "oc_branch")
    session_city.person(branch, "王书记", Post.SECRETARY)
    people = [session_city.person(branch, name, reachable=reachable) for name in names]
    for one in people:
        one.mobile, one.home_organisation = True, HOME
    return people


def test_the_yearly_report_is_asked_for_twice_and_only_of_who_has_made_none(database: Database) -> None:
    with database.write.begin() as session:
        people = mobile(City(session), ["小李", "小张", "小赵", "小钱"])
        people[3].left_on = date(2026, 5, 1)
        session.add(HomeReport(person_id=people[0].id, on=date(2026, 5, 1), recorded_at=LONG_AGO, message_id=1))
        session.add(HomeReport(person_id=people[1].id, on=date(2025, 12, 31), recorded_at=LONG_AGO, message_id=2))
    run_until(database, shanghai(10, 31), shanghai(11, 14))
    assert [whom for whom, _ in told(database, "每年要向流出地")] == ["ou_小张", "ou_小赵"]
    with database.write.begin() as session:
        late = session.scalars(select(Person.id).where(Person.name == "小张")).one()
        session.add(HomeReport(person_id=late, on=date(2026, 11, 10), recorded_at=LONG_AGO, message_id=3))
    run_until(database, shanghai(11, 14), shanghai(12, 31))
    assert [whom for whom, _ in told(database, "每年要向流出地")] == ["ou_小张", "ou_小赵", "ou_小赵"]


def test_the_days_of_reminding_are_working_days() -> None:
    days = [date(2026, 1, 1) + timedelta(days=passed) for passed in range(365)]
    assert [day for day in days if _is_report_day(day)] == [date(2026, 11, 2), date(2026, 11, 16)]
    assert [day for day in days if _is_unreached_day(day)] == [
        date(2026, 1, 12), date(2026, 4, 10), date(2026, 7, 10), date(2026, 10, 10),
    ]  # fmt: skip  # 10 October is a Saturday that is worked


def test_whom_the_bot_cannot_reach_the_secretary_hears_once_a_quarter(database: Database) -> None:
    with database.write.begin() as session:
        mobile(City(session), ["小李", "小张"], reachable=False)
    run_until(database, shanghai(4, 1), shanghai(9, 30))
    lists = told(database, "联系不上")
    assert [whom for whom, _ in lists] == ["ou_王书记", "ou_王书记"]
    assert all("2 人还没报到，我联系不上：小李、小张" in text for _, text in lists)


def test_half_a_year_of_nothing_is_told_to_the_secretary_once_a_stretch(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        people = mobile(city, ["小李", "小张", "小赵"])
        branch = people[0].organisation
        city.held(branch, shanghai(3, 10, 15), came=people[:1])
        missed = city.held(branch, shanghai(3, 12, 15))
        done = MakeUp(lesson_id=missed.id, person_id=people[1].id, begun_at=shanghai(4, 1), message_id=1)
        done.done_at = shanghai(4, 20)
        session.add(done)
    run_until(database, shanghai(6, 1), shanghai(9, 9, 12))
    assert [text.partition("\n")[0] for _, text in told(database, "半年没有")] == [
        "🧳 半年没有参加组织生活的流动党员：小赵（1月1日以后）。"
    ]
    run_until(database, shanghai(9, 9, 12), shanghai(9, 20))
    assert [whom for whom, _ in told(database, "小李（3月10日以后）")] == ["ou_王书记"]
    with database.write.begin() as session:
        came = session.scalars(select(Person).where(Person.name == "小赵")).one()
        City(session).held(came.organisation, shanghai(9, 20, 15), came=[came])
    run_until(database, shanghai(9, 21), shanghai(12, 31))
    run_until(database, shanghai(1, 1, year=2027), shanghai(4, 1, year=2027))
    warnings = told(database, "半年没有")
    assert {whom for whom, _ in warnings} == {"ou_王书记"}
    stretches = ("小李（3月10日", "小张（4月20日", "小赵（1月1日", "小赵（9月20日")
    assert [sum(stretch in text for _, text in warnings) for stretch in stretches] == [1, 1, 1, 1]


def test_a_stretch_is_told_later_where_nobody_could_be_told(database: Database) -> None:
    with database.write.begin() as session:
        mobile(City(session), ["小李"])
        for identity in session.scalars(select(Identity).where(Identity.ref == "ou_王书记")):
            session.delete(identity)
    run_until(database, shanghai(7, 1), shanghai(7, 10))
    assert told(database, "半年没有") == []
    with database.write.begin() as session:
        secretary = session.scalars(select(Person).where(Person.name == "王书记")).one()
        session.add(Identity(provider="feishu", ref="ou_new", person_id=secretary.id, bound_at=LONG_AGO))
    run_until(database, shanghai(7, 10), shanghai(7, 17))
    assert [whom for whom, _ in told(database, "半年没有")] == ["ou_new"]


def test_of_the_secretary_somebody_else_hears_and_never_himself(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        (lee,) = mobile(city, ["小李"])
        committee = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        lee.organisation.parent_id = committee.id
        city.person(committee, "刘书记", Post.SECRETARY)
        secretary = session.scalars(select(Person).where(Person.name == "王书记")).one()
        secretary.mobile, secretary.home_organisation = True, HOME
    run_until(database, shanghai(7, 1), shanghai(7, 10))
    heard = {whom: text.partition("\n")[0].partition("：")[2] for whom, text in told(database, "半年没有")}
    assert heard == {"ou_王书记": "小李（1月1日以后）。", "ou_刘书记": "王书记（幸福里流动党支部，1月1日以后）。"}
    run_until(database, shanghai(7, 10), shanghai(7, 31))
    assert len(told(database, "半年没有")) == 2


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)))
def test_six_months_are_between_181_and_184_days(day: date) -> None:
    assert 181 <= (_months_after(day, 6) - day).days <= 184


def test_people_below_leaves_out_who_has_left(database: Database) -> None:
    with database.write.begin() as session:
        people = mobile(City(session), ["小李", "小张"])
        people[0].left_on = TODAY
        assert [p.name for p in people_below(session, people[0].organisation)] == ["王书记", "小张"]
