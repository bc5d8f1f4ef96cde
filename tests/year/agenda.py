"""What is to happen when: everything that one moment holds is delivered together."""

import heapq
import itertools
from collections.abc import Callable
from datetime import date, datetime

from tests.year.days import moment
from tests.year.record import Record
from tests.year.town import Town
from tests.year.wire import Outage, Wire


class Agenda:
    """Moves the clock from one moment to the next, until the end of the last day."""

    def __init__(self, wire: Wire, town: Town, record: Record, last: date) -> None:
        self.wire = wire
        self.town = town
        self.record = record
        self.random = town.random
        self.last = last
        self.before_schedules: Callable[[], object] = _nothing
        """What is done before each run of the schedules."""
        self.afterwards: list[Callable[[], object]] = []
        """What is done once the present moment has been delivered."""
        self._numbers = itertools.count()
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._ticks: set[datetime] = set()

    @property
    def last_moment(self) -> datetime:
        """When the story ends."""
        return moment(self.last, 23, 59)

    def at(self, when: datetime, action: Callable[[], object]) -> None:
        """Puts something on the agenda. Raises ValueError for what lies in the past."""
        if when < self.wire.now:
            raise ValueError(f"{when} is past at {self.wire.now}")
        heapq.heappush(self._agenda, (when, next(self._numbers), action))

    def tick_at(self, when: datetime) -> None:
        """Has the schedules run then."""
        self._ticks.add(when)
        self.at(when, _nothing)

    def fail_at(self, outage: Outage) -> None:
        """There is no server for a while."""
        self.wire.outages.append(outage)
        self.at(outage.end, lambda: self._recover(outage))

    def run(self) -> None:
        """Does everything in order."""
        while self._agenda:
            now = self._agenda[0][0]
            self.wire.clock.move_to(now)
            if now in self._ticks and self.wire.outage is None:
                self._tick()
            while self._agenda and self._agenda[0][0] == now:
                heapq.heappop(self._agenda)[2]()
            self.wire.deliver()
            after, self.afterwards = self.afterwards, []
            for look in after:
                look()

    def _tick(self) -> None:
        self.before_schedules()
        self.wire.tick()

    def _recover(self, outage: Outage) -> None:
        if outage.schedules_first:
            self._tick()
        self.wire.recover()
        self._tick()


def _nothing() -> None:
    """The moment alone matters."""
