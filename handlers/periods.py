"""Periods as secretaries say them: 本月, 上季度, 3月, 2026-01 到 2026-03. What has no year lies in the past."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from bot.reports.ledgers import MOST_MONTHS, Period
from bot.understanding.numerals import CHINESE, whole_number

UNCLEAR = "没看懂是哪段时间。可以写「本月」「上月」「本季度」「全年」「9月」，或者「2026-01 到 2026-03」。"
BACKWARDS = "{first} 在 {last} 后面，请把早的写在前面。"
TOO_LONG = f"一次最多导出 {MOST_MONTHS} 个月，请分几次。"

EARLIEST = 2000
"""No record is older."""
_COUNT = rf"(?:\d{{1,2}}|[{CHINESE}]{{1,3}})"
_YEAR = r"(?:(?<!\d)(?P<year>\d{4})[年\-./]\s*|(?P<said>今年|本年|去年|上年)的?\s*)?"
_SEPARATOR = r"\s*(?:到|至|[-~—–]+)\s*"
_SPOKEN = (
    ("months", rf"{_YEAR}(?<!\d)(?P<month>{_COUNT}){_SEPARATOR}(?P<until>{_COUNT})月份?(?!\d)"),
    ("day", rf"{_YEAR}(?<!\d)(?P<month>{_COUNT})[月\-./](?P<day>{_COUNT})(?!\d)[日号]?"),
    ("quarter", rf"{_YEAR}第?(?P<quarter>[1-4一二三四])个?季度?"),
    ("half", rf"{_YEAR}(?P<half>[上下])半年"),
    ("months", rf"{_YEAR}(?<!\d)(?P<month>{_COUNT})(?:月份?|(?<=\d{{4}}[\-./]\d)|(?<=\d{{4}}[\-./]\d\d))(?!\d)"),
    ("whole", r"(?:(?<!\d)(?P<year>\d{4})年|(?P<said>今年|本年|去年|上年))的?(?:全年|度)?"),
    (
        "near",
        r"(?P<near>(?:这个?|本|当|上个?)(?:月|季度?|周|星期)|月度|季度|年度|全年|今[天日]|昨[天日]|前天|现在|[目当]前)",
    ),
    ("only", r"(?<!\d)(?P<day>\d{1,2})[日号]"),
)
_ANY = [(shape, re.compile(expression)) for shape, expression in _SPOKEN]
_TO = re.compile(_SEPARATOR)
_GAP = re.compile(r"(?<=\d)\s+(?=[年月日号季])|(?<=年)\s+(?=\d)")
"""A space within 2026 年 3 月."""
_OF_TIME = re.compile(r"[\d年月日号周天季]")


class UnclearPeriod(Exception):
    """What was said is no period; the words tell what to say instead."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A period within a text."""

    shape: str
    match: re.Match[str]
    today: date

    @property
    def year(self) -> int | None:
        """The year that was said."""
        told = self.match.groupdict()
        if told.get("year"):
            return int(told["year"])
        if told.get("said"):
            return self.today.year - (told["said"] in ("去年", "上年"))
        return None

    def of(self, year: int) -> Period:
        """The period in that year. Raises ValueError for a 13月."""
        return _SHAPES[self.shape](self, year)


def period_in(text: str, today: date) -> Period | None:
    """The period that the text names, None where it names none. Raises UnclearPeriod, with what to say."""
    folded = _GAP.sub("", unicodedata.normalize("NFKC", text))
    said = _all(folded, today)
    rest = folded
    for one in said:
        rest = rest.replace(one.match[0], " ", 1)
    if _OF_TIME.search(rest) or len(said) > 2:
        raise UnclearPeriod(UNCLEAR)
    if not said:
        return None
    try:
        period = _from_to(said[0], said[1], folded) if len(said) == 2 else _past(said[0])
    except ValueError as error:
        raise UnclearPeriod(UNCLEAR) from error
    if not EARLIEST <= period.first.year <= period.last.year <= today.year + 1:
        raise UnclearPeriod(UNCLEAR)
    if len(period.months) > MOST_MONTHS:
        raise UnclearPeriod(TOO_LONG)
    return period


def _all(text: str, today: date) -> list[_Said]:
    """Every period in the text, from left to right."""
    found, at = [], 0
    while at < len(text):
        for shape, expression in _ANY:
            match = expression.match(text, at)
            if match:
                found.append(_Said(shape, match, today))
                at = match.end() - 1
                break
        at += 1
    return found


def _past(said: _Said) -> Period:
    """The period of the year that was said, or the last that has begun."""
    if said.year is not None:
        return said.of(said.year)
    this_year = said.of(said.today.year)
    return this_year if this_year.first <= said.today else said.of(said.today.year - 1)


def _from_to(first: _Said, last: _Said, text: str) -> Period:
    """From one to the other; the second is in the year of the first unless it says another."""
    if not _TO.fullmatch(text, first.match.end(), last.match.start()):
        raise UnclearPeriod(UNCLEAR)
    begin = _past(first)
    end = last.of(begin.first.year if last.year is None else last.year)
    if last.year is None and end.last < begin.first:
        end = last.of(begin.first.year + 1)
    if end.last < begin.first:
        raise UnclearPeriod(BACKWARDS.format(first=begin.name, last=end.name))
    return Period(begin.first, end.last)


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise ValueError(text)
    return number


def _of_months(year: int, first: int, last: int) -> Period:
    """Raises ValueError for what are no months."""
    return Period(date(year, first, 1), date(year, last, monthrange(year, last)[1]))


def _months(said: _Said, year: int) -> Period:
    first = _number(said.match["month"])
    last = _number(said.match.groupdict().get("until") or said.match["month"])
    return Period(_of_months(year, first, first).first, _of_months(year + (last < first), last, last).last)


def _one_day(said: _Said, year: int) -> Period:
    day = date(year, _number(said.match["month"]), _number(said.match["day"]))
    return Period(day, day)


def _quarter(said: _Said, year: int) -> Period:
    number = _number(said.match["quarter"])
    return _of_months(year, number * 3 - 2, number * 3)


def _half(said: _Said, year: int) -> Period:
    first = 1 if said.match["half"] == "上" else 7
    return _of_months(year, first, first + 5)


def _near(said: _Said, year: int) -> Period:
    """What lies around today; only 全年 asks for the year."""
    word, today = said.match["near"], said.today
    before = word.startswith(("上", "昨"))
    if word.endswith(("周", "星期")):
        monday = today - timedelta(days=today.weekday() + 7 * before)
        return Period(monday, monday + timedelta(days=6))
    if word.endswith(("月", "月度")):
        month = today.replace(day=1) - timedelta(days=1) if before else today
        return _of_months(month.year, month.month, month.month)
    if word.endswith(("季", "季度")):
        return _quarter_around(today, before=before)
    if word in ("年度", "全年"):
        return _of_months(year, 1, 12)
    day = today - timedelta(days=2 if word == "前天" else int(before))
    return Period(day, day)


def _day_of_month(said: _Said) -> Period:
    """That day of this month, or of the last where it is still to come."""
    day, first = int(said.match["day"]), said.today.replace(day=1)
    month = first if day <= said.today.day else first - timedelta(days=1)
    return Period(month.replace(day=day), month.replace(day=day))


def _quarter_around(today: date, *, before: bool) -> Period:
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    if before:
        last = first - timedelta(days=1)
        first = last.replace(month=last.month - 2, day=1)
    return _of_months(first.year, first.month, first.month + 2)


def quarter_so_far(today: date) -> Period:
    """From the beginning of the quarter to today."""
    return Period(_quarter_around(today, before=False).first, today)


_SHAPES: dict[str, Callable[[_Said, int], Period]] = {
    "months": _months,
    "day": _one_day,
    "quarter": _quarter,
    "half": _half,
    "whole": lambda _, year: _of_months(year, 1, 12),
    "near": _near,
    "only": lambda said, _: _day_of_month(said),
}
