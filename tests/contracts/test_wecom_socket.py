"""The robot on its long connection against the fake gateway: receiving, answering, and coming back after anything."""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect

from bot.clock import system_clock
from bot.content import Attachment, Button, Card, Choice, Field, Mention, Text, dump
from bot.delivery import Closed, Delivery, Refused, RetryLater, Uncertain
from bot.media import BadPhoto
from bot.messages import IncomingMessage, Receipt
from bot.platforms.base import Services
from bot.platforms.wecom_aibot import WecomAibotPlatform
from bot.platforms.wecom_aibot.protocol import Ref
from bot.platforms.wecom_aibot.receiver import NOT_PRESSED, NOT_RECORDED
from bot.platforms.wecom_aibot.socket import AibotSocket
from bot.platforms.wecom_aibot.streams import HEARD, LATE
from bot.posting import Address, post_row
from models.database import Database
from models.outbox import Post, PostKind
from tests.contracts.wecom_aibot_app import QUICK, aibot_settings, lent, running, until
from tests.fakes.intake import StubIntake
from tests.fakes.pictures import picture
from tests.fakes.wecom_gateway import SECRET, Rules, WecomGateway

pytestmark = pytest.mark.anyio

CHAT, USER = "wrCHAT", "lihua"
LESSON = Card(
    "10分钟微课堂",
    "15:10 截止",
    (Field("已签到", "3 人"),),
    buttons=(Button("签到", "签到", "lesson:17"),),
    hint="回复签到",
)


class SlowIntake(StubIntake):
    """One that takes its time."""

    seconds = 0.4

    async def submit(self, message: IncomingMessage) -> Receipt:
        await asyncio.sleep(self.seconds)
        return await super().submit(message)


@pytest.fixture
def gateway() -> Iterator[WecomGateway]:
    with WecomGateway() as serving:
        yield serving


@pytest.fixture
def kept(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "jufeng.db"
    shutil.copy(sqlite_template, path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def intake() -> StubIntake:
    return StubIntake("已签到")


@pytest.fixture
def given(intake: StubIntake, kept: Database, tmp_path: Path) -> Services:
    return lent(intake, kept, folder=tmp_path / "photos")


@pytest.fixture
async def robot(gateway: WecomGateway, given: Services) -> AsyncIterator[WecomAibotPlatform]:
    async with running(gateway, given) as platform:
        yield platform


def delivery(content: Text | Card | Attachment, *, number: int = 1, reply_to: str = "", chat: str = CHAT) -> Delivery:
    return Delivery(f"{number:032x}", chat, False, content, reply_to)


def to_person(content: Text | Card, *, reply_to: str = "") -> Delivery:
    return Delivery("p" * 32, USER, True, content, reply_to)


async def heard(gateway: WecomGateway, intake: StubIntake, *, private: bool = False) -> str:
    """Has a message said, and returns its ref."""
    before = len(intake.messages)
    gateway.say(CHAT, USER, "签到", private=private)
    await until(lambda: len(intake.messages) > before)
    return intake.messages[-1].ref


# Hearing and answering


async def test_message_is_committed_and_answered(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    assert (intake.messages[0].chat, intake.messages[0].sender, intake.messages[0].text) == (CHAT, USER, "签到")
    await robot.sender.send(delivery(Text("✅ 已签到：小李"), reply_to=ref))
    (stream,) = gateway.record.streams
    assert (stream.target, stream.frames, stream.finished) == (CHAT, ["✅ 已签到：小李"], True)
    assert gateway.record.pushes == []


async def test_redelivered_message_has_the_same_key(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    callback = gateway.say(CHAT, USER, "签到")
    gateway.redeliver(callback)
    gateway.say(CHAT, USER, "请假")
    await until(lambda: len(intake.messages) == 2)
    assert [message.text for message in intake.messages] == ["签到", "请假"]


async def test_messages_keep_their_order(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    for number in range(100):
        gateway.say(CHAT, USER, str(number))
    await until(lambda: len(intake.messages) == 100)
    assert [message.text for message in intake.messages] == [str(number) for number in range(100)]


async def test_slow_commit_is_shown_and_then_answered_in_the_same_stream(gateway: WecomGateway, kept: Database) -> None:
    intake = SlowIntake()
    async with running(gateway, lent(intake, kept)) as platform:
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams)
        assert not intake.messages
        await until(lambda: intake.messages)
        await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
        (stream,) = gateway.record.streams
        assert (stream.frames, stream.finished) == (["", "好"], True)


async def test_begun_answer_that_no_post_finishes_is_ended(gateway: WecomGateway, kept: Database) -> None:
    intake = SlowIntake()
    async with running(gateway, lent(intake, kept)):
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams and gateway.record.streams[0].finished)
        assert gateway.record.streams[0].text == HEARD


async def test_begun_answer_is_ended_while_the_message_is_still_under_way(
    gateway: WecomGateway, kept: Database
) -> None:
    intake = SlowIntake()
    intake.seconds = 1.5
    async with running(gateway, lent(intake, kept), timing=replace(QUICK, unanswered=0.4)) as platform:
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams and gateway.record.streams[0].finished)
        assert gateway.record.streams[0].text == LATE
        await until(lambda: intake.messages)
        await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
        assert [stream.text for stream in gateway.record.streams] == [LATE, "好"]


async def test_message_that_cannot_be_committed_is_tried_again(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    intake.unavailable = 2
    gateway.say(CHAT, USER, "签到")
    await until(lambda: intake.messages)


async def test_message_that_stays_uncommitted_is_said_to_be(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    intake.unavailable = 100
    gateway.say(CHAT, USER, "签到")
    await until(lambda: gateway.record.streams and gateway.record.streams[0].finished)
    assert gateway.record.streams[0].text == NOT_RECORDED


async def test_broken_message_takes_no_other_with_it(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    gateway.deliver({"msgid": "m", "msgtype": "text", "text": 7})
    gateway.deliver({"msgid": "m", "msgtype": "event", "event": {"eventtype": "auth_change_event"}})
    await heard(gateway, intake)


# Photos


async def test_photo_is_fetched_and_opened(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    gateway.send_photo(USER, gateway.media.keep(picture()))
    await until(lambda: intake.messages)
    (photo,) = intake.messages[0].pending
    assert await robot.fetch(photo.source) == picture()


async def test_photo_that_its_key_does_not_open(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    gateway.send_photo(USER, gateway.media.keep_raw(b"x" * 64))
    await until(lambda: intake.messages)
    with pytest.raises(BadPhoto):
        await robot.fetch(intake.messages[0].pending[0].source)


@pytest.mark.parametrize("source", ["", "[]", "{", "nothing"])
async def test_source_that_is_none(robot: WecomAibotPlatform, source: str) -> None:
    with pytest.raises(Refused):
        await robot.fetch(source)


async def test_links_lead_to_no_private_address(gateway: WecomGateway, robot: WecomAibotPlatform) -> None:
    link = gateway.media.redirect()
    with pytest.raises(BadPhoto):
        await robot.fetch(f'{{"url": "{link.url}", "aeskey": "{link.aeskey}"}}')


# Posting


async def test_push_to_a_group_and_to_a_person(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake)
    await heard(gateway, intake, private=True)
    await robot.sender.send(delivery(Text("还没签到", (Mention("小李", "lihua"),))))
    await robot.sender.send(to_person(Text("您的诉求已受理")))
    group, person = gateway.record.pushes
    assert (group.target, group.text) == (CHAT, "<@lihua> 还没签到")
    assert (person.target, person.text) == (USER, "您的诉求已受理")


async def test_what_is_for_one_person_is_no_reply_in_the_group(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake, private=True)
    ref = await heard(gateway, intake)
    await robot.sender.send(to_person(Text("您的诉求已受理"), reply_to=ref))
    assert [post.target for post in gateway.record.pushes] == [USER]
    assert gateway.record.streams == []


async def test_second_answer_to_a_message_replaces_no_first(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    for number in (1, 2):
        await robot.sender.send(delivery(Text(f"第{number}条"), number=number, reply_to=ref))
    assert [stream.text for stream in gateway.record.streams] == ["第1条", "第2条"]


async def test_chat_where_nobody_has_spoken_is_closed(robot: WecomAibotPlatform) -> None:
    with pytest.raises(Closed) as caught:
        await robot.sender.send(delivery(Text("提醒")))
    assert caught.value.code == "93006"


class OtherWay:
    """A push robot."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []

    async def send(self, delivery: Delivery) -> str:
        self.sent.append(delivery)
        return "the robot's"


async def test_closed_chat_hears_it_the_other_way(gateway: WecomGateway, given: Services) -> None:
    group, app = OtherWay(), OtherWay()
    async with running(gateway, given, robots={CHAT: group}, app=app) as platform:
        assert await platform.sender.send(delivery(Text("提醒"))) == "the robot's"
        await platform.sender.send(to_person(Text("您的诉求已受理")))
        with pytest.raises(Closed):
            await platform.sender.send(delivery(Text("提醒"), chat="wrOTHER"))
    assert [len(other.sent) for other in (group, app)] == [1, 1]


@pytest.mark.parametrize(
    ("code", "error"), [(45009, RetryLater), (-1, RetryLater), (93006, Closed), (40058, Refused), (40008, Refused)]
)
async def test_errors(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, code: int, error: type[Exception]
) -> None:
    ref = await heard(gateway, intake)
    gateway.fail_next(code)
    with pytest.raises(error, match=str(code)):
        await robot.sender.send(delivery(Text("好"), reply_to=ref))
    await robot.sender.send(delivery(Text("好"), reply_to=ref))
    assert [stream.text for stream in gateway.record.streams] == ["好"]


@pytest.mark.parametrize("code", [846605, 846608])
async def test_reply_that_comes_too_late_becomes_a_push(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, code: int
) -> None:
    ref = Ref.parse(await heard(gateway, intake))
    assert ref is not None
    gateway.fail_next(code, cmd="aibot_respond_msg")
    await robot.sender.send(delivery(Text("好"), reply_to=str(replace(ref, at=ref.at - 7200))))
    assert [post.text for post in gateway.record.pushes] == ["好"]


async def test_reply_to_a_message_of_yesterday_is_a_push(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = Ref.parse(await heard(gateway, intake))
    assert ref is not None
    await robot.sender.send(delivery(Text("好"), reply_to=str(replace(ref, at=ref.at - 86400))))
    assert (len(gateway.record.pushes), gateway.record.requests["aibot_respond_msg"]) == (1, 0)


async def test_reply_whose_acknowledgement_was_lost_shows_once(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    gateway.drop_acks(cmd="aibot_respond_msg")
    with pytest.raises(Uncertain):
        await robot.sender.send(delivery(Text("好"), reply_to=ref))
    await robot.sender.send(delivery(Text("好"), reply_to=ref))
    assert (gateway.record.double_posts, len(gateway.record.streams)) == ({}, 1)


async def test_reply_of_a_process_that_died_shows_once(gateway: WecomGateway, given: Services) -> None:
    """It had been taken, and was not written down as sent: the next process sends it again."""
    async with running(gateway, given) as platform:
        gateway.say(CHAT, USER, "签到")
        intake = given.intake
        assert isinstance(intake, StubIntake)
        await until(lambda: intake.messages)
        await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
    async with running(gateway, given) as platform:
        await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
    assert (gateway.record.double_posts, len(gateway.record.streams), gateway.record.pushes) == ({}, 1, [])


async def test_begun_reply_whose_acknowledgement_was_lost_shows_once(gateway: WecomGateway, kept: Database) -> None:
    intake = SlowIntake()
    async with running(gateway, lent(intake, kept)) as platform:
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams)
        await until(lambda: intake.messages)
        gateway.drop_acks(cmd="aibot_respond_msg")
        with pytest.raises(Uncertain):
            await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
        await platform.sender.send(delivery(Text("好"), reply_to=intake.messages[0].ref))
    assert (gateway.record.double_posts, gateway.record.pushes) == ({}, [])
    assert [stream.frames for stream in gateway.record.streams] == [["", "好"]]


async def test_card_whose_acknowledgement_was_lost_shows_once(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake)
    gateway.drop_acks(cmd="aibot_send_msg")
    with pytest.raises(Uncertain):
        await robot.sender.send(delivery(LESSON))
    await robot.sender.send(delivery(LESSON))
    assert len(gateway.record.cards) == 1


async def test_not_connected_is_a_short_wait(gateway: WecomGateway, given: Services) -> None:
    async with running(gateway, given, secret="wrong", wait=False) as platform:
        assert not platform.sender.ready
        with pytest.raises(RetryLater, match="offline"):
            await platform.sender.send(delivery(Text("好")))


async def test_connection_lost_while_waiting_is_uncertain(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake)
    gateway.delay_acks(5)
    sending = asyncio.create_task(robot.sender.send(delivery(Text("好"))))
    await until(lambda: gateway.record.pushes)
    gateway.drop()
    with pytest.raises(Uncertain):
        await sending


# The chat's budget


async def test_budget_of_a_chat(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    await heard(gateway, intake)
    for number in range(30):
        await robot.sender.send(delivery(Text(str(number)), number=number))
    with pytest.raises(RetryLater, match="budget") as caught:
        await robot.sender.send(delivery(Text("太多"), number=99))
    assert 50 < caught.value.seconds <= 60
    assert not caught.value.everything
    assert gateway.record.refusals == {}
    await heard(gateway, intake, private=True)
    await robot.sender.send(to_person(Text("别的地方还行")))


async def test_begun_answer_waits_for_the_post_that_waits_for_the_budget(gateway: WecomGateway, kept: Database) -> None:
    intake = SlowIntake()
    async with running(gateway, lent(intake, kept)) as platform:
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams)
        for number in range(29):
            await platform.sender.send(delivery(Text(str(number)), number=number))
        await until(lambda: intake.messages)
        ref = Ref.parse(intake.messages[0].ref)
        assert ref is not None
        with pytest.raises(RetryLater, match="budget"):
            await platform.sender.send(delivery(Text("好"), number=99, reply_to=str(ref)))
        await asyncio.sleep(2 * QUICK.unclaimed)
        stream = platform._way._streams.claim(ref.req_id, f"{99:032x}")  # type: ignore[union-attr]
        assert stream == gateway.record.streams[0].id, "it was not ended in the meantime"


async def test_rush_leaves_frames_for_its_answers(gateway: WecomGateway, kept: Database) -> None:
    intake = SlowIntake()
    async with running(gateway, lent(intake, kept), timing=replace(QUICK, unclaimed=30.0)) as platform:
        for number in range(40):
            gateway.say(CHAT, f"user{number}", "签到")
        await until(lambda: len(intake.messages) == 40)
        assert len(gateway.record.streams) == 20
        for number in range(10):
            await platform.sender.send(delivery(Text("好"), number=number, reply_to=intake.messages[number].ref))
        assert gateway.record.refusals == {}


# Cards, files and photos


async def test_card_as_a_reply_and_as_a_push(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    await robot.sender.send(delivery(LESSON, number=1, reply_to=ref))
    await robot.sender.send(delivery(LESSON, number=2))
    (reply,), (push,) = gateway.record.replies, gateway.record.pushes
    assert (reply.content["task_id"], push.content["task_id"]) == (f"{1:032x}", f"{2:032x}")


async def test_long_card_is_said_and_shown(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    await robot.sender.send(delivery(replace(LESSON, text="路灯坏了。" * 100), reply_to=ref))
    (stream,), (card,) = gateway.record.streams, gateway.record.cards
    assert "路灯坏了。" * 100 in stream.text
    assert card.content["card_type"] == "button_interaction"


async def test_another_attempt_goes_on_where_the_first_ended(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, given: Services
) -> None:
    await heard(gateway, intake)
    photo = given.media.save(picture())
    gateway.fail_next(-1, cmd="aibot_upload_media_init")
    with pytest.raises(RetryLater):
        await robot.sender.send(delivery(replace(LESSON, photos=(photo,))))
    await robot.sender.send(delivery(replace(LESSON, photos=(photo,))))
    assert [post.msgtype for post in gateway.record.pushes] == ["template_card", "image"]


async def test_photo_follows_its_card(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, given: Services
) -> None:
    ref = await heard(gateway, intake)
    photo = given.media.save(picture())
    await robot.sender.send(delivery(Card("隐患 1024", photos=(photo, photo)), reply_to=ref))
    assert gateway.record.streams[0].text == "**隐患 1024**"
    (image,) = gateway.record.replies
    (upload,) = gateway.record.uploads
    assert (image.msgtype, image.content["media_id"]) == ("image", upload.media_id)
    assert upload.data == given.media.path(photo).read_bytes()


async def test_photo_that_is_missing_is_left_out(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake)
    await robot.sender.send(delivery(replace(LESSON, photos=("0" * 32 + ".jpg",))))
    assert [post.msgtype for post in gateway.record.pushes] == ["template_card"]


async def test_file_goes_up_in_chunks(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    await heard(gateway, intake)
    data = bytes(range(256)) * 5000
    await robot.sender.send(delivery(Attachment("花名册.xlsx", data)))
    (upload,), (post,) = gateway.record.uploads, gateway.record.pushes
    assert (upload.filename, upload.data) == ("花名册.xlsx", data)
    assert gateway.record.requests["aibot_upload_media_chunk"] == 3
    assert post.content == {"media_id": upload.media_id}


@pytest.mark.parametrize("size", [0, 4, 20 * 1024 * 1024 + 1])
async def test_file_of_an_impossible_size(robot: WecomAibotPlatform, size: int) -> None:
    with pytest.raises(Refused, match="file_size"):
        await robot.sender.send(delivery(Attachment("x", bytes(size))))


# Presses


def posted(database: Database, card: Card, uuid: str, address: Address) -> None:
    """Puts a card into the outbox, as if it had been sent from there."""
    with database.write.begin() as session:
        session.add(Post(**post_row(address, PostKind.POST, dump(card), system_clock()) | {"uuid": uuid}))


async def test_press_is_answered_on_the_card_of_who_pressed(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, kept: Database
) -> None:
    await heard(gateway, intake)
    posted(kept, LESSON, f"{1:032x}", Address("wecom_aibot", "main", CHAT))
    await robot.sender.send(delivery(LESSON))
    gateway.press(f"{1:032x}", '["签到","lesson:17"]', "zhangwei")
    await until(lambda: gateway.record.updates)
    (update,) = gateway.record.updates
    assert (update.users, update.card["sub_title_text"]) == (["zhangwei"], "已签到\n15:10 截止\n回复签到")
    assert update.card["button_list"] == gateway.record.cards[0].content["button_list"]
    pressed = intake.messages[-1]
    assert (pressed.kind, pressed.text, pressed.about, pressed.chat) == ("button", "签到", "lesson:17", CHAT)


async def test_choice_in_private(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, kept: Database
) -> None:
    await heard(gateway, intake, private=True)
    card = Card("上哪一课", choice=Choice("请选一课", (Button("一", "选 1", "a"), Button("二", "选 2", "a"))))
    posted(kept, card, "p" * 32, Address("wecom_aibot", "main", USER, to_person=True))
    await robot.sender.send(to_person(card))
    gateway.press("p" * 32, "submit", USER, {"choice": ['["选 2","a"]']})
    await until(lambda: gateway.record.updates)
    assert intake.messages[-1].text == "选 2"
    assert gateway.record.updates[0].card["main_title"]["desc"].startswith("已签到")


async def test_press_that_could_not_be_committed_asks_to_press_again(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, kept: Database
) -> None:
    await heard(gateway, intake)
    posted(kept, LESSON, f"{1:032x}", Address("wecom_aibot", "main", CHAT))
    await robot.sender.send(delivery(LESSON))
    intake.unavailable = 100
    gateway.press(f"{1:032x}", '["签到","lesson:17"]', USER)
    await until(lambda: gateway.record.updates)
    assert gateway.record.updates[0].card["sub_title_text"].startswith(NOT_PRESSED)


async def test_press_on_a_card_that_is_known_no_more_still_counts(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    await heard(gateway, intake)
    await robot.sender.send(delivery(LESSON))
    gateway.press(f"{1:032x}", '["签到","lesson:17"]', USER)
    await until(lambda: len(intake.messages) == 2)


# Welcomes


async def test_who_comes_in_is_welcomed(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    gateway.enter(USER)
    await until(lambda: intake.messages)
    assert (intake.messages[0].kind, intake.messages[0].private) == ("entered", True)
    await robot.sender.send(to_person(Text("*你好*"), reply_to=intake.messages[0].ref))
    (welcome,) = gateway.record.welcomes
    assert (welcome.target, welcome.msgtype, welcome.text) == (USER, "text", "*你好*")


async def test_card_as_a_welcome(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    gateway.enter(USER)
    await until(lambda: intake.messages)
    await robot.sender.send(to_person(LESSON, reply_to=intake.messages[0].ref))
    assert [post.msgtype for post in gateway.record.welcomes] == ["template_card"]


async def test_file_is_no_welcome(gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform) -> None:
    await heard(gateway, intake, private=True)
    gateway.enter(USER)
    await until(lambda: len(intake.messages) == 2)
    file = Delivery("f" * 32, USER, True, Attachment("花名册.xlsx", b"PK" * 9), intake.messages[1].ref)
    await robot.sender.send(file)
    assert ([post.msgtype for post in gateway.record.pushes], gateway.record.welcomes) == (["file"], [])


@pytest.mark.parametrize("known_late", [True, False])
async def test_late_welcome_is_a_push(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, known_late: bool
) -> None:
    await heard(gateway, intake, private=True)
    gateway.enter(USER)
    await until(lambda: len(intake.messages) == 2)
    ref = Ref.parse(intake.messages[1].ref)
    assert ref is not None
    if known_late:
        ref = replace(ref, at=ref.at - 6)
    gateway.advance(6)
    await robot.sender.send(to_person(Text("你好"), reply_to=str(ref)))
    assert ([post.text for post in gateway.record.pushes], gateway.record.welcomes) == (["你好"], [])


# Coming back


@pytest.mark.parametrize("code", [1000, 1001, 1006])
async def test_every_close_is_recovered_from(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform, code: int
) -> None:
    gateway.drop(code)  # type: ignore[arg-type]
    await until(lambda: gateway.record.connections == 2 and robot.sender.ready)
    gateway.drop(code)  # type: ignore[arg-type]
    await until(lambda: gateway.record.connections == 3 and robot.sender.ready)
    await heard(gateway, intake)


async def test_reply_to_a_message_of_the_connection_before(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    ref = await heard(gateway, intake)
    gateway.drop()
    await until(lambda: gateway.record.connections == 2 and robot.sender.ready)
    await robot.sender.send(delivery(Text("好"), reply_to=ref))
    assert gateway.record.streams[0].text == "好"


async def test_half_open_connection_is_found_by_its_heartbeat(gateway: WecomGateway, given: Services) -> None:
    async with running(gateway, given, timing=replace(QUICK, beat=0.1, ack=0.1)) as platform:
        await until(lambda: gateway.record.requests["ping"] > 1)
        gateway.freeze()
        await until(lambda: gateway.record.connections == 2)
        await until(lambda: platform.sender.ready)
        assert gateway.record.protocol_pings == 0


async def test_one_missed_heartbeat_is_none(gateway: WecomGateway, given: Services) -> None:
    async with running(gateway, given, timing=replace(QUICK, beat=0.1, ack=0.1)):
        gateway.drop_acks(1, "ping")
        gateway.fail_next(-1, 1, "ping")
        await until(lambda: gateway.record.requests["ping"] > 4)
        assert gateway.record.connections == 1


async def test_kick_is_not_fought(gateway: WecomGateway, given: Services, caplog: pytest.LogCaptureFixture) -> None:
    async with running(gateway, given) as platform:
        began = time.monotonic()
        gateway.kick()
        await until(lambda: not platform.sender.ready)
        await until(lambda: gateway.record.connections == 2 and platform.sender.ready)
        assert time.monotonic() - began > 0.5
        gateway.kick()
        await until(lambda: not platform.sender.ready)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1, "the second time it is known already"
    assert "another server" in errors[0].getMessage()


async def test_wrong_secret_is_said_and_tried_again_slowly(
    gateway: WecomGateway, given: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(gateway, given, secret="wrong secret", wait=False):
        await until(lambda: gateway.record.requests["aibot_subscribe"] == 1)
        await asyncio.sleep(0.2)
        assert gateway.record.requests["aibot_subscribe"] == 1
        await until(lambda: gateway.record.requests["aibot_subscribe"] == 2)
    assert "bot_id or secret is wrong" in caplog.text
    assert "wrong secret" not in caplog.text.replace("bot_id or secret is wrong", "")


async def test_subscribing_too_often_is_a_wait(kept: Database, intake: StubIntake) -> None:
    with WecomGateway(rules=Rules(subscribes_per_minute=1)) as gateway:
        async with running(gateway, lent(intake, kept)):
            gateway.drop()
            await until(lambda: gateway.record.refusals[45009] == 1)
            await asyncio.sleep(0.2)
            assert gateway.record.refusals[45009] == 1


@pytest.mark.parametrize("garbage", ["<html>502</html>", "[]", "{}", "null", "[" * 100_000, '{"headers":{"req_id":7}}'])
async def test_garbage_is_ignored(
    gateway: WecomGateway,
    intake: StubIntake,
    robot: WecomAibotPlatform,
    garbage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway.send_garbage(garbage)
    await heard(gateway, intake)
    assert gateway.record.connections == 1
    assert f"{len(garbage)} characters" in caplog.text
    assert "502" not in caplog.text


async def test_frame_that_is_too_large_ends_the_connection_and_no_more(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    gateway.send_garbage("x" * (1 << 20) + "x")
    await until(lambda: gateway.record.connections == 2 and robot.sender.ready)
    await heard(gateway, intake)


async def test_html_instead_of_an_acknowledgement(gateway: WecomGateway, given: Services) -> None:
    gateway.fail_next("html", cmd="aibot_subscribe")
    async with running(gateway, given):
        assert gateway.record.connections == 2


async def test_forgotten_subscription_is_renewed(
    gateway: WecomGateway, intake: StubIntake, robot: WecomAibotPlatform
) -> None:
    gateway.fail_next(846609, cmd="aibot_send_msg")
    with pytest.raises(RetryLater):
        await robot.sender.send(delivery(Text("好")))
    await until(lambda: gateway.record.connections == 2 and robot.sender.ready)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9", "http://127.0.0.1:9", "nonsense", "ws://127.0.0.1:99999"])
async def test_cloud_that_cannot_be_reached(gateway: WecomGateway, given: Services, url: str) -> None:
    gateway_elsewhere = type("Elsewhere", (), {"url": url})
    async with running(gateway_elsewhere, given, wait=False) as platform:  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        assert not platform.sender.ready


async def test_proxies_of_the_environment_do_not_matter(
    gateway: WecomGateway, given: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with running(gateway, given):
        assert gateway.connected


async def test_logs_have_neither_secrets_nor_texts(
    gateway: WecomGateway, given: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="bot"):
        async with running(gateway, given):
            gateway.say(CHAT, USER, "我要举报")
            gateway.drop()
            await until(lambda: gateway.record.connections == 2)
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot."))
    assert "connected" in ours
    assert SECRET not in ours
    assert "举报" not in ours


# Who owns the robot


async def test_of_two_processes_exactly_one_connects(
    gateway: WecomGateway, intake: StubIntake, database: Database
) -> None:
    lends = lent(intake, database)
    async with running(gateway, lends) as first, running(gateway, lends, wait=False) as second:
        await asyncio.sleep(0.4)
        assert (first.sender.ready, second.sender.ready, gateway.record.connections) == (True, False, 1)
        began = time.monotonic()
        await first.close()
        assert time.monotonic() - began < 1
        await until(lambda: second.sender.ready)
    assert gateway.record.connections == 2


async def test_owner_that_the_database_no_longer_confirms_gives_up_in_time(
    gateway: WecomGateway, given: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(gateway, given, timing=replace(QUICK, lease=0.6)) as platform:

        def refuse(_: object) -> bool:
            return False

        monkeypatch.setattr("bot.ownership.Ownership._hold", refuse)
        began = time.monotonic()
        await until(lambda: not platform.sender.ready)
        assert 0.1 < time.monotonic() - began < 0.8
        monkeypatch.undo()
        await until(lambda: platform.sender.ready)


async def test_owner_that_waits_on_the_database_gives_up_in_time(
    gateway: WecomGateway, given: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(gateway, given, timing=replace(QUICK, lease=0.6)) as platform:

        def wait(_: object) -> bool:
            time.sleep(0.9)
            return True

        monkeypatch.setattr("bot.ownership.Ownership._hold", wait)
        await until(lambda: not platform.sender.ready)
        monkeypatch.undo()


async def test_lease_counts_from_when_it_was_asked_for(given: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that took half a minute to say yes has given no other half minute."""
    monkeypatch.setattr("bot.ownership.Ownership._hold", lambda _: False)
    ownership = given.own("wecom_aibot:main")
    timing = replace(QUICK, renewal=30.0, lease=30.0)
    socket = AibotSocket(aibot_settings("ws://127.0.0.1:9"), ownership, lambda *_: None, timing)
    with anyio.fail_after(2):
        await socket._keep_owning(asyncio.get_running_loop().time() - 27.0)


async def test_kicked_by_another_process_of_ours_is_no_error(
    gateway: WecomGateway, given: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(gateway, given, timing=replace(QUICK, renewal=30.0, lease=90.0)) as platform:
        monkeypatch.setattr("bot.ownership.Ownership._hold", lambda _: False)
        gateway.kick()
        await until(lambda: not platform.sender.ready)
        await asyncio.sleep(0.1)
        monkeypatch.undo()
        await until(lambda: platform.sender.ready)
    assert "another server" not in caplog.text


async def test_close_is_quick_on_a_half_open_connection(gateway: WecomGateway, given: Services) -> None:
    async with running(gateway, given) as platform:
        gateway.freeze()
        began = time.monotonic()
        await platform.close()
        assert time.monotonic() - began < 1


async def test_close_of_a_half_open_connection_leaves_no_socket_behind(
    gateway: WecomGateway, given: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ClientConnection] = []

    async def remembered(*args: Any, **options: Any) -> ClientConnection:
        made.append(await connect(*args, **options))
        return made[-1]

    monkeypatch.setattr("bot.platforms.wecom_aibot.link.connect", remembered)
    async with running(gateway, given) as platform:
        gateway.freeze()
        await platform.close()
        assert [each.connection_lost_waiter.done() for each in made] == [True]


async def test_who_is_still_waiting_at_the_end_is_told(
    gateway: WecomGateway, intake: StubIntake, given: Services
) -> None:
    intake.unavailable = 100
    async with running(gateway, given, timing=replace(QUICK, pauses=(5.0,))):
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams)
    assert [(stream.text, stream.finished) for stream in gateway.record.streams] == [(NOT_RECORDED, True)]


async def test_begun_answer_is_ended_at_the_end(gateway: WecomGateway, kept: Database) -> None:
    async with running(gateway, lent(SlowIntake(), kept)):
        gateway.say(CHAT, USER, "签到")
        await until(lambda: gateway.record.streams)
    assert [(stream.text, stream.finished) for stream in gateway.record.streams] == [(LATE, True)]


async def test_platform_that_was_never_started_can_be_closed(gateway: WecomGateway, given: Services) -> None:
    await WecomAibotPlatform(aibot_settings(gateway.url), given).close()
