"""考勤台账 as a workbook: each person's marks, month by month, with the totals and everything they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.ledgers import (
    SHOWN,
    AttendanceLedger,
    AttendanceMonth,
    Block,
    Entry,
    Figures,
    Wanted,
    attendance_ledger,
    time_of,
    total,
)
from bot.reports.meeting_book import note_of
from bot.reports.workbook import Book, Sheet, area, cell
from models.attendance import Mark
from models.lessons import Lesson

SIGNS = {
    Mark.PRESENT: "√",
    Mark.LATE: "迟",
    Mark.LEAVE: "假",
    Mark.MADE_UP: "补",
    Mark.ABSENT: "缺",
    Mark.AWAITED: "○",
    Mark.GUEST: "列",
}
NOT_EXPECTED = "–"
LEGEND = "√ 签到，迟 迟到，假 请假，补 补课，缺 缺席，列 列席，○ 还没签到，– 不用参加。"
_SHOWN_SIGNS = ("√迟假补缺○", "√迟", "迟", "假", "补", "缺", "列")
"""The signs that each of the figures of ``SHOWN`` counts."""
HEADER = 2
"""The row of the header of a month."""
FIRST = 2
"""The column of a block's first lesson; before it are the person's organisation and name."""
_FEW = 8
"""Up to so many lessons in a row there is room to write across."""
DETAILS = ("时间", "组织", "姓名", "会议", "会议时间", "记录", "怎么记的", "消息编号")
_DETAIL_WIDTHS = (17, 30, 11, 36, 17, 8, 22, 22)

Place = tuple[str, int]
"""A sheet's name and a row of it."""


@dataclass
class _Written:
    """Where what the overviews add up has been written."""

    totals: dict[str, int] = field(default_factory=dict)
    """By month, the row of its totals."""
    columns: dict[str, int] = field(default_factory=dict)
    """By month, the first column of its figures."""
    people: dict[int, list[tuple[Place, Figures]]] = field(default_factory=dict)
    """By the person's id, the rows of this person."""
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    order: dict[int, tuple[str, bool, str]] = field(default_factory=dict)
    """By the person's id, where that person stands among the others."""


def attendance_book(session: Session, wanted: Wanted) -> bytes:
    """The xlsx file of who was there, of an organisation and all below it."""
    ledger = attendance_ledger(session, wanted)
    book = Book(f"考勤台账 {ledger.organisation}")
    overview = book.sheet("汇总", (16, *(9 for _ in SHOWN), 10))
    by_person = book.sheet("人员", (34, 12, *(9 for _ in SHOWN), 10))
    written = _Written()
    for month in ledger.months:
        if month.blocks:
            _write_month(book, ledger, month, written)
    _write_overview(overview, ledger, written)
    _write_people(by_person, ledger, written)
    _write_entries(book.sheet("明细", _DETAIL_WIDTHS), ledger)
    return book.data()


def label(lesson: Lesson) -> str:
    """A lesson at the head of its column: ``11-23 15:00``, and below it what it was."""
    return f"{local(time_of(lesson)):%m-%d %H:%M}\n{lesson.title}"


def _write_month(book: Book, ledger: AttendanceLedger, month: AttendanceMonth, written: _Written) -> None:
    most = max(len(block.lessons) for block in month.blocks)
    column = FIRST + most
    width = 13 if most <= _FEW else 6.5
    sheet = book.sheet(month.name, (25, 11, *(width for _ in range(most)), *(5.5 for _ in SHOWN), 8))
    sheet.titles(f"考勤台账 {ledger.organisation} {month.name}", f"{note_of(ledger.wanted)}{LEGEND}")
    written.columns[month.name] = column
    if len(month.blocks) == 1:
        _write_block(sheet, HEADER, month.blocks[0], column, written)
        sheet.stays(HEADER + 1, FIRST)
        written.totals[month.name] = HEADER + 1 + len(month.blocks[0].people)
        return
    sheet.head(HEADER, ("组织", "姓名", *(f"第{n + 1}次" for n in range(most)), *SHOWN, "出勤率"))
    sheet.stays(HEADER + 1, FIRST)
    row = HEADER + 1
    for block in month.blocks:
        row = _write_block(sheet, row, block, column, written) + 1
    _write_totals(sheet, row, (HEADER + 1, row - 1), f"合计 {ledger.organisation}", column, month.figures)
    written.totals[month.name] = row


def _write_block(sheet: Sheet, row: int, block: Block, column: int, written: _Written) -> int:
    """Writes the block from that row on, its figures in ``column`` and after; returns the row behind it."""
    first = row + 1
    gap = column - FIRST - len(block.lessons)
    sheet.head(row, (block.name, "姓名", *map(label, block.lessons), *("" for _ in range(gap)), *SHOWN, "出勤率"))
    for at, person in enumerate(block.people, start=first):
        sheet.text(at, 0, person.organisation.rpartition("/")[2])
        sheet.text(at, 1, person.name)
        sheet.fit(at, (person.organisation.rpartition("/")[2], person.name))
        for lesson_column, mark in enumerate(person.marks, start=FIRST):
            sheet.text(at, lesson_column, SIGNS[mark] if mark else NOT_EXPECTED, "middle")
        own = person.figures
        marked = area(at, FIRST, at, FIRST + len(block.lessons) - 1)
        for place, figure in enumerate(own.shown):
            sheet.formula(at, column + place, _counting(marked, _SHOWN_SIGNS[place]), figure)
        sheet.rate(at, column + len(SHOWN), column + 1, column, (own.present, own.expected))
        written.people.setdefault(person.person_id, []).append(((sheet.name, at), own))
        written.names[person.person_id] = person.organisation, person.name
        in_group = person.organisation.rpartition("/")[2] != block.name
        written.order[person.person_id] = block.name, in_group, person.organisation
    last = first + len(block.people) - 1
    _write_totals(sheet, last + 1, (first, last), "合计", column, block.figures)
    return _write_lesson_totals(sheet, last + 2, (first, last), block)


def _counting(cells: str, signs: str) -> str:
    """The formula of how many of the cells show one of the signs."""
    return "+".join(f'COUNTIF({cells},"{sign}")' for sign in signs)


def _write_totals(sheet: Sheet, row: int, rows: tuple[int, int], name: str, column: int, figures: Figures) -> None:
    """The sums of the people's figures. SUBTOTAL leaves out the sums that stand between."""
    for empty in range(column):
        sheet.text(row, empty, "", "total")
    sheet.text(row, 0, name, "label")
    for place, figure in enumerate(figures.shown, start=column):
        sheet.formula(row, place, f"SUBTOTAL(9,{area(rows[0], place, rows[1], place)})", figure, "total")
    sheet.rate(row, column + len(SHOWN), column + 1, column, (figures.present, figures.expected), "total rate")


def _write_lesson_totals(sheet: Sheet, row: int, rows: tuple[int, int], block: Block) -> int:
    """For each lesson the figures of its column; returns the row behind them."""
    of_lessons = [block.of_lesson(place).shown for place in range(len(block.lessons))]
    for place, name in enumerate(SHOWN):
        sheet.text(row + place, 0, "每次的合计" if place == 0 else "", "label")
        sheet.text(row + place, 1, name, "label")
        for column, shown in enumerate(of_lessons, start=FIRST):
            marked = area(rows[0], column, rows[1], column)
            sheet.formula(row + place, column, _counting(marked, _SHOWN_SIGNS[place]), shown[place], "total")
    return row + len(SHOWN)


def _write_overview(sheet: Sheet, ledger: AttendanceLedger, written: _Written) -> None:
    sheet.titles(f"考勤台账 {ledger.organisation}", note_of(ledger.wanted))
    sheet.head(HEADER, ("月份", *SHOWN, "出勤率"))
    for row, month in enumerate(ledger.months, start=HEADER + 1):
        sheet.text(row, 0, month.name, "middle")
        for place, figure in enumerate(month.figures.shown):
            if month.name in written.totals:
                source = cell(written.totals[month.name], written.columns[month.name] + place)
                sheet.formula(row, place + 1, f"'{month.name}'!{source}", figure)
            else:
                sheet.number(row, place + 1, figure)
        sheet.rate(row, len(SHOWN) + 1, 2, 1, (month.figures.present, month.figures.expected))
    _write_sum(sheet, HEADER + 1 + len(ledger.months), 1, total(month.figures for month in ledger.months))


def _write_people(sheet: Sheet, ledger: AttendanceLedger, written: _Written) -> None:
    """Each person's figures of all months together."""
    sheet.titles(f"考勤台账 {ledger.organisation} 每个人", note_of(ledger.wanted))
    sheet.head(HEADER, ("组织", "姓名", *SHOWN, "出勤率"))
    sheet.stays(HEADER + 1, FIRST)
    row = HEADER + 1
    for person_id in sorted(written.people, key=lambda one: (written.order[one], one)):
        places = written.people[person_id]
        for column, name in enumerate(written.names[person_id]):
            sheet.text(row, column, name)
        sheet.fit(row, written.names[person_id])
        own = total(figures for _, figures in places)
        for place, figure in enumerate(own.shown):
            cells = (f"'{month}'!{cell(at, written.columns[month] + place)}" for (month, at), _ in places)
            sheet.formula(row, FIRST + place, "+".join(cells), figure)
        sheet.rate(row, FIRST + len(SHOWN), FIRST + 1, FIRST, (own.present, own.expected))
        row += 1
    sheet.text(row, 1, "", "label")
    _write_sum(sheet, row, FIRST, total(month.figures for month in ledger.months))


def _write_sum(sheet: Sheet, row: int, column: int, figures: Figures) -> None:
    """The sums of all rows above, the figures in ``column`` and after."""
    sheet.text(row, 0, "合计", "label")
    for place, figure in enumerate(figures.shown, start=column):
        sheet.total(row, place, HEADER + 1, figure)
    sheet.rate(row, column + len(SHOWN), column + 1, column, (figures.present, figures.expected), "total rate")


def _write_entries(sheet: Sheet, ledger: AttendanceLedger) -> None:
    sheet.titles(
        f"考勤台账 {ledger.organisation} 明细", f"每一次签到、请假、补课，和说这句话的消息。{note_of(ledger.wanted)}"
    )
    sheet.head(HEADER, DETAILS)
    sheet.stays(HEADER + 1, 0)
    for row, entry in enumerate(ledger.entries, start=HEADER + 1):
        _write_entry(sheet, row, entry)


def _write_entry(sheet: Sheet, row: int, entry: Entry) -> None:
    sheet.moment(row, 0, entry.at)
    about = (entry.organisation, entry.name, entry.lesson.title)
    for column, text in enumerate(about, start=1):
        sheet.text(row, column, text)
    sheet.fit(row, ("", *about))
    sheet.moment(row, 4, time_of(entry.lesson))
    words: Sequence[str] = (entry.what, entry.how, entry.message_id)
    for column, text in enumerate(words, start=5):
        sheet.text(row, column, text, "middle")
