"""Times as people say them (周五15:00, 今晚八点半, 月底), made into moments of Asia/Shanghai."""

import re
from calendar import monthrange
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from bot.understanding.lexicon import parts_of_day
from bot.understanding.numerals import CHINESE, whole_number

SHANGHAI = ZoneInfo("Asia/Shanghai")

_DAYS = {"大后天": 3, "大后日": 3, "后天": 2, "后日": 2, "后儿": 2, "后晚": 2,
         "明天": 1, "明日": 1, "明儿": 1, "明朝": 1, "明早": 1, "明晚": 1, "明夜": 1, "听日": 1, "听晚": 1,
         "今天": 0, "今日": 0, "今儿": 0, "今朝": 0, "今早": 0, "今晚": 0, "今夜": 0,
         "昨天": -1, "昨日": -1, "昨儿": -1, "昨晚": -1, "昨夜": -1, "前天": -2, "前儿": -2, "大前天": -3}  # fmt: skip
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "末": 5, "日": 6, "天": 6}
_WEEKS = {"下下": 2, "下": 1, "上": -1, "这": 0, "本": 0}
_NUMBER = rf"(?:\d{{1,2}}|[{CHINESE}]{{1,3}})"
_NOT_A_DAY = "(?![楼院门线桥店口库厅仓厂杆站桌柜案件]|换电|充电|活动|申报|工单|公寓|服务区|码头|商铺|地块)"
_DAY = (
    rf"(?P<near>{'|'.join(sorted(_DAYS, key=len, reverse=True))})个?"
    r"|(?P<week>下下|下|上|这|本)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末])"
    rf"|(?P<last>{_NUMBER}月|[这本]?个?月|下个?月)(?:份|的)*(?:最后一天|末)"
    rf"|(?:(?P<year>\d{{4}})[年./-])?(?P<month>{_NUMBER})[月./-](?P<day>{_NUMBER})(?:[日号]|(?!\d|个?小时|公里|米"
    rf"|块|元|倍|万|分))"
    rf"|(?P<next_month>下个?月)?(?P<only_day>{_NUMBER})[日号]{_NOT_A_DAY}"
    r"|(?P<end>下个?月底|这?个?月底)"
)
_PARTS = (
    "凌晨|大清早|清早|清晨|一大早|大早上|早上|早晨|上午|上昼|上半日|午间|中午|午后|下午|下昼|下半日|傍晚|黄昏"
    "|晚上|晚间|夜晚"
    "|夜里|夜间|深夜|后半夜|半夜|午夜|晚"
)
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    rf"|(?:差(?:(?P<less_quarter>一)刻|(?P<less>{_NUMBER})分钟?)到?)?"
    rf"(?P<spoken>{_NUMBER})(?:[点时](?!间|候|建议|意见|要求|儿|意思|心|击|赞|名|评|燃|餐)|点(?=儿?钟))(?:钟)?"
    rf"(?:(?P<half>半)|(?P<quarter>[一三])刻(?!钟的?微)|(?P<minutes>(?>{_NUMBER}))(?!个|名|位|人|号|辆|块|元|楼"
    rf"|来|多|度|分钟)分?|整)?"
)
_TIME = re.compile(
    rf"(?:{_DAY})?(?:[\s,的]{{0,2}}(?:(?P<part>{_PARTS})|(?P<early>早|(?:收工|下班"
    rf"|收车)[以之]?后)(?={_NUMBER}[点:])))?(?:[\s,的]{{0,2}}(?:{_CLOCK}))?"
)
_STARTS = re.compile(rf"[\d{CHINESE}收大后明今昨前下上这本周星礼个月凌清早中傍晚夜听差半午深黄]")
_NIGHT = frozenset(
    {
        "晚上",
        "晚",
        "晚间",
        "夜晚",
        "夜里",
        "夜间",
        "深夜",
        "半夜",
        "午夜",
        "后半夜",
        "今晚",
        "明晚",
        "昨晚",
        "听晚",
        "后晚",
        "今夜",
        "明夜",
        "昨夜",
    }
)
_AFTERNOON = _NIGHT | {
    "收工后",
    "下班后",
    "收车后",
    "收工以后",
    "下班以后",
    "下午",
    "午后",
    "下昼",
    "下半日",
    "傍晚",
    "黄昏",
}
_SMALL_HOURS = 4
"""今晚1点 is in the night after the evening; 夜里两点 is too."""
_FEW = 6
"""Times that are looked at for when something shall be."""
_LONGEST_MONTH = 31
_MONTHS = 12
_MORNING = frozenset(
    {
        "凌晨",
        "清晨",
        "早上",
        "早晨",
        "清早",
        "大清早",
        "一大早",
        "大早上",
        "上午",
        "上昼",
        "上半日",
        "今早",
        "明早",
        "早",
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """A time and where in the text it was said."""

    moment: datetime
    start: int
    end: int
    day: bool = True
    """Which day was said; without it ``moment`` is today's."""
    hour: bool = True
    """At which time of the day was said; without it ``moment`` is midnight."""
    exact: bool = True
    """That time was a clock's, and not only a part of the day (今晚)."""


class Times:
    """Finds times; ``parts`` says which hour a part of the day stands for when no clock time is said."""

    def __init__(self, parts: dict[str, int]) -> None:
        self._parts = parts

    def find(self, text: str, now: datetime) -> Found | None:
        """The first time in a folded text, as seen from the aware ``now``; None if there is none.

        A day without an hour is its midnight. A weekday without 上, 这 or 下 is the next one; a clock time alone is
        today.
        """
        tried = 0
        for start in (match.start() for match in _STARTS.finditer(text)):
            match = _TIME.match(text, start)
            if start < tried or match is None or not _is_time(match) or _within_number(text, start):
                continue
            moment = self._moment(match, now.astimezone(SHANGHAI))
            if moment is not None:
                hour = self._clock(match) is not None
                exact = bool(match["hour"] or match["spoken"])
                return Found(moment, start, match.end(), day=_says_day(match), hour=hour, exact=exact)
            tried = match.end()  # 2月30日 is no day, and so is its 30日
        return None

    def find_all(self, text: str, now: datetime, most: int = 500) -> list[Found]:
        """All times in a folded text, in their order; ``most`` of them."""
        found: list[Found] = []
        at = 0
        while len(found) < most and (one := self.find(text[at:], now)) is not None:
            found.append(replace(one, start=one.start + at, end=one.end + at))
            at += one.end
        return found

    def meant(self, text: str, now: datetime) -> tuple[datetime, list[tuple[int, int]]] | None:
        """When something shall be, and the stretches that tell it: the first day with a clock's time, be the two apart
        (周四收工后十点); else the first time.
        """
        found = self.find_all(text, now, _FEW)
        if not found:
            return None
        whole = next((one for one in found if one.day and one.exact), None)
        if whole:
            return whole.moment, [(whole.start, whole.end)]
        day = next((one for one in found if one.day), None)
        clock = next((one for one in found if one.exact and not one.day), None)
        if day and clock:
            moment = datetime.combine(day.moment.date(), clock.moment.timetz())
            if day.hour and _means_evening(day.moment, clock.moment):
                moment += timedelta(hours=12)
            return moment, [(day.start, day.end), (clock.start, clock.end)]
        first = day or found[0]
        return first.moment, [(first.start, first.end)]

    def _moment(self, match: re.Match[str], now: datetime) -> datetime | None:
        try:
            clock = self._clock(match)
            day = _day(match, now, clock) + timedelta(days=_is_next_day(match))
        except (ValueError, OverflowError):
            return None
        if clock is None and _is_vague(match):
            return None
        moment = datetime.combine(day, clock or time(), SHANGHAI)
        return moment - timedelta(minutes=_minutes_less(match))

    def _clock(self, match: re.Match[str]) -> time | None:
        part = _part(match)
        said = match["hour"] or match["spoken"]
        if said is None or _is_vague(match):
            return time(self._parts[part]) if part in self._parts else None
        hour = _number(said)
        if _is_midnight(match) or (hour == 12 and part == "凌晨"):
            hour = 0
        elif _is_small_hour(match):
            return time(hour, _minute(match))
        elif hour < 12 and (part in _AFTERNOON or _means_afternoon(hour, part, spoken=bool(match["spoken"]))):
            hour += 12
        return time(hour, _minute(match))


@cache
def spoken_times() -> Times:
    """The one finder of times for those who need no more understanding than that."""
    return Times(dict(parts_of_day()))


_SAYS_DAY = ("near", "weekday", "month", "only_day", "end", "last")


def _says_day(match: re.Match[str]) -> bool:
    return any(match[name] for name in _SAYS_DAY)


def _is_time(match: re.Match[str]) -> bool:
    return any(match[name] for name in (*_SAYS_DAY, "part", "hour", "spoken"))


def _part(match: re.Match[str]) -> str:
    return match["part"] or match["early"] or match["near"] or ""


def _within_number(text: str, start: int) -> bool:
    """The 24 of 1024号 is no day, nor is the 5 of 1.5小时."""
    before, here = text[max(0, start - 1) : start], text[start]
    return bool(before) and (
        (here.isascii() and here.isdecimal() and (before.isascii() and before.isalnum()))
        or (here in CHINESE and before in CHINESE)
    )


def _is_vague(match: re.Match[str]) -> bool:
    """快一点 and 晚一点 name no hour; 一点半 and 下午一点 do."""
    if match["spoken"] != "一" or match["less"] or match["less_quarter"]:
        return False
    told = match["half"] or match["quarter"] or match["minutes"] or match[0].endswith(("钟", "整"))
    part = match["part"] or match["early"] or match["near"]
    return not told and part in (None, "晚") and not _says_day(match)


def _minutes_less(match: re.Match[str]) -> int:
    return 15 if match["less_quarter"] else _number(match["less"]) if match["less"] else 0


def _means_evening(part: datetime, clock: datetime) -> bool:
    """今晚在东站 八点 is 20:00."""
    return part.hour >= 15 and clock.hour < 12


def _means_afternoon(hour: int, part: str, *, spoken: bool) -> bool:
    """三点 with no part of the day is 15:00, as 中午1:30 is 13:30: nobody calls a meeting for the night."""
    return 1 <= hour <= 6 and part not in _MORNING and (spoken or part == "中午")


def _is_midnight(match: re.Match[str]) -> bool:
    """24:00 and 晚上12点 are the end of the day that was said: the first moment of the next one."""
    hour = _number(match["hour"] or match["spoken"] or "0")
    return hour == 24 or (hour == 12 and _part(match) in _NIGHT)


def _is_small_hour(match: re.Match[str]) -> bool:
    """今晚1点, 夜里两点: hours of the night, not of the afternoon."""
    hour = _number(match["hour"] or match["spoken"] or "0")
    return 1 <= hour <= _SMALL_HOURS and _part(match) in _NIGHT


def _is_next_day(match: re.Match[str]) -> bool:
    """Whether the night of the day that was said has gone over into the next: 今晚12点, 今晚1点, 今晚凌晨两点."""
    evening = match["near"] in _NIGHT or match["part"] in ("晚上", "晚", "晚间")
    late = match["near"] in _NIGHT and match["part"] in ("凌晨", "半夜", "后半夜")
    return _is_midnight(match) or (_is_small_hour(match) and (evening or late)) or (late and match["part"] == "凌晨")


def _minute(match: re.Match[str]) -> int:
    if match["half"]:
        return 30
    if match["quarter"]:
        return 15 * _number(match["quarter"])
    said = match["minute"] or match["minutes"]
    return _number(said) if said else 0


def _day(match: re.Match[str], now: datetime, clock: time | None) -> date:
    today = now.date()
    if match["near"]:
        return today + timedelta(days=_DAYS[match["near"]])
    if match["weekday"]:
        return _weekday(match["week"], _WEEKDAYS[match["weekday"]], now, clock)
    if match["month"]:
        month, day = _number(match["month"]), _number(match["day"])
        month, day = (day, month) if month > _MONTHS else (month, day)
        return _date(match["year"], month, day, today)
    if match["last"]:
        return _last_of(match["last"], today)
    if match["only_day"]:
        return _day_of_month(_number(match["only_day"]), bool(match["next_month"]), today)
    if match["end"]:
        return _end_of_month(today, following=match["end"].startswith("下"))
    return today


def _weekday(week: str | None, weekday: int, now: datetime, clock: time | None) -> date:
    today = now.date()
    monday = today - timedelta(days=today.weekday())
    if week is not None:
        return monday + timedelta(days=weekday, weeks=_WEEKS[week])
    day = monday + timedelta(days=weekday)
    passed = day < today or (day == today and clock is not None and clock <= now.time())
    return day + timedelta(weeks=1) if passed else day


def _date(year: str | None, month: int, day: int, today: date) -> date:
    """Without a year the next such day; 29 February may be in the next year though this one has none."""
    if year is not None:
        return date(int(year), month, day)
    with suppress(ValueError):
        this_year = date(today.year, month, day)
        if this_year >= today:
            return this_year
    return date(today.year + 1, month, day)


def _day_of_month(day: int, following: bool, today: date) -> date:
    """The next such day: 31号 said in November is that of December. Raises ValueError for what no month has."""
    month = today.replace(day=1)
    if following or day < today.day:
        month = (month + timedelta(days=32)).replace(day=1)
    while not following and monthrange(month.year, month.month)[1] < day <= _LONGEST_MONTH:
        month = (month + timedelta(days=32)).replace(day=1)
    return month.replace(day=day)


def _end_of_month(today: date, following: bool) -> date:
    month = (today.replace(day=1) + timedelta(days=32)).replace(day=1) if following else today
    return month.replace(day=monthrange(month.year, month.month)[1])


def _last_of(said: str, today: date) -> date:
    """The last day of the month that was said: 十二月最后一天, 这个月末."""
    named = whole_number(said.removesuffix("月"))
    if named is None:
        return _end_of_month(today, following=said.startswith("下"))
    year = today.year + (named < today.month)
    return date(year, named, monthrange(year, named)[1])


def _number(text: str) -> int:
    """Raises ValueError for what is no number."""
    number = whole_number(text)
    if number is None:
        raise ValueError(text)
    return number
