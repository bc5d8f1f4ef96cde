"""``jufeng tick``: what is due at a given time, once, for cron, tests and trials."""

import asyncio
from collections.abc import Callable

from bot.app import Server
from schedules.runner import run_due

PATIENCE = 120.0
"""Seconds to wait until what was posted is sent."""


async def run_tick(server: Server, write: Callable[[str], None]) -> int:
    """Runs what is due at the server's time and returns once it is sent: 0, or 1 where that takes too long."""
    done = await asyncio.to_thread(run_due, server.database, server.clock(), server.roads)
    server.outbox.start()
    sent = await server.outbox.emptied(PATIENCE)
    await server.outbox.close()
    for platform in server.platforms:
        await platform.close()
    server.database.close()
    write(f"办了 {done} 件到点的事，{'都发出去了' if sent else '还有没发出去的，请运行 jufeng doctor'}。")
    return 0 if sent else 1
