"""Messages that take longer than WeCom waits: what is promised is tried again, and nothing is remembered for ever."""

import asyncio

import pytest

from bot.clock import system_clock
from bot.messages import IncomingMessage, Receipt, Unavailable
from bot.platforms.wecom_aibot import commits
from bot.platforms.wecom_aibot.commits import FINISH_UNKNOWN_WITHIN, FINISH_WITHIN, GIVE_UP_AFTER, Commits

pytestmark = pytest.mark.anyio


class GatedIntake:
    """Answers when ``gate`` is set; ``failures`` times with Unavailable."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.failures = 0
        self.asked = 0

    async def submit(self, message: IncomingMessage) -> Receipt:
        self.asked += 1
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable
        return Receipt(message.key, duplicate=False)


class Moment:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "ANSWER_WITHIN", 0.05)
    monkeypatch.setattr(commits, "PAUSE", 0.0)


def message(key: str) -> IncomingMessage:
    return IncomingMessage("wecom_aibot", "main", key, "wr1", False, "li", system_clock())


async def done(waiting: Commits, key: str) -> str:
    while (state := waiting.state(key)) == "open":
        await asyncio.sleep(0.01)
    return state


async def test_a_message_in_time() -> None:
    intake = GatedIntake()
    intake.gate.set()
    waiting = Commits(intake, Moment())
    assert await waiting.submit(message("m1"), promise=True) == Receipt("m1", duplicate=False)
    intake.failures = 1
    with pytest.raises(Unavailable):
        await waiting.submit(message("m2"), promise=True)
    await waiting.close()


async def test_a_promised_message_is_tried_again_until_it_is_committed() -> None:
    intake = GatedIntake()
    waiting = Commits(intake, Moment())
    assert await waiting.submit(message("m1"), promise=True) is None
    assert await waiting.submit(message("m1"), promise=True) is None, "delivered again, it joins the first"
    assert (intake.asked, waiting.state("m1")) == (1, "open")
    intake.failures = 3
    intake.gate.set()
    assert await done(waiting, "m1") == "committed"
    assert intake.asked == 4
    await waiting.close()


async def test_what_was_not_promised_is_tried_once() -> None:
    intake = GatedIntake()
    waiting = Commits(intake, Moment())
    assert await waiting.submit(message("m1"), promise=False) is None
    intake.failures = 1
    intake.gate.set()
    assert await done(waiting, "m1") == "failed"
    assert await waiting.submit(message("m1"), promise=False) is not None, "delivered again, it is tried anew"
    await waiting.close()


async def test_no_attempt_is_made_for_ever() -> None:
    intake, moment = GatedIntake(), Moment()
    waiting = Commits(intake, moment)
    await waiting.submit(message("m1"), promise=True)
    intake.failures = 10
    moment.now = GIVE_UP_AFTER
    intake.gate.set()
    assert await done(waiting, "m1") == "failed"
    assert intake.failures == 9
    await waiting.close()


async def test_overdue() -> None:
    moment = Moment()
    waiting = Commits(GatedIntake(), moment)
    await waiting.submit(message("m1"), promise=True)
    assert (waiting.state("m1"), waiting.state("elsewhere")) == ("open", "open")
    moment.now = FINISH_UNKNOWN_WITHIN
    assert (waiting.state("m1"), waiting.state("elsewhere")) == ("open", "overdue")
    moment.now = FINISH_WITHIN
    assert waiting.state("m1") == "overdue"
    await waiting.close()


async def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    moment = Moment()
    waiting = Commits(GatedIntake(), moment)
    for number in range(100):
        waiting.state(f"unknown{number}")
    moment.now = 2 * FINISH_WITHIN
    waiting.state("new")
    assert list(waiting._commits) == ["new"]
    await waiting.close()
