"""隐患台账 and 诉求台账 as workbooks: the cases, their steps, what each adds to the figures, and the figures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy.orm import Session

from bot.reports.case_figures import LABELS, RATES, Tally
from bot.reports.case_ledger import CaseLedger, CaseLine, CaseWanted, Level, StepLine, case_ledger
from bot.reports.ledgers import TITLES
from bot.reports.meeting_book import note_of
from bot.reports.workbook import Book, Sheet, area, cell
from models.cases import CaseKind

KINDS = {CaseKind.HAZARD: "hazards", CaseKind.APPEAL: "appeals"}
"""As the files are called (see ``bot.reports.files``)."""
LISTED, COUNTED, STEPS = "清单", "计数", "经过"
"""The sheets behind the overview."""
HEADER = 2
"""The row of the header; what is above it says what the sheet is."""
HOW_COUNTED = (
    "受理率、按时受理率、办结率算这段时间新收的（并案、撤回的不算，办结率也不算不予受理的）；"
    "{these}和用时算这段时间办结的。用时从登记到办结，夜里和挂账也算。催办过的算超时。"
)
Value = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list."""

    label: str
    width: float
    value: Callable[[CaseLine], Value]


def _hours(line: CaseLine) -> float | None:
    return line.took.total_seconds() / 3600 if line.took is not None else None


_NUMBER = Column("编号", 8, lambda line: line.number)
_CAME = Column("本期", 6, lambda line: line.came)
_AT = Column("登记时间", 17, lambda line: line.at)
_CATEGORY = Column("类别", 10, lambda line: line.category)
_URGENT = Column("紧急", 6, lambda line: "急" if line.urgent else "")
_PLACE = Column("地点", 18, lambda line: line.place)
_TEXT = Column("内容", 30, lambda line: line.text)
_ORGANISATION = Column("组织", 18, lambda line: line.organisation)
_UNIT = Column("责任单位", 14, lambda line: line.unit)
_STATE = Column("状态", 9, lambda line: line.state)
_ACCEPTED = Column("受理时间", 17, lambda line: line.accepted_at)
_RESOLVED = Column("办结时间", 17, lambda line: line.resolved_at)
_HOURS = Column("用时（小时）", 8, _hours)
_LATE = Column("是否超时", 10, lambda line: line.late or "否")
_RESULT = Column("办理结果", 24, lambda line: line.result)
_RATING = Column("评价", 9, lambda line: line.rating)
_REOPENED = Column("重办", 6, lambda line: line.reopened)
_FOLLOWERS = Column("附议", 6, lambda line: line.followers)
_MESSAGE = Column("消息编号", 17, lambda line: line.message_id)

_TIMES = (_STATE, _ACCEPTED, _RESOLVED, _HOURS, _LATE)
_END = (_RESULT, _RATING, _REOPENED)
_HAZARDS = (
    *(_NUMBER, _CAME, _AT, _CATEGORY, _URGENT, _PLACE, _TEXT, _ORGANISATION),
    *(Column("谁报的", 10, lambda line: line.reporter), _UNIT),
    *(*_TIMES, *_END, _FOLLOWERS, _MESSAGE),
)
_INTERNAL = (_NUMBER, _CAME, _AT, _CATEGORY, _URGENT, _TEXT, _ORGANISATION, _UNIT, *_TIMES, *_END, _MESSAGE)
_SECRET = (*_INTERNAL[:6], Column("谁提的", 10, lambda line: line.reporter), *_INTERNAL[6:])
_PUBLIC = (_NUMBER, _CAME, _AT, _CATEGORY, *_TIMES)
_APPEALS = {Level.PUBLIC: _PUBLIC, Level.INTERNAL: _INTERNAL, Level.SECRET: _SECRET}

_WORDS = ("评价", "满意", "办结过", "重办")
"""What reporters said: no 公开 ledger tells it of a case."""
_COUNTS = tuple(name for name in LABELS if name != "seconds")
_STEP_HEAD = ("时间", "编号", "做了什么", "之后", "谁", "责任单位", "说明", "消息编号")
_STEP_WIDTHS = (17, 8, 10, 10, 12, 16, 40, 17)


def columns_of(about: CaseWanted) -> tuple[Column, ...]:
    """What the ledger lists of each case."""
    return _HAZARDS if about.kind is CaseKind.HAZARD else _APPEALS[about.level]


def rates_of(about: CaseWanted) -> list[str]:
    """The rates that the ledger shows."""
    public = about.kind is CaseKind.APPEAL and about.level is Level.PUBLIC
    return [rate for rate, pair in RATES.items() if not (public and LABELS[pair[0]] in _WORDS)]


def how_counted(about: CaseWanted) -> str:
    """What the figures mean."""
    return HOW_COUNTED.format(these="、".join(rates_of(about)[3:]))


def title_of(ledger: CaseLedger) -> str:
    """``诉求台账（内部） 幸福里流动党支部``."""
    level = f"（{ledger.about.level}）" if ledger.about.kind is CaseKind.APPEAL else ""
    return f"{TITLES[KINDS[ledger.about.kind]]}{level} {ledger.organisation}"


def groups_of(about: CaseWanted) -> list[tuple[str, Callable[[CaseLine], str]]]:
    """By what the figures are broken down, and where a case belongs."""
    groups: list[tuple[str, Callable[[CaseLine], str]]] = [("类别", lambda line: line.category)]
    if about.kind is CaseKind.HAZARD or about.level is not Level.PUBLIC:
        groups += [("组织", lambda line: line.organisation), ("责任单位", lambda line: line.unit)]
    return groups


def parts_of(lines: Sequence[CaseLine], group: Callable[[CaseLine], str]) -> list[tuple[str, Tally]]:
    """The figures of each part of the lines, the most collected first."""
    tallies: dict[str, Tally] = {}
    for line in lines:
        tallies[group(line)] = tallies.get(group(line), Tally()) + line.tally
    return sorted(tallies.items(), key=lambda pair: (-pair[1].collected, pair[0]))


def case_book(session: Session, about: CaseWanted) -> bytes:
    """The xlsx file of the cases of an organisation and all below it."""
    ledger = case_ledger(session, about)
    book = Book(title_of(ledger))
    rates = rates_of(about)
    overview = book.sheet("汇总", (18, 8, *(8 for _ in range(3 * len(rates))), 10))
    _write_list(book, ledger)
    counted = _Counts(book, ledger)
    if ledger.steps:
        _write_steps(book, ledger)
    _write_overview(overview, ledger, counted)
    return book.data()


def _titles(sheet: Sheet, ledger: CaseLedger, what: str = "", how: str = "") -> None:
    sheet.titles(f"{title_of(ledger)} {what}".strip(), f"{note_of(ledger.about.wanted)}{how}")


def _write_list(book: Book, ledger: CaseLedger) -> None:
    columns = columns_of(ledger.about)
    sheet = book.sheet(LISTED, [column.width for column in columns])
    _titles(sheet, ledger, LISTED)
    sheet.head(HEADER, [column.label for column in columns])
    sheet.stays(HEADER + 1, 1)
    for row, line in enumerate(ledger.lines, start=HEADER + 1):
        values = [column.value(line) for column in columns]
        for column, value in enumerate(values):
            _write(sheet, row, column, value)
        sheet.fit(row, [value if isinstance(value, str) else "" for value in values])


def _write(sheet: Sheet, row: int, column: int, value: Value) -> None:
    match value:
        case datetime():
            sheet.moment(row, column, value)
        case float():
            sheet.number(row, column, value, "hours")
        case int():
            sheet.number(row, column, value)
        case _:
            sheet.text(row, column, value or "")


class _Counts:
    """The sheet of what each case adds to the figures, one row a case as in the list; its last row is the sum."""

    def __init__(self, book: Book, ledger: CaseLedger) -> None:
        shown = {name for rate in rates_of(ledger.about) for name in RATES[rate]} | {"collected", "ended"}
        self._counts = [name for name in _COUNTS if name in shown]
        self._groups = groups_of(ledger.about)
        heads = ["编号", *(name for name, _ in self._groups), *(LABELS[name] for name in self._counts), "用时（小时）"]
        self._first = 1 + len(self._groups)
        sheet = book.sheet(COUNTED, [8, *(18 for _ in self._groups), *(8 for _ in heads[self._first :])])
        _titles(sheet, ledger, COUNTED, how_counted(ledger.about))
        sheet.head(HEADER, heads)
        sheet.stays(HEADER + 1, 1)
        for row, line in enumerate(ledger.lines, start=HEADER + 1):
            self._write_line(sheet, row, line)
        self._last = HEADER + len(ledger.lines)
        self._write_sum(sheet, ledger.tally)

    def _write_line(self, sheet: Sheet, row: int, line: CaseLine) -> None:
        sheet.number(row, 0, line.number)
        for column, (_, group) in enumerate(self._groups, start=1):
            sheet.text(row, column, group(line))
        for column, value in enumerate(self._values(line.tally), start=self._first):
            sheet.number(row, column, value, "hours" if isinstance(value, float) else "number")

    def _values(self, tally: Tally) -> list[int | float]:
        return [*(getattr(tally, name) for name in self._counts), tally.seconds / 3600]

    def _write_sum(self, sheet: Sheet, whole: Tally) -> None:
        row = self._last + 1
        for column in range(self._first):
            sheet.text(row, column, "" if column else "合计", "label")
        for column, value in enumerate(self._values(whole), start=self._first):
            sheet.total(row, column, HEADER + 1, value)

    def formula(self, name: str, group: int | None, criterion: str) -> str:
        """The formula of how much a value (of the lines of one part) comes to; ``criterion`` is a cell with its name.

        No COUNTIF: in names that look like a condition it would see one.
        """
        at = self._first + ([*self._counts, "seconds"].index(name))
        cells = f"'{COUNTED}'!{area(HEADER + 1, at, self._last, at)}"
        if self._last == HEADER:
            return "0"
        if group is None:
            return f"SUM({cells})"
        names = f"'{COUNTED}'!{area(HEADER + 1, 1 + group, self._last, 1 + group)}"
        return f"SUMPRODUCT(({names}={criterion})*{cells})"


def _write_overview(sheet: Sheet, ledger: CaseLedger, counts: _Counts) -> None:
    _titles(sheet, ledger, "", how_counted(ledger.about))
    row = _write_table(sheet, HEADER, "", None, [("合计", ledger.tally)], ledger, counts)
    for place, (name, group) in enumerate(groups_of(ledger.about)):
        row = _write_table(sheet, row + 1, name, place, parts_of(ledger.lines, group), ledger, counts)


def _write_table(
    sheet: Sheet,
    row: int,
    name: str,
    group: int | None,
    parts: Iterable[tuple[str, Tally]],
    ledger: CaseLedger,
    counts: _Counts,
) -> int:
    """One row a part: what was collected, part, whole and share of each rate, the average; returns the row behind."""
    rates = rates_of(ledger.about)
    heads = [heading for rate in rates for heading in (*(LABELS[one] for one in reversed(RATES[rate])), rate)]
    sheet.head(row, (name, "新收", *heads, "平均用时（小时）"))
    for at, (part, own) in enumerate(parts, start=row + 1):
        sheet.text(at, 0, part, "label")
        criterion = cell(at, 0)
        sheet.formula(at, 1, counts.formula("collected", group, criterion), own.collected)
        column = 2
        for rate in rates:
            some, whole = RATES[rate]
            for shift, value in enumerate((whole, some)):
                sheet.formula(at, column + shift, counts.formula(value, group, criterion), getattr(own, value))
            sheet.rate(at, column + 2, column + 1, column, (getattr(own, some), getattr(own, whole)))
            column += 3
        _write_average(sheet, at, column, own, counts, (group, criterion))
        row = at
    return row + 1


def _write_average(
    sheet: Sheet, row: int, column: int, own: Tally, counts: _Counts, where: tuple[int | None, str]
) -> None:
    hours, ended = (counts.formula(name, *where) for name in ("seconds", "ended"))
    average = own.hours
    formula = f'IF(({ended})=0,"",({hours})/({ended}))'
    sheet.formula(row, column, formula, "" if average is None else average, "hours")


def _write_steps(book: Book, ledger: CaseLedger) -> None:
    sheet = book.sheet(STEPS, _STEP_WIDTHS)
    _titles(sheet, ledger, STEPS, "每一步是谁、为什么，和说这句话的消息。")
    sheet.head(HEADER, _STEP_HEAD)
    sheet.stays(HEADER + 1, 2)
    for row, step in enumerate(ledger.steps, start=HEADER + 1):
        values: list[Value] = [getattr(step, field.name) for field in fields(StepLine)]
        for column, value in enumerate(values):
            _write(sheet, row, column, value)
        sheet.fit(row, [value if isinstance(value, str) else "" for value in values])
