"""How much a platform lets one chat or bot say in a time, counted on this side so that nothing is thrown away."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

SWEEP_FROM = 1000
"""Keys; below this nobody looks for quiet ones to forget."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``limit`` in any ``seconds``."""

    limit: int
    seconds: float


class Budget:
    """Sliding windows for each key; every rate holds for every key. ``clock`` gives growing seconds."""

    def __init__(self, rates: tuple[Rate, ...], clock: Callable[[], float]) -> None:
        if not rates or any(rate.limit < 1 or rate.seconds <= 0 for rate in rates):
            raise ValueError("a budget needs rates above nothing")
        self._rates = rates
        self._longest = max(rate.seconds for rate in rates)
        self._clock = clock
        self._taken: dict[str, list[float]] = {}
        self._sweep_at = SWEEP_FROM

    def wait(self, key: str, *, reserve: int = 0) -> float:
        """Seconds until one can be taken such that ``reserve`` more would be left; 0: now.

        Raises ValueError for a reserve that is never left.
        """
        now = self._clock()
        return max(self._until(rate, self._taken.get(key, []), now, reserve) for rate in self._rates)

    def take(self, key: str, *, reserve: int = 0) -> bool:
        """Takes one if there is room and ``reserve`` more would be left; returns whether it did."""
        if self.wait(key, reserve=reserve) > 0:
            return False
        now = self._clock()
        times = self._taken.setdefault(key, [])
        del times[: bisect_right(times, now - self._longest)]
        times.append(now)
        if len(self._taken) > self._sweep_at:
            self._sweep(now)
        return True

    async def turn(self, key: str, longest: float) -> float:
        """Takes one as soon as there is room, and returns 0; or the seconds until then where these are too many.

        ``longest``: seconds to wait at a time.
        """
        while not self.take(key):
            wait = self.wait(key)
            if wait > longest:
                return wait
            await asyncio.sleep(wait)
        return 0.0

    def _until(self, rate: Rate, times: list[float], now: float, reserve: int) -> float:
        allowed = rate.limit - reserve
        if allowed < 1:
            raise ValueError(f"{reserve} are never left of {rate.limit}")
        if len(times) < allowed:
            return 0.0
        return max(0.0, times[-allowed] + rate.seconds - now)

    def _sweep(self, now: float) -> None:
        """Forgets keys of which nothing counts any more; rarely enough to cost nothing for each take."""
        self._taken = {key: times for key, times in self._taken.items() if times[-1] + self._longest > now}
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._taken))
