"""The raw record: what people did, and when, in the order in which they did it. No rule is applied here."""

from dataclasses import dataclass, field
from datetime import datetime, time

from tests.year.town import Member, Org


@dataclass(eq=False, slots=True)
class Meeting:
    """A lesson or meeting, from its plan to what came of it."""

    org: Org
    """Whose it is."""
    chat: str
    kind: str
    topic: str = ""
    counts_as: str = ""
    place: str = ""
    planned_at: datetime | None = None
    announced_at: datetime | None = None
    """When it became known that it would be then."""
    before: list[tuple[datetime, datetime]] = field(default_factory=list)
    """The times that it was moved from, each with the moment when it was moved."""
    cancelled_at: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    """When somebody ended it; None: nobody did."""
    minutes: int = 60
    """For how long it was to be open."""
    series: bool = False
    sites: bool = False
    """随到随学: open for days, at places."""
    came: dict[Member, "Arrival"] = field(default_factory=dict)
    leaves: dict[Member, "Leave"] = field(default_factory=dict)
    made_up: dict[Member, datetime] = field(default_factory=dict)
    id: int = 0
    """The product's id, which its card carries."""

    @property
    def name(self) -> str:
        """For people who read what went wrong."""
        return f"{self.org.name} {self.kind} {self.opened_at or self.planned_at}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """That somebody checked in: ``at`` that moment; the bot knew of it from ``known_at`` on."""

    at: datetime
    way: str
    known_at: datetime


@dataclass(slots=True)
class Leave:
    """That somebody asked for leave."""

    asked_at: datetime
    granted: bool = False
    decided_at: datetime | None = None
    """None: nobody has said anything to it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an organisation asks for instead of what is asked in general, as its secretary said it."""

    org: Org
    kind: str
    every: str
    times: int
    at: datetime


@dataclass(eq=False, slots=True)
class Series:
    """A short lesson that repeats. ``weekdays``: Monday is 0; none: every working day."""

    org: Org
    chat: str
    kind: str
    weekdays: frozenset[int]
    at: time
    made_at: datetime
    ended_at: datetime | None = None


@dataclass(slots=True)
class Record:
    """Everything."""

    meetings: list[Meeting] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
