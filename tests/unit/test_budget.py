"""Budgets let through all that a platform allows and nothing more."""

from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.budget import SWEEP_FROM, Budget, Rate

ROBOT = (Rate(30, 60.0), Rate(1000, 3600.0))


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_thirty_a_minute(seconds: Seconds) -> None:
    budget = Budget(ROBOT, seconds)
    assert [budget.take("a") for _ in range(31)] == [True] * 30 + [False]
    assert budget.wait("a") == 60.0
    assert budget.wait("b") == 0.0
    seconds.now += 59
    assert not budget.take("a")
    assert budget.wait("a") == 1.0
    seconds.now += 1
    assert budget.wait("a") == 0.0
    assert budget.take("a")


def test_a_thousand_an_hour(seconds: Seconds) -> None:
    budget = Budget(ROBOT, seconds)
    for _ in range(1000):
        assert budget.take("a")
        seconds.now += 2
    assert budget.wait("a") == 1600.0
    seconds.now += 1600
    assert budget.take("a")
    assert budget.wait("a") == 2.0


def test_reserve_is_left_for_who_asks_for_less(seconds: Seconds) -> None:
    budget = Budget((Rate(5, 60.0),), seconds)
    assert [budget.take("a", reserve=2) for _ in range(4)] == [True, True, True, False]
    assert budget.wait("a", reserve=2) == 60.0
    assert [budget.take("a") for _ in range(3)] == [True, True, False]


def test_reserve_that_is_never_left(seconds: Seconds) -> None:
    with pytest.raises(ValueError, match="never left"):
        Budget((Rate(5, 60.0),), seconds).take("a", reserve=5)


@pytest.mark.parametrize("rates", [(), (Rate(0, 1.0),), (Rate(1, 0.0),)])
def test_rates_that_allow_nothing(rates: tuple[Rate, ...], seconds: Seconds) -> None:
    with pytest.raises(ValueError, match="rates above nothing"):
        Budget(rates, seconds)


def test_quiet_keys_are_forgotten(seconds: Seconds) -> None:
    budget = Budget((Rate(2, 60.0),), seconds)
    for number in range(20 * SWEEP_FROM):
        assert budget.take(f"chat {number}")
        seconds.now += 0.1
    assert len(budget._taken) <= 2 * SWEEP_FROM


def test_one_key_keeps_only_what_counts(seconds: Seconds) -> None:
    budget = Budget((Rate(5, 1.0), Rate(10, 4.0)), seconds)
    for _ in range(1000):
        budget.take("a")
        seconds.now += 0.1
    assert len(budget._taken["a"]) <= 10


@given(
    st.lists(st.builds(Rate, st.integers(1, 6), st.integers(1, 20).map(float)), min_size=1, max_size=3).map(tuple),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 8), st.integers(0, 2)), max_size=80),
)
def test_exactly_what_the_platform_counts(rates: tuple[Rate, ...], steps: list[tuple[str, int, int]]) -> None:
    """Against a plain count of everything that was ever taken; after each wait there is room, and not before."""
    seconds = Seconds()
    budget = Budget(rates, seconds)
    taken: dict[str, list[float]] = {"a": [], "b": []}
    for key, pause, wanted in steps:
        seconds.now += pause
        reserve = min(wanted, *(rate.limit - 1 for rate in rates))
        counts = [sum(at > seconds.now - rate.seconds for at in taken[key]) for rate in rates]
        room = all(count + 1 + reserve <= rate.limit for count, rate in zip(counts, rates, strict=True))
        assert (budget.wait(key, reserve=reserve) == 0) == room
        assert budget.take(key, reserve=reserve) == room
        if room:
            taken[key].append(seconds.now)
            continue
        wait = budget.wait(key, reserve=reserve)
        seconds.now += wait - 0.5
        assert budget.wait(key, reserve=reserve) == 0.5
        seconds.now += 0.5
        assert budget.wait(key, reserve=reserve) == 0


@pytest.mark.anyio
async def test_a_turn_that_is_near_is_waited_for_and_a_far_one_is_named() -> None:
    budget = Budget((Rate(1, 0.2),), monotonic)
    assert await budget.turn("a", 1.0) == 0.0
    before = monotonic()
    assert await budget.turn("a", 1.0) == 0.0
    assert monotonic() - before >= 0.19
    assert 0.1 < await budget.turn("a", 0.01) <= 0.2
