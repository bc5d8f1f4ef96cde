"""What is said while there is no server is done when it is back, as of when it was said."""

from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.messages import IncomingMessage
from models.database import Database
from models.lessons import CheckIn, Leave, Lesson, LessonState
from schedules.jobs import JOBS
from tests.year.days import moment
from tests.year.town import FOUNDED, FULL, Member, Org, Town
from tests.year.wire import Wire

FRIDAY = date(2026, 6, 26)
MONDAY = date(2026, 6, 29)
BACK = moment(MONDAY, 15, 20)


class Branch:
    """A branch whose server goes away."""

    def __init__(self, wire: Wire, org: Org, rider: Member) -> None:
        self.wire = wire
        self.org = org
        self.secretary = org.secretary
        self.rider = rider
        self._under_way: list[IncomingMessage] = []

    def says(self, when: datetime, member: Member, text: str) -> None:
        """Something that is heard at once."""
        self.wire.clock.move_to(when)
        self.wire.say(member, text, self.org.chat)
        self.wire.deliver()

    def writes(self, when: datetime, member: Member, text: str) -> None:
        """Something that is heard once the server is back."""
        self.wire.clock.move_to(when)
        self._under_way.append(self.wire.write(member, text, self.org.chat))

    def back(self) -> None:
        """The platform delivers what waited, and only then the schedules run."""
        self.wire.clock.move_to(BACK)
        for message in self._under_way:
            self.wire.bring(message)
        self.wire.deliver()
        self.wire.tick()

    def lessons(self) -> list[Lesson]:
        """All of them, the first opened first."""
        with self.wire.database.read() as session:
            return list(session.scalars(select(Lesson).order_by(Lesson.opened_at)))


@pytest.fixture
def branch(database: Database, tmp_path: Path) -> Branch:
    town = Town(1, branches=1, people=6)
    rider = town.add(town.branches[0], FULL)
    wire = Wire(database, tmp_path, town, FOUNDED, JOBS)
    wire.join(town.everyone())
    made = Branch(wire, town.branches[0], rider)
    made.says(FOUNDED, made.secretary, f"绑定 {made.org.name}")
    return made


def test_a_lesson_begins_when_it_was_said_to(branch: Branch) -> None:
    branch.writes(moment(MONDAY, 15), branch.secretary, "开课 主题党日")
    branch.writes(moment(MONDAY, 15, 2), branch.rider, "签到")
    branch.back()
    (lesson,) = branch.lessons()
    assert (lesson.state, lesson.opened_at, lesson.closes_at) == (
        LessonState.OPEN,
        moment(MONDAY, 15),
        moment(MONDAY, 16),
    )
    with branch.wire.database.read() as session:
        (came,) = session.scalars(select(CheckIn))
        assert (came.lesson_id, came.at, came.late) == (lesson.id, moment(MONDAY, 15, 2), False)


def test_one_that_should_have_ended_keeps_no_other_from_beginning(branch: Branch) -> None:
    branch.says(moment(FRIDAY, 15), branch.secretary, "开课 党课")
    branch.writes(moment(MONDAY, 15), branch.secretary, "开课 主题党日")
    branch.back()
    before, now = branch.lessons()
    assert (before.kind, before.state, before.closed_at) == ("党课", LessonState.CLOSED, moment(FRIDAY, 16))
    assert (now.kind, now.state) == ("主题党日", LessonState.OPEN)


def test_nobody_is_there_days_after_its_end(branch: Branch) -> None:
    """The rider was early for Monday's lesson, and not late for Friday's."""
    branch.says(moment(FRIDAY, 15), branch.secretary, "开课 党课")
    branch.writes(moment(MONDAY, 14, 50), branch.rider, "签到")
    branch.back()
    with branch.wire.database.read() as session:
        assert not session.scalars(select(CheckIn)).all()


def test_a_lesson_ends_when_it_was_said_to(branch: Branch) -> None:
    branch.says(moment(MONDAY, 14, 40), branch.secretary, "开课 党课")
    branch.writes(moment(MONDAY, 15, 5), branch.secretary, "结束签到")
    branch.back()
    (lesson,) = branch.lessons()
    assert (lesson.state, lesson.closed_at) == (LessonState.CLOSED, moment(MONDAY, 15, 5))


def test_leave_is_from_the_lesson_that_was_to_come_when_it_was_asked_for(branch: Branch) -> None:
    """And neither from one that had ended long before, nor from the one after it."""
    branch.says(moment(FRIDAY, 14, 30), branch.secretary, "计划 主题党日 6月29日15:00")
    branch.says(moment(FRIDAY, 14, 31), branch.secretary, "计划 党员大会 7月2日15:00")
    branch.says(moment(FRIDAY, 15), branch.secretary, "开课 党课")
    branch.writes(moment(MONDAY, 9), branch.secretary, "请假 孩子发烧")
    branch.back()
    with branch.wire.database.read() as session:
        (leave,) = session.scalars(select(Leave))
        assert session.get_one(Lesson, leave.lesson_id).kind == "主题党日"
