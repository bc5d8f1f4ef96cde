"""An official account over its callbacks and its API: passive replies in both modes, and its service desk."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.clock import MovableClock
from bot.content import Attachment, Card, Text
from bot.delivery import Closed, Delivery, Refused, RetryLater, Uncertain
from bot.media import BadPhoto, MediaStore, photo_name
from bot.messages import Pending
from bot.platforms.official_account import OfficialAccountPlatform
from bot.platforms.official_account.sender import OfficialAccountSender, meanings
from bot.platforms.wechat import passive
from bot.platforms.wechat.client import WechatClient, account_token
from bot.platforms.wechat.courier import Courier
from bot.platforms.wechat.passive import LARGEST_BODY
from bot.settings import OfficialAccountSettings
from models.outbox import PostState
from tests.conftest import StandingClock
from tests.contracts.passive_app import AES_KEY, LONG, NO_XML, NOWHERE, OTHER_KEY, PHOTO, TOKEN, Stage, copied, damaged
from tests.fakes.official_account import APP_ID, APP_SECRET, Fault, OfficialAccountCloud
from tests.fakes.pictures import picture
from tests.fakes.wechat_xml import AccountCallbacks, Callback, Mode

pytestmark = pytest.mark.anyio

SAFE = AccountCallbacks(TOKEN, AES_KEY, APP_ID)
PLAIN = AccountCallbacks(TOKEN, AES_KEY, APP_ID, mode="plain")


def settings(api_base: str = NOWHERE, **changes: Any) -> OfficialAccountSettings:
    values = {
        "app_id": APP_ID,
        "app_secret": APP_SECRET,
        "token": TOKEN,
        "encoding_aes_key": AES_KEY,
        "api_base": api_base,
    }
    return OfficialAccountSettings.model_validate(values | changes)


@pytest.fixture
def cloud() -> Iterator[OfficialAccountCloud]:
    with OfficialAccountCloud() as fake:
        yield fake


@pytest.fixture
def people(cloud: OfficialAccountCloud) -> AccountCallbacks:
    """Callbacks of which the cloud knows."""
    return AccountCallbacks(TOKEN, AES_KEY, APP_ID, cloud=cloud)


@pytest.fixture
def stage(
    database: Any, clock: StandingClock, tmp_path: Path, cloud: OfficialAccountCloud
) -> Stage[OfficialAccountPlatform]:
    return Stage(database, clock, tmp_path, lambda lent: OfficialAccountPlatform(settings(cloud.url), lent))


@pytest.fixture
async def client(stage: Stage[OfficialAccountPlatform]) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running() as client:
        yield client


Served = tuple[Stage[OfficialAccountPlatform], httpx.AsyncClient, AccountCallbacks]


@pytest.fixture(params=["safe", "plain"])
async def served(
    request: pytest.FixtureRequest, sqlite_template: Path, clock: StandingClock, tmp_path: Path
) -> AsyncIterator[Served]:
    """Without an API, on one database, in either mode."""
    mode: Mode = request.param
    with closing(copied(sqlite_template, tmp_path)) as database:
        changes = {"encoding_aes_key": AES_KEY if mode == "safe" else ""}
        stage = Stage(database, clock, tmp_path, lambda lent: OfficialAccountPlatform(settings(**changes), lent))
        async with stage.running() as client:
            yield stage, client, AccountCallbacks(TOKEN, AES_KEY, APP_ID, mode=mode)


async def said(
    stage: Stage[OfficialAccountPlatform], client: httpx.AsyncClient, people: AccountCallbacks, callback: Callback
) -> str:
    """The passive text; empty: there was none."""
    exchange = await people.deliver(client, stage.url, callback)
    assert exchange.statuses == [200]
    return exchange.reply["Content"] if exchange.reply else ""


# The address


async def test_verification_is_plain_in_both_modes(served: Served) -> None:
    stage, client, people = served
    assert await people.verifies(client, stage.url)
    wrong = people.verification("1") | {"nonce": "other"}
    answer = await client.get(stage.url, params=wrong)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_the_documented_signature(served: Served) -> None:
    stage, client, _ = served
    query = {"timestamp": "1409659589", "nonce": "263014780", "echostr": "42"}
    query["signature"] = "93d1cec91cee4a4a8baada4c807ed13137622215"
    assert (await client.get(stage.url, params=query)).content == b"42"


# What people send


async def test_kinds_of_messages(served: Served) -> None:
    stage, client, people = served
    callbacks = {
        "收到：你好": people.text(" 你好 "),
        "收到：签到了": people.voice("m1", recognition="签到了"),
        "收到：message": people.voice("m2"),
        "收到：人民广场": people.location("人民广场"),
        "收到：积分": people.click("积分"),
        "收到：entered": people.subscribe(),
        "✅ 已签到：小李": people.click("签到"),
    }
    for expected, callback in callbacks.items():
        assert await said(stage, client, people, callback) == expected
    places = [(message.place, message.latitude, message.longitude) for message in stage.script.heard]
    assert [place for place in places if any(place)] == [("人民广场", 31.2304, 121.4737)]
    await said(stage, client, people, people.image("m3", pic_url="http://169.254.169.254/"))
    name = photo_name("official_account", "main", stage.script.heard[-1].key, "m3")
    assert stage.script.heard[-1].pending == (Pending(name, "m3"),)
    assert await said(stage, client, people, people.message("link", {"Title": "t", "Url": "u"})) == "收到：message"


async def test_events_without_effect_are_a_success(served: Served) -> None:
    stage, client, people = served
    ignored = [
        people.report_location(),
        people.unsubscribe(),
        people.event("VIEW", {"EventKey": "https://example.com"}),
        people.event("SCAN", {"EventKey": "7", "Ticket": "t"}),
        people.event("TEMPLATESENDJOBFINISH", {"MsgID": 7, "Status": "success"}),
        people.event("unheard_of", {}),
        people.callback({}, sender="zhao"),
    ]
    for callback in ignored:
        answer = await client.post(stage.url, params=callback.query, content=callback.body)
        assert (answer.status_code, answer.content) == (200, b"success")
    assert not stage.script.heard


async def test_nothing_to_say_is_a_success(served: Served) -> None:
    stage, client, people = served
    callback = people.text("别说")
    answer = await client.post(stage.url, params=callback.query, content=callback.body)
    assert (answer.status_code, answer.content) == (200, b"success")


async def test_every_subscription_is_greeted(served: Served) -> None:
    stage, client, people = served
    for second in (0, 60):
        callback = people.event("subscribe", {"EventKey": "qrscene_1"}, sent_at=1795417200 + second)
        assert await said(stage, client, people, callback) == "收到：entered"


async def test_any_words_come_through(served: Served) -> None:
    stage, client, people = served
    for words in ("]]>", "</Content><MsgType>x", "&amp; <b>", "行\n行", "🐝", "a" * 600):
        assert await said(stage, client, people, people.text(words)) == f"收到：{words}"


# Redelivery


async def test_redelivery_is_one_effect_and_the_same_answer(
    stage: Stage[OfficialAccountPlatform], client: httpx.AsyncClient, people: AccountCallbacks
) -> None:
    for callback in (people.text("你好"), people.click("签到"), people.subscribe()):
        first = await said(stage, client, people, callback)
        assert first
        for after in (timedelta(seconds=5), timedelta(seconds=5), timedelta(hours=6)):
            stage.clock.move_to(stage.clock() + after)
            again = await people.redeliver(client, stage.url, callback)
            assert [exchange.reply and exchange.reply["Content"] for exchange in again] == [first, first]
    assert len(stage.script.heard) == 3


async def test_what_no_delivery_could_carry_is_sent_once(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passive, "IN_TIME", 0.0)
    stage.intake.slow = 0.01
    exchange = await people.deliver(client, stage.url, people.text("你好"), attempts=3)
    assert exchange.statuses == [503, 503, 503]
    await stage.later()
    assert [(told.to, told.content) for told in cloud.record.told] == [("zhao", {"content": "收到：你好"})]


async def test_what_cannot_be_committed_comes_again(served: Served) -> None:
    stage, client, people = served
    stage.intake.unavailable = 2
    exchange = await people.deliver(client, stage.url, people.text("你好"), attempts=3)
    assert exchange.statuses == [503, 503, 200]
    assert len(stage.script.heard) == 1


# What is held, and what is sent


async def test_what_a_person_could_not_be_sent_goes_with_the_next_answer(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    cloud.leave("zhao")
    stage.remind("zhao", Text("明天开课"))
    stage.remind("zhao", Text("已办结"))
    await stage.later()
    assert stage.states() == [PostState.HELD, PostState.HELD]
    assert cloud.refusals[45015] == 2
    assert await said(stage, client, people, people.text("你好")) == "收到：你好\n\n明天开课\n\n已办结"
    await stage.later()
    assert not cloud.record.told
    assert set(stage.states()) == {PostState.TAKEN}


async def test_the_sixth_message_waits_for_the_person(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    await said(stage, client, people, people.text("你好"))
    for number in range(1, 7):
        stage.remind("zhao", Text(f"第{number}条"))
        await stage.later()
    assert len(cloud.record.told) == 5
    assert await said(stage, client, people, people.text("别说")) == "第6条"


async def test_what_is_too_long_for_an_answer_is_sent_once_the_person_has_written(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    cloud.leave("zhao")
    stage.remind("zhao", Text(LONG))
    await stage.later()
    assert stage.states() == [PostState.HELD]
    assert await said(stage, client, people, people.text("别说")) == ""
    await stage.later()
    assert "".join(told.content["content"] for told in cloud.record.told) == LONG
    assert stage.states() == [PostState.SENT]


async def test_photos_are_sent_and_files_are_not(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    await stage.services.media.keep(picture(), PHOTO)
    assert await said(stage, client, people, people.text("卡片")) == ""
    assert "名册.xlsx" in await said(stage, client, people, people.text("导出"))
    await stage.later()
    assert [told.msgtype for told in cloud.record.told] == ["text", "image"]


async def test_an_account_without_a_service_desk_lives_by_its_answers(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    cloud.permit(False)
    assert await said(stage, client, people, people.text("你好")) == "收到：你好"
    stage.remind("zhao", Text("明天开课"))
    await stage.later()
    assert stage.states()[-1] == PostState.HELD
    assert await said(stage, client, people, people.click("签到")) == "✅ 已签到：小李\n\n明天开课"
    long = await said(stage, client, people, people.text("长"))
    assert long == LONG.partition("\n")[0] + "\n…"
    assert await said(stage, client, people, people.text("卡片")) == "隐患 1001\n楼道堆物\n回复「办结 1001」"
    assert "名册.xlsx" in await said(stage, client, people, people.text("导出"))
    await stage.later()
    assert set(stage.states()) == {PostState.TAKEN}
    assert not cloud.record.told


async def test_photos_that_cannot_be_sent_do_not_keep_back_their_words(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    cloud.permit(False)
    stage.remind("zhao", Card("隐患 1001", "楼道堆物", photos=(PHOTO,)))
    stage.remind("zhao", Text("明天开课"))
    await stage.later()
    assert stage.states() == [PostState.HELD, PostState.HELD]
    assert await said(stage, client, people, people.text("你好")) == "收到：你好\n\n隐患 1001\n楼道堆物\n\n明天开课"


async def test_the_same_photo_in_two_messages_is_two_photos(
    stage: Stage[OfficialAccountPlatform], client: httpx.AsyncClient, people: AccountCallbacks
) -> None:
    """Under one name the second message would be a dead letter."""
    for sender in ("zhao", "li"):
        assert await said(stage, client, people, people.image("m1", sender=sender)) == "收到：message"
    assert len({pending.name for message in stage.script.heard for pending in message.pending}) == 2


async def test_a_service_desk_that_was_opened_is_used(
    stage: Stage[OfficialAccountPlatform],
    client: httpx.AsyncClient,
    people: AccountCallbacks,
    cloud: OfficialAccountCloud,
) -> None:
    cloud.permit(False)
    assert await said(stage, client, people, people.text("长")) == "", "not known yet"
    await stage.later()
    assert stage.states() == [PostState.HELD]
    cloud.permit(True)
    assert (await said(stage, client, people, people.text("别说"))).endswith("…")
    stage.remind("zhao", Text("明天开课"))
    await stage.later()
    assert not stage.platform.sender.silent
    assert await said(stage, client, people, people.text("长")) == ""


# Refusals


@pytest.mark.parametrize(
    ("status", "callback"),
    [
        pytest.param(401, AccountCallbacks("other", AES_KEY, APP_ID).text("签到"), id="another token"),
        pytest.param(400, AccountCallbacks(TOKEN, OTHER_KEY, APP_ID).text("签到"), id="another key"),
        pytest.param(401, AccountCallbacks(TOKEN, AES_KEY, "wx1").text("签到"), id="for another account"),
        pytest.param(403, PLAIN.text("签到"), id="plain"),
        pytest.param(401, SAFE.text("签到")._replace(query=PLAIN.text("x").query), id="signed as if it were plain"),
        pytest.param(413, SAFE.text("签到")._replace(body=b"x" * (LARGEST_BODY + 1)), id="large"),
        *(pytest.param(400, SAFE.text("签到")._replace(body=body.encode()), id=body[:30]) for body in NO_XML),
        *(pytest.param(400, SAFE.signed(body, "zhao"), id=f"inside {body[:30]}") for body in NO_XML),
    ],
)
async def test_refusals_in_safe_mode(
    sqlite_template: Path, clock: StandingClock, tmp_path: Path, status: int, callback: Callback
) -> None:
    await refused(sqlite_template, clock, tmp_path, AES_KEY, status, callback)


@pytest.mark.parametrize(
    ("status", "callback"),
    [
        pytest.param(401, AccountCallbacks("other", AES_KEY, APP_ID, mode="plain").text("签到"), id="another token"),
        pytest.param(401, PLAIN.text("签到")._replace(query={}), id="unsigned"),
        pytest.param(403, SAFE.text("签到"), id="encrypted"),
        pytest.param(413, PLAIN.text("签到" * LARGEST_BODY), id="large"),
        *(pytest.param(400, PLAIN.signed(body, "zhao"), id=body[:30]) for body in NO_XML),
    ],
)
async def test_refusals_in_plain_mode(
    sqlite_template: Path, clock: StandingClock, tmp_path: Path, status: int, callback: Callback
) -> None:
    await refused(sqlite_template, clock, tmp_path, "", status, callback)


async def refused(
    template: Path, clock: StandingClock, folder: Path, key: str, status: int, callback: Callback
) -> None:
    with closing(copied(template, folder)) as database:
        changed = settings(encoding_aes_key=key)
        stage = Stage(database, clock, folder, lambda lent: OfficialAccountPlatform(changed, lent))
        async with stage.running() as client:
            answer = await client.post(stage.url, params=callback.query, content=callback.body)
        assert (answer.status_code, answer.content) == (status, b"")
        assert not stage.script.heard


async def test_damaged_callbacks_are_refused(served: Served) -> None:
    stage, client, people = served
    callback = people.text("签到")
    for seed in range(150):
        inside = damaged(callback.plain.encode(), seed).decode(errors="replace")
        for one in (callback._replace(body=damaged(callback.body, seed)), people.signed(inside, "zhao")):
            answer = await client.post(stage.url, params=one.query, content=one.body)
            assert answer.status_code in (200, 400, 401, 403)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"token": ""}, 403), ({"encoding_aes_key": "short"}, 403), ({"token": "", "encoding_aes_key": ""}, 401)],
)
async def test_without_a_token_or_key_everything_is_refused(
    sqlite_template: Path,
    clock: StandingClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, str],
    status: int,
) -> None:
    with closing(copied(sqlite_template, tmp_path)) as database:
        stage = Stage(database, clock, tmp_path, lambda lent: OfficialAccountPlatform(settings(**change), lent))
        nothing = hashlib.sha1(b"17").hexdigest()
        async with stage.running() as client:
            for callback in (SAFE.text("签到"), PLAIN.text("签到")):
                query = callback.query | {"signature": nothing, "timestamp": "1", "nonce": "7"}
                assert (await client.post(stage.url, params=query, content=callback.body)).status_code == status
        assert "callbacks are refused" in caplog.text


# Sending


@pytest.fixture
async def sender(cloud: OfficialAccountCloud, tmp_path: Path) -> AsyncIterator[OfficialAccountSender]:
    token = account_token(APP_ID, APP_SECRET)
    label = "official_account main"
    client = WechatClient(label, cloud.url, MovableClock(), token, meanings(label), httpx.Timeout(0.5))
    cloud.hear("zhao")
    yield OfficialAccountSender("main", client, Courier(label, client, MediaStore(tmp_path)))
    await client.close()


def delivery(number: int = 1, content: Text | Card | Attachment | None = None) -> Delivery:
    return Delivery(f"uuid-{number}", "zhao", True, content or Text(f"第{number}条"))


async def test_texts_and_files(cloud: OfficialAccountCloud, sender: OfficialAccountSender) -> None:
    await sender.send(delivery(1))
    assert [told.content["content"] for told in cloud.record.told] == ["第1条"]
    with pytest.raises(Refused):
        await sender.send(delivery(2, Attachment("名册.xlsx", b"UEs=")))
    with pytest.raises(Refused):
        await sender.send(Delivery("uuid-3", "c1", False, Text("明天开课")))


async def test_an_expired_token_is_renewed_once(cloud: OfficialAccountCloud, sender: OfficialAccountSender) -> None:
    await sender.send(delivery(1))
    cloud.revoke_tokens()
    await sender.send(delivery(2))
    assert cloud.requests["stable_token"] == 2
    assert len(cloud.record.told) == 2


@pytest.mark.parametrize(
    ("fault", "code", "everything"),
    [
        ("busy", "-1", False),
        ("limited", "45009", True),
        ("error_502", "http_502", False),
        ("html", "http_200", False),
    ],
)
async def test_passing_troubles(
    cloud: OfficialAccountCloud, sender: OfficialAccountSender, fault: Fault, code: str, everything: bool
) -> None:
    cloud.fail_next(fault)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery())
    assert (caught.value.code, caught.value.everything) == (code, everything)
    await sender.send(delivery())
    assert len(cloud.record.told) == 1


async def test_a_lost_answer_is_uncertain(cloud: OfficialAccountCloud, sender: OfficialAccountSender) -> None:
    cloud.fail_next("lose_answer")
    with pytest.raises(Uncertain):
        await sender.send(delivery())


async def test_a_long_post_goes_on_where_it_stopped(cloud: OfficialAccountCloud, sender: OfficialAccountSender) -> None:
    for number in range(4):
        await sender.send(delivery(number))
    with pytest.raises(Closed) as caught:
        await sender.send(delivery(9, Text(LONG)))
    assert caught.value.code == "45047"
    cloud.hear("zhao")
    await sender.send(delivery(9, Text(LONG)))
    assert "".join(told.content["content"] for told in cloud.record.told[4:]) == LONG


def remove(cloud: OfficialAccountCloud) -> None:
    cloud.leave("zhao")


def forbid(cloud: OfficialAccountCloud) -> None:
    cloud.permit(False)


@pytest.mark.parametrize(("change", "code", "silent"), [(remove, "45015", False), (forbid, "48001", True)])
async def test_closed(
    cloud: OfficialAccountCloud,
    sender: OfficialAccountSender,
    change: Callable[[OfficialAccountCloud], None],
    code: str,
    silent: bool,
) -> None:
    change(cloud)
    with pytest.raises(Closed) as caught:
        await sender.send(delivery())
    assert (caught.value.code, sender.silent) == (code, silent)


async def test_an_untrusted_address_is_named(
    cloud: OfficialAccountCloud, sender: OfficialAccountSender, caplog: pytest.LogCaptureFixture
) -> None:
    await sender.send(delivery(1))
    cloud.trust(False)
    with pytest.raises(RetryLater) as caught:
        await sender.send(delivery(2))
    assert (caught.value.code, caught.value.everything) == ("40164", True)
    assert "IP白名单" in caplog.text


async def test_photos_are_fetched(cloud: OfficialAccountCloud, stage: Stage[OfficialAccountPlatform]) -> None:
    media_id = cloud.keep_media(picture())
    assert await stage.platform.fetch(media_id) == picture()
    with pytest.raises(Refused) as caught:
        await stage.platform.fetch("gone")
    assert caught.value.code == "40007"
    cloud.fail_next("huge_body")
    with pytest.raises(BadPhoto):
        await stage.platform.fetch(media_id)
    cloud.fail_next("html")
    with pytest.raises(RetryLater):
        await stage.platform.fetch(media_id)
    await stage.platform.close()
