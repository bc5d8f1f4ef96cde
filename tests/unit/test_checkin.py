"""Check-ins that arrive late, early, in one batch with the opening, or on an old card."""

from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import select

import handlers  # noqa: F401  # registers them
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.posting import Roads
from bot.router import Router
from bot.web.demo import seed_demo
from models.database import Database
from models.lessons import CheckIn, Lesson
from models.people import Identity, Person
from tests.conftest import StandingClock
from tests.unit.understood import understanding

_keys = count(1)


class Branch:
    """The demonstration branch, spoken to through the real intake."""

    def __init__(self, database: Database, clock: StandingClock) -> None:
        seed_demo(database, clock())
        self.database = database
        self.clock = clock
        self.intake = GroupCommitIntake(database, Router(understanding()), clock, Roads())
        with database.read() as session:
            rows = session.execute(select(Person.name, Identity.ref).join(Identity))
            self.refs = {name: ref for name, ref in rows}  # noqa: C416  # a Row is no pair to the type checker

    def message(self, who: str, text: str, sent_at: datetime | None = None) -> IncomingMessage:
        return IncomingMessage(
            "sandbox", "main", f"k{next(_keys)}", "branch", False, self.refs[who], sent_at or self.clock(), text=text
        )

    def say(self, who: str, text: str, sent_at: datetime | None = None) -> None:
        self.intake.process([self.message(who, text, sent_at)])

    def check_ins(self) -> list[tuple[str, str, datetime]]:
        """Who, at which lesson, and when."""
        query = select(Person.name, Lesson.topic, CheckIn.at).join_from(CheckIn, Person)
        query = query.join(Lesson, Lesson.id == CheckIn.lesson_id)
        with self.database.read() as session:
            return [(name, topic, at) for name, topic, at in session.execute(query.order_by(CheckIn.id))]


@pytest.fixture
def branch(database: Database, clock: StandingClock) -> Branch:
    return Branch(database, clock)


def test_a_check_in_that_was_sent_in_time_and_arrives_after_the_end_counts(branch: Branch) -> None:
    branch.say("王书记", "开课 10分钟微课堂 交通安全")
    sent_at = branch.clock() + timedelta(minutes=5)
    branch.clock.move_to(branch.clock() + timedelta(minutes=12))
    branch.say("王书记", "结束签到")
    branch.say("小李", "签到", sent_at)
    branch.say("小张", "签到")
    assert branch.check_ins() == [("小李", "交通安全", sent_at)]


def test_a_check_in_of_this_morning_does_not_count_for_the_lesson_of_now(branch: Branch) -> None:
    sent_at = branch.clock()
    branch.clock.move_to(branch.clock() + timedelta(hours=1))
    branch.say("王书记", "开课 10分钟微课堂 防火")
    branch.say("小李", "签到", sent_at)
    assert branch.check_ins() == []


def test_a_check_in_right_behind_the_opening_in_the_same_batch_counts(branch: Branch) -> None:
    batch = [
        branch.message("小张", "签到"),
        branch.message("王书记", "开课 微课堂 防火"),
        branch.message("小李", "签到"),
    ]
    branch.intake.process(batch)
    assert [who for who, _, _ in branch.check_ins()] == ["小李"]
