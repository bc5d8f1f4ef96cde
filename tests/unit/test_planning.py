"""Planning, moving and calling off: what is asked for, what is refused, and who hears of it."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.content import Card, load
from bot.platforms.feishu.pressing import LONGEST
from models.chats import Chat
from models.database import Database
from models.lessons import Coming, Decision, Leave, Lesson, LessonState
from models.organisations import OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Occupation, Person
from models.series import Series
from schedules.runner import run_due
from tests.conftest import START, StandingClock
from tests.unit.city import ROADS, City, posts, shanghai, slots
from tests.unit.talk import Said, Talk

FRIDAY = shanghai(11, 27, 15)


@pytest.fixture(autouse=True)
def city(database: Database) -> None:
    """A branch of riders with a 党小组, and another branch, below one 党委."""
    with database.write.begin() as session:
        city = City(session)
        committee = city.committee(secretary="总书记长")
        branch = city.branch("小吴", parent=committee, occupation=Occupation.FOOD)
        group = city.organisation("中转场党小组", OrganisationKind.GROUP, parent=branch)
        city.person(group, "组员", occupation=Occupation.FOOD)
        city.branch("邻居", name="隔壁支部", secretary="孙书记", parent=committee, chat="oc_other")


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return Talk(database, clock)


def plan(talk: Talk, at: datetime = FRIDAY, kind: str = "党课", who: str = "王书记") -> list[tuple[str, str]]:
    return talk.say(who, "plan_lesson", "oc_branch", kind=kind, time=local(at).isoformat())


def lessons(database: Database) -> list[Lesson]:
    with database.read() as session:
        return list(session.scalars(select(Lesson).order_by(Lesson.id)))


def latest_card(database: Database) -> Card:
    with database.read() as session:
        contents = [load(row.content) for row in session.scalars(select(OutboxPost).order_by(OutboxPost.id))]
    return [content for content in contents if isinstance(content, Card)][-1]


def test_the_kind_is_asked_for_and_each_answer_says_the_whole_command(database: Database, talk: Talk) -> None:
    talk.all(
        Said(
            "王书记",
            "plan_lesson",
            {"time": local(FRIDAY).isoformat(), "topic": "防火"},
            "oc_branch",
            text="计划 地点：东站",
        )
    )
    choice = latest_card(database).choice
    assert choice is not None
    assert choice.options[3].says == "计划 党课 2026-11-27 15:00\n主题：防火\n地点：东站"
    assert {option.about for option in choice.options} == {choice.options[0].about}
    assert lessons(database) == []


def test_a_button_of_a_card_from_one_of_two_groups_plans_for_that_group(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one().organisation
        assert branch is not None
        second = City(session).chat(branch, "oc_second", tied_at=START).id
    talk.say("王书记", "plan_lesson", "oc_second", kind="党课")
    button = latest_card(database).buttons[0]
    assert (button.label, button.about) == ("11月24日15:00", f"chat:{second}")
    pressed = Said(
        "王书记",
        "plan_lesson",
        {"kind": "党课", "time": "2026-11-24T15:00:00+08:00"},
        kind="button",
        about=button.about,
    )
    assert [whom for whom, _ in talk.all(pressed)] == ["oc_second", "王书记"]
    assert [lesson.chat_id for lesson in lessons(database)] == [second]


def test_a_stranger_to_the_branch_presses_its_button_in_vain(database: Database, talk: Talk) -> None:
    with database.read() as session:
        chat = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one()
    pressed = Said(
        "孙书记", "plan_lesson", {"kind": "党课", "time": local(FRIDAY).isoformat()}, about=f"chat:{chat.id}"
    )
    ((_, answer),) = talk.all(pressed)
    assert "不是它的书记" in answer
    assert lessons(database) == []


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (START, "已经过了"),
        (START - timedelta(days=2), "已经过了"),
        (START + timedelta(days=366, minutes=1), "太远了"),
        (FRIDAY, "已经安排过"),
    ],
)
def test_a_time_that_cannot_be(database: Database, talk: Talk, at: datetime, words: str) -> None:
    plan(talk)
    ((whom, answer),) = plan(talk, at)
    assert whom == "王书记"
    assert words in answer
    assert len(lessons(database)) == 1


def test_another_kind_or_branch_at_the_same_time_is_no_double(database: Database, talk: Talk) -> None:
    plan(talk)
    plan(talk, kind="支委会")
    talk.say("孙书记", "plan_lesson", "oc_other", kind="党课", time=local(FRIDAY).isoformat())
    assert len(lessons(database)) == 3


@pytest.mark.parametrize(("hour", "noted"), [(15, False), (12, True), (17, True), (23, True), (6, True)])
def test_rush_hours_and_night_are_noted_to_the_secretary_alone(talk: Talk, hour: int, noted: bool) -> None:
    answers = plan(talk, shanghai(11, 27, hour))
    assert [whom for whom, text in answers if "空档" in text] == (["王书记"] if noted else [])
    assert [whom for whom, text in answers if text.startswith("📅")] == ["oc_branch"]


def test_a_second_one_of_a_duty_in_its_period_is_mentioned(talk: Talk) -> None:
    plan(talk, shanghai(11, 24, 15), "主题党日")
    assert "当月已经排了一次主题党日" in dict(plan(talk, FRIDAY, "主题党日"))["王书记"]
    assert "王书记" not in dict(plan(talk, shanghai(12, 2, 15), "主题党日"))
    assert "王书记" not in dict(plan(talk, FRIDAY - timedelta(hours=1), "班前一刻钟"))


def test_two_lessons_at_the_same_hour_are_mentioned_to_the_secretary(talk: Talk) -> None:
    plan(talk, FRIDAY, "党课")
    said = dict(plan(talk, FRIDAY + timedelta(minutes=59), "支委会"))["王书记"]
    assert "同一时间还排了党课：11月27日（周五）15:00。" in said
    assert "同一时间" not in dict(plan(talk, FRIDAY - timedelta(hours=1), "党员大会")).get("王书记", "")
    assert "王书记" not in dict(plan(talk, shanghai(11, 26, 15), "班前一刻钟"))


def test_only_who_runs_the_branch_changes_its_lessons(database: Database, talk: Talk) -> None:
    plan(talk)
    (lesson,) = lessons(database)
    for who, chat in (("孙书记", ""), ("孙书记", "oc_branch"), ("小吴", ""), ("邻居", "")):
        for intent in ("move_lesson", "cancel_lesson"):
            text = "改期 党课 周四15:00"
            talk.all(Said(who, intent, {"kind": "党课"}, chat, text=text, about=f"lesson:{lesson.id}"))
            talk.all(Said(who, intent, {"kind": "党课"}, chat, text=text))
    (same,) = lessons(database)
    assert (same.planned_at, same.state) == (FRIDAY, LessonState.PLANNED)
    talk.all(Said("总书记长", "cancel_lesson", {"kind": "党课"}, text="取消 党课"))
    assert [each.state for each in lessons(database)] == [LessonState.CANCELLED]


def test_moving_keeps_leave_and_who_comes_and_reminds_anew(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    plan(talk, shanghai(11, 24, 15))
    talk.say("小吴", "coming", "oc_branch")
    talk.say("组员", "leave_request", text="家里有事")
    run_due(database, shanghai(11, 23, 15, 30), ROADS)
    clock.move_to(shanghai(11, 23, 15, 31))
    talk.answers()
    answers = talk.all(Said("王书记", "move_lesson", {"kind": "党课"}, "oc_branch", text="改期 党课 11月25日15:00"))
    assert [whom for whom, _ in answers] == ["oc_branch"]
    with database.read() as session:
        assert len(list(session.scalars(select(Coming)))) == len(list(session.scalars(select(Leave)))) == 1
    for moment in (shanghai(11, 24, 14, 30), shanghai(11, 24, 15, 30), shanghai(11, 25, 14, 30)):
        run_due(database, moment, ROADS)
    reminders = [text.partition("，")[0] for whom, text in posts(database) if text.startswith("⏰")]
    assert reminders == ["⏰ 明天 15:00", "⏰ 明天 15:00", "⏰ 今天 15:00"]


def test_a_lesson_moved_to_soon_is_not_announced_for_the_day_before(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    plan(talk)
    clock.move_to(shanghai(11, 26, 16))
    run_due(database, clock(), ROADS)
    talk.all(Said("王书记", "move_lesson", {"kind": "党课"}, "oc_branch", text="改期 党课 16:00"))
    (lesson,) = lessons(database)
    assert lesson.planned_at == shanghai(11, 27, 16)
    before = len([text for _, text in posts(database) if text.startswith("⏰")])
    run_due(database, clock() + timedelta(minutes=1), ROADS)
    assert len([text for _, text in posts(database) if text.startswith("⏰")]) == before


@pytest.mark.parametrize("state", [LessonState.OPEN, LessonState.CLOSED, LessonState.CANCELLED])
def test_an_old_button_changes_nothing_any_more(database: Database, talk: Talk, state: LessonState) -> None:
    plan(talk)
    with database.write.begin() as session:
        lesson = session.scalars(select(Lesson)).one()
        lesson.state = state
        number = lesson.id
    for intent in ("move_lesson", "cancel_lesson", "coming"):
        ((whom, _),) = talk.all(Said("王书记", intent, text="改期 党课 周四15:00", about=f"lesson:{number}"))
        assert whom == "王书记"
    (lesson,) = lessons(database)
    assert (lesson.state, lesson.planned_at) == (state, FRIDAY)


def test_a_day_that_fits_no_lesson_is_asked_about(database: Database, talk: Talk) -> None:
    plan(talk)
    talk.all(Said("王书记", "cancel_lesson", {"kind": "党课"}, "oc_branch", text="取消 周四的党课"))
    assert [lesson.state for lesson in lessons(database)] == [LessonState.PLANNED]
    choice = latest_card(database).choice
    assert choice is not None
    assert [option.says for option in choice.options] == ["取消 党课 2026-11-27 15:00"]
    talk.all(Said("王书记", "cancel_lesson", {"kind": "党课"}, "oc_branch", text="取消 周五的党课"))
    assert [lesson.state for lesson in lessons(database)] == [LessonState.CANCELLED]


@pytest.mark.parametrize("intent", ["cancel_lesson", "move_lesson"])
@pytest.mark.parametrize(
    "text",
    [
        "周五的党课取消了吗",
        "党课取消没",
        "党课推迟到周四15:00了吗？",
        "党课不开了?",
        "周五的党课不开了行不行",
        "党课推迟到周四15:00好不好",
        "党课取消了的话我提前说",
    ],
)
def test_a_question_changes_nothing(database: Database, talk: Talk, intent: str, text: str) -> None:
    plan(talk)
    ((_, answer),) = talk.all(Said("王书记", intent, {"kind": "党课"}, text=text))
    assert answer.startswith("📅 接下来")
    (lesson,) = lessons(database)
    assert (lesson.state, lesson.planned_at) == (LessonState.PLANNED, FRIDAY)


@pytest.mark.parametrize(
    ("kind", "text", "moved_to"),
    [
        ("党课", "党课推迟20分钟", FRIDAY + timedelta(minutes=20)),
        ("党课", "党课提前半小时", FRIDAY - timedelta(minutes=30)),
        ("党课", "党课晚一个小时开", FRIDAY + timedelta(hours=1)),
        ("党课", "改期 党课 周四晚上9点 2小时", shanghai(11, 26, 21)),
        ("10分钟微课堂", "10分钟微课堂推迟到周四16:00", shanghai(11, 26, 16)),
        ("10分钟微课堂", "改期 10分钟微课堂 周四晚上9点", shanghai(11, 26, 21)),
    ],
)
def test_only_hours_behind_later_or_earlier_move_a_lesson_and_by_whole_minutes(
    database: Database, talk: Talk, kind: str, text: str, moved_to: datetime
) -> None:
    """推迟20分钟 was 19.8 minutes, and 10分钟微课堂推迟到周四 was ten minutes' delay."""
    plan(talk, kind=kind)
    talk.all(Said("王书记", "move_lesson", {"kind": kind}, "oc_branch", text=text))
    assert [lesson.planned_at for lesson in lessons(database)] == [moved_to]


def test_what_a_button_says_again_fits_what_platforms_take(database: Database, talk: Talk) -> None:
    """An agenda of a thousand signs made options that Feishu gives back and nobody understands: the choice was dead."""
    long = "长" * 2000
    fields = [f"{label}：{long}" for label in ("主题", "地点", "主持", "记录", "议程")]
    text = "\n".join(["计划", f"线上：https://a.example/{'x' * 2000}", "计入：民主评议党员", *fields])
    talk.all(Said("王书记", "plan_lesson", {}, "oc_branch", text=text))
    choice = latest_card(database).choice
    assert choice is not None
    assert max(len(option.says) for option in choice.options) <= LONGEST


def test_tonight_is_any_hour_of_the_evening(database: Database, talk: Talk) -> None:
    plan(talk, shanghai(11, 23, 20, 30))
    talk.all(Said("王书记", "cancel_lesson", text="今晚的会取消了"))
    assert [lesson.state for lesson in lessons(database)] == [LessonState.CANCELLED]


def test_no_two_options_of_a_choice_say_the_same(database: Database, talk: Talk) -> None:
    """Feishu knows what was picked by what it says."""
    for day in (24, 25, 26, 27):
        plan(talk, shanghai(11, day, 15))
    for intent in ("move_lesson", "cancel_lesson"):
        talk.all(Said("王书记", intent, {"kind": "党课"}, "oc_branch", text="党课"))
        choice = latest_card(database).choice
        assert choice is not None
        assert len({option.says for option in choice.options}) == len(choice.options) == 4


# Who comes


def test_who_comes_is_told_up_to_twenty_by_name(database: Database, talk: Talk) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one().organisation
        assert branch is not None
        lesson = city.planned(branch, FRIDAY)
        people = [city.person(branch, f"骑手{number}") for number in range(21)]
        session.add_all(Coming(lesson_id=lesson.id, person_id=p.id, at=START, message_id=1) for p in people[:20])
        last = people[20].id
        number = lesson.id
    assert "20 人（骑手0、骑手1" in talk.say("小吴", "lesson_query", "oc_branch")[0][1]
    with database.write.begin() as session:
        session.add(Coming(lesson_id=number, person_id=last, at=START, message_id=1))
    answer = talk.say("小吴", "lesson_query", "oc_branch")[0][1]
    assert "会来：21 人" in answer
    assert "骑手0" not in answer


def test_coming_is_noted_once_and_beats_leave(database: Database, talk: Talk) -> None:
    plan(talk)
    talk.say("小吴", "leave_request", text="跑单")
    word = Said("小吴", "coming", chat="oc_branch")
    assert next(text for _, text in talk.all(word, word)) == "已报会来"
    with database.read() as session:
        assert len(list(session.scalars(select(Coming)))) == 1
        assert list(session.scalars(select(Leave))) == []


def test_coming_is_about_a_lesson_that_is_for_the_person(database: Database, talk: Talk) -> None:
    plan(talk, shanghai(11, 25, 15), "支委会")
    plan(talk, FRIDAY, "党课")
    talk.say("小吴", "coming", "oc_branch")
    talk.say("邻居", "coming")
    with database.read() as session:
        rows = session.execute(
            select(Lesson.kind, Person.name).join(Coming, Coming.lesson_id == Lesson.id).join(Person)
        )
        assert [tuple(row) for row in rows] == [("党课", "小吴")]


def test_a_lesson_more_than_a_week_away_is_not_meant(database: Database, talk: Talk) -> None:
    plan(talk, START + timedelta(days=7, minutes=1))
    talk.say("小吴", "coming", "oc_branch")
    with database.read() as session:
        assert list(session.scalars(select(Coming))) == []


def _series(session: Session, weekdays: list[int], *starts: datetime) -> None:
    """A series of the branch with sessions that are planned."""
    chat = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one()
    assert chat.organisation is not None
    series = Series(
        organisation_id=chat.organisation.id,
        chat_id=chat.id,
        kind="班前一刻钟",
        topic="",
        weekdays=weekdays,
        at=time(8, 45),
        minutes=15,
        begins_on=START.date(),
        made_at=START,
        message_id=1,
    )
    session.add(series)
    session.flush()
    for start in starts:
        City(session).planned(chat.organisation, start, "班前一刻钟").series_id = series.id


def test_a_daily_series_hides_no_other_lesson(database: Database, talk: Talk) -> None:
    """Its next three sessions were all that 什么时候上课 told, and 我会来 was about the next of them."""
    with database.write.begin() as session:
        _series(session, [], *(shanghai(11, day, 8, 45) for day in (24, 25, 26, 27)))
    plan(talk)
    ((_, answer),) = talk.say("小吴", "lesson_query")
    assert [line for line in answer.splitlines() if "班前" in line] == ["11月24日（周二）08:45 班前一刻钟"]
    assert "党课" in answer
    talk.say("小吴", "coming", "oc_branch")
    with database.read() as session:
        assert list(session.scalars(select(Lesson.kind).join(Coming, Coming.lesson_id == Lesson.id))) == ["党课"]


def test_a_lesson_that_is_opened_late_can_still_be_missed_or_come_to(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    """At 15:02 the meeting of 15:00 was not there any more: leave was asked for from the next one."""
    plan(talk, START + timedelta(minutes=10))
    plan(talk, FRIDAY)
    clock.move_to(START + timedelta(minutes=12))
    talk.say("小吴", "leave_request", text="跑单")
    talk.say("组员", "coming")
    with database.read() as session:
        now_held = lessons(database)[0].id
        assert list(session.scalars(select(Leave.lesson_id))) == [now_held]
        assert list(session.scalars(select(Coming.lesson_id))) == [now_held]


# Reminders


def test_the_reminder_counts_those_on_leave_and_tells_no_reason(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = session.scalars(select(Chat).where(Chat.ref == "oc_branch")).one().organisation
        assert branch is not None
        lesson = city.planned(branch, shanghai(11, 24, 15))
        lesson.link, lesson.agenda = "https://meet.example.org/1", "学习\n讨论"
        for name, state in (("小吴", Decision.APPROVED), ("组员", Decision.ASKED)):
            person = session.scalars(select(Person).where(Person.name == name)).one()
            leave = Leave(
                lesson_id=lesson.id, person_id=person.id, reason="老家有事", state=state, asked_at=START, message_id=1
            )
            session.add(leave)
    run_due(database, shanghai(11, 23, 15, 30), ROADS)
    (reminder,) = [text for _, text in posts(database) if text.startswith("⏰")]
    assert reminder.splitlines()[:4] == [
        "⏰ 明天 15:00，党课。",
        "线上：https://meet.example.org/1",
        "议程：学习…",
        "请假：1 人",
    ]
    assert "老家" not in reminder


@pytest.mark.parametrize(
    ("weekdays", "named"),
    [([1], ["2026-11-24T15:00 soon"]), ([0, 1, 2, 3, 4], []), ([], []), (list(range(7)), [])],
    ids=["weekly", "Monday to Friday", "working days", "daily"],
)
def test_a_session_is_named_once_and_one_of_a_daily_series_by_opening(
    database: Database, weekdays: list[int], named: list[str]
) -> None:
    with database.write.begin() as session:
        _series(session, weekdays, shanghai(11, 24, 15))
    run_due(database, shanghai(11, 24, 14, 30), ROADS)
    assert [period for job, period, _ in slots(database) if job == "lesson_reminder"] == named


# Opening what was planned


def test_what_was_planned_before_midnight_is_opened_after_it(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    plan(talk, shanghai(11, 23, 23, 50))
    clock.move_to(shanghai(11, 24, 0, 5))
    talk.say("王书记", "open_lesson", "oc_branch", kind="党课")
    (lesson,) = lessons(database)
    assert lesson.state is LessonState.OPEN


def test_opening_takes_fields_too(database: Database, talk: Talk) -> None:
    talk.all(Said("王书记", "open_lesson", {"kind": "微课堂"}, "oc_branch", text="开课 微课堂 地点：东站 （计党课）"))
    (lesson,) = lessons(database)
    assert (lesson.kind, lesson.place, lesson.counts_as) == ("10分钟微课堂", "东站", "党课")
