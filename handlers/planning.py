"""Lessons and meetings that are to come: planned by the secretary, with what speaks against the time that was said."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.clock import local
from bot.content import Button, Card, Choice, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import day_text, hour_text, moment_text
from handlers.branch import ABOUT_CHAT, branch_chat, new_lesson
from handlers.lesson_fields import field_lines, fields_of, said_again
from handlers.quiet_hours import is_quiet, proposals, quiet_text
from models.chats import Chat
from models.lessons import LESSON_KINDS, Lesson, LessonState, kind_named
from models.organisations import Organisation
from schedules.calendar import next_quiet_minute
from schedules.duties import DUTIES, SPANS

HOW_TO_PLAN = "请说什么会、什么时候，比如「计划 党员大会 周五15:00」。"
COMMAND = 0.95
"""Confidence of what nobody says but to the bot."""
FARTHEST = timedelta(days=366)
TOO_FAR = "{when} 太远了，一年以内的才排。{how}"
PASSED = "{when} 已经过了。{how}"
ALREADY = "{when} 已经安排过{kind}了。要改时间，发「改期 {kind} 新的时间」。"
WHEN = "🗓 {title}，{day}几点开？"
WHICH_DAY = "🗓 {title}什么时候开？"
QUIET = "大家的空档：{stretches}。"
BUSY = "⚠️ {title}，{when} 正是大家忙的时候。已经照您说的排了。"
AT_NIGHT = "⚠️ {title}，{when} 是休息的时候。已经照您说的排了。"
AT_SAME_TIME = "同一时间还排了{title}：{when}。"
NEAR = timedelta(hours=1)
"""Lessons that begin closer together than this cannot both be attended."""
IN_SAME_PERIOD = "{period}已经排了一次{kind}：{when}。"
_PERIODS = {"month": "当月", "quarter": "当季", "year": "当年"}


@handles("plan_lesson", by=Who.SECRETARY)
def plan(context: Context, intent: Intent) -> Reply | None:
    """Plans a meeting; reminders come by themselves. What is missing is asked for, what speaks against it is said."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    organisation = chat.organisation
    if organisation is None:
        raise LookupError(f"chat {chat.id} is not tied")
    lesson = new_lesson(context, chat, intent)
    moment = datetime.fromisoformat(intent.text("time")) if intent.text("time") else None
    hour_said = moment is not None and local(moment).time() != datetime.min.time()
    if not kind_named(intent.text("kind")):
        return None if overheard(context, intent) else Privately(_ask_kind(chat, lesson, moment))
    if moment is not None and local(moment).date() < local(context.now).date():
        return Privately(
            Text(PASSED.format(when=moment_text(moment) if hour_said else day_text(moment), how=HOW_TO_PLAN))
        )
    if moment is None or not hour_said:
        return Privately(_ask_hour(context, chat, lesson, moment))
    wrong = why_not(context, lesson, moment, HOW_TO_PLAN)
    if wrong:
        return Privately(Text(wrong))
    lesson.planned_at, lesson.message_id = moment, context.message_id
    other = "\n".join(filter(None, (_other_at_the_time(context, lesson), _other_in_period(context, lesson))))
    context.session.add(lesson)
    return _announce(context, chat, organisation, lesson, other)


def overheard(context: Context, intent: Intent) -> bool:
    """Whether a secretary may have said this to people, and not to the bot: what it misses is not asked for."""
    return not context.message.addressed and intent.confidence < COMMAND


def _announce(context: Context, chat: Chat, organisation: Organisation, lesson: Lesson, other: str) -> Reply:
    """The group hears what is planned, the secretary alone what speaks against it."""
    planned = Text("\n".join([_planned_line(lesson), *field_lines(lesson)]))
    doubt = against(context, organisation, lesson, other)
    if context.chat is not None:
        if doubt is not None:
            context.tell_address(context.sender, doubt)
        return planned
    context.say(chat, planned)
    if doubt is not None:
        context.tell_address(context.sender, doubt)
    where = f"「{chat.title}」" if chat.title else "群里"
    return Text(f"已安排{lesson.title}，{moment_text(time_of(lesson))}，也告诉{where}了。")


def _planned_line(lesson: Lesson) -> str:
    where = f"，{lesson.place}" if lesson.place else ""
    then = f"会前我提醒大家，到时候发「开课 {lesson.kind}」就开始签到。"
    return f"📅 已安排：{lesson.title}，{moment_text(time_of(lesson))}{where}。{then}"


def time_of(lesson: Lesson) -> datetime:
    """When a planned lesson is to begin. Raises ValueError for one that was not planned."""
    if lesson.planned_at is None:
        raise ValueError(f"lesson {lesson.id} has no time")
    return lesson.planned_at


def _ask_kind(chat: Chat, lesson: Lesson, moment: datetime | None) -> Card:
    """Which kind it is to be. 谈心谈话 and the like are no meetings that people check in to."""
    at = f" {local(moment):%Y-%m-%d %H:%M}".removesuffix(" 00:00") if moment else ""
    said = f"{at}{said_again(fields_of(lesson))}"
    options = tuple(Button(kind, f"计划 {kind}{said}", f"{ABOUT_CHAT}{chat.id}") for kind in LESSON_KINDS)
    return Card("🗓 是哪一种会、哪一种课？", choice=Choice("选一种", options), hint=HOW_TO_PLAN)


def _ask_hour(context: Context, chat: Chat, lesson: Lesson, moment: datetime | None) -> Card:
    """Which hour, with proposals when the people have time; each button says the whole command."""
    if chat.organisation is None:
        raise LookupError(f"chat {chat.id} is not tied")
    day = local(moment).date() if moment else None
    offered = proposals(context, chat.organisation, lesson.kind, day)
    alone = any(local(each).date() != day for each in offered)
    says = f"计划 {lesson.kind} {{}}{said_again(fields_of(lesson))}"
    return Card(
        title=WHEN.format(title=lesson.title, day=day_text(moment)) if moment else WHICH_DAY.format(title=lesson.title),
        text=QUIET.format(stretches=quiet_text(context, chat.organisation)),
        buttons=hour_buttons(offered, says, f"{ABOUT_CHAT}{chat.id}", alone=alone),
        hint=f"比如发「计划 {lesson.kind} {when_label(offered[0], alone=True) if offered else '周五15:00'}」。",
    )


def hour_buttons(offered: Sequence[datetime], says: str, about: str, *, alone: bool) -> tuple[Button, ...]:
    """A button for each hour, the first preferred; each says ``says``, its day and hour for the first ``{}``."""
    return tuple(
        Button(
            when_label(each, alone=alone),
            says.replace("{}", f"{local(each):%Y-%m-%d %H:%M}", 1),
            about,
            "plain" if number else "primary",
        )
        for number, each in enumerate(offered)
    )


def when_label(moment: datetime, *, alone: bool) -> str:
    """``15:00``, or with its day: ``11月27日15:00``."""
    there = local(moment)
    return f"{there.month}月{there.day}日{hour_text(moment)}" if alone else hour_text(moment)


def why_not(context: Context, lesson: Lesson, moment: datetime, how: str) -> str:
    """What to say where the lesson cannot be at that time; empty where it can."""
    if moment <= context.now:
        return PASSED.format(when=moment_text(moment), how=how)
    if moment > context.now + FARTHEST:
        return TOO_FAR.format(when=f"{local(moment).year}年{moment_text(moment)}", how=how)
    same = _planned_of_kind(context, lesson, moment, moment)
    return ALREADY.format(when=moment_text(moment), kind=lesson.kind) if same else ""


def against(context: Context, organisation: Organisation, lesson: Lesson, other: str = "") -> Card | Text | None:
    """What the secretary should know of a time that was chosen: rush hours and night, with better times to press."""
    moment = time_of(lesson)
    if is_quiet(context, organisation, moment):
        return Text(other) if other else None
    night = next_quiet_minute(moment, ()) != moment
    day = local(moment).date()
    offered = proposals(context, organisation, lesson.kind, day)
    buttons = tuple(
        Button(
            f"改到{when_label(each, alone=local(each).date() != day)}",
            f"改期 {lesson.kind} {local(each):%Y-%m-%d %H:%M}",
            f"lesson:{lesson.id}",
        )
        for each in offered
    )
    return Card(
        title=(AT_NIGHT if night else BUSY).format(title=lesson.title, when=moment_text(moment)),
        text="\n".join(part for part in (QUIET.format(stretches=quiet_text(context, organisation)), other) if part),
        buttons=buttons,
        hint=f"要改，发「改期 {lesson.kind} 新的时间」。",
    )


def _other_at_the_time(context: Context, lesson: Lesson) -> str:
    """Another of the organisation's lessons that begins at nearly the same time."""
    moment = time_of(lesson)
    query = select(Lesson).where(
        Lesson.organisation_id == lesson.organisation.id,
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at > moment - NEAR,
        Lesson.planned_at < moment + NEAR,
        Lesson.id != lesson.id,
    )
    other = context.session.scalars(query.order_by(Lesson.planned_at).limit(1)).one_or_none()
    return AT_SAME_TIME.format(title=other.title, when=moment_text(time_of(other))) if other else ""


def _other_in_period(context: Context, lesson: Lesson) -> str:
    """The other one of a duty's kind that is planned for the same month, quarter or year."""
    kind = lesson.counts_as or lesson.kind
    duty = next((duty for duty in DUTIES if duty.kind == kind), None)
    if duty is None:
        return ""
    span = SPANS[duty.every](local(time_of(lesson)).date())
    others = _planned_of_kind(context, lesson, span.start, span.end - timedelta(microseconds=1))
    if not others:
        return ""
    when = moment_text(time_of(others[0]))
    return IN_SAME_PERIOD.format(period=_PERIODS[duty.every], kind=others[0].kind, when=when)


def _planned_of_kind(context: Context, lesson: Lesson, first: datetime, last: datetime) -> list[Lesson]:
    query = select(Lesson).where(
        Lesson.organisation_id == lesson.organisation.id,
        Lesson.kind == lesson.kind,
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at.between(first, last),
        Lesson.id != lesson.id,
    )
    return list(context.session.scalars(query.order_by(Lesson.planned_at)))
