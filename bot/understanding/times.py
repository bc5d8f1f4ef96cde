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

_DAYS = {"大后天": 3, "后天": 2, "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "今天": 0, "今日": 0, "今早": 0, "今晚": 0,
         "昨天": -1, "昨日": -1, "昨晚": -1, "前天": -2}  # fmt: skip
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "末": 5, "日": 6, "天": 6}
_WEEKS = {"下下": 2, "下": 1, "上": -1, "这": 0, "本": 0}
_NUMBER = rf"(?:\d{{1,2}}|[{CHINESE}]{{1,3}})"
_DAY = (
    rf"(?P<near>{'|'.join(_DAYS)})"
    r"|(?P<week>下下|下|上|这|本)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末])"
    rf"|(?:(?P<year>\d{{4}})[年./-])?(?P<month>{_NUMBER})[月./-](?P<day>{_NUMBER})[日号]?"
    rf"|(?P<next_month>下个?月)?(?P<only_day>{_NUMBER})[日号]"
    r"|(?P<end>下个?月底|这?个?月底)"
)
_PARTS = "凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|夜里|晚"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    rf"|(?P<spoken>{_NUMBER})[点时](?!间|候)(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minutes>{_NUMBER})分?|整)?"
)
_TIME = re.compile(rf"(?:{_DAY})?\s*(?P<part>{_PARTS})?\s*(?:{_CLOCK})?")
_STARTS = re.compile(rf"[\d{CHINESE}大后明今昨前下上这本周星礼个月凌清早中傍晚夜]")
_NIGHT = frozenset({"晚上", "晚", "夜里", "今晚", "明晚", "昨晚"})
_AFTERNOON = _NIGHT | {"下午", "傍晚"}
_LONGEST_MONTH = 31
_MORNING = frozenset({"凌晨", "清晨", "早上", "上午", "今早", "明早"})


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
            if start < tried or match is None or not _is_time(match):
                continue
            moment = self._moment(match, now.astimezone(SHANGHAI))
            if moment is not None:
                hour = self._clock(match) is not None
                exact = bool(match["hour"] or match["spoken"])
                return Found(moment, start, match.end(), day=_says_day(match), hour=hour, exact=exact)
            tried = match.end()  # 2月30日 is no day, and so is its 30日
        return None

    def find_all(self, text: str, now: datetime) -> list[Found]:
        """All times in a folded text, in their order."""
        found: list[Found] = []
        at = 0
        while (one := self.find(text[at:], now)) is not None:
            found.append(replace(one, start=one.start + at, end=one.end + at))
            at += one.end
        return found

    def _moment(self, match: re.Match[str], now: datetime) -> datetime | None:
        try:
            clock = self._clock(match)
            day = _day(match, now, clock) + timedelta(days=_is_midnight(match))
        except (ValueError, OverflowError):
            return None
        return datetime.combine(day, clock or time(), SHANGHAI)

    def _clock(self, match: re.Match[str]) -> time | None:
        part = match["part"] or match["near"] or ""
        said = match["hour"] or match["spoken"]
        if said is None:
            return time(self._parts[part]) if part in self._parts else None
        hour = _number(said)
        if _is_midnight(match) or (hour == 12 and part == "凌晨"):
            hour = 0
        elif hour < 12 and (part in _AFTERNOON or _means_afternoon(hour, part, spoken=bool(match["spoken"]))):
            hour += 12
        return time(hour, _minute(match))


@cache
def spoken_times() -> Times:
    """The one finder of times for those who need no more understanding than that."""
    return Times(dict(parts_of_day()))


def _says_day(match: re.Match[str]) -> bool:
    return any(match[name] for name in ("near", "weekday", "month", "only_day", "end"))


def _is_time(match: re.Match[str]) -> bool:
    return any(match[name] for name in ("near", "weekday", "month", "only_day", "end", "part", "hour", "spoken"))


def _means_afternoon(hour: int, part: str, *, spoken: bool) -> bool:
    """三点 with no part of the day is 15:00, as 中午1:30 is 13:30: nobody calls a meeting for the night."""
    return 1 <= hour <= 6 and part not in _MORNING and (spoken or part == "中午")


def _is_midnight(match: re.Match[str]) -> bool:
    """24:00 and 晚上12点 are the end of the day that was said: the first moment of the next one."""
    hour = _number(match["hour"] or match["spoken"] or "0")
    return hour == 24 or (hour == 12 and (match["part"] or match["near"] or "") in _NIGHT)


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
        return _date(match["year"], _number(match["month"]), _number(match["day"]), today)
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


def _number(text: str) -> int:
    """Raises ValueError for what is no number."""
    number = whole_number(text)
    if number is None:
        raise ValueError(text)
    return number
