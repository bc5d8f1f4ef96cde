"""``jufeng doctor``: what is wrong with an installation, and what to do about it.

It looks and never changes anything; whatever fails becomes a finding, not an exception, and no finding shows a secret.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from bot.clock import Clock, system_clock
from bot.doctor.feishu import examine_app
from bot.doctor.feishu_robot import examine_feishu_robots
from bot.doctor.findings import Finding, Level, exit_code, render
from bot.doctor.machine import examine_configuration, examine_data_folder, key_path
from bot.doctor.official_account import examine_account
from bot.doctor.records import examine_records, is_owned
from bot.doctor.wecom_aibot import Owned, examine_aibot
from bot.doctor.wecom_app import examine_wecom_app
from bot.doctor.wecom_robot import examine_wecom_robots
from bot.settings import Settings
from models.database import Database
from models.sealing import load_key, unlock

__all__ = ["Finding", "Level", "examine", "exit_code", "render", "run"]


def run(settings: Settings, write: Callable[[str], None]) -> int:
    """``jufeng doctor``: writes everything that was found, and returns the exit code."""
    findings = asyncio.run(examine(settings, lambda: _open(settings), system_clock))
    write(render(findings))
    return exit_code(findings)


def _open(settings: Settings) -> Database:
    """The database as it is: neither a key nor a schema is made."""
    key = key_path(settings.bot.data_dir)
    if key.exists():
        with contextlib.suppress(ValueError):  # a damaged key has a finding of its own
            unlock(load_key(key))
    return Database(settings.database.url)


async def examine(settings: Settings, database_factory: Callable[[], Database], clock: Clock) -> list[Finding]:
    """Everything that could be found out, in the order in which it is best mended.

    ``database_factory`` opens the configured database under the key of the data folder, if there is one already; it
    is not called where it would have to make a new SQLite file. ``clock`` is the one that the server goes by.
    """
    findings = [*examine_configuration(settings), *examine_data_folder(settings.bot.data_dir)]
    findings += await asyncio.to_thread(examine_records, settings, database_factory, clock)

    async def owned(bot: str) -> bool | None:
        return await asyncio.to_thread(is_owned, settings, database_factory, f"wecom_aibot:{bot}")

    for found in await asyncio.gather(*_of_platforms(settings, owned, clock)):
        findings += found
    return findings


def _of_platforms(settings: Settings, owned: Owned, clock: Clock) -> list[Coroutine[Any, Any, list[Finding]]]:
    """What there is to find out about each bot, all at once, for some of it takes its time to be in vain."""
    bots, url = settings.platforms, settings.server.public_url
    return [
        *(examine_app(app, url, clock) for app in bots.feishu),
        examine_feishu_robots(bots.feishu_robot, clock),
        *(examine_aibot(bot, url, owned, with_app=bool(bots.wecom_app)) for bot in bots.wecom_aibot),
        *(examine_wecom_app(app, url, clock) for app in bots.wecom_app),
        examine_wecom_robots(bots.wecom_robot, clock),
        *(examine_account(account, url, clock) for account in bots.official_account),
    ]
