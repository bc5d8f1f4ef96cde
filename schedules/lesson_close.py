"""Check-in ends at its time: the lesson is closed, the group hears the summary, and the card says so. Never missed."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.attendance import closing_summary
from models.chats import Chat, chats_of
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
    for chat in _groups(work.session, lesson):
        work.say(chat, closing_summary(work.session, lesson))
    if lesson.card is not None:
        work.posting.refresh(lesson.card, f"lesson:{lesson.id}")


def _groups(session: Session, lesson: Lesson) -> list[Chat]:
    """Where the lesson was held; one that was open at several places was told of in the organisation's first group."""
    if lesson.chat_id is not None:
        return [session.get_one(Chat, lesson.chat_id)]
    return chats_of(session, lesson.organisation)[:1]


JOB = Job("lesson_close", dues)
