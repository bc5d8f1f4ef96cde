"""What 隐患台账 and 诉求台账 say, read from the records: each case of a time, how it stands at its end, and each step.

Listed are the cases that were collected in the time (新收), and those collected before that were still open at its
beginning or have changed in it (结转), so that each figure of the time is one of the cases that are listed.

诉求 are confidential: ``Level`` says what of them a ledger may tell.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.reports.case_figures import FEW, Tally, tally
from bot.reports.case_standings import Standing, standings
from bot.reports.ledgers import Wanted, chunks, within
from models.cases import Action, Case, CaseKind, CaseState, CaseStep, Rating
from models.followers import Follower
from models.organisations import Organisation, Tree
from models.people import Person

ANONYMOUS = "匿名"
HIDDEN = "○○"
"""Stands for the name of an appellant where it was said in a text."""
NO_UNIT = "还没派单"
OTHERS = "其余"
"""The categories of so few appeals that they are not told apart."""
SECOND = timedelta(seconds=1)
NEW, CARRIED = "新收", "结转"


class Level(StrEnum):
    """What a 诉求台账 tells."""

    PUBLIC = "公开"
    """Numbers, states and times; a category from five people on; neither texts nor names, nor what anybody said."""
    INTERNAL = "内部"
    """Whatever was said and done, but no name of an appellant."""
    SECRET = "保密"
    """The names too, but of those who asked to stay 匿名."""


@dataclass(frozen=True, slots=True)
class CaseWanted:
    """A ledger of the cases of one kind. The level is of no account for hazards: they are public in their groups."""

    kind: CaseKind
    wanted: Wanted
    level: Level = Level.INTERNAL

    @property
    def subject(self) -> str:
        """What a file is about, behind the word for its kind: ``INTERNAL:12:2026-10-01:2026-12-31:1764000000``."""
        return f"{self.level.name}:{self.wanted.subject}"

    @classmethod
    def of(cls, kind: CaseKind, subject: str) -> Self:
        """What ``subject`` says. Raises ValueError or KeyError for anything else."""
        level, _, wanted = subject.partition(":")
        return cls(kind, Wanted.of(wanted), Level[level])

    @property
    def until(self) -> datetime:
        """Of what moment the ledger tells: the end of its time, or of the second in which it is asked for."""
        return min(self.wanted.period.end, self.wanted.now + SECOND)


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case. What the ledger may not tell is empty."""

    number: int
    came: str
    """``NEW`` or ``CARRIED``."""
    at: datetime
    category: str
    urgent: bool
    place: str
    text: str
    organisation: str
    reporter: str
    unit: str
    state: CaseState
    accepted_at: datetime | None
    resolved_at: datetime | None
    """Last 办结, while it stands."""
    late: str
    """``受理超时``, ``办结超时``, both, or empty."""
    result: str
    rating: str
    reopened: int
    followers: int
    message_id: str
    """As text, because spreadsheets round long numbers."""
    tally: Tally

    @property
    def took(self) -> timedelta | None:
        """From 登记 to 办结, nights and 挂账 counted."""
        return self.resolved_at - self.at if self.resolved_at else None


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a case: what was done, by whom and why, and the message that says so."""

    at: datetime
    number: int
    action: Action
    after: CaseState
    who: str
    unit: str
    reason: str
    message_id: str


@dataclass(frozen=True, slots=True)
class CaseLedger:
    """隐患台账 or 诉求台账."""

    organisation: str
    about: CaseWanted
    lines: Sequence[CaseLine]
    steps: Sequence[StepLine]
    """In order of the cases; none where the level is 公开."""

    @property
    def tally(self) -> Tally:
        """Of all of them together: the sum of what each adds."""
        return sum((line.tally for line in self.lines), Tally())


def has_cases(session: Session, about: CaseWanted) -> bool:
    """Whether there is anything to list."""
    return bool(_standings(session, about))


def case_ledger(session: Session, about: CaseWanted) -> CaseLedger:
    """The cases of the organisation and all below it, and their steps."""
    top = session.get_one(Organisation, about.wanted.organisation_id)
    found = _standings(session, about)
    records = _Records(session, top, about, [case.id for case in found])
    named = _named_categories(found, about)
    lines = [records.line(case, named) for case in found]
    steps = [] if records.closed else [step for case in found for step in records.step_lines(case.id)]
    return CaseLedger(top.name, about, lines, steps)


def _standings(session: Session, about: CaseWanted) -> list[Standing]:
    top = session.get_one(Organisation, about.wanted.organisation_id)
    found = standings(session, top, about.wanted.period.start, about.until)
    return [case for case in found if case.kind is about.kind]


def _named_categories(cases: Iterable[Standing], about: CaseWanted) -> set[str]:
    """The categories that may be told."""
    people: dict[str, set[str]] = {}
    for case in cases:
        people.setdefault(case.category, set()).add(case.reporter)
    closed = about.kind is CaseKind.APPEAL and about.level is Level.PUBLIC
    return {category for category, told in people.items() if len(told) >= FEW or not closed}


@dataclass
class _Records:
    """What the lines are made of, read at once."""

    session: Session
    top: Organisation
    about: CaseWanted
    ids: Sequence[int]
    cases: dict[int, Case] = field(default_factory=dict)
    steps: dict[int, list[CaseStep]] = field(default_factory=dict)
    followers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.paths = {org.id: org.path for org in Tree(self.session).by_id.values()}
        self.closed = self.about.kind is CaseKind.APPEAL and self.about.level is Level.PUBLIC
        for some in chunks(self.ids):
            self._read(some)
        actors = {step.actor_id for told in self.steps.values() for step in told}
        reporters = {case.reporter_id for case in self.cases.values()}
        self.people = self._people(sorted(person for person in actors | reporters if person is not None))

    def _read(self, ids: Sequence[int]) -> None:
        self.cases |= {case.id: case for case in self.session.scalars(select(Case).where(Case.id.in_(ids)))}
        steps = select(CaseStep).where(CaseStep.case_id.in_(ids), CaseStep.at < self.about.until)
        for step in self.session.scalars(steps.order_by(CaseStep.id)):
            self.steps.setdefault(step.case_id, []).append(step)
        followed = select(Follower.case_id, func.count()).where(
            Follower.case_id.in_(ids), Follower.at < self.about.until
        )
        for case_id, number in self.session.execute(followed.group_by(Follower.case_id)):
            self.followers[case_id] = number

    def _people(self, ids: Sequence[int]) -> dict[int, Person]:
        found: dict[int, Person] = {}
        for some in chunks(ids):
            found |= {one.id: one for one in self.session.scalars(select(Person).where(Person.id.in_(some)))}
        return found

    def line(self, standing: Standing, named: set[str]) -> CaseLine:
        """How the ledger tells of a case."""
        case, period = self.cases[standing.id], self.about.wanted.period
        resolved_at = standing.resolved[-1] if standing.finished else None
        return CaseLine(
            number=case.number,
            came=NEW if standing.created_at >= period.start else CARRIED,
            at=standing.created_at,
            category=case.category if case.category in named else OTHERS,
            urgent=case.urgent and not self.closed,
            place="" if case.confidential else case.place,
            text=self._said(case, case.text),
            organisation="" if self.closed else within(self.top, self.paths[case.organisation_id]),
            reporter=self._reporter(case),
            unit="" if self.closed else self._unit(standing.unit_id) or NO_UNIT,
            state=standing.state,
            accepted_at=case.accepted_at if case.accepted_at and case.accepted_at < self.about.until else None,
            resolved_at=resolved_at,
            late=_late(standing),
            result=self._said(case, self._last(case.id, Action.RESOLVE)) if resolved_at else "",
            rating="" if self.closed else self._rating(standing),
            reopened=0 if self.closed else len(standing.reopened),
            followers=self.followers.get(case.id, 0),
            message_id=str(case.message_id),
            tally=self._tally(standing),
        )

    def _tally(self, standing: Standing) -> Tally:
        start, until = self.about.wanted.period.start, self.about.until
        return tally([standing], start, until) if self.closed else Tally.of(standing, start, until)

    def _reporter(self, case: Case) -> str:
        """Who reported it, where that may be told: of an appeal the secretary, of a hazard the own organisation."""
        person = self.people.get(case.reporter_id or 0)
        if case.confidential and self.about.level is not Level.SECRET:
            return ""
        if case.anonymous:
            return ANONYMOUS
        if person is None or not (case.confidential or self._ours(person)):
            return ""
        return person.name

    def _ours(self, person: Person) -> bool:
        path = self.paths[person.organisation_id]
        return path == self.top.path or path.startswith(f"{self.top.path}/")

    def _said(self, case: Case, text: str) -> str:
        """What somebody said of a case, without the name of who stays unnamed."""
        if self.closed:
            return ""
        person = self.people.get(case.reporter_id or 0)
        hidden = case.anonymous or (case.confidential and self.about.level is not Level.SECRET)
        return text.replace(person.name, HIDDEN) if person is not None and hidden else text

    def _unit(self, unit_id: int | None) -> str:
        return self.paths[unit_id].rpartition("/")[2] if unit_id is not None else ""

    def _last(self, case_id: int, *actions: Action) -> str:
        """The reason of the last of these steps."""
        return next((step.reason for step in reversed(self.steps[case_id]) if step.action in actions), "")

    def _rating(self, standing: Standing) -> str:
        if not standing.rated:
            return ""
        if not standing.rated[-1][1]:
            return Rating.UNSOLVED
        return Rating.FAIR if Rating.FAIR in self._last(standing.id, Action.RATE) else Rating.SATISFIED

    def step_lines(self, case_id: int) -> Iterable[StepLine]:
        """The steps of a case."""
        case = self.cases[case_id]
        for step in self.steps[case_id]:
            unit, reason = self._unit(step.unit_id), self._said(case, step.reason)
            who = self._who(case, step)
            yield StepLine(step.at, case.number, step.action, step.after, who, unit, reason, str(step.message_id))

    def _who(self, case: Case, step: CaseStep) -> str:
        reporter = step.actor_id == case.reporter_id and step.actor_id is not None
        if reporter or (step.actor_id is None and step.action in _REPORTERS):
            return self._reporter(case) or ("诉求人" if case.confidential else "报的人")
        actor = self.people.get(step.actor_id or 0)
        return actor.name if actor else "小蜂"


_REPORTERS = (Action.COLLECT, Action.RATE, Action.REOPEN, Action.WITHDRAW)
"""What reporters do."""


def _late(standing: Standing) -> str:
    late = (("受理超时", standing.answered_late or standing.lying), ("办结超时", standing.late))
    return "、".join(word for word, is_so in late if is_so)
