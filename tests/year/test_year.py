"""A city's whole year: 86 branches, 1,506 members, 2026 with its holidays, two outages of three days.

Everything that the product says of it at the end, and much of what it said on the way, is compared with what the judge
makes of the raw record. It runs on SQLite alone; ``test_quarter`` has a part of it on both databases.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from models.database import Database
from models.sealing import unlock
from tests.conftest import KEY
from tests.contracts.test_office import OFFICE, recalculated, without_values
from tests.year import agreement, books
from tests.year.days import DAY, YEAR, moment
from tests.year.play import Played, play
from tests.year.town import Town

pytestmark = pytest.mark.xdist_group("year")
"""Played once, for all tests of this file."""
BRANCHES, PEOPLE = 86, 1506


@pytest.fixture(scope="module")
def year(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The year, played."""
    folder = tmp_path_factory.mktemp("year")
    unlock(KEY)
    shutil.copy(sqlite_template, folder / "year.db")
    database = Database(f"sqlite:///{folder / 'year.db'}")
    yield play(database, folder, Town(YEAR, BRANCHES, PEOPLE), date(YEAR, 12, 31))
    database.close()
    shutil.rmtree(folder)


def test_it_is_a_city(year: Played) -> None:
    """The test is about as much as the issue says."""
    assert (len(year.town.branches), len(year.town.members)) == (BRANCHES, PEOPLE)
    assert len(year.held) > 2500
    assert sum(len(meeting.came) for meeting in year.held) > 25_000


def test_everything_that_was_opened_is_on_record_once(year: Played) -> None:
    agreement.lessons_are_those_of_the_record(year)


def test_everybody_has_the_mark_that_is_due(year: Played) -> None:
    agreement.marks_agree(year)


def test_the_figures_of_every_meeting_are_right(year: Played) -> None:
    agreement.figures_agree(year)


def test_every_group_heard_the_right_summary(year: Played) -> None:
    agreement.summaries_agree(year)


def test_every_duty_was_judged_rightly_on_the_way(year: Played) -> None:
    agreement.duties_agreed_on_the_way(year)


def test_every_duty_is_judged_rightly_on_the_last_evening(year: Played) -> None:
    agreement.duties_agree(year, year.now)


def test_every_duty_is_judged_rightly_when_the_year_is_over(year: Played) -> None:
    agreement.duties_agree(year, moment(date(YEAR, 12, 31) + DAY, 9))


def test_every_secretary_was_reminded_of_what_was_owed(year: Played) -> None:
    agreement.duty_reminders_agree(year)


def test_every_group_was_reminded_of_its_meetings(year: Played) -> None:
    agreement.lesson_reminders_agree(year)


@pytest.mark.parametrize("number", range(3))
def test_the_attendance_ledger_of_each_committee_equals_the_record(year: Played, number: int, tmp_path: Path) -> None:
    committee = year.town.committees[number]
    books.attendance_agrees(year, committee, books.export(year, "考勤", committee, tmp_path))


@pytest.mark.parametrize("number", range(3))
def test_the_meeting_ledger_of_each_committee_equals_the_record(year: Played, number: int, tmp_path: Path) -> None:
    committee = year.town.committees[number]
    books.meetings_agree(year, committee, books.export(year, "会议", committee, tmp_path))


@pytest.mark.skipif(OFFICE is None, reason="no LibreOffice here; see `make office`")
def test_the_attendance_ledger_comes_to_the_same_when_it_is_calculated_anew(year: Played, tmp_path: Path) -> None:
    """The formulas alone are given to LibreOffice: what it shows is still the record."""
    committee = year.town.committees[-1]
    data = without_values(books.export(year, "考勤", committee, tmp_path).read_bytes())
    again = tmp_path / "again.xlsx"
    again.write_bytes(recalculated({"ledger": data}, tmp_path)["ledger"])
    books.attendance_agrees(year, committee, again)
