"""The ledgers as tables for a page: the same figures as in the workbooks, for a phone and for printing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.attendance_book import LEGEND, NOT_EXPECTED, SIGNS, label
from bot.reports.case_book import Value, columns_of, groups_of, how_counted, parts_of, rates_of, title_of
from bot.reports.case_figures import Tally
from bot.reports.case_ledger import CaseLine, CaseWanted, case_ledger
from bot.reports.layout import share
from bot.reports.ledgers import (
    SHOWN,
    Attendee,
    Block,
    Figures,
    Meeting,
    MeetingMonth,
    Wanted,
    attendance_ledger,
    meeting_ledger,
    total,
    within,
)
from bot.reports.meeting_book import NAMES as MEETING_NAMES
from bot.reports.meeting_book import note_of
from bot.reports.roster_book import NAMES as ROSTER_NAMES
from bot.reports.roster_book import roster_counts, roster_rows
from bot.wording import moment_text
from models.cases import CaseKind
from models.organisations import Organisation

Row = Sequence[str]
MANY = 600
"""More lines than this are shown month by month."""


@dataclass(frozen=True, slots=True)
class Table:
    """``foot``: the lines of totals."""

    caption: str
    head: Row
    rows: Sequence[Row]
    foot: Sequence[Row] = ()
    narrow: int = len(SHOWN) + 1
    """So many columns from the right are for signs and figures."""


@dataclass(frozen=True, slots=True)
class Section:
    """One month, or the whole. ``name`` is what it is asked for by."""

    name: str
    tables: Sequence[Table]

    @property
    def lines(self) -> int:
        """How many lines its tables have."""
        return sum(len(table.rows) for table in self.tables)


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A ledger as the page shows it: the overview, and the months of which some are shown."""

    title: str
    note: str
    overview: Section
    months: Sequence[Section]

    def shown(self, month: str) -> Sequence[Section]:
        """The month of that name; without one, all of them, or none where they are too much at once."""
        if month:
            return [section for section in self.months if section.name == month]
        return self.months if sum(section.lines for section in self.months) <= MANY else ()


def meetings_page(session: Session, wanted: Wanted) -> LedgerPage:
    """会议台账."""
    ledger = meeting_ledger(session, wanted)
    months = [month for month in ledger.months if month.meetings]
    rows = [(month.name, str(month.held), *_figures(month.figures)) for month in ledger.months]
    whole = (
        "合计",
        str(sum(month.held for month in ledger.months)),
        *_figures(total(m.figures for m in ledger.months)),
    )
    overview = Table("汇总", ("月份", "次数", *SHOWN, "出勤率"), rows, [whole], narrow=len(SHOWN) + 2)
    sections = [Section(month.name, [_meetings(month)]) for month in months]
    title = f"会议台账 {ledger.organisation}"
    return LedgerPage(title, note_of(wanted), Section("汇总", [overview]), sections)


def attendance_page(session: Session, wanted: Wanted) -> LedgerPage:
    """考勤台账."""
    ledger = attendance_ledger(session, wanted, with_entries=False)
    rows = [(month.name, *_figures(month.figures)) for month in ledger.months]
    whole = ("合计", *_figures(total(month.figures for month in ledger.months)))
    overview = Table("汇总", ("月份", *SHOWN, "出勤率"), rows, [whole])
    sections = [
        Section(month.name, [_block(block, f"{month.name} {block.name}") for block in month.blocks])
        for month in ledger.months
        if month.blocks
    ]
    note = f"{note_of(wanted)}{LEGEND}"
    return LedgerPage(f"考勤台账 {ledger.organisation}", note, Section("汇总", [overview]), sections)


def roster_page(session: Session, wanted: Wanted) -> LedgerPage:
    """名册."""
    organisation = session.get_one(Organisation, wanted.organisation_id)
    rows = roster_rows(session, organisation.id)
    counts = [(name, value, str(number)) for name, value, number in roster_counts(rows) if number]
    shown = [(name, within(organisation, path), *rest) for name, path, *rest in rows]
    people = Table(f"共 {len(rows)} 人", ROSTER_NAMES, shown, narrow=2)
    overview = Section("汇总", [Table("人数", ("", "", "人数"), counts, narrow=1)])
    note = f"按小蜂的记录，截至 {moment_text(wanted.now)}。"
    return LedgerPage(f"名册 {organisation.name}", note, overview, [Section("名册", [people])])


def hazards_page(session: Session, wanted: Wanted) -> LedgerPage:
    """隐患台账, the list month by month."""
    about = CaseWanted(CaseKind.HAZARD, wanted)
    ledger = case_ledger(session, about)
    rates = rates_of(about)
    tables = [
        Table(name, (name, "新收", *rates, "平均用时"), [_part(*part, rates) for part in parts_of(ledger.lines, group)])
        for name, group in groups_of(about)
    ]
    whole = Table("合计", ("", "新收", *rates, "平均用时"), [_part("合计", ledger.tally, rates)])
    months: dict[str, list[CaseLine]] = {}
    for line in ledger.lines:
        months.setdefault(f"{local(line.at).year}年{local(line.at).month}月", []).append(line)
    sections = [Section(month, [_cases(f"{month}登记的", about, lines)]) for month, lines in months.items()]
    note = f"{note_of(wanted)}{how_counted(about)}"
    return LedgerPage(title_of(ledger), note, Section("汇总", [whole, *tables]), sections)


def _cases(caption: str, about: CaseWanted, lines: Iterable[CaseLine]) -> Table:
    columns = columns_of(about)
    rows = [[_shown(column.value(line)) for column in columns] for line in lines]
    return Table(caption, [column.label for column in columns], rows, narrow=4)


def _part(name: str, own: Tally, rates: Iterable[str]) -> Row:
    """A line of figures, each rate with its part and whole."""
    hours = "" if own.hours is None else f"{own.hours:.1f} 小时"
    return (name, str(own.collected), *(str(own.share(rate)) for rate in rates), hours)


def _shown(value: Value) -> str:
    match value:
        case datetime():
            return f"{local(value):%m-%d %H:%M}"
        case float():
            return f"{value:.1f}"
        case _:
            return "" if value is None else str(value)


PAGES: Mapping[str, Callable[[Session, Wanted], LedgerPage]] = {
    "meetings": meetings_page,
    "attendance": attendance_page,
    "roster": roster_page,
    "hazards": hazards_page,
}
"""By the kinds of ``bot.reports.files.FILES`` that there are pages of; of appeals there is none."""


def _figures(figures: Figures) -> Iterable[str]:
    yield from map(str, figures.shown)
    yield rate(figures)


def rate(figures: Figures) -> str:
    """实到 in per cent of 应到, rounded; empty where nobody was expected."""
    return f"{share(figures.present, figures.expected)}%" if figures.expected else ""


def _meetings(month: MeetingMonth) -> Table:
    rows = [_meeting(meeting) for meeting in month.meetings]
    before = len(MEETING_NAMES) - len(SHOWN) - 3
    foot = ("合计", *("" for _ in range(before - 1)), *_figures(month.figures), f"已召开 {month.held} 次", "")
    return Table(month.name, MEETING_NAMES, rows, [foot], narrow=len(SHOWN) + 3)


def _meeting(meeting: Meeting) -> Row:
    figures = _figures(meeting.figures) if meeting.figures else ["" for _ in range(len(SHOWN) + 1)]
    words = (meeting.organisation, meeting.kind, meeting.counts_as, meeting.topic, meeting.place)
    ends = (meeting.state, meeting.message_id)
    return (f"{local(meeting.at):%m-%d %H:%M}", *words, meeting.host, meeting.recorder, *figures, *ends)


def _block(block: Block, caption: str) -> Table:
    """The name comes first: on a phone the first column stays in sight."""
    groups = [_group(block, one) for one in block.people]
    shown = any(groups)
    rows = []
    for one, group in zip(block.people, groups, strict=True):
        signs = [SIGNS[mark] if mark else NOT_EXPECTED for mark in one.marks]
        rows.append((one.name, *([group] if shown else []), *signs, *_figures(one.figures)))
    beside = ("",) if shown else ()
    sums = ("合计", *beside, *("" for _ in block.lessons), *_figures(block.figures))
    of_lessons = [block.of_lesson(place).shown for place in range(len(block.lessons))]
    by_lesson = [
        (f"每次{name}", *beside, *(str(shown[place]) for shown in of_lessons), *("" for _ in range(len(SHOWN) + 1)))
        for place, name in enumerate(SHOWN)
    ]
    head = ("姓名", *(("党小组",) if shown else ()), *map(label, block.lessons), *SHOWN, "出勤率")
    return Table(caption, head, rows, [sums, *by_lesson], narrow=len(block.lessons) + len(SHOWN) + 1)


def _group(block: Block, person: Attendee) -> str:
    """The 党小组 of somebody of the branch; empty for those who are in none."""
    name = person.organisation.rpartition("/")[2]
    return "" if name == block.name else name
