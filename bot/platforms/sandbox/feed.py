"""Server-sent events: every change of the chat log, to every open page."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from bot.clock import Clock

BEAT = 15.0
"""Seconds after which a quiet connection is shown to be alive."""
BACKLOG = 1_000
"""Events that a page may be behind; then it is cut off, comes again and reads the log."""

_END = None


class Feed:
    """The open pages. Nothing is kept for a page that is away: it reads the log when it comes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Sends an event to all pages. To be called in the event loop."""
        event = self._event(name, data)
        for page in list(self._pages):
            try:
                page.put_nowait(event)
            except asyncio.QueueFull:
                self._cut_off(page)

    async def listen(self) -> AsyncIterator[str]:
        """The events of one page until it leaves, falls behind or the server stops."""
        page: asyncio.Queue[str | None] = asyncio.Queue(BACKLOG)
        if self._closed:
            return
        self._pages.add(page)
        try:
            yield self._event("hello", {})
            while (event := await self._next(page)) is not _END:
                yield event
        finally:
            self._pages.discard(page)

    def close(self) -> None:
        """Lets every page go, so that the server can stop."""
        self._closed = True
        for page in list(self._pages):
            self._cut_off(page)

    async def _next(self, page: "asyncio.Queue[str | None]") -> str | None:
        try:
            return await asyncio.wait_for(page.get(), BEAT)
        except TimeoutError:
            return self._event("beat", {})

    def _cut_off(self, page: "asyncio.Queue[str | None]") -> None:
        self._pages.discard(page)
        while not page.empty():
            page.get_nowait()
        page.put_nowait(_END)

    def _event(self, name: str, data: dict[str, Any]) -> str:
        """Every event tells the time, so that the page's clock stays right."""
        body = json.dumps({"now": self._clock().isoformat(), **data}, ensure_ascii=False)
        return f"event: {name}\ndata: {body}\n\n"
