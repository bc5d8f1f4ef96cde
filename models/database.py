"""Connections: SQLite (WAL, synchronous=FULL) for one machine, PostgreSQL for several processes."""

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.orm import sessionmaker

# Every table must be known before the schema is compared or made.
from models import (  # noqa: F401
    audit,
    base,
    case_notes,
    cases,
    chat_members,
    chats,
    corrections,
    counters,
    downloads,
    drafts,
    duty_rules,
    escalations,
    followers,
    inbox,
    keycheck,
    leases,
    lessons,
    make_ups,
    materials,
    movements,
    notices,
    offers,
    organisations,
    outbox,
    people,
    points,
    routes,
    sandbox,
    series,
    slots,
)

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The newest migration, which a schema that is up to date has."""
_WRITES = "jufeng_writes"


class Database:
    """One engine. ``write`` makes sessions that change records, ``read`` those that only look."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = _engine(url)
        self.read = sessionmaker(self.engine)
        self.write = sessionmaker(self.engine.execution_options(**{_WRITES: True}))

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite, which one process at a time should serve."""
        return self.engine.dialect.name == "sqlite"

    def upgrade(self) -> None:
        """Brings the schema up to date. Several processes may call it at once."""
        with self.engine.connect() as connection:
            if not self.embedded:
                connection.execute(text("SELECT pg_advisory_lock(20210701)"))
                connection.commit()
            try:
                _migrate(connection)
            finally:
                if not self.embedded:
                    connection.execute(text("SELECT pg_advisory_unlock(20210701)"))
                    connection.commit()

    def ping(self) -> None:
        """Raises SQLAlchemyError where the database does not answer."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def alembic_config() -> "Config":
    """Alembic's configuration: the migrations are part of the package."""
    from alembic.config import Config  # noqa: PLC0415  # most starts find the schema up to date, and go without Alembic

    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("models") / "migrations"))
    return config


def _migrate(connection: Connection) -> None:
    """Does what there is to do; Alembic also says what is wrong with a schema that is newer than this version."""
    found = _versions(connection)
    connection.commit()
    if found == [HEAD]:
        return
    from alembic import command  # noqa: PLC0415

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _versions(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version")))


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": 30})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, record: object) -> None:  # noqa: ARG001
    connection.isolation_level = None  # transactions are begun below, not by the driver
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: one that had to wait for it later would fail, not wait."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
