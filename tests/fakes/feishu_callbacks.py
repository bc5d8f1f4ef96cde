"""The sending side of the fake Feishu: events and card actions, encrypted, signed and redelivered as Feishu does it."""

import asyncio
import base64
import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import httpx
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

BOT_OPEN_ID = "ou_the_bot"
BOT_NAME = "小蜂"
ANSWER_WITHIN = 3.0
REDELIVER_AFTER = (15.0, 300.0, 3600.0, 21600.0)
"""Seconds after which an event that was not answered 200 in time is pushed again."""


class Callback(NamedTuple):
    """One HTTP request of Feishu's."""

    headers: dict[str, str]
    body: bytes


class FeishuCallbacks:
    """Builds the callbacks of one app. Without an encrypt_key they are plain and unsigned."""

    def __init__(self, encrypt_key: str, verification_token: str, app_id: str) -> None:
        self._key = encrypt_key
        self._token = verification_token
        self._app_id = app_id
        self._run = os.urandom(4).hex()
        self._serial = itertools.count(1)
        self.now: Callable[[], float] = time.time
        """When people do things, as Unix time."""

    def url_verification(self, challenge: str = "ajls384kdjxxxx", token: str | None = None) -> Callback:
        """Encrypted when there is a key, and never signed."""
        plain = {"challenge": challenge, "token": self._token if token is None else token, "type": "url_verification"}
        return Callback({"Content-Type": "application/json;charset=utf-8"}, self.sealed(compact(plain)))

    def message(
        self,
        text: str = "",
        *,
        chat: str = "oc_group",
        sender: str = "ou_rider",
        private: bool = False,
        mention_bot: bool = False,
        message_id: str = "",
        message_type: str = "text",
        content: Mapping[str, Any] | None = None,
        mentions: Sequence[Mapping[str, Any]] = (),
        sent_at: float | None = None,
    ) -> Callback:
        """``im.message.receive_v1``; ``content`` replaces ``{"text": text}``, ``sent_at`` is a Unix time."""
        if mention_bot:
            text = f"@_user_1 {text}"
            mentions = [*mentions, bot_mention("@_user_1")]
        milliseconds = str(int((self.now() if sent_at is None else sent_at) * 1000))
        message = {
            "message_id": message_id or self.new_message_id(chat),
            "create_time": milliseconds,
            "update_time": milliseconds,
            "chat_id": chat,
            "chat_type": "p2p" if private else "group",
            "message_type": message_type,
            "content": json.dumps({"text": text} if content is None else content, ensure_ascii=False),
        }
        if mentions:
            message["mentions"] = list(mentions)  # type: ignore[assignment]
        event = {"sender": {"sender_id": ids(sender), "sender_type": "user", "tenant_key": "t1"}, "message": message}
        return self.event("im.message.receive_v1", event)

    def image(self, image_key: str, **message: Any) -> Callback:
        """A picture. It cannot mention anybody. Further arguments are those of ``message``."""
        return self.message(message_type="image", content={"image_key": image_key}, **message)

    def post(
        self, *paragraphs: Sequence[Mapping[str, Any]], title: str = "", mention_bot: bool = False, **message: Any
    ) -> Callback:
        """A rich text of such paragraphs (see ``words``, ``shown``), without the locale layer that sent ones have."""
        rows = [list(paragraph) for paragraph in paragraphs]
        if mention_bot:
            called = {"tag": "at", "user_id": "@_user_1", "user_name": BOT_NAME, "style": []}
            rows = [[called, *rows[0]], *rows[1:]] if rows else [[called]]
            message["mentions"] = [*message.get("mentions", ()), bot_mention("@_user_1")]
        return self.message(message_type="post", content={"title": title, "content": rows}, **message)

    def file(self, file_key: str, file_name: str, **message: Any) -> Callback:
        """A file."""
        return self.message(message_type="file", content={"file_key": file_key, "file_name": file_name}, **message)

    def audio(self, file_key: str, milliseconds: int = 2000, **message: Any) -> Callback:
        """A spoken message."""
        return self.message(message_type="audio", content={"file_key": file_key, "duration": milliseconds}, **message)

    def location(self, name: str, longitude: str = "121.473", latitude: str = "31.230", **message: Any) -> Callback:
        """A place on the map; its coordinates are texts."""
        content = {"name": name, "longitude": longitude, "latitude": latitude}
        return self.message(message_type="location", content=content, **message)

    def card_action(
        self,
        value: object,
        *,
        card: str,
        chat: str = "oc_group",
        sender: str = "ou_rider",
        tag: str = "button",
        name: str = "",
        form: Mapping[str, Any] | None = None,
        option: str = "",
        written: str = "",
    ) -> Callback:
        """``card.action.trigger``: ``sender`` pressed the button with ``value`` on message ``card``.

        ``form``: the button submitted these fields by name. ``option`` was picked in a select outside a form, or
        ``written`` in an input outside one; then ``value`` is that of its callback, and ``tag`` its own.
        """
        action = {"value": value, "tag": tag, "timezone": "Asia/Shanghai"}
        said = {"name": name, "form_value": form, "option": option, "input_value": written}
        event = {
            "operator": {"tenant_key": "t1", **ids(sender)},
            "token": f"c-{self._run}{next(self._serial):x}",
            "action": action | {key: part for key, part in said.items() if part},
            "host": "im_message",
            "context": {"open_message_id": card, "open_chat_id": chat},
        }
        return self.event("card.action.trigger", event, created=str(int(self.now() * 1_000_000)))

    def bot_added(
        self, *, chat: str = "oc_group", name: str = "幸福里流动党支部", sender: str = "ou_rider"
    ) -> Callback:
        """``im.chat.member.bot.added_v1``."""
        return self.event("im.chat.member.bot.added_v1", _about_chat(chat, sender, name))

    def bot_deleted(
        self, *, chat: str = "oc_group", name: str = "幸福里流动党支部", sender: str = "ou_rider"
    ) -> Callback:
        """``im.chat.member.bot.deleted_v1``."""
        return self.event("im.chat.member.bot.deleted_v1", _about_chat(chat, sender, name))

    def people(
        self,
        change: Literal["added", "deleted", "withdrawn"],
        *people: tuple[str, str],
        chat: str = "oc_group",
        name: str = "幸福里流动党支部",
        sender: str = "ou_rider",
    ) -> Callback:
        """``im.chat.member.user.*_v1``: ``people``, each an open_id with a name, came or went.

        ``deleted``: they left or were removed; ``withdrawn``: whoever invited them took that back.
        """
        users = [{"name": person, "tenant_key": "t1", "user_id": ids(open_id)} for open_id, person in people]
        return self.event(f"im.chat.member.user.{change}_v1", _about_chat(chat, sender, name) | {"users": users})

    def chat_disbanded(
        self, *, chat: str = "oc_group", name: str = "幸福里流动党支部", sender: str = "ou_rider"
    ) -> Callback:
        """``im.chat.disbanded_v1``."""
        return self.event("im.chat.disbanded_v1", _about_chat(chat, sender, name))

    def chat_renamed(self, before: str, after: str, *, chat: str = "oc_group", sender: str = "ou_rider") -> Callback:
        """``im.chat.updated_v1``; the name is all that changed."""
        changed = {"before_change": {"name": before}, "after_change": {"name": after}}
        return self.event("im.chat.updated_v1", _about_chat(chat, sender) | changed)

    def entered(self, *, chat: str = "oc_private", sender: str = "ou_rider", last: str = "") -> Callback:
        """``im.chat.access_event.bot_p2p_chat_entered_v1``; ``last`` is the id of the chat's last message."""
        event: dict[str, Any] = {"chat_id": chat, "operator_id": ids(sender)}
        if last:
            event |= {"last_message_id": last, "last_message_create_time": "1615380573411"}
        return self.event("im.chat.access_event.bot_p2p_chat_entered_v1", event)

    def menu(self, event_key: str, *, sender: str = "ou_rider", name: str = "小李") -> Callback:
        """``application.bot.menu_v6``. It names no chat."""
        operator = {"operator_name": name, "operator_id": ids(sender)}
        event = {"operator": operator, "event_key": event_key, "timestamp": int(self.now())}
        return self.event("application.bot.menu_v6", event)

    def redelivered(self, callback: Callback) -> Callback:
        """The same once more, as the long connection does it: everything as it was, but for a new event_id."""
        plain = json.loads(self.opened(callback))
        plain["header"]["event_id"] = self._new_event_id()
        return self.signed(compact(plain))

    def event(self, event_type: str, event: Mapping[str, Any], *, created: str = "", event_id: str = "") -> Callback:
        """Any event of schema 2.0 with a fresh event_id."""
        header = {
            "event_id": event_id or self._new_event_id(),
            "event_type": event_type,
            "create_time": created or str(int(self.now() * 1000)),
            "token": self._token,
            "app_id": self._app_id,
            "tenant_key": "t1",
        }
        return self.signed(compact({"schema": "2.0", "header": header, "event": event}))

    def new_message_id(self, chat: str) -> str:
        """A message id. The fake cloud reads the chat from behind its ``~``, so that it knows where replies go."""
        return f"om_{self._run}{next(self._serial):08x}~{chat}"

    def _new_event_id(self) -> str:
        return f"ev{self._run}{next(self._serial):08x}"

    def signed(self, plain: bytes) -> Callback:
        """Seals ``plain`` and signs the result."""
        body = self.sealed(plain)
        return Callback(self.headers_for(body), body)

    def headers_for(self, body: bytes) -> dict[str, str]:
        """The headers that go with a body, with its signature where there is a key."""
        headers = {"Content-Type": "application/json;charset=utf-8"}
        if self._key:
            timestamp, nonce = str(int(time.time())), f"{next(self._serial):08x}"
            signature = hashlib.sha256((timestamp + nonce + self._key).encode() + body).hexdigest()
            headers["X-Lark-Request-Timestamp"] = timestamp
            headers["X-Lark-Request-Nonce"] = nonce
            headers["X-Lark-Signature"] = signature
        return headers

    def sealed(self, plain: bytes) -> bytes:
        """The compact envelope ``{"encrypt":"…"}``, or ``plain`` itself when there is no key."""
        return compact({"encrypt": encrypt(self._key, plain, os.urandom(16))}) if self._key else plain

    def opened(self, callback: Callback) -> bytes:
        """What was sealed."""
        return decrypt(self._key, json.loads(callback.body)["encrypt"]) if self._key else callback.body


def encrypt(key: str, plain: bytes, iv: bytes) -> str:
    """Base64 of IV and AES-256-CBC ciphertext under SHA-256 of the key, PKCS7."""
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES256(hashlib.sha256(key.encode()).digest()), CBC(iv)).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(key: str, sealed: str) -> bytes:
    """The reverse, of what was sealed here."""
    data = base64.b64decode(sealed, validate=True)
    decryptor = Cipher(AES256(hashlib.sha256(key.encode()).digest()), CBC(data[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(data[16:]) + decryptor.finalize()) + unpadder.finalize()


def compact(value: object) -> bytes:
    """JSON without spaces, as Feishu sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def ids(open_id: str) -> dict[str, str]:
    """The ids of one person, as events carry them."""
    return {"union_id": f"on_{open_id.removeprefix('ou_')}", "user_id": "", "open_id": open_id}


def _about_chat(chat: str, sender: str, name: str | None = None) -> dict[str, Any]:
    """What the events about one group begin with."""
    event = {"chat_id": chat, "operator_id": ids(sender), "external": False, "operator_tenant_key": "t1"}
    return event if name is None else event | {"name": name, "i18n_names": {"zh_cn": name}}


def words(text: str) -> dict[str, Any]:
    """An element of a rich text."""
    return {"tag": "text", "text": text, "style": []}


def shown(image_key: str) -> dict[str, Any]:
    """A picture in a rich text."""
    return {"tag": "img", "image_key": image_key}


def mention(key: str, open_id: str, name: str, *, bot: bool = False) -> dict[str, Any]:
    """An entry of ``mentions``."""
    return {
        "key": key,
        "id": ids(open_id),
        "mentioned_type": "bot" if bot else "user",
        "name": name,
        "tenant_key": "t1",
    }


def bot_mention(key: str) -> dict[str, Any]:
    """The bot's entry of ``mentions``."""
    return mention(key, BOT_OPEN_ID, BOT_NAME, bot=True)


async def deliver(client: httpx.AsyncClient, url: str, callback: Callback, *, speed: float = 1.0) -> list[int]:
    """Pushes an event as Feishu does: up to five times until it is answered 200 within 3 seconds.

    Returns the statuses in order, 0 for no answer in time. ``speed``: how much shorter the
    pauses are than Feishu's.
    """
    statuses: list[int] = []
    for pause in (0.0, *REDELIVER_AFTER):
        await asyncio.sleep(pause / speed)
        try:
            answer = await client.post(url, content=callback.body, headers=callback.headers, timeout=ANSWER_WITHIN)
            statuses.append(answer.status_code)
        except httpx.RequestError:
            statuses.append(0)
        if statuses[-1] == httpx.codes.OK:
            break
    return statuses
