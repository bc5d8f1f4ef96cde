"""A thin client of the JSON APIs of WeCom (qyapi) and of official accounts, with the errors of ``bot.delivery``.

wechatpy has clients too; they block, know no time limits, and renew a refused token without end.
Tokens and secrets travel in the query of the address, so no address is ever logged, here or by httpx (``bot.logs``).
"""

import asyncio
import json
import logging
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx

from bot.clock import Clock
from bot.delivery import Refused, RetryLater, Uncertain
from bot.fetching import tls
from bot.platforms.token import AccessToken
from bot.platforms.wechat.errors import (
    OPERATOR_SECONDS,
    TOKEN_CODES,
    UNREACHABLE_SECONDS,
    Meaning,
    failure,
    unreadable,
)

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0, pool=5.0)
IN_ALL = 60.0
"""Seconds for one request from first to last byte, however steadily they drip."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
LARGEST_ANSWER = 1024 * 1024
LONGEST_LIFE = 86400.0
"""Seconds for which a token is believed to live; the platforms say 7200."""
ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """How an app asks for its access token."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)


def corp_token(corp_id: str, secret: str) -> TokenRequest:
    """The token of a self-built WeCom app (page 91039)."""
    return TokenRequest("GET", "/cgi-bin/gettoken", query={"corpid": corp_id, "corpsecret": secret})


def account_token(app_id: str, secret: str) -> TokenRequest:
    """The token of an official account: the stable one.

    ``/cgi-bin/token`` ends the token before with every call, so that two processes, or this bot and another service
    of the same account, would push each other out; it also has the secret in its address. ``force_refresh`` stays
    off for the same reason: a token that was ended by hand is replaced without it.
    """
    body = {"grant_type": "client_credential", "appid": app_id, "secret": secret, "force_refresh": False}
    return TokenRequest("POST", "/cgi-bin/stable_token", body=body)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str]
    content: bytes | None = None
    upload: tuple[str, bytes, str] | None = None
    """Name, data and media type."""
    largest: int = LARGEST_ANSWER
    harmless: bool = False
    """Doing it twice is the same as once, so that a lost answer leaves nothing uncertain."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    media_type: str
    data: bytes | None
    """None: more than the request allowed."""
    answer: dict[str, Any] | None
    """The JSON object that it is, if it is one; a successful one may come without errcode."""

    @property
    def code(self) -> int:
        """The errcode; 0 where there is none."""
        return self.answer.get("errcode", 0) if self.answer else 0


class WechatClient:
    """Calls of one app, account or robot; a robot has no token. Bodies and addresses are never logged.

    All methods raise RetryLater, Refused, Uncertain, or what ``meanings`` makes of a code.
    ``label`` names it in the log, for instance ``wecom main``.
    """

    def __init__(
        self,
        label: str,
        base: str,
        clock: Clock,
        token: TokenRequest | None = None,
        meanings: Mapping[int, Meaning] | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._label = label
        self._meanings = meanings or {}
        self._http = httpx.AsyncClient(
            base_url=base.rstrip("/"), timeout=timeout, verify=tls(), headers={"Accept-Encoding": "identity"}
        )
        self._token = AccessToken(partial(self._fetch_token, token), clock) if token else None

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The whole JSON answer to one call; a token that is refused is renewed once."""
        content = None if body is None else encoded(body)
        request = _Request(method, path, query or {}, content, harmless=method == "GET")
        return _answer_of(await self._ask(request))

    async def upload(
        self, path: str, name: str, data: bytes, *, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a file sent as form field ``media``; its ``media_id`` is good for 3 days (page 90253)."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        request = _Request("POST", path, query or {}, upload=(name, data, kind), harmless=True)
        return _answer_of(await self._ask(request))

    async def download(self, path: str, *, query: Mapping[str, str], largest: int) -> bytes:
        """A file of at most ``largest`` bytes (page 90254). Raises Refused("too_large") as soon as it is longer."""
        reply = await self._ask(_Request("GET", path, query, largest=largest, harmless=True))
        if reply.status != httpx.codes.OK or reply.media_type == "text/html":
            raise unreadable(reply.status)
        if reply.data is None:
            raise Refused("too_large")
        return reply.data

    async def close(self) -> None:
        """Closes every connection."""
        if self._token:
            await self._token.close()
        await self._http.aclose()

    async def _ask(self, request: _Request) -> _Reply:
        """An answer with errcode 0, or without any."""
        reply = await self._exchange(request) if self._token is None else await self._authorised(request, self._token)
        if code := reply.code:
            log.info(
                "%s: %s %s answered code %s, http %s", self._label, request.method, request.path, code, reply.status
            )
            raise failure(code, reply.status, self._meanings)
        return reply

    async def _authorised(self, request: _Request, tokens: AccessToken) -> _Reply:
        token = await tokens.get()
        reply = await self._exchange(_with_token(request, token))
        if reply.code in TOKEN_CODES:
            token = await tokens.get(stale=token)
            reply = await self._exchange(_with_token(request, token))
        return reply

    async def _fetch_token(self, wanted: TokenRequest) -> tuple[str, float]:
        content = None if wanted.body is None else encoded(wanted.body)
        request = _Request(wanted.method, wanted.path, wanted.query, content, harmless=True)
        try:
            reply = await self._exchange(request)
        except RetryLater as error:
            raise RetryLater(error.code, error.seconds, everything=True) from error
        answer = reply.answer
        if answer is None or reply.status >= 500 or reply.code == -1:
            raise RetryLater(f"http_{reply.status}", UNREACHABLE_SECONDS, everything=True)
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if reply.code == 0 and isinstance(token, str) and token and isinstance(seconds, int):
            return token, min(max(seconds, 0), LONGEST_LIFE)
        log.error("%s: no access token, code %s: check id, secret and trusted addresses", self._label, reply.code)
        raise RetryLater(str(reply.code), OPERATOR_SECONDS, everything=True)

    async def _exchange(self, request: _Request) -> _Reply:
        try:
            async with asyncio.timeout(IN_ALL):
                return await self._exchanged(request)
        except NOT_SENT as error:
            raise RetryLater(type(error).__name__, UNREACHABLE_SECONDS, everything=True) from error
        except (httpx.RequestError, TimeoutError) as error:
            if request.harmless:
                raise RetryLater(type(error).__name__, UNREACHABLE_SECONDS) from error
            raise Uncertain(type(error).__name__) from error

    async def _exchanged(self, request: _Request) -> _Reply:
        files = {"media": request.upload} if request.upload else None
        headers = {"Content-Type": "application/json; charset=utf-8"} if request.content is not None else None
        async with self._http.stream(
            request.method,
            request.path,
            params=dict(request.query),
            content=request.content,
            files=files,
            headers=headers,
        ) as response:
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            data = await _collected(response, request.largest)
            return _Reply(response.status_code, media_type, data, _json_object(data))


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8 without any ``\\uXXXX``, which WeCom refuses with 40033: control characters are left out."""
    text = json.dumps(body, ensure_ascii=False)
    if "\\u" in text:  # looking for this takes no time; the expression takes a tenth of a second for a picture
        text = ESCAPE.sub(r"\1", text)
    return text.encode(errors="replace")


def _json_object(data: bytes | None) -> dict[str, Any] | None:
    if not data or len(data) > LARGEST_ANSWER or not data.lstrip().startswith(b"{"):
        return None
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer.get("errcode", 0), int) else None


async def _collected(response: httpx.Response, largest: int) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > largest:
            return None
    return b"".join(chunks)


def _with_token(request: _Request, token: str) -> _Request:
    return replace(request, query={**request.query, "access_token": token})


def _answer_of(reply: _Reply) -> dict[str, Any]:
    answer = reply.answer
    if answer is None or reply.status >= 400:
        raise unreadable(reply.status)
    return answer
