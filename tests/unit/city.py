"""A small city to schedule for: organisations, people, chats, lessons and cases, one line each."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import SHANGHAI
from bot.content import Acknowledge, Attachment, Card, Content, File, Refresh, Text, load
from bot.posting import Roads
from models.base import WithId
from models.cases import Case, CaseKind, CaseState
from models.chats import Chat
from models.database import Database
from models.followers import Follower
from models.lessons import CheckIn, CheckInWay, Lesson, LessonState, RollEntry
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.outbox import PostKind
from models.people import Identity, Occupation, Person, Post, Status
from models.slots import Slot

OUR_BRANCH = "幸福里流动党支部"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ROADS = Roads(homes={"feishu": ("feishu", "main")})
_numbers = itertools.count(1)
Record = TypeVar("Record", bound=WithId)


def shanghai(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    """A moment as people read it, in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


class City:
    """Adds records to a session; each is flushed, so that it has its relationships."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def organisation(
        self,
        name: str = OUR_BRANCH,
        kind: OrganisationKind = OrganisationKind.BRANCH,
        parent: Organisation | None = None,
        created_at: datetime = LONG_AGO,
        rush_hours: list[list[str]] | None = None,
    ) -> Organisation:
        made = Organisation(
            parent_id=parent and parent.id,
            name=name,
            path=f"{parent.path}/{name}" if parent else name,
            kind=kind,
            rush_hours=rush_hours,
            created_at=created_at,
        )
        return self._added(made)

    def committee(self, name: str = "行业党委", secretary: str = "刘书记") -> Organisation:
        """A 党委 or its like with its secretary."""
        made = self.organisation(name, OrganisationKind.COMMITTEE)
        self.person(made, secretary, Post.SECRETARY)
        return made

    def branch(
        self,
        *members: str,
        name: str = OUR_BRANCH,
        secretary: str = "王书记",
        parent: Organisation | None = None,
        chat: str = "oc_branch",
        occupation: Occupation = Occupation.OTHER,
    ) -> Organisation:
        """A branch with its secretary, members and, unless ``chat`` is empty, a group."""
        made = self.organisation(name, parent=parent)
        self.person(made, secretary, Post.SECRETARY, occupation=occupation)
        for member in members:
            self.person(made, member, occupation=occupation)
        if chat:
            self.chat(made, chat)
        return made

    def person(
        self,
        organisation: Organisation,
        name: str,
        post: Post | None = None,
        status: Status = Status.FULL,
        occupation: Occupation = Occupation.OTHER,
        reachable: bool = True,
    ) -> Person:
        made = Person(
            organisation_id=organisation.id,
            name=name,
            phone="13800000000",
            phone_digest=f"digest {next(_numbers)}",
            status=status,
            post=post,
            occupation=occupation,
            mobile=False,
            home_organisation="",
            vote_here=True,
            created_at=organisation.created_at,
        )
        self._added(made)
        if reachable:
            self._added(Identity(provider="feishu", ref=f"ou_{name}", person_id=made.id, bound_at=LONG_AGO))
        return made

    def chat(self, organisation: Organisation, ref: str, tied_at: datetime = LONG_AGO) -> Chat:
        made = Chat(
            platform="feishu",
            bot="main",
            ref=ref,
            title=ref,
            organisation_id=organisation.id,
            tied_at=tied_at,
            seen_at=tied_at,
        )
        return self._added(made)

    def planned(
        self,
        organisation: Organisation,
        planned_at: datetime,
        kind: str = "党课",
        topic: str = "",
        message_id: int | None = None,
    ) -> Lesson:
        made = Lesson(
            organisation_id=organisation.id,
            kind=kind,
            topic=topic,
            place="",
            state=LessonState.PLANNED,
            planned_at=planned_at,
            message_id=message_id,
        )
        return self._added(made)

    def held(
        self,
        organisation: Organisation,
        opened_at: datetime,
        kind: str = "党课",
        topic: str = "",
        *,
        came: Iterable[Person] = (),
        expected: Iterable[Person] = (),
        led_by: Person | None = None,
    ) -> Lesson:
        made = Lesson(
            organisation_id=organisation.id,
            kind=kind,
            topic=topic,
            place="",
            state=LessonState.CLOSED,
            opened_at=opened_at,
            closes_at=opened_at,
            closed_at=opened_at,
            led_by=led_by and led_by.id,
        )
        self._added(made)
        for person in expected:
            self._added(RollEntry(lesson_id=made.id, person_id=person.id))
        for person in came:
            check_in = CheckIn(
                lesson_id=made.id, person_id=person.id, at=opened_at, way=CheckInWay.WORD, message_id=next(_numbers)
            )
            self._added(check_in)
        return made

    def case(
        self,
        organisation: Organisation,
        created_at: datetime,
        kind: CaseKind = CaseKind.HAZARD,
        state: CaseState = CaseState.COLLECTED,
        *,
        category: str = "道路交通",
        place: str = "",
        text: str = "井盖没了",
        unit: Organisation | None = None,
        resolved_at: datetime | None = None,
    ) -> Case:
        made = Case(
            number=next(_numbers),
            kind=kind,
            state=state,
            category=category,
            place=place,
            text=text,
            photos=[],
            organisation_id=organisation.id,
            reporter_platform="feishu",
            reporter_bot="main",
            reporter_ref="ou_reporter",
            unit_id=unit and unit.id,
            created_at=created_at,
            resolved_at=resolved_at,
            message_id=next(_numbers),
        )
        return self._added(made)

    def _added(self, record: Record) -> Record:
        self.session.add(record)
        self.session.flush()
        return record


def posts(database: Database) -> list[tuple[str, str]]:
    """What waits to be said: ``(whom, text)``, in order; card updates are marked with ``~``."""
    with database.read() as session:
        rows = session.scalars(select(OutboxPost).order_by(OutboxPost.id))
        return [(f"{'~' if row.kind is PostKind.UPDATE else ''}{row.target}", said(load(row.content))) for row in rows]


def said(content: Content) -> str:
    """The words of a content."""
    match content:
        case Text() | Card():
            return content.as_text()
        case Refresh():
            return content.about
        case Acknowledge():
            return content.done
        case File() | Attachment():
            return content.name


def followers(database: Database) -> list[str]:
    """Who has said +1, in order."""
    with database.read() as session:
        return list(session.scalars(select(Follower.ref).order_by(Follower.id)))


def slots(database: Database) -> list[tuple[str, str, bool]]:
    """The settled slots as ``(job, period, missed)``, in order of their due times."""
    with database.read() as session:
        rows = session.scalars(select(Slot).order_by(Slot.due_at, Slot.job))
        return [(slot.job, slot.period, slot.missed) for slot in rows]
