"""Lessons and meetings of a branch (三会一课、主题党日、微课堂) and who was there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import SealedText, WithId
from models.organisations import Organisation, OrganisationKind
from models.people import COMMITTEE, MEMBERS, Person, Status, people_below


@dataclass(frozen=True, slots=True)
class LessonKind:
    """A kind of lesson. ``minutes``: how long check-in stays open when nobody says otherwise."""

    name: str
    minutes: int
    audience: str
    """``party``: 党员; ``committee``: 支委; ``learners``: 党员, 发展对象 and 积极分子; ``all``: the whole roster."""


LESSON_KINDS = {
    kind.name: kind
    for kind in (
        LessonKind("党员大会", 60, "party"),
        LessonKind("支委会", 60, "committee"),
        LessonKind("党小组会", 60, "party"),
        LessonKind("党课", 60, "learners"),
        LessonKind("主题党日", 60, "party"),
        LessonKind("组织生活会", 60, "party"),
        LessonKind("民主评议党员", 60, "party"),
        LessonKind("10分钟微课堂", 10, "all"),
        LessonKind("班前一刻钟", 15, "all"),
        LessonKind("红色学堂", 30, "all"),
    )
}
DEFAULT_KIND = "10分钟微课堂"


class LessonState(StrEnum):
    """Where a lesson stands. Absence exists only once it is closed."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Lesson(WithId):
    """One lesson. 应到 is frozen in ``RollEntry`` when it opens."""

    __tablename__ = "lessons"
    __table_args__ = (
        Index(
            "uq_lessons_open",
            "chat_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"))
    """Where it is held; at most one is open in a chat. A lesson planned in private chat has none until it opens."""
    kind: Mapped[str]
    topic: Mapped[str]
    place: Mapped[str]
    state: Mapped[LessonState]
    planned_at: Mapped[datetime | None] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    led_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    card: Mapped[str | None]
    """The uuid of the post that shows the live count."""
    message_id: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    organisation: Mapped[Organisation] = relationship()

    @property
    def title(self) -> str:
        """``10分钟微课堂《交通安全》``, or the kind alone where there is no topic."""
        return f"{self.kind}《{self.topic}》" if self.topic else self.kind


class RollEntry(WithId):
    """That a person is expected (应到) at a lesson."""

    __tablename__ = "roll"
    __table_args__ = (Index("uq_roll", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))


class CheckInWay(StrEnum):
    """How somebody checked in."""

    WORD = "word"
    BUTTON = "button"


class CheckIn(WithId):
    """That a person was there (实到): at most one for a person and lesson."""

    __tablename__ = "check_ins"
    __table_args__ = (Index("uq_check_ins", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    at: Mapped[datetime]
    way: Mapped[CheckInWay]
    message_id: Mapped[int]


class LeaveState(StrEnum):
    """Where a request for leave stands; only approved leave is not absence."""

    ASKED = "asked"
    APPROVED = "approved"


class Leave(WithId):
    """A request for leave (请假) from one lesson."""

    __tablename__ = "leaves"
    __table_args__ = (Index("uq_leaves", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    reason: Mapped[str] = mapped_column(SealedText())
    state: Mapped[LeaveState]
    asked_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    message_id: Mapped[int]


@dataclass(frozen=True, slots=True)
class Attendance:
    """The figures of one lesson. Guests (列席) are those who came without being expected."""

    expected: int
    present: int
    on_leave: int
    guests: int
    missing: tuple[Person, ...]
    """Expected, not there and not on approved leave: 缺席 once the lesson is closed, 未签到 before."""


def open_lesson(session: Session, lesson: Lesson, now: datetime, minutes: int | None = None) -> None:
    """Opens check-in and freezes 应到."""
    kind = LESSON_KINDS[lesson.kind]
    lesson.state = LessonState.OPEN
    lesson.opened_at = now
    lesson.closes_at = now + timedelta(minutes=minutes or kind.minutes)
    session.add(lesson)
    session.flush()
    session.add_all(RollEntry(lesson_id=lesson.id, person_id=p.id) for p in audience(session, lesson))


def close_lesson(lesson: Lesson, now: datetime) -> None:
    """Ends check-in; from now on whoever is missing is absent."""
    lesson.state = LessonState.CLOSED
    lesson.closed_at = now


def audience(session: Session, lesson: Lesson) -> list[Person]:
    """Who is expected at a lesson of this kind and organisation."""
    people = [p for p in people_below(session, lesson.organisation) if p.organisation.kind is not OrganisationKind.UNIT]
    match LESSON_KINDS[lesson.kind].audience:
        case "party":
            return [p for p in people if p.status in MEMBERS]
        case "committee":
            return [p for p in people if p.organisation_id == lesson.organisation_id and p.post in COMMITTEE]
        case "learners":
            return [p for p in people if p.status is not Status.MASSES]
        case _:
            return people


def attendance(session: Session, lesson: Lesson) -> Attendance:
    """Counts one lesson from its records."""
    expected = set(session.scalars(select(RollEntry.person_id).where(RollEntry.lesson_id == lesson.id)))
    came = set(session.scalars(select(CheckIn.person_id).where(CheckIn.lesson_id == lesson.id)))
    approved = select(Leave.person_id).where(Leave.lesson_id == lesson.id, Leave.state == LeaveState.APPROVED)
    on_leave = (set(session.scalars(approved)) & expected) - came
    missing = expected - came - on_leave
    people = session.scalars(select(Person).where(Person.id.in_(missing)).order_by(Person.id)) if missing else ()
    return Attendance(len(expected), len(came & expected), len(on_leave), len(came - expected), tuple(people))


def count_check_ins(session: Session, lesson: Lesson) -> tuple[int, int]:
    """``(checked in, expected)`` for the live count of the card."""
    came = session.scalar(select(func.count()).where(CheckIn.lesson_id == lesson.id)) or 0
    expected = session.scalar(select(func.count()).where(RollEntry.lesson_id == lesson.id)) or 0
    return came, expected
