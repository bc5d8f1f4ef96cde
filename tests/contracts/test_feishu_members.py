"""Who is in the groups: lists read from the fake cloud over a real port, and the events in between."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.clock import MovableClock
from bot.messages import IncomingMessage
from bot.platforms.feishu import FeishuPlatform, members
from bot.platforms.feishu.client import FeishuClient
from tests.contracts.feishu_app import callbacks, feishu_settings, platform_for, serving
from tests.fakes.feishu_callbacks import Callback
from tests.fakes.feishu_cloud import Fault, FeishuCloud, Member
from tests.fakes.intake import StubIntake

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
LI, ZHANG = Member("ou_li", "小李"), Member("ou_zhang", "小张")


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        yield serving


@pytest.fixture
def intake() -> StubIntake:
    return StubIntake()


@pytest.fixture
def platform(cloud: FeishuCloud, intake: StubIntake) -> FeishuPlatform:
    return platform_for(intake, feishu_settings(cloud.url))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short, for tests of what is waited for."""
    monkeypatch.setattr(members, "LONGEST_WAIT", 0.02)
    monkeypatch.setattr(members, "NO_ANSWER", 0.02)


def lists(intake: StubIntake) -> dict[str, set[str]]:
    """The people of the chats that became known."""
    return {message.chat: {member.name for member in message.members} for message in people(intake)}


def people(intake: StubIntake) -> list[IncomingMessage]:
    return [message for message in intake.messages if message.kind == "members"]


async def until(true: Callable[[], object]) -> None:
    """Waits until it is true, at most ten seconds; then the assertions tell what is missing."""
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        await asyncio.sleep(0.01)


def post(address: str, callback: Callback) -> None:
    assert httpx.post(address, content=callback.body, headers=callback.headers).status_code == 200


# All groups, at the start and once a day


async def test_all_groups_are_read_at_the_start(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "PAGE", "20")
    crowd = [Member(f"ou_{n}", f"骑手{n}", joined=n // 7) for n in range(130)]
    cloud.add_chat("oc_1", "幸福里流动党支部", [*crowd, Member("ou_bot", "小蜂", bot=True)])
    for number in range(2, 26):
        cloud.add_chat(f"oc_{number}", f"第{number}支部", [LI])
    await platform.start()
    await until(lambda: len(people(intake)) == 25)
    await platform.close()
    found = {message.chat: message for message in people(intake)}
    assert len(found) == 25
    assert {member.ref for member in found["oc_1"].members} == {member.open_id for member in crowd}
    first = found["oc_1"]
    assert (first.sender, first.private, first.chat_title, first.text) == ("", False, "幸福里流动党支部", "")
    assert first.whole
    assert not cloud.record.refusals


async def test_a_list_that_was_not_read_to_its_end_is_not_taken_for_everybody(
    cloud: FeishuCloud,
    platform: FeishuPlatform,
    intake: StubIntake,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(members, "PAGE", "20")
    monkeypatch.setattr(members, "MOST_PAGES", 2)
    cloud.add_chat("oc_1", "幸福里流动党支部", [Member(f"ou_{n}", f"骑手{n}") for n in range(50)])
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    (message,) = people(intake)
    assert (len(message.members), message.whole) == (40, False)
    assert "oc_1/members was not read to its end" in caplog.text


async def test_a_list_is_as_old_as_its_first_page(
    cloud: FeishuCloud, intake: StubIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who came while the others were read is not in it, and has not left either."""
    cloud.add_chat("oc_1", "幸福里流动党支部", [Member(f"ou_{n}", f"骑手{n}") for n in range(250)])
    clock = MovableClock(base=lambda: START)
    call = FeishuClient.call

    async def slow_call(self: FeishuClient, method: str, path: str, **rest: Any) -> dict[str, Any]:
        answer = await call(self, method, path, **rest)
        if path.endswith("/members"):
            clock.move_to(clock() + timedelta(minutes=1))
        return answer

    monkeypatch.setattr(FeishuClient, "call", slow_call)
    platform = platform_for(intake, feishu_settings(cloud.url), clock)
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    (message,) = people(intake)
    assert (len(message.members), message.sent_at) == (250, START)
    assert clock() == START + timedelta(minutes=3)


async def test_nothing_happens_where_nothing_changed(cloud: FeishuCloud, intake: StubIntake) -> None:
    for expected in ([LI, ZHANG], [ZHANG, LI], [LI]):
        cloud.add_chat("oc_1", "幸福里流动党支部", expected)
        platform = platform_for(intake, feishu_settings(cloud.url))
        before = cloud.record.requests["members"]
        await platform.start()
        await until(lambda asked=before: cloud.record.requests["members"] > asked)  # type: ignore[misc]
        await asyncio.sleep(0.05)
        await platform.close()
    assert [len(message.members) for message in people(intake)] == [2, 1]


async def test_starting_does_not_wait(cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake) -> None:
    cloud.break_down(60)
    before = time.monotonic()
    await platform.start()
    assert time.monotonic() - before < 1
    await platform.close()
    assert not intake.messages


async def test_nobody_there_and_then_somebody(
    cloud: FeishuCloud,
    platform: FeishuPlatform,
    intake: StubIntake,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(members, "PATIENCE", 1)
    monkeypatch.setattr(members, "AGAIN_AFTER", 0.05)
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI])
    cloud.break_down(0.3)
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    assert lists(intake) == {"oc_1": {"小李"}}
    assert "remain unknown" in caplog.text


async def test_all_groups_are_read_again_every_day(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "EVERY", 0.05)
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI])
    await platform.start()
    await until(lambda: people(intake))
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI, ZHANG])
    await until(lambda: len(people(intake)) == 2)
    await platform.close()
    assert lists(intake) == {"oc_1": {"小李", "小张"}}


async def test_a_group_that_cannot_be_read_does_not_stop_the_others(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        cloud.add_chat(f"oc_{number}", f"第{number}支部", [LI])
    cloud.refuse("oc_2", 232011)
    await platform.start()
    await until(lambda: len(people(intake)) == 2)
    await platform.close()
    assert set(lists(intake)) == {"oc_1", "oc_3"}
    assert "oc_2 cannot be read: 232011" in caplog.text


@pytest.mark.parametrize("fault", ["throttled", "error_500", "html", "cut_answer", "expired_token"])
async def test_troubles_that_pass(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake, impatient: None, fault: Fault
) -> None:
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI])
    cloud.fail_next(fault, 2, api="chats")
    cloud.fail_next(fault, 2, api="members")
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    assert lists(intake) == {"oc_1": {"小李"}}


async def test_what_feishu_asks_to_wait_is_waited(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake
) -> None:
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI])
    cloud.fail_next("chat_throttled", api="members")
    before = time.monotonic()
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    assert people(intake)
    assert time.monotonic() - before >= 1.0


async def test_what_cannot_be_committed_is_read_again(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "AGAIN_AFTER", 0.05)
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI])
    intake.unavailable = 1
    await platform.start()
    await until(lambda: people(intake))
    await platform.close()
    assert lists(intake) == {"oc_1": {"小李"}}


# A group that the bot was just added to


async def test_people_are_read_after_the_bot_was_added(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake
) -> None:
    cloud.add_chat("oc_1", "幸福里流动党支部", [LI, ZHANG])
    with serving(platform) as address:
        added = callbacks().bot_added(chat="oc_1")
        await asyncio.to_thread(post, address, added)
        await until(lambda: people(intake))
        await asyncio.to_thread(post, address, added)
        await asyncio.sleep(0.1)
    joined, known = intake.messages
    assert (joined.kind, known.kind) == ("joined", "members")
    assert known.key == f"members:{joined.key}"
    assert known.chat_title == joined.chat_title
    assert lists(intake) == {"oc_1": {"小李", "小张"}}
    assert cloud.record.requests["members"] == 1


async def test_group_that_the_bot_has_left_again(
    cloud: FeishuCloud, platform: FeishuPlatform, intake: StubIntake
) -> None:
    with serving(platform) as address:
        await asyncio.to_thread(post, address, callbacks().bot_added(chat="oc_1"))
        await until(lambda: cloud.record.refusals)
    assert [message.kind for message in intake.messages] == ["joined"]
    assert cloud.record.refusals == {232011: 1}


# Events in between


async def test_people_come_and_go(platform: FeishuPlatform, intake: StubIntake) -> None:
    with serving(platform) as address:
        sender = callbacks()
        for callback in (
            sender.people("added", ("ou_li", "小李"), ("ou_zhang", "小张")),
            sender.people("deleted", ("ou_li", "小李")),
            sender.people("withdrawn", ("ou_zhang", "小张")),
            sender.bot_deleted(),
            sender.chat_disbanded(),
        ):
            await asyncio.to_thread(post, address, callback)
    changes = [([member.name for member in message.members], list(message.left)) for message in intake.messages]
    assert changes == [(["小李", "小张"], []), ([], ["ou_li"]), ([], ["ou_zhang"])]
    assert len({message.key for message in intake.messages}) == 3
