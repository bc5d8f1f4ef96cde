"""Fetching links from real servers: how much, how long, and from where."""

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from bot.delivery import Refused, RetryLater
from bot.fetching import Fetcher, ForbiddenLink, host_and_port, is_public, read_bounded
from bot.media import BadPhoto
from tests.fakes.serving import ServerThread, free_port

anyio = pytest.mark.anyio
MB = 1024 * 1024
PUBLIC = "93.184.215.14"
PRIVATE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32",
    "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
]  # fmt: skip


class Site:
    """Answers every path with ``answer`` of that path, and counts what was asked and how much was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], Iterable[bytes]]] = {}
        self.pause = 0.0
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.sent = 0

    def put(self, path: str, *chunks: bytes, status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, chunks)

    def stream(self, path: str, chunk: bytes, times: int, *, status: int = 200, length: int = 0) -> None:
        """``chunk`` as often as that; ``length`` is announced, or nothing is."""
        headers = {"content-length": str(length)} if length else {}
        self.answers[path] = (status, headers, (chunk for _ in range(times)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, headers, chunks = self.answers[scope["path"]]
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        listening = asyncio.ensure_future(self._until_gone(receive))
        for chunk in chunks:
            if listening.done():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self.sent += len(chunk)
            await asyncio.sleep(self.pause)
        listening.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with ServerThread(site) as server:
        yield server.url


@pytest.fixture
async def fetcher(url: str) -> AsyncIterator[Fetcher]:
    """Trusts the site, as the server trusts the configured cloud."""
    async with fetching(Fetcher({host_and_port(url)})) as serving:
        yield serving


@asynccontextmanager
async def fetching(fetcher: Fetcher) -> AsyncIterator[Fetcher]:
    try:
        yield fetcher
    finally:
        await fetcher.close()


def answering(*answers: Collection[str]) -> Callable[[str, int], Awaitable[Collection[str]]]:
    """A resolver with one answer after another; the last one stays."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Collection[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """Says ``answer``, whatever is asked, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# What comes


@anyio
async def test_a_body_comes_as_it_is(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", b"one ", b"two")
    assert await fetcher.fetch(f"{url}/a?sign=q%2Fw&x=1#part") == b"one two"
    assert site.headers["accept-encoding"] == "identity"
    assert site.headers["host"] == host_and_port(url)
    assert "cookie" not in site.headers


@anyio
async def test_many_at_once(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", b"x" * MB)
    assert {len(body) for body in await asyncio.gather(*(fetcher.fetch(f"{url}/a") for _ in range(20)))} == {MB}


@anyio
async def test_a_site_cannot_leave_cookies(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", b"x", set_cookie="who=you; Path=/")
    for _ in range(2):
        await fetcher.fetch(f"{url}/a")
    assert "cookie" not in site.headers


@anyio
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_site_that_compresses_unasked(site: Site, url: str, fetcher: Fetcher, encoding: str) -> None:
    packed = gzip.compress(b"hello" * 9, mtime=0) if encoding == "gzip" else zlib.compress(b"hello" * 9)
    site.put("/a", packed[:7], packed[7:], content_encoding=encoding)
    assert await fetcher.fetch(f"{url}/a") == b"hello" * 9


@anyio
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"hello" * 99, mtime=0)[:-9]),
    ],
)
async def test_an_encoding_that_does_not_decode(
    site: Site, url: str, fetcher: Fetcher, encoding: str, body: bytes
) -> None:
    site.put("/a", body, content_encoding=encoding)
    with pytest.raises(BadPhoto, match="没有收全"):
        await fetcher.fetch(f"{url}/a")


@anyio
async def test_read_bounded_serves_any_client(site: Site, url: str) -> None:
    site.put("/a", b"x" * 100)
    async with httpx.AsyncClient() as client:
        async with client.stream("GET", f"{url}/a") as response:
            assert await read_bounded(response, 100) == b"x" * 100
        async with client.stream("GET", f"{url}/a") as response:
            with pytest.raises(BadPhoto, match="太大"):
                await read_bounded(response, 99)


# How much


@anyio
async def test_what_is_exactly_as_large_as_allowed(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", b"x" * 2 * MB)
    assert len(await fetcher.fetch(f"{url}/a", largest=2 * MB)) == 2 * MB
    site.put("/a", b"x" * 2 * MB, b"x")
    with pytest.raises(BadPhoto, match="2 MB 以内"):
        await fetcher.fetch(f"{url}/a", largest=2 * MB)


@anyio
@pytest.mark.parametrize("length", [0, 100 * MB])
async def test_of_100_mb_little_is_sent(site: Site, url: str, fetcher: Fetcher, length: int) -> None:
    site.stream("/a", b"x" * 65536, 1600, length=length)
    with pytest.raises(BadPhoto, match="太大"):
        await fetcher.fetch(f"{url}/a", largest=MB)
    assert site.sent < 20 * MB


@anyio
async def test_a_gzip_bomb(site: Site, url: str, fetcher: Fetcher) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MB)) for _ in range(200)) + packer.flush()
    assert len(bomb) < MB
    site.put("/a", bomb, content_encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(BadPhoto, match="太大"):
            await fetcher.fetch(f"{url}/a", largest=MB)
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()


@anyio
async def test_what_follows_the_end_of_a_gzip_body_counts(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", gzip.compress(b"x", mtime=0), bytes(2 * MB), content_encoding="gzip")
    with pytest.raises(BadPhoto, match="太大"):
        await fetcher.fetch(f"{url}/a", largest=MB)


@anyio
@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 50", b"Content-Length: -1", b"Content-Length: 5, 7", b"Content-Length: " + b"9" * 5000],
)
async def test_a_lying_length(head: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nhello"
    async with raw_server(answer) as url, fetching(Fetcher({host_and_port(url)})) as fetcher:
        with pytest.raises(RetryLater):
            await fetcher.fetch(url)


@anyio
async def test_a_length_that_is_too_small_ends_the_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + b"x" * MB
    async with raw_server(answer) as url, fetching(Fetcher({host_and_port(url)})) as fetcher:
        assert await fetcher.fetch(url, largest=10) == b"hello"


# Trouble


@anyio
@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
async def test_trouble_that_may_pass(site: Site, url: str, fetcher: Fetcher, status: int) -> None:
    site.put("/a", status=status)
    with pytest.raises(RetryLater, match=f"http_{status}"):
        await fetcher.fetch(f"{url}/a")


@anyio
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206, 304])
async def test_answers_that_stay(site: Site, url: str, fetcher: Fetcher, status: int) -> None:
    site.put("/a", status=status)
    with pytest.raises(Refused, match=f"http_{status}"):
        await fetcher.fetch(f"{url}/a")


@anyio
async def test_the_body_of_an_error_is_not_read(site: Site, url: str, fetcher: Fetcher) -> None:
    site.stream("/a", b"x" * 65536, 1600, status=404)
    with pytest.raises(Refused, match="http_404"):
        await fetcher.fetch(f"{url}/a")
    assert site.sent < 20 * MB


@anyio
async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with fetching(Fetcher({host_and_port(url)})) as fetcher:
        with pytest.raises(RetryLater, match="ConnectError"):
            await fetcher.fetch(url)


@anyio
@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000])
async def test_a_server_that_speaks_no_http(answer: bytes) -> None:
    async with raw_server(answer) as url, fetching(Fetcher({host_and_port(url)})) as fetcher:
        with pytest.raises(RetryLater):
            await fetcher.fetch(url)


@anyio
async def test_a_slow_drip_ends_in_time(site: Site, url: str) -> None:
    site.pause = 0.05
    site.stream("/a", b"x", 1000)
    began = monotonic()
    async with fetching(Fetcher({host_and_port(url)}, seconds=0.5)) as fetcher:
        with pytest.raises(RetryLater, match="TimeoutError"):
            await fetcher.fetch(f"{url}/a")
    assert monotonic() - began < 5


@anyio
async def test_a_resolver_without_an_answer_in_time() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return [PUBLIC]

    async with fetching(Fetcher(resolve=resolve, seconds=0.1)) as fetcher:
        with pytest.raises(RetryLater):
            await fetcher.fetch("https://photos.example/a")


@anyio
async def test_a_host_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(*about: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    async with fetching(Fetcher()) as fetcher:
        with pytest.raises(RetryLater, match="resolve"):
            await fetcher.fetch("https://photos.example/a")


# Redirects


@anyio
async def test_two_redirects_are_followed_and_no_third(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/c", b"here")
    site.put("/b", status=307, location=f"{url}/c")
    site.put("/a", status=302, location="b")
    site.put("/0", status=301, location="/a")
    assert await fetcher.fetch(f"{url}/a") == b"here"
    site.asked.clear()
    with pytest.raises(Refused, match="redirects"):
        await fetcher.fetch(f"{url}/0")
    assert site.asked == ["/0", "/a", "/b"]


@anyio
async def test_a_redirect_to_itself(site: Site, url: str, fetcher: Fetcher) -> None:
    site.put("/a", status=302, location="/a")
    with pytest.raises(Refused, match="redirects"):
        await fetcher.fetch(f"{url}/a")
    assert len(site.asked) == 3


@anyio
@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://127.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("http://127.0.0.1/", "not_https"),
        ("//10.0.0.1/", "not_https"),
        ("file:///etc/passwd", "bad_link"),
        ("https://:80:80/", "bad_link"),
        ("https://photos.example:99999/", "bad_link"),
    ],
)
async def test_a_redirect_is_checked_like_a_link(
    site: Site, url: str, fetcher: Fetcher, location: str, code: str
) -> None:
    site.put("/a", status=302, location=location)
    with pytest.raises(ForbiddenLink) as refused:
        await fetcher.fetch(f"{url}/a")
    assert refused.value.code == code


# Where to


@anyio
@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("http://photos.example/a", "not_https"),
        ("HTTP://photos.example/a", "not_https"),
        ("http://93.184.215.14/a", "not_https"),
        ("ftp://photos.example/a", "bad_link"),
        ("file:///etc/passwd", "bad_link"),
        ("data:image/png;base64,AAAA", "bad_link"),
        ("photos.example/a", "bad_link"),
        ("", "bad_link"),
        ("https://", "bad_link"),
        ("https:///a", "bad_link"),
        ("https://[::1/", "bad_link"),
        ("https://a\0b/", "bad_link"),
        (f"https://{'a' * 70}.example/", "bad_link"),
        ("https://127.0.0.1/", "private_address"),
        ("https://127.1/", "private_address"),
        ("https://2130706433/", "private_address"),
        ("https://0x7f.1/", "private_address"),
        ("https://017700000001/", "private_address"),
        ("https://0/", "private_address"),
        ("https://localhost/", "private_address"),
        ("https://me@127.0.0.1/", "private_address"),
        ("https://photos.example@127.0.0.1:22/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://[::ffff:127.0.0.1]/", "private_address"),
        ("https://[::ffff:7f00:1]/", "private_address"),
        ("https://[64:ff9b::10.0.0.1]/", "private_address"),
        ("https://[2002:7f00:1::]/", "private_address"),
        ("https://１２７.０.０.１/", "bad_link"),
    ],
)
async def test_forbidden_links(link: str, code: str) -> None:
    async with fetching(Fetcher()) as fetcher:
        with pytest.raises(ForbiddenLink, match="请先把照片存到手机里") as refused:
            await fetcher.fetch(link)
    assert refused.value.code == code
    assert link not in str(refused.value) or not link


@anyio
async def test_trust_is_for_one_port(site: Site, url: str) -> None:
    site.put("/a", b"x")
    async with fetching(Fetcher({"127.0.0.1:1"})) as fetcher:
        with pytest.raises(ForbiddenLink):
            await fetcher.fetch(f"{url}/a")
    assert site.asked == []


@anyio
async def test_proxies_of_the_environment_are_not_used(
    site: Site, url: str, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    site.put("/a", b"x")
    async with fetching(Fetcher({host_and_port(url)})) as other:
        assert await other.fetch(f"{url}/a") == b"x"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://qyapi.weixin.qq.com", "qyapi.weixin.qq.com:443"),
        ("http://qyapi.weixin.qq.com/cgi-bin", "qyapi.weixin.qq.com:80"),
        ("https://Open.Feishu.cn:8443/", "open.feishu.cn:8443"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://[::1]:5000", "::1:5000"),
    ],
)
def test_how_a_cloud_is_named(url: str, address: str) -> None:
    assert host_and_port(url) == address


@given(st.sampled_from(PRIVATE).flatmap(lambda network: st.ip_addresses(network=network)))
def test_addresses_that_are_not_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert not is_public(str(ip))


@anyio
async def test_no_address_that_is_not_public_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [str(ipaddress.ip_network(network)[number]) for network in PRIVATE for number in (0, -1)]
    with dialled(monkeypatch, free_port()) as dials:
        async with fetching(Fetcher(resolve=answering(*([address] for address in addresses)))) as fetcher:
            for _ in addresses:
                with pytest.raises(ForbiddenLink) as refused:
                    await fetcher.fetch("https://photos.example/a")
                assert refused.value.code == "private_address"
    assert dials == []


@given(
    st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16"]).flatmap(lambda net: st.ip_addresses(network=net))
)
def test_private_addresses_in_ipv6_clothes(ip: ipaddress.IPv4Address) -> None:
    number = int(ip)
    for clothed in (
        number,
        0xFFFF << 32 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80,
        0x2001 << 112 | number ^ 0xFFFFFFFF,
    ):
        assert not is_public(str(ipaddress.IPv6Address(clothed)))


@pytest.mark.parametrize("address", ["::1%1", "fe80::1%eth0", "2001:db8::1%1"])
def test_addresses_with_a_zone(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "119.29.29.29",
        "223.5.5.5",
        "100.63.0.1",
        "100.128.0.1",
        "172.32.0.1",
        "2402:4e00::",
        "240e::1",
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


# One look-up, one connection, one name


@contextmanager
def dialled(patch: pytest.MonkeyPatch, port: int, *, dead: Collection[str] = ()) -> Iterator[list[str]]:
    """Every connection goes to ``port`` of this machine; the addresses that were meant are listed."""
    dials: list[str] = []
    connect = httpcore.AnyIOBackend.connect_tcp

    async def dial(
        self: httpcore.AnyIOBackend, host: str, number: int, *rest: float | None
    ) -> httpcore.AsyncNetworkStream:
        dials.append(host)
        if host in dead:
            raise httpcore.ConnectError("unreachable")
        return await connect(self, "127.0.0.1", port)

    patch.setattr(httpcore.AnyIOBackend, "connect_tcp", dial)
    yield dials


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of ``photos.example`` that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "photos.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("photos.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server with that certificate, which this machine believes."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("bot.fetching.tls", httpx.create_ssl_context)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@anyio
async def test_the_checked_address_is_the_one_that_is_asked(secure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, secure) as dials:
        async with fetching(Fetcher(resolve=answering([PUBLIC], ["127.0.0.1"]))) as fetcher:
            assert await fetcher.fetch("https://photos.example/a") == b"hello"
            with pytest.raises(ForbiddenLink):
                await fetcher.fetch("https://photos.example/a")
    assert dials == [PUBLIC]


@anyio
async def test_of_mixed_answers_only_public_ones_are_asked(secure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, secure, dead=["2402:4e00::1"]) as dials:
        async with fetching(Fetcher(resolve=answering(["10.0.0.1", "2402:4e00::1", "::1", PUBLIC]))) as fetcher:
            assert await fetcher.fetch("https://photos.example/a") == b"hello"
    assert dials == ["2402:4e00::1", PUBLIC]


@anyio
async def test_no_address_takes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, 1, dead=[PUBLIC, "1.1.1.1"]) as dials:
        async with fetching(Fetcher(resolve=answering([PUBLIC, "1.1.1.1"]))) as fetcher:
            with pytest.raises(RetryLater, match="ConnectError"):
                await fetcher.fetch("https://photos.example/a")
    assert dials == [PUBLIC, "1.1.1.1"]


@anyio
async def test_tls_still_asks_for_the_name(secure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, secure):
        async with fetching(Fetcher(resolve=answering([PUBLIC]))) as fetcher:
            with pytest.raises(RetryLater, match="ConnectError"):
                await fetcher.fetch("https://others.example/a")


@anyio
async def test_tls_asks_for_a_believed_certificate(secure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with dialled(monkeypatch, secure):
        async with fetching(Fetcher(resolve=answering([PUBLIC]))) as fetcher:
            with pytest.raises(RetryLater, match="ConnectError"):
                await fetcher.fetch("https://photos.example/a")


def test_no_link_raises_anything_else() -> None:
    texts = st.text()

    @given(st.one_of(texts, texts.map("https://{}".format), texts.map("https://localhost:{}".format)))
    def try_links(link: str) -> None:
        with pytest.raises(ForbiddenLink):
            runner.run(fetcher.fetch(link))

    with asyncio.Runner() as runner:
        fetcher = Fetcher(resolve=answering(["127.0.0.1"]))
        try_links()
        runner.run(fetcher.close())
