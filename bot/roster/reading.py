"""Reading a roster file: CSV (UTF-8 or GB18030) or xlsx into text cells with their line numbers."""

import csv
import io
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.roster.columns import COLUMNS, named
from bot.roster.problems import Problem, RosterError

DELIMITERS = ",;\t"
_XLSX = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, SyntaxError, OSError)
"""What openpyxl raises for files that are no workbooks, or damaged ones."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row that is not empty. ``number`` counts from 1, as the file's editor does."""

    number: int
    cells: tuple[str, ...]


def read_lines(path: Path) -> list[Line]:
    """The rows of the file, the header first. Raises RosterError where it is no table at all."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(f"读不到名册文件 {path}：{error.strerror}") from error
    if data.startswith(_OLD_EXCEL):
        raise _unreadable("这是旧版 .xls 或者加了密码的 Excel 文件，请去掉密码，另存为 .xlsx 再导入")
    rows = _xlsx(data) if data.startswith(_XLSX) else _csv(_decode(data))
    lines = [Line(number, cells) for number, texts in rows if any(cells := tuple(map(_tidy, texts)))]
    if not lines:
        raise _unreadable("名册是空的：第一行写列名，从第二行起一人一行")
    return lines


def _unreadable(what: str) -> RosterError:
    return RosterError([Problem(0, what)])


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable("认不出名册的文字编码，请在 Excel 里另存为「CSV UTF-8」或 .xlsx")


def _csv(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    ended = 0
    try:
        for cells in reader:
            yield ended + 1, cells
            ended = reader.line_num
    except csv.Error as error:
        raise RosterError(
            [Problem(ended + 1, "这一行的格式不对，请检查有没有单独一个引号，或者特别长的内容")]
        ) from error


def _delimiter(text: str) -> str:
    """The one that makes the most known columns of the header."""
    header = next((line for line in text.splitlines() if line.strip(DELIMITERS + " ")), "")
    return max(DELIMITERS, key=lambda delimiter: _known(csv.reader([header], delimiter=delimiter)))


def _known(rows: Iterable[Sequence[str]]) -> int:
    return sum(named(cell) in COLUMNS for cells in rows for cell in cells)


def _xlsx(data: bytes) -> list[tuple[int, list[str]]]:
    """The first sheet as it looks. Nothing is computed: a formula without a stored value is its own text."""
    try:
        shown, typed = _first_sheet(data, values=True), _first_sheet(data, values=False)
    except _BROKEN as error:
        raise _unreadable("这个 xlsx 文件打不开，请用 Excel 或 WPS 重新另存为 .xlsx 再导入") from error
    return [
        (number, [_text(value if value is not None else formula) for value, formula in zip(*rows, strict=True)])
        for number, rows in enumerate(zip(shown, typed, strict=True), start=1)
    ]


def _first_sheet(data: bytes, *, values: bool) -> list[tuple[Any, ...]]:
    import openpyxl  # noqa: PLC0415  # it takes its time; most rosters are CSV, and every command reads the columns

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # styles and validations that openpyxl leaves out are of no concern here
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some programs state a wrong size
            return list(sheet.iter_rows(values_only=True))
        finally:
            book.close()


def _text(value: object) -> str:
    """A number without the ``.0`` that spreadsheets add to phone numbers."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _tidy(cell: str) -> str:
    """Without what cannot be seen: spaces around, line breaks, and the marks that chat programs copy along."""
    if not cell.isprintable():
        cell = "".join(char for char in cell if unicodedata.category(char) != "Cf")
    return " ".join(cell.split())
