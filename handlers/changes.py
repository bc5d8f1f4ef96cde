"""Planned lessons that are moved (改期) or called off (取消) by who runs their organisation."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from bot.clock import at, local
from bot.content import Button, Card, Choice, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.fields import without_labelled
from bot.understanding.intent import Intent
from bot.understanding.normalise import normalise
from bot.understanding.slots import find_hours
from bot.understanding.times import Found, spoken_times
from bot.wording import moment_text
from handlers.branch import announced, lesson_of_button
from handlers.coming import lesson_query
from handlers.lesson_fields import field_lines, put, read_fields, said_again
from handlers.lesson_words import is_at, named
from handlers.planning import QUIET, against, hour_buttons, overheard, time_of, when_label, why_not
from handlers.quiet_hours import proposals, quiet_text
from models.chats import Chat, chats_of
from models.lessons import Lesson, LessonState, kind_named

HOW_TO_MOVE = "请说哪一次、改到什么时候，比如「改期 党课 周五15:00」。"
NO_SUCH = "没有排着的{kind}。已经排好的，发「什么时候上课」看。"
NOT_YOURS = "这次课归{organisation}，您不是它的书记。"
WHICH = "{verb}哪一次？"
NEW_TIME = "🗓 {title}（原定 {when}）改到什么时候？"
MOVED = "📅 改期了：{title}，{before} → {after}{where}。报过会来、请了假的照旧，来不了的请说一声。"
CHANGED = "📅 有变动：{title}，{after}{where}。"
CALLED_OFF = "📅 取消了：{title}（原定 {when}）。{why}"
LATE = timedelta(hours=12)
"""How long after its time a lesson that was not opened can be moved or called off."""
MOST = 12
"""Lessons to choose among."""
LONGEST_WHY = 60
_QUESTION = re.compile(
    r"的话|(?:吗|么|呢|(?:取消|推迟|提前|改期|开|上)了?没有?|行不行|好不好|可不可以|可以不|怎么样|咋样|如何|[?？])[\s?？。.!！]*$"
)
_BY = re.compile(r"(?:(?P<later>推迟|推后|延[期迟后长]?|晚)|提前|早)(?:[点个开上了约]|大概|一下|\s)*$")
"""What stands before the hours by which a lesson moves; other hours tell how long it lasts."""
SURE = 0.7
"""Below this the lesson is asked for, even where there is one only."""
NOT_ANY_MORE = {
    LessonState.OPEN: "{title}已经开始签到了。要结束，发「结束签到」。",
    LessonState.CLOSED: "{title}已经结束了，改不了了。",
    LessonState.CANCELLED: "{title}已经取消了。要再开，请重新发「计划 {kind} 时间」。",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What 改期 says: the time to which, or by how much, and the other words, which tell which lesson."""

    words: str
    new: Found | None
    by: timedelta | None


@dataclass(frozen=True, slots=True)
class _Meant:
    """The lessons that can be meant; ``sure``: where it is one, nothing speaks against it."""

    lessons: list[Lesson]
    sure: bool


@handles("move_lesson", by=Who.SECRETARY)
def move(context: Context, intent: Intent) -> Reply | None:
    """Moves a planned lesson, or changes its place and what else is labelled. Leave and 会来 stay as they are."""
    if _is_question(context):
        return _told_what_is_planned(context, intent)
    said, fields = _said(context), read_fields(context.message.text)
    if said.new is None and said.by is None and not fields and overheard(context, intent):
        return None
    meant = _meant(context, intent, said.words)
    if isinstance(meant, Text):
        return None if overheard(context, intent) else Privately(meant)
    if not meant.sure or len(meant.lessons) > 1:
        return Privately(_which("改期", meant.lessons, _to(said) + said_again(fields)))
    (lesson,) = meant.lessons
    moment = _new_time(lesson, said)
    if moment == lesson.planned_at and not fields:
        return Privately(_ask_time(context, lesson))
    wrong = why_not(context, lesson, moment, HOW_TO_MOVE) if moment != lesson.planned_at else ""
    return Privately(Text(wrong)) if wrong else _move(context, lesson, moment, fields)


def _move(context: Context, lesson: Lesson, moment: datetime, fields: dict[str, str]) -> Reply:
    before = time_of(lesson)
    put(lesson, fields)
    lesson.planned_at, lesson.message_id = moment, context.message_id
    where = f"，{lesson.place}" if lesson.place else ""
    words = (MOVED if moment != before else CHANGED).format(
        title=lesson.title, before=moment_text(before), after=moment_text(moment), where=where
    )
    doubt = against(context, lesson.organisation, lesson) if moment != before else None
    if doubt is not None:
        context.tell_address(context.sender, doubt)
    return _told(context, lesson, "\n".join([words, *field_lines(lesson)]))


@handles("cancel_lesson", by=Who.SECRETARY)
def cancel(context: Context, intent: Intent) -> Reply | None:
    """Calls a planned lesson off, with the reason as it was given."""
    if _is_question(context):
        return _told_what_is_planned(context, intent)
    why = intent.text("text")[:LONGEST_WHY].strip(" ，。,.")
    meant = _meant(context, intent, normalise(context.message.text).folded)
    if isinstance(meant, Text):
        return None if overheard(context, intent) else Privately(meant)
    if not meant.sure or len(meant.lessons) > 1:
        return Privately(_which("取消", meant.lessons, f" {why}" if why else ""))
    (lesson,) = meant.lessons
    lesson.state, lesson.cancelled_why, lesson.message_id = LessonState.CANCELLED, why, context.message_id
    reason = f"{why}。" if why else ""
    return _told(context, lesson, CALLED_OFF.format(title=lesson.title, when=moment_text(time_of(lesson)), why=reason))


def _is_question(context: Context) -> bool:
    """党课取消了吗 calls nothing off."""
    return _QUESTION.search(context.message.text) is not None


def _told_what_is_planned(context: Context, intent: Intent) -> Reply | None:
    return lesson_query(context, intent) if context.message.addressed else None


def _said(context: Context) -> _Said:
    text = normalise(without_labelled(context.message.text)).folded
    hours = find_hours(text)
    direction = _BY.search(text[: hours.span.start]) if hours is not None else None
    if hours is not None and direction is not None:
        by = timedelta(minutes=round(float(hours.value) * 60))
        return _Said(text, None, by if direction["later"] else -by)
    found = spoken_times().find_all(text, context.said_at)
    if not found:
        return _Said(text, None, None)
    new = found[-1]
    return _Said(f"{text[: new.start]} {text[new.end :]}", new, None)


def _to(said: _Said) -> str:
    """The new time in the words of a command, as far as it was said."""
    if said.new is None:
        return ""
    there = local(said.new.moment)
    parts = [f"{there:%Y-%m-%d}" if said.new.day else "", f"{there:%H:%M}" if said.new.hour else ""]
    return f" 到 {' '.join(part for part in parts if part)}"


def _new_time(lesson: Lesson, said: _Said) -> datetime:
    """Of what was not said, day or hour, those that the lesson had stay."""
    before = time_of(lesson)
    if said.new is None:
        return before + (said.by or timedelta())
    there, here = local(said.new.moment), local(before)
    day = there.date() if said.new.day else here.date()
    clock = there.time() if said.new.hour else here.time()
    return at(day, clock)


def _meant(context: Context, intent: Intent, words: str) -> _Meant | Text:
    """The lesson of the button; else those of the kind, day and hour that were said. A text says why there is none."""
    if context.message.about.startswith("lesson:"):
        return _of_button(context)
    kind = kind_named(intent.text("kind"))
    planned = [lesson for lesson in _planned(context) if kind in ("", lesson.kind)]
    if not planned:
        return Text(NO_SUCH.format(kind=kind or "会和课"))
    found = spoken_times().find(words, context.said_at)
    lessons = named(planned, words, context.said_at)
    fits = all(is_at(lesson, found) for lesson in lessons) if found else not _is_running(context, kind)
    return _Meant(lessons[:MOST], sure=fits and intent.confidence >= SURE)


def _is_running(context: Context, kind: str) -> bool:
    """Whether one of the kind is open now: who says no day may mean that one."""
    return any(kind in ("", lesson.kind) for lesson in _lessons(context, Lesson.state == LessonState.OPEN))


def _of_button(context: Context) -> _Meant | Text:
    lesson = lesson_of_button(context)
    if lesson is None:
        return Text(NO_SUCH.format(kind="这次课"))
    if not context.runs(lesson.organisation):
        return Text(NOT_YOURS.format(organisation=lesson.organisation.name))
    if lesson.state is not LessonState.PLANNED:
        return Text(NOT_ANY_MORE[lesson.state].format(title=lesson.title, kind=lesson.kind))
    return _Meant([lesson], sure=True)


def _planned(context: Context) -> list[Lesson]:
    """What can still be changed by the sender, the next first."""
    return _lessons(context, Lesson.state == LessonState.PLANNED, Lesson.planned_at > context.now - LATE)


def _lessons(context: Context, *conditions: ColumnElement[bool]) -> list[Lesson]:
    """Those of the organisation spoken of, and of those below, that the sender runs."""
    organisation = context.organisation
    if organisation is None:
        return []
    query = (
        select(Lesson)
        .where(
            Lesson.organisation_id.in_([below.id for below in context.batch.tree.below(organisation)]),
            *conditions,
        )
        .order_by(Lesson.planned_at, Lesson.id)
    )
    return [lesson for lesson in context.session.scalars(query) if context.runs(lesson.organisation)]


def _which(verb: str, lessons: list[Lesson], rest: str) -> Card:
    """Each option says its lesson's own time, so that no two say the same."""
    options = tuple(
        Button(
            f"{moment_text(time_of(lesson))} {lesson.title}",
            f"{verb} {lesson.kind} {local(time_of(lesson)):%Y-%m-%d %H:%M}{rest}",
            f"lesson:{lesson.id}",
        )
        for lesson in lessons
    )
    example = f"{verb} {lessons[0].kind} {when_label(time_of(lessons[0]), alone=True)}"
    title = f"🗓 {WHICH.format(verb=verb)}"
    listed = "\n".join(option.label for option in options)
    return Card(title, listed, choice=Choice("选一次", options), hint=f"也可以说清楚日子，比如「{example}」。")


def _ask_time(context: Context, lesson: Lesson) -> Card:
    offered = proposals(context, lesson.organisation, lesson.kind, None)
    return Card(
        title=NEW_TIME.format(title=lesson.title, when=moment_text(time_of(lesson))),
        text=QUIET.format(stretches=quiet_text(context, lesson.organisation)),
        buttons=hour_buttons(offered, f"改期 {lesson.kind} {{}}", f"lesson:{lesson.id}", alone=True),
        hint=HOW_TO_MOVE,
    )


def _told(context: Context, lesson: Lesson, words: str) -> Reply:
    """The group of the lesson hears it; who has said it elsewhere hears that it does."""
    chat = context.session.get(Chat, lesson.chat_id) if lesson.chat_id else None
    return announced(context, [chat] if chat else chats_of(context.session, lesson.organisation), words)
