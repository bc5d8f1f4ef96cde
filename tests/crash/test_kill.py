"""``kill -9`` at any instant loses nothing and doubles nothing."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bot.clock import system_clock
from bot.roster import import_roster, read_roster
from models.database import Database
from models.inbox import Claim, Outcome
from models.lessons import CheckIn, Lesson
from models.outbox import Post, PostKind, PostState
from models.points import PointEntry
from models.sealing import load_key, unlock
from tests.fakes.city import City, write_config
from tests.fakes.feishu_callbacks import Callback
from tests.fakes.feishu_cloud import FeishuCloud, Record
from tests.fakes.product import Product
from tests.fakes.serving import free_port

PEOPLE = 1500
BRANCHES = 86
KILLS = 5
AT_ONCE = 48
DRAINED_WITHIN = 120.0


class Deliverer:
    """Delivers callbacks as Feishu does, only faster: what is not answered 200 comes again until it is."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/webhooks/feishu/main"
        self.delivered = 0

    async def deliver(self, callbacks: Iterable[Callback]) -> None:
        waiting = asyncio.Queue[Callback]()
        for callback in callbacks:
            waiting.put_nowait(callback)
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(limits=limits, timeout=10) as client, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(client, waiting))

    async def _work(self, client: httpx.AsyncClient, waiting: asyncio.Queue[Callback]) -> None:
        while not waiting.empty():
            callback = waiting.get_nowait()
            while not await self._once(client, callback):
                await asyncio.sleep(0.2)
            self.delivered += 1

    async def _once(self, client: httpx.AsyncClient, callback: Callback) -> bool:
        try:
            response = await client.post(self._url, content=callback.body, headers=callback.headers)
        except httpx.TransportError:
            return False
        return response.status_code == 200


async def kill_in_between(product: Product, deliverer: Deliverer, total: int) -> None:
    """Five kills, spread at random over the deliveries."""
    chance = random.Random(20261121)
    for point in sorted(chance.randrange(total // 20, total - total // 20) for _ in range(KILLS)):
        while deliverer.delivered < point:
            await asyncio.sleep(0.005)
        await asyncio.to_thread(product.kill)
        await asyncio.to_thread(product.start)


async def play(city: City, product: Product) -> None:
    deliverer = Deliverer(product.url)
    await deliverer.deliver(city.everywhere("绑定 {branch}"))
    await deliverer.deliver(city.everywhere("开课 10分钟微课堂 交通安全"))
    check_ins = [*city.everyone("签到")] * 2
    random.Random(7).shuffle(check_ins)
    deliverer = Deliverer(product.url)
    async with asyncio.TaskGroup() as group:
        group.create_task(deliverer.deliver(check_ins))
        group.create_task(kill_in_between(product, deliverer, len(check_ins)))


def wait_until_drained(database: Database) -> None:
    end = time.monotonic() + DRAINED_WITHIN
    while time.monotonic() < end:
        with database.read() as session:
            if not session.scalar(select(func.count()).where(Post.state == PostState.WAITING)):
                return
        time.sleep(0.5)
    raise AssertionError("the outbox did not drain")


def acknowledged(city: City, record: Record, senders: dict[str, str]) -> Counter[str]:
    """How often each person was acknowledged: by ticks on their messages and by name in merged lines."""
    ticks = Counter(senders[reaction.message_id] for reaction in record.reactions)
    lines = [post.content["text"] for post in record.posts if post.content.get("text", "").startswith("✅ 已签到")]
    named = Counter(name for line in lines for name in re.findall(r"骑手\d{5}", line))
    return ticks + named


@pytest.mark.anyio
async def test_five_kills_lose_nothing_and_double_nothing(database_address: str, tmp_path: Path) -> None:
    city = City(PEOPLE, BRANCHES)
    city.write_roster(tmp_path / "roster.csv")
    unlock(load_key(tmp_path / "data" / "keys" / "master.key"))
    database = Database(database_address)
    with database.write.begin() as session:
        import_roster(session, read_roster(tmp_path / "roster.csv"), system_clock())
    port = free_port()
    with FeishuCloud() as cloud:
        config = write_config(tmp_path, port=port, api_base=cloud.url, database_url=database_address)
        product = Product(config, port)
        product.start()
        try:
            await play(city, product)
            await asyncio.to_thread(wait_until_drained, database)
        finally:
            product.stop()
        check(city, database, cloud.record)
    assert "Traceback" not in product.log()
    database.close()


def check(city: City, database: Database, record: Record) -> None:
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Lesson)) == BRANCHES
        per_person = Counter(session.scalars(select(CheckIn.person_id)))
        assert len(per_person) == PEOPLE
        assert set(per_person.values()) == {1}
        assert session.scalar(select(func.sum(PointEntry.points))) == 2 * PEOPLE
        assert not session.scalar(select(func.count()).where(Claim.outcome == Outcome.DEAD))
        assert not session.scalar(select(func.count()).where(Post.state == PostState.DEAD))
        acks = select(func.count()).where(Post.kind == PostKind.ACKNOWLEDGE)
        assert session.scalar(acks) == PEOPLE
        sources = session.execute(select(Post.ref, Claim.sender).join(Claim, Claim.id == Post.message_id)).all()
    names = {rider.open_id: rider.name for rider in city.riders}
    counts = acknowledged(city, record, {ref: names[sender] for ref, sender in sources})
    assert counts == Counter(rider.name for rider in city.riders)
    assert record.double_posts == {}
