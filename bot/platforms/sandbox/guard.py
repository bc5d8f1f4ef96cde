"""Who may use the sandbox: this machine alone. Whoever can reach it may speak for anybody."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import Request

_READING = ("GET", "HEAD")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def loopback_only(request: Request) -> None:
    """A dependency of every sandbox route. Raises 403 for visitors from outside and for pages of other sites.

    The Host header is checked because a foreign name may be made to resolve to this machine (DNS rebinding), the
    Origin because a foreign page may post without reading the answer, forwarding headers because a reverse proxy
    on this machine makes the whole world look near.
    """
    if request.client is None or not _is_loopback(request.client.host):
        raise HTTPException(403, "沙盒只能在本机打开")
    if any(header in request.headers for header in _FORWARDED):
        raise HTTPException(403, "沙盒不能经过代理打开，请在本机直接访问")
    host = request.headers.get("host", "")
    if not _is_loopback(_hostname(f"//{host}")):
        raise HTTPException(403, "请用 http://127.0.0.1 或 http://localhost 打开沙盒")
    origin = request.headers.get("origin")
    if request.method not in _READING and origin is not None and _netloc(origin) != host.lower():
        raise HTTPException(403, "不接受别的网站发来的请求")


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
