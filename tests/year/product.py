"""What the product says of the year, in the words of the raw record: read once it is over, or in the midst of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.content import Acknowledge, Attachment, Card, File, Refresh, load
from models.attendance import attendance, marks
from models.database import Database
from models.lessons import Lesson, LessonState
from models.organisations import Organisation, OrganisationKind, Tree
from models.outbox import Post, PostKind
from models.people import Person
from schedules.duties import DutyState, duty_states, past_states
from tests.year.judge import Figures


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the bot posted. ``target``: a group, or a person."""

    at: datetime
    target: str
    text: str
    by_itself: bool
    """Not because of a message."""


def read_marks(session: Session, lesson_ids: list[int]) -> dict[int, dict[str, str]]:
    """By lesson, everybody's mark by name."""
    names = {person.id: person.name for person in session.scalars(select(Person))}
    lessons = [session.get_one(Lesson, lesson_id) for lesson_id in lesson_ids]
    found: dict[int, dict[str, str]] = {}
    for first in range(0, len(lessons), 500):
        for lesson_id, by_person in marks(session, lessons[first : first + 500]).items():
            found[lesson_id] = {names[person_id]: str(mark) for person_id, mark in by_person.items()}
    return found


def read_figures(session: Session, lesson_id: int) -> Figures:
    """The figures of one lesson."""
    found = attendance(session, session.get_one(Lesson, lesson_id))
    return Figures(
        found.expected,
        found.present,
        found.late,
        found.on_leave,
        found.made_up,
        len(found.missing),
        found.guests,
    )


def lesson_ids(session: Session) -> set[int]:
    """Every lesson that was held."""
    query = select(Lesson.id).where(Lesson.state.in_((LessonState.OPEN, LessonState.CLOSED)))
    return set(session.scalars(query))


Standing = tuple[str, str, str, str, int, int, int, str]
"""Path of the branch and of the organisation, kind, first day of the period with its length, required, held, planned,
verdict."""


def duty_standings(session: Session, now: datetime, *, past_since: datetime | None = None) -> set[Standing]:
    """How every duty of every branch stands; with ``past_since``, in each period that has ended since then, too."""
    tree = Tree(session)
    branches = [org for org in tree.by_id.values() if org.kind is OrganisationKind.BRANCH]
    states = duty_states(session, tree, branches, now)
    found = {_standing(tree.by_id[branch_id], state) for branch_id, some in states.items() for state in some}
    if past_since is not None:
        past = past_states(session, tree, branches, now, past_since)
        found |= {_standing(tree.by_id[branch_id], state) for branch_id, some in past.items() for state in some}
    return found


def _standing(branch: Organisation, state: DutyState) -> Standing:
    return (
        branch.path,
        state.organisation.path,
        state.duty.kind,
        state.span.name,
        state.duty.times,
        state.held,
        0 if state.over else state.planned,
        str(state.verdict),
    )


def said(database: Database) -> Iterator[Said]:
    """Everything that was posted, in order; acknowledgements and updates of cards aside."""
    with database.read() as session:
        query = select(Post).where(Post.kind == PostKind.POST).order_by(Post.id)
        for row in session.scalars(query.execution_options(yield_per=1000)):
            content = load(row.content)
            match content:
                case File() | Attachment():
                    text = content.name
                case Acknowledge() | Refresh():
                    raise ValueError(f"{content.kind} is no post")
                case Card():
                    text = content.as_text()
                case _:
                    text = content.as_text()
            yield Said(row.created_at, row.target, text, row.message_id is None)
