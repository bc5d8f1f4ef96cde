"""随到随学: how it is asked for, who counts where, and how it ends."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from handlers.sites import BAD_DAYS, HOW_TO, NO_PLACE, Wish, read_wish
from models.database import Database
from models.lessons import CheckIn, CheckInWay, Lesson, LessonSite, LessonState
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, posts
from tests.unit.test_checkin import Branch

KIND = "10分钟微课堂"
PLACES = ("东站驿站", "西站驿站")


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("交通安全 东站驿站、西站驿站 3天", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站 西站驿站 3天", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站， 西站驿站 3 天", Wish(KIND, "交通安全", PLACES, 3)),
        ("3天 交通安全 东站驿站,西站驿站", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站、西站驿站", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站、西站驿站３天", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站、西站驿站 十天", Wish(KIND, "交通安全", PLACES, 10)),
        ("主题：交通安全 阵地：东站驿站、西站驿站、东站驿站 30天。", Wish(KIND, "交通安全", PLACES, 30)),
        ("红色学堂 读书 东站驿站 1天", Wish("红色学堂", "读书", ("东站驿站",), 1)),
        ("红色学堂 东站驿站 1天", Wish("红色学堂", "", ("东站驿站",), 1)),
        ("微课堂 读书 东站驿站 1天", Wish(KIND, "读书", ("东站驿站",), 1)),
        ("《交通安全》在东站驿站、西站驿站开三天", Wish(KIND, "交通安全", PLACES, 3)),
        ("交通安全 东站驿站、西站驿站 两周", Wish(KIND, "交通安全", PLACES, 14)),
        ("一周一课 东站驿站、西站驿站 1 个星期", Wish(KIND, "一周一课", PLACES, 7)),
    ],
)
def test_it_is_asked_for_in_many_ways(text: str, wish: Wish) -> None:
    assert read_wish(text) == wish


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("交通安全", NO_PLACE),
        ("交通安全 3天", NO_PLACE),
        ("东站驿站、西站驿站 3天", HOW_TO),
        ("、", HOW_TO),
        ("3天", HOW_TO),
        ("交通安全 东站驿站 0天", BAD_DAYS),
        ("交通安全 东站驿站 31天", BAD_DAYS),
        ("交通安全 东站驿站 999天", BAD_DAYS),
        (f"交通安全 {'、'.join(f'{n}号站' for n in range(13))} 3天", "一次最多 12 个阵地，请分两次发。"),
        (f"交通安全 {'站' * 21} 3天", "阵地的名字太长了，请缩短到 20 个字以内。"),
        (f"{'学' * 41} 东站 3天", "主题太长了，请缩短到 40 个字以内。"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_to_write(text: str, words: str) -> None:
    assert read_wish(text) == words


@given(st.text(max_size=60))
def test_any_text_is_a_wish_within_its_limits_or_a_sentence(text: str) -> None:
    found = read_wish(text)
    if isinstance(found, str):
        assert found.endswith(("。", "」。"))
        return
    assert 1 <= found.days <= 30
    assert 1 <= len(found.places) == len(set(found.places)) <= 12
    assert all(1 <= len(place) <= 20 for place in found.places)
    assert len(found.topic) <= 40


@pytest.fixture
def branch(database: Database, clock: StandingClock) -> Branch:
    made = Branch(database, clock)
    made.say("王书记", "随到随学 交通安全 东站驿站、西站驿站 3天")
    return made


def site(branch: Branch, place: str) -> LessonSite:
    with branch.database.read() as session:
        return session.scalars(select(LessonSite).where(LessonSite.place == place)).one()


def test_the_code_of_a_place_says_where_one_was(branch: Branch) -> None:
    east, west = site(branch, "东站驿站"), site(branch, "西站驿站")
    assert east.code != west.code
    branch.clock.move_to(branch.clock() + timedelta(days=2))
    branch.say("小李", f"签到 {west.code}")
    with branch.database.read() as session:
        record = session.scalars(select(CheckIn)).one()
    assert (record.way, record.site_id, record.late) == (CheckInWay.SITE, west.id, False)


def test_a_word_a_wrong_code_and_a_late_one_do_not_count(branch: Branch) -> None:
    east = site(branch, "东站驿站")
    wrong = f"{(int(east.code) + 1) % 1_000_000:06d}"
    for text in ("签到", f"签到 {wrong}", "签到 1234"):
        branch.say("小李", text)
    branch.clock.move_to(branch.clock() + timedelta(days=3, seconds=1))
    run_due(branch.database, branch.clock(), ROADS)
    branch.say("小李", f"签到 {east.code}")
    assert branch.check_ins() == []


def test_a_guest_counts_once(branch: Branch) -> None:
    """刘书记 is of the committee above: nobody expects him, and no list of the branch has his name."""
    east = site(branch, "东站驿站")
    branch.say("刘书记", f"签到 {east.code}")
    branch.say("刘书记", f"签到 {east.code}")
    assert [who for who, _, _ in branch.check_ins()] == ["刘书记"]


def test_codes_cannot_be_tried_out(branch: Branch) -> None:
    east = site(branch, "东站驿站")
    for number in range(10):
        branch.say("小李", f"签到 {(int(east.code) + 1 + number) % 1_000_000:06d}")
    branch.say("小李", f"签到 {east.code}")
    assert branch.check_ins() == []


def test_it_closes_by_itself_and_its_summary_goes_by_place(branch: Branch) -> None:
    branch.say("小李", f"签到 {site(branch, '东站驿站').code}")
    branch.say("小张", f"签到 {site(branch, '西站驿站').code}")
    branch.clock.move_to(branch.clock() + timedelta(days=3))
    run_due(branch.database, branch.clock(), ROADS)
    with branch.database.read() as session:
        assert session.scalars(select(Lesson.state)).one() is LessonState.CLOSED
    (summary,) = [text for whom, text in posts(branch.database) if "签到结束" in text]
    assert "实到 2" in summary
    assert summary.endswith("东站驿站 1 人，西站驿站 1 人")


def test_opened_at_night_it_ends_in_the_evening(database: Database, clock: StandingClock) -> None:
    clock.move_to(clock() + timedelta(hours=8))
    branch = Branch(database, clock)
    branch.say("王书记", "随到随学 交通安全 东站驿站 1天")
    with database.read() as session:
        closes_at = session.scalars(select(Lesson.closes_at)).one()
    assert closes_at == clock() + timedelta(hours=22)
