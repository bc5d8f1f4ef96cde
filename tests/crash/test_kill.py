"""``kill -9`` at any instant loses nothing and doubles nothing."""

import asyncio
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.inbox import Claim, Outcome
from models.lessons import CheckIn, Lesson
from models.outbox import Post, PostKind, PostState
from models.points import PointEntry
from tests.fakes.city import City, write_config
from tests.fakes.delivery import Deliverer, acknowledged, wait_until_drained
from tests.fakes.feishu_cloud import FeishuCloud, Record
from tests.fakes.product import Product
from tests.fakes.serving import free_port

PEOPLE = 300
BRANCHES = 86
KILLS = 5


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


@pytest.mark.anyio
async def test_five_kills_lose_nothing_and_double_nothing(database_address: str, tmp_path: Path) -> None:
    city = City(PEOPLE, BRANCHES)
    port = free_port()
    with closing(city.settle(tmp_path, database_address)) as database, FeishuCloud() as cloud:
        config = write_config(tmp_path, port=port, api_base=cloud.url, database_url=database_address)
        product = Product(config, port)
        try:
            product.start()
            await play(city, product)
            await asyncio.to_thread(wait_until_drained, database)
        finally:
            product.stop()
        check(city, database, cloud.record)
    assert "Traceback" not in product.log()


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
    counts = acknowledged(record, {ref: names[sender] for ref, sender in sources})
    assert counts == Counter(rider.name for rider in city.riders)
    assert record.double_posts == {}
