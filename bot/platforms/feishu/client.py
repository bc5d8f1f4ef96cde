"""A thin client of the Feishu server API: one connection pool, one tenant token, the errors of ``bot.delivery``."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from bot.clock import Clock
from bot.delivery import Refused, RetryLater, Uncertain
from bot.fetching import read_bounded, tls
from bot.media import BadPhoto
from bot.platforms.budget import Budget, Rate
from bot.platforms.feishu.errors import TOKEN_CODES, answer_of, failure
from bot.platforms.token import AccessToken
from bot.settings import FeishuSettings

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0, pool=30.0)
IN_ALL = 60.0
"""Seconds for one request from first to last byte, however steadily they drip."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
UNREACHABLE_SECONDS = 5.0
BAD_CREDENTIALS_SECONDS = 60.0
"""An operator has to mend them; until then one attempt a minute."""
RATES = (Rate(40, 1.2), Rate(900, 61.0))
"""Of each API. Feishu takes 50 a second and 1000 a minute, and answers 429 beyond.

Requests do not arrive as evenly as they left, hence the reserve.
"""
SHORT_WAIT = 2.0
"""Seconds that a call waits for its turn by itself."""
LARGEST_ANSWER = 1024 * 1024
"""Bytes of an answer in JSON; a page of a hundred people has some 20,000."""
POSTS = frozenset({"POST /im/v1/messages", "POST /im/v1/messages/*/reply"})
"""When the turn of these is far off, no post of the bot can go out."""

_ID = re.compile(r"/(?:om|oc|img|file)_[^/]+")
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    """Sent as JSON."""
    fields: Mapping[str, str] | None = None
    upload: Mapping[str, tuple[str, bytes]] | None = field(default=None, repr=False)
    """Sent as a form, together with ``fields``."""
    download: int = 0
    """Bytes of the file that is wanted, at most; 0: JSON is wanted."""

    @property
    def api(self) -> str:
        """The method and the path without ids: what Feishu counts for its limits."""
        return f"{self.method} {_ID.sub('/*', self.path)}"


class FeishuClient:
    """Calls of one app. All methods raise RetryLater, Refused or Uncertain. Bodies are never logged."""

    def __init__(self, settings: FeishuSettings, clock: Clock, timeout: httpx.Timeout = TIMEOUT) -> None:
        self._name = settings.name
        self._credentials = {"app_id": settings.app_id, "app_secret": settings.app_secret}
        self._http = httpx.AsyncClient(
            base_url=f"{settings.api_base.rstrip('/')}/open-apis",
            timeout=timeout,
            verify=tls(),
            headers={"Accept-Encoding": "gzip, deflate"},
            follow_redirects=False,  # an address that an answer names may be one of this machine's own network
        )
        self._token = AccessToken(self._fetch_token, clock)
        self._budget = Budget(RATES, time.monotonic)

    async def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The whole JSON answer to one call; an expired token is renewed once."""
        return answer_of(await self._ask(_Request(method, path, query or {}, body)))

    async def upload(self, path: str, fields: dict[str, str], name: str, data: bytes) -> dict[str, Any]:
        """The whole JSON answer to a form with ``fields`` and ``data`` as its file ``name``."""
        return answer_of(await self._ask(_Request("POST", path, fields=fields, upload={name: (name, data)})))

    async def download(self, path: str, *, query: dict[str, str], largest: int) -> bytes:
        """A file. Raises BadPhoto as soon as it is longer than ``largest`` bytes."""
        return (await self._ask(_Request("GET", path, query, download=largest))).content

    async def close(self) -> None:
        """Closes every connection."""
        await self._token.close()
        await self._http.aclose()

    async def _ask(self, request: _Request) -> httpx.Response:
        """A good answer: a file where one is wanted, or JSON of code 0."""
        await self._keep_to_rates(request)
        token = await self._token.get()
        response = await self._exchange(request, token)
        code = self._code(request, response)
        if code in TOKEN_CODES:
            token = await self._token.get(stale=token)
            response = await self._exchange(request, token)
            code = self._code(request, response)
        if code != 0:
            raise failure(code, response)
        return response

    async def _keep_to_rates(self, request: _Request) -> None:
        """Waits a little where many calls come at once, so that Feishu need not refuse any."""
        if wait := await self._budget.turn(request.api, SHORT_WAIT):
            raise RetryLater("own_rate", wait, everything=request.api in POSTS)

    async def _fetch_token(self) -> tuple[str, float]:
        request = _Request("POST", "/auth/v3/tenant_access_token/internal", body=self._credentials)
        try:
            response = await self._exchange(request)
            code = self._code(request, response)
            trouble = failure(code, response)
            if isinstance(trouble, RetryLater):
                raise trouble
        except Uncertain as error:
            raise RetryLater("token", UNREACHABLE_SECONDS, everything=True) from error
        except RetryLater as wait:
            raise RetryLater(wait.code, wait.seconds, everything=True) from wait
        answer = answer_of(response)
        token, seconds = answer.get("tenant_access_token"), answer.get("expire")
        if code == 0 and isinstance(token, str) and isinstance(seconds, int | float):
            return token, seconds
        log.error("feishu %s: no tenant token, code %s: check app_id and app_secret", self._name, code)
        raise RetryLater(str(code), BAD_CREDENTIALS_SECONDS, everything=True)

    async def _exchange(self, request: _Request, token: str = "") -> httpx.Response:
        """One request and its whole answer, of whatever kind."""
        try:
            async with asyncio.timeout(IN_ALL):
                return await self._exchanged(request, token)
        except NOT_SENT as error:
            raise RetryLater(type(error).__name__, UNREACHABLE_SECONDS, everything=True) from error
        except (httpx.RequestError, TimeoutError) as error:
            raise Uncertain(type(error).__name__) from error
        except BadPhoto as error:
            if request.download:
                raise
            raise Uncertain("unreadable") from error

    async def _exchanged(self, request: _Request, token: str) -> httpx.Response:
        async with self._http.stream(
            request.method,
            request.path,
            params=dict(request.query),
            json=request.body,
            data=request.fields,
            files=request.upload,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        ) as response:
            data = await read_bounded(response, request.download or LARGEST_ANSWER)
        headers = [(name, value) for name, value in response.headers.items() if name not in _OF_THE_TRANSFER]
        return httpx.Response(response.status_code, headers=headers, content=data)

    def _code(self, request: _Request, response: httpx.Response) -> int:
        """0 for a file where one is wanted; otherwise the code of the JSON answer."""
        if request.download and _is_file(response):
            return 0
        code: int = answer_of(response)["code"]
        if code != 0:
            log.info(
                "feishu %s: %s %s answered code %s, http %s, logid %s",
                self._name,
                request.method,
                request.path,
                code,
                response.status_code,
                response.headers.get("x-tt-logid", ""),
            )
        return code


def message_path(message: str, action: str = "") -> str:
    """The path of one message, or of an action on it."""
    return f"/im/v1/messages/{quote(message, safe='')}{action}"


def _is_file(response: httpx.Response) -> bool:
    """Whether the answer is neither JSON nor a page. Raises Refused for a redirect, which is not followed."""
    if response.is_redirect:
        raise Refused(f"http_{response.status_code}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.is_success and media_type not in {"application/json", "text/html"}
