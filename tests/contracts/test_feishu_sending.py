"""Sending against the fake cloud over a real port."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bot.clock import MovableClock
from bot.content import Attachment, Button, Card, Choice, Form, Mention, Text
from bot.delivery import Delivery, Refused, RetryLater, Uncertain
from bot.media import MediaStore
from bot.platforms.budget import Rate
from bot.platforms.feishu import FeishuPlatform
from bot.platforms.feishu.client import FeishuClient
from bot.platforms.feishu.sender import FeishuSender
from tests.contracts.feishu_app import feishu_settings, platform_for
from tests.fakes.feishu_callbacks import BOT_OPEN_ID
from tests.fakes.feishu_cloud import Fault, FeishuCloud, Rules
from tests.fakes.intake import StubIntake
from tests.fakes.pictures import picture
from tests.fakes.serving import ServerThread, free_port

pytestmark = pytest.mark.anyio

CARD = Card("10分钟微课堂", "15:10 截止", buttons=(Button("签到", "签到", "lesson:17"),), hint="回复「签到」")


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        yield serving


@pytest.fixture
def time() -> MovableClock:
    return MovableClock()


@pytest.fixture
def media(tmp_path: Path) -> Iterator[MediaStore]:
    store = MediaStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
async def sender(cloud: FeishuCloud, time: MovableClock, media: MediaStore) -> AsyncIterator[FeishuSender]:
    client = FeishuClient(feishu_settings(cloud.url), time, httpx.Timeout(0.5))
    yield FeishuSender("main", client, media)
    await client.close()


def delivery(
    number: int = 1, content: Text | Card | Attachment | None = None, *, chat: str = "oc_1", reply_to: str = ""
) -> Delivery:
    return Delivery(f"uuid-{number}", chat, False, content or Text(f"第{number}条"), reply_to)


def to_person(content: Text | Card, *, reply_to: str = "") -> Delivery:
    return Delivery("uuid-p", "ou_1", True, content, reply_to)


# What is sent


async def test_text_to_a_group(cloud: FeishuCloud, sender: FeishuSender) -> None:
    message_id = await sender.send(delivery())
    (post,) = cloud.record.posts
    assert (post.message_id, post.to, post.msg_type, post.content) == (message_id, "oc_1", "text", {"text": "第1条"})
    assert post.uuid == "uuid-1"


async def test_card_to_a_person(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(to_person(CARD))
    (post,) = cloud.record.posts
    assert (post.to, post.msg_type, post.content["schema"]) == ("ou_1", "interactive", "2.0")


async def test_reply(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery(reply_to="om_7~oc_1"))
    (post,) = cloud.record.posts
    assert (post.reply_to, post.chat) == ("om_7~oc_1", "oc_1")


async def test_reply_to_a_recalled_message_becomes_a_post(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.recall("om_7~oc_1")
    await sender.send(delivery(reply_to="om_7~oc_1"))
    (post,) = cloud.record.posts
    assert (post.reply_to, post.to, post.uuid) == ("", "oc_1", "uuid-1")


@pytest.mark.parametrize("code", [230050, 230071, 230110])
async def test_an_answer_is_not_lost_with_the_message_that_asked(
    cloud: FeishuCloud, sender: FeishuSender, code: int
) -> None:
    cloud.refuse("reply", code)
    await sender.send(delivery(reply_to="om_7~oc_1"))
    (post,) = cloud.record.posts
    assert (post.reply_to, post.to) == ("", "oc_1")


async def test_what_is_for_one_person_never_becomes_a_reply_in_the_group(
    cloud: FeishuCloud, sender: FeishuSender
) -> None:
    await sender.send(to_person(Text("您的诉求已受理"), reply_to="om_7~oc_1"))
    (post,) = cloud.record.posts
    assert (post.to, post.reply_to) == ("ou_1", "")


async def test_tick_twice_is_one_tick(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.react("om_7~oc_1", chat="oc_1")
    await sender.react("om_7~oc_1", chat="oc_1")
    assert [(reaction.message_id, reaction.emoji) for reaction in cloud.record.reactions] == [("om_7~oc_1", "DONE")]
    assert cloud.record.repeated_reactions == 1


async def test_card_is_brought_up_to_date(cloud: FeishuCloud, sender: FeishuSender) -> None:
    ref = await sender.send(delivery(content=CARD))
    await sender.update(ref, Card("10分钟微课堂", "已签到 3 人"), private=False)
    (update,) = cloud.record.updates
    assert update.message_id == ref
    assert "已签到 3 人" in json.dumps(update.content, ensure_ascii=False)


async def test_nobody_is_mentioned_by_what_people_wrote(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery(1, Text('<at user_id="all"></at>')))
    await sender.send(delivery(2, Card("标题", "<at id=all></at>")))
    assert cloud.record.posts[0].mentions == []
    assert "markdown" not in json.dumps(cloud.record.posts[1].content)


async def test_longest_contents_are_accepted(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery(1, Card("名册", "小李 没签到\n" * 20_000)))
    await sender.send(delivery(2, Text("小李 没签到\n" * 20_000)))
    assert len(cloud.record.posts) == 2


async def test_mentions_are_real(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery(1, Text("下课了", (Mention("小李", "ou_1"), Mention("小张", "ou_2")))))
    assert cloud.record.posts[0].mentions == ['<at user_id=\\"ou_1\\">', '<at user_id=\\"ou_2\\">']


async def test_choice_and_form_are_accepted_and_stay_private(cloud: FeishuCloud, sender: FeishuSender) -> None:
    finish = Button("办结", "办结 1001", "case:1001")
    card = Card("诉求 1001", choice=Choice("哪一件", (finish,)), form=Form("写下结果", finish))
    ref = await sender.send(to_person(card))
    await sender.update(ref, card, private=True)
    for content in (cloud.record.posts[0].content, cloud.record.updates[0].content):
        select, form = content["body"]["elements"]
        assert select["behaviors"][0]["value"]["private"] is True
        assert form["elements"][1]["value"]["private"] is True


# Photos and files


async def test_a_photo_is_uploaded_once_for_many_cards(
    cloud: FeishuCloud, sender: FeishuSender, media: MediaStore
) -> None:
    card = Card("隐患 1001", photos=(media.save(picture()),))
    ref, _ = await asyncio.gather(*(sender.send(delivery(n, card, chat=f"oc_{n}")) for n in (1, 2)))
    await sender.update(ref, card, private=False)
    (image,) = cloud.record.images
    assert cloud.uploaded(image.key) == media.path(card.photos[0]).read_bytes()
    shown = [*(post.content for post in cloud.record.posts), cloud.record.updates[0].content]
    assert [content["body"]["elements"][0]["img_key"] for content in shown] == [image.key] * 3


async def test_cards_do_not_wait_for_the_photos_of_others(
    cloud: FeishuCloud, sender: FeishuSender, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, slow = (Card("隐患", photos=(media.save(picture("JPEG", side)),)) for side in (40, 50))
    await sender.send(delivery(1, known))

    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(FeishuClient, "upload", hang)
    uploading = asyncio.create_task(sender.send(delivery(2, slow, chat="oc_2")))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        await sender.send(delivery(3, CARD, chat="oc_3"))
        await sender.send(delivery(4, known, chat="oc_4"))
    uploading.cancel()
    assert [post.to for post in cloud.record.posts] == ["oc_1", "oc_3", "oc_4"]


async def test_a_missing_photo_is_left_out(cloud: FeishuCloud, sender: FeishuSender, media: MediaStore) -> None:
    await sender.send(delivery(1, Card("隐患 1001", photos=("0" * 32 + ".jpg", media.save(picture())))))
    assert [element["tag"] for element in cloud.record.posts[0].content["body"]["elements"]] == ["img"]


async def test_a_photo_that_is_refused_does_not_cost_the_card(
    cloud: FeishuCloud, sender: FeishuSender, media: MediaStore
) -> None:
    cloud.refuse("image", 99991672)
    await sender.send(delivery(1, Card("隐患 1001", "路灯不亮", photos=(media.save(picture()),))))
    assert [element["tag"] for element in cloud.record.posts[0].content["body"]["elements"]] == ["div"]


async def test_a_key_that_is_good_no_more_does_not_cost_the_card(time: MovableClock, media: MediaStore) -> None:
    port = free_port()
    card = Card("隐患 1001", "路灯不亮", photos=(media.save(picture()),))
    client = FeishuClient(feishu_settings(f"http://127.0.0.1:{port}"), time)
    sender = FeishuSender("main", client, media)
    with FeishuCloud(port=port) as cloud:
        await sender.send(delivery(1, card))
    with FeishuCloud(port=port) as cloud:
        await sender.send(delivery(2, card))
        await sender.send(delivery(3, card))
        await client.close()
    assert cloud.record.refusals[230099] == 1
    tags = [[element["tag"] for element in post.content["body"]["elements"]] for post in cloud.record.posts]
    assert tags == [["div"], ["div", "img"]]


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer", "error_500", "html"])
async def test_an_upload_that_fails_leaves_nothing_uncertain(
    cloud: FeishuCloud, sender: FeishuSender, media: MediaStore, fault: Fault
) -> None:
    card = Card("隐患 1001", photos=(media.save(picture()),))
    cloud.fail_next(fault, api="image")
    with pytest.raises(RetryLater):
        await sender.send(delivery(1, card))
    assert not cloud.record.posts
    await sender.send(delivery(1, card))
    assert len(cloud.record.posts) == 1


async def test_token_that_expires_between_upload_and_post(
    cloud: FeishuCloud, sender: FeishuSender, media: MediaStore
) -> None:
    card = Card("隐患 1001", photos=(media.save(picture()),))
    cloud.fail_next("expired_token", api="image")
    cloud.fail_next("expired_token", api="create")
    await sender.send(delivery(1, card))
    assert (len(cloud.record.images), len(cloud.record.posts)) == (1, 1)


@pytest.mark.parametrize(
    ("name", "file_type"),
    [("小李 名册.XLSX", "xls"), ("通知.pdf", "pdf"), ("说明.docx", "doc"), ("录音.mp4", "stream"), ("名册", "stream")],
)
async def test_file(cloud: FeishuCloud, sender: FeishuSender, name: str, file_type: str) -> None:
    await sender.send(delivery(1, Attachment(name, b"PK\x03\x04")))
    (file,) = cloud.record.files
    (post,) = cloud.record.posts
    assert (file.file_type, file.name, cloud.uploaded(file.key)) == (file_type, name, b"PK\x03\x04")
    assert (post.msg_type, post.content) == ("file", {"file_key": file.key})


async def test_empty_file_is_refused(cloud: FeishuCloud, sender: FeishuSender) -> None:
    with pytest.raises(Refused) as caught:
        await sender.send(delivery(1, Attachment("名册.xlsx", b"")))
    assert caught.value.code == "234010"


# The token


async def test_fifty_sends_ask_for_one_token(sender: FeishuSender, cloud: FeishuCloud) -> None:
    await asyncio.gather(*(sender.send(delivery(number, chat=f"oc_{number}")) for number in range(50)))
    assert len(cloud.record.posts) == 50
    assert cloud.record.requests["token"] == 1


async def test_expired_token_is_renewed_once_for_all(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery(0))
    cloud.revoke_tokens()
    await asyncio.gather(*(sender.send(delivery(number, chat=f"oc_{number}")) for number in range(1, 21)))
    assert len(cloud.record.posts) == 21
    assert cloud.record.requests["token"] == 2
    assert set(cloud.record.refusals) == {99991663}


async def test_token_that_stays_bad_is_a_pause_for_everything(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.fail_next("expired_token", 2)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.everything) == ("99991663", True)
    assert cloud.record.requests["create"] == 2


async def test_token_is_renewed_before_it_expires(cloud: FeishuCloud, sender: FeishuSender, time: MovableClock) -> None:
    await sender.send(delivery(1))
    time.move_to(time() + timedelta(hours=2, minutes=-15))
    await sender.send(delivery(2))
    assert cloud.record.requests["token"] == 1
    time.move_to(time() + timedelta(minutes=6))
    await sender.send(delivery(3))
    assert cloud.record.requests["token"] == 2
    assert not cloud.record.refusals


async def test_wrong_credentials_are_retried_slowly_and_named(
    cloud: FeishuCloud, time: MovableClock, media: MediaStore, caplog: pytest.LogCaptureFixture
) -> None:
    client = FeishuClient(feishu_settings(cloud.url, app_secret="wrong"), time)
    with pytest.raises(RetryLater) as caught:
        await FeishuSender("main", client, media).send(delivery())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == ("10014", 60.0, True)
    assert "10014" in caplog.text
    assert "wrong" not in caplog.text
    await client.close()


@pytest.mark.parametrize(
    ("fault", "code", "seconds"),
    [("error_500", "2200", 5.0), ("html", "http_502", 5.0), ("throttled", "99991400", 2.0)],
)
async def test_a_token_that_cannot_be_had_now_is_nobodys_wrong_secret(
    cloud: FeishuCloud, sender: FeishuSender, caplog: pytest.LogCaptureFixture, fault: Fault, code: str, seconds: float
) -> None:
    cloud.fail_next(fault, api="token")
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == (code, seconds, True)
    assert "app_secret" not in caplog.text
    await sender.send(delivery())
    assert len(cloud.record.posts) == 1


async def test_one_who_gives_up_does_not_take_the_token_from_the_others(
    cloud: FeishuCloud, sender: FeishuSender
) -> None:
    impatient = asyncio.create_task(sender.send(delivery(1)))
    patient = asyncio.create_task(sender.send(delivery(2)))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert await patient
    assert cloud.record.requests["token"] == 1


# Limits and errors


async def test_sixth_post_of_a_second_waits(cloud: FeishuCloud, sender: FeishuSender) -> None:
    results = await asyncio.gather(*(sender.send(delivery(n)) for n in range(7)), return_exceptions=True)
    waits = [result for result in results if isinstance(result, RetryLater)]
    assert {(wait.code, wait.everything) for wait in waits} == {("230020", False)}
    assert len(waits) == 2
    await asyncio.sleep(max(wait.seconds for wait in waits) + 0.1)
    await asyncio.gather(*(sender.send(delivery(n)) for n in range(7, 10)))
    assert len(cloud.record.posts) == 8


async def test_gateway_limit_says_how_long_everything_waits(time: MovableClock, media: MediaStore) -> None:
    rules = Rules(api_per_second=100, api_per_minute=3)
    with FeishuCloud(rules=rules) as cloud:
        client = FeishuClient(feishu_settings(cloud.url), time)
        sender = FeishuSender("main", client, media)
        for number in range(3):
            await sender.send(delivery(number))
        with pytest.raises(RetryLater) as caught:
            await sender.send(delivery(4))
        await client.close()
    assert (caught.value.code, caught.value.everything) == ("99991400", True)
    assert 50 < caught.value.seconds <= 60


async def test_a_burst_is_spread_so_that_nothing_is_refused(cloud: FeishuCloud, sender: FeishuSender) -> None:
    await sender.send(delivery())
    await asyncio.gather(*(sender.send(delivery(number, chat=f"oc_{number}")) for number in range(2, 61)))
    assert len(cloud.record.posts) == 60
    assert not cloud.record.refusals


async def test_what_would_wait_long_is_put_off(
    cloud: FeishuCloud, time: MovableClock, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.feishu.client.RATES", (Rate(1, 60.0),))
    client = FeishuClient(feishu_settings(cloud.url), time)
    sender = FeishuSender("main", client, media)
    for send, everything in (
        (partial(sender.send, delivery()), True),
        (partial(sender.send, delivery(reply_to="om_7~oc_1")), True),
        (partial(sender.react, "om_7~oc_1", chat="oc_1"), False),
    ):
        await send()
        with pytest.raises(RetryLater) as caught:
            await send()
        assert (caught.value.code, caught.value.everything) == ("own_rate", everything)
        assert 50 < caught.value.seconds <= 60
    await client.close()
    assert cloud.record.requests.total() == 4, "one token and one of each"


@pytest.mark.parametrize(
    ("fault", "code", "seconds", "everything"),
    [("throttled", "99991400", 2.0, True), ("chat_throttled", "230020", 1.0, False)],
)
async def test_limits_that_others_have_used_up(
    cloud: FeishuCloud, sender: FeishuSender, fault: Fault, code: str, seconds: float, everything: bool
) -> None:
    cloud.fail_next(fault)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == (code, seconds, everything)
    await sender.send(delivery())
    assert len(cloud.record.posts) == 1


async def test_a_repeated_uuid_posts_once(cloud: FeishuCloud, sender: FeishuSender) -> None:
    assert await sender.send(delivery()) == await sender.send(delivery())
    assert len(cloud.record.posts) == 1
    assert cloud.record.repeated_uuids == {"uuid-1": 1}


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_lost_answer_is_uncertain_and_the_repetition_posts_nothing(
    cloud: FeishuCloud, sender: FeishuSender, fault: Fault
) -> None:
    cloud.fail_next(fault)
    with pytest.raises(Uncertain):
        await sender.send(delivery())
    (post,) = cloud.record.posts
    assert await sender.send(delivery()) == post.message_id
    assert len(cloud.record.posts) == 1
    assert cloud.record.double_posts == {}


@pytest.mark.parametrize(("fault", "code"), [("error_500", "2200"), ("html", "http_502"), ("in_flight", "230049")])
async def test_passing_troubles(cloud: FeishuCloud, sender: FeishuSender, fault: Fault, code: str) -> None:
    cloud.fail_next(fault)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.everything) == (code, False)
    await sender.send(delivery())
    assert len(cloud.record.posts) == 1


async def test_bot_outside_the_group_is_refused(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.remove_bot("oc_1")
    with pytest.raises(Refused) as caught:
        await sender.send(delivery())
    assert caught.value.code == "230002"


async def test_refused_reply_stays_refused(cloud: FeishuCloud, sender: FeishuSender) -> None:
    cloud.remove_bot("oc_1")
    with pytest.raises(Refused) as caught:
        await sender.send(delivery(reply_to="om_7~oc_1"))
    assert caught.value.code == "230002"


async def test_nobody_there(time: MovableClock, media: MediaStore) -> None:
    client = FeishuClient(feishu_settings(), time)
    with pytest.raises(RetryLater) as caught:
        await FeishuSender("main", client, media).send(delivery())
    assert caught.value.everything
    await client.close()


async def test_an_answer_that_drips_is_not_waited_for_without_end(
    time: MovableClock, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    async def drip(_: Request) -> Response:
        return StreamingResponse(drops())

    monkeypatch.setattr("bot.platforms.feishu.client.IN_ALL", 0.3)
    with ServerThread(Starlette(routes=[Route("/{path:path}", drip, methods=["POST"])])) as server:
        client = FeishuClient(feishu_settings(server.url), time)
        async with asyncio.timeout(3):
            with pytest.raises(RetryLater) as caught:
                await FeishuSender("main", client, media).send(delivery())
        await client.close()
    assert (caught.value.code, caught.value.everything) == ("token", True)


async def test_wrong_address_is_retried(cloud: FeishuCloud, time: MovableClock, media: MediaStore) -> None:
    client = FeishuClient(feishu_settings(f"{cloud.url}/elsewhere"), time)
    with pytest.raises(RetryLater) as caught:
        await FeishuSender("main", client, media).send(delivery())
    assert caught.value.code == "http_404"
    await client.close()


async def test_logs_carry_ids_and_codes_but_no_texts(
    cloud: FeishuCloud, sender: FeishuSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    cloud.remove_bot("oc_1")
    with pytest.raises(Refused):
        await sender.send(delivery(1, Text("不能见光的话")))
    assert "230002" in caplog.text
    assert "不能见光的话" not in caplog.text


# Who the bot is


async def until_known(platform: FeishuPlatform) -> None:
    for _ in range(500):
        if platform.identity.open_id:
            return
        await asyncio.sleep(0.01)


async def test_the_bot_learns_its_open_id(cloud: FeishuCloud) -> None:
    platform = platform_for(StubIntake(), feishu_settings(cloud.url))
    await platform.start()
    await until_known(platform)
    assert (platform.identity.open_id, platform.identity.app_name) == (BOT_OPEN_ID, "小蜂")
    await platform.close()


async def test_closing_before_anything_was_learned() -> None:
    platform = platform_for(StubIntake())
    await platform.close()
    platform = platform_for(StubIntake())
    await platform.start()
    await platform.close()
