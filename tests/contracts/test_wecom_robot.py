"""The push-only robot of a group against a fake webhook: what it posts, how it splits, and what failures mean."""

import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Attachment, Button, Card, Field, Mention, Text
from bot.delivery import Delivery, Refused, RetryLater, Uncertain
from bot.media import MediaStore
from bot.platforms.recent import REMEMBERED
from bot.platforms.wechat import client
from bot.platforms.wechat.pieces import pieces, size
from bot.platforms.wecom_robot import LARGEST_IMAGE, LARGEST_MARKDOWN, LARGEST_TEXT, WecomRobot
from bot.settings import WecomRobotSettings
from tests.fakes.pictures import picture
from tests.fakes.qyapi import ROBOT_KEY, Qyapi
from tests.fakes.wechat_api import Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as qyapi:
        yield qyapi


@pytest.fixture
def media(tmp_path: Path) -> Iterator[MediaStore]:
    store = MediaStore(tmp_path)
    yield store
    store.close()


class Moment:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
async def robot(qyapi: Qyapi, media: MediaStore, moment: Moment) -> AsyncIterator[WecomRobot]:
    robot = robot_at(f"{qyapi.url}/cgi-bin/webhook/send?key={ROBOT_KEY}", media, moment)
    yield robot
    await robot.close()


def robot_at(address: str, media: MediaStore, moment: Moment | None = None) -> WecomRobot:
    return WecomRobot(
        WecomRobotSettings(name="第一支部", webhook_url=address, chat_id="wr1"), media, moment or Moment()
    )


def post(content: Text | Card | Attachment, uuid: str = "u1") -> Delivery:
    return Delivery(uuid, "wr1", False, content)


def said(qyapi: Qyapi) -> list[str]:
    return [str(message.content["content"]) for message in qyapi.record.robot_messages]


# What it posts


async def test_text_with_mentions(qyapi: Qyapi, robot: WecomRobot) -> None:
    mentions = (Mention("小李", "li"), Mention("外人", ""), Mention("大家", "@all"))
    await robot.send(post(Text("19:30 上课 <@zhao> < @all>", mentions)))
    (message,) = qyapi.record.robot_messages
    assert (message.key, message.msgtype) == (ROBOT_KEY, "text")
    assert message.content == {"content": "@外人 @大家 19:30 上课 ＜@zhao> ＜ @all>", "mentioned_list": ["li"]}


async def test_long_text_comes_in_pieces_and_calls_people_once(qyapi: Qyapi, robot: WecomRobot) -> None:
    lines = [f"{number} 号：{'签到' * 20}" for number in range(60)]
    await robot.send(post(Text("\n".join(lines), (Mention("小李", "li"),))))
    assert len(qyapi.record.robot_messages) > 2
    assert "\n".join(said(qyapi)).split("\n") == lines
    assert ["mentioned_list" in message.content for message in qyapi.record.robot_messages].count(True) == 1
    assert all(len(text.encode()) <= LARGEST_TEXT for text in said(qyapi))


async def test_card_is_markdown_that_neither_mentions_nor_links(qyapi: Qyapi, robot: WecomRobot) -> None:
    fields = (Field("时间", "19:30"), Field("备注", "<@all> [点我](http://evil.example)\n# 大字"))
    buttons = (Button("签到", "签到"),)
    await robot.send(post(Card("**党课**", "内容", fields, buttons=buttons, hint="发「签到」")))
    (message,) = qyapi.record.robot_messages
    assert message.msgtype == "markdown"
    text = message.content["content"]
    assert "19:30" in text
    assert "发「签到」" in text
    assert not {"<", "[", "]"} & set(text)
    assert "\n#" not in text


async def test_long_card_comes_in_pieces(qyapi: Qyapi, robot: WecomRobot) -> None:
    await robot.send(post(Card("名单", "\n".join(f"第 {number} 位同志" for number in range(900)))))
    assert len(qyapi.record.robot_messages) > 2
    assert all(len(text.encode()) <= LARGEST_MARKDOWN for text in said(qyapi))
    assert "第 899 位同志" in said(qyapi)[-1]


async def test_card_with_photos(qyapi: Qyapi, robot: WecomRobot, media: MediaStore) -> None:
    name = media.save(picture())
    await robot.send(post(Card("隐患", photos=(name, "0" * 32 + ".jpg"))))
    assert [message.msgtype for message in qyapi.record.robot_messages] == ["markdown", "image"]


async def test_photo_over_two_megabytes_is_sent_small(
    qyapi: Qyapi, robot: WecomRobot, media: MediaStore, tmp_path: Path
) -> None:
    name = media.save(picture())
    with (tmp_path / name).open("ab") as file:
        file.write(bytes(LARGEST_IMAGE))
    await robot.send(post(Card("隐患", photos=(name,))))
    assert [message.msgtype for message in qyapi.record.robot_messages] == ["markdown", "image"]


async def test_file(qyapi: Qyapi, robot: WecomRobot) -> None:
    await robot.send(post(Attachment("名册.xlsx", b"PK\x03\x04 roster")))
    (message,) = qyapi.record.robot_messages
    assert message.msgtype == "file"
    assert [(upload.name, upload.data) for upload in qyapi.record.uploads] == [("名册.xlsx", b"PK\x03\x04 roster")]


# How it fails


@pytest.mark.parametrize(
    ("fault", "code"),
    [("limited", "45009"), ("busy", "-1"), ("error_500", "-1"), ("error_502", "http_502"), ("html", "http_200")],
)
async def test_what_passes_is_tried_later(qyapi: Qyapi, robot: WecomRobot, fault: Fault, code: str) -> None:
    qyapi.fail_next(fault)
    with pytest.raises(RetryLater) as failure:
        await robot.send(post(Text("提醒")))
    assert (failure.value.code, failure.value.everything) == (code, False)
    await robot.send(post(Text("提醒")))
    assert said(qyapi) == ["提醒"]


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_no_answer_is_uncertain(
    qyapi: Qyapi, media: MediaStore, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.WechatClient.__init__, "__defaults__", (None, None, httpx.Timeout(0.3)))
    robot = robot_at(f"{qyapi.url}/cgi-bin/webhook/send?key={ROBOT_KEY}", media)
    qyapi.fail_next(fault)
    with pytest.raises(Uncertain):
        await robot.send(post(Text("提醒")))
    await robot.close()


async def test_nobody_listens(media: MediaStore) -> None:
    robot = robot_at("http://127.0.0.1:9/cgi-bin/webhook/send?key=k", media)
    with pytest.raises(RetryLater):
        await robot.send(post(Text("提醒")))
    await robot.close()


async def test_deleted_webhook_is_refused_and_the_key_is_not_logged(
    qyapi: Qyapi, robot: WecomRobot, caplog: pytest.LogCaptureFixture
) -> None:
    qyapi.remove_robot(ROBOT_KEY)
    with caplog.at_level(logging.INFO), pytest.raises(Refused, match="93000"):
        await robot.send(post(Text("提醒")))
    assert "webhook_url is wrong or was deleted" in caplog.text
    assert ROBOT_KEY not in "".join(line.getMessage() for line in caplog.records if line.name.startswith("bot."))


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "https://a:b/send?key=s3cr3t", "key=s3cr3t"],
)
async def test_address_that_is_none(media: MediaStore, address: str, caplog: pytest.LogCaptureFixture) -> None:
    robot = robot_at(address, media)
    assert "webhook_url is no address of a robot" in caplog.text
    assert "s3cr3t" not in caplog.text
    with pytest.raises(Refused, match="93000"):
        await robot.send(post(Text("提醒")))
    await robot.close()


async def test_twenty_a_minute(qyapi: Qyapi, robot: WecomRobot, moment: Moment) -> None:
    for number in range(20):
        await robot.send(post(Text(f"{number}"), f"u{number}"))
    moment.now += 15
    with pytest.raises(RetryLater) as failure:
        await robot.send(post(Text("20"), "u20"))
    assert (failure.value.code, failure.value.seconds) == ("budget", 45.0)
    assert not qyapi.refusals
    moment.now += 45
    qyapi.advance(60)
    await robot.send(post(Text("20"), "u20"))
    assert len(qyapi.record.robot_messages) == 21


async def test_full_budget_uploads_nothing(qyapi: Qyapi, robot: WecomRobot) -> None:
    for number in range(20):
        await robot.send(post(Text(f"{number}"), f"u{number}"))
    with pytest.raises(RetryLater):
        await robot.send(post(Attachment("名册.xlsx", b"PK\x03\x04 roster"), "u20"))
    assert not qyapi.record.uploads


async def test_what_was_accepted_is_not_repeated(qyapi: Qyapi, robot: WecomRobot, moment: Moment) -> None:
    """A long list that meets the limit in its middle goes on where it stopped."""
    lines = [f"{number} 号：{'签到' * 100}" for number in range(100)]
    delivery = post(Text("\n".join(lines)))
    with pytest.raises(RetryLater, match="budget"):
        await robot.send(delivery)
    assert len(qyapi.record.robot_messages) == 20
    moment.now += 60
    qyapi.advance(60)
    qyapi.fail_next("busy")
    with pytest.raises(RetryLater, match="-1"):
        await robot.send(delivery)
    await robot.send(delivery)
    assert "\n".join(said(qyapi)).split("\n") == lines


async def test_memory_of_what_was_accepted_is_bounded(robot: WecomRobot, qyapi: Qyapi, moment: Moment) -> None:
    await robot.send(post(Text("first"), "first"))
    await robot.send(post(Text("first"), "first"))
    assert said(qyapi) == ["first"]
    for number in range(REMEMBERED):
        robot._accepted[f"u{number}"] = 1
    await robot.send(post(Text("first"), "first"))
    assert len(said(qyapi)) == 2


# Splitting by bytes


@given(st.text(alphabet=st.one_of(st.sampled_from("a\n中😀"), st.characters()), max_size=400), st.integers(4, 64))
def test_pieces(text: str, largest: int) -> None:
    found = pieces(text, largest)
    assert "".join(found) == text
    assert all(found)
    assert all(size(piece) <= largest for piece in found)
    for piece, following in itertools.pairwise(found):
        assert piece.endswith("\n") or "\n" not in piece
        assert size(piece + following[0]) > largest or piece.endswith("\n")


@given(st.lists(st.text(alphabet="a中", max_size=20), max_size=40))
def test_short_lines_stay_whole(lines: list[str]) -> None:
    assert [line for piece in pieces("\n".join(lines), 64) for line in piece.removesuffix("\n").split("\n")] == (
        "\n".join(lines).removesuffix("\n").split("\n") if any(lines) or len(lines) > 1 else []
    )
