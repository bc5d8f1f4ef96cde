"""Periods as secretaries say them, on Monday 2026-11-23."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.ledgers import MOST_MONTHS, Period
from handlers.periods import TOO_LONG, UnclearPeriod, period_in, quarter_so_far

TODAY = date(2026, 11, 23)
DAYS = st.dates(date(2001, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("导出 考勤 本月", "2026-11-01", "2026-11-30"),
        ("导出上个月的考勤", "2026-10-01", "2026-10-31"),
        ("导出考勤上月", "2026-10-01", "2026-10-31"),
        ("本季度", "2026-10-01", "2026-12-31"),
        ("上季度", "2026-07-01", "2026-09-30"),
        ("季度会议台账", "2026-10-01", "2026-12-31"),
        ("全年", "2026-01-01", "2026-12-31"),
        ("去年全年", "2025-01-01", "2025-12-31"),
        ("2025年度", "2025-01-01", "2025-12-31"),
        ("2026-01 到 2026-03", "2026-01-01", "2026-03-31"),
        ("2026-01-2026-03", "2026-01-01", "2026-03-31"),
        ("2026-1~2026-3", "2026-01-01", "2026-03-31"),
        ("２０２６年１月至３月", "2026-01-01", "2026-03-31"),
        ("2025年11月到2月", "2025-11-01", "2026-02-28"),
        ("1-3月", "2026-01-01", "2026-03-31"),
        ("10到12月", "2026-10-01", "2026-12-31"),
        ("12月到2月", "2025-12-01", "2026-02-28"),
        ("9月", "2026-09-01", "2026-09-30"),
        ("12月", "2025-12-01", "2025-12-31"),
        ("三月份", "2026-03-01", "2026-03-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026 年 3 月", "2026-03-01", "2026-03-31"),
        ("2026-01-05 到 2026-02-10", "2026-01-05", "2026-02-10"),
        ("1月5日到2月10日", "2026-01-05", "2026-02-10"),
        ("1.5-2.10", "2026-01-05", "2026-02-10"),
        ("去年第四季度", "2025-10-01", "2025-12-31"),
        ("三季度", "2026-07-01", "2026-09-30"),
        ("上半年", "2026-01-01", "2026-06-30"),
        ("9月到现在", "2026-09-01", "2026-11-23"),
        ("上周", "2026-11-16", "2026-11-22"),
        ("昨天", "2026-11-22", "2026-11-22"),
        ("11月20日", "2026-11-20", "2026-11-20"),
        ("25号", "2026-10-25", "2026-10-25"),
    ],
)
def test_what_is_said_is_understood(text: str, first: str, last: str) -> None:
    assert period_in(text, TODAY) == Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["导出 考勤", "导出 会议台账", "导出", ""])
def test_no_period_is_none(text: str) -> None:
    assert period_in(text, TODAY) is None


@pytest.mark.parametrize(
    "text", ["2月30日", "2026-13", "两个月", "3月 5月", "近三个月", "2026", "9999年", "0001年1月", "2026年13月"]
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(UnclearPeriod, match="没看懂"):
        period_in(text, TODAY)


def test_the_later_first_is_said() -> None:
    with pytest.raises(UnclearPeriod, match="2026-03-01 至 2026-03-31 在 2026-01-01 至 2026-01-31 后面"):
        period_in("2026-03 到 2026-01", TODAY)


def test_too_long_is_said() -> None:
    assert period_in("2024-01 到 2026-12", TODAY) == Period(date(2024, 1, 1), date(2026, 12, 31))
    with pytest.raises(UnclearPeriod, match=TOO_LONG):
        period_in("2023-12 到 2026-12", TODAY)


@given(st.text(alphabet="0123456789年月日号季度周上下本这个今去前半全到至-./~ 一二三十第考勤", max_size=16), DAYS)
def test_anything_gives_a_period_or_a_sentence(text: str, today: date) -> None:
    try:
        period = period_in(text, today)
    except UnclearPeriod:
        return
    if period is not None:
        assert period.first <= period.last
        assert len(period.months) <= MOST_MONTHS
        assert period.start < period.end


@given(DAYS, st.integers(0, 900), DAYS)
def test_two_days_are_read_as_they_are_written(first: date, length: int, today: date) -> None:
    last = min(first + timedelta(days=length), date(today.year, 12, 31))
    if last < first:
        first = last
    text = f"导出 考勤 {first:%Y-%m-%d} 到 {last:%Y年%m月%d日}"
    assert period_in(text, today) == Period(first, last)


@given(DAYS)
def test_the_quarter_so_far_begins_a_quarter_and_ends_today(today: date) -> None:
    period = quarter_so_far(today)
    assert (period.first.day, period.first.month % 3, period.last) == (1, 1, today)
    assert len(period.months) <= 3
