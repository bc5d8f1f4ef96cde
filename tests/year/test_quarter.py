"""A few branches' first half of the year, on both databases: the same as the whole year in small."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from models.database import Database
from models.sealing import unlock
from tests.conftest import KEY, empty_database
from tests.year import agreement, books
from tests.year.play import Played, play
from tests.year.town import Town

pytestmark = pytest.mark.xdist_group("quarter")
"""Played once, for all tests of this file."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def quarter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Eight branches, 120 people, from January to the middle of the second quarter."""
    folder = tmp_path_factory.mktemp("quarter")
    unlock(KEY)
    database = Database(empty_database(request, folder))
    yield play(database, folder, Town(4, branches=8, people=120), date(2026, 4, 10))
    database.close()
    shutil.rmtree(folder)


def test_everything_that_was_opened_is_on_record_once(quarter: Played) -> None:
    agreement.lessons_are_those_of_the_record(quarter)


def test_everybody_has_the_mark_that_is_due(quarter: Played) -> None:
    agreement.marks_agree(quarter)


def test_the_figures_of_every_meeting_are_right(quarter: Played) -> None:
    agreement.figures_agree(quarter)


def test_every_group_heard_the_right_summary(quarter: Played) -> None:
    agreement.summaries_agree(quarter)


def test_every_duty_is_judged_rightly(quarter: Played) -> None:
    agreement.duties_agree(quarter, quarter.now)


def test_every_duty_was_judged_rightly_on_the_way(quarter: Played) -> None:
    agreement.duties_agreed_on_the_way(quarter)


def test_every_secretary_was_reminded_of_what_was_owed(quarter: Played) -> None:
    agreement.duty_reminders_agree(quarter)


def test_every_group_was_reminded_of_its_meetings(quarter: Played) -> None:
    agreement.lesson_reminders_agree(quarter)


@pytest.mark.parametrize("number", range(3))
def test_the_ledgers_of_each_committee_equal_the_record(quarter: Played, number: int, tmp_path: Path) -> None:
    committee = quarter.town.committees[number]
    books.attendance_agrees(quarter, committee, books.export(quarter, "考勤", committee, tmp_path))
    books.meetings_agree(quarter, committee, books.export(quarter, "会议", committee, tmp_path))
