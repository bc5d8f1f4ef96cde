"""Runs the vendors' own Node packages. They are installed by ``npm ci`` in this directory, from its lock file."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent


class NodeScript:
    """A running script that speaks JSON lines. Inside ``with`` it runs; afterwards it is stopped."""

    def __init__(self, executable: str, script: str, *arguments: str) -> None:
        self._command = [executable, str(HERE / script), *arguments]
        self._lines: list[Any] = []
        self._noise: list[str] = []

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, cwd=HERE, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_noise, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def send(self, value: object) -> None:
        """Writes one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._process.stdin.flush()

    def receive(self, wanted: Callable[[Any], bool] = lambda _: True, seconds: float = 10.0) -> Any:
        """The first line that is ``wanted`` and was not received yet. Raises TimeoutError with what the script said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self._lines):
                if wanted(line):
                    self._lines.remove(line)
                    return line
            time.sleep(0.01)
        raise TimeoutError(f"lines: {list(self._lines)}, errors: {''.join(self._noise)}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(json.loads(line))

    def _read_noise(self) -> None:
        assert self._process.stderr is not None
        self._noise.extend(self._process.stderr)


class Node:
    """Starts scripts of this directory."""

    def __init__(self, executable: str) -> None:
        self._executable = executable

    def run(self, script: str, value: object) -> Any:
        """Runs a script to its end: ``value`` is its input and the result its output, both as JSON."""
        done = subprocess.run(
            [self._executable, str(HERE / script)],
            cwd=HERE,
            input=json.dumps(value, ensure_ascii=False),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def start(self, script: str, *arguments: str) -> NodeScript:
        """A script that keeps running, for ``with``."""
        return NodeScript(self._executable, script, *arguments)
