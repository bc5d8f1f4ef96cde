"""Migrations: from empty, again, from each version before with data, and in step with the models; both databases."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select

from models.base import Base
from models.cases import Action, Actor, Case, CaseState, Part, change
from models.database import HEAD, Database, alembic_config
from models.sealing import seal
from schedules.deadlines import promises
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


def test_what_counts_as_up_to_date_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


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


TAKEN = ("办理中", "已办结", "已评价")


def test_cases_of_the_version_before_go_on_with_the_unit_that_has_taken_them(unmade: str) -> None:
    database = Database(unmade)
    try:
        upgrade_to(database, "0003")
        states = ("已收集", "已受理", "已派单", *TAKEN)
        with_unit = states[2:]
        add_cases(database, [(state, 1 if state in with_unit else None) for state in states])
        database.upgrade()
        with database.write.begin() as session:
            cases = list(session.scalars(select(Case).order_by(Case.number)))
            assert [str(case.state) for case in cases if case.taken] == list(TAKEN)
            assert {(case.text, case.place, case.transfers, case.urgent) for case in cases} == {
                ("井盖没了", "东门", 0, False)
            }
            promised = promises(session, cases)
            assert {each.accept_by for each in promised.values()} == {START + timedelta(hours=2)}
            change(session, cases[3], Action.SUSPEND, Actor(None, frozenset({Part.UNIT}), START, 1), until=START.date())
            change(session, cases[5], Action.REOPEN, Actor(None, frozenset({Part.REPORTER}), START, 1))
            assert cases[5].state is CaseState.IN_PROGRESS
    finally:
        database.close()


def add_cases(database: Database, cases: list[tuple[str, int | None]]) -> None:
    """Cases as version 0003 has kept them, each in a state and with a unit or none, with its first step."""
    schema = MetaData()
    with database.engine.begin() as connection:
        schema.reflect(connection)
        tables = {table.name: table for table in schema.sorted_tables}
        org = {column.name: value_for(column) for column in tables["organisations"].columns} | {"parent_id": None}
        connection.execute(tables["organisations"].insert().values(**org))
        for number, (state, unit) in enumerate(cases, 1001):
            at = {"created_at": START, "at": START}
            case = {"id": number, "number": number, "kind": "hazard", "state": state, "unit_id": unit} | at
            case |= {"place": seal("东门".encode()), "text": seal("井盖没了".encode()), "organisation_id": 1}
            step = {"id": number, "case_id": number, "action": "登记", "before": None, "after": "已收集"} | at
            step |= {"reason": seal(b"")}
            for name, row in (("cases", case), ("case_steps", step)):
                columns = [column for column in tables[name].columns if not column.nullable]
                values = {column.name: value_for(column) for column in columns} | row
                known = {key: value for key, value in values.items() if key in tables[name].columns}
                connection.execute(tables[name].insert().values(**known))


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
    values = {int: 1, float: 0.5, str: "waiting", bool: True, bytes: b"sealed"}
    values |= {datetime: START, date: START.date(), time: START.time()}
    return values.get(kind, [])
