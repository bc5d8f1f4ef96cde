"""会议台账 and 考勤台账: what is in them comes from the records, and the formulas come to the same."""

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session

from bot.reports.attendance_book import attendance_book
from bot.reports.ledgers import Figures, Wanted, attendance_ledger, file_name, meeting_ledger
from bot.reports.meeting_book import meeting_book
from bot.reports.workbook import FORMULA, harmless, lines_of, plain
from models.attendance import Mark
from models.database import Database
from models.organisations import Organisation
from tests.unit.city import City, shanghai
from tests.unit.ledger_city import DANGEROUS, Told, settle, wanted

EMPTY = ("", "", "", "", "", "", "")


def settled(database: Database) -> Told:
    with database.write.begin() as session:
        return settle(session)


def opened(data: bytes, *, values: bool = True) -> Workbook:
    return load_workbook(io.BytesIO(data), data_only=values)


def rows(book: Workbook, sheet: str) -> list[tuple[Any, ...]]:
    return [tuple("" if cell is None else cell for cell in row) for row in book[sheet].iter_rows(values_only=True)]


def meetings(database: Database, organisation_id: int) -> Workbook:
    with database.read() as session:
        return opened(meeting_book(session, wanted(organisation_id)))


def attendances(database: Database, organisation_id: int) -> Workbook:
    with database.read() as session:
        return opened(attendance_book(session, wanted(organisation_id)))


def test_each_meeting_is_listed_with_its_figures_and_its_state(database: Database) -> None:
    told = settled(database)
    found = rows(meetings(database, told.branch), "2026年10月")
    shown = [(f"{row[0]:%d %H:%M}", *row[2:4], *row[8:15], row[16]) for row in found[3:7]]
    assert shown == [
        ("09 15:00", "党课", "党课", 5, 2, 1, 1, 1, 1, 1, "已召开"),
        ("15 15:00", "党员大会", "党员大会", *EMPTY, "已取消：大风"),
        ("20 15:00", "主题党日", "主题党日", *EMPTY, "没有召开"),
        ("31 23:50", "10分钟微课堂", "党课", 2, 1, 0, 0, 0, 1, 0, "已召开"),
    ]
    assert found[3][4:8] == ("交通安全", "驿站 https://example.org/m", "王书记", "小李")
    assert found[3][15] == pytest.approx(2 / 5)
    assert str(found[3][17]).isdecimal()


def test_meetings_that_run_are_to_come_or_had_nobody_are_told_apart(database: Database) -> None:
    told = settled(database)
    found = rows(meetings(database, told.branch), "2026年11月")
    assert [(row[1], row[2], row[16]) for row in found[3:7]] == [
        ("一组", "党小组会", "已召开"),
        ("甲支部", "支委会", "没有人到"),
        ("甲支部", "红色学堂", "正在签到"),
        ("甲支部", "党员大会", "已安排"),
    ]
    assert found[5][5] == "东站驿站"
    assert found[5][8:15] == (5, 1, 0, 0, 0, 0, 0)
    assert found[6][17] == "77"


def test_the_overview_adds_up_and_counts_each_kind(database: Database) -> None:
    told = settled(database)
    found = rows(meetings(database, told.branch), "汇总")
    assert [row[:9] for row in found[2:6]] == [
        ("月份", "次数", "应到", "实到", "迟到", "请假", "补课", "缺席", "列席"),
        ("2026年10月", 2, 7, 3, 1, 1, 1, 2, 1),
        ("2026年11月", 2, 8, 3, 0, 0, 0, 1, 0),
        ("合计", 4, 15, 6, 1, 1, 1, 3, 1),
    ]
    kinds = {row[0]: row[1:4] for row in found[9:]}
    assert kinds == {"党小组会": (1, 0, 1), "党课": (2, 2, 0), "红色学堂": (1, 0, 1)}


def test_totals_are_formulas_with_their_values_written(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        book = opened(meeting_book(session, wanted(told.branch)), values=False)
    assert book["2026年10月"]["I8"].value == "=SUM(I4:I7)"
    states = "'2026年10月'!Q4:Q7"
    assert book["2026年10月"]["Q8"].value == f'=COUNTIF({states},"已召开")+COUNTIF({states},"正在签到")'
    assert book["2026年10月"]["P4"].value == '=IF(I4=0,"",J4/I4)'
    assert book["汇总"]["C4"].value == "='2026年10月'!I8"


def test_the_marks_of_everybody(database: Database) -> None:
    told = settled(database)
    found = rows(attendances(database, told.branch), "2026年10月")
    by_name = {row[1]: row for row in found}
    assert {name: by_name[name][2:4] for name in ("王书记", "小李", "'=1+1", "小吴", "小周")} == {
        "王书记": ("√", "√"),
        "小李": ("迟", "缺"),
        "'=1+1": ("假", "–"),
        "小吴": ("补", "–"),
        "小周": ("缺", "–"),
    }
    assert by_name["小李"][4:11] == (2, 1, 1, 0, 0, 1, 0)
    assert by_name["客人"][2:11] == ("列", "", 0, 0, 0, 0, 0, 0, 1)


def test_each_month_each_person_and_the_whole_come_to_the_same(database: Database) -> None:
    told = settled(database)
    book = attendances(database, told.branch)
    assert [row[:8] for row in rows(book, "汇总")[3:6]] == [
        ("2026年10月", 7, 3, 1, 1, 1, 2, 1),
        ("2026年11月", 8, 3, 0, 0, 0, 1, 0),
        ("合计", 15, 6, 1, 1, 1, 3, 1),
    ]
    people = {row[1]: row[2:9] for row in rows(book, "人员")[3:]}
    assert people["小李"] == (3, 2, 1, 0, 0, 1, 0)
    assert people[""] == (15, 6, 1, 1, 1, 3, 1)


def test_every_mark_can_be_traced_to_its_message(database: Database) -> None:
    told = settled(database)
    book = attendances(database, told.branch)
    found = [row[1:3] + row[5:7] for row in rows(book, "明细")[3:9]]
    assert sorted(found) == sorted(
        [
            ("甲支部", "王书记", "签到", "发「签到」"),
            ("快递行业党委/乙支部", "客人", "签到", "发「签到」"),
            ("甲支部", "小李", "迟到", "代报"),
            ("甲支部", "'=1+1", "请假", "准假"),
            ("一组", "小周", "请假", "没有准"),
            ("一组", "小吴", "补课", "已完成"),
        ]
    )
    details = rows(book, "明细")[3:]
    assert all(re.fullmatch(r"\d+", row[7]) for row in details)
    assert len({row[7] for row in details}) == len(details) == 10
    assert "阵地码（东站驿站）" in {row[6] for row in details}


def test_no_workbook_says_why_somebody_was_away(database: Database) -> None:
    told = settled(database)
    for book in (meetings(database, told.top), attendances(database, told.top)):
        assert not any("青铜鲸鱼" in str(cell) for sheet in book for row in rows(book, sheet.title) for cell in row)


def test_a_committee_sees_its_branches_one_after_another(database: Database) -> None:
    told = settled(database)
    book = attendances(database, told.top)
    found = rows(book, "2026年11月")
    assert found[2][:4] == ("组织", "姓名", "第1次", "第2次")
    assert [row[0] for row in found if row[1] == "姓名"] == ["组织", "乙支部", "甲支部"]
    assert found[-1][0] == "合计 快递行业党委"
    assert found[-1][5:12] == rows(book, "汇总")[4][1:8] == (9, 4, 0, 0, 0, 1, 0)
    assert {row[0] for row in rows(book, "人员")[3:-1]} == {"甲支部", "甲支部/一组", "乙支部"}


def test_no_cell_runs_what_people_wrote(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        made = [make(session, wanted(told.top)) for make in (meeting_book, attendance_book)]
    for data in made:
        for sheet in opened(data, values=False):
            for row in sheet.iter_rows():
                for cell in row:
                    ours = re.match(r"=(SUM|SUBTOTAL|IF|COUNTIFS?)\(|='\d+年\d+月'!", str(cell.value))
                    assert cell.data_type != "f" or ours, cell.value
                    assert cell.data_type != "s" or not str(cell.value).lstrip().startswith(FORMULA), cell.value


def test_the_sheets_are_ready_to_be_printed(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        books = [opened(make(session, wanted(told.branch))) for make in (meeting_book, attendance_book)]
    for book, frozen in zip(books, ("B4", "C4"), strict=True):
        sheet = book["2026年11月"]
        assert sheet.freeze_panes == frozen
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) in ((None, 0), (1, 0))
        assert sheet.sheet_properties.pageSetUpPr is not None
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows == "$1:$3"
        assert sheet.oddFooter is not None
        assert sheet.oddFooter.center is not None
        assert "&P" in str(sheet.oddFooter.center.text)
    assert [books[0]["2026年11月"].column_dimensions[letter].width > 4 for letter in "AFQ"] == [True] * 3


def test_months_without_a_meeting_are_zeros(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        book = opened(meeting_book(session, wanted(told.branch, first=(9, 1))))
    assert rows(book, "汇总")[3][:3] == ("2026年9月", 0, 0)
    assert book.sheetnames == ["汇总", "2026年10月", "2026年11月"]


def test_a_ledger_without_anything_is_a_workbook_all_the_same(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        nothing = wanted(told.branch, (1, 1), (1, 31))
        assert rows(opened(meeting_book(session, nothing)), "汇总")[4][:3] == ("合计", 0, 0)
        assert rows(opened(attendance_book(session, nothing)), "人员")[3][2:4] == (0, 0)


def test_totals_of_no_month_do_not_add_themselves_up(database: Database) -> None:
    """Of a time that is still to come there are no months yet: the sum was one of its own cell."""
    told = settled(database)
    with database.read() as session:
        to_come = wanted(told.branch, (12, 1), (12, 31))
        books = [make(session, to_come) for make in (meeting_book, attendance_book)]
    for data in books:
        (row,) = [row for row in opened(data, values=False)["汇总"].iter_rows() if row[0].value == "合计"]
        assert (row[0].row, row[1].value) == (4, "=0")


def test_a_day_begins_at_midnight_in_shanghai(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        last_of_october = meeting_ledger(session, wanted(told.branch, (10, 31), (10, 31)))
        first_of_november = meeting_ledger(session, wanted(told.branch, (11, 1), (11, 1)))
    assert [m.counts_as for month in last_of_october.months for m in month.meetings] == ["党课"]
    assert not any(month.meetings for month in first_of_november.months)


def test_people_who_have_left_stay_in_what_was(database: Database) -> None:
    told = settled(database)
    with database.write.begin() as session:
        from_city = session.get_one(Organisation, told.branch)
        gone = City(session).person(from_city, "走了的")
        lesson = City(session).held(from_city, shanghai(10, 12, 15), expected=[gone], came=[gone])
        gone.left_on = shanghai(10, 20).date()
        lesson.closed_at = lesson.opened_at
    with database.read() as session:
        ledger = attendance_ledger(session, wanted(told.branch))
    assert "走了的" in {one.name for block in ledger.months[0].blocks for one in block.people}


def test_a_person_without_a_roll_of_a_neighbouring_lesson_is_not_expected(database: Database) -> None:
    told = settled(database)
    with database.read() as session:
        ledger = attendance_ledger(session, wanted(told.branch))
    (block,) = [block for block in ledger.months[1].blocks if block.name == "甲支部"]
    by_name = {one.name: one.marks for one in block.people}
    assert by_name["王书记"] == [None, Mark.ABSENT, Mark.AWAITED]


@given(st.lists(st.sampled_from([*Mark, None]), max_size=40), st.lists(st.sampled_from([*Mark, None]), max_size=40))
def test_figures_add_up(some: list[Mark | None], others: list[Mark | None]) -> None:
    whole = Figures.of(some + others)
    assert Figures.of(some) + Figures.of(others) == whole
    expected = [mark for mark in some + others if mark not in (None, Mark.GUEST)]
    assert whole.expected == len(expected)
    assert whole.shown[1] == sum(mark in (Mark.PRESENT, Mark.LATE) for mark in expected)


@given(st.text(max_size=30))
def test_no_text_is_left_as_a_formula(text: str) -> None:
    shown = harmless(text)
    assert not shown.startswith(FORMULA)
    assert shown.removeprefix("'") in plain(text)


def test_what_looks_like_a_formula_is_still_to_be_read() -> None:
    assert [harmless(text) for text in DANGEROUS] == ["'=1+1", "'+8", "'-1", "'@SUM(A1)", "'=cmd|' /C calc'!A0"]


@given(st.integers(1, 10**12), st.dates(), st.dates())
def test_a_subject_says_what_is_wanted(organisation_id: int, first: Any, last: Any) -> None:
    made = Wanted.of(f"{organisation_id}:{first}:{last}:1764000000")
    assert Wanted.of(made.subject) == made
    assert (made.organisation_id, made.period.first, made.period.last) == (organisation_id, first, last)


def test_a_file_name_holds_only_what_file_names_may() -> None:
    organisation = Organisation(name='甲/乙:"支部"\n?')
    named = file_name("会议台账", organisation, "2026-10-01 至 2026-10-31", ".xlsx")
    assert named == "会议台账-甲乙支部-2026-10-01至2026-10-31.xlsx"
    assert file_name("名册", organisation, "", ".xlsx") == "名册-甲乙支部.xlsx"


def test_lessons_of_other_branches_are_not_in_it(database: Database) -> None:
    told = settled(database)

    def topics(session: Session, organisation_id: int) -> set[str]:
        months = meeting_ledger(session, wanted(organisation_id)).months
        return {meeting.topic for month in months for meeting in month.meetings}

    with database.read() as session:
        assert "乙的" not in topics(session, told.branch)
        assert "乙的" in topics(session, told.top)


@pytest.mark.parametrize(
    ("text", "column", "lines"),
    [
        ("", 10, 1),
        ("签到", 10, 1),
        ("冬季骑行安全", 10, 2),
        ("11-23 15:00\n党课", 13, 2),
        ("驿站 https://example.org/m", 12, 4),
    ],
)
def test_a_row_is_as_high_as_its_texts(text: str, column: int, lines: int) -> None:
    assert lines_of(text, column) == lines


def test_whoever_joins_later_stands_among_the_own_people(database: Database) -> None:
    told = settled(database)
    with database.write.begin() as session:
        city = City(session)
        branch = session.get_one(Organisation, told.branch)
        newcomer = city.person(branch, "新来的")
        city.held(branch, shanghai(11, 25, 15), expected=[newcomer])
    for organisation_id in (told.top, told.branch):
        names = [row[1] for row in rows(attendances(database, organisation_id), "人员")[3:-1]]
        assert names == ["客人", "王书记", "小李", "'=1+1", "新来的", "小吴", "小周"]
