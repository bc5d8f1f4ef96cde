"""The sending side of the fake Feishu: events and card actions, encrypted, signed and redelivered as Feishu does it."""

import asyncio
import base64
import hashlib
import itertools
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
        milliseconds = str(int((time.time() if sent_at is None else sent_at) * 1000))
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

    def card_action(
        self, value: object, *, card: str, chat: str = "oc_group", sender: str = "ou_rider", tag: str = "button"
    ) -> Callback:
        """``card.action.trigger``: ``sender`` pressed the button with ``value`` on message ``card``."""
        event = {
            "operator": {"tenant_key": "t1", **ids(sender)},
            "token": f"c-{self._run}{next(self._serial):x}",
            "action": {"value": value, "tag": tag, "timezone": "Asia/Shanghai"},
            "host": "im_message",
            "context": {"open_message_id": card, "open_chat_id": chat},
        }
        return self.event("card.action.trigger", event, created=str(time.time_ns() // 1000))

    def bot_added(
        self, *, chat: str = "oc_group", name: str = "幸福里流动党支部", sender: str = "ou_rider"
    ) -> Callback:
        """``im.chat.member.bot.added_v1``."""
        event = {"chat_id": chat, "operator_id": ids(sender), "external": False, "name": name}
        return self.event("im.chat.member.bot.added_v1", event)

    def event(self, event_type: str, event: Mapping[str, Any], *, created: str = "", event_id: str = "") -> Callback:
        """Any event of schema 2.0 with a fresh event_id."""
        header = {
            "event_id": event_id or f"ev{self._run}{next(self._serial):08x}",
            "event_type": event_type,
            "create_time": created or str(int(time.time() * 1000)),
            "token": self._token,
            "app_id": self._app_id,
            "tenant_key": "t1",
        }
        return self.signed(compact({"schema": "2.0", "header": header, "event": event}))

    def new_message_id(self, chat: str) -> str:
        """A message id. The fake cloud reads the chat from behind its ``~``, so that it knows where replies go."""
        return f"om_{self._run}{next(self._serial):08x}~{chat}"

    def signed(self, plain: bytes) -> Callback:
        """Seals ``plain`` and signs the result."""
        body = self.sealed(plain)
        headers = {"Content-Type": "application/json;charset=utf-8"}
        if self._key:
            timestamp, nonce = str(int(time.time())), f"{next(self._serial):08x}"
            signature = hashlib.sha256((timestamp + nonce + self._key).encode() + body).hexdigest()
            headers["X-Lark-Request-Timestamp"] = timestamp
            headers["X-Lark-Request-Nonce"] = nonce
            headers["X-Lark-Signature"] = signature
        return Callback(headers, body)

    def sealed(self, plain: bytes) -> bytes:
        """The compact envelope ``{"encrypt":"…"}``, or ``plain`` itself when there is no key."""
        return compact({"encrypt": encrypt(self._key, plain, os.urandom(16))}) if self._key else plain


def encrypt(key: str, plain: bytes, iv: bytes) -> str:
    """Base64 of IV and AES-256-CBC ciphertext under SHA-256 of the key, PKCS7."""
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES256(hashlib.sha256(key.encode()).digest()), CBC(iv)).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def compact(value: object) -> bytes:
    """JSON without spaces, as Feishu sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def ids(open_id: str) -> dict[str, str]:
    """The ids of one person, as events carry them."""
    return {"union_id": f"on_{open_id.removeprefix('ou_')}", "user_id": "", "open_id": open_id}


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
