"""Who was there: the one mark that each person has for each lesson, and the figures made of them."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
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
class Attendance:
    """The figures of one lesson."""

    expected: int
    present: int
    """Late ones among them."""
    late: int = 0
    on_leave: int = 0
    made_up: int = 0
    guests: int = 0
    missing: tuple[Person, ...] = ()
    """AWAITED or ABSENT, in order of the roster."""
    voters: int = 0
    """有表决权 when the lesson opened."""
    voters_present: int = 0


def marks(session: Session, lessons: Collection[Lesson]) -> dict[int, dict[int, Mark]]:
    """By the lesson's id and the person's, the marks of those expected and of the guests; in four queries."""
    ids = [lesson.id for lesson in lessons]
    came = {
        (lesson_id, person_id): Mark.LATE if late else Mark.PRESENT
        for lesson_id, person_id, late in session.execute(
            select(CheckIn.lesson_id, CheckIn.person_id, CheckIn.late).where(CheckIn.lesson_id.in_(ids))
        )
    }
    made_up = _pairs(session, MakeUp, ids, MakeUp.done_at.is_not(None))
    on_leave = _pairs(session, Leave, ids, Leave.state == Decision.APPROVED)
    rolls = _pairs(session, RollEntry, ids)
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


def _pairs(
    session: Session, record: type[MakeUp | Leave | RollEntry], lesson_ids: list[int], *conditions: ColumnElement[bool]
) -> set[tuple[int, int]]:
    """The lesson and person of each such record, in the order of the lessons."""
    query = select(record.lesson_id, record.person_id).where(record.lesson_id.in_(lesson_ids), *conditions)
    return {(lesson_id, person_id) for lesson_id, person_id in session.execute(query)}


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


def count_present(session: Session, lesson: Lesson) -> tuple[int, int]:
    """``(实到, 应到)`` for the live count of the card."""
    expected = select(RollEntry.person_id).where(RollEntry.lesson_id == lesson.id)
    came = select(func.count()).where(CheckIn.lesson_id == lesson.id, CheckIn.person_id.in_(expected))
    return session.scalar(came) or 0, session.scalar(select(func.count()).select_from(expected.subquery())) or 0
