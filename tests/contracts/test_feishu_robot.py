"""The custom robot of a group against the fake cloud over a real port, alone and in place of the app."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.clock import MovableClock, system_clock
from bot.content import Attachment, Button, Card, Choice, Form, Mention, Text
from bot.delivery import Delivery, Refused, RetryLater, Uncertain
from bot.fetching import tls
from bot.media import MediaStore
from bot.platforms.budget import Rate
from bot.platforms.feishu.client import FeishuClient
from bot.platforms.feishu.sender import FeishuSender
from bot.platforms.feishu_robot import FeishuRobot
from bot.settings import FeishuRobotSettings
from tests.contracts.feishu_app import NOWHERE, feishu_settings
from tests.fakes.feishu_cloud import Fault, FeishuCloud
from tests.fakes.serving import ServerThread

pytestmark = pytest.mark.anyio

TOKEN = "the-token-of-the-robot"
SECRET = "secret"
PRESS = Button("签到", "签到", "lesson:17")
CARD = Card(
    "10分钟微课堂",
    "15:10 截止",
    buttons=(PRESS,),
    choice=Choice("选", (PRESS,)),
    form=Form("写", PRESS),
    hint="回复「签到」",
)


def settings(url: str) -> FeishuRobotSettings:
    return FeishuRobotSettings(name="east", webhook_url=url, secret=SECRET, chat_id="oc_1")


def delivery(content: Text | Card | Attachment | None = None, number: int = 1, reply_to: str = "") -> Delivery:
    return Delivery(f"uuid-{number}", "oc_1", False, content or Text(f"第{number}条"), reply_to)


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        serving.add_robot(TOKEN, SECRET)
        yield serving


@pytest.fixture
async def robot(cloud: FeishuCloud) -> AsyncIterator[FeishuRobot]:
    robot = FeishuRobot(settings(cloud.robot_url(TOKEN)), system_clock, 0.5)
    yield robot
    await robot.close()


@pytest.fixture
async def sender(cloud: FeishuCloud, robot: FeishuRobot, tmp_path: Path) -> AsyncIterator[FeishuSender]:
    """The app, with the robot in group oc_1."""
    client = FeishuClient(feishu_settings(cloud.url), system_clock, httpx.Timeout(0.5))
    media = MediaStore(tmp_path)
    yield FeishuSender("main", client, media, {robot.chat: robot})
    await client.close()
    media.close()


# Alone


async def test_signed_text(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    assert await robot.send(delivery(Text("小心路滑", (Mention("小李", "ou_1"),)))) == ""
    (push,) = cloud.record.pushes
    assert (push.msg_type, push.content) == ("text", {"text": "@小李 小心路滑"})


async def test_signature_is_the_documented_one() -> None:
    sent: list[dict[str, str]] = []

    async def hook(request: Request) -> Response:
        sent.append(await request.json())
        return JSONResponse({"StatusCode": 0, "StatusMessage": "success"})

    moment = datetime.fromtimestamp(1599360473.9, UTC)
    with ServerThread(Starlette(routes=[Route("/hook", hook, methods=["POST"])])) as server:
        robot = FeishuRobot(settings(f"{server.url}/hook"), lambda: moment)
        await robot.send(delivery())
        await robot.close()
    assert (sent[0]["timestamp"], sent[0]["sign"]) == ("1599360473", "q4jswNiMy51J5JuQV566yJat0/lQ/c+22kINzUgKsGU=")


async def test_card_has_nothing_to_press_and_says_what_to_type(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    await robot.send(delivery(CARD))
    (push,) = cloud.record.pushes
    assert push.msg_type == "interactive"
    assert [element["tag"] for element in push.content["body"]["elements"]] == ["div", "div"]
    assert "回复「签到」" in json.dumps(push.content, ensure_ascii=False)


async def test_nobody_is_mentioned_by_what_people_wrote(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    await robot.send(delivery(Text('<at user_id="all">所有人</at>')))
    assert "<at" not in cloud.record.pushes[0].content["text"]


async def test_longest_contents_are_accepted(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    await robot.send(delivery(Card("名册", "小李 没签到\n" * 20_000, hint="回复「导出」")))
    await robot.send(delivery(Text("小李 没签到\n" * 20_000)))
    assert len(cloud.record.pushes) == 2


async def test_files_are_refused(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    with pytest.raises(Refused):
        await robot.send(delivery(Attachment("名册.xlsx", b"PK")))
    assert not cloud.record.requests["push"]


async def test_without_a_secret_nothing_is_signed(cloud: FeishuCloud) -> None:
    cloud.add_robot("open")
    robot = FeishuRobot(
        FeishuRobotSettings(name="east", webhook_url=cloud.robot_url("open"), chat_id="oc_1"), system_clock
    )
    await robot.send(delivery())
    await robot.close()
    assert len(cloud.record.pushes) == 1


@pytest.mark.parametrize("code", [9499, 19001, 19021, 19022, 19024])
async def test_refusals(cloud: FeishuCloud, robot: FeishuRobot, code: int) -> None:
    cloud.refuse(TOKEN, code)
    with pytest.raises(Refused) as caught:
        await robot.send(delivery())
    assert caught.value.code == str(code)


async def test_clock_that_is_wrong(cloud: FeishuCloud) -> None:
    robot = FeishuRobot(settings(cloud.robot_url(TOKEN)), MovableClock(timedelta(hours=2)))
    with pytest.raises(Refused) as caught:
        await robot.send(delivery())
    await robot.close()
    assert caught.value.code == "19021"


async def test_too_fast_for_feishu(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    cloud.refuse(TOKEN, 11232)
    with pytest.raises(RetryLater) as caught:
        await robot.send(delivery())
    assert (caught.value.code, caught.value.everything) == ("11232", False)


async def test_a_burst_is_spread_so_that_nothing_is_refused(cloud: FeishuCloud, robot: FeishuRobot) -> None:
    await robot.send(delivery())
    await asyncio.gather(*(robot.send(delivery(number=number)) for number in range(7)))
    assert len(cloud.record.pushes) == 8
    assert not cloud.record.refusals


async def test_what_would_wait_long_is_put_off(cloud: FeishuCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.feishu_robot.RATES", (Rate(1, 60.0),))
    robot = FeishuRobot(settings(cloud.robot_url(TOKEN)), system_clock)
    await robot.send(delivery())
    with pytest.raises(RetryLater) as caught:
        await robot.send(delivery())
    await robot.close()
    assert 50 < caught.value.seconds <= 60


@pytest.mark.parametrize("fault", ["error_500", "html"])
async def test_troubles_that_pass(cloud: FeishuCloud, robot: FeishuRobot, fault: Fault) -> None:
    cloud.fail_next(fault, api="push")
    with pytest.raises(RetryLater):
        await robot.send(delivery())
    await robot.send(delivery())
    assert len(cloud.record.pushes) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_a_post_whose_answer_is_lost_is_there_twice_at_most(
    cloud: FeishuCloud, robot: FeishuRobot, fault: Fault
) -> None:
    """A webhook knows no uuid: whoever posts again may post twice."""
    cloud.fail_next(fault, 2, api="push")
    with pytest.raises(Uncertain):
        await robot.send(delivery())
    with pytest.raises(Refused) as caught:
        await robot.send(delivery())
    assert caught.value.code == "uncertain"
    assert len(cloud.record.pushes) == 2


async def test_the_robots_of_many_groups_read_the_roots_of_tls_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tls()
    monkeypatch.setattr("ssl.create_default_context", None)
    for number in range(3):
        await FeishuRobot(settings(f"{NOWHERE}/hook/{number}"), system_clock).close()


async def test_silence_is_uncertain() -> None:
    async def silence(_: Request) -> Response:
        await asyncio.sleep(1)
        return JSONResponse({"code": 0})

    with ServerThread(Starlette(routes=[Route("/hook", silence, methods=["POST"])])) as server:
        deaf = FeishuRobot(settings(f"{server.url}/hook"), system_clock, 0.2)
        with pytest.raises(Uncertain):
            await deaf.send(delivery())
        await deaf.close()


async def test_nobody_there() -> None:
    robot = FeishuRobot(settings(f"{NOWHERE}/hook/{TOKEN}"), system_clock)
    with pytest.raises(RetryLater):
        await robot.send(delivery())
    await robot.close()


@pytest.mark.parametrize("url", ["", "hook", "ftp://example.org/x", "http://x:port/"])
async def test_address_that_is_none(url: str) -> None:
    robot = FeishuRobot(settings(url), system_clock)
    with pytest.raises(Refused) as caught:
        await robot.send(delivery())
    await robot.close()
    assert caught.value.code == "webhook_url"


async def test_logs_hold_no_secret(cloud: FeishuCloud, robot: FeishuRobot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot")
    cloud.refuse(TOKEN, 19022)
    with pytest.raises(Refused):
        await robot.send(delivery(Text("不能见光的话")))
    assert "19022" in caplog.text
    assert TOKEN not in caplog.text
    assert "不能见光的话" not in caplog.text
    assert TOKEN not in repr(settings(cloud.robot_url(TOKEN)))
    assert SECRET not in repr(settings(cloud.robot_url(TOKEN))).replace("secret=", "")


# In place of the app


@pytest.mark.parametrize("code", [230002, 230006, 230018, 230027, 230035])
async def test_the_robot_posts_where_the_app_may_not(cloud: FeishuCloud, sender: FeishuSender, code: int) -> None:
    cloud.refuse("oc_1", code)
    assert await sender.send(delivery(reply_to="om_7~oc_1")) == ""
    assert await sender.send(delivery(CARD, 2)) == ""
    assert [push.msg_type for push in cloud.record.pushes] == ["text", "interactive"]
    assert not cloud.record.posts


async def test_the_app_posts_where_it_may(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery())
    assert (len(cloud.record.posts), len(cloud.record.pushes)) == (1, 0)


async def test_what_is_refused_for_itself_stays_refused(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.refuse("oc_1", 230022)
    with pytest.raises(Refused) as caught:
        await sender.send(delivery())
    assert caught.value.code == "230022"
    assert not cloud.record.pushes


async def test_other_groups_and_persons_are_not_the_robots(cloud: FeishuCloud, sender: FeishuSender) -> None:
    for target, to_person in (("oc_2", False), ("oc_1", True)):
        cloud.refuse(target, 230002)
        with pytest.raises(Refused):
            await sender.send(Delivery("uuid-1", target, to_person, Text("您好")))
    assert not cloud.record.pushes


async def test_refusal_of_the_robot_is_final(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.refuse("oc_1", 230002)
    cloud.refuse(TOKEN, 19024)
    with pytest.raises(Refused) as caught:
        await sender.send(delivery())
    assert caught.value.code == "19024"
