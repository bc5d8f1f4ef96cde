"""The roster as a workbook: whole, readable, without phones, and with nothing in it that a spreadsheet would run."""

import io
import re

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from bot.reports.roster_book import roster_book
from bot.reports.workbook import harmless
from models.database import Database
from models.organisations import OrganisationKind
from models.people import Occupation, Post, Status
from tests.unit.city import City


def book(database: Database, *names: str) -> Worksheet:
    """That of a branch with a group below it, and these people besides."""
    with database.write.begin() as session:
        city = City(session)
        above = city.organisation("幸福里街道行业党委", OrganisationKind.COMMITTEE)
        branch = city.organisation(parent=above)
        group = city.organisation("第一党小组", OrganisationKind.GROUP, parent=branch)
        city.person(above, "刘书记", Post.SECRETARY)
        city.person(branch, "王书记", Post.SECRETARY, occupation=Occupation.PARCEL)
        rider = city.person(group, "小李", status=Status.ACTIVIST, occupation=Occupation.FOOD, reachable=False)
        rider.mobile = True
        for name in names:
            city.person(branch, name)
        branch_id = branch.id
    with database.read() as session:
        data = roster_book(session, branch_id)
    return load_workbook(io.BytesIO(data))["名册"]


def rows(sheet: Worksheet) -> list[tuple[object, ...]]:
    return list(sheet.iter_rows(values_only=True))


def test_everyone_of_the_organisation_and_below_is_in_it(database: Database) -> None:
    branch = "幸福里街道行业党委/幸福里流动党支部"
    assert rows(book(database)) == [
        ("姓名", "组织", "身份", "职务", "职业", "流动", "是否报到"),
        ("王书记", branch, "正式党员", "书记", "快递", "否", "是"),
        ("小李", f"{branch}/第一党小组", "入党积极分子", None, "外卖", "是", "否"),
    ]


def test_its_header_stays_in_sight_and_its_columns_are_wide_enough(database: Database) -> None:
    sheet = book(database)
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.bold
    assert sheet.column_dimensions["B"].width > 30


def test_it_has_no_phones(database: Database) -> None:
    assert not any(re.search(r"1\d{10}", str(cell)) for row in rows(book(database)) for cell in row)


@pytest.mark.parametrize("name", ["=1+1", "+86", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n+1", "\x01=1", "＝1+1"])
def test_no_cell_is_a_formula(database: Database, name: str) -> None:
    sheet = book(database, name)
    (cell,) = [row[0] for row in sheet.iter_rows(min_row=4)]
    assert cell.data_type == "s"
    assert str(cell.value).startswith("'")


def test_other_names_are_left_as_they_are() -> None:
    assert [harmless(name) for name in ("小李", "阿依古丽·买买提", "A=B")] == ["小李", "阿依古丽·买买提", "A=B"]


def test_it_counts_by_formula_and_has_the_counts_written(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.person(branch, "王书记", Post.SECRETARY, occupation=Occupation.PARCEL)
        city.person(branch, "小李", status=Status.ACTIVIST, occupation=Occupation.FOOD, reachable=False).mobile = True
        branch_id = branch.id
    with database.read() as session:
        data = roster_book(session, branch_id)
    formulas, values = (rows(load_workbook(io.BytesIO(data), data_only=only)["汇总"]) for only in (False, True))
    assert {row[:2]: row[2] for row in values if row[2]} == {
        (None, None): "人数",
        ("身份", "正式党员"): 1,
        ("身份", "入党积极分子"): 1,
        ("职业", "快递"): 1,
        ("职业", "外卖"): 1,
        ("流动", "是"): 1,
        ("流动", "否"): 1,
        ("是否报到", "是"): 1,
        ("是否报到", "否"): 1,
    }
    assert formulas[1] == ("身份", "正式党员", "=COUNTIF('名册'!C2:C3,\"正式党员\")")
