"""What the bot does in the sandbox, and how open pages hear of it."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.content import Card, Text
from bot.delivery import Delivery, Refused, Uncertain
from bot.platforms.sandbox import SandboxPlatform
from bot.platforms.sandbox.feed import BACKLOG, Feed
from models.database import Database
from tests.conftest import START, StandingClock
from tests.contracts.sandbox_app import LESSON, Sandbox, sandbox
from tests.fakes.intake import StubIntake
from tests.fakes.services import services


@pytest.fixture
def page(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(database, clock, tmp_path / "photos") as served:
        yield served


@pytest.fixture
def platform(database: Database, clock: StandingClock, tmp_path: Path) -> SandboxPlatform:
    return SandboxPlatform(
        database, services(StubIntake(), clock, database=database, folder=tmp_path / "photos"), clock
    )


def events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream as they come."""
    name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


# Listening


def test_pages_hear_of_every_change(page: Sandbox) -> None:
    with page.client.stream("GET", "/sandbox/events") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        heard = events(response)
        assert next(heard) == ("hello", {"now": START.isoformat()})
        page.say("发卡")
        shown = [next(heard)[1]["bubble"] for _ in range(2)]
        assert [bubble["sender"] for bubble in shown] == ["u4", ""]
        assert shown == page.log()
        assert shown[1]["reply_to"] == shown[0]["uuid"]
        page.say("更新")
        changed = [next(heard)[1]["bubble"] for _ in range(2)][1]
        assert (changed["uuid"], changed["content"]["title"]) == (shown[1]["uuid"], "📋 签到结束")
        page.say("打勾")
        ticked = [next(heard)[1]["bubble"] for _ in range(2)]
        assert [bubble["ticked"] for bubble in ticked] == [False, True]


def test_all_pages_hear_the_same(page: Sandbox) -> None:
    with (
        page.client.stream("GET", "/sandbox/events") as one,
        page.client.stream("GET", "/sandbox/events") as other,
    ):
        first, second = events(one), events(other)
        assert next(first) == next(second)
        page.say()
        assert next(first) == next(second)


def test_a_page_that_falls_behind_is_cut_off(clock: StandingClock) -> None:
    async def fall_behind() -> list[str]:
        feed = Feed(clock)
        stream = feed.listen()
        heard = [await anext(stream)]
        for number in range(BACKLOG + 1):
            feed.publish("bubble", {"number": number})
        return heard + [event async for event in stream]

    assert len(asyncio.run(fall_behind())) == 1, "it comes again and reads the log"


def test_pages_are_let_go_when_the_server_stops(platform: SandboxPlatform) -> None:
    async def stop() -> list[str]:
        stream = platform.feed.listen()
        heard = [await anext(stream)]
        await platform.close()
        return heard + [event async for event in stream] + [event async for event in platform.feed.listen()]

    assert len(asyncio.run(stop())) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pages_are_let_go_before_the_server_hears_of_its_end(platform: SandboxPlatform, number: signal.Signals) -> None:
    told: list[int] = []

    def server(told_of: int, _: object) -> None:
        told.append(told_of)

    async def stop() -> list[str]:
        await platform.start()
        stream = platform.feed.listen()
        heard = [await anext(stream)]
        signal.raise_signal(number)
        heard += [event async for event in stream]
        await platform.close()
        return heard

    before = signal.signal(number, server)
    try:
        assert len(asyncio.run(stop())) == 1
        assert told == [number]
        assert signal.getsignal(number) is server, "the signal is given back"
    finally:
        signal.signal(number, before)


def test_a_quiet_connection_is_shown_to_be_alive(clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.sandbox.feed.BEAT", 0.01)

    async def wait() -> str:
        stream = Feed(clock).listen()
        await anext(stream)
        return await anext(stream)

    assert asyncio.run(wait()).startswith("event: beat\n")


# Sending


def test_a_uuid_posts_once(platform: SandboxPlatform) -> None:
    async def send_twice() -> set[str]:
        delivery = Delivery("a" * 32, "branch", False, Text("你好"))
        return set(await asyncio.gather(*(platform.send(delivery) for _ in range(5))))

    assert asyncio.run(send_twice()) == {"a" * 32}
    (bubble,) = platform.cloud.latest("branch")
    content = {"text": "你好", "mentions": [], "kind": "text"}
    assert (bubble.sender, bubble.at, bubble.as_json()["content"]) == ("", START, content)


def test_what_goes_to_a_person_lands_in_the_private_chat(platform: SandboxPlatform) -> None:
    asyncio.run(platform.send(Delivery("b" * 32, "u4", True, LESSON)))
    assert platform.cloud.latest("branch") == []
    (bubble,) = platform.cloud.latest("private:u4")
    assert bubble.card() == LESSON


def test_a_tick_and_an_update_may_come_twice(platform: SandboxPlatform) -> None:
    async def change() -> None:
        await platform.send(Delivery("c" * 32, "branch", False, LESSON))
        for _ in range(2):
            await platform.react("c" * 32, chat="branch")
            await platform.update("c" * 32, Card("结束"), private=False)

    asyncio.run(change())
    (bubble,) = platform.cloud.latest("branch")
    assert (bubble.ticked, bubble.card()) == (True, Card("结束"))


def test_what_is_not_there_is_refused_for_good(platform: SandboxPlatform) -> None:
    with pytest.raises(Refused):
        asyncio.run(platform.react("none", chat="branch"))
    with pytest.raises(Refused):
        asyncio.run(platform.update("none", Card("x"), private=False))


def test_what_people_said_cannot_be_updated(platform: SandboxPlatform) -> None:
    platform.cloud.say("d" * 32, "branch", "u4", "签到", [], START)
    with pytest.raises(Refused):
        asyncio.run(platform.update("d" * 32, Card("x"), private=False))


def test_a_database_that_does_not_answer_leaves_it_open(platform: SandboxPlatform, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sandbox_messages")
    with pytest.raises(Uncertain):
        asyncio.run(platform.send(Delivery("e" * 32, "branch", False, Text("x"))))


def test_it_can_do_everything_and_forgets_no_uuid() -> None:
    limits = SandboxPlatform.limits
    assert limits.reactions
    assert limits.updates
    assert limits.once_for == float("inf")
