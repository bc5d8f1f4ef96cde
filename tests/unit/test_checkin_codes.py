"""Check-in by the code at the place: refused when old, foreign or guessed, and counted once for everybody else."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, func, select

from bot.app import build_app
from bot.intake import GroupCommitIntake
from bot.posting import Roads
from bot.router import Router
from bot.settings import BotSettings, DatabaseSettings, Settings
from models.audit import AuditEntry
from models.chats import Chat
from models.codes import code_at, new_secret
from models.database import Database
from models.lessons import CheckIn, CheckInWay, Lesson, LessonState, open_lesson
from models.organisations import Organisation
from models.people import Person
from models.points import PointEntry
from tests.conftest import StandingClock
from tests.fakes.serving import ServerThread
from tests.unit.test_checkin import Branch
from tests.unit.understood import understanding

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Hall(Branch):
    """The demonstration branch with an open lesson whose code is shown."""

    def __init__(self, database: Database, clock: StandingClock) -> None:
        super().__init__(database, clock)
        self.say("王书记", "开课 党员大会 三季度工作")
        self.secret = self.show(self.lesson_id("三季度工作"))

    def lesson_id(self, topic: str) -> int:
        with self.database.read() as session:
            return session.scalars(select(Lesson.id).where(Lesson.topic == topic)).one()

    def show(self, lesson_id: int) -> bytes:
        """Has the code of a lesson be shown, and returns what it is made of."""
        with self.database.write.begin() as session:
            secret = session.get_one(Lesson, lesson_id).secret = new_secret()
            return secret

    def code(self, moment: datetime | None = None) -> str:
        """What the screen shows."""
        return code_at(self.secret, moment or self.clock())

    def wrong(self) -> str:
        """Four digits that are on no screen now, before or soon."""
        near = {code_at(self.secret, self.clock() + timedelta(seconds=15 * step)) for step in range(-60, 60)}
        return next(f"{number:04d}" for number in range(10_000) if f"{number:04d}" not in near)

    def wait(self, time: timedelta) -> None:
        self.clock.move_to(self.clock() + time)

    def who(self) -> list[str]:
        return [name for name, _, _ in self.check_ins()]

    def ways(self) -> list[CheckInWay]:
        with self.database.read() as session:
            return list(session.scalars(select(CheckIn.way).order_by(CheckIn.id)))

    def neighbour(self) -> bytes:
        """Opens a lesson of another branch, and returns what its codes are made of."""
        with self.database.write.begin() as session:
            other = session.scalars(select(Organisation).where(Organisation.name == "幸福里街道行业党委")).one()
            chat = session.scalars(select(Chat).where(Chat.ref == "organisation")).one()
            lesson = Lesson(
                organisation=other,
                chat_id=chat.id,
                kind="支委会",
                topic="隔壁",
                place="",
                state=LessonState.PLANNED,
                secret=new_secret(),
            )
            open_lesson(session, lesson, self.clock())
            assert lesson.secret is not None
            return lesson.secret


@pytest.fixture
def hall(database: Database, clock: StandingClock) -> Hall:
    return Hall(database, clock)


def test_the_code_on_the_screen_counts(hall: Hall) -> None:
    hall.say("小李", f"签到 {hall.code()}")
    hall.say("小张", f"打卡{hall.code()}")
    assert hall.who() == ["小李", "小张"]
    assert hall.ways() == [CheckInWay.CODE] * 2


def test_a_code_is_refused_21_seconds_later(hall: Hall) -> None:
    code = hall.code()
    hall.wait(20 * SECOND - timedelta(microseconds=1))
    hall.say("小李", f"签到 {code}")
    hall.wait(SECOND + timedelta(microseconds=1))
    hall.say("小张", f"签到 {code}")
    assert hall.who() == ["小李"]


def test_what_counts_is_when_it_was_sent_not_when_it_arrived(hall: Hall) -> None:
    code, sent_at = hall.code(), hall.clock()
    hall.wait(timedelta(hours=2))
    hall.say("小李", f"签到 {code}", sent_at)
    assert hall.check_ins() == [("小李", "三季度工作", sent_at)]


def test_the_code_of_the_neighbouring_lesson_is_refused(hall: Hall) -> None:
    other = hall.neighbour()
    code = code_at(other, hall.clock())
    assert code != hall.code()
    hall.say("小李", f"签到 {code}")
    assert hall.who() == []


def test_ten_wrong_codes_in_a_minute_shut_one_out_even_with_the_right_one(hall: Hall) -> None:
    for _ in range(10):
        hall.say("小李", f"签到 {hall.wrong()}")
        hall.wait(6 * SECOND)
    hall.say("小李", f"签到 {hall.code()}")
    assert hall.who() == []
    hall.say("小张", f"签到 {hall.code()}")
    hall.wait(9 * MINUTE + 53 * SECOND)
    hall.say("小李", f"签到 {hall.code()}")
    assert hall.who() == ["小张"]
    hall.wait(SECOND)
    hall.say("小李", f"签到 {hall.code()}")
    assert hall.who() == ["小张", "小李"]


def test_nine_wrong_codes_in_a_minute_or_ten_in_more_do_not(hall: Hall) -> None:
    for _ in range(9):
        hall.say("小李", f"签到 {hall.wrong()}")
    hall.wait(MINUTE + SECOND)
    hall.say("小李", f"签到 {hall.wrong()}")
    hall.say("小李", f"签到 {hall.code()}")
    assert hall.who() == ["小李"]


def test_ten_wrong_codes_and_the_right_one_in_one_batch(hall: Hall) -> None:
    tries = [hall.message("小李", f"签到 {hall.wrong()}") for _ in range(10)]
    hall.intake.process([*tries, hall.message("小李", f"签到 {hall.code()}")])
    assert hall.who() == []
    with hall.database.read() as session:
        entries = list(session.scalars(select(AuditEntry).where(AuditEntry.action == "code_failed")))
        person = session.scalars(select(Person).where(Person.name == "小李")).one()
    assert {entry.subject for entry in entries} == {f"person:{person.id}"}
    assert len(entries) == 10


def test_a_wrong_code_is_never_taken_for_the_word(hall: Hall) -> None:
    hall.say("小李", f"签到 {hall.wrong()}")
    hall.say("小李", "签到 12345678")
    assert hall.who() == []
    hall.say("小李", "签到")
    assert hall.ways() == [CheckInWay.WORD]


def test_two_people_with_one_code_at_the_same_instant_both_count(hall: Hall) -> None:
    code = hall.code()
    hall.intake.process([hall.message(who, f"签到 {code}") for who in ("小李", "小张")])
    assert sorted(hall.who()) == ["小张", "小李"]


def test_where_only_the_code_counts_word_and_button_do_not(hall: Hall) -> None:
    with hall.database.write.begin() as session:
        session.get_one(Lesson, hall.lesson_id("三季度工作")).by_code = True
    hall.say("小李", "签到")
    about = f"lesson:{hall.lesson_id('三季度工作')}"
    press = replace(hall.message("小李", "签到"), kind="button", about=about)
    hall.intake.process([press])
    assert hall.who() == []
    hall.say("小李", f"签到 {hall.code()}")
    assert hall.who() == ["小李"]


def test_without_a_public_address_no_code_is_asked_for(hall: Hall) -> None:
    """The page could not be opened: nobody could check in."""
    hall.say("王书记", "结束签到")
    hall.say("王书记", "开课 党课 防火")
    hall.say("王书记", "凭码签到")
    with hall.database.read() as session:
        lesson = session.get_one(Lesson, hall.lesson_id("防火"))
        assert (lesson.by_code, lesson.secret) == (False, None)
    hall.say("小李", "签到 1234")
    assert hall.who() == ["小李"]


def test_no_query_is_added_where_nobody_tells_a_code(hall: Hall) -> None:
    """Who says 签到 pays nothing for the codes of others."""
    assert _statements(hall, ["签到", "签到"]) == _statements(hall, ["签到"] * 4)


def _statements(hall: Hall, texts: list[str]) -> int:
    people = ["小李", "小张", "小赵", "小吴", "老孙", "小郑", "小何", "老马"][len(hall.who()) :]
    messages = [hall.message(who, text) for who, text in zip(people, texts, strict=False)]
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(hall.database.engine, "before_cursor_execute", note)
    try:
        hall.intake.process(messages)
    finally:
        event.remove(hall.database.engine, "before_cursor_execute", note)
    return len([statement for statement in seen if statement.startswith("SELECT")])


# Two hundred times at once


def _records(database: Database) -> tuple[int, int]:
    with database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (CheckIn, PointEntry)]
    return counts[0], counts[1]


@pytest.mark.anyio
async def test_one_person_200_times_at_once_through_two_intakes_counts_once(hall: Hall) -> None:
    intakes = [GroupCommitIntake(hall.database, Router(understanding()), hall.clock, Roads()) for _ in range(2)]
    for intake in intakes:
        intake.start(lambda: None)
    texts = ["签到", f"签到 {hall.code()}"]
    messages = [hall.message("小李", texts[number % 4 < 2]) for number in range(200)]
    receipts = await asyncio.gather(*(intakes[number % 2].submit(message) for number, message in enumerate(messages)))
    for intake in intakes:
        await intake.close()
    assert len(receipts) == 200
    assert _records(hall.database) == (1, 1)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The product in sandbox mode, behind a real port."""
    settings = Settings(
        bot=BotSettings(data_dir=tmp_path), database=DatabaseSettings(url=f"sqlite:///{tmp_path}/jufeng.db")
    )
    with ServerThread(build_app(settings), lifespan="on") as server:
        yield server.url


@pytest.mark.anyio
async def test_one_person_200_times_at_once_over_http_counts_once(served: str, tmp_path: Path) -> None:
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=0)  # a slow machine ends idle connections
    async with httpx.AsyncClient(base_url=served, timeout=60, limits=limits) as client:

        async def say(number: int, sender: str, text: str) -> httpx.Response:
            body = {"id": f"at-once-{sender}-{number}", "sender": sender, "chat": "branch", "text": text, "photos": []}
            return await client.post("/sandbox/messages", json=body)

        await say(0, "u3", "开课 10分钟微课堂 交通安全")
        answers = await asyncio.gather(*(say(number, "u4", "签到") for number in range(200)))
        both = await asyncio.gather(say(0, "u5", "签到"), say(0, "u6", "签到"))
    await asyncio.sleep(0.1)  # the connections let go of their sockets
    assert {answer.status_code for answer in (*answers, *both)} == {200}
    with closing(Database(f"sqlite:///{tmp_path}/jufeng.db")) as database:
        assert _records(database) == (3, 3)
