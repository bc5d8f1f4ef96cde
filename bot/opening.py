"""The database of this installation, opened as every command and every worker wants it."""

from sqlalchemy.exc import IntegrityError

from bot.settings import Settings
from models.database import Database
from models.keycheck import check_key
from models.sealing import load_key, unlock


def open_database(settings: Settings) -> Database:
    """The database with its schema up to date and the sealing key loaded. Raises Locked under a wrong key."""
    unlock(load_key(settings.bot.data_dir / "keys" / "master.key"))
    database = Database(settings.database.url)
    database.upgrade()
    try:
        _check_key(database)
    except IntegrityError:  # another process has just begun the database
        _check_key(database)
    return database


def _check_key(database: Database) -> None:
    with database.write.begin() as session:
        check_key(session)
