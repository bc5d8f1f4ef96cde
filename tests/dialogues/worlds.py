"""The clouds on which a dialogue is played: how people write there, and everything that they get to see."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self
from uuid import uuid4

import anyio
import httpx

from bot.settings import (
    FeishuSettings,
    OfficialAccountSettings,
    PlatformSettings,
    WecomAibotSettings,
    WecomAppSettings,
    WecomRobotSettings,
)
from tests.fakes import official_account, qyapi
from tests.fakes.feishu_callbacks import Callback, FeishuCallbacks, shown, words
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET, FeishuCloud, Rules
from tests.fakes.official_account import OfficialAccountCloud
from tests.fakes.pictures import picture
from tests.fakes.qyapi import Qyapi
from tests.fakes.wechat_api import Fault as ApiFault
from tests.fakes.wechat_xml import AccountCallbacks, AppCallbacks, Exchange, XmlCallbacks
from tests.fakes.wechat_xml import Callback as XmlCallback
from tests.fakes.wecom_callbacks import Exchange as WrittenAtUrl
from tests.fakes.wecom_callbacks import WecomCallbacks
from tests.fakes.wecom_crypto import new_key
from tests.fakes.wecom_gateway import Rules as GatewayRules
from tests.fakes.wecom_gateway import WecomGateway
from tests.fakes.wecom_media import Link, WecomMedia
from tests.fakes.wecom_record import Callback as WrittenOnSocket

TOKEN = "the callback token"
GROUP = "oc_" + "支部群".encode("utf-16-be").hex()
"""The group that has a push robot where there are such robots."""
_MENTION = re.compile(r"<@ou_(\w+)>|</?at\b[^>]*>")
FAST = 10_000
"""How many times faster than the real ones these clouds let a bot post: a dialogue takes no time."""


Photo = bytes | Literal["endless", "forbidden"]
"""A photo as somebody sends it; ``forbidden``: where the bot must not go, on the clouds that say where to go."""
Fault = Literal["lost", "busy", "limited", "expired", "html", "down"]
"""``lost``: taken, and not answered. ``expired``: the token. ``down``: 5xx. The others are refused for the time."""


API_FAULTS: dict[Fault, ApiFault] = {
    "lost": "cut_answer",
    "busy": "busy",
    "limited": "limited",
    "expired": "expired_token",
    "html": "html",
    "down": "error_502",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that appeared in a chat; ``where`` is the cloud's id of the group, or of the person."""

    where: str
    words: str


class World(Protocol):
    """One cloud, and the bot's road to it. People and groups have the same ids on all of them."""

    platform: str
    provider: str
    groups: bool
    """Whether the bot can be in groups."""

    def __enter__(self) -> Self:
        """The cloud serves."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The cloud is no more."""

    def settings(self) -> PlatformSettings:
        """What the product is configured with."""

    async def open(self, url: str, now: Callable[[], float]) -> None:
        """The product answers at this address; returns when the cloud can reach it. ``now``: the time there."""

    async def say(self, chat: str, user: str, text: str, *, private: bool, photo: Photo | None = None) -> None:
        """``user`` writes, in a group with an @ for the bot. Returns when the cloud got rid of it."""

    async def again(self) -> None:
        """The cloud delivers the last thing that was written once more."""

    def fail(self, fault: Fault, times: int) -> None:
        """The next posts of the bot go wrong, so many of them."""

    async def meet(self, user: str) -> int:
        """``user`` has written in private at some time, where that makes a difference. How many messages that took."""

    async def press(self, where: str, user: str, label: str) -> str:
        """``user`` presses a button of the latest card there, and is shown at once what is returned.

        Raises LookupError where there is no such button.
        """

    def seen(self) -> list[Seen]:
        """Everything that the bot has posted, replied or put on cards so far."""

    @property
    def ticks(self) -> int | None:
        """How many messages bear the bot's tick; None: there are no ticks here."""

    def doubles(self) -> object:
        """What the bot said twice; empty where there is nothing."""


class FeishuWorld:
    """Feishu, with permission to hear all that is said in its groups."""

    platform = "feishu"
    provider = "feishu"
    groups = True

    def __init__(self) -> None:
        self._cloud = FeishuCloud(rules=Rules().rates_times(FAST))
        self._callbacks = FeishuCallbacks("the encrypt key", TOKEN, APP_ID)
        self._last: Callback | None = None
        self._url = ""

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cloud.__exit__(kind, error, trace)

    def settings(self) -> PlatformSettings:
        app = FeishuSettings(
            app_id=APP_ID,
            app_secret=APP_SECRET,
            encrypt_key="the encrypt key",
            verification_token=TOKEN,
            api_base=self._cloud.url,
        )
        return PlatformSettings(feishu=(app,))

    async def open(self, url: str, now: Callable[[], float]) -> None:
        self._callbacks.now = now
        self._url = f"{url}/webhooks/feishu/main"

    async def say(self, chat: str, user: str, text: str, *, private: bool, photo: Photo | None = None) -> None:
        where = f"oc_{user}" if private else chat
        if photo is None:
            call = self._callbacks.message(text, chat=where, sender=user, private=private, mention_bot=not private)
        else:
            message_id = self._callbacks.new_message_id(where)
            key = f"img_{uuid4().hex}"
            self._cloud.add_resource(message_id, key, "redirect" if photo == "forbidden" else photo)
            rows = [[words(text)], [shown(key)]] if text else [[shown(key)]]
            call = self._callbacks.post(*rows, chat=where, sender=user, private=private, message_id=message_id)
        self._last = call
        await self._post(call)

    async def again(self) -> None:
        assert self._last is not None
        await self._post(self._callbacks.redelivered(self._last))

    def fail(self, fault: Fault, times: int) -> None:
        names: dict[Fault, Any] = {"lost": "cut_answer", "busy": "throttled", "limited": "chat_throttled"}
        names |= {"expired": "expired_token", "html": "html", "down": "error_500"}
        self._cloud.fail_next(names[fault], times)

    async def meet(self, user: str) -> int:
        """Feishu's bots reach everybody of the company."""
        return 0

    async def press(self, where: str, user: str, label: str) -> str:
        card = [post for post in self._cloud.record.posts if where in (post.chat, post.to)][-1]
        (value,) = _buttons(card.content, label)
        answer = await self._post(self._callbacks.card_action(value, card=card.message_id, chat=card.chat, sender=user))
        return str(answer.get("toast", {}).get("content", ""))

    def seen(self) -> list[Seen]:
        record = self._cloud.record
        return [
            Seen(post.to if post.to.startswith("ou_") else post.chat, _words(post.content))
            for post in record.posts
            if post.msg_type != "image"
        ]

    @property
    def ticks(self) -> int:
        return len(self._cloud.record.reactions)

    def doubles(self) -> object:
        return self._cloud.record.double_posts

    async def _post(self, call: Callback) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            answer = await client.post(self._url, content=call.body, headers=call.headers)
        assert answer.status_code == httpx.codes.OK
        body: dict[str, Any] = answer.json()
        return body


class SocketWorld:
    """A WeCom robot on a long connection."""

    platform = "wecom_aibot"
    provider = "wecom"
    groups = True

    def __init__(self) -> None:
        self._gateway = WecomGateway(rules=GatewayRules().rates_times(FAST))
        self._last: WrittenOnSocket | None = None

    def __enter__(self) -> Self:
        self._gateway.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gateway.__exit__(kind, error, trace)

    def settings(self) -> PlatformSettings:
        robot = WecomAibotSettings(bot_id=self._gateway.bot_id, secret=self._gateway.secret, ws_url=self._gateway.url)
        return PlatformSettings(wecom_aibot=(robot,))

    async def open(self, url: str, now: Callable[[], float]) -> None:
        self._gateway.messages.now = now
        await anyio.to_thread.run_sync(self._gateway.wait_until, lambda: self._gateway.connected)

    async def say(self, chat: str, user: str, text: str, *, private: bool, photo: Photo | None = None) -> None:
        def write() -> WrittenOnSocket:
            if photo is None:
                return self._gateway.say(chat, user, text, private=private)
            if private and not text:
                return self._gateway.send_photo(user, link_to(self._gateway.media, photo))
            return self._gateway.send_mixed(chat, user, [text, link_to(self._gateway.media, photo)], private=private)

        self._last = await anyio.to_thread.run_sync(write)

    async def again(self) -> None:
        assert self._last is not None
        await anyio.to_thread.run_sync(self._gateway.redeliver, self._last)

    def fail(self, fault: Fault, times: int) -> None:
        match fault:
            case "lost":
                self._gateway.drop_acks(times, "aibot_send_msg")
            case "html":
                self._gateway.fail_next("html", times, "aibot_send_msg")
            case "limited":
                self._gateway.fail_next(45009, times, "aibot_send_msg")
            case "busy":
                self._gateway.fail_next(-1, times, "aibot_send_msg")
            case "expired":
                self._gateway.drop(1000)
            case "down":
                self._gateway.drop(1006)

    async def meet(self, user: str) -> int:
        await anyio.to_thread.run_sync(lambda: self._gateway.say("", user, "谢谢", private=True))
        return 1

    async def press(self, where: str, user: str, label: str) -> str:
        card = [post.content for post in self._gateway.record.cards if post.target == where][-1]
        key = {button["text"]: button["key"] for button in card["button_list"]}[label]
        before = len(self._gateway.record.updates)
        await anyio.to_thread.run_sync(self._gateway.press, card["task_id"], key, user)
        await anyio.sleep(0.3)  # there is an update only where nothing else answers the press
        return _words([update.card for update in self._gateway.record.updates[before:]])

    def seen(self) -> list[Seen]:
        record = self._gateway.record
        streams = [Seen(stream.target, stream.text) for stream in record.streams if stream.finished]
        return streams + [Seen(post.target, _words(post.content)) for post in record.posts if post.msgtype != "image"]

    ticks = None

    def doubles(self) -> object:
        return self._gateway.record.double_posts


class CallbackWorld:
    """A WeCom robot that is called at its URL, beside an app that reaches the same people."""

    platform = "wecom_aibot"
    provider = "wecom"
    groups = True

    def __init__(self) -> None:
        self._key = new_key()
        self._cloud = WecomCallbacks(TOKEN, self._key)
        self._qyapi = Qyapi(speed=FAST)
        self._last: WrittenAtUrl | None = None

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        self._qyapi.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._qyapi.__exit__(kind, error, trace)
        self._cloud.__exit__(kind, error, trace)

    def settings(self) -> PlatformSettings:
        loopback = "ws://127.0.0.1:1"
        robot = WecomAibotSettings(mode="callback", token=TOKEN, encoding_aes_key=self._key, ws_url=loopback)
        app = WecomAppSettings(
            corp_id=qyapi.CORP_ID,
            agent_id=qyapi.AGENT_ID,
            secret=qyapi.CORP_SECRET,
            token=TOKEN,
            encoding_aes_key=self._key,
            api_base=self._qyapi.url,
        )
        push = WecomRobotSettings(
            name="branch", webhook_url=f"{self._qyapi.url}/cgi-bin/webhook/send?key={qyapi.ROBOT_KEY}", chat_id=GROUP
        )
        return PlatformSettings(wecom_aibot=(robot,), wecom_app=(app,), wecom_robot=(push,))

    async def open(self, url: str, now: Callable[[], float]) -> None:
        self._cloud.messages.now = now
        self._cloud.target = f"{url}/webhooks/wecom_aibot/main"
        assert await anyio.to_thread.run_sync(self._cloud.verify)

    async def say(self, chat: str, user: str, text: str, *, private: bool, photo: Photo | None = None) -> None:
        def write() -> WrittenAtUrl:
            if photo is None:
                return self._cloud.say(chat, user, text, private=private)
            link = self._cloud.keep(photo) if isinstance(photo, bytes) else link_to(self._cloud.media, photo)
            if private and not text:
                return self._cloud.send_photo(user, link)
            return self._cloud.send_mixed(chat, user, [text, link], private=private)

        self._last = await anyio.to_thread.run_sync(write)
        assert (self._last.status, self._last.refusal) == (200, "")

    async def again(self) -> None:
        assert self._last is not None
        before = self._last.reply
        self._last = await anyio.to_thread.run_sync(self._cloud.redeliver, self._last)
        assert (self._last.status, self._last.reply) == (200, before)

    def fail(self, fault: Fault, times: int) -> None:
        self._qyapi.fail_next(API_FAULTS[fault], times, "webhook/send")

    async def meet(self, user: str) -> int:
        """It is the app that reaches people."""
        return 0

    async def press(self, where: str, user: str, label: str) -> str:
        card = [post.content for post in self._cloud.record.cards if post.target == where][-1]
        key = {button["text"]: button["key"] for button in card["button_list"]}[label]
        exchange = await anyio.to_thread.run_sync(self._cloud.press, card["task_id"], key, user)
        return _words(exchange.reply)

    def seen(self) -> list[Seen]:
        record = self._cloud.record
        streams = [Seen(stream.target, stream.text) for stream in record.streams if stream.finished]
        posts = [*record.cards, *record.welcomes, *record.responses]
        robot = [Seen(GROUP, _words(post.content)) for post in self._qyapi.record.robot_messages]
        return streams + [Seen(post.target, _words(post.content)) for post in posts] + robot + pushed(self._qyapi)

    ticks = None

    def doubles(self) -> object:
        return self._cloud.record.double_answers


class XmlWorld(ABC):
    """What apps and official accounts have in common: private chats alone, XML callbacks, answers in the answer."""

    platform: str
    provider: str
    groups = False
    ticks = None
    sends: str
    """The API that the bot posts by."""

    def __init__(self, cloud: Qyapi | OfficialAccountCloud, callbacks: XmlCallbacks) -> None:
        self._cloud = cloud
        self._callbacks = callbacks
        self._passive: list[Seen] = []
        self._last: XmlCallback | None = None
        self._answer: Exchange | None = None
        self._url = ""

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cloud.__exit__(kind, error, trace)

    @abstractmethod
    def settings(self) -> PlatformSettings:
        """What the product is configured with."""

    async def open(self, url: str, now: Callable[[], float]) -> None:
        self._callbacks.now = now
        self._url = f"{url}/webhooks/{self.platform}/main"
        async with httpx.AsyncClient() as client:
            assert await self._callbacks.verifies(client, self._url)

    async def say(self, chat: str, user: str, text: str, *, private: bool, photo: Photo | None = None) -> None:
        """A photo is always a message of its own here."""
        if photo is None:
            self._last = self._callbacks.text(text, sender=user)
        else:
            if not isinstance(photo, bytes):
                self._cloud.fail_next("huge_body", 1, "media/get")
            media = self._cloud.keep_media(photo if isinstance(photo, bytes) else picture())
            self._last = self._callbacks.image(media, sender=user)
        async with httpx.AsyncClient() as client:
            self._answer = await self._callbacks.deliver(client, self._url, self._last)
        assert self._answer.statuses == [200]
        if self._answer.reply:
            self._passive.append(Seen(user, _content(self._answer)))

    async def again(self) -> None:
        assert self._last is not None
        assert self._answer is not None
        async with httpx.AsyncClient() as client:
            (again,) = await self._callbacks.redeliver(client, self._url, self._last, times=1)
        assert _content(again) == _content(self._answer)

    def fail(self, fault: Fault, times: int) -> None:
        self._cloud.fail_next(API_FAULTS[fault], times, self.sends)

    async def meet(self, user: str) -> int:
        """An app reaches everybody of the company; whom an account does not reach is told when writing."""
        return 0

    async def press(self, where: str, user: str, label: str) -> str:
        raise LookupError("there are no buttons here")


class AppWorld(XmlWorld):
    """A WeCom app, whose members write in private, also from WeChat."""

    platform = "wecom_app"
    provider = "wecom"
    sends = "message/send"

    def __init__(self) -> None:
        self._qyapi = Qyapi()
        super().__init__(self._qyapi, AppCallbacks(TOKEN, new_key(), qyapi.CORP_ID, qyapi.AGENT_ID))

    def settings(self) -> PlatformSettings:
        app = WecomAppSettings(
            corp_id=qyapi.CORP_ID,
            agent_id=qyapi.AGENT_ID,
            secret=qyapi.CORP_SECRET,
            token=TOKEN,
            encoding_aes_key=self._callbacks.aes_key,
            api_base=self._cloud.url,
        )
        return PlatformSettings(wecom_app=(app,))

    def seen(self) -> list[Seen]:
        return self._passive + pushed(self._qyapi)

    def doubles(self) -> object:
        return self._qyapi.record.repeated


class AccountWorld(XmlWorld):
    """A WeChat official account in safe mode. ``may_send``: it has a service desk."""

    platform = "official_account"
    provider = "wechat"
    sends = "message/custom/send"

    def __init__(self, *, may_send: bool = True) -> None:
        self._account = OfficialAccountCloud()
        self._account.may_send = may_send
        callbacks = AccountCallbacks(TOKEN, new_key(), official_account.APP_ID, mode="safe", cloud=self._account)
        super().__init__(self._account, callbacks)

    def settings(self) -> PlatformSettings:
        account = OfficialAccountSettings(
            app_id=official_account.APP_ID,
            app_secret=official_account.APP_SECRET,
            token=TOKEN,
            encoding_aes_key=self._callbacks.aes_key,
            api_base=self._cloud.url,
        )
        return PlatformSettings(official_account=(account,))

    def seen(self) -> list[Seen]:
        record = self._account.record
        return self._passive + [Seen(told.to, _words(told.content)) for told in record.told if told.msgtype != "image"]

    def doubles(self) -> object:
        posts = Counter((told.to, str(told.content)) for told in self._account.record.told)
        return {what: count for what, count in posts.items() if count > 1}


def link_to(media: WecomMedia, photo: Photo) -> Link:
    """Where the photo is."""
    if isinstance(photo, bytes):
        return media.keep(photo)
    return media.endless() if photo == "endless" else media.redirect()


def _content(exchange: Exchange) -> str:
    return exchange.reply.get("Content", "") if exchange.reply else ""


def pushed(cloud: Qyapi) -> list[Seen]:
    """What members got from the app."""
    messages = [message for message in cloud.record.messages if message.msgtype != "image"]
    return [Seen(user, _words(message.content)) for message in messages for user in message.to]


def name_of(digits: str) -> str:
    """The name in an id (see ``everywhere.id_of``)."""
    return bytes.fromhex(digits).decode("utf-16-be")


def squeezed(text: str) -> str:
    """Only what is said: without signs, spaces and marks, which each cloud has its own of."""
    return re.sub(r"[\W_]+", "", text)


def _words(content: object) -> str:
    """All texts in a message's content, in order; mentions as the names that people see."""
    return _MENTION.sub(lambda found: name_of(found[1]) if found[1] else "", "\n".join(_strings(content)))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _buttons(element: object, label: str) -> Iterator[dict[str, Any]]:
    """The values of the buttons with this label."""
    if isinstance(element, dict):
        if element.get("tag") == "button" and element.get("text", {}).get("content") == label:
            yield element["behaviors"][0]["value"]
        for inner in element.values():
            yield from _buttons(inner, label)
    elif isinstance(element, list):
        for inner in element:
            yield from _buttons(inner, label)
