"""The ledgers of the year as files, read back and compared with the raw record, cell by cell."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from bot.exporting import run_export
from tests.year import judge
from tests.year.agreement import same_sets, same_values
from tests.year.days import YEAR, ZONE
from tests.year.play import Played
from tests.year.record import Meeting
from tests.year.town import Org

HEADER = 3
"""The row of a sheet's header."""
SIGNS = {"签到": "√", "迟到": "迟", "请假": "假", "补课": "补", "缺席": "缺", "列席": "列"}
NOT_EXPECTED = "–"
FIGURES = 7
"""应到 实到 迟到 请假 补课 缺席 列席."""
BY_ITSELF = ("已取消：系列停了", "已取消：小蜂停机，没有开成", "已安排")
"""Sessions of series that came to nothing, which the raw record does not speak of."""

Row = tuple[object, ...]


def export(played: Played, kind: str, org: Org, folder: Path) -> Path:
    """The ledger of the year, as ``jufeng export`` writes it."""
    out = folder / f"{kind}-{org.name}.xlsx"
    said: list[str] = []
    days = f"{YEAR}-01-01", f"{YEAR}-12-31"
    code = run_export(played.database, kind, org.name, days, out, played.now, said.append, said.append)
    assert code == 0, said
    return out


def attendance_agrees(played: Played, org: Org, path: Path) -> None:
    """Each mark, each person's totals, each month's totals, and each check-in with the message that says so."""
    book = load_workbook(path, read_only=True, data_only=True)
    meetings = [meeting for meeting in played.held if org in _above(meeting.org)]
    marks = {meeting: judge.marks(meeting, played.now) for meeting in meetings}
    given = [(meeting, member.name, mark) for meeting, by in marks.items() for member, mark in by.items()]
    same_sets(
        [(f"{_local(m.opened_at):%m-%d %H:%M} {m.kind}", name, SIGNS[mark]) for m, name, mark in given],
        list(_marks(book)),
    )
    same_values(_totals((name, mark) for _, name, mark in given), _by_name(book))
    same_values(_totals((_month(meeting), mark) for meeting, _, mark in given), _by_month(book))
    came = [(m.name, f"{_local(a.at):%Y-%m-%d %H:%M}") for meeting in meetings for m, a in meeting.came.items()]
    same_sets(came, list(_check_ins(book)))


def meetings_agree(played: Played, org: Org, path: Path) -> None:
    """Each meeting with its figures and its state, those that were never held among them."""
    book = load_workbook(path, read_only=True, data_only=True)
    meetings = [meeting for meeting in played.record.meetings if org in _above(meeting.org)]
    ours = [_line(meeting, played.now) for meeting in meetings if meeting.opened_at or meeting.planned_at]
    theirs = [line for line in _lines(book) if line[-1] not in BY_ITSELF]
    same_sets(ours, theirs)
    held = Counter(_month(meeting) for meeting in meetings if meeting.came)
    same_values(dict(held), {name: int(str(row[1])) for name, row in _overview(book) if row[1]})


def _above(org: Org | None) -> Iterator[Org]:
    while org is not None:
        yield org
        org = org.parent


def _local(when: datetime | None) -> datetime:
    assert when is not None
    return when.astimezone(ZONE)


def _month(meeting: Meeting) -> str:
    return f"{YEAR}年{_local(meeting.opened_at).month}月"


def _totals(marks: Iterable[tuple[str, str]]) -> dict[str, tuple[int, ...]]:
    """By name or month, the seven figures."""
    by_key: dict[str, Counter[str]] = {}
    for key, mark in marks:
        by_key.setdefault(key, Counter())[mark] += 1
    return {key: _seven(count) for key, count in by_key.items()}


def _seven(count: Counter[str]) -> tuple[int, ...]:
    present = count["签到"] + count["迟到"]
    rest = (count["请假"], count["补课"], count["缺席"])
    return (present + sum(rest), present, count["迟到"], *rest, count["列席"])


def _rows(book: Workbook, sheet: str) -> Iterator[Row]:
    yield from book[sheet].iter_rows(values_only=True)


def _marks(book: Workbook) -> Iterator[tuple[str, str, str]]:
    """The lesson at the head of the column, the person, and the sign."""
    for sheet in book.sheetnames:
        if sheet in ("汇总", "人员", "明细"):
            continue
        heads: Row = ()
        for row in _rows(book, sheet):
            if row[1] == "姓名":
                heads = row
            elif row[0] and row[1] and heads and str(row[0]) != "每次的合计":
                yield from _marks_of(row, heads)


def _marks_of(row: Row, heads: Row) -> Iterator[tuple[str, str, str]]:
    for head, sign in zip(heads[2:], row[2:], strict=False):
        when, _, title = str(head or "").partition("\n")
        if title and sign != NOT_EXPECTED:
            yield f"{when} {title.partition('《')[0]}", str(row[1]), str(sign)


def _by_name(book: Workbook) -> dict[str, tuple[int, ...]]:
    return {str(row[1]): _seven_of(row, 2) for row in list(_rows(book, "人员"))[HEADER:] if row[1]}


def _by_month(book: Workbook) -> dict[str, tuple[int, ...]]:
    found = {name: _seven_of(row, 1) for name, row in _overview(book)}
    return {name: figures for name, figures in found.items() if any(figures)}


def _overview(book: Workbook) -> Iterator[tuple[str, Row]]:
    for row in list(_rows(book, "汇总"))[HEADER:]:
        if row[0] == "合计":
            return
        yield str(row[0]), row


def _seven_of(row: Row, first: int) -> tuple[int, ...]:
    return tuple(int(str(value)) for value in row[first : first + FIGURES])


def _check_ins(book: Workbook) -> Iterator[tuple[str, str]]:
    """Who came when; each line has the number of a message."""
    for at, _, name, _, _, what, _, message_id in list(_rows(book, "明细"))[HEADER:]:
        if what in ("签到", "迟到", "列席"):
            assert isinstance(at, datetime)
            assert str(message_id).isdecimal()
            yield str(name), f"{at:%Y-%m-%d %H:%M}"


Line = tuple[str, str, str, str, tuple[int, ...] | None, str]
"""Time, organisation, kind, what it counts as, figures, state."""


def _line(meeting: Meeting, now: datetime) -> Line:
    at = f"{_local(meeting.opened_at or meeting.planned_at):%Y-%m-%d %H:%M}"
    given = Counter(judge.marks(meeting, now).values())
    if meeting.cancelled_at:
        state = "已取消：很多人要跑单"
    elif meeting.opened_at is None:
        state = "没有召开"
    else:
        state = "已召开" if meeting.came else "没有人到"
    figures = _seven(given) if meeting.opened_at else None
    return at, meeting.org.name, meeting.kind, meeting.counts_as or meeting.kind, figures, state


def _lines(book: Workbook) -> Iterator[Line]:
    for sheet in book.sheetnames[1:]:
        for row in list(_rows(book, sheet))[HEADER:]:
            if isinstance(row[0], datetime):
                figures = _seven_of(row, 8) if row[8] is not None else None
                org = str(row[1]).rpartition("/")[2]
                yield f"{row[0]:%Y-%m-%d %H:%M}", org, str(row[2]), str(row[3]), figures, str(row[16])
