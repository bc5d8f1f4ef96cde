"""Access tokens: Feishu's (page ``auth-v3/auth/tenant_access_token_internal``), WeCom's (page 91039) and WeChat's."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bot.clock import Clock

EARLY = timedelta(minutes=10)
"""A token is renewed this long before it expires; Feishu gives a new one once less than 30 minutes are left."""


class AccessToken:
    """The current token. However many callers need a new one, one request is made.

    ``fetch`` returns a token and the seconds it is valid for; what it raises reaches everyone who waits.
    """

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._value = ""
        self._renew_at = datetime.min.replace(tzinfo=UTC)
        self._renewal: asyncio.Task[str] | None = None

    async def get(self, *, stale: str = "") -> str:
        """A valid token other than ``stale``, the one that the platform has just called expired.

        It fetches at most once; a platform that gives the same token again is taken at its word.
        """
        if self._value != stale and self._clock() < self._renew_at:
            return self._value
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> str:
        value, seconds = await self._fetch()
        lifetime = timedelta(seconds=seconds)
        self._renew_at = self._clock() + lifetime - min(EARLY, lifetime / 10)
        self._value = value
        return value

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()

    async def close(self) -> None:
        """Gives up a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
