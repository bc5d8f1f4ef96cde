"""Answers that are begun before they are known, so that people see that somebody is at work.

An answer takes one frame, with ``finish``, unless its message takes long to be committed. Always beginning with an
empty frame would take two of the 30 that a chat has in a minute, and forty people checking in at once would wait for
theirs twice as long. For the same reason none is begun where few frames are left.
"""

import asyncio
import hashlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.platforms.budget import Budget
from bot.platforms.wecom_aibot.protocol import RESPOND, Requests, Timing

log = logging.getLogger(__name__)

RESERVE = 10
"""Frames of a chat's budget that beginnings leave to what is said."""
HEARD = "收到。"
LATE = "比平时慢一些，有结果再告诉你。"


@dataclass(slots=True)
class _Begun:
    chat: str
    id: str
    post: str = ""
    """The uuid of the post that finishes it."""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Streams:
    """Streams that this process has begun and not finished; a stream of another is left to the cloud's time limit."""

    def __init__(self, bot: str, request: Requests, budget: Budget, timing: Timing) -> None:
        self._bot = bot
        self._request = request
        self._budget = budget
        self._timing = timing
        self._begun: dict[str, _Begun] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, req_id: str, chat: str) -> None:
        """Begins the answer to ``req_id``, unless the chat has said much already."""
        if req_id not in self._begun and self._budget.take(chat, reserve=RESERVE):
            begun = self._begun[req_id] = _Begun(chat, _digest(req_id))
            self._end_after(self._timing.unanswered, req_id, LATE)
            self._spawn(self._open(req_id, begun))

    def committed(self, req_id: str) -> None:
        """Its message was done: the answer comes soon, or is none that belongs into the chat."""
        if req_id in self._begun:
            self._end_after(self._timing.unclaimed, req_id, HEARD)

    def claim(self, req_id: str, post: str) -> str:
        """The stream by which the post ``post`` answers, always the same one for it.

        That is the one that was begun or, for a second post and where none was begun, one of its own.
        """
        begun = self._begun.get(req_id)
        if begun is None or begun.post not in ("", post):
            return _digest(req_id + post)
        begun.post = post
        return begun.id

    def was_begun(self, req_id: str, stream: str) -> bool:
        """Whether ``stream`` is one that ``begin`` began."""
        return stream == _digest(req_id)

    def finished(self, req_id: str, post: str) -> None:
        """The post ``post`` has been sent."""
        if (begun := self._begun.get(req_id)) and begun.post == post:
            self._forget(req_id)

    def end(self, req_id: str, chat: str, text: str) -> None:
        """Answers with a sentence of our own, which finishes the answer that was begun, if one was."""
        begun = self._forget(req_id) or _Begun(chat, _digest(req_id))
        self._spawn(self._finish(req_id, begun, text))

    async def close(self) -> None:
        """Ends what was begun, but for what a post may just have finished."""
        for req_id, begun in list(self._begun.items()):
            if begun.post:
                self._forget(req_id)
            else:
                self.end(req_id, begun.chat, LATE)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._timing.close / 2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end_after(self, seconds: float, req_id: str, text: str) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._end_if_due, req_id, text)
        self._begun[req_id].timers.append(timer)

    def _end_if_due(self, req_id: str, text: str) -> None:
        """One that a post is about to finish is left to it, though not for ever."""
        begun = self._begun.get(req_id)
        if begun is not None and (text == LATE or not begun.post):
            self.end(req_id, begun.chat, text)

    def _forget(self, req_id: str) -> _Begun | None:
        begun = self._begun.pop(req_id, None)
        for timer in begun.timers if begun else ():
            timer.cancel()
        return begun

    async def _open(self, req_id: str, begun: _Begun) -> None:
        try:
            await self._request(RESPOND, _frame(begun.id, "", finish=False), req_id)
        except (RetryLater, Refused, Closed) as error:
            log.debug("wecom_aibot %s: an answer was not begun: %s", self._bot, error.code)
            if self._begun.get(req_id) is begun:
                self._forget(req_id)
        except Uncertain:
            log.debug("wecom_aibot %s: an answer may have been begun", self._bot)

    async def _finish(self, req_id: str, begun: _Begun, text: str) -> None:
        """Tries for as long as the cloud may take it, through lost connections too; the same frame again is no harm."""
        try:
            async with asyncio.timeout(self._timing.unanswered):
                while not await self._sent(req_id, begun, text):
                    pass
        except (Refused, Closed) as error:
            log.warning("wecom_aibot %s: an answer stays unfinished: %s", self._bot, error.code)
        except TimeoutError:
            log.warning("wecom_aibot %s: an answer stays unfinished: the cloud did not take it in time", self._bot)

    async def _sent(self, req_id: str, begun: _Begun, text: str) -> bool:
        """One attempt; False after the pause before another one. Raises Refused or Closed."""
        try:
            if not self._budget.take(begun.chat):
                raise RetryLater("budget", self._budget.wait(begun.chat))
            await self._request(RESPOND, final_frame(begun.id, text), req_id)
        except RetryLater as wait:
            await asyncio.sleep(wait.seconds)
        except Uncertain:
            await asyncio.sleep(self._timing.first_pause)
        else:
            return True
        return False

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def final_frame(stream: str, text: str) -> dict[str, Any]:
    """The body that finishes a stream. It replaces whatever the stream has said, so that it may be sent twice."""
    return _frame(stream, text, finish=True)


def _frame(stream: str, text: str, *, finish: bool) -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": stream, "finish": finish, "content": text}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
