"""Of several processes on one database only one owns a bot's connection."""

from datetime import timedelta

import pytest
from sqlalchemy import exc, update

from bot import ownership
from bot.clock import system_clock
from bot.ownership import Ownership
from models.database import Database
from models.leases import Lease

pytestmark = pytest.mark.anyio


async def test_one_owner_until_it_gives_up(database: Database) -> None:
    first, second = Ownership(database, "wecom_aibot:main"), Ownership(database, "wecom_aibot:main")
    assert await first.hold()
    assert not await second.hold()
    assert await first.hold(), "the owner renews"
    await first.release()
    assert await second.hold()
    assert not await first.hold()


async def test_an_owner_that_was_killed_is_followed(database: Database) -> None:
    first, second = Ownership(database, "wecom_aibot:main"), Ownership(database, "wecom_aibot:main")
    assert await first.hold()
    with database.write.begin() as session:
        session.execute(update(Lease).values(until=system_clock() - timedelta(seconds=1)))
    assert await second.hold()
    assert not await first.hold()


async def test_bots_are_owned_one_by_one(database: Database) -> None:
    assert await Ownership(database, "wecom_aibot:main").hold()
    assert await Ownership(database, "wecom_aibot:east").hold()


async def test_a_database_that_does_not_answer_is_no_ownership(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever kind of error that is: all connections may be in use, too."""

    def busy(*_: object) -> bool:
        raise exc.TimeoutError("QueuePool limit reached")

    monkeypatch.setattr(ownership, "acquire", busy)
    monkeypatch.setattr(ownership, "release", busy)
    mine = Ownership(database, "wecom_aibot:main")
    assert not await mine.hold()
    await mine.release()
