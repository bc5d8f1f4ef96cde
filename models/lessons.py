"""Lessons and meetings of a branch (三会一课、主题党日、微课堂) and who was there."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import SealedBytes, SealedText, WithId
from models.organisations import Organisation, OrganisationKind
from models.people import COMMITTEE, MEMBERS, Person, Status, people_below


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of those who have a vote must be there before anything is voted on. It is a hint: the 书记 decides."""

    share: Fraction
    called: str
    """How the share is said: 过半数, 正好半数, 不到半数."""
    voters: str = "有表决权"
    """Who has a vote."""


HALF = Quorum(Fraction(1, 2), "半数")
"""《中国共产党支部工作条例（试行）》第十一条, the domain's table."""
HALF_OF_COMMITTEE = Quorum(Fraction(1, 2), "半数", "委员")
"""第十二条, the domain's table."""
FOUR_FIFTHS = Quorum(Fraction(4, 5), "五分之四")
"""选举, the domain's table."""


@dataclass(frozen=True, slots=True)
class LessonKind:
    """A kind of lesson. ``minutes``: how long check-in stays open when nobody says otherwise."""

    name: str
    minutes: int
    audience: str
    """``party``: 党员; ``committee``: 支委; ``learners``: 党员, 发展对象 and 积极分子; ``all``: the whole roster."""
    late_after: int
    """Minutes after its beginning from which who checks in is late (迟到)."""
    quorum: Quorum | None = None


LESSON_KINDS = {
    kind.name: kind
    for kind in (
        LessonKind("党员大会", 60, "party", 15, HALF),
        LessonKind("支委会", 60, "committee", 15, HALF_OF_COMMITTEE),
        LessonKind("党小组会", 60, "party", 15),
        LessonKind("党课", 60, "learners", 15),
        LessonKind("主题党日", 60, "party", 15),
        LessonKind("组织生活会", 60, "party", 15),
        LessonKind("民主评议党员", 60, "party", 15),
        LessonKind("选举", 60, "party", 15, FOUR_FIFTHS),
        LessonKind("10分钟微课堂", 10, "all", 5),
        LessonKind("班前一刻钟", 15, "all", 5),
        LessonKind("红色学堂", 30, "all", 10),
        LessonKind("恳谈会", 60, "all", 15),
    )
}
DEFAULT_KIND = "10分钟微课堂"
APPEALS_HEARD = "恳谈会"
"""A meeting at which appeals are taken in; it counts as no 三会一课."""
_ALSO_CALLED = {
    "支部党员大会": "党员大会",
    "支部大会": "党员大会",
    "党员发展大会": "党员大会",
    "支部委员会": "支委会",
    "民主评议": "民主评议党员",
    "党日活动": "主题党日",
    "专题党课": "党课",
    "微党课": "党课",
    "换届选举": "选举",
    "诉求恳谈会": "恳谈会",
    "骑手恳谈会": "恳谈会",
    "微课堂": "10分钟微课堂",
    "十分钟微课堂": "10分钟微课堂",
}


def kind_named(words: str) -> str:
    """The kind of lesson that people call so; empty where it is none."""
    return words if words in LESSON_KINDS else _ALSO_CALLED.get(words, "")


def kind_within(text: str) -> str:
    """The word of the text that names a kind of lesson, the longest of several; empty where there is none."""
    return max((word for word in (*LESSON_KINDS, *_ALSO_CALLED) if word in text), key=len, default="")


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
        Index("uq_lessons_series", "series_id", "series_day", unique=True),
    )

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"))
    """Where it is held; at most one is open in a chat. One that is open for days (随到随学) has none."""
    kind: Mapped[str]
    counts_as: Mapped[str] = mapped_column(default="", server_default="")
    """The kind of 三会一课 that a lesson of another kind is marked to be as well; empty: none."""
    topic: Mapped[str]
    place: Mapped[str]
    link: Mapped[str] = mapped_column(default="", server_default="")
    """Where it is held online."""
    host: Mapped[str] = mapped_column(default="", server_default="")
    """主持人, as the secretary wrote it."""
    recorder: Mapped[str] = mapped_column(default="", server_default="")
    """记录人, as the secretary wrote it."""
    agenda: Mapped[str] = mapped_column(default="", server_default="")
    state: Mapped[LessonState]
    planned_at: Mapped[datetime | None] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    late_from: Mapped[datetime | None]
    """Who checks in from then on is late."""
    cancelled_why: Mapped[str] = mapped_column(default="", server_default="")
    secret: Mapped[bytes | None] = mapped_column(SealedBytes())
    """What its rotating codes are made of; None: no code has been shown for it."""
    by_code: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Only a code counts: a word or the card's button does not."""
    at_sites: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """随到随学: open for days, to be checked in to with the code of a ``LessonSite``."""
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"))
    series_day: Mapped[date | None]
    """The day for which the series made it, wherever it has been moved to."""
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

    def is_late(self, moment: datetime) -> bool:
        """Whether who checks in then is late (迟到)."""
        return self.late_from is not None and moment >= self.late_from


class RollEntry(WithId):
    """That a person is expected (应到) at a lesson."""

    __tablename__ = "roll"
    __table_args__ = (Index("uq_roll", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    votes: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the person had a vote (有表决权) when the lesson opened."""


class CheckInWay(StrEnum):
    """How somebody checked in."""

    WORD = "word"
    BUTTON = "button"
    CODE = "code"
    """The rotating code shown at the place."""
    LINK = "link"
    """The QR code shown at the place: a signed link."""
    SITE = "site"
    """The code of a 阵地, at one's own time."""
    VOUCHED = "vouched"
    """代报: by a colleague, confirmed by the secretary."""


class CheckIn(WithId):
    """That a person was there (实到): at most one for a person and lesson."""

    __tablename__ = "check_ins"
    __table_args__ = (Index("uq_check_ins", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    at: Mapped[datetime]
    way: Mapped[CheckInWay]
    late: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("lesson_sites.id"))
    message_id: Mapped[int]


class LessonSite(WithId):
    """A 阵地 at which a lesson that is open for days can be checked in to, with a code of its own."""

    __tablename__ = "lesson_sites"
    __table_args__ = (UniqueConstraint("lesson_id", "place"),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    place: Mapped[str]
    code: Mapped[str] = mapped_column(SealedText())


class Decision(StrEnum):
    """What the secretary has said to something that was asked."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class Vouch(WithId):
    """That a colleague without signal is there (代报), as one person says. It counts once it is approved."""

    __tablename__ = "vouches"
    __table_args__ = (UniqueConstraint("lesson_id", "person_id"),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
    state: Mapped[Decision]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    message_id: Mapped[int]


class Coming(WithId):
    """That somebody has said to be coming (会来)."""

    __tablename__ = "coming"
    __table_args__ = (UniqueConstraint("lesson_id", "person_id"),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
    message_id: Mapped[int]


class Leave(WithId):
    """A request for leave (请假) from one lesson; only approved leave is not absence."""

    __tablename__ = "leaves"
    __table_args__ = (Index("uq_leaves", "lesson_id", "person_id", unique=True),)

    lesson_id: Mapped[int] = mapped_column(ForeignKey("lessons.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    reason: Mapped[str] = mapped_column(SealedText())
    state: Mapped[Decision]
    refused_why: Mapped[str | None] = mapped_column(SealedText())
    times: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """How often it has been asked for: what was refused may be asked for once more."""
    asked_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    message_id: Mapped[int]


def open_lesson(session: Session, lesson: Lesson, now: datetime, minutes: int | None = None) -> None:
    """Opens check-in and freezes 应到. One that opens before its time has its people late from its time on."""
    kind = LESSON_KINDS[lesson.kind]
    lesson.state = LessonState.OPEN
    lesson.opened_at = now
    begins_at = max(now, lesson.planned_at or now)
    lesson.closes_at = begins_at + timedelta(minutes=minutes or kind.minutes)
    lesson.late_from = None if lesson.at_sites else begins_at + timedelta(minutes=kind.late_after)
    session.add(lesson)
    session.flush()
    session.add_all(
        RollEntry(lesson_id=lesson.id, person_id=person.id, votes=_votes(kind, person))
        for person in audience(session, lesson)
    )


def _votes(kind: LessonKind, person: Person) -> bool:
    """In the 支委会 every 委员 has a vote, elsewhere the 正式党员 whose vote is in this branch."""
    return kind.audience == "committee" or (person.vote_here and person.status is Status.FULL)


def close_lesson(lesson: Lesson, now: datetime) -> None:
    """Ends check-in; from now on whoever is missing is absent."""
    lesson.state = LessonState.CLOSED
    lesson.closed_at = now


def audience(session: Session, lesson: Lesson) -> list[Person]:
    """Who is expected at a lesson of this kind and organisation."""
    return [person for person in people_below(session, lesson.organisation) if is_for(lesson, person)]


def is_for(lesson: Lesson, person: Person) -> bool:
    """Whether the lesson is for this person, who belongs to its organisation or to one below."""
    if person.organisation.kind is OrganisationKind.UNIT:
        return False
    match LESSON_KINDS[lesson.kind].audience:
        case "party":
            return person.status in MEMBERS
        case "committee":
            return person.organisation_id == lesson.organisation_id and person.post in COMMITTEE
        case "learners":
            return person.status is not Status.MASSES
        case _:
            return True
