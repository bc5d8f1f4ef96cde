"""Feishu's own Python package calls the fake cloud, and opens what the fake callbacks encrypt and sign."""

import asyncio
import io
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import lark_oapi as lark
import pytest
from lark_oapi.api.im.v1 import (
    CreateFileRequest,
    CreateFileRequestBody,
    CreateImageRequest,
    CreateImageRequestBody,
    CreateMessageReactionRequest,
    CreateMessageReactionRequestBody,
    CreateMessageRequest,
    CreateMessageRequestBody,
    Emoji,
    GetChatMembersRequest,
    GetChatRequest,
    GetImageRequest,
    GetMessageResourceRequest,
    ListChatRequest,
    PatchMessageRequest,
    PatchMessageRequestBody,
    ReplyMessageRequest,
    ReplyMessageRequestBody,
)
from lark_oapi.core.model import RawRequest

from bot.content import Card
from bot.platforms.feishu.render import render_card
from tests.contracts.feishu_app import KEY, TOKEN, callbacks
from tests.fakes.feishu_callbacks import BOT_OPEN_ID, Callback
from tests.fakes.feishu_cloud import APP_SECRET, FeishuCloud, Member
from tests.fakes.pictures import picture

CARD = render_card(Card("标题", "正文"))
_apps = itertools.count(0xA000)
"""The package keeps tokens by app id for the whole process, so each cloud has an app of its own."""


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud(app_id=f"cli_{next(_apps):016x}") as serving:
        yield serving


@pytest.fixture
def client(cloud: FeishuCloud) -> Any:
    builder = lark.Client.builder().app_id(cloud.app_id).app_secret(APP_SECRET).domain(cloud.url)
    return builder.log_level(lark.LogLevel.ERROR).build()


def posting(content: object, msg_type: str = "text", *, to: str = "oc_1", uuid: str = "") -> Any:
    body = CreateMessageRequestBody.builder().receive_id(to).msg_type(msg_type)
    body = body.content(content if isinstance(content, str) else json.dumps(content)).uuid(uuid).build()
    kind = "open_id" if to.startswith("ou_") else "chat_id"
    return CreateMessageRequest.builder().receive_id_type(kind).request_body(body).build()


def members_page(chat: str, token: str = "", *, size: int = 2) -> Any:
    request = GetChatMembersRequest.builder().chat_id(chat).member_id_type("open_id").page_size(size)
    return (request.page_token(token) if token else request).build()


def picture_upload() -> Any:
    body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(picture())).build()
    return CreateImageRequest.builder().request_body(body).build()


def file_upload() -> Any:
    body = CreateFileRequestBody.builder().file_type("xls").file_name("名册.xlsx").file(io.BytesIO(b"PK")).build()
    return CreateFileRequest.builder().request_body(body).build()


def resource(key: str) -> Any:
    return GetMessageResourceRequest.builder().message_id("om_7~oc_1").file_key(key).type("image").build()


# The cloud


def test_posts(client: Any, cloud: FeishuCloud) -> None:
    first = client.im.v1.message.create(posting({"text": "签到"}, uuid="u1"))
    again = client.im.v1.message.create(posting({"text": "签到"}, uuid="u1"))
    assert (first.code, first.data.chat_id, first.data.sender.id) == (0, "oc_1", cloud.app_id)
    assert first.data.message_id == again.data.message_id
    to_person = client.im.v1.message.create(posting({"text": "签到"}, to="ou_1"))
    body = ReplyMessageRequestBody.builder().content('{"text":"收到"}').msg_type("text").uuid("u2").build()
    reply = client.im.v1.message.reply(ReplyMessageRequest.builder().message_id("om_7~oc_1").request_body(body).build())
    assert [post.message_id for post in cloud.record.posts] == [
        first.data.message_id,
        to_person.data.message_id,
        reply.data.message_id,
    ]
    assert cloud.record.requests["token"] == 1


def test_cards(client: Any, cloud: FeishuCloud) -> None:
    card = client.im.v1.message.create(posting(CARD, "interactive")).data.message_id
    body = PatchMessageRequestBody.builder().content(CARD).build()
    assert (
        client.im.v1.message.patch(PatchMessageRequest.builder().message_id(card).request_body(body).build()).code == 0
    )
    assert [update.message_id for update in cloud.record.updates] == [card]
    refused = client.im.v1.message.create(posting({"schema": "2.0", "body": {}}, "interactive"))
    assert refused.code == 230099


def test_reactions(client: Any, cloud: FeishuCloud) -> None:
    body = CreateMessageReactionRequestBody.builder().reaction_type(Emoji.builder().emoji_type("DONE").build()).build()
    request = CreateMessageReactionRequest.builder().message_id("om_7~oc_1").request_body(body).build()
    assert client.im.v1.message_reaction.create(request).code == 0
    assert [reaction.emoji for reaction in cloud.record.reactions] == ["DONE"]


def test_pictures_and_files(client: Any, cloud: FeishuCloud) -> None:
    image = client.im.v1.image.create(picture_upload()).data.image_key
    assert cloud.uploaded(image) == picture()
    assert client.im.v1.image.get(GetImageRequest.builder().image_key(image).build()).file.read() == picture()
    assert client.im.v1.message.create(posting({"image_key": image}, "image")).code == 0
    file = client.im.v1.file.create(file_upload()).data.file_key
    assert client.im.v1.message.create(posting({"file_key": file}, "file")).code == 0
    assert [(sent.name, sent.size) for sent in cloud.record.files] == [("名册.xlsx", 2)]


def test_photos_of_people(client: Any, cloud: FeishuCloud) -> None:
    cloud.add_resource("om_7~oc_1", "img_1")
    assert client.im.v1.message_resource.get(resource("img_1")).file.read() == picture()
    refused = client.im.v1.message_resource.get(resource("img_2"))
    assert json.loads(refused.raw.content)["code"] == 234003


def test_groups_and_their_people(client: Any, cloud: FeishuCloud) -> None:
    people = [Member(f"ou_{number}", f"小{number}", joined=number // 3) for number in range(6)]
    cloud.add_chat("oc_1", "幸福里", [Member("ou_bot", "机器人", bot=True), *people])
    chats = client.im.v1.chat.list(ListChatRequest.builder().page_size(100).build()).data
    assert [(chat.chat_id, chat.name) for chat in chats.items] == [("oc_1", "幸福里")]
    assert client.im.v1.chat.get(GetChatRequest.builder().chat_id("oc_1").build()).data.user_count == "6"
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = client.im.v1.chat_members.get(members_page("oc_1", token)).data
        found += [(person.member_id, person.name) for person in page.items]
        token, pages = page.page_token if page.has_more else "", pages + 1
    assert found == [(f"ou_{number}", f"小{number}") for number in range(6)]
    assert pages == 3
    assert client.im.v1.chat_members.get(members_page("oc_2")).code == 232011


def test_what_has_no_method_of_its_own(client: Any, cloud: FeishuCloud) -> None:
    cloud.grant(["im:message"])
    told: dict[str, Any] = {}
    for path in ("/open-apis/bot/v3/info", "/open-apis/application/v6/scopes"):
        builder = lark.BaseRequest.builder().http_method(lark.HttpMethod.GET).uri(path)
        told |= json.loads(client.request(builder.token_types({lark.AccessTokenType.TENANT}).build()).raw.content)
    assert told["bot"]["open_id"] == BOT_OPEN_ID
    assert {"scope_name": "im:message", "grant_status": 1} in told["data"]["scopes"]


def test_refusals(client: Any, cloud: FeishuCloud) -> None:
    def code() -> int:
        return int(client.im.v1.message.create(posting({"text": "a"})).code)

    cloud.fail_next("throttled")
    assert code() == 99991400
    for _ in range(5):
        assert code() == 0
    assert code() == 230020
    cloud.remove_bot("oc_1")
    assert code() == 230002
    cloud.revoke_tokens()
    assert code() == 99991663
    assert cloud.record.requests["token"] == 1, "the package does not renew a token that is refused"


def test_its_asynchronous_calls(client: Any, cloud: FeishuCloud) -> None:
    async def calls() -> tuple[Any, ...]:
        return (
            await client.im.v1.image.acreate(picture_upload()),
            await client.im.v1.file.acreate(file_upload()),
            await client.im.v1.message.acreate(posting({"text": "a"})),
            await client.im.v1.chat_members.aget(members_page("oc_1")),
        )

    cloud.add_chat("oc_1", "幸福里", [Member("ou_1", "小李")])
    assert [answer.code for answer in asyncio.run(calls())] == [0, 0, 0, 0]
    assert cloud.uploaded(cloud.record.images[0].key) == picture()


# The callbacks


class Handled:
    """The package's handler of callbacks, and what reached it."""

    def __init__(self, key: str = KEY, token: str = TOKEN) -> None:
        self.events: list[Any] = []
        builder = lark.EventDispatcherHandler.builder(key, token, lark.LogLevel.CRITICAL)
        for register in (
            builder.register_p2_im_message_receive_v1,
            builder.register_p2_im_chat_member_bot_added_v1,
            builder.register_p2_im_chat_member_bot_deleted_v1,
            builder.register_p2_im_chat_member_user_added_v1,
            builder.register_p2_im_chat_member_user_deleted_v1,
            builder.register_p2_im_chat_member_user_withdrawn_v1,
            builder.register_p2_im_chat_disbanded_v1,
            builder.register_p2_im_chat_updated_v1,
            builder.register_p2_im_chat_access_event_bot_p2p_chat_entered_v1,
            builder.register_p2_application_bot_menu_v6,
        ):
            register(self.events.append)
        builder.register_p2_card_action_trigger(self._press)
        self._handler = builder.build()

    def _press(self, event: Any) -> dict[str, Any]:
        self.events.append(event)
        return {"toast": {"type": "info", "content": "收到"}}

    def take(self, callback: Callback) -> tuple[int, dict[str, Any]]:
        """The status and body of its answer."""
        request = RawRequest()
        request.uri, request.headers, request.body = "/webhooks/feishu", callback.headers, callback.body
        answer = self._handler.do(request)
        return answer.status_code, json.loads(answer.content)

    def one(self, callback: Callback) -> Any:
        """The event that it made of the callback."""
        assert self.take(callback)[0] == 200
        return self.events[-1].event


@pytest.fixture
def handled() -> Handled:
    return Handled()


def test_challenge(handled: Handled) -> None:
    assert handled.take(callbacks().url_verification("abc")) == (200, {"challenge": "abc"})
    assert handled.take(callbacks().url_verification("abc", token="wrong"))[0] == 500


def test_messages(handled: Handled) -> None:
    fake = callbacks()
    event = handled.one(fake.message("签到", mention_bot=True, sender="ou_1", message_id="om_1"))
    assert (event.sender.sender_id.open_id, event.message.message_id) == ("ou_1", "om_1")
    assert json.loads(event.message.content) == {"text": "@_user_1 签到"}
    assert [mention.id.open_id for mention in event.message.mentions] == [BOT_OPEN_ID]
    for callback, kind, content in (
        (fake.image("img_1"), "image", {"image_key": "img_1"}),
        (fake.file("file_1", "a.pdf"), "file", {"file_key": "file_1", "file_name": "a.pdf"}),
        (fake.audio("file_1"), "audio", {"file_key": "file_1", "duration": 2000}),
    ):
        message = handled.one(callback).message
        assert (message.message_type, json.loads(message.content)) == (kind, content)


def test_redelivery_has_the_same_message_and_another_event(handled: Handled) -> None:
    fake = callbacks()
    first = fake.message("签到")
    for callback in (first, fake.redelivered(first)):
        handled.one(callback)
    one, other = handled.events
    assert one.event.message.message_id == other.event.message.message_id
    assert one.event.message.create_time == other.event.message.create_time
    assert one.header.event_id != other.header.event_id


def test_who_comes_and_goes(handled: Handled) -> None:
    fake = callbacks()
    for change in ("added", "deleted", "withdrawn"):
        event = handled.one(fake.people(change, ("ou_1", "小李"), ("ou_2", "小张"), chat="oc_1"))
        assert (event.chat_id, [(user.user_id.open_id, user.name) for user in event.users]) == (
            "oc_1",
            [("ou_1", "小李"), ("ou_2", "小张")],
        )
    makers: tuple[Callable[[], Callback], ...] = (fake.bot_added, fake.bot_deleted, fake.chat_disbanded)
    for make in makers:
        event = handled.one(make())
        assert (event.chat_id, event.operator_id.open_id, event.name) == ("oc_group", "ou_rider", "幸福里流动党支部")
    event = handled.one(fake.chat_renamed("旧", "新"))
    assert (event.before_change.name, event.after_change.name) == ("旧", "新")


def test_entries_and_menus(handled: Handled) -> None:
    event = handled.one(callbacks().entered(sender="ou_1", last="om_1"))
    assert (event.chat_id, event.operator_id.open_id, event.last_message_id) == ("oc_private", "ou_1", "om_1")
    event = handled.one(callbacks().menu("help", sender="ou_1"))
    assert (event.event_key, event.operator.operator_id.open_id) == ("help", "ou_1")


def test_card_actions(handled: Handled) -> None:
    press = callbacks().card_action({"says": "办结 1001"}, card="om_1", name="submit", form={"words": "已清运"})
    assert handled.take(press) == (200, {"toast": {"type": "info", "content": "收到"}})
    event = handled.events[-1].event
    assert (event.context.open_message_id, event.context.open_chat_id) == ("om_1", "oc_group")
    assert (event.action.value, event.action.name) == ({"says": "办结 1001"}, "submit")
    assert event.action.form_value == {"words": "已清运"}
    picked = handled.one(callbacks().card_action({"a": 1}, card="om_1", tag="select_static", option="b"))
    assert (picked.action.tag, picked.action.option) == ("select_static", "b")


def test_what_it_refuses(handled: Handled) -> None:
    good = callbacks().message("签到")
    wrong_signature = Callback(good.headers | {"X-Lark-Signature": "0" * 64}, good.body)
    for callback in (
        wrong_signature,
        Callback({"Content-Type": "application/json"}, good.body),
        callbacks(encrypt_key="another").message("签到"),
        callbacks(token="another").message("签到"),
    ):
        assert handled.take(callback)[0] == 500
    assert not handled.events


def test_plain_callbacks() -> None:
    handled = Handled(key="")
    plain = callbacks(encrypt_key="")
    assert handled.take(plain.url_verification("abc")) == (200, {"challenge": "abc"})
    assert handled.one(plain.message("签到")).message.chat_id == "oc_group"
