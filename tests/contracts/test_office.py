"""LibreOffice opens the workbooks and comes to the same numbers: each formula is calculated anew, from nothing."""

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from bot.reports.attendance_book import attendance_book
from bot.reports.case_book import case_book
from bot.reports.case_ledger import Level
from bot.reports.meeting_book import meeting_book
from bot.reports.roster_book import roster_book
from models.cases import CaseKind
from models.database import Database
from tests.unit import case_ledger_city
from tests.unit.ledger_city import settle, wanted

OFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(OFFICE is None, reason="no LibreOffice here; see `make office`")
ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""
"""Formulas are calculated when a file is opened."""
WRITTEN = re.compile(rb"(</f>)<v>[^<]*</v>")
"""The value that is written beside a formula."""
Cells = dict[tuple[str, str], Any]
BOOKS: dict[str, Callable[[Session, int], bytes]] = {
    "meetings": lambda session, top: meeting_book(session, wanted(top)),
    "attendance": lambda session, top: attendance_book(session, wanted(top)),
    "roster": roster_book,
    "hazards": lambda session, top: case_book(session, case_ledger_city.about(CaseKind.HAZARD, top)),
    **{
        level.name: lambda session, top, level=level: case_book(  # type: ignore[misc]  # it is bound at once
            session, case_ledger_city.about(CaseKind.APPEAL, top, level)
        )
        for level in Level
    },
}


def without_values(data: bytes) -> bytes:
    """The workbook with its formulas alone: whatever a program shows for them it has calculated itself."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for item in before.infolist():
            after.writestr(item.filename, WRITTEN.sub(rb"\1", before.read(item)))
    return made.getvalue()


def recalculated(books: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """All at once: to start takes LibreOffice far longer than to calculate. It has a profile of its own."""
    assert OFFICE is not None
    profile, before, out = (folder / name for name in ("profile", "before", "out"))
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS, encoding="utf-8")
    before.mkdir()
    for name, data in books.items():
        (before / f"{name}.xlsx").write_bytes(data)
    command = [OFFICE, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "xlsx"]
    files = sorted(before.iterdir())
    subprocess.run([*command, "--outdir", out, *files], check=True, capture_output=True, timeout=120)
    return {name: (out / f"{name}.xlsx").read_bytes() for name in books}


def formulas(data: bytes) -> set[tuple[str, str]]:
    """Where the formulas are."""
    book = load_workbook(io.BytesIO(data))
    cells = ((sheet.title, cell) for sheet in book for row in sheet.iter_rows() for cell in row)
    return {(sheet, cell.coordinate) for sheet, cell in cells if cell.data_type == "f"}


def values(data: bytes, where: set[tuple[str, str]]) -> Cells:
    """What is shown there; a number is a number, however it is written."""
    book = load_workbook(io.BytesIO(data), data_only=True)
    found = {(sheet, cell): book[sheet][cell].value for sheet, cell in where}
    return {place: round(value, 9) if isinstance(value, int | float) else value or "" for place, value in found.items()}


def made(kind: str, database: Database) -> bytes:
    """The workbook of a city that is there for it alone."""
    with database.write() as session:
        top = (settle if kind in ("meetings", "attendance", "roster") else case_ledger_city.settle)(session).top
        session.flush()
        session.expire_all()  # what the database gives back is written, not what it was given
        data = BOOKS[kind](session, top)
        session.rollback()
    return data


def test_every_formula_comes_to_what_is_written(database: Database, tmp_path: Path) -> None:
    books = {kind: made(kind, database) for kind in BOOKS}
    emptied = {kind: without_values(data) for kind, data in books.items()}
    anew = recalculated(emptied, tmp_path)
    for kind, data in books.items():
        where = formulas(data)
        assert len(where) > 15, kind
        assert set(values(emptied[kind], where).values()) == {""}, kind
        assert formulas(anew[kind]) == where, kind
        assert values(anew[kind], where) == values(data, where), kind


def test_a_changed_mark_changes_the_totals(database: Database, tmp_path: Path) -> None:
    """Were the totals no formulas of the marks, a correction by hand would leave them wrong."""
    with database.write.begin() as session:
        told = settle(session)
    with database.read() as session:
        book = load_workbook(io.BytesIO(attendance_book(session, wanted(told.branch))))
    sheet = book["2026年10月"]
    (absent,) = [row for row in range(4, sheet.max_row) if sheet.cell(row, 2).value == "小周"]
    assert sheet.cell(absent, 3).value == "缺"
    sheet.cell(absent, 3).value = "√"
    changed = io.BytesIO()
    book.save(changed)

    anew = recalculated({"changed": changed.getvalue()}, tmp_path)["changed"]
    marked = load_workbook(io.BytesIO(anew), data_only=True)
    assert [cell.value for cell in marked["汇总"][4][1:8]] == [7, 4, 1, 1, 1, 1, 1]
    assert [cell.value for cell in marked["汇总"][6][1:8]] == [15, 7, 1, 1, 1, 2, 1]
