"""Prints what the bot does in a dialogue, for writing one: ``python -m tests.dialogues.play FILE``."""

import asyncio
import sys
import tempfile
from pathlib import Path

from models.database import Database
from models.sealing import unlock
from tests.conftest import KEY, StandingClock
from tests.dialogues.script import SILENCE, read_dialogue
from tests.dialogues.stage import Stage, quoted


async def play(path: Path) -> None:
    """Runs every step, whatever the file expects, and prints what happens."""
    unlock(KEY)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/jufeng.db")
        database.upgrade()
        stage = Stage(database, Path(folder), StandingClock())
        await stage.server.start()
        source = path.read_text(encoding="utf-8").splitlines()
        try:
            for step in read_dialogue(path).steps:
                done = await stage.play(step)
                lines = [source[step.line - 1], *map(quoted, done or [SILENCE])]
                sys.stdout.write("\n".join(lines) + "\n")
        finally:
            await stage.server.close()


if __name__ == "__main__":
    asyncio.run(play(Path(sys.argv[1])))
