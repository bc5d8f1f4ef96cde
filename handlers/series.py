"""Series of short lessons that repeat: set by the secretary, listed, ended. They open by themselves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import select

from bot.clock import local
from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.fields import TOPIC
from bot.understanding.intent import Intent
from bot.understanding.normalise import normalise
from bot.understanding.times import spoken_times
from bot.wording import WEEKDAYS, moment_text
from handlers.branch import announced, branch_chat
from handlers.lesson_fields import LONGEST
from models.base import new_id
from models.chats import Chat
from models.lessons import DEFAULT_KIND, LESSON_KINDS, Lesson, LessonState, kind_named, kind_within
from models.organisations import Organisation
from models.series import Series, series_of
from schedules.series import make_ahead, next_session

HOW_TO = "请说哪几天、几点、什么课，比如「每周三15:30 10分钟微课堂 交通安全」「每个工作日8:45 班前一刻钟」。"
NO_HOUR = "请写几点，比如「{said}15:30 10分钟微课堂」。"
ALREADY = "这个时间已经有系列 {number} 了：{what}。"
TOO_MANY = "已经有 {count} 个系列了，先停掉一个：「停系列 1」。"
NONE = "还没有系列课。要定，请书记发「每周三15:30 10分钟微课堂 交通安全」。"
WHICH = "要停哪一个？发「停系列 序号」。\n{lines}"
NO_SUCH = "没有正在进行的系列 {number}。"
ON_WORKING_DAYS = "放假不开，调休上班照开"
EVERY_WEEK = "遇法定节假日顺延到下一个工作日"
EVERY_DAY = "法定节假日不开"
ENDED_WHY = "系列停了"
MOST = 10
"""Series that one organisation may have at a time."""
_WEEK = "一二三四五六日"
_DAY = "[一二三四五六日天]"
_EVERY = re.compile(
    r"每个?(?:(?P<working>工作日)|(?P<daily>天|日)"
    rf"|(?:周|星期|礼拜)(?P<days>末|{_DAY}(?:[\s,和及与]*(?:[到至~—-]\s*)?(?:周|星期|礼拜)?{_DAY}(?![点时:]))*))"
    r"|(?P<each>工作日)每天"
)
_RANGE = re.compile(rf"(?P<first>{_DAY})\s*[到至~—-]\s*(?:周|星期|礼拜)?(?P<last>{_DAY})")
_EDGES = " \t\r\n,.:;!，。：；！、-—的"
_VERB = re.compile(r"(?:召开|举行|组织|安排|开|上|搞)个?\s*$")
_TALK = re.compile(r"大家|记得|别忘|都|请|吗|准时|必须|不要|不用|取消|改")
"""What makes words about a series something that people say to one another."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When something repeats. ``weekdays``: Monday is 0; empty: every working day."""

    weekdays: tuple[int, ...]
    at: time | None
    """None: no hour was said."""
    said: str
    """The words of the days."""
    rest: str
    """What else was said."""


def parse_rhythm(text: str, now: datetime) -> Rhythm | None:
    """Reads 每周三15:30, 每周一、三、五下午3点半, 每周一到周五 8:45, 每个工作日, 每天. None: nothing repeats in it."""
    message = normalise(text)
    every = _EVERY.search(message.folded)
    if every is None:
        return None
    found = spoken_times().find(message.folded[every.end() :], now)
    rest = message.text[every.end() :]
    hour = None
    if found is not None and found.hour:
        hour = local(found.moment).time()
        rest = f"{rest[: found.start]} {rest[found.end :]}"
    return Rhythm(_weekdays(every), hour, every[0], rest.strip(_EDGES))


def _weekdays(every: re.Match[str]) -> tuple[int, ...]:
    if every["working"] or every["each"]:
        return ()
    if every["daily"]:
        return tuple(range(7))
    if every["days"] == "末":
        return (5, 6)
    days: set[int] = set()
    said = every["days"].replace("天", "日")
    for stretch in _RANGE.finditer(said):
        first, last = _WEEK.index(stretch["first"]), _WEEK.index(stretch["last"])
        days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return tuple(sorted(days | {_WEEK.index(day) for day in re.findall(_DAY, said)}))


@handles("plan_series", by=Who.SECRETARY)
def plan_series(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Sets a series in the branch's group; its lessons of the next week are made at once."""
    rhythm = parse_rhythm(context.message.text, context.said_at)
    if not context.message.addressed and (rhythm is None or _TALK.search(rhythm.rest)):
        return None
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    if rhythm is None:
        return Privately(Text(HOW_TO))
    if rhythm.at is None:
        return Privately(Text(NO_HOUR.format(said=rhythm.said)))
    series = _new_series(context, chat, rhythm, rhythm.at)
    existing = _going_on(context, series.organisation)
    for number, other in existing.items():
        if (other.chat_id, other.at, other.weekdays) == (series.chat_id, series.at, series.weekdays):
            return Privately(Text(ALREADY.format(number=number, what=_described(other))))
    if len(existing) >= MOST:
        return Privately(Text(TOO_MANY.format(count=len(existing))))
    context.session.add(series)
    context.session.flush()
    make_ahead(context.session, series, context.now)
    number = next(n for n, other in series_of(context.session, series.organisation).items() if other is series)
    first = next_session(context.session, series, context.now)
    words = (
        f"🔁 系列 {number} 定好了：{_described(series)}。{_rule(series)}。到点自动开始签到，开 {series.minutes} 分钟。"
        f"{f'第一次：{moment_text(first)}。' if first else ''}要停，发「停系列 {number}」。"
    )
    return announced(context, [chat], words)


def _new_series(context: Context, chat: Chat, rhythm: Rhythm, hour: time) -> Series:
    """A series of the group's organisation; it is not in the session yet."""
    if chat.organisation is None:
        raise ValueError(f"chat {chat.id} is tied to no organisation")
    word = kind_within(rhythm.rest)
    kind = kind_named(word) or DEFAULT_KIND
    before, _, behind = rhythm.rest.partition(word) if word else ("", "", rhythm.rest)
    topic = f"{_VERB.sub('', before)} {behind}"
    return Series(
        id=new_id(),
        organisation=chat.organisation,
        organisation_id=chat.organisation.id,
        chat_id=chat.id,
        kind=kind,
        topic=" ".join(topic.replace("《", " ").replace("》", " ").split()).strip(_EDGES)[: LONGEST[TOPIC]],
        weekdays=list(rhythm.weekdays),
        at=hour,
        minutes=LESSON_KINDS[kind].minutes,
        begins_on=local(context.now).date(),
        made_by=context.person.id if context.person else None,
        made_at=context.now,
        message_id=context.message_id,
    )


def _going_on(context: Context, organisation: Organisation) -> dict[int, Series]:
    return {n: one for n, one in series_of(context.session, organisation).items() if one.ended_at is None}


def _described(series: Series) -> str:
    return f"{days_text(series.weekdays)} {series.at:%H:%M} {series.title}"


def _rule(series: Series) -> str:
    """What becomes of it on days off."""
    if not series.weekdays:
        return ON_WORKING_DAYS
    return EVERY_DAY if len(series.weekdays) == len(WEEKDAYS) else EVERY_WEEK


def days_text(weekdays: Sequence[int]) -> str:
    """``每周一、三、五``, ``每个工作日``, ``每天``."""
    if not weekdays:
        return "每个工作日"
    if len(weekdays) == len(WEEKDAYS):
        return "每天"
    return "每周" + "、".join(WEEKDAYS[day] for day in weekdays)


@handles("list_series", by=Who.MEMBER)
def list_series(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The series that go on, and when each is held next."""
    organisation = context.organisation
    going_on = _going_on(context, organisation) if organisation else {}
    return Text("🔁 系列课：\n" + _lines(context, going_on) if going_on else NONE)


def _lines(context: Context, series: dict[int, Series]) -> str:
    lines = []
    for number, one in series.items():
        following = next_session(context.session, one, context.now)
        lines.append(f"{number}. {_described(one)}{f'，下一次 {moment_text(following)}' if following else ''}")
    return "\n".join(lines)


@handles("end_series", by=Who.SECRETARY)
def end_series(context: Context, intent: Intent) -> Reply:
    """Ends a series: what was planned of it is cancelled, what was held stays."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return Privately(Text(Who.SECRETARY.value))
    going_on = _going_on(context, organisation)
    number = intent.integer("number")
    if not going_on:
        return Privately(Text(NONE))
    if number is None and len(going_on) > 1:
        return Privately(Text(WHICH.format(lines=_lines(context, going_on))))
    number = next(iter(going_on)) if number is None else number
    series = going_on.get(number)
    if series is None:
        return Privately(Text(NO_SUCH.format(number=number)))
    series.ended_at = context.now
    query = select(Lesson).where(Lesson.series_id == series.id, Lesson.state == LessonState.PLANNED)
    for lesson in context.session.scalars(query):
        lesson.state, lesson.cancelled_why = LessonState.CANCELLED, ENDED_WHY
    words = f"系列 {number} 停了：{_described(series)}。后面安排的都取消了，上过的都留着。"
    return announced(context, [series.chat], words)
