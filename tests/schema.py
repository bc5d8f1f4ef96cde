"""Whether migrations are in step with the models: ``python -m tests.schema``."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.base import Base
from models.database import Database


def differences(database: Database) -> list[Any]:
    """What a new migration would have to do, for a database whose schema is at its head."""
    with database.engine.connect() as connection:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
        )


def main() -> int:
    """Exit code 1, and the differences, where a migration is missing."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'schema.db'}")
        database.upgrade()
        found = differences(database)
        database.close()
    for difference in found:
        sys.stderr.write(f"no migration for: {difference}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
