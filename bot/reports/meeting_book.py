"""会议台账 as a workbook: what was held, when, where and how many came; one sheet a month, and the totals."""

from collections import Counter

from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.ledgers import COUNTED, SHOWN, Meeting, MeetingLedger, MeetingMonth, Wanted, meeting_ledger, total
from bot.reports.workbook import Book, Sheet, area, cell
from models.lessons import LESSON_KINDS

COLUMNS = (
    ("日期", 16),
    ("组织", 17),
    ("类型", 12),
    ("计入", 12),
    ("主题", 20),
    ("地点/线上", 20),
    ("主持", 8),
    ("记录", 8),
    *((name, 5) for name in SHOWN),
    ("出勤率", 8),
    ("状态", 12),
    ("消息编号", 17),
)
"""With their widths in characters."""
NAMES = [name for name, _ in COLUMNS]
WIDTHS = [width for _, width in COLUMNS]
COUNTS_AS, FIGURES, RATE, STATE = (NAMES.index(name) for name in ("计入", "应到", "出勤率", "状态"))
"""Where the columns are."""
HEADER = 2
"""The row of the header; what is above it says what the sheet is."""


def meeting_book(session: Session, wanted: Wanted) -> bytes:
    """The xlsx file of the meetings of an organisation and all below it."""
    ledger = meeting_ledger(session, wanted)
    book = Book(f"会议台账 {ledger.organisation}")
    overview = book.sheet("汇总", (16, *(10 for _ in range(13))))
    for month in ledger.months:
        if month.meetings:
            _write_month(book, ledger, month)
    _write_overview(overview, ledger)
    return book.data()


def note_of(wanted: Wanted) -> str:
    """Of which time a ledger is, and as of when."""
    return f"{wanted.period.name}，按小蜂的记录，截至 {local(wanted.now):%Y-%m-%d %H:%M}。"


def _write_month(book: Book, ledger: MeetingLedger, month: MeetingMonth) -> None:
    sheet = book.sheet(month.name, WIDTHS)
    sheet.titles(f"会议台账 {ledger.organisation} {month.name}", note_of(ledger.wanted))
    sheet.head(HEADER, NAMES)
    sheet.stays(HEADER + 1, 1)
    for row, meeting in enumerate(month.meetings, start=HEADER + 1):
        _write_meeting(sheet, row, meeting)
    _write_totals(sheet, month)


def _write_meeting(sheet: Sheet, row: int, meeting: Meeting) -> None:
    sheet.moment(row, 0, meeting.at)
    words = (meeting.organisation, meeting.kind, meeting.counts_as, meeting.topic, meeting.place)
    texts = (*words, meeting.host, meeting.recorder)
    for column, text in enumerate(texts, start=1):
        sheet.text(row, column, text)
    for column in range(FIGURES, RATE + 1):
        sheet.text(row, column, "")
    if meeting.figures is not None:
        for column, figure in enumerate(meeting.figures.shown, start=FIGURES):
            sheet.number(row, column, figure)
        sheet.rate(row, RATE, FIGURES + 1, FIGURES, (meeting.figures.present, meeting.figures.expected))
    sheet.text(row, STATE, meeting.state, "middle")
    sheet.text(row, STATE + 1, meeting.message_id, "small")
    sheet.fit(row, ("", *texts, *("" for _ in range(FIGURES, STATE)), meeting.state))


def _row_of_totals(month: MeetingMonth) -> int:
    return HEADER + 1 + len(month.meetings)


def _column(month: MeetingMonth, column: int) -> str:
    """The cells of all meetings in that column."""
    return area(HEADER + 1, column, HEADER + len(month.meetings), column)


def _held(month: MeetingMonth, kind: str = "") -> str:
    """The formula of how many meetings (of a kind) count as held, with the sheet's name."""
    states = f"'{month.name}'!{_column(month, STATE)}"
    if not kind:
        return "+".join(f'COUNTIF({states},"{state}")' for state in COUNTED)
    kinds = f"'{month.name}'!{_column(month, COUNTS_AS)}"
    return "+".join(f'COUNTIFS({kinds},"{kind}",{states},"{state}")' for state in COUNTED)


def _write_totals(sheet: Sheet, month: MeetingMonth) -> None:
    row = _row_of_totals(month)
    for column in range(len(NAMES)):
        sheet.text(row, column, "", "total")
    sheet.text(row, 0, "合计", "label")
    for column, figure in enumerate(month.figures.shown, start=FIGURES):
        sheet.formula(row, column, f"SUM({_column(month, column)})", figure, "total")
    sheet.rate(row, RATE, FIGURES + 1, FIGURES, (month.figures.present, month.figures.expected), "total rate")
    sheet.formula(row, STATE, _held(month), month.held, "times")


def _write_overview(sheet: Sheet, ledger: MeetingLedger) -> None:
    sheet.titles(f"会议台账 {ledger.organisation}", note_of(ledger.wanted))
    sheet.head(HEADER, ("月份", "次数", *SHOWN, "出勤率"))
    for row, month in enumerate(ledger.months, start=HEADER + 1):
        sheet.text(row, 0, month.name, "middle")
        values = (month.held, *month.figures.shown)
        for column, value in enumerate(values, start=1):
            source = STATE if column == 1 else FIGURES + column - 2
            if month.meetings:
                sheet.formula(row, column, f"'{month.name}'!{cell(_row_of_totals(month), source)}", value)
            else:
                sheet.number(row, column, value)
        sheet.rate(row, len(values) + 1, 3, 2, (month.figures.present, month.figures.expected))
    row = HEADER + 1 + len(ledger.months)
    figures = total(month.figures for month in ledger.months)
    sheet.text(row, 0, "合计", "label")
    for column, value in enumerate((sum(month.held for month in ledger.months), *figures.shown), start=1):
        sheet.total(row, column, HEADER + 1, value)
    sheet.rate(row, len(SHOWN) + 2, 3, 2, (figures.present, figures.expected), "total rate")
    _write_kinds(sheet, row + 2, ledger)


def _write_kinds(sheet: Sheet, row: int, ledger: MeetingLedger) -> None:
    """How often each kind was held, month by month: what the duties ask for."""
    months = [month for month in ledger.months if month.meetings]
    counts = {month.name: Counter(m.counts_as for m in month.meetings if m.counted) for month in months}
    kinds = [kind for kind in LESSON_KINDS if any(kind in count for count in counts.values())]
    if not kinds:
        return
    sheet.text(row, 0, "各类会议召开的次数", "note")
    sheet.head(row + 1, ("计入", "合计", *(month.name for month in months)))
    for at, kind in enumerate(kinds, start=row + 2):
        sheet.text(at, 0, kind)
        whole = sum(count[kind] for count in counts.values())
        sheet.formula(at, 1, f"SUM({area(at, 2, at, len(months) + 1)})", whole, "total")
        for column, month in enumerate(months, start=2):
            sheet.formula(at, column, _held(month, kind), counts[month.name][kind])
