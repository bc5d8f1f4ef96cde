"""Asking qyapi.weixin.qq.com and api.weixin.qq.com, and what their codes mean for an operator (page 90455)."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bot.doctor.findings import Finding, bad, warn
from bot.doctor.reaching import PATIENCE, Cloud, stranger, unreached
from bot.platforms.fields import word
from bot.platforms.wechat.client import TokenRequest, encoded

BUSY = frozenset({-1, 45009, 45011})
UNKNOWN_MEDIA = 40007
"""What a call with a token gets that asks for a file which does not exist, once everything before is right."""

_NO_ADDRESS = re.compile(r"[^0-9A-Fa-f.:]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in JSON; ``errcode`` is 0 where there is none."""

    errcode: int
    fields: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The access token in it."""
        return word(self.fields, "access_token")

    @property
    def address(self) -> str:
        """Our own address as the platform saw it, if its message says that; the message is no contract."""
        for found in _NO_ADDRESS.split(word(self.fields, "errmsg")):
            try:
                return str(ipaddress.ip_address(found.rstrip(".:")))
            except ValueError:
                continue
        return ""


class Strange(Exception):
    """What answered is not the platform; the text says what it is, as ``http_502``."""


class Api:
    """One platform's API; what is asked changes nothing there. Raises Strange and httpx.RequestError."""

    def __init__(self, base: str) -> None:
        self._http = httpx.AsyncClient(base_url=base.strip().rstrip("/"), timeout=PATIENCE)

    async def token(self, wanted: TokenRequest) -> Answer:
        """An access token, or why there is none."""
        content = None if wanted.body is None else encoded(wanted.body)
        return _answer(await self._http.request(wanted.method, wanted.path, params=dict(wanted.query), content=content))

    async def try_out(self, token: str) -> Answer:
        """Uses the token for a file that does not exist: platforms that let us in answer ``UNKNOWN_MEDIA``."""
        query = {"access_token": token, "media_id": "jufeng"}
        return _answer(await self._http.get("/cgi-bin/media/get", params=query))

    async def close(self) -> None:
        """Closes every connection."""
        await self._http.aclose()


def _answer(response: httpx.Response) -> Answer:
    try:
        fields = json.loads(response.content)
    except (ValueError, RecursionError):
        fields = None
    errcode = fields.get("errcode", 0) if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or not isinstance(errcode, int):
        raise Strange(f"http_{response.status_code}")
    return Answer(errcode, fields)


def explained(name: str, cloud: Cloud, answer: Answer, codes: Mapping[int, tuple[str, str]]) -> Finding:
    """An answer with an errcode, in words. ``{address}`` in what to do stands for this machine's own."""
    if answer.errcode in BUSY:
        return warn(f"{name}：{cloud.called}一时忙不过来（错误码 {answer.errcode}）", "过一分钟再运行一次")
    unknown = (f"{cloud.called}拒绝了", f"请在它的开发文档里搜索错误码 {answer.errcode}")
    what, to_do = codes.get(answer.errcode, unknown)
    return bad(f"{name}：{what}（错误码 {answer.errcode}）", to_do.format(address=_mine(answer)))


def _mine(answer: Answer) -> str:
    return f" {answer.address}" if answer.address else "（在这台机器上打开任何一个查 IP 的网页就能看到）"


def not_asked(name: str, cloud: Cloud, error: httpx.RequestError | Strange) -> Finding:
    """Why there was no answer of the platform's."""
    return unreached(name, cloud, error) or stranger(name, cloud, str(error))
