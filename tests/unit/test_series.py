"""Series: how they are said, on which days they are held, how they open by themselves, and their streaks."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.streaks import is_milestone, streak_line
from handlers.series import days_text, parse_rhythm
from models.chats import Chat
from models.database import Database
from models.lessons import Decision, Leave, Lesson, LessonState, RollEntry, close_lesson, open_lesson
from models.make_ups import MakeUp
from models.people import Person
from models.series import Series, streaks
from schedules.calendar import is_public_holiday, is_working_day
from schedules.runner import next_due, run_due
from schedules.series import session_days
from tests.conftest import START, StandingClock
from tests.unit.city import ROADS, City, posts, shanghai
from tests.unit.talk import Said, Talk

WEDNESDAY, EVERY_DAY = (2,), tuple(range(7))


# How they are said


@pytest.mark.parametrize(
    ("text", "weekdays", "hour", "rest"),
    [
        ("每周三15:30 10分钟微课堂 交通安全", (2,), time(15, 30), "10分钟微课堂 交通安全"),
        ("每周三15：30微课堂", (2,), time(15, 30), "微课堂"),
        ("每周一三五 下午3点半 微课堂", (0, 2, 4), time(15, 30), "微课堂"),
        ("每周一、三、五15:30 微课堂", (0, 2, 4), time(15, 30), "微课堂"),
        ("每周一到周五 8:45 班前一刻钟", (0, 1, 2, 3, 4), time(8, 45), "班前一刻钟"),
        ("每周五至周一 8:45 班前一刻钟", (0, 4, 5, 6), time(8, 45), "班前一刻钟"),
        ("每个工作日8:45 班前一刻钟", (), time(8, 45), "班前一刻钟"),
        ("每工作日早上八点半班前一刻钟", (), time(8, 30), "班前一刻钟"),
        ("工作日每天8点45分 班前一刻钟", (), time(8, 45), "班前一刻钟"),
        ("每天8点 班前一刻钟", EVERY_DAY, time(8), "班前一刻钟"),
        ("每周末9点 红色学堂", (5, 6), time(9), "红色学堂"),
        ("每星期天上午十点 红色学堂", (6,), time(10), "红色学堂"),
        ("每周三三点半 党课", (2,), time(15, 30), "党课"),
        ("每周三 微课堂", (2,), None, "微课堂"),
    ],
)
def test_a_rhythm_is_read_as_people_say_it(text: str, weekdays: tuple[int, ...], hour: time | None, rest: str) -> None:
    rhythm = parse_rhythm(text, START)
    assert rhythm is not None
    assert (rhythm.weekdays, rhythm.at, rhythm.rest) == (weekdays, hour, rest)


@pytest.mark.parametrize("text", ["微课堂 15:30", "周三15:30 党课", "每次都迟到", ""])
def test_what_does_not_repeat_is_no_rhythm(text: str) -> None:
    assert parse_rhythm(text, START) is None


@given(
    weekdays=st.sets(st.integers(0, 6), min_size=1, max_size=6),
    joint=st.sampled_from(["", "、", "，", " ", "和"]),
    hour=st.times().map(lambda one: one.replace(second=0, microsecond=0, tzinfo=None)),
)
def test_any_weekdays_and_hour_are_read(weekdays: set[int], joint: str, hour: time) -> None:
    days = joint.join("一二三四五六日"[day] for day in sorted(weekdays))
    rhythm = parse_rhythm(f"每周{days} {hour:%H:%M} 微课堂", START)
    assert rhythm is not None
    assert (rhythm.weekdays, rhythm.at) == (tuple(sorted(weekdays)), hour)


@given(st.lists(st.integers(0, 6), unique=True).map(lambda days: tuple(sorted(days))))
def test_what_is_shown_is_read_back(weekdays: tuple[int, ...]) -> None:
    rhythm = parse_rhythm(f"{days_text(weekdays)} 15:30 微课堂", START)
    assert rhythm is not None
    assert rhythm.weekdays == weekdays


@given(st.text(alphabet="每周一二三天日末到至和、 工作日点半:0123微课堂", max_size=30))
def test_any_text_is_a_rhythm_or_none(text: str) -> None:
    rhythm = parse_rhythm(text, START)
    assert rhythm is None or set(rhythm.weekdays) <= set(range(7))


# On which days they are held; the days are those of the State Council's notice for 2026


@pytest.mark.parametrize(
    ("weekdays", "first", "last", "held"),
    [
        pytest.param(WEDNESDAY, "09-28", "10-18", {"09-30": "09-30", "10-07": "10-08", "10-14": "10-14"}, id="国庆"),
        pytest.param((4,), "10-01", "10-11", {"10-02": "10-08", "10-09": "10-09"}, id="国庆，调休周六之前"),
        pytest.param((2, 3), "10-05", "10-11", {"10-08": "10-08"}, id="当天本来就有的不重复"),
        pytest.param((0, 1), "10-05", "10-09", {"10-05": "10-08"}, id="两次顺延到同一天，只开一次"),
        pytest.param(
            (5,), "10-05", "10-18", {"10-03": "10-08", "10-10": "10-10", "10-17": "10-17"}, id="周六的留在周六"
        ),
        pytest.param((), "10-07", "10-11", {"10-08": "10-08", "10-09": "10-09", "10-10": "10-10"}, id="调休周六上班"),
        pytest.param((), "11-27", "11-30", {"11-27": "11-27", "11-30": "11-30"}, id="周末不开"),
        pytest.param(EVERY_DAY, "10-06", "10-09", {"10-08": "10-08", "10-09": "10-09"}, id="每天：放假不补"),
        pytest.param((6,), "02-15", "03-02", {"02-15": "02-24", "03-01": "03-01"}, id="春节"),
    ],
)
def test_sessions_skip_holidays_to_the_next_working_day(
    weekdays: tuple[int, ...], first: str, last: str, held: dict[str, str]
) -> None:
    found = session_days(weekdays, _day(first), _day(last))
    assert found == {_day(day): _day(on) for day, on in held.items()}


def _day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@given(st.sets(st.integers(0, 6)), st.dates(date(2024, 1, 1), date(2026, 12, 1)), st.integers(0, 40))
def test_no_session_is_held_twice_a_day_or_on_a_holiday(weekdays: set[int], first: date, length: int) -> None:
    last = first + timedelta(days=length)
    found = session_days(weekdays, first, last)
    assert len(set(found.values())) == len(found)
    for day, on in found.items():
        assert first <= on <= last
        assert not is_public_holiday(on)
        assert day == on or (is_public_holiday(day) and is_working_day(on) and day < on)
    for number in range(length + 1):
        day = first + timedelta(days=number)
        fits = day.weekday() in weekdays and not is_public_holiday(day) if weekdays else is_working_day(day)
        assert not fits or found.get(day) == day


@given(
    st.sets(st.integers(0, 6)), st.dates(date(2025, 1, 1), date(2026, 10, 1)), st.integers(1, 30), st.integers(0, 30)
)
def test_looking_at_two_stretches_is_looking_at_both_at_once(
    weekdays: set[int], first: date, one: int, other: int
) -> None:
    middle, last = first + timedelta(days=one), first + timedelta(days=one + other)
    before, after = session_days(weekdays, first, middle - timedelta(days=1)), session_days(weekdays, middle, last)
    assert {**before, **after} == session_days(weekdays, first, last)


# Set, made ahead, opened, ended


@pytest.fixture
def city(database: Database) -> None:
    """A branch with its group."""
    with database.write.begin() as session:
        City(session).branch("小李", "小张", "小何")


@pytest.fixture
def talk(database: Database, clock: StandingClock, city: None) -> Talk:
    return Talk(database, clock)


def sets(talk: Talk, text: str, chat: str = "oc_branch", intent: str = "plan_series") -> str:
    """What the secretary is answered."""
    told = dict(talk.all(Said("王书记", intent, {}, chat, text)))
    return told.get(chat) or told["王书记"]


def run_until(database: Database, start: datetime, end: datetime) -> None:
    """Hops from due to due, as time does."""
    moment: datetime | None = start
    while moment is not None:
        run_due(database, moment, ROADS)
        moment = next_due(database, moment, end)


def lessons(database: Database) -> list[tuple[str, LessonState]]:
    """The hours of the lessons and where they stand."""
    with database.read() as session:
        found = session.scalars(select(Lesson).order_by(Lesson.planned_at))
        return [(f"{local(one.planned_at):%m-%d %H:%M}", one.state) for one in found if one.planned_at]


def test_a_series_is_made_a_week_ahead_and_each_session_once(database: Database, talk: Talk) -> None:
    sets(talk, "每周三15:30 微课堂 交通安全")
    assert lessons(database) == [("11-25 15:30", LessonState.PLANNED)]
    run_due(database, shanghai(11, 25, 15, 29), ROADS)
    assert len(lessons(database)) == 1
    for _ in range(2):
        run_due(database, shanghai(11, 25, 15, 30), ROADS)
    assert lessons(database) == [("11-25 15:30", LessonState.OPEN), ("12-02 15:30", LessonState.PLANNED)]


def test_it_opens_at_its_hour_even_in_the_rush_and_closes_by_itself(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        session.scalars(select(Chat)).one().organisation.rush_hours = [["06:00", "20:00"]]  # type: ignore[union-attr]
    sets(talk, "每个工作日8:45 班前一刻钟")
    run_until(database, START, shanghai(11, 24, 9))
    with database.read() as session:
        lesson = session.scalars(select(Lesson).order_by(Lesson.planned_at)).first()
        assert lesson is not None
        assert (lesson.opened_at, lesson.closed_at) == (shanghai(11, 24, 8, 45), shanghai(11, 24, 9))
        assert lesson.late_from == shanghai(11, 24, 8, 50)
        assert len(list(session.scalars(select(RollEntry).where(RollEntry.lesson_id == lesson.id)))) == 4
    assert [text for whom, text in posts(database) if whom == "oc_branch"][1:][-1].startswith("📋 签到结束")


def test_a_server_that_was_down_for_a_while_opens_late_and_one_that_was_down_for_all_cancels(
    database: Database, talk: Talk
) -> None:
    sets(talk, "每天15:30 微课堂")
    run_due(database, shanghai(11, 23, 15, 35), ROADS)
    assert lessons(database)[0] == ("11-23 15:30", LessonState.OPEN)
    run_due(database, shanghai(11, 26, 15, 40), ROADS)
    with database.read() as session:
        found = list(session.scalars(select(Lesson).order_by(Lesson.planned_at).limit(4)))
        assert found[0].closes_at == shanghai(11, 23, 15, 45), "the ten minutes count from its opening"
        assert [lesson.state for lesson in found[1:]] == [LessonState.CANCELLED] * 3
        assert {lesson.cancelled_why for lesson in found[1:]} == {"小蜂停机，没有开成"}
        assert session.scalars(select(RollEntry).where(RollEntry.lesson_id == found[1].id)).first() is None


def test_it_waits_for_another_lesson_of_the_group_and_is_cancelled_when_that_lasts(
    database: Database, talk: Talk
) -> None:
    sets(talk, "每天15:30 微课堂")
    with database.write.begin() as session:
        chat = session.scalars(select(Chat)).one()
        meeting = Lesson(
            organisation_id=chat.organisation_id or 0, chat_id=chat.id, kind="党课", topic="", place="",
            state=LessonState.PLANNED,
        )  # fmt: skip
        open_lesson(session, meeting, shanghai(11, 23, 15))
    run_due(database, shanghai(11, 23, 15, 31), ROADS)
    assert lessons(database)[0] == ("11-23 15:30", LessonState.PLANNED)
    with database.write.begin() as session:
        close_lesson(session.scalars(select(Lesson).where(Lesson.kind == "党课")).one(), shanghai(11, 23, 15, 33))
    run_due(database, shanghai(11, 23, 15, 33), ROADS)
    assert lessons(database)[0] == ("11-23 15:30", LessonState.OPEN)


def test_one_that_was_kept_out_to_its_end_says_why(database: Database, talk: Talk) -> None:
    sets(talk, "每天15:30 微课堂")
    with database.write.begin() as session:
        chat = session.scalars(select(Chat)).one()
        organisation = chat.organisation
        assert organisation is not None
        meeting = City(session).held(organisation, shanghai(11, 23, 15))
        meeting.chat_id, meeting.closed_at = chat.id, shanghai(11, 23, 16)
    run_due(database, shanghai(11, 23, 16), ROADS)
    with database.read() as session:
        lesson = session.scalars(
            select(Lesson).where(Lesson.series_id.is_not(None)).order_by(Lesson.planned_at)
        ).first()
        assert lesson is not None
        assert (lesson.state, lesson.cancelled_why) == (LessonState.CANCELLED, "同一时间群里另有会课")
    assert [text for chat, text in posts(database) if chat == "oc_branch" and "没有开" in text], "it was announced"


def test_a_session_that_was_moved_opens_at_its_new_hour_and_is_not_made_again(database: Database, talk: Talk) -> None:
    sets(talk, "每周三15:30 微课堂")
    with database.write.begin() as session:
        session.scalars(select(Lesson)).one().planned_at = shanghai(11, 26, 9)
    run_due(database, shanghai(11, 25, 15, 30), ROADS)
    assert lessons(database) == [("11-26 09:00", LessonState.PLANNED), ("12-02 15:30", LessonState.PLANNED)]
    run_due(database, shanghai(11, 26, 9), ROADS)
    assert lessons(database)[0] == ("11-26 09:00", LessonState.OPEN)


def test_a_session_that_was_cancelled_is_not_made_again_nor_opened(database: Database, talk: Talk) -> None:
    sets(talk, "每周三15:30 微课堂")
    with database.write.begin() as session:
        session.scalars(select(Lesson)).one().state = LessonState.CANCELLED
    run_until(database, START, shanghai(11, 25, 16))
    assert lessons(database) == [("11-25 15:30", LessonState.CANCELLED), ("12-02 15:30", LessonState.PLANNED)]


def test_the_next_session_is_none_that_was_cancelled_or_moved_away(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    sets(talk, "每周三15:30 微课堂")
    with database.write.begin() as session:
        session.scalars(select(Lesson)).one().state = LessonState.CANCELLED
    assert "下一次 12月2日（周三）15:30" in talk.say("小李", "list_series")[0][1]
    clock.move_to(shanghai(11, 25, 16))
    run_due(database, clock(), ROADS)
    with database.write.begin() as session:
        lesson = session.scalars(select(Lesson).where(Lesson.state == LessonState.PLANNED)).one()
        lesson.planned_at = shanghai(12, 3, 9)
    assert "下一次 12月3日（周四）09:00" in talk.say("小李", "list_series")[0][1]


def test_the_group_hears_of_a_series_that_was_set_or_ended_in_private(database: Database, talk: Talk) -> None:
    for text, intent in (("每周三15:30 微课堂", "plan_series"), ("停系列 1", "end_series")):
        told = dict(talk.all(Said("王书记", intent, {}, "", text)))
        assert told["王书记"] == f"{told['oc_branch']}\n也告诉群里了。"
    assert [state for _, state in lessons(database)] == [LessonState.CANCELLED]


def test_an_ended_series_cancels_what_is_planned_and_makes_no_more(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    sets(talk, "每天15:10 微课堂")
    clock.move_to(shanghai(11, 23, 15, 11))
    run_due(database, clock(), ROADS)
    talk.answers()
    assert "系列 1 停了" in sets(talk, "停系列 1", intent="end_series")
    run_until(database, clock(), shanghai(12, 10))
    states = [state for _, state in lessons(database)]
    assert states == [LessonState.CLOSED] + [LessonState.CANCELLED] * (len(states) - 1)
    assert len(states) == 8


def test_numbers_of_series_stay(talk: Talk) -> None:
    for number, hour in enumerate(("9:00", "10:00", "11:00"), 1):
        assert f"系列 {number} 定好了" in sets(talk, f"每天{hour} 微课堂")
    assert "已经有系列 2 了" in sets(talk, "每天10点 微课堂")
    ((_, which),) = talk.all(Said("王书记", "end_series", {}, "oc_branch", "停系列"))
    assert "要停哪一个" in which
    ((_, ended),) = talk.all(Said("王书记", "end_series", {"number": 2}, "oc_branch", "停系列 2"))
    assert ended.startswith("系列 2 停了：每天 10:00")
    assert "系列 4 定好了" in sets(talk, "每天10点 微课堂")
    ((_, listed),) = talk.all(Said("小李", "list_series", {}, "", "系列"))
    assert [line[:2] for line in listed.splitlines()[1:]] == ["1.", "3.", "4."]


def test_a_topic_is_what_is_left(database: Database, talk: Talk) -> None:
    sets(talk, "每周三15:30 开10分钟微课堂《交通安全》")
    sets(talk, "每周四15:30 学雷锋", chat="")
    with database.read() as session:
        found = [(one.kind, one.topic) for one in session.scalars(select(Series).order_by(Series.id))]
    assert found == [("10分钟微课堂", "交通安全"), ("10分钟微课堂", "学雷锋")]


# Streaks


def _session(session: Session, number: int, marks: dict[str, str]) -> Lesson:
    """A closed session: ✓ came, 假 is on approved leave, 补 made it up, × was absent."""
    series = session.scalars(select(Series)).one()
    people = {person.name: person for person in session.scalars(select(Person))}
    opened_at = START + timedelta(days=number)
    city = City(session)
    expected = [people[name] for name in marks]
    came = [people[name] for name, mark in marks.items() if mark == "✓"]
    lesson = city.held(series.organisation, opened_at, "10分钟微课堂", came=came, expected=expected)
    lesson.series_id, lesson.series_day = series.id, local(opened_at).date() + timedelta(days=100)
    for name, mark in marks.items():
        one = {"lesson_id": lesson.id, "person_id": people[name].id, "message_id": 1}
        if mark == "假":
            session.add(Leave(**one, reason="有事", state=Decision.APPROVED, asked_at=opened_at))
        if mark == "补":
            session.add(MakeUp(**one, begun_at=opened_at, done_at=opened_at))
    session.flush()
    return lesson


@pytest.mark.parametrize(
    ("history", "times"),
    [("✓✓✓", 3), ("✓×✓", 1), ("✓假✓", 2), ("✓补✓", 2), ("✓✓×", 0), ("假", 0), ("×✓✓假", 2), ("✓", 1)],
)
def test_leave_and_make_up_neither_break_a_streak_nor_add_to_it(
    database: Database, talk: Talk, history: str, times: int
) -> None:
    sets(talk, "每天15:30 微课堂")
    with database.write.begin() as session:
        for number, mark in enumerate(history):
            _session(session, number, {"小李": mark})
        person = session.scalars(select(Person).where(Person.name == "小李")).one()
        assert streaks(session, session.scalars(select(Series.id)).one(), person=person) == {person.id: times}


def test_milestones_are_said_of_who_came_and_nothing_of_who_did_not(database: Database, talk: Talk) -> None:
    sets(talk, "每天15:30 微课堂")
    with database.write.begin() as session:
        told = []
        for number in range(10):
            marks = {"小李": "✓", "小张": "✓" if number >= 5 else "×", "小何": "✓" if number < 9 else "×"}
            told.append(streak_line(session, _session(session, number, marks)))
    assert told == [""] * 4 + ["👏 连续 5 次：小李、小何"] + [""] * 4 + ["👏 连续 5 次：小张；连续 10 次：小李"]


def test_a_lesson_of_no_series_has_no_streak(database: Database, city: None) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Person)).first()
        assert branch is not None
        assert streak_line(session, City(session).held(branch.organisation, START)) == ""


def test_milestones() -> None:
    assert [times for times in range(41) if is_milestone(times)] == [5, 10, 20, 30, 40]


def test_the_group_hears_of_a_milestone_with_the_summary(database: Database, talk: Talk, clock: StandingClock) -> None:
    sets(talk, "每天15:30 微课堂")
    for day in range(23, 28):
        clock.move_to(shanghai(11, day, 15, 30))
        run_due(database, clock(), ROADS)
        talk.say("小李", "check_in", "oc_branch")
        run_due(database, shanghai(11, day, 15, 40), ROADS)
    praised = [text for _, text in posts(database) if "连续" in text]
    assert [text.splitlines()[-1] for text in praised] == ["👏 连续 5 次：小李"]
