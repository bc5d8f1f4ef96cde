"""What the fakes of qyapi and of api.weixin have in common: tokens, faults, temporary media, JSON in and out."""

import itertools
import json
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, get_args

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.multipart import BadForm, read_form
from tests.fakes.serving import ServerThread
from tests.fakes.window import Window

Fault = Literal[
    "lose_answer",
    "cut_answer",
    "error_502",
    "error_500",
    "html",
    "busy",
    "limited",
    "expired_token",
    "invalid_token",
    "huge_body",
]
"""The first two take the request and then do not answer, or break off; ``huge_body`` is for media/get."""
TAKEN = frozenset({"lose_answer", "cut_answer"})
REFUSED: dict[str, tuple[int, str]] = {
    "error_500": (-1, "system error"),
    "busy": (-1, "system busy"),
    "limited": (45009, "api freq out of limit"),
    "expired_token": (42001, "access_token expired"),
    "invalid_token": (40014, "invalid access_token"),
}
HUGE_CHUNKS = 256
"""Of 256 KB each."""
TOKEN_SECONDS = 7200.0
MEDIA_SECONDS = 3 * 86400.0
CONTENT_TYPES = {"image": "image/jpeg", "voice": "audio/amr", "video": "video/mp4"}
UNICODE_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u")


class Call(NamedTuple):
    """One request that passed the gateway."""

    query: Mapping[str, str]
    body: dict[str, Any]
    request: Request
    raw: bytes

    def text(self, key: str, code: int = 40063) -> str:
        """A string of the body that must not be empty, or an answer with ``code``."""
        return string(self.body, key, code)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded, or that a person sent. ``owner``: the key of the robot that it belongs to."""

    media_id: str
    kind: str
    name: str
    data: bytes
    content_type: str
    at: float
    owner: str = ""


class Refusal(Exception):
    """An answer with an errcode."""

    def __init__(self, code: int, message: str = "refused") -> None:
        super().__init__(message)
        self.code = code


Handler = Callable[[Call], dict[str, Any] | Response]


class JsonApi(ABC):
    """One fake server. Inside ``with`` it answers at ``url``; its controls are for any thread.

    Time is its own, of which ``speed`` seconds pass in one of ours.
    """

    untrusted_code = 60020
    """The answer to an address that is not among the trusted ones."""

    def __init__(self, *, port: int = 0, speed: float = 1.0) -> None:
        self.requests: Counter[str] = Counter()
        """By API, whatever became of them."""
        self.refusals: Counter[int] = Counter()
        """By errcode."""
        self.trusted = True
        """Whether our address is among the trusted ones."""
        self.media: dict[str, Upload] = {}
        self._speed = speed
        self._port = port
        self._server: ServerThread | None = None
        self._started = time.monotonic()
        self._serial = itertools.count(1)
        self._tokens: dict[str, float] = {}
        self._current: dict[str, str] = {}
        self._faults: list[tuple[str, Fault]] = []
        self._windows: dict[str, list[Window]] = {}

    def __enter__(self) -> Self:
        self._server = ServerThread(self.app(), port=self._port)
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """What the product's ``api_base`` is to be."""
        if self._server is None:
            raise RuntimeError("the fake is not serving")
        return self._server.url

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                *self.routes(),
                Route("/_recorded", self._tell_recorded, methods=["GET"]),
                Route("/_control", self._take_control, methods=["POST"]),
            ]
        )

    @abstractmethod
    def routes(self) -> list[Route]:
        """Those of the fake itself."""

    @abstractmethod
    def recorded(self) -> dict[str, Any]:
        """What ``GET /_recorded`` shows."""

    def controls(self) -> dict[str, Callable[..., object]]:
        """What ``POST /_control`` can call."""
        return {
            "fail_next": self.fail_next,
            "revoke_tokens": self.revoke_tokens,
            "trust": self.trust,
            "advance": self.advance,
        }

    # Controls

    def fail_next(self, fault: Fault, count: int = 1, api: str = "") -> None:
        """The next ``count`` calls of ``api`` go wrong; empty: of any API but that of tokens."""
        if fault not in get_args(Fault):
            raise ValueError(fault)
        self._faults.extend([(api, fault)] * count)

    def revoke_tokens(self) -> None:
        """Every token given out so far has ended."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def trust(self, trusted: bool) -> None:
        """Whether our address is among the trusted ones."""
        self.trusted = trusted

    def keep_media(self, data: bytes, content_type: str = "image/jpeg") -> str:
        """A photo that a person sent; returns its media_id."""
        return self._keep("image", "photo.jpg", data, content_type).media_id

    def advance(self, seconds: float) -> None:
        """So much of its time passes at once."""
        self._started -= seconds / self._speed

    # For the fakes

    def now(self) -> float:
        """Its own seconds."""
        return (time.monotonic() - self._started) * self._speed

    def new_id(self, prefix: str) -> str:
        """An id that was never given out."""
        return f"{prefix}{next(self._serial):08x}"

    def full(self, key: str, *limits: tuple[int, float]) -> bool:
        """Whether ``limits`` on ``key``, each a count and its seconds, are used up; counts one if they are not."""
        now = self.now()
        windows = self._windows.setdefault(key, [Window(*limit) for limit in limits])
        if any(window.wait(now) for window in windows):
            return True
        for window in windows:
            window.take(now)
        return False

    def endpoint(
        self, api: str, handler: Handler, *, token: bool = True, json_body: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """``handler`` behind the gateway: address, faults, token, and a JSON body in proper UTF-8."""

        async def answer(request: Request) -> Response:
            self.requests[api] += 1
            fault = self._fault(api)
            if response := _garbage(fault):
                return response
            try:
                self._check_address()
                if token:
                    self._check_token(request)
                _refuse(fault)
                raw = await request.body()
                result = handler(Call(request.query_params, _json_object(raw) if json_body else {}, request, raw))
            except Refusal as refusal:
                self.refusals[refusal.code] += 1
                status = 500 if fault == "error_500" else 200
                return JSONResponse({"errcode": refusal.code, "errmsg": f"{refusal}, hint: [0]"}, status)
            return await _answered(request, fault, result)

        return answer

    def give_token(self, series: str = "", *, renew: bool = False, overlap: float = 0.0) -> dict[str, Any]:
        """The token of a series, or a new one if it has ended; ``renew``: it ends in ``overlap`` seconds."""
        now = self.now()
        token = self._current.get(series, "")
        if renew and token:
            self._tokens[token] = min(self._tokens[token], now + overlap)
        if renew or self._tokens.get(token, 0.0) <= now:
            token = self._current[series] = self.new_id("token-")
            self._tokens[token] = now + TOKEN_SECONDS
        return {"access_token": token, "expires_in": int((self._tokens[token] - now) / self._speed)}

    def take_upload(self, call: Call, largest: Mapping[str, int], *, owner: str = "") -> Upload:
        """A multipart upload, checked; ``largest``: bytes by type."""
        kind = call.query.get("type", "")
        if kind not in largest:
            raise Refusal(40004, "invalid media type")
        name, data = _form_file(call.request, call.raw)
        if not 5 <= len(data) <= largest[kind]:
            raise Refusal(40006, "invalid meida size")
        if kind == "image" and not is_picture(data):
            raise Refusal(40004, "invalid media type")
        return self._keep(kind, name, data, CONTENT_TYPES.get(kind, "application/octet-stream"), owner)

    def media_file(self, media_id: str, *kinds: str, owner: str = "") -> Upload:
        """The file of one of ``kinds``, or answer 40007; media end after three days."""
        upload = self.media.get(media_id)
        if upload is None or self.now() - upload.at > MEDIA_SECONDS or upload.owner != owner:
            raise Refusal(40007, "invalid media_id")
        if kinds and upload.kind not in kinds:
            raise Refusal(40007, "invalid media_id")
        return upload

    def get_media(self, call: Call) -> Response:
        """The handler of media/get."""
        upload = self.media_file(call.query.get("media_id", ""))
        headers = {"Content-disposition": f'attachment; filename="{upload.media_id}"'}
        return Response(upload.data, media_type=upload.content_type, headers=headers)

    def _keep(self, kind: str, name: str, data: bytes, content_type: str, owner: str = "") -> Upload:
        upload = Upload(self.new_id("media-"), kind, name, data, content_type, self.now(), owner)
        self.media[upload.media_id] = upload
        return upload

    def _fault(self, api: str) -> Fault | None:
        for number, (wanted, fault) in enumerate(self._faults):
            if wanted == api or (not wanted and "token" not in api):
                del self._faults[number]
                return fault
        return None

    def _check_address(self) -> None:
        if not self.trusted:
            raise Refusal(self.untrusted_code, "not allow to access from your ip")

    def _check_token(self, request: Request) -> None:
        token = request.query_params.get("access_token", "")
        if not token:
            raise Refusal(41001, "access_token missing")
        if token not in self._tokens:
            raise Refusal(40014, "invalid access_token")
        if self._tokens[token] <= self.now():
            raise Refusal(42001, "access_token expired")

    async def _tell_recorded(self, _: Request) -> Response:
        common = {"requests": dict(self.requests), "refusals": {str(key): n for key, n in self.refusals.items()}}
        return JSONResponse(common | self.recorded())

    async def _take_control(self, request: Request) -> Response:
        """``{"do": "fail_next", "with": ["lose_answer", 2]}``: calls one of the controls."""
        order = await request.json()
        result = self.controls()[order["do"]](*order.get("with", []))
        return JSONResponse({"result": result})


def string(value: object, key: str, code: int) -> str:
    """``value[key]``, which must be a string that is not empty, or an answer with ``code``."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found:
        raise Refusal(code, f"invalid {key}")
    return found


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """``value[key]``, which must be an object, or answer 40063."""
    found = value.get(key)
    if not isinstance(found, dict):
        raise Refusal(40063, f"some parameters are empty: {key}")
    return found


def is_picture(data: bytes) -> bool:
    """JPG or PNG."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def _garbage(fault: Fault | None) -> Response | None:
    match fault:
        case "error_502":
            return HTMLResponse("<html><body>502 Bad Gateway</body></html>", 502)
        case "html":
            return HTMLResponse("<html><body>系统繁忙</body></html>")
        case "huge_body":
            return StreamingResponse(_huge(), media_type="image/jpeg")
    return None


def _refuse(fault: Fault | None) -> None:
    if fault and fault not in TAKEN:
        raise Refusal(*REFUSED[fault])


async def _answered(request: Request, fault: Fault | None, result: dict[str, Any] | Response) -> Response:
    if fault == "lose_answer":
        await request.receive()  # returns when the client gives up
    if fault in TAKEN:
        return StreamingResponse(_first_byte(), headers={"content-length": "100"})
    return result if isinstance(result, Response) else JSONResponse(result)


async def _first_byte() -> AsyncIterator[bytes]:
    yield b"{"


async def _huge() -> AsyncIterator[bytes]:
    for _ in range(HUGE_CHUNKS):
        yield b"\xff\xd8\xff\xe0" * 65536


def _json_object(raw: bytes) -> dict[str, Any]:
    if UNICODE_ESCAPE.search(raw):
        raise Refusal(40033, "invalid charset. please check your request, if include \\uxxxx will create fail!")
    try:
        body = json.loads(raw.decode())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(47001, "data format error")
    return body


def _form_file(request: Request, raw: bytes) -> tuple[str, bytes]:
    """Name and data of the form field ``media``."""
    try:
        part = read_form(request.headers.get("content-type", ""), raw).get("media")
    except BadForm as error:
        raise Refusal(44001, f"empty media data: {error}") from error
    if part is None or not part.filename or not part.data:
        raise Refusal(44001, "empty media data")
    return part.filename, part.data
