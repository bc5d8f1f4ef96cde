"""A robot in callback mode over a real port, with a fake of WeCom's side: what it takes, refuses and answers."""

import asyncio
import base64
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from bot.content import Acknowledge, Attachment, Button, Card, Choice, Field, Mention, Text
from bot.delivery import Closed, Delivery, Refused, RetryLater, Uncertain
from bot.handling import Batch
from bot.mailbox import Mailbox
from bot.media import MediaStore
from bot.messages import IncomingMessage
from bot.platforms.wechat import client
from bot.platforms.wecom_aibot import callback, commits
from bot.platforms.wecom_aibot.callback import LARGEST_BODY
from bot.platforms.wecom_aibot.callback_sender import CallbackSender
from bot.platforms.wecom_aibot.render import LARGEST_TEXT, pack
from bot.platforms.wecom_aibot.reply import key_of, task_of
from bot.platforms.wecom_robot import WecomRobot
from bot.posting import Address
from bot.settings import WecomRobotSettings
from models.database import Database
from tests.contracts.wecom_callback_app import KEY, TOKEN, Product, callback_settings, endpoint, serving
from tests.fakes.intake import StubIntake
from tests.fakes.pictures import picture
from tests.fakes.qyapi import ROBOT_KEY, Qyapi
from tests.fakes.services import services
from tests.fakes.wecom_callbacks import ECHO, Sealed, WecomCallbacks
from tests.fakes.wecom_crypto import seal, signature
from tests.fakes.wecom_messages import Place

GROUP = Address("wecom_aibot", "main", "wr1")
LESSON = Card(
    "党课",
    fields=(Field("时间", "19:30"),),
    buttons=(Button("签到", "签到", "lesson:17", "primary"), Button("请假", "请假", "lesson:17")),
    hint="发「签到」或「请假」",
)
HTTP = httpx.Client(trust_env=False)
LI = Place("", "li", private=True)


@pytest.fixture(scope="module", autouse=True)
def _http() -> Iterator[None]:
    yield
    HTTP.close()


def eventually(check: Callable[[], object], seconds: float = 5.0) -> None:
    """Returns when ``check`` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def counted(kind: str, outcome: str) -> float:
    labels = {"kind": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("jufeng_wecom_aibot_callbacks_total", labels) or 0.0


# The envelope, with a stub behind it


@pytest.fixture(scope="module")
def stub() -> StubIntake:
    return StubIntake()


@pytest.fixture(scope="module")
def address(stub: StubIntake, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("callback") / "jufeng.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with serving(endpoint(callback_settings(), services(stub, database=database))) as url:
        yield url
    database.close()


@pytest.fixture
def cloud() -> Iterator[WecomCallbacks]:
    """A cloud that nobody is connected with: it seals requests, and its response_urls answer."""
    with WecomCallbacks(TOKEN, KEY) as cloud:
        yield cloud


def post(address: str, sealed: Sealed) -> httpx.Response:
    return HTTP.post(address, params=sealed.params, content=sealed.content)


def event(name: str, **fields: Any) -> dict[str, Any]:
    place: dict[str, Any] = {"chattype": "single", "from": {"userid": "li"}}
    return place | {"msgid": f"m-{name}", "msgtype": "event", "event": {"eventtype": name} | fields}


def test_verification(address: str, cloud: WecomCallbacks) -> None:
    started = time.monotonic()
    answer = httpx.get(address, params=cloud.verification().params)
    assert time.monotonic() - started < 1
    assert (answer.status_code, answer.content) == (200, ECHO.encode())


def test_verification_with_a_plus_that_was_not_escaped(address: str, cloud: WecomCallbacks) -> None:
    params = next(params for params in iter(lambda: cloud.verification().params, None) if "+" in params["echostr"])
    query = "&".join(f"{name}={value}" for name, value in params.items())
    assert httpx.get(f"{address}?{query}").content == ECHO.encode()


def test_verification_with_a_wrong_signature(address: str, cloud: WecomCallbacks) -> None:
    params = cloud.verification().params
    for wrong in ({"msg_signature": "0" * 40}, {"msg_signature": "错"}, {"timestamp": "1"}, {"echostr": "AAAA"}):
        answer = httpx.get(address, params=params | wrong)
        assert (answer.status_code, answer.content) == (401, b"")
    assert httpx.get(address).status_code == 401


@pytest.mark.parametrize("name", ["msg_signature", "msgsignature", "signature"])
@pytest.mark.parametrize("field", ["encrypt", "Encrypt"])
def test_names_that_the_vendors_plugin_takes(
    address: str, cloud: WecomCallbacks, stub: StubIntake, name: str, field: str
) -> None:
    body = cloud.messages.text(LI, "你好")
    sealed = cloud.sealed(body)
    params = dict(sealed.params)
    params[name] = params.pop("msg_signature")
    content = json.dumps({field: json.loads(sealed.content)["encrypt"]}).encode()
    assert post(address, Sealed(params, content)).status_code == 200
    assert stub.messages[-1].key == body["msgid"]


def test_nothing_to_say_is_an_empty_answer(address: str, cloud: WecomCallbacks, stub: StubIntake) -> None:
    before = counted("message", "accepted")
    answer = post(address, cloud.sealed(cloud.messages.text(Place("wr1", "li", private=False), "签到")))
    assert (answer.status_code, answer.content) == (200, b"")
    assert [(stub.messages[-1].text, stub.messages[-1].chat, stub.messages[-1].private)] == [("签到", "wr1", False)]
    assert counted("message", "accepted") == before + 1


@pytest.mark.parametrize("name", ["feedback_event", "some_future_event"])
def test_events_without_effect_are_answered_and_counted(
    address: str, cloud: WecomCallbacks, stub: StubIntake, name: str
) -> None:
    kind = "feedback_event" if name == "feedback_event" else "other"
    before, messages = counted(kind, "ignored"), len(stub.messages)
    answer = post(address, cloud.sealed(event(name, feedback_event={"id": "f", "type": 2, "content": "不准"})))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (counted(kind, "ignored"), len(stub.messages)) == (before + 1, messages)


def test_what_cannot_be_committed_comes_again(address: str, cloud: WecomCallbacks, stub: StubIntake) -> None:
    stub.unavailable = 1
    body = cloud.messages.text(LI, "签到")
    assert post(address, cloud.sealed(body)).status_code == 503
    assert post(address, cloud.sealed(body)).status_code == 200
    assert stub.messages[-1].key == body["msgid"]


def signed(plaintext: str, *, key: str = KEY, token: str = TOKEN, receive_id: str = "") -> Sealed:
    encrypted = seal(key, plaintext, receive_id)
    return enveloped(encrypted, token=token)


def enveloped(encrypted: str, *, token: str = TOKEN) -> Sealed:
    params = {"msg_signature": signature(token, "1", "n", encrypted), "timestamp": "1", "nonce": "n"}
    return Sealed(params, json.dumps({"encrypt": encrypted}).encode())


def unsigned(sealed: Sealed) -> Sealed:
    return Sealed({}, sealed.content)


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    ("status", "sealed"),
    [
        pytest.param(401, signed("{}", token="another"), id="signed with another token"),
        pytest.param(401, unsigned(signed("{}")), id="not signed"),
        pytest.param(400, signed("{}", key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"), id="another key"),
        pytest.param(401, signed("{}", receive_id="ww1"), id="for another receiver"),
        pytest.param(400, enveloped(""), id="empty ciphertext"),
        pytest.param(400, enveloped("!!"), id="no base64"),
        pytest.param(400, enveloped(base64.b64encode(b"x" * 31).decode()), id="half a block"),
        pytest.param(400, enveloped("A" * 64), id="bad padding"),
        pytest.param(400, signed("garbage"), id="garbage inside"),
        pytest.param(400, signed("[]"), id="list inside"),
        pytest.param(400, signed(DEEP.decode()), id="deep JSON inside"),
        pytest.param(400, Sealed({}, b""), id="empty body"),
        pytest.param(400, Sealed({}, b"\xff\xfe\x00"), id="garbage"),
        pytest.param(400, Sealed({}, b"[]"), id="list"),
        pytest.param(400, Sealed({}, b'{"encrypt":7}'), id="ciphertext that is not text"),
        pytest.param(400, Sealed({}, b"1" * 5000), id="endless number"),
        pytest.param(400, Sealed({}, DEEP), id="deep JSON"),
        pytest.param(413, Sealed({}, b"x" * (LARGEST_BODY + 1)), id="too large"),
    ],
)
def test_refusals(address: str, stub: StubIntake, cloud: WecomCallbacks, status: int, sealed: Sealed) -> None:
    before, messages = counted("other", "refused"), len(stub.messages)
    answer = post(address, sealed)
    assert (answer.status_code, answer.content) == (status, b"")
    assert (counted("other", "refused"), len(stub.messages)) == (before + 1, messages)
    assert post(address, cloud.sealed(cloud.messages.text(LI, "签到"))).status_code == 200


def test_signature_covers_the_body(address: str, stub: StubIntake, cloud: WecomCallbacks) -> None:
    """A nonce that was heard elsewhere signs no other body."""
    heard = cloud.sealed(cloud.messages.text(LI, "签到"))
    other = cloud.sealed(cloud.messages.text(LI, "销号"))
    messages = len(stub.messages)
    assert post(address, Sealed(heard.params, other.content)).status_code == 401
    assert len(stub.messages) == messages


def test_large_body_without_a_declared_length_is_cut_off(address: str) -> None:
    chunks = (b"x" * 65536 for _ in range(40))
    assert httpx.post(address, content=chunks).status_code == 413


def test_fuzz(address: str, cloud: WecomCallbacks) -> None:
    """Whatever is signed is answered, and what is not signed is refused; nothing is ever a server error."""
    chance = random.Random(7)
    values: list[Any] = [None, 7, -1.5, "", "x" * 300, "\ud800", "\0", [], {}, [[]], True, {"a": [1]}, 10**40]
    whole = [
        cloud.messages.text(LI, "签到"),
        cloud.messages.entered("li"),
        event("template_card_event", template_card_event={"event_key": pack(LESSON.buttons[0]), "task_id": "t"}),
        cloud.messages.refresh(LI, "s1"),
    ]
    for _ in range(300):
        body = json.loads(json.dumps(chance.choice(whole)))
        for _ in range(chance.randint(1, 3)):
            part = body
            while (
                isinstance(inner := part[name := chance.choice(list(part))], dict) and inner and chance.random() < 0.6
            ):
                part = inner
            part[name] = json.loads(json.dumps(chance.choice(values)))
        assert post(address, signed(json.dumps(body))).status_code == 200
    for _ in range(100):
        noise = chance.randbytes(chance.randint(0, 200))
        assert post(address, Sealed({"msg_signature": "0" * 40}, noise)).status_code in {400, 401}


@pytest.mark.parametrize(("token", "aes_key"), [("", KEY), (TOKEN, ""), (TOKEN, KEY[:-1])])
def test_without_a_usable_token_and_key_everything_is_refused(
    stub: StubIntake, cloud: WecomCallbacks, caplog: pytest.LogCaptureFixture, token: str, aes_key: str
) -> None:
    messages = len(stub.messages)
    with serving(endpoint(callback_settings(token=token, aes_key=aes_key), services(stub))) as url:
        assert "callbacks are refused" in caplog.text
        assert KEY[:-1] not in caplog.text
        assert httpx.get(url, params=cloud.verification().params).status_code == 403
        assert post(url, cloud.sealed(cloud.messages.text(LI, "签到"))).status_code == 403
    assert len(stub.messages) == messages


# The whole way, with a database and an outbox


def say_back(batch: Batch, message: IncomingMessage, message_id: int) -> str:
    """Answers every message where it was said, and presses with an answer of their own."""
    if message.kind == "button":
        return f"✅ 已{message.text}"
    where = Address("wecom_aibot", "main", message.sender, to_person=True) if message.private else GROUP
    for word in message.text.split("|"):
        content = LESSON if word == "党课" else Text(word or "欢迎")
        batch.posting.post(where, content, ref=message.ref, message_id=message_id)
    return ""


on_sqlite = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
"""For what has the same statements run as another test that runs on both databases."""


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Product:
    return Product(database, tmp_path, say_back)


@on_sqlite
def test_text_is_answered_at_once(product: Product) -> None:
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "你好 <@zhao> [点](http://evil.example)")
        assert exchange.kind == "stream"
        assert exchange.reply["stream"]["finish"] is True
        assert exchange.reply["stream"]["content"] == "你好 ＜@zhao> ［点］(http://evil.example)"
        assert not cloud.record.refusals
        product.later()
        time.sleep(0.6)
        assert not cloud.record.responses, "what the answer carried is not sent once more"


def test_redelivery_gets_the_same_answer_and_has_one_effect(product: Product) -> None:
    with product.running() as cloud:
        first = cloud.say("wr1", "li", "你好|党课")
        again = cloud.redeliver(first)
        assert first.kind == "stream_with_template_card"
        assert again.reply == first.reply
        assert (len(product.router.handled), cloud.record.double_answers, cloud.record.refusals) == (1, {}, [])


@on_sqlite
def test_card_and_press(product: Product) -> None:
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "党课")
        assert exchange.kind == "template_card"
        task = exchange.reply["template_card"]["task_id"]
        pressed = cloud.press(task, pack(LESSON.buttons[0]), "zhao")
        assert not pressed.refusal
        (update,) = cloud.record.updates
        assert (update.task_id, update.users) == (task, ["zhao"])
        assert "✅ 已签到" in update.card["sub_title_text"]
        assert "发「签到」" in update.card["sub_title_text"]
        assert update.card["button_list"] == exchange.reply["template_card"]["button_list"]
        message = product.router.handled[-1]
        assert (message.text, message.about, message.sender, message.chat) == ("签到", "lesson:17", "zhao", "wr1")


def test_press_on_a_card_of_an_earlier_process(database: Database, tmp_path: Path) -> None:
    with Product(database, tmp_path, say_back).running() as cloud:
        card = cloud.say("", "li", "党课", private=True)
    other = Product(database, tmp_path, say_back)
    with other.running() as cloud:
        cloud._keep_card(card.reply["template_card"], LI)
        assert not cloud.press(card.reply["template_card"]["task_id"], pack(LESSON.buttons[1]), "li").refusal
        assert "✅ 已请假" in cloud.record.updates[0].card["sub_title_text"]


@on_sqlite
def test_press_that_cannot_be_committed_asks_to_press_again(product: Product) -> None:
    with product.running() as cloud:
        task = cloud.say("wr1", "li", "党课").reply["template_card"]["task_id"]
        product.intake.unavailable = 1
        assert not cloud.press(task, pack(LESSON.buttons[0]), "li").refusal
        assert "请再按一次" in cloud.record.updates[-1].card["sub_title_text"]
        assert not cloud.press(task, pack(LESSON.buttons[0]), "li").refusal
        assert "✅ 已签到" in cloud.record.updates[-1].card["sub_title_text"]


@on_sqlite
def test_press_on_a_card_that_nobody_knows(product: Product) -> None:
    with product.running() as cloud:
        body = cloud.messages.pressed(
            LI, {"card_type": "button_interaction", "task_id": "gone"}, pack(LESSON.buttons[0]), {}
        )
        exchange = cloud.deliver(body)
        assert (exchange.status, exchange.reply) == (200, {})
        assert product.router.handled[-1].text == "签到"


@on_sqlite
def test_choice(database: Database, tmp_path: Path) -> None:
    choice = Choice("交给哪个单位", (Button("城管", "交给 城管", "case:1"), Button("交警", "交给 交警", "case:1")))

    def ask(batch: Batch, message: IncomingMessage, message_id: int) -> str:
        if message.kind == "button":
            return "已交给交警"
        batch.posting.post(GROUP, Card("1001 号", choice=choice, hint="发「交给 单位」"), message_id=message_id)
        return ""

    with Product(database, tmp_path, ask).running() as cloud:
        card = cloud.say("wr1", "li", "派单").reply["template_card"]
        assert card["card_type"] == "vote_interaction"
        selected = {card["checkbox"]["question_key"]: [pack(choice.options[1])]}
        assert not cloud.press(card["task_id"], card["submit_button"]["key"], "li", selected).refusal
        assert "已交给交警" in cloud.record.updates[0].card["main_title"]["desc"]


@on_sqlite
def test_welcome(product: Product) -> None:
    with product.running() as cloud:
        exchange = cloud.enter("li")
        assert (exchange.kind, exchange.refusal) == ("text", "")
        assert cloud.record.welcomes[0].content == {"content": "欢迎"}


@on_sqlite
def test_welcome_that_the_outbox_gave_too_late_is_not_lost(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Mailbox._take

    def slowly(*args: Any) -> list[Text | Card]:
        time.sleep(0.4)
        return take(*args)

    with product.running() as cloud:
        with monkeypatch.context() as patched:
            patched.setattr(callback, "LOOK_WITHIN", 0.2)
            patched.setattr(Mailbox, "_take", slowly)
            assert cloud.enter("li").reply == {}
            time.sleep(0.4)
        assert cloud.say("", "li", "你好", private=True).reply["stream"]["content"] == "你好\n\n欢迎"


@on_sqlite
def test_welcome_with_a_card_alone(database: Database, tmp_path: Path) -> None:
    def greet(batch: Batch, message: IncomingMessage, message_id: int) -> str:
        batch.posting.post(Address("wecom_aibot", "main", "li", to_person=True), LESSON, message_id=message_id)
        return ""

    with Product(database, tmp_path, greet).running() as cloud:
        assert cloud.enter("li").kind == "template_card"
        assert not cloud.record.refusals


@on_sqlite
def test_photos_of_a_card_go_along(database: Database, tmp_path: Path) -> None:
    def show(batch: Batch, message: IncomingMessage, message_id: int) -> str:
        card = replace(LESSON, photos=(photo, "0" * 32 + ".jpg"))
        batch.posting.post(GROUP, card, message_id=message_id)
        return ""

    product = Product(database, tmp_path, show)
    photo = product.media.save(picture())
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "看看")
        assert (exchange.kind, exchange.refusal) == ("stream_with_template_card", "")
        assert len(exchange.reply["stream"]["msg_item"]) == 1
        assert exchange.reply["stream"]["content"] == "党课"


def test_what_has_no_room_in_the_answer_goes_by_response_url(product: Product) -> None:
    long = "字" * (LARGEST_TEXT // 3 - 10)
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", f"{long}|{long}|短")
        assert len(exchange.reply["stream"]["content"]) < 2 * len(long)
        product.later()
        eventually(lambda: cloud.record.responses)
        assert not cloud.record.refusals


@on_sqlite
def test_two_cards_in_one_answer(product: Product) -> None:
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "党课|党课")
        assert (exchange.kind, exchange.refusal) == ("stream_with_template_card", "")
        assert "发「签到」" in exchange.reply["stream"]["content"]


@on_sqlite
def test_text_beyond_all_limits_is_cut(product: Product) -> None:
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "长" * LARGEST_TEXT)
        assert (exchange.kind, exchange.refusal) == ("stream", "")
        assert exchange.reply["stream"]["content"].endswith("…")


# Commits that take long


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "ANSWER_WITHIN", 0.2)
    monkeypatch.setattr(commits, "PAUSE", 0.05)


@pytest.mark.usefixtures("hurried")
@on_sqlite
def test_slow_commit_is_promised_and_then_told(product: Product) -> None:
    product.intake.delay = 0.5
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "你好|党课")
        assert (exchange.reply["stream"]["finish"], exchange.reply["stream"]["content"]) == (False, "")
        again = cloud.redeliver(exchange)
        assert again.stream_id == exchange.stream_id
        stream = cloud.watch(exchange)
        assert stream.text.startswith("你好")
        assert len(cloud.record.cards) == 1
        assert (len(product.router.handled), cloud.record.refusals, cloud.record.double_answers) == (1, [], {})
        task = cloud.record.cards[0].content["task_id"]
        assert not cloud.press(task, pack(LESSON.buttons[0]), "li").refusal


@pytest.mark.usefixtures("hurried")
@on_sqlite
def test_promised_message_that_could_not_be_committed_is_tried_again(product: Product) -> None:
    product.intake.delay, product.intake.unavailable = 0.5, 2
    with product.running() as cloud:
        assert cloud.watch(cloud.say("wr1", "li", "你好")).text == "你好"
        assert (len(product.router.handled), cloud.record.refusals) == (1, [])


@pytest.mark.usefixtures("hurried")
@on_sqlite
def test_promised_message_that_is_never_committed(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "GIVE_UP_AFTER", 0.4)
    product.intake.delay, product.intake.unavailable = 0.5, 1000
    with product.running() as cloud:
        exchange = cloud.say("wr1", "li", "你好")
        assert cloud.watch(exchange).text == callback.NOT_TAKEN
        assert not product.router.handled
        product.intake.delay, product.intake.unavailable = 0.0, 0
        cloud.redeliver(exchange)
        eventually(lambda: product.router.handled)


@pytest.mark.usefixtures("hurried")
@on_sqlite
def test_what_takes_too_long_is_finished_and_told_by_response_url(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "FINISH_WITHIN", 0.3)
    product.intake.delay = 1.0
    with product.running() as cloud:
        assert cloud.watch(cloud.say("wr1", "li", "你好")).text == callback.STILL_BUSY
        eventually(lambda: product.router.handled)
        product.later()
        eventually(lambda: cloud.record.responses)
        assert cloud.record.responses[0].content == {"content": "你好"}


@pytest.mark.usefixtures("hurried")
@on_sqlite
def test_promise_with_nothing_to_say(database: Database, tmp_path: Path) -> None:
    product = Product(database, tmp_path, lambda *_: "")
    product.intake.delay = 0.5
    with product.running() as cloud:
        assert cloud.watch(cloud.say("wr1", "li", "你好")).text == callback.RECEIVED


@pytest.mark.usefixtures("hurried")
def test_promise_of_another_process(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any process may be asked for the rest: it finds what was posted, and does not wait for ever for what was not."""
    monkeypatch.setattr(commits, "FINISH_UNKNOWN_WITHIN", 0.2)
    first, second = Product(database, tmp_path, say_back), Product(database, tmp_path, say_back)
    first.intake.delay = 0.5
    with first.running() as cloud, second.running() as elsewhere:
        exchange = cloud.say("wr1", "li", "你好")
        eventually(lambda: first.router.handled)
        cloud.target = elsewhere.target
        assert cloud.watch(exchange).text == "你好"
        body = cloud.refresh(exchange) | {"stream": {"id": "unknown"}}
        params = cloud.sealed(body)
        for finish in (False, True):
            answer = httpx.post(cloud.target, params=params.params, content=params.content)
            reply = cloud.opened(answer.content, params.params["nonce"])
            assert (reply["stream"]["id"], reply["stream"]["finish"]) == ("unknown", finish)
            time.sleep(0.3)


@on_sqlite
def test_slow_press_and_slow_welcome_are_answered_in_time(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    with product.running() as cloud:
        task = cloud.say("wr1", "li", "党课").reply["template_card"]["task_id"]
        monkeypatch.setattr(commits, "ANSWER_WITHIN", 0.2)
        product.intake.delay = 0.5
        assert not cloud.press(task, pack(LESSON.buttons[0]), "li").refusal
        assert "请再按一次" in cloud.record.updates[0].card["sub_title_text"]
        assert cloud.enter("li").reply == {}
        eventually(lambda: len(product.router.handled) == 3)


# What the answers did not carry


def delivery(
    content: Text | Card | Attachment, reply_to: str = "", *, person: bool = False, uuid: str = "u1"
) -> Delivery:
    return Delivery(uuid, "li" if person else "wr1", person, content, reply_to)


class Recorder:
    """Another way to a chat or person, that remembers."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.sent: list[Delivery] = []

    async def send(self, delivery: Delivery) -> str:
        if self.failure:
            raise self.failure
        self.sent.append(delivery)
        return "id"


def link(cloud: WecomCallbacks, place: Place) -> str:
    return str(cloud.messages.text(place, "你好")["response_url"])


IN_GROUP = Place("wr1", "li", private=False)


@pytest.mark.anyio
async def test_response_url_takes_one_post_and_robots_the_others(cloud: WecomCallbacks) -> None:
    robot = Recorder()
    sender = CallbackSender(callback_settings(cloud), {"wr1": robot})
    url = link(cloud, IN_GROUP)
    await sender.send(delivery(Text("办好了", (Mention("小李", "li"),)), url))
    await sender.send(delivery(Text("再说一句"), url, uuid="u2"))
    assert [post.content["content"] for post in cloud.record.responses] == ["@小李 办好了"]
    assert [(post.content, post.reply_to) for post in robot.sent] == [(Text("再说一句"), "")]
    assert not cloud.record.refusals, "a used one is not called again"
    await sender.close()


@pytest.mark.anyio
async def test_card_by_response_url(cloud: WecomCallbacks) -> None:
    sender = CallbackSender(callback_settings(cloud), {})
    await sender.send(delivery(LESSON, link(cloud, IN_GROUP)))
    await sender.send(delivery(LESSON, link(cloud, LI), person=True, uuid="u2"))
    assert [post.msgtype for post in cloud.record.responses] == ["markdown", "template_card"]
    assert "发「签到」" in cloud.record.responses[0].content["content"]
    assert cloud.record.responses[1].content["task_id"] == "u2"
    await sender.close()


@pytest.mark.anyio
async def test_card_with_photos_is_left_to_the_robot(cloud: WecomCallbacks) -> None:
    robot = Recorder()
    sender = CallbackSender(callback_settings(cloud), {"wr1": robot})
    card = replace(LESSON, photos=("0" * 32 + ".jpg",))
    await sender.send(delivery(card, link(cloud, IN_GROUP)))
    assert ([post.content for post in robot.sent], cloud.record.responses) == ([card], [])
    await sender.close()


@pytest.mark.anyio
async def test_response_url_after_its_hour(cloud: WecomCallbacks) -> None:
    sender = CallbackSender(callback_settings(cloud), {})
    url = link(cloud, IN_GROUP)
    cloud.advance(3601)
    with pytest.raises(Closed, match="no_push"):
        await sender.send(delivery(Text("办好了"), url))
    await sender.close()


@pytest.mark.anyio
async def test_response_url_that_fails(cloud: WecomCallbacks) -> None:
    robot = Recorder()
    sender = CallbackSender(callback_settings(cloud), {"wr1": robot})
    url = link(cloud, IN_GROUP)
    cloud.fail_next_response(-1)
    with pytest.raises(RetryLater):
        await sender.send(delivery(Text("办好了"), url))
    await sender.send(delivery(Text("办好了"), url))
    assert [post.content for post in robot.sent] == [Text("办好了")]
    await sender.close()


@pytest.mark.anyio
async def test_response_url_whose_answer_was_lost_is_not_said_twice(
    cloud: WecomCallbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Recorder()
    sender = CallbackSender(callback_settings(cloud), {"wr1": robot})
    url = link(cloud, IN_GROUP)
    call = client.WechatClient.call

    async def lost(*args: Any, **fields: Any) -> dict[str, Any]:
        await call(*args, **fields)
        raise Uncertain

    monkeypatch.setattr(client.WechatClient, "call", lost)
    with pytest.raises(Uncertain):
        await sender.send(delivery(Text("办好了"), url))
    monkeypatch.undo()
    await sender.send(delivery(Text("办好了"), url))
    assert (len(cloud.record.responses), robot.sent) == (1, [])
    await sender.close()


@pytest.mark.anyio
async def test_response_url_whose_attempt_was_cut_short_is_not_said_twice(
    cloud: WecomCallbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt of the outbox has its time; WeCom may have taken the post before that was over."""
    robot = Recorder()
    sender = CallbackSender(callback_settings(cloud), {"wr1": robot})
    url = link(cloud, IN_GROUP)
    call = client.WechatClient.call

    async def endless(*args: Any, **fields: Any) -> dict[str, Any]:
        await call(*args, **fields)
        return await asyncio.Future()

    monkeypatch.setattr(client.WechatClient, "call", endless)
    attempt = asyncio.create_task(sender.send(delivery(Text("办好了"), url)))
    while not cloud.record.responses:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    monkeypatch.undo()
    await sender.send(delivery(Text("办好了"), url))
    assert (len(cloud.record.responses), robot.sent) == (1, [])
    await sender.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "http://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=1",
        "https://qyapi.weixin.qq.com:8443/cgi-bin/aibot/response?response_code=1",
        "https://qyapi.weixin.qq.com.evil.example/?response_code=1",
        "https://qyapi.weixin.qq.com@evil.example/",
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9/",
        "file:///etc/passwd",
        "message:group:1:abc",
        "https://[",
        "//",
    ],
)
async def test_no_other_address_is_called(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def call(*_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError("called")

    monkeypatch.setattr(client.WechatClient, "call", call)
    sender = CallbackSender(callback_settings(), {})
    with pytest.raises(Closed):
        await sender.send(delivery(Text("办好了"), url))
    await sender.close()


@pytest.mark.anyio
async def test_only_a_gateway_on_this_machine_is_trusted_besides_wecom(cloud: WecomCallbacks) -> None:
    settings = callback_settings(cloud)
    for ws_url in ("wss://evil.example", "ws://192.0.2.1:80", "nonsense", "ws://127.0.0.1:9", "http://["):
        sender = CallbackSender(settings.model_copy(update={"ws_url": ws_url}), {})
        with pytest.raises(Closed):
            await sender.send(delivery(Text("办好了"), link(cloud, IN_GROUP)))
        await sender.close()
    assert not cloud.record.responses


@pytest.mark.anyio
async def test_people_are_reached_by_the_app(cloud: WecomCallbacks) -> None:
    app = Recorder()
    sender = CallbackSender(callback_settings(cloud), {}, app)
    await sender.send(delivery(LESSON, person=True))
    await sender.send(delivery(Attachment("名册.xlsx", b"PK"), link(cloud, LI), person=True))
    assert [post.content for post in app.sent] == [LESSON, Attachment("名册.xlsx", b"PK")]
    with pytest.raises(Closed):
        await sender.send(delivery(LESSON))
    app.failure = RetryLater("60020", 60.0, everything=True)
    with pytest.raises(RetryLater) as failure:
        await sender.send(delivery(LESSON, person=True))
    assert (failure.value.seconds, failure.value.everything) == (60.0, False)
    await sender.close()


@pytest.mark.anyio
async def test_without_an_app_it_takes_no_files(cloud: WecomCallbacks) -> None:
    sender = CallbackSender(callback_settings(cloud), {})
    assert not sender.limits.files
    with pytest.raises(Closed):
        await sender.send(delivery(Attachment("名册.xlsx", b"PK"), link(cloud, LI), person=True))
    assert cloud.record.responses == []
    await sender.close()


@pytest.mark.anyio
async def test_what_a_robot_in_callback_mode_cannot_do() -> None:
    sender = CallbackSender(callback_settings(), {})
    with pytest.raises(Refused):
        await sender.react("ref", chat="wr1")
    with pytest.raises(Refused):
        await sender.update("ref", LESSON, private=False)
    await sender.close()


@on_sqlite
def test_reminders_come_by_the_groups_robot(database: Database, tmp_path: Path) -> None:
    with Qyapi() as qyapi:
        webhook = f"{qyapi.url}/cgi-bin/webhook/send?key={ROBOT_KEY}"
        robot_settings = WecomRobotSettings(name="r", webhook_url=webhook, chat_id="wr1")
        robot = WecomRobot(robot_settings, MediaStore(tmp_path))
        product = Product(database, tmp_path, say_back, {"wr1": robot})
        with product.running():
            product.post(GROUP, Text("19:30 上课", (Mention("小李", "li"),)))
            eventually(lambda: qyapi.record.robot_messages)
        assert qyapi.record.robot_messages[0].content == {"content": "19:30 上课", "mentioned_list": ["li"]}


def test_without_a_robot_reminders_wait_for_the_next_message(product: Product) -> None:
    with product.running() as cloud:
        product.post(GROUP, Text("19:30 上课"))
        time.sleep(0.5)
        assert cloud.say("wr1", "li", "你好").reply["stream"]["content"] == "你好\n\n19:30 上课"


def test_acknowledgements_are_merged_into_one_line(database: Database, tmp_path: Path) -> None:
    def tick(batch: Batch, message: IncomingMessage, message_id: int) -> str:
        done = Acknowledge("已签到", message.sender)
        batch.posting.acknowledge(GROUP, done, ref=message.ref, message_id=message_id)
        return done.done

    product = Product(database, tmp_path, tick)
    with product.running() as cloud:
        for person in ("li", "zhang", "zhao"):
            assert cloud.say("wr1", person, "签到").reply == {}
        product.later()
        eventually(lambda: cloud.record.responses)
        time.sleep(0.5)
        assert [post.content["content"] for post in cloud.record.responses] == ["✅ 已签到：li、zhang、zhao"]


# Details


@pytest.mark.parametrize("key", ["CAIQ16HMjQYY/NGagIOAgAMgq4KM0AI=", "m", "card:0123"])
def test_task_ids_lead_back_to_messages(key: str) -> None:
    assert key_of(task_of(key)) == key
    assert len(task_of(key)) <= 128


def test_task_id_of_a_very_long_key() -> None:
    assert len(task_of("k" * 128)) <= 128
    assert key_of("0123456789abcdef0123456789abcdef") == ""
    assert key_of("re@\u00e9") == ""
