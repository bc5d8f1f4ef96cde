"""Lessons and meetings: opened and closed by the secretary, and who is missing."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.clock import local
from bot.content import Mention, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.attendance import closing_summary, live_lesson_card, missing_call, missing_list
from bot.understanding.intent import Intent
from handlers.branch import NOT_OPENED, branch_chat, new_lesson, open_in
from handlers.leave import leave_list
from handlers.lesson_fields import put, read_fields
from handlers.people import mentions
from models.attendance import attendance
from models.chats import Chat
from models.lessons import (
    Lesson,
    LessonState,
    close_lesson,
    kind_named,
    open_lesson,
)
from models.people import Person

NOTHING_OPEN = "现在没有开着的签到。要开始，请发「开课 10分钟微课堂 主题」。"
NOTHING_PLANNED = "最近没有课，也没有人请假。要安排，请发「计划 党员大会 周五15:00」。"
ON_LEAVE = "假"
"""What is in every question for those on leave, and in no other of this kind."""
NEAR = timedelta(hours=1)
"""How near its time a planned lesson is what 开课 without a kind means."""


CALLED = 20
"""More people than this are not called at once: their names are enough."""


@handles("open_lesson", by=Who.SECRETARY)
def open_(context: Context, intent: Intent) -> Reply | None:
    """Opens check-in in the branch's group, for what was planned for today where it fits; from when it was said on."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    running = open_in(context, chat)
    if running is not None:
        if running.closes_at is None or context.said_at < running.closes_at:
            return Privately(Text(f"《{running.topic or running.kind}》还在签到。请先发「结束签到」。"))
        _end(context, chat, running)  # its time is over: the schedule would have ended it, but comes later
    lesson = _planned_today(context, chat, intent) or new_lesson(context, chat, intent)
    put(lesson, read_fields(context.message.text))
    lesson.chat_id = chat.id
    lesson.led_by = context.person.id if context.person else None
    lesson.message_id = context.message_id
    open_lesson(context.session, lesson, context.said_at)
    context.batch.forget_shared()  # who checks in right behind this, in the same batch, must find it
    lesson.card = context.say(chat, live_lesson_card(context.session, lesson.id))
    return Text(f"已经在{f'「{chat.title}」' if chat.title else '群'}里开始签到。") if context.private else None


def _planned_today(context: Context, chat: Chat, intent: Intent) -> Lesson | None:
    query = select(Lesson).where(
        Lesson.organisation_id == chat.organisation_id,
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at >= context.said_at - timedelta(hours=12),
        Lesson.planned_at <= context.said_at + timedelta(hours=12),
    )
    today = local(context.said_at).date()
    kind, topic = kind_named(intent.text("kind")), intent.text("topic")
    for lesson in context.session.scalars(query.order_by(Lesson.planned_at)):
        soon = _is_about_to_start(lesson, context.said_at)
        today_or_soon = soon or (lesson.planned_at is not None and local(lesson.planned_at).date() == today)
        meant = lesson.kind == kind if kind else soon
        if today_or_soon and meant and (not topic or lesson.topic in ("", topic)):
            lesson.topic = lesson.topic or topic
            return lesson
    return None


def _is_about_to_start(lesson: Lesson, now: datetime) -> bool:
    return lesson.planned_at is not None and abs(lesson.planned_at - now) <= NEAR


@handles("close_lesson", by=Who.SECRETARY)
def close(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Ends check-in with its figures; from then on whoever is missing is absent."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    lesson = open_in(context, chat)
    if lesson is None:
        return Privately(Text(NOTHING_OPEN))
    summary = _end(context, chat, lesson)
    return summary if context.private else None


def _end(context: Context, chat: Chat, lesson: Lesson) -> Text:
    """Closes the lesson when it was said to be, or at its time where that was earlier; the group hears the summary."""
    close_lesson(lesson, min(context.said_at, lesson.closes_at or context.said_at))
    context.session.flush()  # before another one opens in the chat
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")
    summary = closing_summary(context.session, lesson)
    context.say(chat, summary)
    return summary


@handles("attendance_list", by=Who.SECRETARY)
def attendance_list(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Who has not checked in, or who is on leave; asked in the group while there is time, it calls the missing."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    if ON_LEAVE in context.message.text:
        coming = [lesson for lesson in (open_in(context, chat), *_planned(context, chat)) if lesson]
        about = coming or [lesson for lesson in (_last_closed(context, chat),) if lesson]
        return leave_list(context, about) if about else Privately(Text(NOTHING_PLANNED))
    lesson = open_in(context, chat) or _last_closed(context, chat)
    if lesson is None:
        return Privately(Text(NOTHING_OPEN))
    record = attendance(context.session, lesson)
    called = _called(context, lesson, record.missing)
    return missing_call(lesson, record, called) if called else missing_list(lesson, record)


def _called(context: Context, lesson: Lesson, missing: Sequence[Person]) -> tuple[Mention, ...]:
    """Whom the answer calls: those who can still come, in their group, and not who has asked."""
    if context.chat is None or lesson.state is not LessonState.OPEN or len(missing) > CALLED:
        return ()
    return mentions(context, (person for person in missing if person is not context.person), context.chat)


def _planned(context: Context, chat: Chat) -> Iterable[Lesson]:
    """What is to come for the group's organisation, the next first."""
    query = select(Lesson).where(
        Lesson.organisation_id == chat.organisation_id,
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at > context.now - NOT_OPENED,
    )
    return context.session.scalars(query.order_by(Lesson.planned_at))


def _last_closed(context: Context, chat: Chat) -> Lesson | None:
    query = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.CLOSED)
    return context.session.scalars(query.order_by(Lesson.closed_at.desc()).limit(1)).one_or_none()
