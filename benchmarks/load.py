"""A load of HTTP POSTs from keep-alive connections: lean enough to leave the limit to the server."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import cast

import uvloop

CONNECTIONS = 256


class _Load:
    """What the connections of one run share: the requests that wait, and how it ended."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.waiting = deque(requests)
        self.unanswered = len(requests)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self) -> None:
        self.unanswered -= 1
        if not self.unanswered:
            self.ended.set_result(None)

    def fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(why))


class _Connection(asyncio.Protocol):
    """Sends one request after another; anything but 200 ends the run."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, though it does not inherit
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._load.unanswered:
            self._load.fail(f"the server hung up: {exc}")

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._load.fail(f"the server answered {head[:40]!r}")
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._load.answered()
            self._next()

    def _next(self) -> None:
        if self._load.waiting:
            self._transport.write(self._load.waiting.popleft())


def request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(port: int, requests: Sequence[bytes]) -> float:
    """Sends all of them, and returns how many were answered 200 per second. Raises RuntimeError for another answer."""
    return uvloop.run(_run(port, requests))


async def _run(port: int, requests: Sequence[bytes]) -> float:
    loop = asyncio.get_running_loop()
    load = _Load(requests)
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
        for _ in range(min(CONNECTIONS, len(requests)))
    ]
    await load.ended
    taken = time.perf_counter() - started
    for transport, _ in made:
        transport.close()
    return len(requests) / taken
