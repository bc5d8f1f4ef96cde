"""One owner at a time: of several processes only one may hold a bot's connection."""

import asyncio
import logging
import secrets
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.clock import system_clock
from models.database import Database
from models.leases import acquire, release

LENGTH = timedelta(seconds=30)
"""For how long ownership lasts without being renewed: the wait after its process was killed."""
RENEWAL = 10.0
"""Seconds between two renewals: twice may fail."""

_log = logging.getLogger(__name__)


class Ownership:
    """This process's claim on ``name``, kept as a lease in the database."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._owner = secrets.token_hex(8)

    async def hold(self) -> bool:
        """Takes or renews the ownership. False while another process has it, or the database does not answer."""
        return await asyncio.to_thread(self._hold)

    async def release(self) -> None:
        """Gives it up, so that another process need not wait for its end."""
        await asyncio.to_thread(self._release)

    def _hold(self) -> bool:
        try:
            with self._database.write.begin() as session:
                return acquire(session, self._name, self._owner, system_clock(), LENGTH)
        except SQLAlchemyError as error:
            _log.warning("ownership of %s could not be asked for: %s", self._name, type(error).__name__)
            return False

    def _release(self) -> None:
        try:
            with self._database.write.begin() as session:
                release(session, self._name, self._owner, system_clock())
        except SQLAlchemyError as error:  # it ends by itself
            _log.warning("ownership of %s could not be given up: %s", self._name, type(error).__name__)
