"""Workbooks (xlsx) as the ledgers want them: formats, printing, and cells in which nothing but our formulas runs."""

import io
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.clock import local
from bot.reports.layout import width

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A cell that begins so could be run as a formula, here or in a CSV that is made of it."""
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold."""
_LINE = 14.5
"""Height of one line, in points."""
_A4 = 9

Look = Literal[
    "title",
    "note",
    "head",
    "text",
    "middle",
    "number",
    "rate",
    "hours",
    "moment",
    "small",
    "total",
    "total rate",
    "times",
    "label",
]
_LINED = {"border": 1, "border_color": "#9E9E9E", "valign": "vcenter"}
_MIDDLE = _LINED | {"align": "center"}
_HEAVY = _MIDDLE | {"bold": True, "bg_color": "#F2F2F2"}
_LOOKS: dict[Look, dict[str, object]] = {
    "title": {"bold": True, "font_size": 15},
    "note": {"font_color": "#595959"},
    "head": _MIDDLE | {"bold": True, "bg_color": "#FBE3E1", "text_wrap": True},
    "text": _LINED | {"text_wrap": True},
    "middle": _MIDDLE | {"text_wrap": True},
    "number": _MIDDLE | {"num_format": "0"},
    "rate": _MIDDLE | {"num_format": "0.0%"},
    "hours": _MIDDLE | {"num_format": "0.0"},
    "moment": _MIDDLE | {"num_format": "yyyy-mm-dd hh:mm"},
    "small": _MIDDLE | {"font_size": 8},
    "total": _HEAVY | {"num_format": "0"},
    "total rate": _HEAVY | {"num_format": "0.0%"},
    "times": _HEAVY | {"num_format": '"已召开 "0" 次"'},
    "label": _HEAVY | {"align": "left"},
}


def plain(text: str) -> str:
    """The text without the characters that no document can hold."""
    return UNPRINTABLE.sub("", text)


def harmless(text: str) -> str:
    """The text of a cell as nothing but text: what looks like a formula gets an apostrophe before it."""
    shown = plain(text).strip()
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def lines_of(text: str, column: float) -> int:
    """How many lines a text takes in a column of that width; lines break between words, and long words break too."""
    room = max(column - 2, 1)
    return sum(math.ceil(max(width(word), 1) / room) for line in text.split("\n") for word in _words(line, room))


def _words(line: str, room: float) -> list[str]:
    """What of a line stays together: all of it where there is room."""
    return [line] if width(line) <= room else line.replace("://", ":// ").split() or [line]


def cell(row: int, column: int) -> str:
    """``B3`` of row 2 and column 1: both begin at 0."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    return xl_rowcol_to_cell(row, column)


def area(first_row: int, first_column: int, last_row: int, last_column: int) -> str:
    """``B3:C9``."""
    from xlsxwriter.utility import xl_range

    return xl_range(first_row, first_column, last_row, last_column)


class Sheet:
    """One sheet; rows and columns begin at 0."""

    def __init__(self, book: "Workbook", looks: "dict[Look, Format]", name: str, widths: Sequence[float]) -> None:
        self._sheet = book.add_worksheet(name)
        self._looks = looks
        self.name = name
        self._widths = widths
        for column, wide in enumerate(widths):
            self._sheet.set_column(column, column, wide)
        self._sheet.set_landscape()
        self._sheet.set_paper(_A4)
        self._sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        self._sheet.fit_to_pages(1, 0)
        self._sheet.hide_gridlines(2)
        self._sheet.set_footer("&L&A&C第 &P 页，共 &N 页")

    def titles(self, title: str, note: str) -> None:
        """The two lines at the top: what it is, and of when."""
        self.text(0, 0, title, "title")
        self._sheet.set_row(0, 24)
        self.text(1, 0, note, "note")

    def head(self, row: int, labels: Sequence[str]) -> None:
        """A header, as high as its labels want."""
        for column, label in enumerate(labels):
            self.text(row, column, label, "head")
        self.fit(row, labels)

    def stays(self, row: int, column: int) -> None:
        """What is above the row and left of the column stays in sight, and the rows are on each printed page."""
        self._sheet.freeze_panes(row, column)
        self._sheet.repeat_rows(0, row - 1)

    def fit(self, row: int, texts: Sequence[str]) -> None:
        """Makes the row as high as these texts of its columns want: not every program does it by itself."""
        lines = max(lines_of(text, wide) for text, wide in zip(texts, self._widths, strict=False))
        self._sheet.set_row(row, _LINE * lines + 5)

    def text(self, row: int, column: int, text: str, look: Look = "text") -> None:
        """Writes what is text and nothing else."""
        if text:
            self._sheet.write_string(row, column, harmless(text), self._looks[look])
        else:
            self._sheet.write_blank(row, column, None, self._looks[look])

    def number(self, row: int, column: int, number: float, look: Look = "number") -> None:
        """Writes a number."""
        self._sheet.write_number(row, column, number, self._looks[look])

    def moment(self, row: int, column: int, moment: datetime) -> None:
        """Writes a time, as it was in Shanghai."""
        self._sheet.write_datetime(row, column, local(moment).replace(tzinfo=None), self._looks["moment"])

    def formula(self, row: int, column: int, formula: str, value: float | str, look: Look = "number") -> None:
        """Writes a formula, and what it comes to: a preview on a phone shows that and calculates nothing."""
        self._sheet.write_formula(row, column, f"={formula}", self._looks[look], value)

    def total(self, row: int, column: int, first: int, value: float) -> None:
        """Writes the sum of what stands above, from the row ``first`` on; there may be nothing."""
        summed = f"SUM({area(first, column, row - 1, column)})" if row > first else "0"
        self.formula(row, column, summed, value, "total")

    def rate(self, row: int, column: int, part: int, whole: int, value: tuple[int, int], look: Look = "rate") -> None:
        """Writes the cell in column ``part`` by that in column ``whole``; empty where there is no whole."""
        formula = f'IF({cell(row, whole)}=0,"",{cell(row, part)}/{cell(row, whole)})'
        of, by = value
        self._sheet.write_formula(row, column, f"={formula}", self._looks[look], of / by if by else "")


class Book:
    """One workbook, made in memory."""

    def __init__(self, title: str) -> None:
        from xlsxwriter import Workbook

        self._file = io.BytesIO()
        self._book = Workbook(self._file, {"in_memory": True})
        self._book.set_properties({"title": plain(title)})
        self._looks = {look: self._book.add_format({"font_name": "宋体", **told}) for look, told in _LOOKS.items()}

    def sheet(self, name: str, widths: Sequence[float]) -> Sheet:
        """A further sheet with columns of these widths, in characters."""
        return Sheet(self._book, self._looks, name, widths)

    def data(self) -> bytes:
        """The file. The book is finished with that."""
        self._book.close()
        return self._file.getvalue()
