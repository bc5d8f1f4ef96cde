"""Checking a roster row by row: everything that is wrong is named with its line."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bot.roster.columns import IDENTITIES, REQUIRED, check_header, named
from bot.roster.problems import Problem, RosterError, shown
from bot.roster.reading import Line, read_lines
from models.organisations import OrganisationKind
from models.people import Occupation, Post, Status

LONGEST_CELL = 200
"""Characters; longer paths could not be indexed."""
PHONE_DIGITS = 11
YES_NO = {"是": True, "否": False, "": False}

_PHONE = re.compile(r"1\d{10}", re.ASCII)
_COUNTRY = re.compile(r"^(\+|00)?86(?=1\d{10}$)", re.ASCII)
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
_PADDING = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")

Value = TypeVar("Value", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One checked row: a person in an organisation, or an organisation alone (``name`` is empty)."""

    line: int
    path: str
    """组织, ``/`` between levels."""
    kind: OrganisationKind | None
    """组织类型; None: not stated."""
    name: str
    phone: str = field(repr=False)
    """11 digits; empty where the row describes an organisation alone."""
    status: Status
    post: Post | None
    occupation: Occupation
    mobile: bool
    home_organisation: str
    identities: tuple[tuple[str, str], ...]
    """``(provider, id)``, as in ``models.people.Identity``."""
    columns: frozenset[str]
    """The columns that the file has: what it does not speak of stays as it is recorded."""


def read_roster(path: Path) -> list[RosterRow]:
    """The rows of a CSV or xlsx roster. Raises RosterError with everything that is wrong with the file."""
    rows, problems = check(read_lines(path))
    if problems:
        raise RosterError(problems)
    return rows


def check(lines: list[Line]) -> tuple[list[RosterRow], list[Problem]]:
    """The good rows, and everything that is wrong with the header and the other rows."""
    header = [named(cell) for cell in lines[0].cells]
    problems = list(check_header(lines[0].number, header))
    if not set(REQUIRED).issubset(header):
        return [], problems
    if len(lines) == 1:
        problems.append(Problem(0, "名册只有表头，没有一行内容"))
    checker = _Checker(header)
    rows = [row for line in lines[1:] if (row := checker.row(line)) is not None]
    return rows, problems + checker.problems


class _Checker:
    """Takes the rows in order and remembers what may appear only once."""

    def __init__(self, header: list[str]) -> None:
        self.problems: list[Problem] = []
        self._header = header
        self._columns = frozenset(header)
        self._line = 0
        self._phones: dict[str, int] = {}
        self._identities: dict[tuple[str, str], int] = {}
        self._kinds: dict[str, tuple[OrganisationKind, int]] = {}

    def row(self, line: Line) -> RosterRow | None:
        """The row, or None if there is anything wrong with it."""
        known = len(self.problems)
        self._line = line.number
        cells = self._cells(line)
        path = self._path(cells["组织"])
        name = _PADDING.sub("", cells["姓名"])
        row = RosterRow(
            line=line.number,
            path=path,
            kind=self._kind(path, cells.get("组织类型", "")),
            name=name,
            phone=self._phone(cells["手机"], name),
            status=self._choice(cells, "身份", Status) or Status.MASSES,
            post=self._choice(cells, "职务", Post),
            occupation=self._choice(cells, "职业", Occupation) or Occupation.OTHER,
            mobile=self._yes_no(cells.get("流动", "")),
            home_organisation=cells.get("流出地党组织", ""),
            identities=self._identities_of(cells),
            columns=self._columns,
        )
        self._check_person(row)
        return row if len(self.problems) == known else None

    def _refuse(self, what: str) -> None:
        self.problems.append(Problem(self._line, what))

    def _cells(self, line: Line) -> dict[str, str]:
        cells = dict.fromkeys(self._header, "")
        for index, text in enumerate(line.cells):
            column = self._header[index] if index < len(self._header) else ""
            if not column and text:
                self._refuse(f"第 {index + 1} 列有内容，可是这一列没有列名")
            cells[column] = text
            self._check_text(column, text)
        return cells

    def _check_text(self, column: str, text: str) -> None:
        if len(text) > LONGEST_CELL:
            self._refuse(f"{column}太长了，最多 {LONGEST_CELL} 个字")
        if not text.isprintable() and any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
            self._refuse(f"{column}里有看不见的控制字符，请删掉重新输入")

    def _path(self, text: str) -> str:
        if not text:
            self._refuse("没有填组织")
            return ""
        names = [name.strip() for name in text.replace("／", "/").split("/")]
        if not all(names):
            self._refuse(f"组织「{shown(text)}」有一级是空的，要写成「上级/下级」，开头和结尾不要「/」")
        return "/".join(names)

    def _kind(self, path: str, text: str) -> OrganisationKind | None:
        kind = self._choice({"组织类型": text}, "组织类型", OrganisationKind)
        if kind is None or not path:
            return kind
        before, line = self._kinds.setdefault(path, (kind, self._line))
        if before is not kind:
            self._refuse(f"同一个组织在第 {line} 行写的是「{before}」，这里写的是「{kind}」，请改成一样的")
        return kind

    def _phone(self, text: str, name: str) -> str:
        if not text:
            if name:
                self._refuse("没有填手机")
            return ""
        phone = _digits(text)
        if _SCIENTIFIC.fullmatch(text):
            self._refuse("手机被表格软件写成了科学计数法，请把这一列的格式设成「文本」，重新填写")
        elif not _PHONE.fullmatch(phone):
            length = f"，这里是 {len(phone)} 位" if phone.isdigit() and len(phone) != PHONE_DIGITS else ""
            self._refuse(f"手机不对：要 1 开头的 {PHONE_DIGITS} 位数字{length}")
        elif (before := self._phones.setdefault(phone, self._line)) != self._line:
            self._refuse(f"手机 {shown(phone)} 和第 {before} 行重复")
        return phone

    def _choice(self, cells: Mapping[str, str], column: str, values: type[Value]) -> Value | None:
        text = cells.get(column, "")
        if not text:
            return None
        try:
            return values(text)
        except ValueError:
            self._refuse_value(column, text, values)
            return None

    def _yes_no(self, text: str) -> bool:
        if text not in YES_NO:
            self._refuse_value("流动", text, ("是", "否"))
        return YES_NO.get(text, False)

    def _refuse_value(self, column: str, text: str, values: Iterable[str]) -> None:
        self._refuse(f"{column}「{shown(text)}」不认识，可以填：{'、'.join(values)}，或者空着")

    def _identities_of(self, cells: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        identities = tuple((provider, ref) for provider in IDENTITIES if (ref := cells.get(provider, "")))
        for identity in identities:
            before = self._identities.setdefault(identity, self._line)
            if before != self._line:
                self._refuse(f"{identity[0]} 的 id 和第 {before} 行重复")
        return identities

    def _check_person(self, row: RosterRow) -> None:
        if row.name:
            return
        if row.phone:
            self._refuse("没有填姓名")
        elif row.post or row.identities:
            self._refuse("填了职务或者平台 id，却没有填姓名和手机")


def _digits(text: str) -> str:
    """A phone as people write it (+86 138-0000-0001, 13800000001.0) down to its digits."""
    plain = re.sub(r"[\s()\-]", "", unicodedata.normalize("NFKC", text)).removesuffix(".0")
    return _COUNTRY.sub("", plain)
