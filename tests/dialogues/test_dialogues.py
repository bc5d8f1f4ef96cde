"""Every dialogue of this folder, through the real intake, on both databases."""

from pathlib import Path

import pytest

from models.database import Database
from tests.conftest import StandingClock
from tests.dialogues.script import read_dialogue
from tests.dialogues.stage import Stage, quoted

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.anyio
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_dialogue(path: Path, database: Database, tmp_path: Path, clock: StandingClock) -> None:
    stage = Stage(database, tmp_path, clock)
    await stage.server.start()
    try:
        for step in read_dialogue(path).steps:
            done = await stage.play(step)
            assert sorted(map(quoted, done)) == sorted(map(quoted, step.expected)), f"{path.name}:{step.line}"
            for card in step.cards:
                assert card in stage.card_in(step.where), f"{path.name}:{step.line}"
    finally:
        await stage.server.close()
