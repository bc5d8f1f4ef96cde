"""Whoever can reach the sandbox may speak for anybody, so only this machine can."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import Depends, FastAPI

from bot.platforms.sandbox.guard import loopback_only
from models.database import Database
from tests.conftest import StandingClock
from tests.contracts.sandbox_app import Sandbox, sandbox

WRITES = ["/sandbox/messages", "/sandbox/buttons", "/sandbox/photos", "/sandbox/clock"]
READS = ["/", "/sandbox/static/app.js", "/sandbox/state", "/sandbox/messages", "/sandbox/photos/x"]


@pytest.fixture
def page(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(database, clock, tmp_path / "photos") as served:
        yield served


def visit(method: str = "GET", visitor: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """What somebody at ``visitor`` gets from a guarded address."""
    app = FastAPI(dependencies=[Depends(loopback_only)])
    app.add_api_route("/", lambda: "in", methods=["GET", "POST"])
    transport = httpx.ASGITransport(app, client=(visitor, 50_000))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.request(
                method, "/", headers={name.replace("_", "-"): headers[name] for name in headers}
            )

    return asyncio.run(ask())


@pytest.mark.parametrize("visitor", ["127.0.0.1", "127.0.0.53", "::1"])
def test_this_machine_comes_in(visitor: str) -> None:
    assert visit(visitor=visitor).status_code == 200


@pytest.mark.parametrize("visitor", ["192.168.1.5", "10.0.0.1", "8.8.8.8", "fe80::1", "", "localhost.evil.org"])
def test_others_stay_outside(visitor: str) -> None:
    answer = visit(visitor=visitor)
    assert (answer.status_code, answer.json()) == (403, {"detail": "沙盒只能在本机打开"})


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:8000", "[::1]:8000", "demo.localhost:80"])
def test_names_of_this_machine_are_taken(host: str) -> None:
    assert visit(Host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.org", "127.0.0.1.evil.org", "localhost.evil.org", "192.168.1.5:8000", "[", "", "user@evil.org"]
)
def test_a_foreign_name_that_leads_here_is_refused(host: str) -> None:
    assert visit(Host=host).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_does_not_bring_the_world_in(header: str) -> None:
    assert visit(**{header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://evil.org", 403),
        ("http://127.0.0.1:9000", 403),
        ("http://127.0.0.1:8000.evil.org", 403),
        ("null", 403),
        ("", 403),
        ("http://[", 403),
    ],
)
def test_foreign_pages_do_not_write(origin: str, status: int) -> None:
    assert visit("POST", Origin=origin).status_code == status
    assert visit(Origin=origin).status_code == 200


def test_every_address_is_guarded(page: Sandbox) -> None:
    for path in WRITES:
        assert page.client.post(path, headers={"Origin": "http://evil.org"}).status_code == 403
        assert page.client.post(path, headers={"Host": "evil.org"}).status_code == 403
    for path in READS:
        assert page.client.get(path, headers={"Host": "evil.org"}).status_code == 403
    assert page.client.get("/sandbox/events", headers={"Host": "evil.org"}).status_code == 403
