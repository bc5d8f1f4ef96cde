"""The organisations as the jobs need them: read once a run, and light, for most runs find nothing to do."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clock import at, local
from models.chats import Chat
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Occupation, Person
from schedules.calendar import Windows, days, next_quiet_minute, parse_windows, rush_hours
from schedules.due import Due, Work

_log = logging.getLogger(__name__)


class Directory:
    """All organisations, since when each has a chat, and their rush hours."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tree = Tree(session)
        self._windows: dict[int, Windows] = {}

    def of_kind(self, kind: OrganisationKind) -> list[Organisation]:
        """The organisations of this kind, in order of their paths."""
        return [org for org in self.tree.by_id.values() if org.kind is kind]

    def has_chat(self, organisation: Organisation, moment: datetime) -> bool:
        """Whether a chat was tied to the organisation by then."""
        tied_at = self._tied_at.get(organisation.id)
        return tied_at is not None and tied_at <= moment

    def rush_hours(self, organisation: Organisation) -> Windows:
        """The organisation's own rush hours, or those of the 职业 of its members."""
        if organisation.id not in self._windows:
            self._windows[organisation.id] = self._read_windows(organisation)
        return self._windows[organisation.id]

    def post(
        self,
        job: str,
        organisation: Organisation,
        period: str,
        moments: tuple[datetime, datetime],
        run: Callable[[Work], None],
    ) -> Iterator[Due]:
        """The due post of an organisation at, and useful until, ``moments``: moved to its next quiet minute.

        An organisation that was made after that owes nothing for it.
        """
        windows = self.rush_hours(organisation)
        moved = next_quiet_minute(moments[0], windows)
        if organisation.created_at <= moved:
            yield Due(job, f"organisation:{organisation.id}", period, moved, moments[1], run, windows)

    @cached_property
    def _tied_at(self) -> dict[int, datetime]:
        query = (
            select(Chat.organisation_id, func.min(Chat.tied_at))
            .where(Chat.organisation_id.is_not(None), Chat.tied_at.is_not(None))
            .group_by(Chat.organisation_id)
        )
        rows = self.session.execute(query)
        return {organisation_id: tied for organisation_id, tied in rows if organisation_id and tied}

    @cached_property
    def _members(self) -> dict[int, Counter[Occupation]]:
        """By organisation, how many of its members, with those below it, have each 职业."""
        members: dict[int, Counter[Occupation]] = defaultdict(Counter)
        query = select(Person.organisation_id, Person.occupation, func.count()).group_by(
            Person.organisation_id, Person.occupation
        )
        for organisation_id, occupation, count in self.session.execute(query):
            organisation = self.tree.by_id[organisation_id]
            for org in (organisation, *self.tree.above(organisation)):
                members[org.id][occupation] += count
        return members

    def _read_windows(self, organisation: Organisation) -> Windows:
        if organisation.rush_hours is not None:
            try:
                return parse_windows(organisation.rush_hours)
            except (TypeError, ValueError):
                _log.warning("organisation %d has unreadable rush hours", organisation.id)
        return rush_hours(self._members.get(organisation.id, {}))


def moments(start: datetime, end: datetime, clock: time, fits: Callable[[date], bool]) -> Iterable[datetime]:
    """That hour of the days that fit, from a day before ``start``, for what has been moved since, to ``end``."""
    return (at(day, clock) for day in days(start - timedelta(days=1), end) if fits(day))


def day_of(moment: datetime) -> date:
    """The day in Asia/Shanghai."""
    return local(moment).date()
