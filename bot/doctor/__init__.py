"""``jufeng doctor``: what is wrong with an installation, and what to do about it.

It looks and never changes anything; whatever fails becomes a finding, not an exception, and no finding shows a secret.
"""

import asyncio
import contextlib
from collections.abc import Callable

from bot.clock import Clock, system_clock
from bot.doctor.feishu import examine_app
from bot.doctor.findings import Finding, Level, exit_code, render
from bot.doctor.machine import examine_configuration, examine_data_folder, key_path
from bot.doctor.records import examine_records
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
    for app in settings.platforms.feishu:
        findings += await examine_app(app, settings.server.public_url, clock)
    return findings
