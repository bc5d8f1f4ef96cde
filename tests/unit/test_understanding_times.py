"""Times as people say them, on a Monday at nine."""

from datetime import timedelta

import pytest

from bot.understanding.lexicon import load
from bot.understanding.times import Times
from tests.unit.understood import MONDAY

TIMES = Times(dict(load().parts_of_day))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("周五15:00", "2026-11-27T15:00:00+08:00"),
        ("周一8点", "2026-11-30T08:00:00+08:00"),
        ("周一10点", "2026-11-23T10:00:00+08:00"),
        ("这周日", "2026-11-29T00:00:00+08:00"),
        ("下周三下午三点", "2026-12-02T15:00:00+08:00"),
        ("上周五", "2026-11-20T00:00:00+08:00"),
        ("下个星期天", "2026-12-06T00:00:00+08:00"),
        ("今晚八点半", "2026-11-23T20:30:00+08:00"),
        ("今晚", "2026-11-23T19:00:00+08:00"),
        ("明早6点", "2026-11-24T06:00:00+08:00"),
        ("大后天中午", "2026-11-26T12:00:00+08:00"),
        ("两点一刻", "2026-11-23T14:15:00+08:00"),
        ("十二点", "2026-11-23T12:00:00+08:00"),
        ("凌晨2点", "2026-11-23T02:00:00+08:00"),
        ("12月5号下午3点", "2026-12-05T15:00:00+08:00"),
        ("2027年1月3日", "2027-01-03T00:00:00+08:00"),
        ("六月七日", "2027-06-07T00:00:00+08:00"),
        ("25号", "2026-11-25T00:00:00+08:00"),
        ("3号", "2026-12-03T00:00:00+08:00"),
        ("下个月8号", "2026-12-08T00:00:00+08:00"),
        ("月底", "2026-11-30T00:00:00+08:00"),
        ("下月底", "2026-12-31T00:00:00+08:00"),
        ("晚上24:00", "2026-11-23T00:00:00+08:00"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    found = TIMES.find(text, MONDAY)
    assert found is not None
    assert found.moment.isoformat() == moment
    assert (found.start, found.end) == (0, len(text))


@pytest.mark.parametrize("text", ["", "没有时间", "2月30日", "99:99", "五", "什么时候", "1024"])
def test_no_moment(text: str) -> None:
    assert TIMES.find(text, MONDAY) is None


def test_a_month_end_before_a_short_month() -> None:
    found = TIMES.find("下个月31号", MONDAY + timedelta(days=60))
    assert found is None
