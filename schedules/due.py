"""What a due thing is: one job, for one target, in one period, at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.content import Card, Text
from bot.posting import Posting, address_of
from models.chats import Chat
from models.people import Person
from schedules.calendar import Windows, next_quiet_minute


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done once. ``(job, target, period)`` is the key of its slot."""

    job: str
    target: str
    """``organisation:17``, ``lesson:17``."""
    period: str
    """``2026-W48``, ``2026-11-10``, or the time that a lesson is about."""
    at: datetime
    useful_until: datetime | None
    """From then on it is missed; None: it is done however late."""
    run: "Callable[[Work], None]"
    """Does it, within one transaction."""
    rush_hours: Windows | None = None
    """It waits for a minute outside these and outside the night; None: it waits for nothing."""

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of its slot."""
        return self.job, self.target, self.period

    def opens(self, now: datetime) -> datetime:
        """The first moment from ``now`` on at which it may be done."""
        moment = max(self.at, now)
        return moment if self.rush_hours is None else next_quiet_minute(moment, self.rush_hours)

    def too_late(self, now: datetime) -> bool:
        """Whether it is of no more use."""
        return self.useful_until is not None and now >= self.useful_until


@dataclass(frozen=True, slots=True)
class Work:
    """The transaction in which a due thing is done."""

    session: Session
    posting: Posting
    now: datetime
    due: Due

    def link(self, page: str, subject: str, lasts: timedelta) -> str:
        """The address of a page about a subject (see ``bot.links``); empty where the server has no public address."""
        return self.posting.links.make(page, subject, self.now, lasts)

    def say(self, chat: Chat, content: Text | Card) -> None:
        """Posts in a group, as long as that is of use."""
        self.posting.post(address_of(chat), content, useful_until=self.due.useful_until)

    def tell(self, person: Person, content: Text | Card) -> bool:
        """Says something to a person in private, as long as that is of use. False where nobody can be reached."""
        address = self.posting.reach(person)
        if address is None:
            return False
        self.posting.post(address, content, useful_until=self.due.useful_until)
        return True
