"""The product's robot on the fake gateway's long connection, as the contract tests use it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

from bot.messages import Intake
from bot.platforms.base import Services
from bot.platforms.wecom_aibot import WecomAibotPlatform
from bot.platforms.wecom_aibot.protocol import Timing
from bot.platforms.wecom_aibot.pushing import Pushes
from bot.settings import WecomAibotSettings
from models.database import Database
from tests.fakes.services import services
from tests.fakes.wecom_gateway import BOT_ID, SECRET, WecomGateway

QUICK = Timing(
    ack=0.4,
    beat=5.0,
    open=1.0,
    close=0.3,
    first_pause=0.05,
    longest_pause=0.2,
    refused=0.3,
    kicked=0.6,
    standby=0.05,
    renewal=0.2,
    lease=30.0,
    patience=0.1,
    unclaimed=0.3,
    unanswered=1.0,
    pauses=(0.05, 0.05, 0.05),
)
"""Everything a good deal faster than in earnest."""


def aibot_settings(url: str, *, secret: str = SECRET) -> WecomAibotSettings:
    """The settings of the robot that the fake gateway knows."""
    return WecomAibotSettings(bot_id=BOT_ID, secret=secret, ws_url=url)


def lent(intake: Intake, database: Database, **options: Any) -> Services:
    """What the server lends."""
    return services(intake, database=database, **options)


@asynccontextmanager
async def running(
    gateway: WecomGateway,
    given: Services,
    *,
    timing: Timing = QUICK,
    secret: str = SECRET,
    robots: Mapping[str, Pushes] | None = None,
    app: Pushes | None = None,
    wait: bool = True,
) -> AsyncIterator[WecomAibotPlatform]:
    """The platform, started. ``wait``: until it is connected."""
    platform = WecomAibotPlatform(aibot_settings(gateway.url, secret=secret), given, robots, app, timing)
    await platform.start()
    try:
        if wait:
            await until(lambda: platform.sender.ready)
        yield platform
    finally:
        await platform.close()


async def until(check: Callable[[], object], seconds: float = 3.0) -> None:
    """Returns when ``check`` holds. Raises TimeoutError."""
    with anyio.fail_after(seconds):
        while not check():
            await anyio.sleep(0.005)
