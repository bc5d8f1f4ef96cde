"""Does what is due, once, whichever process finds it due: each in a transaction of its own, behind its slot."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from bot.clock import Clock, system_clock
from bot.posting import Posting, Roads
from models.base import new_id
from models.database import Database
from models.leases import acquire, release
from models.slots import Slot, settled
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job
from schedules.jobs import JOBS

_log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=14)
"""How far back a run catches up after downtime."""
EVERY = 30
"""Seconds between two runs."""
LEASE = "scheduler"
LEASE_LENGTH = timedelta(seconds=90)


class _Taken(Exception):
    """Another process has settled it."""


def run_due(database: Database, now: datetime, roads: Roads, jobs: Iterable[Job] = JOBS) -> int:
    """Does what has become due by ``now``, in its order, and returns how much that was.

    What is too late to be of use is marked missed. What fails is logged and tried again by the next run.
    """
    waiting = _unsettled(database, now - LOOK_BACK, now, jobs)
    ready = [due for due in waiting if due.too_late(now) or due.opens(now) <= now]
    return sum(_settle(database, due, now, roads) for due in ready)


def next_due(database: Database, after: datetime, until: datetime, jobs: Iterable[Job] = JOBS) -> datetime | None:
    """When, in ``(after, until]``, something will first be done that can be foreseen; None: not by then."""
    waiting = _unsettled(database, after - LOOK_BACK, until, jobs)
    opening = (due.opens(after) for due in waiting if not due.too_late(due.opens(after)))
    return min((moment for moment in opening if after < moment <= until), default=None)


def _unsettled(database: Database, start: datetime, end: datetime, jobs: Iterable[Job]) -> list[Due]:
    with database.read() as session:
        done = settled(session, start)
        directory = Directory(session)
        dues = [due for job in jobs for due in _named(job, directory, start, end) if due.key not in done]
    return sorted(dues, key=lambda due: due.at)


def _named(job: Job, directory: Directory, start: datetime, end: datetime) -> list[Due]:
    """What a job names for ``(start, end]``; what is never too late may be older."""
    try:
        dues = list(job.dues(directory, start, end))
    except Exception:  # noqa: BLE001  # the other jobs go on
        _log.exception("%s cannot say what is due", job.name)
        directory.session.rollback()
        return []
    return [due for due in dues if due.at <= end and (due.at > start or due.useful_until is None)]


def _settle(database: Database, due: Due, now: datetime, roads: Roads) -> bool:
    """Claims the slot and does the thing. False where it was missed, had been settled before, or failed."""
    missed = due.too_late(now)
    try:
        with database.write.begin() as session:
            _claim(session, due, now, missed=missed)
            if not missed:
                posting = Posting(session, now, roads)
                due.run(Work(session, posting, now, due))
                posting.write()
    except _Taken:
        return False
    except Exception:  # noqa: BLE001  # the other dues go on
        _log.exception("%s of %s in %s failed", *due.key)
        return False
    if missed:
        _log.info("%s of %s in %s was missed", *due.key)
    return not missed


def _claim(session: Session, due: Due, now: datetime, *, missed: bool) -> None:
    job, target, period = due.key
    session.add(Slot(job=job, target=target, period=period, due_at=due.at, settled_at=now, missed=missed))
    try:
        session.flush()
    except IntegrityError as error:
        raise _Taken from error


class Scheduler:
    """Runs what is due every half minute, in one process of all that share the database.

    ``roads`` says what the server knows of its platforms; ``wake`` is called, in the event loop, after something was
    done that may have to be sent.
    """

    def __init__(self, database: Database, clock: Clock, roads: Roads, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._roads = roads
        self._wake = wake
        self._owner = f"{new_id():x}"
        self._busy = threading.Lock()
        self._closed = False
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def start(self) -> None:
        """Begins at once. To be called in the event loop."""
        self._scheduler.add_job(
            self.turn,
            "interval",
            seconds=EVERY,
            next_run_time=system_clock(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._scheduler.start()

    async def close(self) -> None:
        """Lets a run that is under way finish, and gives the lease to whoever comes next."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        await asyncio.to_thread(self._give_up)

    async def turn(self) -> int:
        """One run, where this process has the lease or can have it. Returns how much was done."""
        done = await asyncio.to_thread(self._run)
        if done:
            self._wake()
        return done

    def _run(self) -> int:
        with self._busy:
            now = self._clock()
            if self._closed or not self._lead(now):
                return 0
            return run_due(self._database, now, self._roads)

    def _lead(self, now: datetime) -> bool:
        try:
            with self._database.write.begin() as session:
                return acquire(session, LEASE, self._owner, now, LEASE_LENGTH)
        except IntegrityError:
            return False

    def _give_up(self) -> None:
        with self._busy:
            self._closed = True
            try:
                with self._database.write.begin() as session:
                    release(session, LEASE, self._owner, self._clock())
            except SQLAlchemyError:
                _log.warning("the lease of the scheduler ends by itself", exc_info=True)
