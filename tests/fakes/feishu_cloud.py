"""A fake Feishu cloud on a real port. It enforces the contract, and it remembers everything that it accepted.

In a test: ``with FeishuCloud() as cloud: FeishuSettings(api_base=cloud.url, …)``. As a process, for tests that run the
product as one: ``python -m tests.fakes.feishu_cloud --port P``; then ``GET /_recorded`` and ``POST /_control``.
"""

import argparse
import itertools
import json
import math
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Self, get_args

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.feishu_callbacks import BOT_NAME, BOT_OPEN_ID, FeishuCallbacks
from tests.fakes.feishu_cards import CardError, check_card
from tests.fakes.serving import ServerThread

__all__ = ["Fault", "FeishuCallbacks", "FeishuCloud", "Rules"]

APP_ID = "cli_00000000000000aa"
APP_SECRET = "the app secret"
LARGEST = {"text": 150 * 1024, "post": 30 * 1024, "interactive": 30 * 1024, "image": 30 * 1024}
"""Bytes of the request body, by msg_type."""
EMOJI = {"DONE", "OK", "THUMBSUP", "SMILE", "HEART", "CheckMark"}
CARD_UPDATABLE = 14 * 86400.0
TOKEN_KEPT_ABOVE = 1800.0
"""While a token has more seconds left than this, the same one is given out."""

Fault = Literal["lose_answer", "cut_answer", "error_500", "html", "expired_token", "in_flight"]
"""``lose_answer`` and ``cut_answer`` take the request and then do not answer, or break off; the others refuse it."""
Handler = Callable[[Mapping[str, str], Mapping[str, str], dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict the cloud is. Times are its own seconds, of which ``speed`` pass in one of ours."""

    chat_per_second: int = 5
    api_per_second: int = 50
    api_per_minute: int = 1000
    token_seconds: float = 7200.0
    uuid_seconds: float = 3600.0
    speed: float = 1.0

    def rates_times(self, factor: int) -> "Rules":
        """The same with higher rates, for load tests."""
        return replace(
            self,
            chat_per_second=self.chat_per_second * factor,
            api_per_second=self.api_per_second * factor,
            api_per_minute=self.api_per_minute * factor,
        )


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that the cloud accepted. ``to`` is the chat or person it was addressed to; replies have only a chat."""

    message_id: str
    chat: str
    to: str
    msg_type: str
    content: dict[str, Any]
    uuid: str
    reply_to: str
    mentions: list[str]
    at: float


@dataclass(frozen=True, slots=True)
class Reacted:
    """A reaction that the cloud accepted; of each kind a message has at most one by the bot."""

    message_id: str
    emoji: str
    at: float


@dataclass(frozen=True, slots=True)
class Updated:
    """A new content of a card."""

    message_id: str
    content: dict[str, Any]
    at: float


@dataclass(slots=True)
class Record:
    """What the cloud has seen."""

    posts: list[Posted] = field(default_factory=list)
    reactions: list[Reacted] = field(default_factory=list)
    updates: list[Updated] = field(default_factory=list)
    repeated_uuids: Counter[str] = field(default_factory=Counter)
    """Requests with a uuid that had been accepted within the hour; they were answered and posted nothing."""
    repeated_reactions: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """By API, whatever became of them."""
    refusals: Counter[int] = field(default_factory=Counter)
    """By code."""

    @property
    def double_posts(self) -> dict[str, int]:
        """Uuids that were posted more than once, which can only happen after the hour."""
        counts = Counter(post.uuid for post in self.posts if post.uuid)
        return {uuid: count for uuid, count in counts.items() if count > 1}

    def as_json(self) -> dict[str, Any]:
        """The whole of it, as ``GET /_recorded`` shows it."""
        return {
            "posts": [asdict(post) for post in self.posts],
            "reactions": [asdict(reaction) for reaction in self.reactions],
            "updates": [asdict(update) for update in self.updates],
            "repeated_uuids": dict(self.repeated_uuids),
            "repeated_reactions": self.repeated_reactions,
            "requests": dict(self.requests),
            "refusals": {str(code): count for code, count in self.refusals.items()},
            "double_posts": self.double_posts,
        }


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


class Window:
    """At most ``limit`` requests in any ``seconds``."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until there is room; 0 when there is."""
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        return self._taken[0] + self._seconds - now if len(self._taken) >= self._limit else 0.0

    def take(self, now: float) -> None:
        """Counts a request."""
        self._taken.append(now)


class FeishuCloud:
    """The cloud, for one app. Inside ``with`` it answers at ``url``; its record and controls are for any thread."""

    def __init__(
        self, app_id: str = APP_ID, app_secret: str = APP_SECRET, rules: Rules | None = None, port: int = 0
    ) -> None:
        self.app_id = app_id
        self.app_secret = app_secret
        self.rules = rules or Rules()
        self.record = Record()
        self._port = port
        self._server: ServerThread | None = None
        self._started = time.monotonic()
        self._serial = itertools.count(1)
        self._tokens: dict[str, float] = {}
        self._windows: dict[str, list[Window]] = {}
        self._by_uuid: dict[str, Posted] = {}
        self._by_id: dict[str, Posted] = {}
        self._faults: deque[Fault] = deque()
        self._reacted: set[tuple[str, str]] = set()
        self._left: set[str] = set()
        self._recalled: set[str] = set()

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
        """What ``api_base`` is to be."""
        if self._server is None:
            raise RuntimeError("the cloud is not serving")
        return self._server.url

    def app(self) -> Starlette:
        """The ASGI application."""
        messages = "/open-apis/im/v1/messages"
        return Starlette(
            routes=[
                Route("/open-apis/auth/v3/tenant_access_token/internal", self._give_token, methods=["POST"]),
                Route("/open-apis/bot/v3/info", self._tell_info, methods=["GET"]),
                Route(messages, self._api("create", self._create), methods=["POST"]),
                Route(f"{messages}/{{id}}/reply", self._api("reply", self._reply), methods=["POST"]),
                Route(f"{messages}/{{id}}/reactions", self._api("react", self._react), methods=["POST"]),
                Route(f"{messages}/{{id}}", self._api("patch", self._patch), methods=["PATCH"]),
                Route("/_recorded", self._tell_recorded, methods=["GET"]),
                Route("/_control", self._take_control, methods=["POST"]),
            ]
        )

    # Controls

    def fail_next(self, fault: Fault, count: int = 1) -> None:
        """The next ``count`` calls of message APIs go wrong."""
        if fault not in get_args(Fault):
            raise ValueError(fault)
        self._faults.extend([fault] * count)

    def revoke_tokens(self) -> None:
        """Every token given out so far has expired."""
        self._tokens.clear()

    def remove_bot(self, chat: str) -> None:
        """The bot is not in ``chat`` any more."""
        self._left.add(chat)

    def recall(self, message_id: str) -> None:
        """The author recalled the message."""
        self._recalled.add(message_id)

    def forget(self) -> None:
        """Empties the record; what was posted stays posted."""
        self.record = Record()

    # The API

    def _api(self, name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self.record.requests[name] += 1
            fault = self._faults.popleft() if self._faults else None
            try:
                self._authorise(request)
                _fail_early(fault)
                body = await _json_object(request)
                self._throttle(f"api {name}", (self.rules.api_per_second, 1.0), (self.rules.api_per_minute, 60.0))
                data = handler(request.path_params, request.query_params, body)
            except Refusal as refusal:
                self.record.refusals[refusal.code] += 1
                return refusal.response()
            except _Garbage as garbage:
                return garbage.response
            return await self._answered(request, fault, data)

        return endpoint

    async def _answered(self, request: Request, fault: Fault | None, data: dict[str, Any]) -> Response:
        if fault == "lose_answer":
            await request.receive()  # returns when the client gives up
        if fault in {"lose_answer", "cut_answer"}:
            return StreamingResponse(_first_byte(), headers={"content-length": "100"})
        return JSONResponse({"code": 0, "msg": "success", "data": data})

    def _now(self) -> float:
        return (time.monotonic() - self._started) * self.rules.speed

    async def _give_token(self, request: Request) -> Response:
        self.record.requests["token"] += 1
        body = await _json_object(request)
        if body.get("app_id") != self.app_id:
            return JSONResponse({"code": 10003, "msg": "invalid app_id"})
        if body.get("app_secret") != self.app_secret:
            return JSONResponse({"code": 10014, "msg": "app secret invalid"})
        now = self._now()
        kept = {token: until for token, until in self._tokens.items() if until - now >= TOKEN_KEPT_ABOVE}
        token, until = next(iter(kept.items()), (f"t-{next(self._serial):08x}", now + self.rules.token_seconds))
        self._tokens[token] = until
        seconds = (until - now) / self.rules.speed
        return JSONResponse({"code": 0, "msg": "ok", "tenant_access_token": token, "expire": seconds})

    async def _tell_info(self, request: Request) -> Response:
        self.record.requests["info"] += 1
        try:
            self._authorise(request)
        except Refusal as refusal:
            return refusal.response()
        bot = {"activate_status": 2, "app_name": BOT_NAME, "open_id": BOT_OPEN_ID}
        return JSONResponse({"code": 0, "msg": "ok", "bot": bot})

    def _authorise(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(99991661, "Missing access token for authorization", status=401)
        if not token.startswith(("t-", "u-")):
            raise Refusal(99991671, "Invalid access token for authorization", status=401)
        if self._tokens.get(token, 0.0) <= self._now():
            raise Refusal(99991663, "Invalid access token for authorization")

    def _throttle(self, key: str, *limits: tuple[int, float]) -> None:
        """The gateway's limits."""
        if wait := self._full(key, *limits):
            raise Refusal(99991400, "request trigger frequency limit", status=429, reset=wait / self.rules.speed)

    def _throttle_chat(self, key: str) -> None:
        if self._full(key, (self.rules.chat_per_second, 1.0)):
            raise Refusal(230020, "This operation triggers the frequency limit.")

    def _full(self, key: str, *limits: tuple[int, float]) -> float:
        now = self._now()
        windows = self._windows.get(key) or self._windows.setdefault(key, [Window(*limit) for limit in limits])
        wait = max(window.wait(now) for window in windows)
        if not wait:
            for window in windows:
                window.take(now)
        return wait

    def _create(self, _: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
        to = _string(body, "receive_id")
        match query.get("receive_id_type"):
            case "chat_id" if to.startswith("oc_"):
                chat = to
            case "open_id" if to.startswith("ou_"):
                chat = f"oc_p2p_{to}"
            case _:
                raise Refusal(230001, "Your request contains an invalid request parameter.")
        return self._post(body, chat=chat, to=to, reply_to="")

    def _reply(self, path: Mapping[str, str], _: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
        message_id = path["id"]
        self._check_message(message_id)
        return self._post(body, chat=self._chat_of(message_id), to="", reply_to=message_id)

    def _post(self, body: dict[str, Any], *, chat: str, to: str, reply_to: str) -> dict[str, Any]:
        content = _content(body, _string(body, "msg_type"))
        uuid = str(body.get("uuid", ""))
        if len(uuid) > 50:
            raise Refusal(99992402, "field validation failed")
        if {chat, to} & self._left:
            raise Refusal(230002, "Bot/User can NOT be out of the chat.")
        self._throttle_chat(f"chat {chat or reply_to}")
        earlier = self._by_uuid.get(uuid)
        if uuid and earlier and self._now() - earlier.at < self.rules.uuid_seconds:
            self.record.repeated_uuids[uuid] += 1
            return _described(earlier)
        message_id = f"om_{next(self._serial):012x}"
        mentions = re.findall(r"<at[^>]*>", json.dumps(content, ensure_ascii=False))
        post = Posted(message_id, chat, to, body["msg_type"], content, uuid, reply_to, mentions, self._now())
        self._by_id[message_id] = self._by_uuid[uuid] = post
        self.record.posts.append(post)
        return _described(post)

    def _react(self, path: Mapping[str, str], _: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
        message_id = path["id"]
        self._check_message(message_id)
        emoji = body.get("reaction_type", {}).get("emoji_type")
        if emoji not in EMOJI:
            raise Refusal(231001, "reaction type is invalid")
        if (message_id, emoji) in self._reacted:
            self.record.repeated_reactions += 1
        else:
            self._reacted.add((message_id, emoji))
            self.record.reactions.append(Reacted(message_id, emoji, self._now()))
        return {"reaction_id": f"re_{message_id}_{emoji}", "reaction_type": {"emoji_type": emoji}}

    def _patch(self, path: Mapping[str, str], _: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
        post = self._by_id.get(path["id"])
        if post is None or post.msg_type != "interactive" or self._now() - post.at > CARD_UPDATABLE:
            raise Refusal(230001, "Your request contains an invalid request parameter.")
        content = _content(body, "interactive")
        self._throttle_chat(f"message {post.message_id}")
        self.record.updates.append(Updated(post.message_id, content, self._now()))
        return {}

    def _check_message(self, message_id: str) -> None:
        if message_id in self._recalled:
            raise Refusal(230011, "The message was recalled.")
        if not message_id.startswith("om_"):
            raise Refusal(230001, "Your request contains an invalid request parameter.")

    def _chat_of(self, message_id: str) -> str:
        own = self._by_id.get(message_id)
        return own.chat if own else message_id.partition("~")[2]

    # Over HTTP

    async def _tell_recorded(self, _: Request) -> Response:
        return JSONResponse(self.record.as_json())

    async def _take_control(self, request: Request) -> Response:
        """``{"do": "fail_next", "with": ["lose_answer", 2]}``: calls one of the controls."""
        controls: dict[str, Callable[..., None]] = {
            "fail_next": self.fail_next,
            "revoke_tokens": self.revoke_tokens,
            "remove_bot": self.remove_bot,
            "recall": self.recall,
            "forget": self.forget,
        }
        order = await request.json()
        controls[order["do"]](*order.get("with", []))
        return JSONResponse({})


class _Garbage(Exception):
    """An answer that is not Feishu's JSON."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


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


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(99992402, "field validation failed")
    return body | {"_size": len(await request.body())}


def _content(body: dict[str, Any], msg_type: str) -> dict[str, Any]:
    """The parsed ``content``, checked as its msg_type demands."""
    if msg_type not in LARGEST:
        raise Refusal(230001, "Your request contains an invalid request parameter.")
    if body["_size"] > LARGEST[msg_type]:
        raise Refusal(230025, "The length of the message content reaches its limit.")
    try:
        content = json.loads(_string(body, "content"))
    except ValueError as error:
        raise Refusal(230001, "content is not JSON") from error
    _check_content(content, msg_type)
    return dict(content)


def _check_content(content: object, msg_type: str) -> None:
    if msg_type == "interactive":
        try:
            check_card(content)
        except CardError as error:
            raise Refusal(230099, f"Failed to create card content, ext=ErrCode: {error.code}; {error}") from error
    elif not isinstance(content, dict) or (msg_type == "text" and not content.get("text")):
        raise Refusal(230001, "invalid content")


def _string(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise Refusal(99992402, f"field validation failed: {key}")
    return value


def _described(post: Posted) -> dict[str, Any]:
    return {
        "message_id": post.message_id,
        "chat_id": post.chat,
        "msg_type": post.msg_type,
        "create_time": "",
        "update_time": "",
        "deleted": False,
        "updated": False,
        "sender": {"id": APP_ID, "id_type": "app_id", "sender_type": "app", "tenant_key": ""},
        "body": {"content": json.dumps(post.content, ensure_ascii=False)},
    }


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--app-secret", default=APP_SECRET)
    parser.add_argument("--rates-times", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    rules = Rules(speed=options.speed).rates_times(options.rates_times)
    cloud = FeishuCloud(options.app_id, options.app_secret, rules)
    uvicorn.run(cloud.app(), host="127.0.0.1", port=options.port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
