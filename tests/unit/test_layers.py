"""Nothing flows back up: the contracts of ``[tool.importlinter]`` hold."""

import subprocess
import sys
from pathlib import Path


def test_layers_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
