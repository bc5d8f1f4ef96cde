"""Letting the pages go as soon as the process is told to stop.

A server waits for its connections before it closes its application, and a page listens for ever.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Farewell:
    """Calls ``leave`` in the event loop when the process is told to stop, before whoever else was to hear of it."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._before: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self) -> None:
        """Begins to listen; outside the main thread, where no signal arrives, it does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if callable(signal.getsignal(number)):
                self._before[number] = signal.signal(number, self._heard)

    def close(self) -> None:
        """Gives the signals back to whom they were taken from."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._heard:
                signal.signal(number, before)
        self._before.clear()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave)
        self._before[number](number, frame)
