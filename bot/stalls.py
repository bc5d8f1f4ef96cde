"""How long the event loop was kept from its work: everything that answers within a second depends on it."""

import asyncio
import contextlib

from prometheus_client import Gauge, Histogram

EVERY = 0.05
"""Seconds between two looks."""

_stalls = Histogram(
    "jufeng_loop_stall_seconds", "How late the event loop was", buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
)
_longest = Gauge("jufeng_loop_longest_stall_seconds", "The longest since the start")


class StallWatch:
    """Wakes up again and again, and notes how late."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._so_far = 0.0

    def start(self) -> None:
        """Begins to watch the running loop."""
        self._task = asyncio.create_task(self._run(), name="stalls")

    async def close(self) -> None:
        """Ends."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            late = max(loop.time() - due, 0.0)
            _stalls.observe(late)
            if late > self._so_far:
                self._so_far = late
                _longest.set(late)
