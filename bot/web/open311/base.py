"""What the interface may use of the server."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.messages import Intake
from bot.settings import Open311Settings
from models.database import Database

AT_ONCE = 2
"""Requests that are read at once: threads are left for those who check in."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Open311:
    """The configured systems, and what their requests need. ``seconds`` grow; requests are counted by them."""

    systems: Sequence[Open311Settings]
    database: Database
    clock: Clock
    intake: Intake
    seconds: Callable[[], float] = time.monotonic
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), repr=False)

    async def read(self, look: Callable[[Session], Found]) -> Found:
        """What ``look`` finds in the database, in a thread of its own and in its turn."""

        def run() -> Found:
            with self.database.read() as session:
                return look(session)

        async with self._reading:
            return await asyncio.to_thread(run)
