"""The gateway of the fake Feishu cloud: tokens, rates and troubles, in front of every API."""

import asyncio
import itertools
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from tests.fakes.feishu_record import Record
from tests.fakes.window import Window

APP_ID = "cli_00000000000000aa"
APP_SECRET = "the app secret"
TOKEN_KEPT_ABOVE = 1800.0
"""While a token has more seconds left than this, the same one is given out."""
SENDING = ("create", "reply", "react", "patch")
"""The APIs that a fault without a name is for."""

Fault = Literal[
    "lose_answer",
    "cut_answer",
    "slow",
    "error_500",
    "html",
    "expired_token",
    "in_flight",
    "throttled",
    "chat_throttled",
]
"""``lose_answer`` and ``cut_answer`` take the request and then do not answer, or break off; ``slow`` takes it and
answers late; the others refuse it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict the cloud is. Times are its own seconds, of which ``speed`` pass in one of ours."""

    chat_per_second: int = 5
    """In one group, or to one person."""
    api_per_second: int = 50
    api_per_minute: int = 1000
    robot_per_second: int = 5
    robot_per_minute: int = 100
    token_seconds: float = 7200.0
    uuid_seconds: float = 3600.0
    slow_seconds: float = 2.0
    speed: float = 1.0

    def rates_times(self, factor: int) -> "Rules":
        """The same with higher rates, for load tests."""
        return replace(
            self,
            chat_per_second=self.chat_per_second * factor,
            api_per_second=self.api_per_second * factor,
            api_per_minute=self.api_per_minute * factor,
            robot_per_second=self.robot_per_second * factor,
            robot_per_minute=self.robot_per_minute * factor,
        )


class Refusal(Exception):
    """An answer other than code 0."""

    def __init__(self, code: int, message: str, *, status: int = 400, reset: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.reset = reset

    def response(self) -> Response:
        """The JSON answer, with the header that says how long to wait."""
        headers = {"X-Tt-Logid": "20261121000000"}
        if self.reset is not None:
            headers |= {"x-ogw-ratelimit-reset": str(math.ceil(self.reset)), "x-ogw-ratelimit-limit": "50"}
        return JSONResponse({"code": self.code, "msg": str(self)}, self.status, headers)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the gateway."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    body: bytes
    address: str
    """Of the cloud itself, as the client wrote it."""
    is_gone: Callable[[], Awaitable[bool]]
    """Whether the client has hung up."""

    def json(self) -> dict[str, Any]:
        """The JSON object in the body."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refusal(99992402, "field validation failed")
        return value

    def number(self, name: str, default: int, most: int, *, code: int) -> int:
        """A whole number of the query from 1 to ``most``; anything else is refused with ``code``."""
        value = self.query.get(name, str(default))
        if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= most:
            raise Refusal(code, f"Your request contains an invalid request parameter: {name}")
        return int(value)


Handler = Callable[[Call], dict[str, Any] | Response]
"""Gives the ``data`` of a good answer, or the whole answer. Raises Refusal."""
Endpoint = Callable[[Request], Awaitable[Response]]


class Gateway:
    """What every API of one app has in common."""

    def __init__(self, app_id: str, app_secret: str, rules: Rules) -> None:
        self.app_id = app_id
        self.app_secret = app_secret
        self.rules = rules
        self.record = Record()
        self._started = time.monotonic()
        self._down_until = 0.0
        self._serial = itertools.count(1)
        self._tokens: dict[str, float] = {}
        self._windows: dict[str, list[Window]] = {}
        self._faults: list[tuple[Fault, str]] = []
        self._refused: dict[str, int] = {}

    # Controls

    def fail_next(self, fault: Fault, count: int = 1, api: str = "") -> None:
        """The next ``count`` calls of ``api`` go wrong, or of any that sends, reacts or updates."""
        if fault not in get_args(Fault):
            raise ValueError(fault)
        self._faults.extend([(fault, api)] * count)

    def break_down(self, seconds: float) -> None:
        """Everything, tokens too, answers 503 for that many of our seconds."""
        self._down_until = time.monotonic() + seconds

    def revoke_tokens(self) -> None:
        """Every token given out so far has expired."""
        self._tokens.clear()

    def refuse(self, what: str, code: int) -> None:
        """From now on whatever concerns ``what`` (a chat, a person, a robot's token or an API) gets ``code``."""
        self._refused[what] = code

    # For the APIs

    def new_serial(self) -> int:
        """A number that was not given out before."""
        return next(self._serial)

    def now(self) -> float:
        """The cloud's own seconds since it was made."""
        return (time.monotonic() - self._started) * self.rules.speed

    def check_refusals(self, *concerned: str) -> None:
        """Refuses what was told to be refused."""
        for what in concerned:
            if code := self._refused.get(what):
                raise Refusal(code, "refused")

    def throttle_chat(self, key: str) -> None:
        """The limit of one group or person."""
        if self.full(key, (self.rules.chat_per_second, 1.0)):
            raise Refusal(230020, "This operation triggers the frequency limit.")

    def full(self, key: str, *limits: tuple[int, float]) -> float:
        """Counts a request for ``key``, or tells how many seconds there is no room for it."""
        now = self.now()
        windows = self._windows.get(key) or self._windows.setdefault(key, [Window(*limit) for limit in limits])
        wait = max(window.wait(now) for window in windows)
        if not wait:
            for window in windows:
                window.take(now)
        return wait

    def endpoint(self, name: str, handler: Handler) -> Endpoint:
        """``handler`` behind token, rates and troubles."""

        async def guarded(call: Call, request: Request) -> dict[str, Any] | Response:
            self._authorise(request)
            limits = (self.rules.api_per_second, 1.0), (self.rules.api_per_minute, 60.0)
            if wait := self.full(f"api {name}", *limits):
                raise Refusal(99991400, "request trigger frequency limit", status=429, reset=wait / self.rules.speed)
            return handler(call)

        return self._served(name, guarded)

    def open_endpoint(self, name: str, handler: Handler) -> Endpoint:
        """``handler`` behind nothing but troubles."""

        async def open_to_all(call: Call, _: Request) -> dict[str, Any] | Response:
            return handler(call)

        return self._served(name, open_to_all)

    def _served(self, name: str, answer: Callable[[Call, Request], Awaitable[dict[str, Any] | Response]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            self.record.requests[name] += 1
            fault = self._next_fault(name)
            try:
                self._check_health()
                _fail_early(fault)
                self.check_refusals(name)
                data = await answer(await _call(request), request)
            except Refusal as refusal:
                self.record.refusals[refusal.code] += 1
                return refusal.response()
            except _Garbage as garbage:
                return garbage.response
            return await self._answered(request, fault, data)

        return endpoint

    async def _answered(self, request: Request, fault: Fault | None, data: dict[str, Any] | Response) -> Response:
        if fault == "slow":
            await asyncio.sleep(self.rules.slow_seconds / self.rules.speed)
        if fault == "lose_answer":
            await request.receive()  # returns when the client gives up
        if fault in {"lose_answer", "cut_answer"}:
            return StreamingResponse(_first_byte(), headers={"content-length": "100"})
        return data if isinstance(data, Response) else JSONResponse({"code": 0, "msg": "success", "data": data})

    def _next_fault(self, api: str) -> Fault | None:
        for position, (fault, wanted) in enumerate(self._faults):
            if wanted == api or (not wanted and api in SENDING):
                del self._faults[position]
                return fault
        return None

    def _check_health(self) -> None:
        if time.monotonic() < self._down_until:
            raise _Garbage(HTMLResponse("<html><body>503 Service Unavailable</body></html>", 503))

    def _authorise(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(99991661, "Missing access token for authorization", status=401)
        if not token.startswith(("t-", "u-")):
            raise Refusal(99991671, "Invalid access token for authorization", status=401)
        if self._tokens.get(token, 0.0) <= self.now():
            raise Refusal(99991663, "Invalid access token for authorization")

    def give_token(self, call: Call) -> Response:
        """``POST /auth/v3/tenant_access_token/internal``."""
        body = call.json()
        if body.get("app_id") != self.app_id:
            return JSONResponse({"code": 10003, "msg": "invalid app_id"})
        if body.get("app_secret") != self.app_secret:
            return JSONResponse({"code": 10014, "msg": "app secret invalid"})
        now = self.now()
        kept = {token: until for token, until in self._tokens.items() if until - now >= TOKEN_KEPT_ABOVE}
        token, until = next(iter(kept.items()), (f"t-{self.new_serial():08x}", now + self.rules.token_seconds))
        self._tokens[token] = until
        seconds = (until - now) / self.rules.speed
        return JSONResponse({"code": 0, "msg": "ok", "tenant_access_token": token, "expire": seconds})


class _Garbage(Exception):
    """An answer that is not Feishu's JSON."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def _call(request: Request) -> Call:
    content_type = request.headers.get("content-type", "")
    address = str(request.base_url).rstrip("/")
    body = await request.body()
    return Call(request.path_params, request.query_params, content_type, body, address, request.is_disconnected)


async def _first_byte() -> AsyncIterator[bytes]:
    yield b"{"


def _fail_early(fault: Fault | None) -> None:
    match fault:
        case "error_500":
            raise Refusal(2200, "internal error", status=500)
        case "html":
            raise _Garbage(HTMLResponse("<html><body>502 Bad Gateway</body></html>", 502))
        case "expired_token":
            raise Refusal(99991663, "Invalid access token for authorization")
        case "in_flight":
            raise Refusal(230049, "The message is being sent.")
        case "throttled":
            raise Refusal(99991400, "request trigger frequency limit", status=429, reset=2.0)
        case "chat_throttled":
            raise Refusal(230020, "This operation triggers the frequency limit.")
