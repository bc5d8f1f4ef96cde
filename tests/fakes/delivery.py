"""Many callbacks at a server of its own, delivered until each is taken, and what came of them at the fake cloud."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable

import httpx
from sqlalchemy import func, select

from models.database import Database
from models.outbox import Post, PostState
from tests.fakes.feishu_callbacks import Callback
from tests.fakes.feishu_cloud import Record

AT_ONCE = 48
DRAINED_WITHIN = 120.0


class Deliverer:
    """Delivers callbacks as Feishu does, only faster: what is not answered 200 comes again until it is."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/webhooks/feishu/main"
        self.delivered = 0

    async def deliver(self, callbacks: Iterable[Callback]) -> None:
        """Returns once each has been answered 200."""
        waiting = asyncio.Queue[Callback]()
        for callback in callbacks:
            waiting.put_nowait(callback)
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(limits=limits, timeout=10) as client, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(client, waiting))

    async def _work(self, client: httpx.AsyncClient, waiting: asyncio.Queue[Callback]) -> None:
        while not waiting.empty():
            callback = waiting.get_nowait()
            while not await self._once(client, callback):
                await asyncio.sleep(0.2)
            self.delivered += 1

    async def _once(self, client: httpx.AsyncClient, callback: Callback) -> bool:
        try:
            response = await client.post(self._url, content=callback.body, headers=callback.headers)
        except httpx.TransportError:
            return False
        return response.status_code == 200


def wait_until_drained(database: Database) -> None:
    """Returns once nothing waits in the outbox. Raises AssertionError where that takes too long."""
    end = time.monotonic() + DRAINED_WITHIN
    while time.monotonic() < end:
        with database.read() as session:
            if not session.scalar(select(func.count()).where(Post.state == PostState.WAITING)):
                return
        time.sleep(0.1)
    raise AssertionError("the outbox did not drain")


def acknowledged(record: Record, senders: dict[str, str]) -> Counter[str]:
    """How often each person was acknowledged: by ticks on their messages and by name in merged lines."""
    ticks = Counter(senders[reaction.message_id] for reaction in record.reactions)
    lines = [post.content["text"] for post in record.posts if post.content.get("text", "").startswith("✅ 已签到")]
    named = Counter(name for line in lines for name in re.findall(r"骑手\d{5}", line))
    return ticks + named
