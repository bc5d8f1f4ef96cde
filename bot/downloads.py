"""Fetching photos that are still at a platform, after the message that brought them has been committed."""

import asyncio
import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter
from sqlalchemy import and_, false, or_, select, update

from bot.clock import Clock, system_clock
from bot.content import Text
from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.logs import where
from bot.media import BadPhoto, MediaStore
from bot.platforms.base import Platform
from bot.posting import Address, Posting, Roads
from models.database import Database
from models.downloads import Download, DownloadState, coming

AT_ONCE = 4
"""Photos under way at once in one process."""
ATTEMPT = 60.0
"""Seconds that one attempt may take."""
LEASE = timedelta(seconds=90)
"""Longer than an attempt, and the wait for other pictures to be decoded, can take."""
IDLE = 1.0
"""Seconds between two looks at what is waiting where nothing was announced."""
GIVE_UP = timedelta(hours=24)
LONGEST_WAIT = 300.0
"""Seconds between two attempts, at most."""
CLOSE_WITHIN = 5.0
"""Seconds for what is under way at the end; what takes longer is fetched after the next start."""
GONE = "刚才的照片没有取到，请再发一次。"

_log = logging.getLogger(__name__)
_photos = Counter("jufeng_photos_total", "Photos fetched from platforms, by what became of them", ["platform", "state"])

Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Job:
    """A leased row, out of its session."""

    id: int
    name: str
    way: Way
    sender: str
    source: str
    attempts: int
    created_at: datetime
    message_id: int


class Downloads:
    """Fetches what waits. Any number of processes may do so on the same database."""

    def __init__(
        self, database: Database, media: MediaStore, platforms: Iterable[Platform], clock: Clock, roads: Roads
    ) -> None:
        self._database = database
        self._media = media
        self._platforms = {(platform.sender.platform, platform.sender.bot): platform for platform in platforms}
        # Photos of a bot that is configured no more must not fill the room that others need.
        self._here = [false(), *(and_(Download.platform == name, Download.bot == bot) for name, bot in self._platforms)]
        self._clock = clock
        self._roads = roads
        self._announced = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begins to fetch."""
        self._task = asyncio.create_task(self._run(), name="downloads")

    def announce(self) -> None:
        """A message may have brought a photo: looks at once."""
        self._announced.set()

    async def close(self) -> None:
        """Ends what is under way, if it ends soon, and stops."""
        self._stopping = True
        self._announced.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_WITHIN)
            for late in self._under_way:
                late.cancel()
            await self._task

    async def _run(self) -> None:
        while not (self._stopping and not self._under_way):
            try:
                await self._round()
            except Exception as error:  # noqa: BLE001  # the worker must go on, whatever one round met
                _log.error("a round of downloads failed: %s", type(error).__name__)
            await self._wait()

    async def _wait(self) -> None:
        announced = asyncio.create_task(self._announced.wait())
        await asyncio.wait({announced, *self._under_way}, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        announced.cancel()
        self._announced.clear()

    async def _round(self) -> None:
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        for error in [task.exception() for task in done if not task.cancelled()]:
            if error is not None:  # the photo is fetched once more when its lease ends
                _log.error("what became of a photo could not be written down: %s", type(error).__name__)
        room = 0 if self._stopping else AT_ONCE - len(self._under_way)
        for job in await asyncio.to_thread(self._lease, room) if room else []:
            self._under_way.add(asyncio.create_task(self._do(job)))

    def _lease(self, room: int) -> list[_Job]:
        now = system_clock()
        query = (
            select(Download)
            .where(
                coming(),
                or_(*self._here),
                or_(Download.retry_at.is_(None), Download.retry_at <= now),
                or_(Download.leased_until.is_(None), Download.leased_until <= now),
            )
            .order_by(Download.id)
            .limit(room)
        )
        with self._database.read() as session:
            if not session.scalars(query).first():
                return []  # a look that finds nothing, as nearly all do, locks nothing
        with self._database.write.begin() as session:
            leased = session.scalars(query.with_for_update(skip_locked=True)).all()
            for row in leased:
                row.leased_until = now + LEASE
            return [_job(row) for row in leased]

    async def _do(self, job: _Job) -> None:
        """One attempt, and writing down what came of it. Logs name the photo by its message and never by its link."""
        try:
            async with asyncio.timeout(ATTEMPT):
                data = await self._platforms[job.way].fetch(job.source)
            await self._media.keep(data, job.name)
        except BadPhoto as bad:
            await self._refuse(job, bad.code, f"{bad}。")
        except (Refused, Closed) as refusal:
            await self._refuse(job, refusal.code, GONE)
        except RetryLater as wait:
            await self._later(job, wait.code, wait.seconds)
        except (Uncertain, TimeoutError) as error:
            await self._later(job, type(error).__name__, 0.0)
        except Exception as error:  # noqa: BLE001  # a platform's own mistake: the other photos must go on
            _log.error("a photo of message %d failed: %s\n%s", job.message_id, type(error).__name__, where(error))
            await self._later(job, type(error).__name__, 0.0)
        else:
            await self._settle(job, {"state": DownloadState.KEPT})

    async def _later(self, job: _Job, code: str, seconds: float) -> None:
        if self._clock() - job.created_at > GIVE_UP:
            await self._refuse(job, code, GONE)
            return
        wait = seconds or min(LONGEST_WAIT, 2.0 ** min(job.attempts, 10)) * random.uniform(0.67, 1.33)
        retry_at = system_clock() + timedelta(seconds=wait)
        await self._settle(job, {"retry_at": retry_at, "attempts": job.attempts + 1, "error": code})

    async def _refuse(self, job: _Job, code: str, told: str) -> None:
        _log.warning("a photo of message %d was refused: %s", job.message_id, code)
        await self._settle(job, {"state": DownloadState.REFUSED, "error": code}, told)

    async def _settle(self, job: _Job, values: dict[str, Any], told: str = "") -> None:
        if "state" in values:
            _photos.labels(job.way[0], values["state"]).inc()
        await asyncio.to_thread(self._write, job, values, told)

    def _write(self, job: _Job, values: dict[str, Any], told: str) -> None:
        with self._database.write.begin() as session:
            session.execute(update(Download).where(Download.id == job.id).values(leased_until=None, **values))
            if told:
                posting = Posting(session, self._clock(), self._roads)
                person = Address(*job.way, job.sender, to_person=True)
                posting.post(person, Text(told), message_id=job.message_id)
                posting.write()


def _job(row: Download) -> _Job:
    way = (row.platform, row.bot)
    return _Job(row.id, row.name, way, row.sender, row.source, row.attempts, row.created_at, row.message_id)
