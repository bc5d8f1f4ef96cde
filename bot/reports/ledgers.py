"""What the ledgers (台账) say, read from the records: meetings, and who was there.

Workbooks and pages are made of the same values, so that they cannot differ. A lesson belongs to the day on which it
was opened, one that never was to the day for which it was planned; days are those of Shanghai.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager

from bot.clock import at, local
from models.attendance import HERE, Mark, marks
from models.lessons import CheckIn, CheckInWay, Decision, Leave, Lesson, LessonSite, LessonState
from models.make_ups import MakeUp
from models.organisations import Organisation, OrganisationKind, Tree, at_or_below
from models.people import Person

DAY = timedelta(days=1)
MOST_MONTHS = 36
"""So many months fit into one ledger."""
ONCE = 10_000
"""Ids in one query: databases take some 32,000 values at most."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of Shanghai, ``first`` and ``last`` included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The beginning of the first day, aware UTC."""
        return at(self.first, time())

    @property
    def end(self) -> datetime:
        """The end of the last day, aware UTC."""
        return at(self.last + DAY, time())

    @property
    def name(self) -> str:
        """As people write it: ``2026-10-01 至 2026-12-31``."""
        return f"{self.first} 至 {self.last}" if self.first != self.last else f"{self.first}"

    @property
    def months(self) -> list[tuple[int, int]]:
        """The ``(year, month)`` of each month that it touches."""
        return _months(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A ledger of an organisation and all below it. ``now``: as of when."""

    organisation_id: int
    period: Period
    now: datetime

    @property
    def subject(self) -> str:
        """What a file or a link is about (``12:2026-10-01:2026-12-31:1764000000``)."""
        return f"{self.organisation_id}:{self.period.first}:{self.period.last}:{int(self.now.timestamp())}"

    @classmethod
    def of(cls, subject: str) -> Self:
        """What ``subject`` says. Raises ValueError for anything else."""
        organisation_id, first, last, now = subject.split(":")
        period = Period(date.fromisoformat(first), date.fromisoformat(last))
        return cls(int(organisation_id), period, datetime.fromtimestamp(int(now), UTC))


TITLES = {
    "meetings": "会议台账",
    "attendance": "考勤台账",
    "roster": "名册",
    "hazards": "隐患台账",
    "appeals": "诉求台账",
}
"""What the kinds of ledgers are called."""
_NO_FILE_NAME = re.compile(r'[\x00-\x1f\\/:*?"<>|]')


def file_name(title: str, organisation: Organisation, days: str, ending: str) -> str:
    """``会议台账-幸福里流动党支部-2026-10-01至2026-12-31.xlsx``; without ``days`` for what has none."""
    parts = (title, organisation.name, days.replace(" ", ""))
    return _NO_FILE_NAME.sub("", "-".join(part for part in parts if part)) + ending


@dataclass(frozen=True, slots=True)
class Figures:
    """How many have which mark. 应到 = 实到 + 请假 + 补课 + 缺席 + those who may still come."""

    present: int = 0
    """实到, the late ones among them."""
    late: int = 0
    on_leave: int = 0
    made_up: int = 0
    absent: int = 0
    awaited: int = 0
    """未签到, as long as the lesson is open."""
    guests: int = 0

    @classmethod
    def of(cls, given: Iterable[Mark | None]) -> Self:
        """The figures of these marks; None is no mark."""
        here = late = leave = made_up = absent = awaited = guests = 0
        for mark in given:
            here += mark in HERE
            late += mark is Mark.LATE
            leave += mark is Mark.LEAVE
            made_up += mark is Mark.MADE_UP
            absent += mark is Mark.ABSENT
            awaited += mark is Mark.AWAITED
            guests += mark is Mark.GUEST
        return cls(here, late, leave, made_up, absent, awaited, guests)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.present + other.present,
            self.late + other.late,
            self.on_leave + other.on_leave,
            self.made_up + other.made_up,
            self.absent + other.absent,
            self.awaited + other.awaited,
            self.guests + other.guests,
        )

    @property
    def expected(self) -> int:
        """应到."""
        return self.present + self.on_leave + self.made_up + self.absent + self.awaited

    @property
    def shown(self) -> tuple[int, ...]:
        """In the order of ``SHOWN``."""
        return (self.expected, self.present, self.late, self.on_leave, self.made_up, self.absent, self.guests)


SHOWN = ("应到", "实到", "迟到", "请假", "补课", "缺席", "列席")

HELD = "已召开"
RUNNING = "正在签到"
COUNTED = (HELD, RUNNING)
"""The states of meetings that count as held: somebody came."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One line of the 会议台账."""

    at: datetime
    organisation: str
    kind: str
    counts_as: str
    topic: str
    place: str
    host: str
    recorder: str
    figures: Figures | None
    """None: it was never opened."""
    state: str
    message_id: str
    """Of the message that planned or opened it; as text, because spreadsheets round long numbers."""

    @property
    def counted(self) -> bool:
        """Whether it counts as held."""
        return self.state in COUNTED


@dataclass(frozen=True, slots=True)
class MeetingMonth:
    """The meetings of one month, in order of their times."""

    name: str
    meetings: Sequence[Meeting]

    @property
    def held(self) -> int:
        """How many count as held."""
        return sum(meeting.counted for meeting in self.meetings)

    @property
    def figures(self) -> Figures:
        """Of all of them together."""
        return total(meeting.figures for meeting in self.meetings if meeting.figures)


@dataclass(frozen=True, slots=True)
class MeetingLedger:
    """会议台账."""

    organisation: str
    wanted: Wanted
    months: Sequence[MeetingMonth]


@dataclass(frozen=True, slots=True)
class Attendee:
    """One line of the 考勤台账: a person's marks, one for each lesson of the block."""

    person_id: int
    organisation: str
    name: str
    marks: Sequence[Mark | None]
    """None: not expected there, and did not come."""

    @property
    def figures(self) -> Figures:
        """Of this person, in this month."""
        return Figures.of(self.marks)


@dataclass(frozen=True, slots=True)
class Block:
    """A branch with those lessons of a month that concern it."""

    name: str
    lessons: Sequence[Lesson]
    people: Sequence[Attendee]

    def of_lesson(self, place: int) -> Figures:
        """The figures of the lesson at that place, as far as they are this branch's."""
        return Figures.of(person.marks[place] for person in self.people)

    @property
    def figures(self) -> Figures:
        """Of all its people together."""
        return total(person.figures for person in self.people)


@dataclass(frozen=True, slots=True)
class AttendanceMonth:
    """One month, branch by branch."""

    name: str
    blocks: Sequence[Block]

    @property
    def figures(self) -> Figures:
        """Of all branches together."""
        return total(block.figures for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the 明细: something that somebody did, and the message that says so."""

    at: datetime
    organisation: str
    name: str
    lesson: Lesson
    what: str
    how: str
    message_id: str


@dataclass(frozen=True, slots=True)
class AttendanceLedger:
    """考勤台账."""

    organisation: str
    wanted: Wanted
    months: Sequence[AttendanceMonth]
    entries: Sequence[Entry]


def total(figures: Iterable[Figures]) -> Figures:
    """All of them together."""
    return sum(figures, Figures())


def meeting_ledger(session: Session, wanted: Wanted) -> MeetingLedger:
    """The meetings of the period, those that were cancelled or never held among them."""
    top = session.get_one(Organisation, wanted.organisation_id)
    lessons = lessons_of(session, wanted)
    sites = _sites(session, lessons)
    months = []
    for name, group in _by_month(lessons, wanted):
        given = marks(session, [lesson for lesson in group if lesson.opened_at is not None])
        meetings = [
            _meeting(lesson, given.get(lesson.id), top, sites.get(lesson.id, ()), wanted.now) for lesson in group
        ]
        months.append(MeetingMonth(name, meetings))
    return MeetingLedger(top.name, wanted, months)


def attendance_ledger(session: Session, wanted: Wanted, *, with_entries: bool = True) -> AttendanceLedger:
    """Who was at the lessons of the period that were opened. The entries are left out where nobody wants them."""
    lessons = [lesson for lesson in lessons_of(session, wanted) if lesson.opened_at is not None]
    given = {name: (group, marks(session, group)) for name, group in _by_month(lessons, wanted)}
    top = session.get_one(Organisation, wanted.organisation_id)
    people = _People(session, top, {person for _, by in given.values() for one in by.values() for person in one})
    months = [AttendanceMonth(name, _blocks(group, by_lesson, people)) for name, (group, by_lesson) in given.items()]
    entries = _entries(session, top, lessons) if with_entries else []
    return AttendanceLedger(top.name, wanted, months, entries)


def has_lessons(session: Session, wanted: Wanted, *, opened: bool = False) -> bool:
    """Whether there is anything to list, or any that was ``opened``."""
    query = _lessons(session, wanted).limit(1)
    return session.scalar(query.where(Lesson.opened_at.is_not(None)) if opened else query) is not None


def lessons_of(session: Session, wanted: Wanted) -> list[Lesson]:
    """Those of the organisation and all below it in the period, in order of their times."""
    return list(session.scalars(_lessons(session, wanted)))


def _lessons(session: Session, wanted: Wanted) -> Select[Lesson]:
    top = session.get_one(Organisation, wanted.organisation_id)
    moment = func.coalesce(Lesson.opened_at, Lesson.planned_at)
    return (
        select(Lesson)
        .join(Lesson.organisation)
        .options(contains_eager(Lesson.organisation))
        .where(
            at_or_below(top),
            moment >= wanted.period.start,
            moment < wanted.period.end,
        )
        .order_by(moment, Lesson.id)
    )


def time_of(lesson: Lesson) -> datetime:
    """When it was opened, or else was to be. Raises ValueError for one without any time."""
    moment = lesson.opened_at or lesson.planned_at
    if moment is None:
        raise ValueError(f"lesson {lesson.id} has no time")
    return moment


def state_of(lesson: Lesson, figures: Figures | None, now: datetime) -> str:
    """Where a lesson stands, as a ledger says it."""
    if lesson.state is LessonState.CANCELLED:
        return f"已取消：{lesson.cancelled_why}" if lesson.cancelled_why else "已取消"
    if figures is None:
        return "已安排" if time_of(lesson) > now else "没有召开"
    if lesson.state is LessonState.OPEN:
        return RUNNING if figures.present + figures.guests else "刚开始签到"
    return HELD if figures.present + figures.guests else "没有人到"


def _months(first: date, last: date) -> list[tuple[int, int]]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [(number // 12, number % 12 + 1) for number in numbers]


def _by_month(lessons: Iterable[Lesson], wanted: Wanted) -> list[tuple[str, list[Lesson]]]:
    """The lessons month by month: each month of the period until now, and later ones with lessons."""
    months = {
        month: list[Lesson]() for month in _months(wanted.period.first, min(wanted.period.last, _day(wanted.now)))
    }
    for lesson in lessons:
        day = _day(time_of(lesson))
        months.setdefault((day.year, day.month), []).append(lesson)
    return [(f"{year}年{month}月", group) for (year, month), group in months.items()]


def _day(moment: datetime) -> date:
    return local(moment).date()


def within(top: Organisation, path: str) -> str:
    """An organisation as a ledger of ``top`` names it: its way from there; of another, all of it."""
    return top.name if path == top.path else path.removeprefix(f"{top.path}/")


def _sites(session: Session, lessons: Sequence[Lesson]) -> dict[int, list[str]]:
    """The places of lessons that are held at several."""
    found: dict[int, list[str]] = {}
    for ids in chunks([lesson.id for lesson in lessons if lesson.at_sites]):
        query = select(LessonSite.lesson_id, LessonSite.place).where(LessonSite.lesson_id.in_(ids))
        for lesson_id, place in session.execute(query.order_by(LessonSite.id)):
            found.setdefault(lesson_id, []).append(place)
    return found


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The ids in portions that one query can take."""
    return (ids[start : start + ONCE] for start in range(0, len(ids), ONCE))


def _meeting(
    lesson: Lesson, given: dict[int, Mark] | None, top: Organisation, sites: Sequence[str], now: datetime
) -> Meeting:
    figures = Figures.of(given.values()) if given is not None else None
    return Meeting(
        at=time_of(lesson),
        organisation=within(top, lesson.organisation.path),
        kind=lesson.kind,
        counts_as=lesson.counts_as or lesson.kind,
        topic=lesson.topic,
        place=" ".join(part for part in (lesson.place or "、".join(sites), lesson.link) if part),
        host=lesson.host,
        recorder=lesson.recorder,
        figures=figures,
        state=state_of(lesson, figures, now),
        message_id=str(lesson.message_id or ""),
    )


class _People:
    """Names of people, and the branches that they are in, read at once."""

    def __init__(self, session: Session, top: Organisation, ids: set[int]) -> None:
        self._top = top
        self._tree = Tree(session)
        self._rank = {org_id: rank for rank, org_id in enumerate(self._tree.by_id)}
        self._people: dict[int, tuple[str, int]] = {}
        for portion in chunks(sorted(ids)):
            query = select(Person.id, Person.name, Person.organisation_id).where(Person.id.in_(portion))
            self._people |= {person_id: (name, org_id) for person_id, name, org_id in session.execute(query)}
        self._branch = {org.id: self._branch_over(org) for org in self._tree.by_id.values()}

    def _branch_over(self, organisation: Organisation) -> Organisation:
        """The branch that it is part of, or itself where it is part of none."""
        chain = (organisation, *self._tree.above(organisation))
        return next((org for org in chain if org.kind is OrganisationKind.BRANCH), organisation)

    def by_branch(self, ids: Iterable[int]) -> list[tuple[Organisation, list[int]]]:
        """The people by their branches: these in order of their paths, those in order of the roster."""
        found: dict[int, list[int]] = {}
        for person_id in sorted(ids, key=lambda one: (self._rank[self._people[one][1]], one)):
            found.setdefault(self._branch[self._people[person_id][1]].id, []).append(person_id)
        return [(self._tree.by_id[branch], found[branch]) for branch in sorted(found, key=self._rank.__getitem__)]

    def named(self, person_id: int) -> tuple[str, str]:
        """The person's organisation, and name."""
        name, org_id = self._people[person_id]
        return within(self._top, self._tree.by_id[org_id].path), name


def _blocks(lessons: Sequence[Lesson], by_lesson: dict[int, dict[int, Mark]], people: _People) -> list[Block]:
    everyone = {person_id for given in by_lesson.values() for person_id in given}
    lessons_by_person: dict[int, list[Lesson]] = {}
    for lesson in lessons:
        for person_id in by_lesson[lesson.id]:
            lessons_by_person.setdefault(person_id, []).append(lesson)
    blocks = []
    for branch, ids in people.by_branch(everyone):
        concerned = {lesson.id for person_id in ids for lesson in lessons_by_person[person_id]}
        shown = [lesson for lesson in lessons if lesson.id in concerned]
        rows = [Attendee(one, *people.named(one), [by_lesson[lesson.id].get(one) for lesson in shown]) for one in ids]
        blocks.append(Block(branch.name, shown, rows))
    return blocks


WAYS = {
    CheckInWay.WORD: "发「签到」",
    CheckInWay.BUTTON: "按按钮",
    CheckInWay.CODE: "签到码",
    CheckInWay.LINK: "扫二维码",
    CheckInWay.SITE: "阵地码",
    CheckInWay.VOUCHED: "代报",
}
DECISIONS = {Decision.ASKED: "等书记定", Decision.APPROVED: "准假", Decision.REFUSED: "没有准"}


def _entries(session: Session, top: Organisation, lessons: Sequence[Lesson]) -> list[Entry]:
    """Everything that says who was there, lesson by lesson and in order of the times."""
    by_id = {lesson.id: lesson for lesson in lessons}
    order = {lesson_id: place for place, lesson_id in enumerate(by_id)}
    found = [
        Entry(at, within(top, path), name, by_id[lesson_id], what, how, str(message_id))
        for ids in chunks(list(by_id))
        for records in (_came(session, ids), _away(session, ids), _made_up(session, ids))
        for at, path, name, lesson_id, what, how, message_id in records
    ]
    return sorted(found, key=lambda entry: (order[entry.lesson.id], entry.at))


_Said = tuple[datetime, str, str, int, str, str, int]
"""When, the path of the person's organisation, the person's name, the lesson's id, what, how, and the message's id."""


def _came(session: Session, ids: Sequence[int]) -> Iterator[_Said]:
    query = (
        select(CheckIn.at, Organisation.path, Person.name, CheckIn.lesson_id)
        .add_columns(CheckIn.late, CheckIn.way, LessonSite.place, CheckIn.message_id)
        .join(Person, Person.id == CheckIn.person_id)
        .join(Organisation, Organisation.id == Person.organisation_id)
        .outerjoin(LessonSite, LessonSite.id == CheckIn.site_id)
        .where(CheckIn.lesson_id.in_(ids))
    )
    for moment, path, name, lesson_id, late, way, place, message_id in session.execute(query):
        how = f"{WAYS[way]}（{place}）" if place else WAYS[way]
        yield moment, path, name, lesson_id, "迟到" if late else "签到", how, message_id


def _away(session: Session, ids: Sequence[int]) -> Iterator[_Said]:
    """Requests for leave, without their reasons."""
    query = (
        select(Leave.asked_at, Organisation.path, Person.name, Leave.lesson_id, Leave.state, Leave.message_id)
        .join(Person, Person.id == Leave.person_id)
        .join(Organisation, Organisation.id == Person.organisation_id)
        .where(Leave.lesson_id.in_(ids))
    )
    for moment, path, name, lesson_id, state, message_id in session.execute(query):
        yield moment, path, name, lesson_id, "请假", DECISIONS[state], message_id


def _made_up(session: Session, ids: Sequence[int]) -> Iterator[_Said]:
    query = (
        select(MakeUp.done_at, MakeUp.begun_at, Organisation.path, Person.name, MakeUp.lesson_id, MakeUp.message_id)
        .join(Person, Person.id == MakeUp.person_id)
        .join(Organisation, Organisation.id == Person.organisation_id)
        .where(MakeUp.lesson_id.in_(ids))
    )
    for done_at, begun_at, path, name, lesson_id, message_id in session.execute(query):
        how = "已完成" if done_at else "还没完成"
        yield done_at or begun_at, path, name, lesson_id, "补课", how, message_id
