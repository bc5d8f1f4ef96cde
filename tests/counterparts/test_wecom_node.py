"""WeCom's own Node packages work with the fakes: what passes here passes with the vendor's code."""

import base64
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from tests.counterparts.node import Node, NodeScript
from tests.fakes import wecom_crypto
from tests.fakes.wecom_callbacks import WecomCallbacks
from tests.fakes.wecom_gateway import BOT_ID, SECRET, WecomGateway
from tests.fakes.wecom_media import WecomMedia

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP = "wx5823bf96d3bd56c7"
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
MESSAGE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q=="
)
STREAM = '{"msgtype":"stream","stream":{"id":"s1","finish":true,"content":"你好"}}'
SEALED_STREAM = (
    "sKqRbbiSUnDhFHOvPjtUMTyjUwe2MrmqVjeWqmzykPIgrJiyR3Mh55RQvnI0y4m+Xed4jwA5sQwzy6V3183d2MS8mrLMrt3HNL+dvMDWTYi1bcs9"
    "HIpq6BEmr8Qd1bi7"
)
OTHER_KEY, OTHER_TOKEN, OTHER_ID = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "spamtest", "wx2c2769f8efd9abc2"
BUTTONS: dict[str, Any] = {
    "card_type": "button_interaction",
    "main_title": {"title": "今天到岗吗"},
    "button_list": [{"text": "到岗", "style": 1, "key": "yes"}],
    "task_id": "t1",
}


class Client:
    """The official client in its process."""

    def __init__(self, script: NodeScript) -> None:
        self._script = script

    def event(self, name: str) -> Any:
        """What came with the next event of that name."""
        return self._script.receive(lambda line: line.get("event") == name)["data"]

    def call(self, method: str, *arguments: object) -> Any:
        """The method's result."""
        answer = self.attempt(method, *arguments)
        assert "result" in answer, answer
        return answer["result"]

    def attempt(self, method: str, *arguments: object) -> dict[str, Any]:
        """``{"result": …}`` or ``{"error": …}``, an errcode where there is one."""
        self._script.send({"call": method, "args": list(arguments)})
        answer: dict[str, Any] = self._script.receive(lambda line: "event" not in line)
        return answer


@pytest.fixture
def gateway() -> Iterator[WecomGateway]:
    with WecomGateway() as serving:
        yield serving


def started(node: Node, gateway: WecomGateway, secret: str = SECRET) -> AbstractContextManager[NodeScript]:
    options = json.dumps({"reconnectInterval": 50, "heartbeatInterval": 100, "maxAuthFailureAttempts": 1})
    return node.start("wecom_client.mjs", gateway.url, BOT_ID, secret, options)


@pytest.fixture
def client(node: Node, gateway: WecomGateway) -> Iterator[Client]:
    with started(node, gateway) as script:
        client = Client(script)
        client.event("authenticated")
        yield client


def test_it_hears_and_streams_an_answer(gateway: WecomGateway, client: Client) -> None:
    gateway.say("wr1", "li", "你好")
    frame = client.event("message")
    assert frame["body"]["text"] == {"content": "@小蜂 你好"}
    ack = client.call("replyStream", frame, "s1", "…", False)
    assert ack == {"headers": {"req_id": frame["headers"]["req_id"]}, "errcode": 0, "errmsg": "ok"}
    client.call("replyStream", frame, "s1", "收到", True)
    assert gateway.record.streams[0].frames == ["…", "收到"]
    assert gateway.record.streams[0].finished
    assert client.attempt("replyStream", frame, "s1", "还有", True) == {"error": 846608}
    assert client.attempt("replyStreamWithCard", frame, "s2", "…", False, {"templateCard": BUTTONS}) == {"error": 40008}


def test_it_sends_of_its_own_accord(gateway: WecomGateway, client: Client) -> None:
    markdown = {"msgtype": "markdown", "markdown": {"content": "该打卡了"}}
    assert client.attempt("sendMessage", "wr1", markdown) == {"error": 93006}
    gateway.say("wr1", "li", "你好")
    client.event("message")
    client.call("sendMessage", "wr1", markdown)
    assert [(post.target, post.text) for post in gateway.record.pushes] == [("wr1", "该打卡了")]


def test_cards(gateway: WecomGateway, client: Client) -> None:
    gateway.say("", "li", "打卡", private=True)
    client.call("replyTemplateCard", client.event("message"), BUTTONS)
    gateway.press("t1", "yes", "li")
    frame = client.event("event")
    assert frame["body"]["event"]["template_card_event"]["event_key"] == "yes"
    client.call("updateTemplateCard", frame, BUTTONS | {"main_title": {"title": "已到岗"}})
    assert gateway.record.updates[0].card["main_title"] == {"title": "已到岗"}


def test_welcome(gateway: WecomGateway, client: Client) -> None:
    gateway.enter("li")
    client.call("replyWelcome", client.event("event"), {"msgtype": "text", "text": {"content": "欢迎"}})
    assert [(post.target, post.text) for post in gateway.record.welcomes] == [("li", "欢迎")]


def test_upload(gateway: WecomGateway, client: Client) -> None:
    data = bytes(range(256)) * 5000  # three chunks
    whole = {"base64": base64.b64encode(data).decode()}
    uploaded = client.call("uploadMedia", whole, {"type": "file", "filename": "周报.pdf"})
    assert (gateway.record.uploads[0].data, gateway.record.uploads[0].filename) == (data, "周报.pdf")
    gateway.say("wr1", "li", "周报")
    client.call("replyMedia", client.event("message"), "file", uploaded["media_id"])
    client.call("sendMediaMessage", "wr1", "file", uploaded["media_id"])
    assert [post.msgtype for post in gateway.record.posts] == ["file", "file"]


def test_it_fetches_pictures(gateway: WecomGateway, client: Client) -> None:
    gateway.send_photo("li", gateway.media.keep(b"\x89PNG a picture", name="a.png"))
    image = client.event("message")["body"]["image"]
    fetched = client.call("downloadFile", image["url"], image["aeskey"])
    assert base64.b64decode(fetched["buffer"]["base64"]) == b"\x89PNG a picture"
    assert fetched["filename"] == "a.png"


def test_it_comes_back_after_a_drop(gateway: WecomGateway, client: Client) -> None:
    for code in (1006, 1001, 1000):
        gateway.drop(code)
        client.event("disconnected")
        client.event("authenticated")
    gateway.say("wr1", "li", "还在吗")
    client.call("replyStream", client.event("message"), "s1", "在", True)


def test_it_notices_a_half_open_connection(gateway: WecomGateway, client: Client) -> None:
    gateway.wait_until(lambda: gateway.record.requests["ping"] >= 2)
    gateway.freeze()
    client.event("disconnected")
    client.event("authenticated")
    gateway.say("wr1", "li", "还在吗")
    assert client.event("message")["cmd"] == "aibot_msg_callback"


def test_it_stays_away_after_a_kick(gateway: WecomGateway, client: Client) -> None:
    gateway.kick()
    assert client.event("event")["body"]["event"] == {"eventtype": "disconnected_event"}
    assert "New connection" in client.event("disconnected")
    with pytest.raises(TimeoutError):
        gateway.wait_until(lambda: gateway.record.requests["aibot_subscribe"] > 1, seconds=0.5)


def test_it_gives_up_on_a_wrong_secret(node: Node, gateway: WecomGateway) -> None:
    with started(node, gateway, "wrong") as script:
        client = Client(script)
        assert "40001" in client.event("error")
        assert "40001" in client.event("error")
        assert "Max auth failure attempts" in client.event("error")


def test_it_survives_garbage(gateway: WecomGateway, client: Client) -> None:
    for garbage in ("<html>", "{", "[]", "{}", "null"):
        gateway.send_garbage(garbage)
    gateway.say("wr1", "li", "还在吗")
    client.call("replyStream", client.event("message"), "s1", "在", True)


def test_published_vectors(node: Node) -> None:
    signed = ("1409659589", "263014780", ECHO)
    first, sdk_first, signature, message, message_signature = node.run(
        "wecom_crypto.mjs",
        [
            ["decrypt", KEY, ECHO],
            ["sdkDecrypt", TOKEN, KEY, CORP, ECHO],
            ["signature", TOKEN, *signed],
            ["decrypt", KEY, MESSAGE],
            ["signature", TOKEN, "1409659813", "1372623149", MESSAGE],
        ],
    )
    assert first == {"message": "1616140317555161061", "id": CORP}
    assert sdk_first == "1616140317555161061"
    assert wecom_crypto.unseal(KEY, ECHO) == ("1616140317555161061", CORP)
    assert signature == wecom_crypto.signature(TOKEN, *signed) == "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
    assert wecom_crypto.unseal(KEY, MESSAGE) == (message["message"], message["id"])
    assert "<Content><![CDATA[hello]]></Content>" in message["message"]
    assert message["id"] == CORP
    assert message_signature == "477715d11cdb4164915debcba66cb864d751f3e6"
    assert wecom_crypto.signature(TOKEN, "1409659813", "1372623149", MESSAGE) == message_signature


def test_bot_vector(node: Node) -> None:
    """receiveid is empty for an enterprise's own bots."""
    signed = ("1700000000", "n1", SEALED_STREAM)
    sealed, opened, sdk_opened, verified = node.run(
        "wecom_crypto.mjs",
        [
            ["encryptWith", KEY, STREAM, "", "0123456789abcdef"],
            ["decrypt", KEY, SEALED_STREAM],
            ["sdkDecrypt", TOKEN, KEY, "", SEALED_STREAM],
            ["sdkVerify", TOKEN, KEY, "91b6b213ab5478f304491f976ecfc94846169bb8", *signed],
        ],
    )
    assert sealed == wecom_crypto.seal(KEY, STREAM, random=b"0123456789abcdef") == SEALED_STREAM
    assert opened == {"message": STREAM, "id": ""}
    assert sdk_opened == STREAM
    assert verified is True
    assert wecom_crypto.signature(TOKEN, *signed) == "91b6b213ab5478f304491f976ecfc94846169bb8"


@pytest.mark.parametrize(
    ("token", "key", "receive_id"), [(TOKEN, KEY, ""), (OTHER_TOKEN, OTHER_KEY, OTHER_ID), (TOKEN, KEY, CORP)]
)
def test_both_ways(node: Node, token: str, key: str, receive_id: str) -> None:
    messages = ["", "a", "你好", '{"msgtype":"text"}', "x" * 31, "好" * 1000]
    ours = [wecom_crypto.seal(key, message, receive_id) for message in messages]
    operations = [["decrypt", key, sealed] for sealed in ours]
    operations += [["sdkDecrypt", token, key, receive_id, sealed] for sealed in ours]
    operations += [["encrypt", key, message, receive_id] for message in messages]
    operations += [["sdkEncrypt", token, key, receive_id, message, "1700000000", "n1"] for message in messages]
    results = node.run("wecom_crypto.mjs", operations)
    count = len(messages)
    assert results[:count] == [{"message": message, "id": receive_id} for message in messages]
    assert results[count : 2 * count] == messages
    theirs = [*results[2 * count : 3 * count], *(result["encrypt"] for result in results[3 * count :])]
    assert [wecom_crypto.unseal(key, sealed) for sealed in theirs] == [
        (message, receive_id) for message in messages * 2
    ]
    for result in results[3 * count :]:
        assert result["signature"] == wecom_crypto.signature(token, "1700000000", "n1", result["encrypt"])


def test_callbacks(node: Node) -> None:
    """What the fake of URL mode sends can be verified and opened, and it opens what the SDK answers."""
    with WecomCallbacks(TOKEN, KEY) as cloud:
        body = cloud.messages.entered("li")
        sealed = cloud.sealed(body)
        encrypted = json.loads(sealed.content)["encrypt"]
        at, nonce = sealed.params["timestamp"], sealed.params["nonce"]
        verified, opened, answer = node.run(
            "wecom_crypto.mjs",
            [
                ["sdkVerify", TOKEN, KEY, sealed.params["msg_signature"], at, nonce, encrypted],
                ["sdkDecrypt", TOKEN, KEY, "", encrypted],
                ["sdkEncrypt", TOKEN, KEY, "", '{"msgtype":"text","text":{"content":"欢迎"}}', at, nonce],
            ],
        )
        assert verified is True
        assert json.loads(opened) == body
        envelope = {"encrypt": answer["encrypt"], "msgsignature": answer["signature"], "timestamp": int(at)}
        exchange = cloud.take(body, 200, json.dumps(envelope | {"nonce": nonce}).encode(), nonce)
        assert (exchange.refusal, cloud.record.welcomes[0].content) == ("", {"content": "欢迎"})


def test_media(node: Node) -> None:
    pictures = [b"", b"x", b"\x89PNG" * 8, b"y" * 31, b"z" * 1000]
    with WecomMedia() as media:
        links = [media.keep(picture) for picture in pictures]
        bodies = [httpx.get(link.url, trust_env=False).content for link in links]
    operations = [
        ["decryptFile", base64.b64encode(body).decode(), link.aeskey] for body, link in zip(bodies, links, strict=True)
    ]
    assert [base64.b64decode(result) for result in node.run("wecom_crypto.mjs", operations)] == pictures
