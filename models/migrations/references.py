"""What migrations share."""

import sqlalchemy as sa
from alembic import op


def refer(table: str, column: str, to: str) -> None:
    """Adds a column that refers to another table. SQLite takes the reference with the column, and never afterwards."""
    name = f"fk_{table}_{column}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER CONSTRAINT {name} REFERENCES {to} (id)")
    else:
        op.add_column(table, sa.Column(column, sa.BigInteger(), nullable=True))
        op.create_foreign_key(name, table, to, [column], ["id"])
