"""Photos that people sent, fetched from the fake cloud over a real port once their message is committed."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bot.clock import system_clock
from bot.delivery import Refused, RetryLater, Uncertain
from bot.media import LARGEST_FILE, BadPhoto, MediaStore
from bot.platforms.feishu import FeishuPlatform
from tests.contracts.feishu_app import callbacks, feishu_settings, platform_for, serving
from tests.fakes.feishu_callbacks import shown, words
from tests.fakes.feishu_cloud import Fault, FeishuCloud, Kind, Odd
from tests.fakes.intake import StubIntake
from tests.fakes.pictures import picture

pytestmark = pytest.mark.anyio

MESSAGE = "om_7~oc_1"
KEY = "img_v3_0001"
SOURCE = json.dumps({"message_id": MESSAGE, "key": KEY})


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        yield serving


@pytest.fixture
async def platform(cloud: FeishuCloud) -> AsyncIterator[FeishuPlatform]:
    platform = platform_for(StubIntake(), feishu_settings(cloud.url))
    yield platform
    await platform.close()


def test_a_message_names_its_photos_before_they_are_fetched(tmp_path: Path) -> None:
    intake = StubIntake()
    with serving(platform_for(intake)) as url:
        sender = callbacks()
        for callback in (
            sender.image(KEY, message_id=MESSAGE),
            sender.post([words("看下这张图")], [shown(KEY), shown("img_v3_0002")], mention_bot=True),
        ):
            assert httpx.post(url, content=callback.body, headers=callback.headers).status_code == 200
    alone, post = intake.messages
    assert [json.loads(photo.source)["key"] for photo in alone.pending] == [KEY]
    assert [json.loads(photo.source)["key"] for photo in post.pending] == [KEY, "img_v3_0002"]
    assert post.text == "看下这张图"
    assert len({*alone.photos, *post.photos}) == 3, "the same key in another message is another photo"


async def test_photo(cloud: FeishuCloud, platform: FeishuPlatform, tmp_path: Path) -> None:
    cloud.add_resource(MESSAGE, KEY)
    media = MediaStore(tmp_path)
    name = "0" * 32 + ".jpg"
    assert await media.keep(await platform.fetch(SOURCE), name) == name
    assert media.has(name)
    media.close()


async def test_a_bomb_is_fetched_and_not_kept(cloud: FeishuCloud, platform: FeishuPlatform, tmp_path: Path) -> None:
    cloud.add_resource(MESSAGE, KEY, "bomb")
    media = MediaStore(tmp_path)
    with pytest.raises(BadPhoto, match="像素太高"):
        await media.keep(await platform.fetch(SOURCE))
    media.close()


async def test_a_hundred_megabytes_are_broken_off(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY, "endless")
    with pytest.raises(BadPhoto, match="照片太大了"):
        await platform.fetch(SOURCE)
    assert cloud.record.served_bytes[KEY] < 3 * LARGEST_FILE
    cloud.add_resource(MESSAGE, KEY, b"x" * (LARGEST_FILE + 1))
    with pytest.raises(BadPhoto, match="照片太大了"):
        await platform.fetch(SOURCE)


async def test_redirects_are_not_followed(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY, "redirect")
    with pytest.raises(Refused) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == "http_307"
    assert cloud.record.requests["private"] == 0


async def test_a_page_instead_of_a_picture_may_pass(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY, "html")
    with pytest.raises(RetryLater):
        await platform.fetch(SOURCE)


@pytest.mark.parametrize(
    ("kind", "content", "code"), [("unsupported", "picture", "234043"), ("file", picture(), "234003")]
)
async def test_what_is_no_picture_of_the_message(
    cloud: FeishuCloud, platform: FeishuPlatform, kind: Kind, content: bytes | Odd, code: str
) -> None:
    cloud.add_resource(MESSAGE, KEY, content, kind)
    with pytest.raises(Refused) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == code


async def test_nobody_is_asked_again_for_a_photo_of_an_external_group(
    cloud: FeishuCloud, platform: FeishuPlatform
) -> None:
    cloud.refuse("resource", 234009)
    with pytest.raises(BadPhoto, match="私聊"):
        await platform.fetch(SOURCE)


async def test_what_is_there_no_more(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    with pytest.raises(Refused) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == "234003"
    cloud.add_resource(MESSAGE, KEY)
    cloud.recall(MESSAGE)
    with pytest.raises(Refused) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == "230110"
    cloud.remove_bot("oc_1")
    with pytest.raises(Refused) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == "234004"


@pytest.mark.parametrize("fault", ["error_500", "html", "throttled"])
async def test_troubles_that_pass(cloud: FeishuCloud, platform: FeishuPlatform, fault: Fault) -> None:
    cloud.add_resource(MESSAGE, KEY)
    cloud.fail_next(fault, api="resource")
    with pytest.raises(RetryLater):
        await platform.fetch(SOURCE)
    assert await platform.fetch(SOURCE) == picture()


async def test_broken_off_answer(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY)
    cloud.fail_next("cut_answer", api="resource")
    with pytest.raises(Uncertain):
        await platform.fetch(SOURCE)
    assert await platform.fetch(SOURCE) == picture()


async def test_expired_token_is_renewed(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY)
    await platform.fetch(SOURCE)
    cloud.revoke_tokens()
    assert await platform.fetch(SOURCE) == picture()
    cloud.fail_next("expired_token", 2, api="resource")
    with pytest.raises(RetryLater) as caught:
        await platform.fetch(SOURCE)
    assert caught.value.code == "99991663"


async def test_a_file_that_claims_to_be_json(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    cloud.add_resource(MESSAGE, KEY, b'{"a":1}', content_type="application/json")
    with pytest.raises(RetryLater):
        await platform.fetch(SOURCE)


@pytest.mark.parametrize("source", ["", "[]", "{", "7", "null", "{}", '{"message_id":"om_1","key":""}'])
async def test_source_of_another_make(platform: FeishuPlatform, source: str) -> None:
    with pytest.raises(Refused) as caught:
        await platform.fetch(source)
    assert caught.value.code == "bad_source"


async def test_a_key_cannot_lead_to_another_api(cloud: FeishuCloud, platform: FeishuPlatform) -> None:
    source = json.dumps({"message_id": "om_1/../../chats?x=", "key": "../../bot/v3/info"})
    with pytest.raises((Refused, RetryLater)):
        await platform.fetch(source)
    assert not {"info", "chats"} & set(cloud.record.requests)


async def test_nobody_there() -> None:
    platform = platform_for(StubIntake(), clock=system_clock)
    with pytest.raises(RetryLater):
        await platform.fetch(SOURCE)
    await platform.close()
