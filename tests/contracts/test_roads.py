"""What holds on every road: redelivery has one effect, faults lose nothing, and bad photos are refused."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import func, select, update

import bot.platforms.wecom_aibot as aibot
from bot.app import Server
from bot.content import Text
from bot.platforms.wecom_aibot.protocol import Timing
from bot.posting import Address, Posting
from bot.web.demo import seed_demo
from models.cases import Case
from models.database import Database
from models.downloads import Download, DownloadState
from models.outbox import Post, PostState, waiting
from tests.conftest import StandingClock, empty_database
from tests.dialogues.everywhere import id_of, move, served, server_for, settle
from tests.dialogues.worlds import (
    AccountWorld,
    AppWorld,
    CallbackWorld,
    Fault,
    FeishuWorld,
    Photo,
    SocketWorld,
    World,
    squeezed,
)
from tests.fakes.pictures import bomb

WORLDS: tuple[Callable[[], World], ...] = (FeishuWorld, SocketWorld, CallbackWorld, AppWorld, AccountWorld)
NAMES = ("feishu", "aibot socket", "aibot callback", "app", "account")
WHO = id_of("小李")
LATER = (timedelta(seconds=5), timedelta(seconds=10), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=5))
"""From one delivery to the next; Feishu's last is six hours and some minutes after the first."""
WORDS = ("第一条", "第二条", "第三条", "第四条")
OUTAGE = 11
"""Refusals in a row: with the outbox's pauses (1 s, 2 s, 4 s … 300 s) a cloud that is down for over ten minutes."""

pytestmark = pytest.mark.anyio


@dataclass
class Product:
    """The product, served to one world."""

    world: World
    server: Server
    database: Database
    clock: StandingClock

    async def say(self, text: str, photo: Photo | None = None) -> None:
        """小李 writes in private."""
        await self.world.say(WHO, WHO, text, private=True, photo=photo)

    def count(self, model: type) -> int:
        """Rows of a table."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def heard(self, where: str = WHO) -> str:
        """All that was said there, in order."""
        return "\n".join(squeezed(seen.words) for seen in self.world.seen() if seen.where == where)

    async def until(self, check: Callable[[], bool]) -> None:
        """Waits for something to happen."""
        async with asyncio.timeout(20):
            while not check():
                await asyncio.sleep(0.02)


@pytest.fixture(params=["sqlite"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What the databases differ in is shown elsewhere; here it is the roads."""
    return empty_database(request, tmp_path)


@pytest.fixture(params=WORLDS, ids=NAMES)
async def road(
    request: pytest.FixtureRequest,
    database: Database,
    tmp_path: Path,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Product]:
    """The product on each road; the long connection's patience is short."""
    monkeypatch.setattr(aibot, "Timing", partial(Timing, ack=0.3, first_pause=0.05, longest_pause=0.1))
    world: World = request.param()
    with world:
        seed_demo(database, clock())
        move(database, world)
        server = server_for(world, database, tmp_path, clock)
        async with served(server, world, clock):
            yield Product(world, server, database, clock)


async def test_redelivery_for_hours_has_one_effect_and_the_same_answer(road: Product) -> None:
    await road.say("幸福里东门井盖没了")
    await settle(road.server, road.database, road.clock, 1)
    said = road.world.seen()
    for wait in LATER:
        road.clock.move_to(road.clock() + wait)
        await road.world.again()
        await settle(road.server, road.database, road.clock, 1)
    assert road.count(Case) == 1
    assert road.world.seen() == said
    assert not road.world.doubles()


@pytest.mark.parametrize("fault", get_args(Fault))
async def test_faults_lose_nothing_and_keep_the_order(road: Product, fault: Fault) -> None:
    await ready_to_post(road)
    road.world.fail(fault, OUTAGE if fault == "down" else 2 if fault in ("busy", "html") else 1)
    where = address(road)
    post(road, where)
    async with impatient(road):
        await road.until(lambda: waiting_posts(road) == 0)
    heard = re.findall("|".join(WORDS), road.heard(where.ref))
    assert list(dict.fromkeys(heard)) == list(WORDS)
    doubles = int(fault == "lost" and road.world.platform != "feishu")
    assert len(heard) <= len(WORDS) + doubles, "only the one in flight, where the cloud knows no key for it"


async def ready_to_post(road: Product) -> None:
    """小李 has written, where nobody may be written to before."""
    await road.say("谢谢")
    await settle(road.server, road.database, road.clock, 1)


def address(road: Product) -> Address:
    """小李; for a robot that cannot push by itself the group that has a push robot."""
    platform = road.world.platform
    if isinstance(road.world, CallbackWorld):
        return Address(platform, "main", id_of("支部群"))
    return Address(platform, "main", WHO, to_person=True)


def post(road: Product, where: Address) -> None:
    with road.database.write.begin() as session:
        posting = Posting(session, road.clock(), road.server.roads)
        for words in WORDS:
            posting.post(where, Text(words))
        posting.write()
    road.server.outbox.announce()


def waiting_posts(road: Product) -> int:
    with road.database.read() as session:
        states = set(session.scalars(select(Post.state)))
        assert not states & {PostState.DEAD, PostState.MISSED, PostState.HELD}
        return session.scalar(select(func.count()).where(waiting())) or 0


@asynccontextmanager
async def impatient(road: Product) -> AsyncIterator[None]:
    """Every pause before another attempt is over at once."""

    def hurry() -> None:
        with road.database.write.begin() as session:
            session.execute(update(Post).where(Post.retry_at.is_not(None)).values(retry_at=None))
        road.server.outbox._paused.clear()
        road.server.outbox._pace.clear()
        road.server.outbox.announce()

    async def keep_hurrying() -> None:
        while True:
            await asyncio.to_thread(hurry)
            await asyncio.sleep(0.03)

    hurrying = asyncio.create_task(keep_hurrying())
    yield
    hurrying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await hurrying


PHOTOS: tuple[tuple[Photo, str], ...] = (
    (bomb(), "像素太高"),
    (b"<html>" * 100, "打不开"),
    ("endless", "太大"),
    ("forbidden", "片"),
)
"""And what the person is told."""


async def test_bad_photos_are_refused_and_the_person_told(road: Product, caplog: pytest.LogCaptureFixture) -> None:
    await road.say("幸福里东门井盖没了")
    with caplog.at_level(logging.INFO):
        for number, (photo, why) in enumerate(PHOTOS, 1):
            if photo != "forbidden" or road.world.groups:  # elsewhere it is the product that decides where to fetch
                await road.say("", photo)
                await road.until(lambda wanted=number: len(refused(road)) == wanted)  # type: ignore[misc]
                await settle(road.server, road.database, road.clock, 1 + number)
                assert squeezed(why) in told(road)
    for message_id in refused(road):
        assert f"a photo of message {message_id} was refused" in caplog.text
    assert "://" not in "".join(message for message in caplog.messages if "photo" in message)
    assert not list((road.server.settings.bot.data_dir / "photos").iterdir())


def refused(road: Product) -> list[int]:
    """The messages whose photos were refused."""
    with road.database.read() as session:
        query = select(Download.message_id).where(Download.state == DownloadState.REFUSED)
        return list(session.scalars(query))


def told(road: Product) -> str:
    """What 小李 heard, or will hear when writing again."""
    with road.database.read() as session:
        held = list(session.scalars(select(Post).where(Post.state == PostState.HELD)))
    return road.heard() + "".join(squeezed(post.content.decode()) for post in held)
