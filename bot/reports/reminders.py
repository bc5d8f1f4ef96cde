"""What is said before a lesson."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.content import Button, Card, Field
from bot.reports.materials import count_materials
from models.lessons import Coming, Decision, Leave, Lesson
from models.people import Person

_DAYS = ("今天", "明天", "后天")
_WEEKDAYS = "一二三四五六日"
NAMED = 20
"""More people than this are counted, not named."""
LONGEST_AGENDA = 60
HINT = "会来请回复「我会来」，来不了回复「请假」加原因。到时在群里回复「签到」。"


def lesson_reminder(session: Session, lesson: Lesson, now: datetime) -> Card:
    """Reminds a group of a planned lesson. Raises ValueError for a lesson without a time.

    Who is on leave is counted only: why, and who, is for the secretary.
    """
    if lesson.planned_at is None:
        raise ValueError(f"lesson {lesson.id} has no time")
    about = f"lesson:{lesson.id}"
    coming = who_comes(session, [lesson])[lesson.id]
    materials, leaves = count_materials(session, lesson), _leaves(session, lesson)
    values = {
        "地点": lesson.place,
        "线上": lesson.link,
        "议程": _first_line(lesson.agenda),
        "材料": f"{materials} 份，发「材料 {lesson.kind}」就能看" if materials else "",
        "会来": coming_text(coming) if coming else "",
        "请假": f"{leaves} 人" if leaves else "",
    }
    return Card(
        title=f"⏰ {when(lesson.planned_at, now)}，{lesson.title}。",
        fields=tuple(Field(label, value) for label, value in values.items() if value),
        buttons=(Button("我会来", "我会来", about, "primary"), Button("请假", "请假", about)),
        hint=HINT,
    )


def who_comes(session: Session, lessons: Collection[Lesson]) -> dict[int, list[Person]]:
    """By the lesson's id, who has said to be coming, in the order in which they said so."""
    query = (
        select(Coming.lesson_id, Person)
        .join(Person, Person.id == Coming.person_id)
        .where(Coming.lesson_id.in_([lesson.id for lesson in lessons]))
        .order_by(Coming.at, Coming.id)
    )
    found: dict[int, list[Person]] = defaultdict(list)
    for lesson_id, person in session.execute(query):
        found[lesson_id].append(person)
    return found


def coming_text(people: Sequence[Person]) -> str:
    """``3 人（小李、小张、小赵）``; of many, the number alone."""
    names = f"（{'、'.join(person.name for person in people)}）" if len(people) <= NAMED else ""
    return f"{len(people)} 人{names}"


def when(moment: datetime, now: datetime) -> str:
    """``今天 15:00``, ``明天 15:00``, or ``11.27 周五 15:00``."""
    there, here = local(moment), local(now)
    days = (there.date() - here.date()).days
    if 0 <= days < len(_DAYS):
        return f"{_DAYS[days]} {there:%H:%M}"
    return f"{there.month}.{there.day} 周{_WEEKDAYS[there.weekday()]} {there:%H:%M}"


def _leaves(session: Session, lesson: Lesson) -> int:
    query = select(func.count()).where(Leave.lesson_id == lesson.id, Leave.state == Decision.APPROVED)
    return session.scalar(query) or 0


def _first_line(agenda: str) -> str:
    line = " ".join(agenda.split("\n", 1)[0].split())
    return line if line == agenda and len(line) <= LONGEST_AGENDA else f"{line[:LONGEST_AGENDA]}…" if line else ""
