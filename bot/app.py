"""The server, put together: database, platforms, intake, outbox and schedules in one FastAPI application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cache

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

import handlers
from bot.clock import Clock, MovableClock, system_clock
from bot.delivery import Limits
from bot.downloads import Downloads
from bot.intake import GroupCommitIntake
from bot.learned import learned
from bot.links import Links
from bot.mailbox import Mailbox
from bot.media import MediaStore
from bot.messages import PROVIDERS
from bot.opening import open_database
from bot.outbox import Outbox
from bot.ownership import Ownership
from bot.platforms.base import Platform, Services
from bot.platforms.configured import Bots
from bot.platforms.sandbox import SandboxPlatform
from bot.posting import Roads
from bot.reports.cards import CARDS
from bot.reports.files import FILES
from bot.router import Router
from bot.settings import Settings
from bot.stalls import StallWatch
from bot.understanding import Understanding
from bot.web.demo import seed_demo
from bot.web.open311 import open311_router
from bot.web.open311.base import Open311
from bot.web.pages import pages_router
from bot.web.pages.base import Pages
from bot.web.sandbox import sandbox_router
from models.database import Database
from models.outbox import wake_all
from models.sandbox import SandboxClock
from schedules.runner import Scheduler, next_due, run_due

STUCK = 30.0
"""Seconds after which an intake or outbox that does not move is unhealthy."""

_log = logging.getLogger(__name__)


@cache
def load_understanding() -> Understanding:
    """The one understanding of the process: it takes most of a second to load."""
    return Understanding()


class Server:
    """Everything that one process runs. ``clock`` stands in for the machine's, where time is to be told otherwise."""

    def __init__(self, settings: Settings, database: Database, clock: MovableClock | None = None) -> None:
        self.settings = settings
        self.database = database
        self.clock: Clock = clock or system_clock
        self.platforms: list[Platform] = []
        self._homes: dict[str, tuple[str, str]] = {}
        self._limits: dict[tuple[str, str], Limits] = {}
        links = Links(_public_address(settings))
        self.roads = Roads(self._homes, self._limits, links)
        self.media = MediaStore(settings.bot.data_dir / "photos")
        if settings.sandbox_enabled:
            self.clock = clock or self._kept_clock()
            seed_demo(database, self.clock())
        router = Router(load_understanding().with_classifier(learned(settings.bot.data_dir)))
        self.intake = GroupCommitIntake(database, router, self.clock, self.roads, settings.bot.admins)
        mailbox = Mailbox(database, self.clock)
        self._services = Services(self.intake, mailbox, self.media, self.clock, settings.bot.name, self._own, links)
        self._add_platforms()
        senders = [platform.sender for platform in self.platforms]
        self.outbox = Outbox(database, senders, self.clock, cards=CARDS, files=FILES, links=links)
        self.downloads = Downloads(database, self.media, self.platforms, self.clock, self.roads)
        self.stalls = StallWatch()
        self.scheduler = Scheduler(database, self.clock, self.roads, self.outbox.announce)
        _log.debug("handlers: %s", " ".join(handlers.__all__))

    def _add_platforms(self) -> None:
        bots = Bots(self.settings.platforms, self._services)
        self._robots = bots.robots
        for platform in bots.platforms:
            self._add(platform)
        if self.settings.sandbox_enabled and isinstance(self.clock, MovableClock):
            self._add(SandboxPlatform(self.database, self._services, self.clock))

    def _own(self, name: str) -> Ownership:
        return Ownership(self.database, name)

    def _add(self, platform: Platform) -> None:
        self.platforms.append(platform)
        sender = platform.sender
        self._homes.setdefault(PROVIDERS[sender.platform], (sender.platform, sender.bot))
        self._limits[sender.platform, sender.bot] = sender.limits

    def _kept_clock(self) -> MovableClock:
        """The sandbox's clock as far as it had been moved."""
        with self.database.read() as session:
            kept = session.get(SandboxClock, 1)
        return MovableClock(timedelta(seconds=kept.offset_seconds if kept else 0.0))

    async def start(self) -> None:
        """Begins all work."""
        await asyncio.to_thread(self._wake_held)
        self.intake.start(self._posted)
        self.outbox.start()
        self.downloads.start()
        for platform in self.platforms:
            await platform.start()
        self.scheduler.start()
        self.stalls.start()

    def _wake_held(self) -> None:
        with self.database.write.begin() as session:
            wake_all(session, self.clock())

    def _posted(self) -> None:
        """Something has been committed: it may be there to send, or to fetch."""
        self.outbox.announce()
        self.downloads.announce()

    async def close(self) -> None:
        """Writes down what has been sent, hears nobody any more, commits what has arrived, and ends.

        The intake is the last: a long connection brings messages up to its end, and nobody would bring them again.
        """
        await self.scheduler.close()
        await self.outbox.close()
        await self.downloads.close()
        for closing in (*self.platforms, *self._robots):
            await closing.close()
        await self.intake.close()
        await self.stalls.close()
        await asyncio.to_thread(self.media.close)
        self.database.close()

    async def advance(self, moment: datetime) -> None:
        """Moves the sandbox's clock, doing what is due on the way at its own time."""
        clock = self.clock
        if not isinstance(clock, MovableClock):
            raise TypeError("only the sandbox's clock can be moved")
        while (due := await asyncio.to_thread(next_due, self.database, clock(), moment)) is not None:
            await self._advance_to(clock, due)
        await self._advance_to(clock, moment)

    async def _advance_to(self, clock: MovableClock, moment: datetime) -> None:
        if moment > clock():
            clock.move_to(moment)
        await asyncio.to_thread(self._keep_offset, clock)
        await asyncio.to_thread(run_due, self.database, clock(), self.roads)
        await self.outbox.emptied()

    def _keep_offset(self, clock: MovableClock) -> None:
        with self.database.write.begin() as session:
            session.merge(SandboxClock(id=1, offset_seconds=clock.offset.total_seconds()))

    def troubles(self) -> list[str]:
        """What keeps the server from being healthy; blocks while the database is asked."""
        found = []
        try:
            self.database.ping()
        except SQLAlchemyError as error:
            found.append(f"database: {type(error).__name__}")
        if self.intake.stuck_for() > STUCK:
            found.append("intake: the present transaction does not end")
        if (system_clock() - self.outbox.last_round).total_seconds() > STUCK:
            found.append("outbox: it does not move")
        return found


def _public_address(settings: Settings) -> str:
    """What links begin with. The sandbox is for this machine alone, which can open the server's own address."""
    own = f"http://{settings.server.host}:{settings.server.port}" if settings.sandbox_enabled else ""
    return settings.server.public_url.rstrip("/") or own


def build_app(settings: Settings) -> FastAPI:
    """The application for these settings, with its schema up to date."""
    server = Server(settings, open_database(settings))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        yield
        await server.close()

    app = FastAPI(title="聚蜂 Jufeng", lifespan=lifespan)
    app.include_router(_status_router(server))
    for platform in server.platforms:
        app.include_router(platform.router)
    pages = Pages(server.database, server.clock, server.intake, server.roads.links, settings.bot.data_dir)
    app.include_router(pages_router(pages))
    if settings.open311:
        app.include_router(open311_router(Open311(settings.open311, server.database, server.clock, server.intake)))
    if settings.sandbox_enabled and isinstance(server.clock, MovableClock):
        app.include_router(sandbox_router(server.database, server.clock, server.advance, settings.bot.name))
    return app


def _status_router(server: Server) -> APIRouter:
    router = APIRouter(tags=["状态"])

    @router.get("/healthz", summary="是否健康：数据库有应答，收发都在动")
    async def healthz(response: Response) -> dict[str, list[str] | str]:
        troubles = await asyncio.to_thread(server.troubles)
        response.status_code = 503 if troubles else 200
        return {"status": "unhealthy", "troubles": troubles} if troubles else {"status": "ok"}

    @router.get("/metrics", summary="Prometheus 指标")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
