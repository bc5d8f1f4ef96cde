"""Check-in ends at its time: the lesson is closed, the group hears the summary, and the card says so. Never missed."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import literal, select

from bot.clock import local
from bot.reports.attendance import lesson_summary
from models.attendance import attendance
from models.chats import Chat
from models.lessons import Lesson, LessonState, close_lesson
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each open lesson."""
    is_open = Lesson.state == literal(LessonState.OPEN, Lesson.state.type, literal_execute=True)
    query = select(Lesson.id, Lesson.closes_at).where(is_open, Lesson.closes_at <= end)
    for lesson_id, closes_at in directory.session.execute(query):
        if closes_at is not None:
            period = f"{local(closes_at):%Y-%m-%dT%H:%M:%S}"
            yield Due(JOB.name, f"lesson:{lesson_id}", period, closes_at, None, partial(_close, lesson_id))


def _close(lesson_id: int, work: Work) -> None:
    lesson = work.session.get_one(Lesson, lesson_id, with_for_update=True)
    if lesson.state is not LessonState.OPEN or lesson.closes_at is None or lesson.closes_at > work.now:
        return
    close_lesson(lesson, lesson.closes_at)
    figures = attendance(work.session, lesson)
    if lesson.chat_id is not None:
        work.say(work.session.get_one(Chat, lesson.chat_id), lesson_summary(lesson, figures))
    if lesson.card is not None:
        work.posting.refresh(lesson.card, f"lesson:{lesson.id}")


JOB = Job("lesson_close", dues)
