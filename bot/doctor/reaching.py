"""Whether a cloud can be reached, what it means when it cannot, and what its clock says."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bot.clock import Clock
from bot.doctor.clocks import compare, http_date
from bot.doctor.findings import Finding, bad

PATIENCE = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A platform's servers: what people call them, the setting with their address, and what it usually is."""

    called: str
    setting: str
    usual: str


def is_address(url: str, *schemes: str) -> bool:
    """Whether ``url`` has one of these schemes (``http`` and ``https`` unless others are named) and a host."""
    try:
        address = httpx.URL(url.strip())
        port = urlsplit(url).port
    except (httpx.InvalidURL, ValueError):
        return False
    return address.scheme in (schemes or ("http", "https")) and bool(address.host) and port != 0


def origin(url: str) -> str:
    """The address without its path and query, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"


async def clock_of(cloud: Cloud, address: str, clock: Clock) -> list[Finding]:
    """What the ``Date`` of any answer says about our clock; nothing where there is none.

    Raises httpx.RequestError where nobody answers.
    """
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        response = await http.head(address)
    theirs = http_date(response.headers.get("date", ""))
    return [compare(cloud.called, theirs, clock())] if theirs else []


def unreached(name: str, cloud: Cloud, error: BaseException) -> Finding | None:
    """Why no answer came, if that is what ``error`` is about."""
    causes = list(_causes(error))

    def about(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if about(socket.gaierror):
        return bad(
            f"{name}：找不到{cloud.called}的服务器（域名解析不了）",
            f"请检查这台机器的网络和 DNS，以及 {cloud.setting} 有没有写错",
        )
    if about(ssl.SSLError):
        return bad(f"{name}：和{cloud.called}的加密连接建不起来", "请检查这台机器的时间对不对，中间有没有代理换了证书")
    if about(httpx.TimeoutException, TimeoutError):
        return bad(
            f"{name}：{cloud.called}很久没有回答",
            f"请检查防火墙和代理，让这台机器能访问 {cloud.setting}；也可能是{cloud.called}一时繁忙，稍后再试",
        )
    if about(httpx.RequestError, OSError):
        return bad(f"{name}：连不上{cloud.called}", f"请检查防火墙和代理，让这台机器能访问 {cloud.setting}")
    return None


def stranger(name: str, cloud: Cloud, what: str) -> Finding:
    """Something else answered: ``what`` says what, as ``http_502``."""
    return bad(
        f"{name}：回答的不是{cloud.called}（{what}）",
        f'请检查代理，以及 {cloud.setting} 有没有写错，一般写 "{cloud.usual}"',
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
