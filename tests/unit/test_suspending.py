"""挂账: the day of the next look and the reason as people say them, and how far off that day may be."""

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.clock import at, local
from bot.handling import Context
from handlers.suspending import LONGEST, day_and_reason
from models.cases import Case, CaseStep
from models.database import Database
from models.organisations import OrganisationKind
from models.people import Post
from schedules.working_time import FROM
from tests.conftest import START, StandingClock
from tests.unit.city import City, shanghai
from tests.unit.talk import Talk


def said_at(moment: datetime) -> Context:
    """As much of a context as the words are read with."""
    return cast("Context", SimpleNamespace(said_at=moment))


@pytest.mark.parametrize(
    ("words", "day", "reason"),
    [
        ("到12月10号 等施工队", date(2026, 12, 10), "等施工队"),
        ("12月10日等施工队", date(2026, 12, 10), "等施工队"),
        ("等施工队 到12月10号", date(2026, 12, 10), "等施工队"),
        ("等施工队，12.10再看", date(2026, 12, 10), "等施工队"),
        ("下周一 等配件", date(2026, 11, 30), "等配件"),
        ("月底再看", date(2026, 11, 30), ""),
        ("月底再看，因为配件没到", date(2026, 11, 30), "配件没到"),
        ("下个月底 理由：等招标", date(2026, 12, 31), "等招标"),
        ("15号 等钱", date(2026, 12, 15), "等钱"),
        ("明天再说 今天下雨", date(2026, 11, 24), "今天下雨"),
        ("三天后 等胶干", date(2026, 11, 26), "等胶干"),
        ("等胶干 过3天", date(2026, 11, 26), "等胶干"),
        ("两周以后 等新灯", date(2026, 12, 7), "等新灯"),
        ("半个月 等新灯", date(2026, 12, 8), "等新灯"),
        ("九千万天后 等新灯", local(START).date() + timedelta(days=999), "等新灯"),
        ("停了3天电 等供电", None, "停了3天电 等供电"),
        ("等施工队到12月10号", date(2026, 12, 10), "等施工队"),
        ("配件没到 月底再看", date(2026, 11, 30), "配件没到"),
        ("一个月后，等新灯", date(2026, 12, 23), "等新灯"),
        ("到2027年1月5日，等新灯", date(2027, 1, 5), "等新灯"),
        ("等施工队", None, "等施工队"),
        ("2月30号 等施工队", None, "2月30号 等施工队"),
        ("下午三点 等人", None, "下午三点 等人"),
        ("", None, ""),
    ],
)
def test_the_day_and_the_reason(words: str, day: date | None, reason: str) -> None:
    assert day_and_reason(said_at(START), words) == (day, reason)


@given(st.integers(1, 90), st.sampled_from(["等施工队", "配件没到", "要开会定"]), st.booleans())
def test_every_day_ahead_can_be_said_before_or_after_the_reason(days: int, reason: str, first: bool) -> None:
    day = local(START).date() + timedelta(days=days)
    said = f"{day.month}月{day.day}号"
    assert day_and_reason(said_at(START), f"{said} {reason}" if first else f"{reason} {said}") == (day, reason)


@given(st.text(max_size=40))
def test_whatever_is_said_it_is_read(words: str) -> None:
    day, reason = day_and_reason(said_at(START), words)
    assert day is None or isinstance(day, date)
    assert len(reason) <= len(words) + 1


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.person(branch, "王书记", Post.SECRETARY)
        city.person(branch, "小李")
        unit = city.organisation("物业", OrganisationKind.UNIT)
        city.person(unit, "老陈", Post.CONTACT)
    made = Talk(database, clock)
    made.say("小李", "hazard_report", text="井盖没了")
    made.say("王书记", "assign_case", case=1001, org="物业")
    made.say("老陈", "accept_case", case=1001)
    return made


@pytest.mark.parametrize(("days", "done"), [(0, False), (1, True), (90, True), (91, False)])
def test_it_may_wait_ninety_days(database: Database, talk: Talk, days: int, done: bool) -> None:
    day = local(START).date() + timedelta(days=days)
    answer = dict(talk.say("老陈", "suspend_case", case=1001, text=f"{day:%Y年%m月%d日} 等施工队"))["老陈"]
    with database.read() as session:
        until = session.scalars(select(Case.suspended_until)).one()
    assert until == (day if done else None)
    assert answer.startswith("1001（其他）已挂账到" if done else "挂账")
    assert timedelta(days=90) == LONGEST


def test_the_day_is_that_of_shanghai_when_it_was_said(database: Database, clock: StandingClock, talk: Talk) -> None:
    """After midnight in Shanghai it is still the day before in UTC."""
    clock.move_to(shanghai(11, 25, 0, 30))
    assert "11月25日（周三）不行" in dict(talk.say("老陈", "suspend_case", case=1001, text="今天 等人"))["老陈"]
    talk.say("老陈", "suspend_case", case=1001, text="明天 等人")
    with database.read() as session:
        step = session.scalars(select(CaseStep).order_by(CaseStep.id.desc()).limit(1)).one()
    assert step.until == local(at(date(2026, 11, 26), FROM)).date()


def test_everybody_concerned_hears_of_it_once(talk: Talk) -> None:
    by_unit = talk.say("老陈", "suspend_case", case=1001, text="12月10号 等施工队")
    assert sorted(who for who, _ in by_unit) == ["小李", "王书记", "老陈"]
    by_secretary = talk.say("王书记", "resume_case", case=1001)
    assert sorted(who for who, _ in by_secretary) == ["小李", "王书记", "老陈"]
