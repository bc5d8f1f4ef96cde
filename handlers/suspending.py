"""挂账: what cannot be solved now is set aside, with a reason and the day of the next look; and 复办, its end."""

import re
from datetime import date, timedelta

from bot.clock import at, local
from bot.content import Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.case_words import resolve_form
from bot.understanding.intent import Intent
from bot.understanding.normalise import normalise
from bot.understanding.numerals import CHINESE, whole_number
from bot.understanding.times import spoken_times
from bot.wording import day_text
from handlers.case_meant import open_case
from handlers.cases import act, answer, dispatchers, name_of, tell_reporter, tell_unit
from models.cases import Action, Case, Part, parts_of
from schedules.working_time import FROM

LONGEST = timedelta(days=90)
"""For how long a case may be set aside at once."""
FAR = 999
"""More of any unit than is ever meant: 万万天后 is no date at all."""
NOTHING = "挂到哪天、为什么？请发「挂账 {number} 12月10号 等施工队」。"
NO_DAY = "挂到哪天再看？请发「挂账 {number} 12月10号 {reason}」，最长 90 天。"
NO_REASON = "为什么要挂账？请发「挂账 {number} {day} 等施工队」。"
PAST = "挂账要到以后的某一天，{day}不行。请发「挂账 {number} 12月10号 {reason}」。"
TOO_LONG = "挂账最长 90 天，最晚到{day}。到时办不了可以再挂。"
_COUNTED = rf"(?P<count>\d{{1,3}}|[{CHINESE}]{{1,3}}|半)(?:个?(?P<days>天|周|星期|礼拜)|个(?P<month>月))"
_AFTER = re.compile(
    rf"(?:(?:^|再?过){_COUNTED}(?:以后|之后|后)?)|{_COUNTED.replace('?P<', '?P<then_')}(?:以后|之后|后)"
)
_DAYS = {"天": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}
_TO_THE_DAY = re.compile(r"再?挂?[到至]$")
_LEADS = re.compile(r"^(?:再?挂?[到至]|再[看说办]|先|因为|理由是?|原因是?|[\s,.，。:：;；、])+")
_TRAILS = re.compile(r"[\s,.，。:：;；、]*(?:再[看说办])?[\s,.，。:：;；、]*$")


@handles("suspend_case", by=Who.ANYONE)
def suspend(context: Context, intent: Intent) -> Reply | None:
    """挂账 with a day and a reason; what is missing is asked for."""
    case = open_case(context, intent, Action.SUSPEND)
    if not isinstance(case, Case):
        return case
    until, reason = day_and_reason(context, intent.text("text"))
    if until is None:
        return Privately(Text(_no_day(case, reason)))
    if missing := _missing(context, case, until, reason):
        return Privately(Text(missing))
    act(context, case, Action.SUSPEND, reason, until=until)
    day = day_text(at(until, FROM))
    _tell_others(context, case, f"先挂账，{day}再看：{reason}")
    return answer(case, f"{name_of(case)}已挂账到{day}：{reason}。到那天我提醒您；能办了就发「复办 {case.number}」。")


def day_and_reason(context: Context, words: str) -> tuple[date | None, str]:
    """The day of the next look and the reason, out of what was said after 挂账, in either order."""
    message = normalise(words)
    found = spoken_times().find(message.folded, context.said_at)
    if found is not None and found.day:
        return local(found.moment).date(), _tidy(message.text[: found.start], message.text[found.end :])
    after = _AFTER.search(message.folded)
    if after is None:
        return None, _tidy(message.text, "")
    day = local(context.said_at).date() + timedelta(days=_days(after))
    return day, _tidy(message.text[: after.start()], message.text[after.end() :])


def _days(after: re.Match[str]) -> int:
    """How many days are meant by 三天后, 过两周, 半个月."""
    said = after["count"] or after["then_count"]
    unit = after["days"] or after["month"] or after["then_days"] or after["then_month"]
    return _DAYS[unit] // 2 if said == "半" else min(whole_number(said) or 0, FAR) * _DAYS[unit]


def _tidy(before: str, after: str) -> str:
    """What is left around the day, without the words that only lead to it or away from it: 到, 再看."""
    pieces = (_TO_THE_DAY.sub("", before), after)
    return "，".join(piece for words in pieces if (piece := _TRAILS.sub("", _LEADS.sub("", words))))


def _no_day(case: Case, reason: str) -> str:
    return NO_DAY.format(number=case.number, reason=reason) if reason else NOTHING.format(number=case.number)


def _missing(context: Context, case: Case, until: date, reason: str) -> str:
    """What must still be said, or said otherwise; empty where all is well."""
    number, today = case.number, local(context.said_at).date()
    day = day_text(at(until, FROM))
    if until <= today:
        return PAST.format(number=number, day=day, reason=reason or "等施工队")
    if until > today + LONGEST:
        return TOO_LONG.format(day=day_text(at(today + LONGEST, FROM)))
    return "" if reason else NO_REASON.format(number=number, day=f"{until.month}月{until.day}号")


@handles("resume_case", by=Who.ANYONE)
def resume(context: Context, intent: Intent) -> Reply | None:
    """复办: the case goes on where it was."""
    case = open_case(context, intent, Action.RESUME)
    if not isinstance(case, Case):
        return case
    act(context, case, Action.RESUME, intent.text("text"))
    _tell_others(context, case, "接着办了。")
    hint = f"办好了发「办结 {case.number} 怎么办的」。"
    return answer(case, Card(f"{name_of(case)}接着办，现在是「{case.state}」。", form=resolve_form(case), hint=hint))


def _tell_others(context: Context, case: Case, what: str) -> None:
    """The reporter, the secretary where the unit has done it, the unit where the secretary has."""
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}{what}"))
    parts = parts_of(context.person, case) if context.person else frozenset[Part]()
    if Part.DISPATCHER not in parts and not context.admin:
        context.tell_all(dispatchers(context, case), Text(f"{name_of(case)}{what}"))
    if case.unit is not None and Part.UNIT not in parts:
        tell_unit(context, case, case.unit, Text(f"{name_of(case)}{what}"))
