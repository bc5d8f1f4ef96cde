"""Media links that messages bring: fetched only from public addresses, only so much, and only for so long.

Whoever writes the link chooses where this machine connects to, so nothing here trusts it. The pool of ``httpcore`` is
used without the client of ``httpx`` around it: no cookies, no passwords in links, no proxies of the environment, no
redirects that are followed unseen, and no log line with the link, which carries a signature.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address

import httpcore
import httpx

from bot.delivery import Refused, RetryLater
from bot.media import LARGEST_FILE, BadPhoto, too_large

SECONDS = 30.0
"""For one link altogether, redirects included."""
TIMEOUTS = {"connect": 3.0, "read": 10.0, "write": 10.0}
"""Seconds for one step; ``connect`` is for one address."""
REDIRECTS = 2
AT_ONCE = 8
"""Connections; a picture in hand takes up to ``LARGEST_FILE`` of memory."""
SOON = 0.0
"""Seconds to wait where nobody says how long: whoever fetches backs off on its own."""

Resolve = Callable[[str, int], Awaitable[Collection[str]]]
"""Addresses of a host and port."""

_PORTS = {"http": 80, "https": 443}
_MAY_PASS = frozenset({408, 425, 429})
_GZIP_OR_ZLIB = 47
"""``wbits`` of zlib: the largest window, and either header."""

_NOT_PUBLIC_4 = (
    IPv4Network("192.0.0.0/24"),  # for protocols; newer versions of Python take single addresses out
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)
_UNICAST_6 = IPv6Network("2000::/3")
"""All that is given out so far. IPv4 in IPv6 clothes (mapped, compatible, NAT64) lies outside."""
_NOT_PUBLIC_6 = (
    IPv6Network("2001::/23"),  # for protocols, Teredo among them
    IPv6Network("2002::/16"),  # 6to4: leads to the IPv4 address inside it
    IPv6Network("3fff::/20"),  # documentation; not known to every version of Python
)


class ForbiddenLink(BadPhoto):
    """A link that is not followed: where it leads is not to be asked by this machine."""

    def __init__(self, code: str) -> None:
        super().__init__("这张照片的链接不能打开。请先把照片存到手机里，再从相册里选它直接发来")
        self.code = code


class Fetcher:
    """Fetches links that messages bring. ``trusted`` hosts (see ``host_and_port``) are the configured cloud itself:
    they may be private and without TLS. A host without a port is trusted on all of its ports.
    """

    def __init__(
        self, trusted: Iterable[str] = (), *, resolve: Resolve | None = None, seconds: float = SECONDS
    ) -> None:
        self._trusted = frozenset(trusted)
        self._seconds = seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(),
            max_connections=AT_ONCE,
            max_keepalive_connections=0,  # each link is resolved and checked anew
            network_backend=_PublicNetwork(self._trusted, resolve or resolved),
        )

    async def fetch(self, url: str, *, largest: int = LARGEST_FILE) -> bytes:
        """The body behind ``url``, at most ``largest`` bytes.

        Raises BadPhoto where it is larger; ForbiddenLink, a BadPhoto, for anything but HTTPS to a public address;
        RetryLater for trouble that may pass; Refused for answers that will stay the same, as for an expired link.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(_parsed(url), largest)
        except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise RetryLater(type(error).__name__, SOON) from error

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.aclose()

    async def _follow(self, url: httpx.URL, largest: int) -> bytes:
        for _ in range(1 + REDIRECTS):
            self._check(url)
            async with self._pool.stream(
                "GET",
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers={"Host": url.netloc, "Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "jufeng"},
                extensions={"timeout": TIMEOUTS},
            ) as answer:
                response = httpx.Response(answer.status, headers=answer.headers, content=answer.aiter_stream())
                if not response.has_redirect_location:
                    return await _body(response, largest)
                url = _parsed(response.headers["location"], url)
        raise Refused("redirects")

    def _check(self, url: httpx.URL) -> None:
        if url.scheme not in _PORTS or not url.host:
            raise ForbiddenLink("bad_link")
        if url.scheme != "https" and self._trusted.isdisjoint((url.host, host_and_port(url))):
            raise ForbiddenLink("not_https")


class _PublicNetwork(httpcore.AnyIOBackend):
    """Resolves a host once and connects to what was checked, so that no second answer can lead elsewhere.

    TLS on top still verifies the name of the host.
    """

    def __init__(self, trusted: Collection[str], resolve: Resolve) -> None:
        self._trusted = trusted
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first public address that takes it. Raises ForbiddenLink where none is public."""
        if host in self._trusted or f"{host}:{port}" in self._trusted:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        addresses = [address for address in await self._resolve(host, port) if is_public(address)]
        if not addresses:
            raise ForbiddenLink("private_address")
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)


@cache
def tls() -> ssl.SSLContext:
    """How all clients of the process check servers: to read the roots takes 25 ms and 1 MB each time."""
    return httpx.create_ssl_context()


async def read_bounded(response: httpx.Response, largest: int) -> bytes:
    """The decoded body of a response that was opened as a stream and is not read yet.

    Raises BadPhoto as soon as it is, or says it is, larger than ``largest`` bytes, and for an encoding that does not
    decode; closing the response is left to the caller, and so are errors of the connection.
    """
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > largest:
        raise too_large(largest)
    unzip = _unzipper(response.headers.get("content-encoding", ""))
    body, came = bytearray(), 0
    async for chunk in response.aiter_raw():
        came += len(chunk)
        try:
            body += unzip.decompress(chunk, largest + 1 - len(body)) if unzip else chunk
        except zlib.error as error:
            raise _broken() from error
        if max(came, len(body)) > largest:
            raise too_large(largest)
    if unzip and not unzip.eof:
        raise _broken()
    return bytes(body)


def host_and_port(url: httpx.URL | str) -> str:
    """``host:port`` of the address of a cloud, as ``Fetcher`` compares them."""
    url = httpx.URL(url)
    return f"{url.raw_host.decode('ascii')}:{_PORTS.get(url.scheme, 0) if url.port is None else url.port}"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to a single machine of the open Internet."""
    ip = ip_address(address)
    if ip.version == 4:
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in _NOT_PUBLIC_4)
    return ip.is_global and ip in _UNICAST_6 and not any(ip in network for network in _NOT_PUBLIC_6)


async def resolved(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises RetryLater."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise ForbiddenLink("bad_link") from error
    except OSError as error:
        raise RetryLater("resolve", SOON) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _body(response: httpx.Response, largest: int) -> bytes:
    code = f"http_{response.status_code}"
    if response.is_server_error or response.status_code in _MAY_PASS:
        raise RetryLater(code, SOON)
    if response.status_code != httpx.codes.OK:
        raise Refused(code)
    return await read_bounded(response, largest)


def _parsed(link: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = base.join(link) if base else httpx.URL(link)
    except httpx.InvalidURL:
        raise ForbiddenLink("bad_link") from None  # its text quotes the link
    if (url.port or 0) > 65535:
        raise ForbiddenLink("bad_link")
    return url


def _unzipper(encoding: str) -> "zlib._Decompress | None":
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "deflate"):
        return zlib.decompressobj(_GZIP_OR_ZLIB)
    raise _broken()


def _broken() -> BadPhoto:
    return BadPhoto("这张照片没有收全，请再发一次")
