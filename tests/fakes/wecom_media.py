"""The host from which WeCom's pictures and files are fetched: encrypted bodies on links that live five minutes."""

import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.serving import ServerThread
from tests.fakes.wecom_crypto import encrypt, new_key

LINK_SECONDS = 300.0
"""A link's life (page 101463)."""
PRIVATE_ADDRESS = "http://169.254.169.254/latest/meta-data/"
_ENDLESS_PIECE = b"\x00" * 65536


@dataclass(frozen=True, slots=True)
class Link:
    """``aeskey`` opens what is at ``url``: 43 characters without ``=``."""

    url: str
    aeskey: str

    def fields(self, *, with_key: bool) -> dict[str, str]:
        """As it stands in a message. In URL mode there is no key in it: EncodingAESKey opens everything."""
        return {"url": self.url, "aeskey": self.aeskey} if with_key else {"url": self.url}


class WecomMedia:
    """Serves what is kept in it on a loopback port. Inside ``with`` it answers."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        """Requests by path, whatever became of them."""
        self._bodies: dict[str, tuple[bytes, str, float]] = {}
        self._targets: dict[str, str] = {}
        self._serial = itertools.count(1)
        self._ahead = 0.0
        routes = [
            Route("/file/{id}", self._give),
            Route("/endless/{id}", self._pour),
            Route("/redirect/{id}", self._redirect),
        ]
        self._server = ServerThread(Starlette(routes=routes))
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def keep(self, data: bytes, *, aes_key: str = "", name: str = "") -> Link:
        """A link to encrypted ``data``; without ``aes_key`` with its own. ``name``: a file name to send along."""
        key = aes_key or new_key()
        place = f"{next(self._serial):08x}"
        self._bodies[place] = (encrypt(key, data), name, time.monotonic() + self._ahead)
        return Link(f"{self.url}/file/{place}", key)

    def keep_raw(self, body: bytes) -> Link:
        """A link to a body that the key does not open."""
        place = f"{next(self._serial):08x}"
        self._bodies[place] = (body, "", time.monotonic() + self._ahead)
        return Link(f"{self.url}/file/{place}", new_key())

    def endless(self) -> Link:
        """A link to a body that announces no length and never ends."""
        return Link(f"{self.url}/endless/{next(self._serial):08x}", new_key())

    def redirect(self, to: str = PRIVATE_ADDRESS) -> Link:
        """A link that leads elsewhere."""
        place = f"{next(self._serial):08x}"
        self._targets[place] = to
        return Link(f"{self.url}/redirect/{place}", new_key())

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead += seconds

    async def _give(self, request: Request) -> Response:
        self.hits[request.url.path] += 1
        body, name, at = self._bodies.get(request.path_params["id"], (b"", "", float("-inf")))
        if time.monotonic() + self._ahead - at > LINK_SECONDS:
            return PlainTextResponse("Request has expired", 403)
        headers = {"content-disposition": f'attachment; filename="{name}"'} if name else {}
        return Response(body, media_type="application/octet-stream", headers=headers)

    async def _pour(self, request: Request) -> Response:
        self.hits[request.url.path] += 1
        return StreamingResponse(_endless(request), media_type="application/octet-stream")

    async def _redirect(self, request: Request) -> Response:
        self.hits[request.url.path] += 1
        return RedirectResponse(self._targets[request.path_params["id"]], 302)


async def _endless(request: Request) -> AsyncIterator[bytes]:
    while not await request.is_disconnected():
        yield _ENDLESS_PIECE
