"""The product as a process: started, waited for, stopped and killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

HEALTHY_WITHIN = 120.0
"""Seconds. A start takes two or three; on a machine that is at its limits it takes what it takes."""
STOPPED_WITHIN = 60.0


class Product:
    """``jufeng serve`` with one configuration; it can be killed and started again."""

    def __init__(
        self, config: Path, port: int, environment: Mapping[str, str] | None = None, *, workers: int = 1
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._workers = workers
        self._config = config
        self._environment = {**os.environ, **(environment or {})}
        self._log = config.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Launches it, and returns as soon as it is healthy."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Begins the process."""
        command = [sys.executable, "-m", "bot", "serve", "--config", str(self._config)]
        command += ["--workers", str(self._workers)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    def wait(self) -> None:
        """Returns as soon as it is healthy. Raises AssertionError with the end of its log where it is not in time."""
        end = time.monotonic() + HEALTHY_WITHIN
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < end:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{self.url}/healthz").status_code == 200:
                        return
                if self._process is not None and self._process.poll() is not None:
                    break
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the server did not become healthy:\n{self.log()[-3000:]}")

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self._process is not None:
            process, self._process = self._process, None
            kill_all(process)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        try:
            process.terminate()
            return process.wait(timeout=STOPPED_WITHIN)
        finally:
            kill_all(process)

    def log(self) -> str:
        """Everything that it has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The process id of the server that runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kills a process that leads a session, and all of its workers: they would outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(config: Path, port: int, environment: Mapping[str, str] | None = None) -> Iterator[Product]:
    """A healthy server that is stopped in the end."""
    product = Product(config, port, environment)
    try:
        product.start()
        yield product
    finally:
        product.stop()
