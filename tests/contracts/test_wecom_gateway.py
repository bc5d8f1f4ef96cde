"""The fake gateway itself is as strict as the contract says, or tests against it would prove nothing."""

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes import wecom_crypto
from tests.fakes.wecom_cards import CardError, check_card
from tests.fakes.wecom_gateway import BOT_ID, SECRET, WecomGateway
from tests.fakes.wecom_messages import Place

BUTTONS: dict[str, Any] = {
    "card_type": "button_interaction",
    "main_title": {"title": "今天到岗吗"},
    "button_list": [{"text": "到岗", "style": 1, "key": "yes"}],
    "task_id": "t1",
}
VOTE: dict[str, Any] = {
    "card_type": "vote_interaction",
    "main_title": {"title": "第 1 题"},
    "checkbox": {"question_key": "q", "mode": 1, "option_list": [{"id": "a", "text": "甲"}]},
    "submit_button": {"text": "提交", "key": "k"},
    "task_id": "t2",
}
SELECTS: dict[str, Any] = {
    "card_type": "multiple_interaction",
    "main_title": {"title": "选"},
    "select_list": [{"question_key": "q", "option_list": [{"id": "a", "text": "甲"}]}],
    "submit_button": {"text": "提交", "key": "k"},
}
NOTICE: dict[str, Any] = {
    "card_type": "text_notice",
    "main_title": {"title": "通知"},
    "card_action": {"type": 1, "url": "https://example.org"},
}


class Bot:
    """A plain client."""

    def __init__(self, gateway: WecomGateway, *, subscribe: bool = True) -> None:
        self._connecting = connect(gateway.url, ping_interval=None, proxy=None, close_timeout=0.2)
        self._subscribe = subscribe
        self._serial = itertools.count(1)

    def __enter__(self) -> Self:
        self.socket: ClientConnection = self._connecting.__enter__()
        if self._subscribe:
            assert self.call("aibot_subscribe", {"bot_id": BOT_ID, "secret": SECRET}) == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connecting.__exit__(kind, error, trace)

    def send(self, cmd: str, body: object, req_id: str = "") -> str:
        req_id = req_id or f"r{next(self._serial)}"
        self.socket.send(json.dumps({"cmd": cmd, "headers": {"req_id": req_id}, "body": body}))
        return req_id

    def read(self, timeout: float = 2.0) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout))
        return frame

    def ask(self, cmd: str, body: object, req_id: str = "") -> dict[str, Any]:
        """The ack: it has the same req_id and no cmd."""
        req_id = self.send(cmd, body, req_id)
        ack = self.read()
        assert ack["headers"] == {"req_id": req_id}
        assert "cmd" not in ack
        return ack

    def call(self, cmd: str, body: object, req_id: str = "") -> int:
        return int(self.ask(cmd, body, req_id)["errcode"])

    def heard(self) -> tuple[str, dict[str, Any]]:
        frame = self.read()
        return frame["headers"]["req_id"], frame["body"]

    def stream(self, req_id: str, content: str, *, finish: bool = False, name: str = "s1", **fields: Any) -> int:
        stream = {"id": name, "finish": finish, "content": content} | fields
        return self.call("aibot_respond_msg", {"msgtype": "stream", "stream": stream}, req_id)

    def card(self, req_id: str, card: dict[str, Any]) -> int:
        return self.call("aibot_respond_msg", {"msgtype": "template_card", "template_card": card}, req_id)

    def push(self, chat: str, said: str = "提醒", **fields: Any) -> int:
        body = {"chatid": chat, "msgtype": "markdown", "markdown": {"content": said}} | fields
        return self.call("aibot_send_msg", body)


@pytest.fixture
def gateway() -> Iterator[WecomGateway]:
    with WecomGateway() as serving:
        yield serving


@pytest.fixture
def bot(gateway: WecomGateway) -> Iterator[Bot]:
    with Bot(gateway) as subscribed:
        yield subscribed


def asked(gateway: WecomGateway, bot: Bot, text: str = "你好") -> str:
    """The req_id of a message in the group."""
    gateway.say("wr1", "li", text)
    return bot.heard()[0]


def test_subscription(gateway: WecomGateway) -> None:
    with Bot(gateway, subscribe=False) as bot:
        assert bot.call("ping", None) == 0
        assert bot.push("wr1") == 846609
        assert bot.call("aibot_subscribe", {"bot_id": BOT_ID, "secret": "x"}) == 40001
        assert not gateway.connected
        assert bot.call("aibot_subscribe", {"bot_id": BOT_ID, "secret": SECRET}) == 0
        assert gateway.connected
        assert bot.call("aibot_subscribe", {"bot_id": BOT_ID, "secret": SECRET}) == 45009
        assert bot.call("nonsense", {}) == 40058
        bot.socket.send("nonsense")
        assert bot.read()["errcode"] == 40058


def test_too_many_subscriptions(gateway: WecomGateway) -> None:
    with Bot(gateway, subscribe=False) as bot:
        codes = [bot.call("aibot_subscribe", {"bot_id": BOT_ID, "secret": "x"}) for _ in range(21)]
        assert codes == [40001] * 20 + [45009]


def test_a_new_connection_kicks_the_old(gateway: WecomGateway, bot: Bot) -> None:
    with Bot(gateway) as second:
        frame = bot.read()
        assert frame["cmd"] == "aibot_event_callback"
        assert frame["body"]["event"] == {"eventtype": "disconnected_event"}
        with pytest.raises(ConnectionClosed):
            bot.read()
        gateway.say("wr1", "li", "你好")
        assert second.heard()[1]["text"] == {"content": "@小蜂 你好"}


def test_messages(gateway: WecomGateway, bot: Bot) -> None:
    link = gateway.media.keep(b"\x89PNG")
    said = gateway.say("wr1", "li", "你好", quote="昨天的")
    assert bot.heard()[1] == {
        "msgid": said.body["msgid"],
        "aibotid": BOT_ID,
        "chatid": "wr1",
        "chattype": "group",
        "from": {"userid": "li"},
        "msgtype": "text",
        "text": {"content": "@小蜂 你好"},
        "quote": {"msgtype": "text", "text": {"content": "昨天的"}},
    }
    gateway.send_mixed("wr1", "li", ["路面坏了", link])
    picture = {"msgtype": "image", "image": {"url": link.url, "aeskey": link.aeskey}}
    text = {"msgtype": "text", "text": {"content": "@小蜂 路面坏了"}}
    assert bot.heard()[1]["mixed"] == {"msg_item": [text, picture]}
    gateway.send_photo("li", link)
    body = bot.heard()[1]
    assert (body["chattype"], body["image"], "chatid" in body) == ("single", picture["image"], False)
    gateway.send_voice("li", "我到了")
    assert bot.heard()[1]["voice"] == {"content": "我到了"}
    gateway.enter("li")
    assert bot.heard()[1]["event"] == {"eventtype": "enter_chat"}
    with pytest.raises(ValueError, match="from a group"):
        gateway.deliver(gateway.messages.media(Place("wr1", "li", private=False), "image", {}))


def test_redelivery_keeps_the_msgid(gateway: WecomGateway, bot: Bot) -> None:
    first = gateway.say("wr1", "li", "你好")
    second = gateway.redeliver(first)
    assert bot.heard() == (first.req_id, first.body)
    assert bot.heard() == (second.req_id, first.body)
    assert first.req_id != second.req_id


def test_streams(gateway: WecomGateway, bot: Bot) -> None:
    req_id = asked(gateway, bot)
    assert bot.stream("unknown", "…") == 846605
    assert bot.stream(req_id, "…") == 0
    assert bot.stream(req_id, "收到", finish=True) == 0
    assert bot.stream(req_id, "还有") == 846608
    (stream,) = gateway.record.streams
    assert (stream.target, stream.frames, stream.text, stream.finished) == ("wr1", ["…", "收到"], "收到", True)
    other = asked(gateway, bot)
    assert bot.stream(other, "…") == 40058  # the id is taken
    assert bot.stream(other, "…", name="s2") == 0
    gateway.advance(601)
    assert bot.stream(other, "晚了", name="s2", finish=True) == 846608
    assert bot.stream(other, "另一条", name="s3", finish=True) == 0
    gateway.advance(86400)
    assert bot.stream(other, "太晚", name="s4", finish=True) == 846605


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (40058, {"msgtype": "stream", "stream": {"id": "s", "content": "好" * 6827}}),
        (40058, {"msgtype": "stream", "stream": {"id": "", "content": "好"}}),
        (40058, {"msgtype": "stream", "stream": {"id": "s", "content": 1}}),
        (40058, {"msgtype": "stream", "stream": {"id": "s", "finish": True, "content": "", "msg_item": []}}),
        (40058, {"msgtype": "stream", "stream": {"id": "s", "content": "", "feedback": {"id": "f" * 257}}}),
        (40008, {"msgtype": "stream_with_template_card", "stream": {"id": "s"}, "template_card": BUTTONS}),
        (40008, {"msgtype": "text", "text": {"content": "好"}}),
        (40058, {"msgtype": "markdown", "markdown": {"content": ""}}),
        (40007, {"msgtype": "image", "image": {"media_id": "m1"}}),
        (40058, {"msgtype": "template_card"}),
    ],
)
def test_bad_replies(gateway: WecomGateway, bot: Bot, code: int, body: dict[str, Any]) -> None:
    assert bot.call("aibot_respond_msg", body, asked(gateway, bot)) == code
    assert not gateway.record.streams
    assert not gateway.record.posts


def without(card: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in card.items() if name != field}


def options(count: int) -> dict[str, Any]:
    return {"question_key": "q", "option_list": [{"id": str(number), "text": "项"} for number in range(count)]}


@pytest.mark.parametrize(
    "card",
    [
        {"card_type": "markdown"},
        without(NOTICE, "card_action"),
        without(NOTICE, "main_title"),
        NOTICE | {"card_action": {"type": 0}},
        NOTICE | {"horizontal_content_list": [{"keyname": "地点"}] * 7},
        NOTICE | {"horizontal_content_list": [{"value": "地点"}]},
        NOTICE | {"action_menu": {"desc": "更多", "action_list": [{"text": "不", "key": "no"}]}},
        NOTICE | {"card_type": "news_notice"},
        without(BUTTONS, "task_id"),
        without(BUTTONS, "main_title"),
        without(BUTTONS, "button_list"),
        BUTTONS | {"task_id": "到岗"},
        BUTTONS | {"task_id": "t" * 129},
        BUTTONS | {"button_list": []},
        BUTTONS | {"button_list": [{"text": "项", "key": str(number)} for number in range(7)]},
        BUTTONS | {"button_list": [{"text": "项", "key": "same"}] * 2},
        BUTTONS | {"button_list": [{"text": "项", "key": "k" * 1025}]},
        BUTTONS | {"button_list": [{"text": "项", "key": "k", "style": 5}]},
        BUTTONS | {"unknown": 1},
        without(VOTE, "submit_button"),
        VOTE | {"checkbox": options(0)},
        VOTE | {"checkbox": options(21)},
        VOTE | {"checkbox": options(2) | {"mode": 2}},
        VOTE | {"checkbox": options(2) | {"disable": True}},
        VOTE | {"checkbox": {"question_key": "q", "option_list": [{"id": "i" * 129, "text": "项"}]}},
        SELECTS | {"select_list": [options(2) | {"question_key": str(number)} for number in range(4)]},
        SELECTS | {"select_list": [options(11)]},
        SELECTS | {"select_list": [options(2), options(2)]},
    ],
)
def test_bad_cards(card: dict[str, Any]) -> None:
    with pytest.raises(CardError):
        check_card(card)


def test_cards(gateway: WecomGateway, bot: Bot) -> None:
    req_id = asked(gateway, bot)
    assert bot.card(req_id, without(NOTICE, "card_action")) == 40058
    for card in (BUTTONS, VOTE, SELECTS, NOTICE):
        assert bot.card(req_id, card) == 0
    assert bot.card(req_id, BUTTONS) == 40058  # a task_id is good for one card
    assert gateway.record.cards[0].content == BUTTONS
    gateway.press("t2", "k", "zhao", {"q": ["a"]})
    pressed, body = bot.heard()
    assert body["event"]["template_card_event"] == {
        "card_type": "vote_interaction",
        "event_key": "k",
        "task_id": "t2",
        "selected_items": {"selected_item": [{"question_key": "q", "option_ids": {"option_id": ["a"]}}]},
    }
    assert body["from"] == {"userid": "zhao"}
    with pytest.raises(ValueError, match="no key"):
        gateway.press("t1", "no", "zhao")
    assert update(bot, pressed, VOTE | {"task_id": "t1"}) == 40058
    closed = VOTE | {"checkbox": VOTE["checkbox"] | {"disable": True}}
    assert update(bot, pressed, closed) == 0
    assert update(bot, pressed, closed) == 846605  # once
    assert gateway.record.updates[0].task_id == "t2"
    gateway.press("t1", "yes", "zhao")
    pressed, _ = bot.heard()
    assert bot.stream(pressed, "…", name="s9") == 846605
    gateway.advance(5.1)
    assert update(bot, pressed, BUTTONS) == 846605


def update(bot: Bot, req_id: str, card: dict[str, Any]) -> int:
    body = {"response_type": "update_template_card", "template_card": card}
    return bot.call("aibot_respond_update_msg", body, req_id)


def test_welcomes(gateway: WecomGateway, bot: Bot) -> None:
    body = {"msgtype": "text", "text": {"content": "欢迎"}}
    gateway.enter("li")
    req_id, _ = bot.heard()
    assert (
        bot.call("aibot_respond_welcome_msg", {"msgtype": "markdown", "markdown": {"content": "好"}}, req_id) == 40008
    )
    assert bot.call("aibot_respond_welcome_msg", body, req_id) == 0
    assert bot.call("aibot_respond_welcome_msg", body, req_id) == 846605
    gateway.enter("zhao")
    req_id, _ = bot.heard()
    gateway.advance(5.1)
    assert bot.call("aibot_respond_welcome_msg", body, req_id) == 846605
    assert [post.text for post in gateway.record.welcomes] == ["欢迎"]
    assert bot.push("li") == 93006  # to enter is not to write


def test_pushes(gateway: WecomGateway, bot: Bot) -> None:
    assert bot.push("wr1") == 93006
    asked(gateway, bot)
    gateway.say("", "li", "在吗", private=True)
    bot.heard()
    assert bot.push("wr1") == bot.push("wr1", chat_type=2) == bot.push("li", chat_type=1) == 0
    assert bot.push("WR1") == bot.push("wr1", chat_type=1) == bot.push("li", chat_type=2) == 93006
    assert bot.push("wr1", msgtype="text", text={"content": "好"}) == 40008
    assert bot.push("wr1", chat_type=3) == 40058
    assert bot.push("wr1", "好" * 6827) == 40058
    assert [post.target for post in gateway.record.pushes] == ["wr1", "wr1", "li"]
    assert gateway.record.double_posts == {("wr1", '{"content": "提醒"}'): 2}


def test_thirty_a_minute_in_one_chat(gateway: WecomGateway, bot: Bot) -> None:
    req_id = asked(gateway, bot)
    gateway.say("wr2", "li", "你好")
    bot.heard()
    codes = [bot.stream(req_id, "…") for _ in range(20)] + [bot.push("wr1") for _ in range(11)]
    assert codes == [0] * 30 + [45009]
    assert bot.push("wr2") == 0
    gateway.advance(61)
    assert bot.push("wr1") == 0


def test_a_thousand_an_hour_in_one_chat(gateway: WecomGateway, bot: Bot) -> None:
    asked(gateway, bot)
    for number in range(1000):
        assert bot.push("wr1", str(number)) == 0
        if number % 30 == 29:
            gateway.advance(61)
    gateway.advance(61)
    assert bot.push("wr1") == 45009
    gateway.advance(3600)
    assert bot.push("wr1") == 0


def test_uploads(gateway: WecomGateway, bot: Bot) -> None:
    asked(gateway, bot)
    data = b"x" * (512 * 1024) + b"the rest"
    upload_id = begin(bot, data)["body"]["upload_id"]
    assert chunk(bot, upload_id, 1, data[512 * 1024 :]) == 0
    assert bot.call("aibot_upload_media_finish", {"upload_id": upload_id}) == 40058
    assert chunk(bot, upload_id, 2, b"more") == 40058
    assert chunk(bot, upload_id, 0, data[: 512 * 1024] + b"x") == 40058
    assert chunk(bot, upload_id, 0, data[: 512 * 1024]) == chunk(bot, upload_id, 0, b"again") == 0
    finished = bot.ask("aibot_upload_media_finish", {"upload_id": upload_id})["body"]
    assert finished["type"] == "file"
    assert gateway.record.uploads[0].data == data
    media = {"media_id": finished["media_id"]}
    assert bot.push("wr1", msgtype="file", file=media) == 0
    assert bot.push("wr1", msgtype="image", image=media) == 40007
    gateway.advance(3 * 86400)
    assert bot.push("wr1", msgtype="file", file=media) == 40007


def begin(bot: Bot, data: bytes, **fields: Any) -> dict[str, Any]:
    body = {"type": "file", "filename": "周报.pdf", "total_size": len(data), "total_chunks": 2}
    return bot.ask("aibot_upload_media_init", body | {"md5": hashlib.md5(data).hexdigest()} | fields)


def chunk(bot: Bot, upload_id: str, index: int, data: bytes) -> int:
    body = {"upload_id": upload_id, "chunk_index": index, "base64_data": base64.b64encode(data).decode()}
    return bot.call("aibot_upload_media_chunk", body)


def test_bad_uploads(gateway: WecomGateway, bot: Bot) -> None:
    for fields in ({"type": "image", "total_size": 11 << 20}, {"total_chunks": 101}, {"type": "x"}, {"total_size": 4}):
        assert begin(bot, b"12345", **fields)["errcode"] == 40058
    wrong = begin(bot, b"12345", md5="0" * 32, total_chunks=1)["body"]["upload_id"]
    assert chunk(bot, wrong, 0, b"12345") == 0
    assert bot.call("aibot_upload_media_finish", {"upload_id": wrong}) == 40058
    late = begin(bot, b"12345", total_chunks=1)["body"]["upload_id"]
    gateway.advance(1801)
    assert chunk(bot, late, 0, b"12345") == 40058
    assert [begin(bot, b"12345")["errcode"] for _ in range(31)] == [0] * 30 + [45009]


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1001, 1001), (1006, None)])
def test_drops(gateway: WecomGateway, bot: Bot, code: Any, seen: int | None) -> None:
    gateway.drop(code)
    with pytest.raises(ConnectionClosed) as caught:
        bot.read()
    assert (caught.value.rcvd.code if caught.value.rcvd else None) == seen
    assert not gateway.connected
    assert not gateway.say("wr1", "li", "有人吗").delivered


def test_kick(gateway: WecomGateway, bot: Bot) -> None:
    gateway.kick()
    assert bot.read()["body"]["event"] == {"eventtype": "disconnected_event"}
    with pytest.raises(ConnectionClosed):
        bot.read()


def test_half_open(gateway: WecomGateway, bot: Bot) -> None:
    gateway.freeze()
    bot.send("ping", None)
    assert not gateway.say("wr1", "li", "你好").delivered
    with pytest.raises(TimeoutError):
        bot.read(0.1)
    with Bot(gateway) as second:
        assert second.push("wr1") == 0


def test_thawed(gateway: WecomGateway, bot: Bot) -> None:
    gateway.freeze()
    bot.send("ping", None)
    gateway.thaw()
    assert bot.read()["errcode"] == 0


def test_protocol_level_pings_end_the_connection(gateway: WecomGateway, bot: Bot) -> None:
    bot.socket.ping()
    with pytest.raises(ConnectionClosed) as caught:
        bot.read()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1002
    gateway.wait_until(lambda: not gateway.connected)
    assert gateway.record.protocol_pings == 1


def test_acks(gateway: WecomGateway, bot: Bot) -> None:
    asked(gateway, bot)
    gateway.drop_acks(1, "aibot_send_msg")
    body = {"chatid": "wr1", "msgtype": "markdown", "markdown": {"content": "一"}}
    bot.send("aibot_send_msg", body)
    assert bot.call("ping", None) == 0
    assert [post.text for post in gateway.record.pushes] == ["一"]
    gateway.delay_acks(0.1)
    bot.send("ping", None)
    with pytest.raises(TimeoutError):
        bot.read(0.03)
    assert bot.read()["errcode"] == 0


def test_faults(gateway: WecomGateway, bot: Bot) -> None:
    asked(gateway, bot)
    gateway.fail_next(-1, cmd="aibot_send_msg")
    gateway.fail_next("html", cmd="aibot_send_msg")
    assert bot.call("ping", None) == 0
    assert bot.push("wr1") == -1
    bot.send("aibot_send_msg", {})
    assert str(bot.socket.recv(2)).startswith("<html>")
    gateway.send_garbage("{")
    assert bot.socket.recv(2) == "{"
    assert bot.push("wr1") == 0
    assert len(gateway.record.pushes) == 1
    assert gateway.record.refusals == {-1: 1}


def test_media(gateway: WecomGateway) -> None:
    link = gateway.media.keep(b"\xff\xd8\xff a picture", name="a.jpg")
    assert len(link.aeskey) == 43
    answer = httpx.get(link.url, trust_env=False)
    assert wecom_crypto.decrypt(link.aeskey, answer.content) == b"\xff\xd8\xff a picture"
    assert len(answer.content) % 32 == 0
    gateway.media.advance(301)
    assert httpx.get(link.url, trust_env=False).status_code == 403
    redirect = httpx.get(gateway.media.redirect().url, trust_env=False)
    assert (redirect.status_code, redirect.headers["location"][:22]) == (302, "http://169.254.169.254")
    with httpx.stream("GET", gateway.media.endless().url, trust_env=False) as endless:
        assert sum(len(piece) for piece, _ in zip(endless.iter_raw(65536), range(64), strict=False)) > 1 << 20
