"""Messages on their way into the database, which may take longer than WeCom waits for an answer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.messages import IncomingMessage, Intake, Receipt, Unavailable

ANSWER_WITHIN = 3.0
"""Seconds that a commit may take before the answer is only promised; WeCom waits for 5 (page 90238)."""
FINISH_WITHIN = 330.0
"""Seconds from the message until its stream is finished; WeCom asks for it for 6 minutes (page 101031)."""
GIVE_UP_AFTER = 300.0
"""Seconds after which no further attempt is made, so that there is time to say so."""
FINISH_UNKNOWN_WITHIN = 60.0
"""The same for a stream that another process has promised, from the first time that this one is asked for it."""
PAUSE = 2.0
"""Seconds between two attempts at a message that could not be committed."""

State = Literal["open", "committed", "failed", "overdue"]


@dataclass(slots=True)
class _Commit:
    began: float
    overdue_after: float
    task: asyncio.Task[None] | None = None
    """None: another process has it."""
    promised: bool = False
    receipt: Receipt | None = None

    @property
    def ended(self) -> bool:
        return self.task is None or self.task.done()


class Commits:
    """Commits messages, and goes on where an answer was promised: then WeCom will not deliver them again.

    ``clock`` gives growing seconds.
    """

    def __init__(self, intake: Intake, clock: Callable[[], float] = time.monotonic) -> None:
        self._intake = intake
        self._clock = clock
        self._commits: dict[str, _Commit] = {}

    async def submit(self, message: IncomingMessage, *, promise: bool) -> Receipt | None:
        """What became of the message. None: nothing in time, and it goes on by itself.

        ``promise``: with None the caller promises an answer, so that from then on the message is tried again and
        again. Raises Unavailable, after which WeCom has to deliver it again.
        """
        commit = self._commits.get(message.key)
        if commit is None or (commit.ended and commit.receipt is None):
            commit = self._begin(message)
        if commit.task is not None:
            await asyncio.wait({commit.task}, timeout=ANSWER_WITHIN)
        if not commit.ended:
            commit.promised = commit.promised or promise
            return None
        if commit.receipt is None:
            self.forget(message.key)
            raise Unavailable
        return commit.receipt

    def forget(self, key: str) -> None:
        """The message ``key`` has been answered. What was promised is still asked for."""
        commit = self._commits.get(key)
        if commit is not None and not commit.promised:
            del self._commits[key]

    def state(self, key: str) -> State:
        """Where the message ``key`` stands, of which this or another process has promised an answer."""
        commit = self._commits.get(key) or self._keep(key, FINISH_UNKNOWN_WITHIN)
        if commit.receipt is not None:
            return "committed"
        if commit.task is not None and commit.ended:
            return "failed"
        return "overdue" if self._clock() - commit.began >= commit.overdue_after else "open"

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = [commit.task for commit in self._commits.values() if commit.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, message: IncomingMessage) -> _Commit:
        commit = self._keep(message.key, FINISH_WITHIN)
        commit.task = asyncio.create_task(self._try(message, commit))
        return commit

    def _keep(self, key: str, overdue_after: float) -> _Commit:
        self._sweep()
        self._commits.pop(key, None)  # so that they stay in order of their beginnings
        self._commits[key] = _Commit(self._clock(), overdue_after)
        return self._commits[key]

    async def _try(self, message: IncomingMessage, commit: _Commit) -> None:
        while commit.receipt is None:
            try:
                commit.receipt = await self._intake.submit(message)
            except Unavailable:
                if not commit.promised or self._clock() - commit.began >= GIVE_UP_AFTER:
                    return
                await asyncio.sleep(PAUSE)

    def _sweep(self) -> None:
        """What WeCom asks for no more."""
        while self._commits:
            key, oldest = next(iter(self._commits.items()))
            if not oldest.ended or self._clock() - oldest.began < 2 * FINISH_WITHIN:
                return
            del self._commits[key]
