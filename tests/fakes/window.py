"""A limit on requests in any stretch of time, as platforms have them."""

from collections import deque


class Window:
    """At most ``limit`` requests in any ``seconds``."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until there is room; 0 when there is."""
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        return self._taken[0] + self._seconds - now if len(self._taken) >= self._limit else 0.0

    def take(self, now: float) -> None:
        """Counts a request."""
        self._taken.append(now)
