"""The same dialogues on every cloud: people get to hear the same, and the records are the same as in the sandbox."""

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.content import Card, Text, load
from models.database import Database
from tests.conftest import StandingClock
from tests.dialogues.everywhere import Played, id_of, play, records, still_held
from tests.dialogues.script import BOT, Dialogue, Step, read_dialogue
from tests.dialogues.stage import Stage
from tests.dialogues.worlds import (
    AccountWorld,
    AppWorld,
    CallbackWorld,
    FeishuWorld,
    SocketWorld,
    World,
    squeezed,
)

HERE = Path(__file__).parent
IN_GROUPS = ("checkin_button", "hazard", "leave", "points_claimed")
GROUPS: tuple[Callable[[], World], ...] = (FeishuWorld, SocketWorld, CallbackWorld)
WORLDS: tuple[Callable[[], World], ...] = (*GROUPS, AppWorld, AccountWorld, lambda: AccountWorld(may_send=False))
NAMES = ("feishu", "aibot socket", "aibot callback", "app", "account", "account without service desk")

TICK = "✓"

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("everywhere")]
_in_the_sandbox: dict[str, dict[str, list[dict[str, Any]]]] = {}
"""By dialogue, the records that it leaves there."""


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
async def test_a_matter_is_seen_through_in_private(
    world: Callable[[], World], database: Database, tmp_path: Path, clock: StandingClock, sqlite_template: Path
) -> None:
    await check("everywhere", world(), database, tmp_path, clock, sqlite_template)


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", IN_GROUPS)
@pytest.mark.parametrize("world", GROUPS, ids=NAMES[:3])
async def test_groups_hear_the_same(
    name: str,
    world: Callable[[], World],
    database: Database,
    tmp_path: Path,
    clock: StandingClock,
    sqlite_template: Path,
) -> None:
    await check(name, world(), database, tmp_path, clock, sqlite_template)


async def check(
    name: str, world: World, database: Database, folder: Path, clock: StandingClock, template: Path
) -> None:
    dialogue = read_dialogue(HERE / f"{name}.txt")
    with world:
        played = await play(dialogue, world, database, folder, clock)
        assert not world.doubles()
    heard = heard_by(played, database)
    for where, expected in said_in(dialogue, world).items():
        for words, times in expected.items():
            assert heard[where].count(words) >= times, f"{where} did not hear {words}"
    if name not in _in_the_sandbox:
        _in_the_sandbox[name] = await in_the_sandbox(dialogue, folder, template)
    assert records(database) == _in_the_sandbox[name]


def heard_by(played: Played, database: Database) -> defaultdict[str, str]:
    """By place, all that was said there or is held for it, and by person what pressed buttons showed."""
    heard: defaultdict[str, str] = defaultdict(str)
    for seen in played.seen:
        heard[seen.where] += squeezed(seen.words) + "\n"
    for post in still_held(database):
        content = load(post.content)
        assert isinstance(content, Text | Card)
        heard[post.target] += squeezed(content.as_text()) + "\n"
    for who, words in played.shown:
        heard[f"shown {who}"] += (squeezed(words) or heard[id_of(who)]) + "\n"
    heard["ticks"] = TICK * played.ticks
    return heard


def said_in(dialogue: Dialogue, world: World) -> dict[str, Counter[str]]:
    """By place, every line that the dialogue expects to be heard there, and how often."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for step in dialogue.steps:
        for line in step.expected:
            where, what = _expected(line, step, world)
            said[where].update(filter(None, map(squeezed, re.split(r"[\n。]", what))))
    return said


def _expected(line: str, step: Step, world: World) -> tuple[str, str]:
    if line.startswith(f"{BOT} ✓ "):
        name = line.removeprefix(f"{BOT} ✓ ")
        place = id_of(name if step.where == BOT else step.where)
        return ("ticks", TICK) if world.ticks else (place, name)
    where, _, what = line.partition(": ")
    if where.startswith(f"{BOT}提示"):
        return f"shown {where.removeprefix(f'{BOT}提示')}", what
    return id_of(where.removeprefix(f"{BOT}@")), what.replace("[照片]", "")


async def in_the_sandbox(dialogue: Dialogue, folder: Path, template: Path) -> dict[str, list[dict[str, Any]]]:
    """The records after the same dialogue there."""
    shutil.copy(template, folder / "sandbox.db")
    database = Database(f"sqlite:///{folder}/sandbox.db")
    stage = Stage(database, folder / "sandbox", StandingClock())
    await stage.server.start()
    try:
        for step in dialogue.steps:
            await stage.play(step)
    finally:
        await stage.server.close()
    left = records(database)
    database.close()
    return left
