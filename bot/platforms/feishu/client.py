"""A thin client of the Feishu server API: one connection pool, one tenant token, the errors of ``bot.delivery``."""

import logging
from typing import Any
from urllib.parse import quote

import httpx

from bot.clock import Clock
from bot.delivery import RetryLater, Uncertain
from bot.platforms.feishu.errors import TOKEN_CODES, answer_of, failure
from bot.platforms.feishu.token import TenantToken
from bot.settings import FeishuSettings

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0, pool=30.0)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
UNREACHABLE_SECONDS = 5.0
BAD_CREDENTIALS_SECONDS = 60.0
"""An operator has to mend them; until then one attempt a minute."""


class FeishuClient:
    """Calls of one app. All methods raise RetryLater, Refused or Uncertain. Bodies are never logged."""

    def __init__(self, settings: FeishuSettings, clock: Clock, timeout: httpx.Timeout = TIMEOUT) -> None:
        self._name = settings.name
        self._credentials = {"app_id": settings.app_id, "app_secret": settings.app_secret}
        self._http = httpx.AsyncClient(base_url=f"{settings.api_base.rstrip('/')}/open-apis", timeout=timeout)
        self._token = TenantToken(self._fetch_token, clock)

    async def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The whole JSON answer to one call; an expired token is renewed once."""
        token = await self._token.get()
        response = await self._exchange(method, path, query=query, body=body, token=token)
        answer = self._answer(method, path, response)
        if answer["code"] in TOKEN_CODES:
            token = await self._token.get(stale=token)
            response = await self._exchange(method, path, query=query, body=body, token=token)
            answer = self._answer(method, path, response)
        if answer["code"] != 0:
            raise failure(answer["code"], response)
        return answer

    async def close(self) -> None:
        """Closes every connection."""
        await self._token.close()
        await self._http.aclose()

    async def _fetch_token(self) -> tuple[str, float]:
        path = "/auth/v3/tenant_access_token/internal"
        try:
            response = await self._exchange("POST", path, body=self._credentials)
        except Uncertain as error:
            raise RetryLater("token", UNREACHABLE_SECONDS, everything=True) from error
        answer = self._answer("POST", path, response)
        token, seconds = answer.get("tenant_access_token"), answer.get("expire")
        if answer["code"] == 0 and isinstance(token, str) and isinstance(seconds, int | float):
            return token, seconds
        log.error("feishu %s: no tenant token, code %s: check app_id and app_secret", self._name, answer["code"])
        raise RetryLater(str(answer["code"]), BAD_CREDENTIALS_SECONDS, everything=True)

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        token: str = "",
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return await self._http.request(method, path, params=query, json=body, headers=headers)
        except NOT_SENT as error:
            raise RetryLater(type(error).__name__, UNREACHABLE_SECONDS, everything=True) from error
        except httpx.RequestError as error:
            raise Uncertain(type(error).__name__) from error

    def _answer(self, method: str, path: str, response: httpx.Response) -> dict[str, Any]:
        answer = answer_of(response)
        if answer["code"] != 0:
            log.info(
                "feishu %s: %s %s answered code %s, http %s, logid %s",
                self._name,
                method,
                path,
                answer["code"],
                response.status_code,
                response.headers.get("x-tt-logid", ""),
            )
        return answer


def message_path(message: str, action: str = "") -> str:
    """The path of one message, or of an action on it."""
    return f"/im/v1/messages/{quote(message, safe='')}{action}"
