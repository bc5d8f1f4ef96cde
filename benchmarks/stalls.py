"""For how long the event loop is kept from its work, at most, on each road: while many write and send large photos.

The product is a process of its own; the clouds share this one. Run it with ``make bench``.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.callbacks import longest_stall
from bot.clock import system_clock
from bot.settings import PlatformSettings
from bot.web.demo import seed_demo
from models.database import Database
from models.downloads import Download, coming
from models.inbox import Claim
from models.outbox import Post, waiting
from models.people import Identity
from models.sealing import load_key, unlock
from tests.dialogues.everywhere import move
from tests.dialogues.worlds import AccountWorld, AppWorld, CallbackWorld, FeishuWorld, SocketWorld, World
from tests.fakes.pictures import picture
from tests.fakes.product import running
from tests.fakes.serving import free_port

ROADS: dict[str, Callable[[], World]] = {
    "feishu": FeishuWorld,
    "aibot, long connection": SocketWorld,
    "aibot, URL callback": CallbackWorld,
    "self-built app": AppWorld,
    "official account": AccountWorld,
}
ROUNDS = 10
"""In each, every person of the demonstration branch writes, and one of them sends a photo."""
WITHIN = 60.0


def main() -> None:
    """Prints the longest stall on each road, in milliseconds."""
    for name, world in ROADS.items():
        with tempfile.TemporaryDirectory() as folder, world() as cloud:
            messages, stall = asyncio.run(_rush(cloud, Path(folder)))
        sys.stdout.write(f"{name:24}{stall * 1000:5.0f} ms at most, over {messages} messages\n")


async def _rush(world: World, folder: Path) -> tuple[int, float]:
    unlock(load_key(folder / "data" / "keys" / "master.key"))
    database = Database(f"sqlite:///{folder}/jufeng.db")
    database.upgrade()
    seed_demo(database, system_clock())
    move(database, world)
    port = free_port()
    config = folder / "config.toml"
    config.write_text(_toml(port, folder, world.settings()), encoding="utf-8")
    with running(config, port) as product:
        await world.open(product.url, time.time)
        written = 0
        for _ in range(ROUNDS):
            written += await _everybody(world, database)
        await asyncio.to_thread(_wait_until_done, database, written)
        stall = longest_stall(port)
    database.close()
    return written, stall


async def _everybody(world: World, database: Database) -> int:
    with database.read() as session:
        people = list(session.scalars(select(Identity.ref)))
    await world.say(people[0], people[0], "东门井盖没了", private=True)
    photo = world.say(people[0], people[0], "", private=True, photo=picture("JPEG", 4000, 3000))
    rest = [world.say(who, who, "我有多少积分", private=True) for who in people[1:]]
    await asyncio.gather(photo, *rest)
    return len(people) + 1


def _wait_until_done(database: Database, written: int) -> None:
    """A figure counts only if the work was done."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        with database.read() as session:
            taken = session.scalar(select(func.count()).select_from(Claim)) or 0
            left = session.scalar(select(func.count()).select_from(Download).where(coming())) or 0
            left += session.scalar(select(func.count()).select_from(Post).where(waiting())) or 0
        if taken >= written and not left:
            return
        time.sleep(0.2)
    raise RuntimeError(f"{taken} of {written} messages were taken, {left} photos and posts are left")


def _toml(port: int, folder: Path, platforms: PlatformSettings) -> str:
    lines = ["[server]", f"port = {port}", "[database]", f'url = "sqlite:///{folder}/jufeng.db"']
    lines += ["[bot]", f'data_dir = "{folder / "data"}"']
    for kind, bots in platforms.model_dump().items():
        for bot in bots:
            lines += [f"[[platforms.{kind}]]", *(f"{key} = {_value(value)}" for key, value in bot.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


if __name__ == "__main__":
    main()
