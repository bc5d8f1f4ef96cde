"""Access tokens are fetched once for all who need one, early enough, and never twice for one call."""

import asyncio
from datetime import timedelta

import pytest

from bot.clock import MovableClock
from bot.delivery import RetryLater
from bot.platforms.token import AccessToken

pytestmark = pytest.mark.anyio


class Source:
    """Gives out ``t1``, ``t2`` … when ``gate`` is open."""

    def __init__(self, seconds: float = 7200.0) -> None:
        self.fetched = 0
        self.seconds = seconds
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> tuple[str, float]:
        self.fetched += 1
        await self.gate.wait()
        if self.failing:
            raise RetryLater("40001", 60.0, everything=True)
        return f"t{self.fetched}", self.seconds


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def token(source: Source, clock: MovableClock) -> AccessToken:
    return AccessToken(source.fetch, clock)


async def test_one_fetch_for_all(token: AccessToken, source: Source) -> None:
    assert set(await asyncio.gather(*(token.get() for _ in range(20)))) == {"t1"}
    assert set(await asyncio.gather(*(token.get(stale="t1") for _ in range(20)))) == {"t2"}
    assert await token.get(stale="t1") == "t2"
    assert source.fetched == 2


@pytest.mark.parametrize(("seconds", "early"), [(7200.0, 600.0), (60.0, 6.0)])
async def test_renewed_early(
    token: AccessToken, source: Source, clock: MovableClock, seconds: float, early: float
) -> None:
    source.seconds = seconds
    await token.get()
    clock.move_to(clock() + timedelta(seconds=seconds - early - 1))
    assert await token.get() == "t1"
    clock.move_to(clock() + timedelta(seconds=1))
    assert await token.get() == "t2"


async def test_failure_reaches_all_and_is_not_kept(token: AccessToken, source: Source) -> None:
    source.failing = True
    results = await asyncio.gather(*(token.get() for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [RetryLater] * 5
    assert source.fetched == 1
    source.failing = False
    assert await token.get() == "t2"


async def test_who_gives_up_does_not_take_it_from_the_others(token: AccessToken, source: Source) -> None:
    source.gate.clear()
    impatient, patient = asyncio.create_task(token.get()), asyncio.create_task(token.get())
    await asyncio.sleep(0)
    impatient.cancel()
    source.gate.set()
    assert await patient == "t1"
    assert source.fetched == 1


async def test_close_ends_a_fetch(token: AccessToken, source: Source) -> None:
    source.gate.clear()
    waiting = asyncio.create_task(token.get())
    await asyncio.sleep(0)
    await token.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
