"""Migrations: from empty, again, from each version before with data, and in step with the models; both databases."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select

from models.base import Base
from models.database import Database, alembic_config
from tests.conftest import START, create_database, database_url
from tests.schema import differences

ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [{"person_id": None}, {"id": 2, "organisation_id": None}],
    "point_entries": [{"to_account_id": 2}],
}
"""What rows must differ in for the rules that the tables themselves keep."""
BEFORE_HEAD = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][1:]


@pytest.fixture(params=["sqlite", "postgres"])
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/unmade.db"
    address: str = request.getfixturevalue("postgres_server")
    name = f"unmade_{abs(hash(request.node.name)) % 10**9}"
    create_database(address, name)
    return database_url(address, name)


def test_migrations_are_in_step_with_the_models(database: Database) -> None:
    assert differences(database) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = sorted(inspect(database.engine).get_table_names())
    database.upgrade()
    assert sorted(inspect(database.engine).get_table_names()) == before
    assert set(Base.metadata.tables) | {"alembic_version"} == set(before)


@pytest.mark.parametrize("version", BEFORE_HEAD)
def test_an_earlier_version_is_upgraded_with_its_data(unmade: str, version: str) -> None:
    database = Database(unmade)
    try:
        upgrade_to(database, version)
        before = fill(database)
        assert all(before.values())
        database.upgrade()
        assert differences(database) == []
        after = kept(database)
        for table, rows in before.items():
            assert [{column: row[column] for column in rows[0]} for row in after[table]] == rows
    finally:
        database.close()


def upgrade_to(database: Database, version: str) -> None:
    config = alembic_config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def fill(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Puts a row into every table that this version has, in the order of their foreign keys."""
    schema = MetaData()
    with database.engine.begin() as connection:
        schema.reflect(connection)
        for table in schema.sorted_tables:
            row = {column.name: value_for(column) for column in table.columns}
            for more in ROWS.get(table.name, [{}]) if table.name != "alembic_version" else []:
                connection.execute(table.insert().values(**row | more))
    return kept(database)


def kept(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    schema = MetaData()
    with database.engine.connect() as connection:
        schema.reflect(connection)
        tables = [table for table in schema.sorted_tables if table.name != "alembic_version"]
        return {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}


def value_for(column: Any) -> Any:
    """A value of the column's kind; every id is 1, so that rows refer to each other."""
    kind = column.type.python_type
    values = {int: 1, float: 0.5, str: "waiting", bool: True, bytes: b"sealed", datetime: START, date: START.date()}
    return values.get(kind, [])
