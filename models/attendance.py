"""Who was there: the one mark that each person has for each lesson, and the figures made of them."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from models.lessons import CheckIn, Decision, Leave, Lesson, LessonState, RollEntry
from models.make_ups import MakeUp
from models.people import Person


class Mark(StrEnum):
    """What a person has for a lesson. Those but GUEST make up 应到; 实到 is PRESENT and LATE."""

    PRESENT = "签到"
    LATE = "迟到"
    LEAVE = "请假"
    MADE_UP = "补课"
    AWAITED = "未签到"
    """Until the lesson closes: absence exists only then."""
    ABSENT = "缺席"
    GUEST = "列席"
    """Came without being expected."""


HERE = (Mark.PRESENT, Mark.LATE)
"""实到."""


@dataclass(frozen=True, slots=True)
class HeadCount:
    """Who is there, in figures."""

    expected: int
    present: int
    """Late ones among them."""
    late: int = 0
    guests: int = 0
    voters: int = 0
    """有表决权 when the lesson opened."""
    voters_present: int = 0


@dataclass(frozen=True, slots=True)
class Attendance(HeadCount):
    """All figures of one lesson."""

    on_leave: int = 0
    made_up: int = 0
    missing: tuple[Person, ...] = ()
    """AWAITED or ABSENT, in order of the roster."""


def marks(session: Session, lessons: Collection[Lesson], person: Person | None = None) -> dict[int, dict[int, Mark]]:
    """By the lesson's id and the person's, the marks of those expected and of the guests; in four queries.

    Given a ``person``, the marks of that person alone.
    """
    ids = [lesson.id for lesson in lessons]
    came = {
        (lesson_id, person_id): Mark.LATE if late else Mark.PRESENT
        for lesson_id, person_id, late in session.execute(
            select(CheckIn.lesson_id, CheckIn.person_id, CheckIn.late).where(
                CheckIn.lesson_id.in_(ids), *_alone(CheckIn, person)
            )
        )
    }
    made_up = _pairs(session, MakeUp, ids, person, MakeUp.done_at.is_not(None))
    on_leave = _pairs(session, Leave, ids, person, Leave.state == Decision.APPROVED)
    rolls = _pairs(session, RollEntry, ids, person)
    closed = {lesson.id for lesson in lessons if lesson.state is LessonState.CLOSED}
    found: dict[int, dict[int, Mark]] = {lesson_id: {} for lesson_id in ids}
    for lesson_id, person_id in rolls:
        pair = lesson_id, person_id
        found[lesson_id][person_id] = (
            came.get(pair)
            or (Mark.MADE_UP if pair in made_up else None)
            or (Mark.LEAVE if pair in on_leave else None)
            or (Mark.ABSENT if lesson_id in closed else Mark.AWAITED)
        )
    for lesson_id, person_id in came.keys() - rolls:
        found[lesson_id][person_id] = Mark.GUEST
    return found


Record = type[CheckIn | MakeUp | Leave | RollEntry]


def _pairs(
    session: Session, record: Record, lesson_ids: list[int], person: Person | None, *conditions: ColumnElement[bool]
) -> set[tuple[int, int]]:
    """The lesson and person of each such record."""
    query = select(record.lesson_id, record.person_id).where(record.lesson_id.in_(lesson_ids), *conditions)
    return {(lesson_id, person_id) for lesson_id, person_id in session.execute(query.where(*_alone(record, person)))}


def _alone(record: Record, person: Person | None) -> tuple[ColumnElement[bool], ...]:
    return () if person is None else (record.person_id == person.id,)


def missed(session: Session, person: Person, since: datetime) -> dict[Lesson, Mark]:
    """The lessons closed since then that the person was absent or on leave from and has not made up, latest first."""
    query = (
        select(Lesson)
        .join(RollEntry, RollEntry.lesson_id == Lesson.id)
        .where(RollEntry.person_id == person.id, Lesson.state == LessonState.CLOSED, Lesson.closed_at > since)
        .order_by(Lesson.closed_at.desc(), Lesson.id)
    )
    lessons = list(session.scalars(query))
    own = marks(session, lessons, person)
    return {lesson: mark for lesson in lessons if (mark := own[lesson.id][person.id]) in (Mark.ABSENT, Mark.LEAVE)}


def attendance(session: Session, lesson: Lesson) -> Attendance:
    """The figures of one lesson, from its records as they are now."""
    by_person = marks(session, [lesson])[lesson.id]
    missing = [person_id for person_id, mark in by_person.items() if mark in (Mark.AWAITED, Mark.ABSENT)]
    people = session.scalars(select(Person).where(Person.id.in_(missing)).order_by(Person.id)) if missing else ()
    voting = select(RollEntry.person_id).where(RollEntry.lesson_id == lesson.id, RollEntry.votes)
    voters = set(session.scalars(voting))
    here = {person_id for person_id, mark in by_person.items() if mark in HERE}
    count = Counter(by_person.values())
    return Attendance(
        expected=len(by_person) - count[Mark.GUEST],
        present=len(here),
        late=count[Mark.LATE],
        on_leave=count[Mark.LEAVE],
        made_up=count[Mark.MADE_UP],
        guests=count[Mark.GUEST],
        missing=tuple(people),
        voters=len(voters),
        voters_present=len(voters & here),
    )


def head_count(session: Session, lesson: Lesson) -> HeadCount:
    """The figures of the card, in two queries: it is made anew while everybody checks in."""
    here = (CheckIn.lesson_id == RollEntry.lesson_id) & (CheckIn.person_id == RollEntry.person_id)
    voter = case((RollEntry.votes, 1))
    came = CheckIn.id.is_not(None)
    expected, present, late, voters, voters_present = session.execute(
        select(
            func.count(),
            func.count(CheckIn.id),
            func.count(case((CheckIn.late, 1))),
            func.count(voter),
            func.count(case((RollEntry.votes & came, 1))),
        )
        .select_from(RollEntry)
        .outerjoin(CheckIn, here)
        .where(RollEntry.lesson_id == lesson.id)
    ).one()
    everybody = session.scalar(select(func.count()).where(CheckIn.lesson_id == lesson.id)) or 0
    return HeadCount(expected, present, late, everybody - present, voters, voters_present)
