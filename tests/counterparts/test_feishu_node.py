"""Feishu's own Node package calls the fake cloud, and opens what the fake callbacks encrypt and sign."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bot.content import Card
from bot.platforms.feishu.render import render_card
from tests.contracts.feishu_app import KEY, TOKEN, callbacks
from tests.counterparts.node import Node, NodeScript
from tests.fakes.feishu_callbacks import BOT_OPEN_ID, Callback
from tests.fakes.feishu_cloud import FeishuCloud, Member
from tests.fakes.pictures import picture

CARD = render_card(Card("标题", "正文"))
TYPES = (
    "im.message.receive_v1",
    "im.chat.member.user.added_v1",
    "im.chat.member.user.withdrawn_v1",
    "im.chat.disbanded_v1",
    "im.chat.access_event.bot_p2p_chat_entered_v1",
    "application.bot.menu_v6",
    "card.action.trigger",
)


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        yield serving


class Client:
    """The official client in its process."""

    def __init__(self, script: NodeScript) -> None:
        self._script = script

    def attempt(self, call: str, **payload: Any) -> dict[str, Any]:
        """``{"result": …}`` or ``{"error": code}``."""
        self._script.send({"call": call, "payload": payload})
        answer: dict[str, Any] = self._script.receive()
        return answer

    def call(self, call: str, **payload: Any) -> Any:
        """The result, which is a good one."""
        answer = self.attempt(call, **payload)
        assert "result" in answer, answer
        return answer["result"]

    def create(self, msg_type: str, content: object, **more: str) -> dict[str, Any]:
        """``POST /im/v1/messages`` into oc_1."""
        text = content if isinstance(content, str) else json.dumps(content)
        data = {"receive_id": "oc_1", "msg_type": msg_type, "content": text, **more}
        return self.attempt("im.message.create", params={"receive_id_type": "chat_id"}, data=data)


@pytest.fixture
def client(node: Node, cloud: FeishuCloud) -> Iterator[Client]:
    with node.start("feishu_client.mjs", cloud.url, cloud.app_id, cloud.app_secret) as script:
        yield Client(script)


def packed(data: bytes, name: str = "") -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode(), "name": name}


# The cloud


def test_posts(client: Client, cloud: FeishuCloud) -> None:
    first, again = (client.create("text", {"text": "签到"}, uuid="u1")["result"]["data"] for _ in range(2))
    assert first["message_id"] == again["message_id"]
    reply = {"msg_type": "text", "content": '{"text":"收到"}', "uuid": "u2"}
    answered = client.call("im.message.reply", path={"message_id": "om_7~oc_1"}, data=reply)
    assert answered["data"]["chat_id"] == "oc_1"
    assert [post.uuid for post in cloud.record.posts] == ["u1", "u2"]
    assert cloud.record.requests["token"] == 1


def test_cards(client: Client, cloud: FeishuCloud) -> None:
    card = client.create("interactive", CARD)["result"]["data"]["message_id"]
    assert client.call("im.message.patch", path={"message_id": card}, data={"content": CARD})["code"] == 0
    assert [update.message_id for update in cloud.record.updates] == [card]
    assert client.create("interactive", {"schema": "2.0"}) == {"error": 230099, "status": 400}


def test_reactions(client: Client, cloud: FeishuCloud) -> None:
    data = {"reaction_type": {"emoji_type": "DONE"}}
    assert client.call("im.messageReaction.create", path={"message_id": "om_7~oc_1"}, data=data)["code"] == 0
    assert [reaction.emoji for reaction in cloud.record.reactions] == ["DONE"]


def test_pictures_and_files(client: Client, cloud: FeishuCloud) -> None:
    image = client.call("im.image.create", data={"image_type": "message", "image": packed(picture())})["image_key"]
    assert cloud.uploaded(image) == picture()
    assert client.create("image", {"image_key": image})["result"]["code"] == 0
    upload = {"file_type": "xls", "file_name": "名册.xlsx", "file": packed(b"PK", "名册.xlsx")}
    file = client.call("im.file.create", data=upload)["file_key"]
    assert client.create("file", {"file_key": file})["result"]["code"] == 0
    assert [(sent.name, sent.size) for sent in cloud.record.files] == [("名册.xlsx", 2)]


def test_photos_of_people(client: Client, cloud: FeishuCloud) -> None:
    cloud.add_resource("om_7~oc_1", "img_1")
    path = {"message_id": "om_7~oc_1", "file_key": "img_1"}
    got = client.call("im.messageResource.get", path=path, params={"type": "image"})
    assert base64.b64decode(got["base64"]) == picture()
    assert client.attempt("im.messageResource.get", path=path, params={"type": "file"})["status"] == 400


def test_groups_and_their_people(client: Client, cloud: FeishuCloud) -> None:
    people = [Member(f"ou_{number}", f"小{number}") for number in range(3)]
    cloud.add_chat("oc_1", "幸福里", [Member("ou_bot", "机器人", bot=True), *people])
    assert [chat["name"] for chat in client.call("im.chat.list", params={"page_size": 100})["data"]["items"]] == [
        "幸福里"
    ]
    assert client.call("im.chat.get", path={"chat_id": "oc_1"})["data"]["user_count"] == "3"
    query: dict[str, Any] = {"page_size": 2}
    first = client.call("im.chatMembers.get", path={"chat_id": "oc_1"}, params=query)["data"]
    query |= {"page_token": first["page_token"]}
    rest = client.call("im.chatMembers.get", path={"chat_id": "oc_1"}, params=query)["data"]
    assert [[person["member_id"] for person in page["items"]] for page in (first, rest)] == [["ou_0"], ["ou_1", "ou_2"]]
    assert client.attempt("im.chatMembers.get", path={"chat_id": "oc_2"}) == {"error": 232011, "status": 400}


def test_what_has_no_method_of_its_own(client: Client) -> None:
    assert client.call("request", method="GET", url="/open-apis/bot/v3/info")["bot"]["open_id"] == BOT_OPEN_ID


def test_refusals(client: Client, cloud: FeishuCloud) -> None:
    cloud.fail_next("throttled")
    assert client.create("text", {"text": "a"}) == {"error": 99991400, "status": 429}
    codes = [client.create("text", {"text": "a"}).get("error") for _ in range(6)]
    assert codes == [None] * 5 + [230020]


# The callbacks


class Dispatcher:
    """The official dispatcher in its process."""

    def __init__(self, script: NodeScript) -> None:
        self._script = script
        self._url = f"http://127.0.0.1:{script.receive()['port']}/webhooks/feishu"

    def take(self, callback: Callback) -> httpx.Response:
        """Its answer."""
        return httpx.post(self._url, content=callback.body, headers=callback.headers)

    def one(self, callback: Callback) -> Any:
        """What its handler got."""
        assert self.take(callback).status_code == 200
        return self.handled()

    def handled(self) -> Any:
        """What a handler got that nobody asked about yet."""
        return self._script.receive()["data"]

    def nothing(self) -> None:
        """No handler was called, now that a later callback came through."""
        assert self.one(callbacks().menu("the next one")).get("event_key") == "the next one"


@pytest.fixture(scope="module")
def dispatcher(node: Node) -> Iterator[Dispatcher]:
    with node.start("feishu_events.mjs", KEY, TOKEN, ",".join(TYPES)) as script:
        yield Dispatcher(script)


def test_challenge(dispatcher: Dispatcher) -> None:
    assert dispatcher.take(callbacks().url_verification("abc")).json() == {"challenge": "abc"}


def test_events(dispatcher: Dispatcher) -> None:
    fake = callbacks()
    message = dispatcher.one(fake.message("签到", mention_bot=True))
    assert json.loads(message["message"]["content"]) == {"text": "@_user_1 签到"}
    assert message["message"]["mentions"][0]["id"]["open_id"] == BOT_OPEN_ID
    post = dispatcher.one(fake.post([{"tag": "img", "image_key": "img_1"}], mention_bot=True))["message"]
    assert [part["tag"] for part in json.loads(post["content"])["content"][0]] == ["at", "img"]
    assert dispatcher.one(fake.people("added", ("ou_1", "小李")))["users"][0]["name"] == "小李"
    assert dispatcher.one(fake.people("withdrawn", ("ou_1", "小李")))["users"][0]["user_id"]["open_id"] == "ou_1"
    assert dispatcher.one(fake.chat_disbanded())["chat_id"] == "oc_group"
    assert dispatcher.one(fake.entered())["chat_id"] == "oc_private"


def test_redelivery_has_the_same_message_and_another_event(dispatcher: Dispatcher) -> None:
    fake = callbacks()
    first = fake.location("幸福里小区")
    one, other = dispatcher.one(first), dispatcher.one(fake.redelivered(first))
    assert one["message"] == other["message"]
    assert one["event_id"] != other["event_id"]


def test_card_actions(dispatcher: Dispatcher) -> None:
    press = callbacks().card_action({"says": "办结 1001"}, card="om_1", name="submit", form={"words": "已清运"})
    assert dispatcher.one(press)["action"]["form_value"] == {"words": "已清运"}
    picked = callbacks().card_action({"a": 1}, card="om_1", tag="select_static", option="b")
    assert dispatcher.take(picked).json() == {"toast": {"type": "info", "content": "收到"}}
    assert dispatcher.handled()["action"]["option"] == "b"


def test_what_it_drops(dispatcher: Dispatcher) -> None:
    """It answers 200 all the same, so only that no handler was called tells."""
    good = callbacks().message("签到")
    for bad in (
        Callback(good.headers | {"X-Lark-Signature": "0" * 64}, good.body),
        Callback({"Content-Type": "application/json"}, good.body),
    ):
        answer = dispatcher.take(bad)
        assert (answer.status_code, answer.content) == (200, b"")
    dispatcher.nothing()


def test_signature_is_of_compact_json(dispatcher: Dispatcher) -> None:
    """It signs what it parsed: with a space in the envelope the very same event is dropped."""
    body = callbacks().message("签到").body.replace(b":", b": ", 1)
    assert dispatcher.take(Callback(callbacks().headers_for(body), body)).status_code == 200
    dispatcher.nothing()
