"""Streaks of series: who has come many times in a row, said once and kindly. Nobody hears that one has ended."""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.lessons import Lesson
from models.people import Person
from models.series import streaks

NAMED = 20
"""More people than this are counted, not named."""


def is_milestone(times: int) -> bool:
    """5, 10, 20, 30 and so on."""
    return times == 5 or (times > 0 and times % 10 == 0)


def streak_line(session: Session, lesson: Lesson) -> str:
    """Whom a closed lesson has brought to a milestone of its series; empty where nobody, or it is of no series."""
    if lesson.series_id is None:
        return ""
    reached: defaultdict[int, list[int]] = defaultdict(list)
    for person_id, times in streaks(session, lesson.series_id, came_to=lesson).items():
        if is_milestone(times):
            reached[times].append(person_id)
    everybody = [person_id for people in reached.values() for person_id in people]
    query = select(Person.id, Person.name).where(Person.id.in_(everybody)).order_by(Person.id)
    names = dict(session.execute(query).all())
    parts = [
        f"连续 {times} 次：{_named([names[one] for one in names if one in reached[times]])}"
        for times in sorted(reached)
    ]
    return f"👏 {'；'.join(parts)}" if parts else ""


def _named(names: list[str]) -> str:
    return "、".join(names) if len(names) <= NAMED else f"{'、'.join(names[:NAMED])}等 {len(names)} 人"
