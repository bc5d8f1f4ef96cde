"""The long connection of one robot, kept up by the one process that owns it.

The cloud has one connection for each robot: a second one kicks the first. So of all processes on the database only
the owner connects, and a kick, which then comes from elsewhere, is not fought.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from prometheus_client import Gauge
from websockets.exceptions import WebSocketException

from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.logs import where
from bot.ownership import Ownership
from bot.platforms.wecom_aibot.link import End, Link, OnCallback, open_link
from bot.platforms.wecom_aibot.protocol import SUBSCRIBE, TOO_OFTEN, Timing
from bot.settings import WecomAibotSettings

log = logging.getLogger(__name__)

MARGIN = 0.1
"""The part of the lease that is left when a connection is given up because the lease could not be renewed."""

MAY_PASS = frozenset({"no answer", "offline", "-1", "6000", "45033"})
"""Reasons for not being subscribed of which the operator need not mend anything."""

Result = TypeVar("Result")
_connected = Gauge("jufeng_wecom_aibot_connected", "Whether this process has the robot's connection", ["bot"])


class AibotSocket:
    """Connects, subscribes, and connects again after whatever happens."""

    def __init__(
        self, settings: WecomAibotSettings, ownership: Ownership, on_callback: OnCallback, timing: Timing
    ) -> None:
        self._settings = settings
        self._name = settings.name
        self._ownership = ownership
        self._on_callback = on_callback
        self._timing = timing
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Future[bool] | None = None
        self._failures = 0
        self._kicked_before = False

    @property
    def ready(self) -> bool:
        """Whether this process has a connection that the cloud has accepted."""
        return self._link is not None

    def start(self) -> None:
        """Begins to connect."""
        self._task = asyncio.create_task(self._run(), name=f"wecom_aibot {self._name}")

    async def close(self) -> None:
        """Says goodbye to the cloud and gives the robot up, all within a second."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._asking is not None:  # or it would come after the release
            await asyncio.wait({self._asking}, timeout=self._timing.close / 2)
        await asyncio.wait({asyncio.create_task(self._ownership.release())}, timeout=self._timing.close / 2)

    async def request(self, cmd: str, body: Mapping[str, Any] | None = None, req_id: str = "") -> dict[str, Any]:
        """See ``protocol.Requests``."""
        if self._link is None:
            raise RetryLater("offline", 1.0)
        return await self._link.request(cmd, body, req_id)

    async def _run(self) -> None:
        while True:
            try:
                asked_at = asyncio.get_running_loop().time()
                if await self._hold():
                    await self._own(asked_at)
            except Exception as error:  # noqa: BLE001  # the robot must come back, whatever happened
                log.error("wecom_aibot %s: %s\n%s", self._name, type(error).__name__, where(error))
            await asyncio.sleep(self._timing.standby * random.uniform(0.7, 1.3))

    async def _hold(self) -> bool:
        self._asking = asyncio.ensure_future(self._ownership.hold())
        return await asyncio.shield(self._asking)

    async def _own(self, since: float) -> None:
        """Stays connected for as long as the robot is this process's, which asked for it at ``since``."""
        await _first_of(self._keep_owning(since), self._stay_connected())

    async def _keep_owning(self, held_at: float) -> None:
        """Returns before another process may have the robot, also when the database does not answer any more."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(held_at + self._timing.lease * (1 - MARGIN)):
                    await asyncio.sleep(self._timing.renewal)
                    asked_at = loop.time()
                    while not await self._hold():
                        await asyncio.sleep(self._timing.renewal / 10)
                        asked_at = loop.time()
            except TimeoutError:
                log.warning("wecom_aibot %s: another process may have the robot now", self._name)
                return
            held_at = asked_at

    async def _stay_connected(self) -> None:
        """Returns when it turns out that another process of ours has the robot."""
        while True:
            end = await self._connect()
            if end is End.KICKED and not await self._hold():
                return
            await asyncio.sleep(self._pause_after(end))

    def _pause_after(self, end: End) -> float:
        if end is End.KICKED:
            quiet, self._kicked_before = self._kicked_before, True
            log.log(
                logging.INFO if quiet else logging.ERROR,
                "wecom_aibot %s: another server connected with this robot's Secret, and the cloud keeps only the last; "
                "stop it there, or give this server a robot of its own. Next attempt in %.0f s",
                self._name,
                self._timing.kicked,
            )
            return self._timing.kicked
        if end is End.REFUSED:
            return self._timing.refused
        pause = min(self._timing.longest_pause, self._timing.first_pause * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return pause * random.uniform(0.5, 1.0)

    async def _connect(self) -> End:
        """One connection, until it ends."""
        try:
            link = await open_link(self._name, self._settings.ws_url, self._on_callback, self._timing)
        except (OSError, ValueError, WebSocketException) as error:
            log.warning("wecom_aibot %s: no connection: %s", self._name, type(error).__name__)
            return End.LOST
        try:
            ends = await _first_of(link.read(), self._live(link))
            return next((end for end in (End.KICKED, End.REFUSED) if end in ends), End.LOST)
        finally:
            await link.close()

    async def _live(self, link: Link) -> End:
        credentials = {"bot_id": self._settings.bot_id, "secret": self._settings.secret}
        try:
            await link.request(SUBSCRIBE, credentials)
        except (RetryLater, Uncertain, Refused, Closed) as error:
            return self._not_subscribed(error)
        log.info("wecom_aibot %s: connected", self._name)
        since = asyncio.get_running_loop().time()
        self._link = link
        _connected.labels(self._name).set(1)
        try:
            await link.beat()
        finally:
            self._link = None
            _connected.labels(self._name).set(0)
            if asyncio.get_running_loop().time() - since >= self._timing.healthy:
                self._failures, self._kicked_before = 0, False
        return End.LOST

    def _not_subscribed(self, error: RetryLater | Refused | Closed | Uncertain) -> End:
        code = "no answer" if isinstance(error, Uncertain) else error.code
        if code in MAY_PASS:
            log.warning("wecom_aibot %s: not subscribed: %s", self._name, code)
            return End.LOST
        why = "it subscribed too often" if code == TOO_OFTEN else "bot_id or secret is wrong"
        log.error("wecom_aibot %s: the cloud does not take this robot: %s (errcode %s)", self._name, why, code)
        return End.REFUSED


async def _first_of(*jobs: Coroutine[Any, Any, Result]) -> list[Result]:
    """What those return that have ended when the first of them has; the others are ended. Raises what they raise."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks if not task.cancelled()]
