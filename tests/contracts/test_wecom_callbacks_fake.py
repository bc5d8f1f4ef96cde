"""The fake of URL mode is as strict as the contract says: a small product of its own answers it, well and badly."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes import wecom_callbacks, wecom_crypto
from tests.fakes.serving import ServerThread
from tests.fakes.wecom_callbacks import WecomCallbacks

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
BUTTONS: dict[str, Any] = {
    "card_type": "button_interaction",
    "main_title": {"title": "今天到岗吗"},
    "button_list": [{"text": "到岗", "key": "yes"}],
    "task_id": "t1",
}
PNG = b"\x89PNG\r\n\x1a\n"


def stream(content: str = "收到", *, finish: bool = True, name: str = "s1", **fields: Any) -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": name, "finish": finish, "content": content} | fields}


def card(**fields: Any) -> dict[str, Any]:
    return {"msgtype": "template_card", "template_card": BUTTONS | fields}


class Product:
    """Answers with ``replies``, one after the other, and with nothing when there are no more."""

    def __init__(self) -> None:
        self.replies: list[dict[str, Any]] = []
        self.envelope: dict[str, Any] = {}
        """Replaces fields of the next envelopes."""
        self.status = 200
        self.delay = 0.0
        self.heard: list[dict[str, Any]] = []
        routes = [Route("/bot", self._verify, methods=["GET"]), Route("/bot", self._answer, methods=["POST"])]
        self.server = ServerThread(Starlette(routes=routes))

    async def _verify(self, request: Request) -> Response:
        await asyncio.sleep(self.delay)
        query = request.query_params
        expected = wecom_crypto.signature(TOKEN, query["timestamp"], query["nonce"], query["echostr"])
        assert query["msg_signature"] == expected
        return PlainTextResponse(wecom_crypto.unseal(KEY, query["echostr"])[0])

    async def _answer(self, request: Request) -> Response:
        query = request.query_params
        encrypted = (await request.json())["encrypt"]
        assert query["msg_signature"] == wecom_crypto.signature(TOKEN, query["timestamp"], query["nonce"], encrypted)
        self.heard.append(json.loads(wecom_crypto.unseal(KEY, encrypted)[0]))
        await asyncio.sleep(self.delay)
        if not self.replies:
            return Response(status_code=self.status)
        sealed, now = wecom_crypto.seal(KEY, json.dumps(self.replies.pop(0))), int(time.time())
        signature = wecom_crypto.signature(TOKEN, str(now), query["nonce"], sealed)
        envelope = {"encrypt": sealed, "msgsignature": signature, "timestamp": now, "nonce": query["nonce"]}
        return Response(json.dumps(envelope | self.envelope), self.status)


@pytest.fixture
def product() -> Iterator[Product]:
    product = Product()
    with product.server:
        yield product


@pytest.fixture
def cloud(product: Product) -> Iterator[WecomCallbacks]:
    with WecomCallbacks(TOKEN, KEY, target=f"{product.server.url}/bot") as cloud:
        yield cloud


def test_verification(cloud: WecomCallbacks, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cloud.verify()
    monkeypatch.setattr(wecom_callbacks, "VERIFY_WITHIN", 0.1)
    product.delay = 0.3
    assert not cloud.verify()


def test_messages(cloud: WecomCallbacks, product: Product) -> None:
    link = cloud.keep(PNG)
    exchange = cloud.say("wr1", "li", "你好", quote=link)
    assert (exchange.status, exchange.reply, exchange.refusal) == (200, {}, "")
    body = product.heard[0]
    assert body == exchange.body
    assert body["text"] == {"content": "@小蜂 你好"}
    assert body["quote"] == {"msgtype": "image", "image": {"url": link.url}}
    assert body["response_url"].startswith(f"{cloud.url}/cgi-bin/aibot/response?response_code=")
    assert wecom_crypto.decrypt(KEY, httpx.get(link.url, trust_env=False).content) == PNG
    cloud.send_photo("li", link)
    cloud.send_mixed("wr1", "li", ["路面坏了", link])
    cloud.send_voice("li", "我到了")
    cloud.enter("li")
    assert [body["msgtype"] for body in product.heard[1:]] == ["image", "mixed", "voice", "event"]


def test_streams(cloud: WecomCallbacks, product: Product) -> None:
    product.replies = [stream("", finish=False), stream("查", finish=False), stream("查到了")]
    exchange = cloud.say("wr1", "li", "你好")
    assert (exchange.kind, exchange.stream_id) == ("stream", "s1")
    assert cloud.watch(exchange).frames == ["", "查", "查到了"]
    assert product.heard[1]["stream"] == {"id": "s1"}
    assert product.heard[1]["msgid"] != product.heard[0]["msgid"]
    with pytest.raises(ValueError, match="no more"):
        cloud.poll(exchange)
    assert cloud.record.streams[0].text == "查到了"


def test_streams_end_after_six_minutes(cloud: WecomCallbacks, product: Product) -> None:
    product.replies = [stream("", finish=False)]
    exchange = cloud.say("wr1", "li", "你好")
    cloud.advance(361)
    with pytest.raises(ValueError, match="no more"):
        cloud.poll(exchange)


def test_a_stream_that_does_not_end(cloud: WecomCallbacks, product: Product) -> None:
    product.replies = [stream("", finish=False)]
    exchange = cloud.say("wr1", "li", "你好")
    with pytest.raises(TimeoutError):
        cloud.watch(exchange, seconds=0.1)


def test_pictures_in_a_stream(cloud: WecomCallbacks, product: Product) -> None:
    image = {"base64": base64.b64encode(PNG).decode(), "md5": hashlib.md5(PNG).hexdigest()}
    items = [{"msgtype": "image", "image": image}]
    wrong = [{"msgtype": "image", "image": image | {"md5": "0" * 32}}]
    product.replies = [
        stream(msg_item=items),
        stream(name="s2", finish=False, msg_item=items),
        stream(name="s3", msg_item=wrong),
        stream(name="s4", msg_item=items * 11),
    ]
    refusals = [cloud.say("wr1", "li", "你好").refusal for _ in range(4)]
    assert [bool(refusal) for refusal in refusals] == [False, True, True, True]


@pytest.mark.parametrize(
    "reply",
    [
        {"msgtype": "text", "text": {"content": "好"}},
        {"msgtype": "markdown", "markdown": {"content": "好"}},
        stream("好" * 6827),
        stream(name=""),
        card(task_id=""),
        {"response_type": "update_template_card", "template_card": BUTTONS},
    ],
)
def test_bad_replies(cloud: WecomCallbacks, product: Product, reply: dict[str, Any]) -> None:
    product.replies = [reply]
    exchange = cloud.say("wr1", "li", "你好")
    assert exchange.refusal
    assert cloud.record.refusals == [exchange.refusal]
    assert not cloud.record.streams
    assert not cloud.record.cards


@pytest.mark.parametrize(
    "fields",
    [
        {"msgsignature": "0" * 40},
        {"nonce": "other"},
        {"timestamp": "1700000000"},
        {"timestamp": 1700000000},
        {"msg_signature": ""},
        {"encrypt": ""},
        {"encrypt": 1},
    ],
)
def test_bad_envelopes(cloud: WecomCallbacks, product: Product, fields: dict[str, Any]) -> None:
    product.replies, product.envelope = [stream()], fields
    assert cloud.say("wr1", "li", "你好").refusal
    assert not cloud.record.streams


def test_bad_answers(cloud: WecomCallbacks, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    product.status = 500
    assert cloud.say("wr1", "li", "你好").refusal == "HTTP 500"
    monkeypatch.setattr(wecom_callbacks, "ANSWER_WITHIN", 0.1)
    product.status, product.delay = 200, 0.3
    assert cloud.say("wr1", "li", "你好").status == 0


def test_redelivery(cloud: WecomCallbacks, product: Product) -> None:
    product.replies = [stream(), stream(), stream(name="s2")]
    exchange = cloud.say("wr1", "li", "你好")
    again = cloud.redeliver(exchange)
    assert product.heard[0]["msgid"] == product.heard[1]["msgid"]
    assert (again.reply, cloud.record.double_answers, len(cloud.record.streams)) == (exchange.reply, {}, 1)
    cloud.redeliver(exchange)
    assert cloud.record.double_answers == {exchange.body["msgid"]: {"s1", "s2"}}


def test_cards(cloud: WecomCallbacks, product: Product) -> None:
    update = {"response_type": "update_template_card", "template_card": BUTTONS}
    product.replies = [card(), card(), card(), update, stream(), {"msgtype": "text", "text": {"content": "好"}}]
    exchange = cloud.say("wr1", "li", "你好")
    assert not cloud.redeliver(exchange).refusal
    assert cloud.say("wr1", "li", "再来").refusal  # the task_id is taken
    assert len(cloud.record.cards) == 1
    pressed = cloud.press("t1", "yes", "zhao")
    assert pressed.body["event"]["template_card_event"]["event_key"] == "yes"
    assert pressed.body["response_url"]
    assert (pressed.refusal, cloud.record.updates[0].task_id) == ("", "t1")
    assert cloud.press("t1", "yes", "zhao").refusal
    assert not cloud.enter("li").refusal
    assert cloud.record.welcomes[0].content == {"content": "好"}


def test_stream_with_card(cloud: WecomCallbacks, product: Product) -> None:
    combined = {"msgtype": "stream_with_template_card", "template_card": BUTTONS}
    product.replies = [stream("", finish=False), combined | {"stream": stream()["stream"]}]
    cloud.watch(cloud.say("wr1", "li", "你好"))
    assert cloud.record.cards[0].msgid == cloud.record.streams[0].msgid


def respond(body: dict[str, Any], content: object) -> int:
    answer = httpx.post(body["response_url"], json=content, trust_env=False)
    return int(answer.json()["errcode"])


def test_response_urls(cloud: WecomCallbacks) -> None:
    markdown = {"msgtype": "markdown", "markdown": {"content": "办好了"}}
    group = cloud.say("wr1", "li", "你好").body
    assert respond(group, markdown) == 0
    assert respond(group, markdown) == 40058
    assert respond(cloud.say("wr1", "li", "你好").body, card()) == 40008
    assert respond(cloud.say("wr1", "li", "你好").body, stream()) == 40008
    assert respond(cloud.say("", "li", "你好", private=True).body, card()) == 0
    late = cloud.say("wr1", "li", "你好").body
    cloud.advance(3601)
    assert respond(late, markdown) == 40058
    cloud.fail_next_response(-1)
    assert respond(cloud.say("wr1", "li", "你好").body, markdown) == -1
    assert [(post.target, post.msgtype) for post in cloud.record.responses] == [
        ("wr1", "markdown"),
        ("li", "template_card"),
    ]
    assert cloud.record.responses[0].msgid == group["msgid"]
