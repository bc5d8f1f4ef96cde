"""A lesson of a series opens by itself at its hour, which its secretary has set: rush hours do not move it.

One that could not open before its end is cancelled, with the reason: nobody was absent from it. Where another lesson
kept it out, its group hears so.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from bot.clock import local
from bot.content import Text
from bot.posting import address_of
from bot.reports.attendance import live_lesson_card
from bot.wording import moment_text
from models.chats import Chat
from models.lessons import Lesson, LessonState, open_lesson
from models.series import Series
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job

OLDEST = timedelta(days=60)
"""How long ago the hour of a lesson may be that is put on record as not held."""
DOWN = "小蜂停机，没有开成"
ANOTHER = "同一时间群里另有会课"
KEPT_OUT = "📅 {lesson}（原定 {when}）没有开：{why}，不算缺席。"


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each planned lesson of a series whose hour has come, as soon as no other is open in its group.

    One that ends by then is closed before, in the same run.
    """
    other = aliased(Lesson)
    busy = exists().where(
        other.chat_id == Lesson.chat_id, other.state == LessonState.OPEN, other.closes_at > Lesson.planned_at
    )
    query = select(Lesson.id, Lesson.planned_at).where(
        Lesson.series_id.is_not(None),
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at.between(end - OLDEST, end),
        ~busy,
    )
    for lesson_id, planned_at in directory.session.execute(query):
        if planned_at is not None:
            period = f"{local(planned_at):%Y-%m-%dT%H:%M}"
            run = partial(_open, lesson_id, planned_at)
            yield Due(JOB.name, f"lesson:{lesson_id}", period, planned_at, None, run)


def _open(lesson_id: int, planned_at: datetime, work: Work) -> None:
    lesson = work.session.get_one(Lesson, lesson_id, with_for_update=True)
    if lesson.state is not LessonState.PLANNED or lesson.planned_at != planned_at or lesson.chat_id is None:
        return
    series = work.session.get_one(Series, lesson.series_id)
    ends_at = planned_at + timedelta(minutes=series.minutes)
    chat = work.session.get_one(Chat, lesson.chat_id)
    if work.now >= ends_at:
        lesson.state, lesson.cancelled_why = LessonState.CANCELLED, DOWN
        if _was_busy(work.session, lesson, planned_at, ends_at):
            lesson.cancelled_why = ANOTHER
            work.say(chat, Text(KEPT_OUT.format(lesson=lesson.title, when=moment_text(planned_at), why=ANOTHER)))
        return
    open_lesson(work.session, lesson, work.now, series.minutes)
    card = live_lesson_card(work.session, lesson.id)
    lesson.card = work.posting.post(address_of(chat), card, useful_until=lesson.closes_at)


def _was_busy(session: Session, lesson: Lesson, start: datetime, end: datetime) -> bool:
    """Whether another lesson was open in the group from before the start until the end."""
    query = select(Lesson.id).where(
        Lesson.chat_id == lesson.chat_id, Lesson.opened_at < end, Lesson.closed_at > start, Lesson.id != lesson.id
    )
    return session.scalar(query.limit(1)) is not None


JOB = Job("lesson_open", dues)
