"""What each job says, to whom and when."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.content import Card, Text, load
from bot.posting import Posting, address_of
from bot.reports.attendance import lesson_card, live_lesson_card
from models.attendance import HeadCount
from models.cases import CaseKind
from models.database import Database
from models.duty_rules import DutyRule
from models.inbox import Claim, Outcome
from models.lessons import CheckIn, CheckInWay, Lesson, LessonState, open_lesson
from models.organisations import OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Occupation, Post
from schedules.runner import next_due, run_due
from tests.unit.case_city import Cases
from tests.unit.city import ROADS, City, posts, shanghai, slots

FRIDAY = shanghai(11, 27, 15, 30)
MONDAY = shanghai(11, 23, 9, 30)
SECRET = "站点扣了我两百块"


def run_until(database: Database, start: datetime, end: datetime) -> None:
    """Hops from due to due, as time does."""
    moment: datetime | None = start
    while moment is not None:
        run_due(database, moment, ROADS)
        moment = next_due(database, moment, end)


def told(database: Database, whom: str, mark: str = "") -> list[str]:
    """What one chat or person has been told, of the messages that begin with the mark."""
    return [text for target, text in posts(database) if target == whom and text.startswith(mark)]


def test_the_branch_digest_goes_to_each_chat_of_the_branch_on_friday(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.chat(branch, "oc_one")
        city.chat(branch, "oc_two")
        city.chat(city.organisation("物业", OrganisationKind.UNIT), "oc_unit")
    run_due(database, FRIDAY - timedelta(seconds=1), ROADS)
    before = posts(database)
    run_due(database, FRIDAY, ROADS)
    assert sorted(whom for whom, _ in posts(database)[len(before) :]) == ["oc_one", "oc_two"]
    assert ("branch_digest", "2026-W48", False) in slots(database)


def test_the_branch_digest_is_useful_until_sunday_evening(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.chat(city.organisation(), "oc_branch")
    run_due(database, shanghai(11, 29, 20), ROADS)
    assert ("branch_digest", "2026-W48", True) in slots(database)


def test_a_branch_or_tie_made_later_owes_nothing_for_the_time_before(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.chat(city.organisation("新支部", created_at=FRIDAY + timedelta(minutes=1)), "oc_new")
        city.chat(city.organisation("旧支部"), "oc_tied_late", tied_at=FRIDAY + timedelta(minutes=1))
    run_due(database, FRIDAY + timedelta(minutes=2), ROADS)
    assert [(job, missed) for job, _, missed in slots(database) if job == "branch_digest"] == []


def test_a_digest_moves_out_of_the_branch_own_rush_hours(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation(rush_hours=[["15:00", "16:10"]])
        city.chat(branch, "oc_branch")
    run_due(database, shanghai(11, 27, 16, 9), ROADS)
    assert ("branch_digest", "2026-W48", False) not in slots(database)
    assert next_due(database, shanghai(11, 27, 16, 9), FRIDAY + timedelta(days=1)) == shanghai(11, 27, 16, 10)
    run_due(database, shanghai(11, 27, 16, 10), ROADS)
    assert ("branch_digest", "2026-W48", False) in slots(database)


def test_the_organiser_digest_goes_to_the_chat_or_to_the_organisers(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("两新工委", OrganisationKind.COMMITTEE)
        industry = city.organisation("快递行业党委", OrganisationKind.COMMITTEE, top)
        childless = city.organisation("空党委", OrganisationKind.COMMITTEE)
        city.organisation(parent=industry)
        city.chat(top, "oc_top")
        city.chat(childless, "oc_childless")
        for organisation in (top, industry):
            city.person(organisation, f"{organisation.name}的组织员", Post.ORGANISER)
    run_due(database, MONDAY, ROADS)
    digests = [(whom, text) for whom, text in posts(database) if text.startswith("📊")]
    assert {whom for whom, _ in digests} == {"oc_top", "ou_快递行业党委的组织员"}
    assert ("organiser_digest", "2026-W48", False) in slots(database)


def test_the_organiser_digest_is_useful_until_tuesday_evening(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("两新工委", OrganisationKind.COMMITTEE)
        city.organisation(parent=top)
        city.chat(top, "oc_top")
    run_due(database, shanghai(11, 24, 20), ROADS)
    assert told(database, "oc_top") == []
    assert ("organiser_digest", "2026-W48", True) in slots(database)


def test_secretaries_are_reminded_half_way_a_week_and_a_day_before_the_end(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.person(city.organisation(), "王书记", Post.SECRETARY)
    run_until(database, shanghai(11, 1, 16), shanghai(12, 1))
    assert duty_days(database) == ["2026-11-16", "2026-11-23", "2026-11-27"]
    first, second, third = told(database, "ou_王书记", "📌")
    owed = "\n· 本月：主题党日\n"
    assert f"{owed}· 本季度：党员大会、党课\n· 今年：组织生活会、民主评议党员\n" in first
    assert (owed in second, owed in third) == (True, True)
    assert "本季度" not in second + third


def test_what_ends_with_the_year_is_named_in_one_message(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        secretary = city.person(branch := city.organisation(), "王书记", Post.SECRETARY)
        city.held(branch, shanghai(12, 1, 15), "主题党日", came=[secretary])
    run_until(database, shanghai(12, 1, 16), shanghai(1, 1, year=2027))
    assert duty_days(database) == ["2026-12-16", "2026-12-24", "2026-12-30"]
    said = told(database, "ou_王书记", "📌")
    assert len(said) == 2
    assert all("\n· 本季度：党员大会、党课\n· 今年：组织生活会、民主评议党员\n" in text for text in said)


def test_a_duty_that_somebody_asks_for_more_often_is_reminded_of_more_often(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.person(branch := city.organisation(), "王书记", Post.SECRETARY)
        session.add(
            DutyRule(
                organisation_id=branch.id, kind="党课", every="month", times=2, set_at=shanghai(1, 1), message_id=1
            )
        )
    run_until(database, shanghai(7, 18, 16), shanghai(8, 1))
    assert [text.splitlines()[1] for text in told(database, "ou_王书记", "📌")] == ["· 本月：党课、主题党日"] * 2


def test_a_branch_made_today_is_not_reminded_today(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.person(city.organisation(created_at=shanghai(11, 16, 8)), "王书记", Post.SECRETARY)
    run_until(database, shanghai(11, 16, 9), shanghai(11, 24))
    assert duty_days(database) == ["2026-11-23"]


def duty_days(database: Database) -> list[str]:
    return [period for job, period, missed in slots(database) if job == "duty_reminder" and not missed]


def test_the_duty_reminder_finds_somebody_who_can_be_reached(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        for name, secretary, deputy in (("甲", True, True), ("乙", False, True), ("丙", False, False)):
            branch = city.organisation(name)
            city.chat(branch, f"oc_{name}")
            city.person(branch, f"{name}书记", Post.SECRETARY, reachable=secretary)
            city.person(branch, f"{name}副书记", Post.DEPUTY, reachable=deputy)
        city.person(city.organisation("丁"), "丁书记", Post.SECRETARY, reachable=False)
    run_due(database, shanghai(11, 16, 15), ROADS)
    assert {whom for whom, text in posts(database) if text.startswith("📌")} == {"ou_甲书记", "ou_乙副书记", "oc_丙"}


def test_the_group_gets_no_buttons_that_are_the_secretary_s(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        for name in ("甲", "乙"):
            branch = city.organisation(name)
            city.chat(branch, f"oc_{name}")
            city.person(branch, f"{name}书记", Post.SECRETARY, reachable=name == "甲")
    run_due(database, shanghai(11, 16, 15), ROADS)
    with database.read() as session:
        rows = session.scalars(select(OutboxPost).where(OutboxPost.target.in_(("ou_甲书记", "oc_乙"))))
        contents = {row.target: load(row.content) for row in rows}
    assert isinstance(contents["ou_甲书记"], Card)
    assert isinstance(contents["oc_乙"], Text)


def test_nothing_is_said_where_nothing_is_owed(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        secretary = city.person(branch, "王书记", Post.SECRETARY)
        for kind in ("党员大会", "党课", "主题党日"):
            city.held(branch, shanghai(9, 2, 15), kind, came=[secretary])
    run_due(database, shanghai(9, 16, 15), ROADS)
    assert posts(database) == []
    assert ("duty_reminder", "2026-09-16", False) in slots(database)


def test_a_duty_reminder_two_days_late_is_missed(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        city.person(city.organisation(), "王书记", Post.SECRETARY)
    run_due(database, shanghai(11, 18, 15), ROADS)
    assert ("duty_reminder", "2026-11-16", True) in slots(database)
    assert posts(database) == []


LESSON = shanghai(11, 25, 15)


def test_a_planned_lesson_is_named_the_day_before_and_half_an_hour_before(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.chat(branch, "oc_branch")
        city.planned(branch, LESSON, "党课", "交通安全").place = "幸福里驿站"
    run_until(database, shanghai(11, 24, 9), LESSON)
    advice = "\n地点：幸福里驿站\n会来请回复「我会来」，来不了回复「请假」加原因。到时在群里回复「签到」。"
    assert told(database, "oc_branch", "⏰") == [
        f"⏰ 明天 15:00，党课《交通安全》。{advice}",
        f"⏰ 今天 15:00，党课《交通安全》。{advice}",
    ]
    assert [period for job, period, _ in slots(database) if job == "lesson_reminder"] == [
        "2026-11-25T15:00 day",
        "2026-11-25T15:00 soon",
    ]


def test_the_second_reminder_moves_out_of_rush_hours_as_long_as_it_is_useful(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.person(branch, "小李", occupation=Occupation.FOOD)
        city.chat(branch, "oc_branch")
        city.planned(branch, shanghai(11, 25, 13, 20), "支委会")
        city.planned(branch, shanghai(11, 25, 13, 40))
    run_due(database, shanghai(11, 25, 13, 29), ROADS)
    assert told(database, "oc_branch", "⏰") == []
    run_due(database, shanghai(11, 25, 13, 30), ROADS)
    (reminder,) = told(database, "oc_branch", "⏰")
    assert reminder.startswith("⏰ 今天 13:40")


def test_after_downtime_one_reminder_is_enough_and_none_after_the_start(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.chat(branch, "oc_branch")
        city.planned(branch, LESSON)
        city.planned(branch, LESSON + timedelta(hours=1), "主题党日")
    run_due(database, LESSON + timedelta(minutes=40), ROADS)
    assert ["主题党日" in text for text in told(database, "oc_branch", "⏰")] == [True]
    missed = {period: missed for job, period, missed in slots(database) if job == "lesson_reminder"}
    assert missed == {
        "2026-11-25T15:00 day": True,
        "2026-11-25T15:00 soon": True,
        "2026-11-25T16:00 day": True,
        "2026-11-25T16:00 soon": False,
    }


def test_a_lesson_planned_for_today_is_not_announced_for_yesterday(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.chat(branch, "oc_branch")
        city.planned(branch, LESSON, message_id=claim(session, shanghai(11, 25, 10)).id)
    run_due(database, shanghai(11, 25, 10, 1), ROADS)
    assert told(database, "oc_branch", "⏰") == []
    assert next_due(database, shanghai(11, 25, 10, 1), LESSON) == LESSON - timedelta(minutes=30)


def claim(session: Session, received_at: datetime) -> Claim:
    """The message that planned a lesson."""
    made = Claim(
        platform="feishu",
        bot="main",
        key="om_1",
        chat="oc_branch",
        sender="ou_王书记",
        intent="plan_lesson",
        outcome=Outcome.DONE,
        received_at=received_at,
        message=b"{}",
        answer="",
    )
    session.add(made)
    session.flush()
    return made


def test_a_moved_or_cancelled_lesson_is_not_announced_at_its_old_time(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.chat(branch, "oc_branch")
        city.planned(branch, LESSON)
        city.planned(branch, LESSON, "主题党日").state = LessonState.CANCELLED
    run_due(database, shanghai(11, 24, 15, 30), ROADS)
    assert len(told(database, "oc_branch", "⏰")) == 1
    with database.write.begin() as session:
        lesson = session.scalars(select(Lesson).where(Lesson.kind == "党课")).one()
        lesson.planned_at = LESSON + timedelta(days=1)
    run_until(database, shanghai(11, 24, 15, 31), shanghai(11, 25, 16))
    assert [text[:11] for text in told(database, "oc_branch", "⏰")] == ["⏰ 明天 15:00，", "⏰ 明天 15:00，"]


def test_a_lesson_of_a_group_without_a_chat_is_named_in_the_branch_chat(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        city.chat(top, "oc_top")
        branch = city.organisation(parent=top)
        group = city.organisation("一组", OrganisationKind.GROUP, branch)
        city.chat(branch, "oc_branch")
        city.planned(group, LESSON, "党小组会")
        city.planned(city.organisation("没有群的支部", parent=top), LESSON)
    run_due(database, LESSON - timedelta(minutes=30), ROADS)
    assert {whom for whom, text in posts(database) if text.startswith("⏰")} == {"oc_branch"}


def test_an_open_lesson_is_closed_at_its_time_with_summary_and_card(database: Database) -> None:
    opened = shanghai(11, 26, 15)
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        chat = city.chat(branch, "oc_branch")
        riders = [city.person(branch, f"骑手{number}") for number in range(12)]
        lesson = city.planned(branch, opened, "10分钟微课堂", "交通安全")
        lesson.chat_id = chat.id
        open_lesson(session, lesson, opened)
        posting = Posting(session, opened, ROADS)
        lesson.card = posting.post(address_of(chat), lesson_card(lesson, HeadCount(12, 0)))
        posting.write()
        session.add(CheckIn(lesson_id=lesson.id, person_id=riders[0].id, at=opened, way=CheckInWay.WORD, message_id=1))
        lesson_id = lesson.id
    assert next_due(database, opened, opened + timedelta(hours=1)) == opened + timedelta(minutes=10)
    assert run_due(database, opened + timedelta(minutes=9, seconds=59), ROADS) == 0
    assert run_due(database, opened + timedelta(days=30), ROADS) >= 1
    assert told(database, "oc_branch")[:2] == [
        "📖 10分钟微课堂《交通安全》开始签到，15:10 截止。回复「签到」即可。",
        "📋 签到结束：应到 12，实到 1，请假 0，缺席 11",
    ]
    assert told(database, "~oc_branch") == [f"lesson:{lesson_id}"]
    with database.read() as session:
        assert live_lesson_card(session, lesson_id).as_text() == "📖 10分钟微课堂《交通安全》签到已结束\n已签到：1 / 12"
        closed = session.get_one(Lesson, lesson_id)
        assert (closed.state, closed.closed_at) == (LessonState.CLOSED, opened + timedelta(minutes=10))


def test_a_lesson_that_was_closed_by_hand_is_left_alone(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.held(branch, LESSON).chat_id = city.chat(branch, "oc_branch").id
    run_due(database, LESSON + timedelta(minutes=1), ROADS)
    assert told(database, "oc_branch", "📋 签到结束") == []


def test_no_digest_repeats_an_appeal(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top = city.organisation("行业党委", OrganisationKind.COMMITTEE)
        branch = city.organisation(parent=top)
        city.chat(top, "oc_top")
        city.chat(branch, "oc_branch")
        unit = city.organisation("人社", OrganisationKind.UNIT)
        for hour in range(4):
            at, who = shanghai(11, 18, 9 + hour), f"ou_{hour}"
            case = Cases(session).told(
                branch, at, CaseKind.APPEAL, ref=who, category="劳动报酬", place="东门站点", text=SECRET
            )
            Cases(session).sent(case, at, unit)
    run_until(database, shanghai(11, 19, 12), FRIDAY)
    said = "\n".join(text for _, text in posts(database))
    assert "诉求：新收 4" in said
    for word in (SECRET, "劳动报酬", "东门站点", "人社"):
        assert word not in said
