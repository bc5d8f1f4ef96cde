"""A load of HTTP POSTs from keep-alive connections: lean enough to leave the limit to the server."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import uvloop

CONNECTIONS = 64


class _Connection(asyncio.Protocol):
    """Sends one request after another; anything but 200 ends the run."""

    def __init__(self, waiting: deque[bytes], finished: asyncio.Event, open_connections: list[int]) -> None:
        self._waiting = waiting
        self._finished = finished
        self._open = open_connections
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open[0] += 1
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:60]!r}")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._next()

    def _next(self) -> None:
        if self._waiting:
            self._transport.write(self._waiting.popleft())
            return
        self._transport.close()
        self._open[0] -= 1
        if self._open[0] == 0:
            self._finished.set()


def request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(port: int, requests: Sequence[bytes]) -> float:
    """Sends all of them, and returns how many were answered 200 per second."""
    return uvloop.run(_run(port, requests))


async def _run(port: int, requests: Sequence[bytes]) -> float:
    loop = asyncio.get_running_loop()
    waiting, finished, connections = deque(requests), asyncio.Event(), [0]
    started = time.perf_counter()
    for _ in range(min(CONNECTIONS, len(requests))):
        await loop.create_connection(lambda: _Connection(waiting, finished, connections), "127.0.0.1", port)
    await finished.wait()
    return len(requests) / (time.perf_counter() - started)
