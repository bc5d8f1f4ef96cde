"""Migrations: from empty, again, and in step with the models, on both databases."""

from sqlalchemy import inspect

from models.base import Base
from models.database import Database
from tests.schema import differences


def test_migrations_are_in_step_with_the_models(database: Database) -> None:
    assert differences(database) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = sorted(inspect(database.engine).get_table_names())
    database.upgrade()
    assert sorted(inspect(database.engine).get_table_names()) == before
    assert set(Base.metadata.tables) | {"alembic_version"} == set(before)
