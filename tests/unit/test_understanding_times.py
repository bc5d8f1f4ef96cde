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
        ("晚上24:00", "2026-11-24T00:00:00+08:00"),
        ("31号15:00", "2026-12-31T15:00:00+08:00"),
        ("周五24:00", "2026-11-28T00:00:00+08:00"),
        ("今晚12点", "2026-11-24T00:00:00+08:00"),
        ("12月31日晚上十二点", "2027-01-01T00:00:00+08:00"),
        ("今晚12点半", "2026-11-24T00:30:00+08:00"),
        ("凌晨12点", "2026-11-23T00:00:00+08:00"),
        ("中午12点", "2026-11-23T12:00:00+08:00"),
        ("中午1:30", "2026-11-23T13:30:00+08:00"),
        ("1:30", "2026-11-23T01:30:00+08:00"),
        ("明儿中午十二点半", "2026-11-24T12:30:00+08:00"),
        ("后天晚九点", "2026-11-25T21:00:00+08:00"),
        ("下周六早上六点半", "2026-12-05T06:30:00+08:00"),
        ("下周一7点10分", "2026-11-30T07:10:00+08:00"),
        ("下个星期四晚上差一刻八点", "2026-12-03T19:45:00+08:00"),
        ("明朝下半日三点半", "2026-11-24T15:30:00+08:00"),
        ("周三晚上差五分九点", "2026-11-25T20:55:00+08:00"),
        ("十二月最后一天上午十点", "2026-12-31T10:00:00+08:00"),
        ("12/15 19:00", "2026-12-15T19:00:00+08:00"),
        ("13/12 上午9点", "2026-12-13T09:00:00+08:00"),
        ("明天早6点", "2026-11-24T06:00:00+08:00"),
        ("下班后九点", "2026-11-23T21:00:00+08:00"),
        ("下周四夜里十点", "2026-12-03T22:00:00+08:00"),
        ("今晚1点", "2026-11-24T01:00:00+08:00"),
        ("今晚凌晨两点", "2026-11-24T02:00:00+08:00"),
        ("夜里两点", "2026-11-23T02:00:00+08:00"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    found = TIMES.find(text, MONDAY)
    assert found is not None
    assert found.moment.isoformat() == moment
    assert (found.start, found.end) == (0, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "没有时间",
        "2月30日",
        "32号",
        "下个月32号",
        "99:99",
        "五",
        "什么时候",
        "1024",
        "1024号",
        "快一点",
        "提两点建议",
        "1.5小时",
        "3号楼",
        "一零二四号",
    ],
)
def test_no_moment(text: str) -> None:
    assert TIMES.find(text, MONDAY) is None


def test_a_month_end_before_a_short_month() -> None:
    found = TIMES.find("下个月31号", MONDAY + timedelta(days=60))
    assert found is None


def test_what_was_not_said_is_told_apart_from_midnight() -> None:
    found = [TIMES.find(text, MONDAY) for text in ("周五", "16:00", "周五15:00", "今晚")]
    assert [(one.day, one.hour) for one in found if one] == [(True, False), (False, True), (True, True), (True, True)]
    assert [one.exact for one in found if one] == [False, True, True, False]


def test_all_times_of_a_text_in_their_order() -> None:
    text = "改期 周三15:00的党课 到 11月30日16:00"
    found = TIMES.find_all(text, MONDAY)
    assert [text[one.start : one.end] for one in found] == ["周三15:00", "11月30日16:00"]
    assert [one.moment.isoformat()[:16] for one in found] == ["2026-11-25T15:00", "2026-11-30T16:00"]
    assert TIMES.find_all("没有时间", MONDAY) == []


def test_the_29th_of_february_may_be_in_the_next_year() -> None:
    december = MONDAY.replace(year=2027, month=12, day=1)
    found = TIMES.find("2月29日15:00", december)
    assert found is not None
    assert found.moment.isoformat() == "2028-02-29T15:00:00+08:00"
    assert TIMES.find("2月29日", MONDAY.replace(year=2026, month=1)) is None
    assert TIMES.find("2月29日", MONDAY.replace(year=2028, month=3)) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("周四收工后十点", "2026-11-26T22:00"),
        ("周五 党课 下午3点", "2026-11-27T15:00"),
        ("大后天的班前一刻钟，早上七点一刻", "2026-11-26T07:15"),
        ("今晚在东站 八点", "2026-11-23T20:00"),
        ("组织生活会 10号 不是这个月 是12月10号下午3点", "2026-12-10T15:00"),
        ("这个礼拜六搞主题党日 时间再定", "2026-11-28T00:00"),
    ],
)
def test_when_something_shall_be(text: str, moment: str) -> None:
    found = TIMES.meant(text, MONDAY)
    assert found is not None
    assert found[0].isoformat()[:16] == moment


def test_nothing_shall_be() -> None:
    assert TIMES.meant("党员大会", MONDAY) is None
