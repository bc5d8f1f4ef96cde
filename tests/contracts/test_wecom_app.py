"""A self-built app of WeCom over its callbacks and its API: what it takes, refuses and answers, and what it sends."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from bot.clock import MovableClock
from bot.content import Attachment, Card, Text
from bot.delivery import Closed, Delivery, Refused, RetryLater, Uncertain
from bot.media import LARGEST_FILE, BadPhoto, MediaStore, photo_name
from bot.messages import Pending
from bot.platforms.wechat import passive
from bot.platforms.wechat.client import WechatClient, corp_token
from bot.platforms.wechat.courier import Courier
from bot.platforms.wechat.passive import LARGEST_BODY
from bot.platforms.wecom_app import WecomAppPlatform
from bot.platforms.wecom_app.sender import WecomAppSender, meanings
from bot.settings import WecomAppSettings
from models.database import Database
from models.outbox import PostState
from tests.conftest import StandingClock
from tests.contracts.passive_app import AES_KEY, LONG, NO_XML, NOWHERE, OTHER_KEY, TOKEN, Stage, copied, damaged
from tests.fakes.pictures import picture
from tests.fakes.qyapi import AGENT_ID, CORP_ID, CORP_SECRET, Fault, Qyapi
from tests.fakes.wechat_xml import AppCallbacks, Callback

pytestmark = pytest.mark.anyio

CLOUD = AppCallbacks(TOKEN, AES_KEY, CORP_ID, AGENT_ID)


def settings(api_base: str = NOWHERE, **changes: Any) -> WecomAppSettings:
    values = {
        "corp_id": CORP_ID,
        "agent_id": AGENT_ID,
        "secret": CORP_SECRET,
        "token": TOKEN,
        "encoding_aes_key": AES_KEY,
        "api_base": api_base,
    }
    return WecomAppSettings.model_validate(values | changes)


@pytest.fixture
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as fake:
        yield fake


@pytest.fixture
def stage(database: Database, clock: StandingClock, tmp_path: Path, qyapi: Qyapi) -> Stage[WecomAppPlatform]:
    return Stage(database, clock, tmp_path, lambda lent: WecomAppPlatform(settings(qyapi.url), lent))


@pytest.fixture
async def client(stage: Stage[WecomAppPlatform]) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running() as client:
        yield client


@pytest.fixture
async def plain(
    sqlite_template: Path, clock: StandingClock, tmp_path: Path
) -> AsyncIterator[tuple[Stage[WecomAppPlatform], httpx.AsyncClient]]:
    """Without an API, on one database."""
    with closing(copied(sqlite_template, tmp_path)) as database:
        stage = Stage(database, clock, tmp_path, lambda lent: WecomAppPlatform(settings(), lent))
        async with stage.running() as client:
            yield stage, client


Plain = tuple[Stage[WecomAppPlatform], httpx.AsyncClient]


async def said(stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, callback: Callback) -> str:
    """The passive text; empty: there was none."""
    exchange = await CLOUD.deliver(client, stage.url, callback)
    assert exchange.statuses == [200]
    return exchange.reply["Content"] if exchange.reply else ""


def counted(kind: str, outcome: str) -> float:
    labels = {"platform": "wecom_app", "kind": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("jufeng_wechat_callbacks_total", labels) or 0.0


# The address


async def test_verification(plain: Plain) -> None:
    stage, client = plain
    assert await CLOUD.verifies(client, stage.url)
    query = CLOUD.verification("1616140317555161061")
    answer = await client.get(stage.url, params=query)
    assert answer.headers["content-type"].startswith("text/plain")
    raw = "&".join(f"{name}={value}" for name, value in query.items())
    assert (await client.get(f"{stage.url}?{raw}")).status_code == 200, "an unescaped + is a + all the same"


@pytest.mark.parametrize("change", [{"msg_signature": "0" * 40}, {"nonce": "x"}, {"timestamp": "1"}, {"echostr": "A"}])
async def test_verification_by_somebody_else(plain: Plain, change: dict[str, str]) -> None:
    stage, client = plain
    answer = await client.get(stage.url, params=CLOUD.verification("1") | change)
    assert (answer.status_code, answer.content) == (401, b"")


# What people send


async def test_kinds_of_messages(plain: Plain) -> None:
    stage, client = plain
    assert await said(stage, client, CLOUD.text(" 你好 ", sent_at=1795417200)) == "收到：你好"
    assert await said(stage, client, CLOUD.location("人民广场")) == "收到：人民广场"
    assert await said(stage, client, CLOUD.click("积分")) == "收到：积分"
    assert await said(stage, client, CLOUD.voice("m1")) == "收到：message"
    assert await said(stage, client, CLOUD.message("video", {"MediaId": "m2", "ThumbMediaId": "m3"})) != ""
    assert await said(stage, client, CLOUD.image("m4")) == "收到：message"
    text, place, _, voice, _, image = stage.script.heard
    assert (text.key.split(":")[0], text.sender, text.chat, text.private, text.addressed) == (
        *("zhao", "zhao", "zhao", True, True),
    )
    assert text.sent_at.timestamp() == 1795417200
    assert (place.text, place.place, voice.text) == ("", "人民广场", "")
    assert (place.latitude, place.longitude) == (31.2304, 121.4737)
    name = photo_name("wecom_app", "main", stage.script.heard[-1].key, "m4")
    assert (image.photos, image.pending) == ((name,), (Pending(name, "m4"),))


async def test_a_check_in_from_the_menu_is_acknowledged_at_once(plain: Plain) -> None:
    stage, client = plain
    assert await said(stage, client, CLOUD.click("签到")) == "✅ 已签到：小李"
    assert stage.states() == [PostState.TAKEN]


async def test_events_without_effect(plain: Plain) -> None:
    stage, client = plain
    ignored = [
        CLOUD.report_location(),
        CLOUD.unsubscribe(),
        CLOUD.event("view", {"EventKey": "https://example.com"}),
        CLOUD.press("t1", "k", "r"),
        CLOUD.click(""),
        CLOUD.event("batch_job_result", {"BatchJob": {"JobId": "j", "ErrCode": 0}}, sender="sys"),
        CLOUD.callback({"MsgType": "event"}, sender="zhao"),
        CLOUD.callback({}, sender="zhao"),
        CLOUD.text("签到", sender=""),
        CLOUD.text("签到", sender="小李"),
    ]
    before = counted("event_location", "ignored")
    for callback in ignored:
        assert await said(stage, client, callback) == ""
    assert not stage.script.heard
    assert counted("event_location", "ignored") == before + 1


async def test_a_person_is_greeted_once_a_day(plain: Plain) -> None:
    stage, client = plain
    evening = 1795417200 + 8 * 3600 + 3500  # 23:58 in Shanghai
    enter = [CLOUD.event("enter_agent", {"EventKey": ""}, sent_at=evening + seconds) for seconds in (0, 60, 130, 300)]
    greetings = [await said(stage, client, callback) for callback in enter]
    assert greetings == ["收到：entered", "", "收到：entered", ""]
    assert await said(stage, client, CLOUD.event("enter_agent", {}, sender="li", sent_at=evening)) != ""
    assert await said(stage, client, CLOUD.event("subscribe", {}, sender="li", sent_at=evening)) == ""


async def test_events_of_one_second_are_different_events(plain: Plain) -> None:
    stage, client = plain
    for key in ("积分", "帮助", "积分"):
        await said(stage, client, CLOUD.event("click", {"EventKey": key}, sent_at=1795417200))
    assert [message.text for message in stage.script.heard] == ["积分", "帮助"]


async def test_one_msg_id_of_two_people(plain: Plain) -> None:
    stage, client = plain
    for sender in ("zhao", "li"):
        await said(stage, client, CLOUD.text("你好", sender=sender, msg_id="7", sent_at=1795417200))
    assert len(stage.script.heard) == 2


# Redelivery


async def test_redelivery_is_one_effect_and_the_same_answer(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient
) -> None:
    for callback in (CLOUD.text("你好"), CLOUD.click("签到"), CLOUD.event("click", {"EventKey": "帮助"})):
        first = await said(stage, client, callback)
        assert first
        for after in (timedelta(seconds=5), timedelta(seconds=5), timedelta(hours=6)):
            stage.clock.move_to(stage.clock() + after)
            again = await CLOUD.redeliver(client, stage.url, callback)
            assert [exchange.reply and exchange.reply["Content"] for exchange in again] == [first, first]
    assert len(stage.script.heard) == 3
    assert set(stage.states()) == {PostState.TAKEN}


async def test_deliveries_at_the_same_time_are_answered_alike(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient
) -> None:
    callback = CLOUD.text("你好")
    exchanges = await CLOUD.redeliver(client, stage.url, callback, 8)
    assert [exchange.reply and exchange.reply["Content"] for exchange in exchanges] == ["收到：你好"] * 8
    assert len(stage.script.heard) == 1


async def test_what_was_committed_too_late_is_carried_by_the_next_delivery(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, qyapi: Qyapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = CLOUD.text("你好")
    with monkeypatch.context() as hurried:
        hurried.setattr(passive, "IN_TIME", 0.0)
        stage.intake.slow = 0.01
        assert (await CLOUD.deliver(client, stage.url, callback)).statuses == [503]
    stage.intake.slow = 0.0
    assert await said(stage, client, callback) == "收到：你好"
    await stage.later()
    assert not qyapi.record.messages


async def test_what_no_delivery_could_carry_is_sent_once(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, qyapi: Qyapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passive, "IN_TIME", 0.0)
    stage.intake.slow = 0.01
    assert (await CLOUD.deliver(client, stage.url, CLOUD.text("你好"), attempts=3)).statuses == [503, 503, 503]
    await stage.later()
    assert [(message.to, message.content) for message in qyapi.record.messages] == [
        (["zhao"], {"content": "收到：你好"})
    ]
    assert stage.states() == [PostState.SENT]


async def test_what_cannot_be_committed_comes_again(stage: Stage[WecomAppPlatform], client: httpx.AsyncClient) -> None:
    stage.intake.unavailable = 2
    exchange = await CLOUD.deliver(client, stage.url, CLOUD.text("你好"), attempts=3)
    assert exchange.statuses == [503, 503, 200]
    assert len(stage.script.heard) == 1


async def test_what_the_mailbox_cannot_read_now_comes_again(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, client = plain
    callback = CLOUD.text("你好")
    with monkeypatch.context() as broken:
        broken.setattr(stage.services.mailbox, "_database", Database("sqlite://"))
        assert (await CLOUD.deliver(client, stage.url, callback)).statuses == [503]
    assert await said(stage, client, callback) == "收到：你好"


# What one answer carries, and what is sent


async def test_an_answer_carries_what_waits_too(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, qyapi: Qyapi
) -> None:
    qyapi.remove_member("zhao")
    stage.remind("zhao", Text("明天开课"))
    stage.remind("zhao", Text("已办结"))
    await stage.later()
    assert stage.states() == [PostState.HELD, PostState.HELD]
    assert await said(stage, client, CLOUD.text("别说")) == "明天开课\n\n已办结"
    assert await said(stage, client, CLOUD.text("你好")) == "收到：你好"


async def test_long_texts_are_sent_in_pieces(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, qyapi: Qyapi
) -> None:
    assert await said(stage, client, CLOUD.text("长")) == ""
    await stage.later()
    messages = qyapi.record.messages
    assert "".join(message.content["content"] for message in messages) == LONG
    assert len(messages) == 2
    assert not any(message.truncated for message in messages)


async def test_photos_and_files_are_sent(
    stage: Stage[WecomAppPlatform], client: httpx.AsyncClient, qyapi: Qyapi
) -> None:
    await stage.services.media.keep(picture(), "0" * 32 + ".jpg")
    assert await said(stage, client, CLOUD.text("卡片")) == ""
    assert await said(stage, client, CLOUD.text("导出")) == ""
    await stage.later()
    assert [message.msgtype for message in qyapi.record.messages] == ["text", "image", "file"]
    assert qyapi.record.messages[0].content["content"] == "隐患 1001\n楼道堆物\n回复「办结 1001」"
    assert [(upload.kind, upload.name) for upload in qyapi.record.uploads] == [
        ("image", "0" * 32 + ".jpg"),
        ("file", "名册.xlsx"),
    ]


# Refusals


def unsigned(callback: Callback) -> Callback:
    return callback._replace(query={})


@pytest.mark.parametrize(
    ("status", "callback"),
    [
        pytest.param(401, AppCallbacks("other", AES_KEY, CORP_ID, 1).text("签到"), id="another token"),
        pytest.param(400, AppCallbacks(TOKEN, OTHER_KEY, CORP_ID, 1).text("签到"), id="another key"),
        pytest.param(401, AppCallbacks(TOKEN, AES_KEY, "ww1", 1).text("签到"), id="for another corp"),
        pytest.param(401, unsigned(CLOUD.text("签到")), id="unsigned"),
        pytest.param(403, CLOUD.text("签到")._replace(body=b"<xml><MsgType>text</MsgType></xml>"), id="plain"),
        pytest.param(413, CLOUD.text("签到")._replace(body=b"x" * (LARGEST_BODY + 1)), id="large"),
        *(pytest.param(400, CLOUD.text("签到")._replace(body=body.encode()), id=body[:30]) for body in NO_XML),
        *(pytest.param(400, CLOUD.signed(body, "zhao"), id=f"inside {body[:30]}") for body in NO_XML),
    ],
)
async def test_refusals(plain: Plain, status: int, callback: Callback) -> None:
    stage, client = plain
    before = counted("other", "refused")
    answer = await client.post(stage.url, params=callback.query, content=callback.body)
    assert (answer.status_code, answer.content) == (status, b"")
    assert not stage.script.heard
    assert counted("other", "refused") == before + 1


async def test_a_large_body_of_unknown_length_is_cut_off(plain: Plain) -> None:
    stage, client = plain
    sent = 0

    async def pour() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 8192

    answer = await client.post(stage.url, params=CLOUD.text("x").query, content=pour())
    assert answer.status_code == 413
    assert sent < 20


async def test_damaged_callbacks_are_refused(plain: Plain) -> None:
    stage, client = plain
    callback = CLOUD.text("签到")
    for seed in range(150):
        inside = damaged(callback.plain.encode(), seed).decode(errors="replace")
        for one in (callback._replace(body=damaged(callback.body, seed)), CLOUD.signed(inside, "zhao")):
            answer = await client.post(stage.url, params=one.query, content=one.body)
            assert answer.status_code in (200, 400, 401, 403)


@pytest.mark.parametrize("change", [{"token": ""}, {"encoding_aes_key": "short"}, {"corp_id": ""}])
async def test_without_a_token_or_key_everything_is_refused(
    database: Database, clock: StandingClock, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, str]
) -> None:
    stage = Stage(database, clock, tmp_path, lambda lent: WecomAppPlatform(settings(**change), lent))
    async with stage.running() as client:
        callback = CLOUD.text("签到")
        assert (await client.post(stage.url, params=callback.query, content=callback.body)).status_code == 403
        assert (await client.get(stage.url, params=CLOUD.verification("1"))).status_code == 403
    assert "callbacks are refused" in caplog.text


# Sending


class Time:
    """Growing seconds."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


def sender_for(
    url: str, folder: Path, clock: Time | None = None, **changes: Any
) -> tuple[WecomAppSender, WechatClient]:
    app = settings(url, **changes)
    client = WechatClient(
        "wecom_app main",
        url,
        MovableClock(),
        corp_token(app.corp_id, app.secret),
        meanings("wecom_app main"),
        httpx.Timeout(0.5),
    )
    courier = Courier("wecom_app main", client, MediaStore(folder))
    return WecomAppSender(app, client, courier, clock or Time()), client


@pytest.fixture
async def sender(qyapi: Qyapi, tmp_path: Path) -> AsyncIterator[WecomAppSender]:
    sender, client = sender_for(qyapi.url, tmp_path)
    yield sender
    await client.close()


def delivery(number: int = 1, content: Text | Card | Attachment | None = None, person: str = "zhao") -> Delivery:
    return Delivery(f"uuid-{number}", person, True, content or Text(f"第{number}条"))


async def test_a_text_to_a_member(qyapi: Qyapi, sender: WecomAppSender) -> None:
    msgid = await sender.send(delivery())
    (message,) = qyapi.record.messages
    assert (message.msgid, message.to, message.msgtype, message.content) == (
        *(msgid, ["zhao"], "text", {"content": "第1条"}),
    )


async def test_a_text_to_a_group_of_the_app(qyapi: Qyapi, sender: WecomAppSender) -> None:
    qyapi.chats["c1"] = {"chatid": "c1", "name": "", "owner": "li", "userlist": ["li", "zhao"]}
    assert await sender.send(Delivery("uuid", "c1", False, Text("明天开课"))) == ""
    assert [(message.chat, message.content) for message in qyapi.record.chat_messages] == [
        ("c1", {"content": "明天开课"})
    ]
    with pytest.raises(Refused):
        await sender.send(Delivery("uuid-2", "c2", False, Text("明天开课")))


@pytest.mark.parametrize("person", ["@all", "@ALL", "zhao|li", ""])
async def test_nobody_is_told_what_is_meant_for_one(qyapi: Qyapi, sender: WecomAppSender, person: str) -> None:
    with pytest.raises(Refused):
        await sender.send(delivery(person=person))
    assert not qyapi.record.messages


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_a_post_whose_answer_was_lost_goes_out_once(qyapi: Qyapi, sender: WecomAppSender, fault: Fault) -> None:
    await sender._courier._media.keep(picture(), "0" * 32 + ".jpg")
    card = delivery(1, Card("隐患", photos=("0" * 32 + ".jpg",)))
    qyapi.fail_next(fault, api="message/send")
    with pytest.raises(Uncertain):
        await sender.send(card)
    qyapi.fail_next("busy", api="message/send")
    with pytest.raises(RetryLater):
        await sender.send(card)
    await sender.send(card)
    assert [message.msgtype for message in qyapi.record.messages] == ["text", "image"]
    assert qyapi.record.repeated == 1


async def test_a_photo_whose_answer_was_lost_goes_out_once(qyapi: Qyapi, sender: WecomAppSender) -> None:
    await sender._courier._media.keep(picture(), "0" * 32 + ".jpg")
    card = delivery(1, Card("", photos=("0" * 32 + ".jpg",)))
    qyapi.fail_next("lose_answer", api="message/send")
    with pytest.raises(Uncertain):
        await sender.send(card)
    await sender.send(card)
    assert [message.msgtype for message in qyapi.record.messages] == ["image"]
    assert len(qyapi.record.uploads) == 1


async def test_a_missing_photo_is_left_out(qyapi: Qyapi, sender: WecomAppSender) -> None:
    await sender.send(delivery(1, Card("隐患", photos=("0" * 32 + ".jpg",))))
    assert [message.msgtype for message in qyapi.record.messages] == ["text"]


async def test_an_expired_token_is_renewed_in_the_middle(qyapi: Qyapi, sender: WecomAppSender) -> None:
    await sender.send(delivery(1))
    qyapi.revoke_tokens()
    await asyncio.gather(*(sender.send(delivery(number, person=f"p{number}")) for number in range(2, 9)))
    assert len(qyapi.record.messages) == 8
    assert qyapi.requests["gettoken"] == 2


@pytest.mark.parametrize(
    ("fault", "code", "everything"),
    [
        ("busy", "-1", False),
        ("limited", "45009", True),
        ("error_500", "-1", False),
        ("error_502", "http_502", False),
        ("html", "http_200", False),
    ],
)
async def test_passing_troubles(
    qyapi: Qyapi, sender: WecomAppSender, fault: Fault, code: str, everything: bool
) -> None:
    qyapi.fail_next(fault)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.everything) == (code, everything)
    await sender.send(delivery())
    assert len(qyapi.record.messages) == 1


async def test_a_member_who_does_not_see_the_app_is_waited_for(
    qyapi: Qyapi, sender: WecomAppSender, caplog: pytest.LogCaptureFixture
) -> None:
    qyapi.remove_member("zhao")
    with pytest.raises(Closed) as caught:
        await sender.send(delivery())
    assert caught.value.code == "81013"
    assert "visible range" in caplog.text


async def test_an_untrusted_address_is_named(
    qyapi: Qyapi, sender: WecomAppSender, caplog: pytest.LogCaptureFixture
) -> None:
    await sender.send(delivery(1))
    qyapi.trust(False)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery(2))
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == ("60020", 60.0, True)
    assert "企业可信IP" in caplog.text


async def test_no_member_is_sent_more_than_wecom_delivers(qyapi: Qyapi, tmp_path: Path) -> None:
    clock = Time()
    sender, client = sender_for(qyapi.url, tmp_path, clock)
    for number in range(30):
        await sender.send(delivery(number))
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery(31))
    assert (caught.value.code, caught.value.everything) == ("budget", False)
    assert 59 < caught.value.seconds <= 60
    await sender.send(delivery(32, person="li"))
    assert not qyapi.record.dropped
    await client.close()


async def test_nobody_there(tmp_path: Path) -> None:
    sender, client = sender_for(NOWHERE, tmp_path)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert caught.value.everything
    await client.close()


# Photos


async def test_photos_are_fetched(qyapi: Qyapi, stage: Stage[WecomAppPlatform]) -> None:
    media_id = qyapi.keep_media(picture())
    assert await stage.platform.fetch(media_id) == picture()
    with pytest.raises(Refused) as caught:
        await stage.platform.fetch("gone")
    assert caught.value.code == "40007"
    qyapi.fail_next("huge_body")
    with pytest.raises(BadPhoto) as large:
        await stage.platform.fetch(media_id)
    assert f"{LARGEST_FILE // 1024 // 1024} MB" in str(large.value)
    for fault in ("html", "error_502", "busy", "cut_answer"):
        qyapi.fail_next(fault)
        with pytest.raises(RetryLater):
            await stage.platform.fetch(media_id)
    await stage.platform.close()
