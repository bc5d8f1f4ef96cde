"""Plays a dialogue on another cloud than the sandbox: the product is served, and people write there."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Column, Table, func, select

from bot.app import Server
from bot.clock import MovableClock
from bot.content import Card, load
from bot.settings import BotSettings, SandboxSettings, Settings
from bot.web.demo import seed_demo
from models.base import Base
from models.chats import Chat
from models.database import Database
from models.downloads import Download, coming
from models.inbox import Claim
from models.outbox import Post, PostState
from models.people import Identity
from tests.dialogues.script import BOT, Dialogue, Step
from tests.dialogues.stage import moment_of
from tests.dialogues.worlds import Seen, World
from tests.fakes.pictures import picture

_IDS = re.compile(r"\d{10,}|\w+:(ou_\w+|u\d+|stranger\d+)$")
"""Ids of records, and accounts such as ``feishu:ou_…``."""
LATER = timedelta(seconds=10)
"""What waits for company, or for a synchronous answer to carry it, is due by then."""
NEXT_PRESS = timedelta(seconds=11)
"""Presses of one button within ten seconds are a double click."""
RECORDS = (
    *("cases", "case_steps", "lessons", "roll", "check_ins", "leaves", "point_claims", "point_entries", "accounts"),
    *("audit", "people"),
)
"""The tables that must be alike, wherever a dialogue was played."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a dialogue."""

    seen: list[Seen]
    """What people saw, and what is held for them until they write again."""
    ticks: int
    shown: list[tuple[str, str]]
    """Who pressed a button, and what it showed."""


async def play(dialogue: Dialogue, world: World, database: Database, folder: Path, clock: MovableClock) -> Played:
    """Plays all steps that this world can have: in groups a bot there hears only what is said to it."""
    seed_demo(database, clock())
    move(database, world)
    server = server_for(world, database, folder, clock)
    shown: list[tuple[str, str]] = []
    async with served(server, world, clock):
        taken = 0
        for who in sorted({step.who for step in dialogue.steps if step.who}):
            taken += await world.meet(id_of(who))
        await settle(server, database, clock, taken)
        for step in dialogue.steps:
            taken += step.kind != "time" and (step.where == BOT or bool(step.expected))
            if step.kind == "time":
                await server.advance(moment_of(step.text, clock()))
            elif step.kind == "press":
                clock.move_to(clock() + NEXT_PRESS)
                shown.append((step.who, await _press(world, step, database)))
            elif step.where == BOT or step.expected:
                private = step.where == BOT
                photo = picture() if step.photo else None
                await world.say(id_of(step.where), id_of(step.who), step.text, private=private, photo=photo)
            await settle(server, database, clock, taken)
    return Played(world.seen(), world.ticks or 0, shown)


async def _press(world: World, step: Step, database: Database) -> str:
    """Where the card has no buttons there, the person writes what its hint says."""
    where, who = id_of(step.who if step.where == BOT else step.where), id_of(step.who)
    try:
        return await world.press(where, who, step.text)
    except LookupError:
        await world.say(where, who, _says(database, where, step.text), private=step.where == BOT)
        return ""


def _says(database: Database, where: str, label: str) -> str:
    """What the button of this label on the latest card there would say."""
    with database.read() as session:
        posts = session.scalars(select(Post).where(Post.target == where).order_by(Post.id.desc()))
        cards = (content for post in posts if isinstance(content := load(post.content), Card))
        return next(button.says for card in cards for button in card.buttons if button.label == label)


def server_for(world: World, database: Database, folder: Path, clock: MovableClock) -> Server:
    """The product as this world configures it."""
    settings = Settings(
        bot=BotSettings(data_dir=folder), platforms=world.settings(), sandbox=SandboxSettings(enabled=False)
    )
    return Server(settings, database, clock)


def move(database: Database, world: World) -> None:
    """Moves the demonstration's people and groups from the sandbox to this world."""
    with database.write.begin() as session:
        for identity in session.scalars(select(Identity)):
            identity.provider, identity.ref = world.provider, id_of(identity.person.name)
            identity.platform = identity.bot = None
        if world.groups:
            for chat in session.scalars(select(Chat)):
                chat.platform, chat.ref = world.platform, id_of(chat.title)


def id_of(name: str) -> str:
    """The id of a group or person, as Feishu's look and the others' may look."""
    return ("oc_" if name.endswith("群") else "ou_") + name.encode("utf-16-be").hex()


@asynccontextmanager
async def served(server: Server, world: World, clock: MovableClock) -> AsyncIterator[None]:
    """The product serves on a real port, and the world can reach it."""
    app = FastAPI()
    for platform in server.platforms:
        app.include_router(platform.router)
    http = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    await server.start()
    serving = asyncio.create_task(http.serve())
    try:
        while not http.started:
            await asyncio.sleep(0.01)
        host, port = http.servers[0].sockets[0].getsockname()
        await world.open(f"http://{host}:{port}", lambda: clock().timestamp())
        yield
    finally:
        http.should_exit = True
        await serving
        await server.close()


async def settle(server: Server, database: Database, clock: MovableClock, taken: int) -> None:
    """Waits until so many messages were taken, their photos are there, and everything that is due soon is out."""
    for _ in range(500):
        if await asyncio.to_thread(_at_rest, database, taken):
            break
        await asyncio.sleep(0.01)
    else:
        raise AssertionError("the server does not come to rest")
    server.outbox._clock = lambda: clock() + LATER
    assert await server.outbox.emptied()
    server.outbox._clock = clock


def _at_rest(database: Database, taken: int) -> bool:
    with database.read() as session:
        photos = session.scalar(select(func.count()).select_from(Download).where(coming()))
        return not photos and (session.scalar(select(func.count()).select_from(Claim)) or 0) >= taken


def still_held(database: Database) -> list[Post]:
    """Posts that wait until the person they are for writes."""
    with database.read() as session:
        return list(session.scalars(select(Post).where(Post.state == PostState.HELD)))


def records(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All that was recorded, without what depends on where it was said: ids become places in their tables."""
    tables = {name: Base.metadata.tables[name] for name in RECORDS}
    with database.read() as session:
        ids = {
            name: {id_: place for place, id_ in enumerate(session.scalars(select(table.c.id).order_by(table.c.id)))}
            for name, table in Base.metadata.tables.items()
            if "id" in table.c
        }
        return {
            name: [_row(table, row, ids) for row in session.execute(select(table).order_by(table.c.id)).mappings()]
            for name, table in tables.items()
        }


def _row(table: Table, row: Any, ids: dict[str, dict[int, int]]) -> dict[str, Any]:
    return {column.name: _value(column, row[column], ids) for column in table.columns if not _elsewhere(column)}


def _elsewhere(column: Column[Any]) -> bool:
    """What names the platform, a message there, or a chat."""
    return column.name.endswith(("_platform", "_bot", "_ref", "message_id", "chat_id", "card"))


def _value(column: Column[Any], value: Any, ids: dict[str, dict[int, int]]) -> Any:
    if column.primary_key or value is None:
        return None
    for key in column.foreign_keys:
        return ids[key.column.table.name][value]
    if isinstance(value, list):
        return len(value)
    if isinstance(value, datetime):
        return value.replace(second=0)
    return _IDS.sub("id", value) if isinstance(value, str) else value
