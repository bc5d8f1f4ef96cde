"""Parts of a robot's sending half alone: answers in a sentence of our own, uploads, welcomes and frames."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from bot.content import Text
from bot.delivery import Refused, RetryLater, Uncertain
from bot.platforms.budget import Budget, Rate
from bot.platforms.wecom_aibot.protocol import RESPOND, Timing, frame, parse
from bot.platforms.wecom_aibot.reply import welcome
from bot.platforms.wecom_aibot.streams import LATE, Streams
from bot.platforms.wecom_aibot.uploads import Uploads

pytestmark = pytest.mark.anyio


class Cloud:
    """Meets each frame with the next of ``failures`` and then takes them all."""

    def __init__(self, *failures: Exception, answer: dict[str, Any] | None = None) -> None:
        self.failures = list(failures)
        self.answer = answer or {}
        self.taken: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, cmd: str, body: Mapping[str, Any] | None = None, req_id: str = "") -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((req_id, dict(body or {})))
        return self.answer


class Seconds:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def streams(cloud: Cloud, seconds: Seconds, *, limit: int = 30, unanswered: float = 5.0) -> Streams:
    timing = Timing(first_pause=0.001, unanswered=unanswered)
    return Streams("main", cloud, Budget((Rate(limit, 60.0),), seconds), timing)


async def settled(answers: Streams) -> None:
    async with asyncio.timeout(3):
        while answers._tasks:
            await asyncio.sleep(0.005)


async def test_sentence_of_our_own_is_not_lost_with_the_connection() -> None:
    cloud = Cloud(*(RetryLater("offline", 0.001) for _ in range(20)), Uncertain())
    answers = streams(cloud, Seconds())
    answers.end("cb1", "wr1", LATE)
    await settled(answers)
    ((req_id, body),) = cloud.taken
    assert (req_id, body["stream"]["content"], body["stream"]["finish"]) == ("cb1", LATE, True)


async def test_sentence_of_our_own_counts_in_the_budget_of_the_chat() -> None:
    cloud, seconds = Cloud(), Seconds()
    answers = streams(cloud, seconds, limit=1)
    answers.end("cb1", "wr1", LATE)
    await settled(answers)
    seconds.now += 59.99
    answers.end("cb2", "wr1", LATE)
    await asyncio.sleep(0.005)
    assert [req_id for req_id, _ in cloud.taken] == ["cb1"]
    seconds.now += 0.01
    await settled(answers)
    assert [req_id for req_id, _ in cloud.taken] == ["cb1", "cb2"]


async def test_sentence_that_the_cloud_never_takes_is_given_up_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    cloud = Cloud(*(RetryLater("offline", 0.01) for _ in range(1000)))
    answers = streams(cloud, Seconds(), limit=1000, unanswered=0.05)
    answers.end("cb1", "wr1", LATE)
    await settled(answers)
    assert not cloud.taken
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("answer", [{}, {"upload_id": "u1"}])
async def test_file_of_which_the_cloud_gives_no_id_is_not_taken_for_sent(answer: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await Uploads(Cloud(answer=answer)).put("file", "花名册.xlsx", b"PK" * 9)


def test_welcome_without_words() -> None:
    assert welcome([Text("")], "t1")["text"]["content"]


def test_control_characters_are_not_sent_as_escapes() -> None:
    """WeCom refuses those with 40033 (page 90455), and the post would be lost for one stray character."""
    sent = frame(RESPOND, "cb1", {"markdown": {"content": "好\x0b\x00 \\u0041"}})
    assert "\\u00" not in sent.replace("\\\\u0041", "")
    incoming = parse(sent)
    assert incoming is not None
    assert incoming.body == {"markdown": {"content": "好 \\u0041"}}
    assert json.loads(sent)["cmd"] == RESPOND
