"""The sending side of WeCom's apps and of official accounts: callbacks in XML, and the passive replies to them.

Built from pages 90238, 90239, 90240, 90241 and Receiving_standard_messages, with cryptography of its own
(``tests.fakes.wecom_crypto``). Malformed replies raise BadReply: the real ones show people a fault, or nothing at all.
"""

import asyncio
import hashlib
import itertools
import time
import xml.etree.ElementTree as ElementTree
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import httpx

from tests.fakes.wecom_crypto import seal, signature, unseal

ANSWER_WITHIN = 5.0
VERIFY_WITHIN = 1.0
ATTEMPTS = 3
TEXT_BYTES = 2048
REPLY_FIELDS = {"ToUserName", "FromUserName", "CreateTime", "MsgType"}
NOTHING = frozenset({b"", b"success"})

Fields = dict[str, str | int | Mapping[str, Any]]
Mode = Literal["plain", "safe"]


class BadReply(Exception):
    """A passive reply that the platform would not show."""


class Callback(NamedTuple):
    """One HTTP request of the platform's. A redelivery is the same callback, signed anew (``signed``)."""

    query: dict[str, str]
    body: bytes
    plain: str
    """The XML before encryption."""
    sender: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of a callback: an HTTP status for each attempt, 0 for none in time, and the reply, if any."""

    statuses: list[int]
    reply: dict[str, str] | None


class Allowances(Protocol):
    """What an official account may say depends on what people did (``OfficialAccountCloud``)."""

    def hear(self, person: str) -> None:
        """``person`` wrote."""

    def click(self, person: str) -> None:
        """``person`` pressed a menu or subscribed."""

    def leave(self, person: str) -> None:
        """``person`` unsubscribed."""


class XmlCallbacks(ABC):
    """What an app and an account have in common. ``account``: the CorpID, or the account's own ``gh_…`` name."""

    def __init__(self, token: str, aes_key: str, receive_id: str, account: str) -> None:
        self.token = token
        self.aes_key = aes_key
        self.receive_id = receive_id
        self.account = account
        self._serial = itertools.count(time.time_ns())
        self.now: Callable[[], float] = time.time
        """When people do things, as Unix time."""

    def text(self, content: str, *, sender: str = "zhao", msg_id: str = "", sent_at: int = 0) -> Callback:
        """A text; ``sent_at`` is a Unix time, 0: now."""
        return self.message("text", {"Content": content}, sender=sender, msg_id=msg_id, sent_at=sent_at)

    def image(self, media_id: str, *, pic_url: str = "http://127.0.0.1/none.jpg", sender: str = "zhao") -> Callback:
        """A photo."""
        return self.message("image", {"PicUrl": pic_url, "MediaId": media_id}, sender=sender)

    def voice(self, media_id: str, *, recognition: str | None = None, sender: str = "zhao") -> Callback:
        """A voice message; accounts that asked for it get ``recognition``."""
        heard: Fields = {} if recognition is None else {"Recognition": recognition}
        return self.message("voice", {"MediaId": media_id, "Format": "amr"} | heard, sender=sender)

    def location(self, label: str, x: float = 31.2304, y: float = 121.4737, *, sender: str = "zhao") -> Callback:
        """A place that somebody sent: latitude ``x`` and longitude ``y``."""
        fields: Fields = {"Location_X": f"{x:.6f}", "Location_Y": f"{y:.6f}", "Scale": 15, "Label": label}
        return self.message("location", fields, sender=sender)

    def subscribe(self, *, sender: str = "zhao") -> Callback:
        """Somebody follows the account, or now sees the app."""
        return self.event("subscribe", {"EventKey": ""}, sender=sender)

    def unsubscribe(self, *, sender: str = "zhao") -> Callback:
        """Somebody follows no longer."""
        return self.event("unsubscribe", {"EventKey": ""}, sender=sender)

    def report_location(self, x: float = 31.2304, y: float = 121.4737, *, sender: str = "zhao") -> Callback:
        """The phone's own report: on entering, or every 5 seconds."""
        fields: Fields = {"Latitude": f"{x:.6f}", "Longitude": f"{y:.6f}", "Precision": "65.000000"}
        return self.event("LOCATION", fields, sender=sender)

    def message(
        self, kind: str, fields: Fields, *, sender: str = "zhao", msg_id: str = "", sent_at: int = 0
    ) -> Callback:
        """Any message with a MsgId."""
        number = {"MsgId": int(msg_id) if msg_id else next(self._serial)}
        return self.callback({"MsgType": kind} | fields | number, sender=sender, sent_at=sent_at)

    def event(self, name: str, fields: Fields, *, sender: str = "zhao", sent_at: int = 0) -> Callback:
        """Any event; events have no MsgId."""
        return self.callback({"MsgType": "event", "Event": name} | fields, sender=sender, sent_at=sent_at)

    def callback(self, fields: Fields, *, sender: str, sent_at: int = 0) -> Callback:
        """Anything at all from ``sender``."""
        head: Fields = {
            "ToUserName": self.account,
            "FromUserName": sender,
            "CreateTime": sent_at or int(self.now()),
        }
        return self.signed(document(head | self.common() | fields), sender)

    def common(self) -> Fields:
        """Fields of every callback besides the usual."""
        return {}

    @abstractmethod
    def signed(self, plain: str, sender: str) -> Callback:
        """The request with ``plain``, encrypted if that is the mode, with a timestamp and nonce of its own."""

    @abstractmethod
    def opened(self, answer: bytes, callback: Callback) -> dict[str, str] | None:
        """The passive reply in an answer; None: there is none. Raises BadReply."""

    async def deliver(self, client: httpx.AsyncClient, url: str, callback: Callback, *, attempts: int = 1) -> Exchange:
        """Posts until it is answered 200 within 5 seconds, at most ``attempts`` times (the real ones: ``ATTEMPTS``)."""
        self.act(callback)
        return await self._push(client, url, callback, attempts)

    async def redeliver(
        self, client: httpx.AsyncClient, url: str, callback: Callback, times: int = 2
    ) -> list[Exchange]:
        """The same callback ``times`` more times at once, as when answers got lost."""
        again = [self.signed(callback.plain, callback.sender) for _ in range(times)]
        return await asyncio.gather(*(self._push(client, url, one, 1) for one in again))

    def act(self, callback: Callback) -> None:  # noqa: B027  # most platforms do nothing
        """What happens on the platform before its callback goes out."""

    async def _push(self, client: httpx.AsyncClient, url: str, callback: Callback, attempts: int) -> Exchange:
        statuses: list[int] = []
        while len(statuses) < attempts:
            if statuses:
                callback = self.signed(callback.plain, callback.sender)
            try:
                answer = await client.post(
                    url,
                    params=callback.query,
                    content=callback.body,
                    headers={"Content-Type": "text/xml"},
                    timeout=ANSWER_WITHIN,
                )
            except httpx.RequestError:
                statuses.append(0)
                continue
            statuses.append(answer.status_code)
            if answer.status_code == httpx.codes.OK:
                return Exchange(statuses, self.opened(answer.content, callback))
        return Exchange(statuses, None)

    async def verifies(self, client: httpx.AsyncClient, url: str, echo: str = "1616140317555161061") -> bool:
        """Whether the address proves itself as the platform's console demands: the very echo, within a second."""
        answer = await client.get(url, params=self.verification(echo), timeout=VERIFY_WITHIN)
        return answer.status_code == httpx.codes.OK and answer.content == echo.encode()

    @abstractmethod
    def verification(self, echo: str) -> dict[str, str]:
        """The query of the GET that verifies the address."""

    def stamp(self) -> tuple[str, str]:
        """A timestamp and a nonce."""
        return str(int(time.time())), str(next(self._serial))

    def encrypted_query(self, encrypted: str) -> dict[str, str]:
        """msg_signature, timestamp and nonce for an encrypted message."""
        timestamp, nonce = self.stamp()
        return {
            "msg_signature": signature(self.token, timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
        }

    def unsealed(self, answer: bytes, callback: Callback) -> str:
        """What is in an encrypted answer. Raises BadReply."""
        envelope = _read(answer)
        if envelope.keys() != {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}:
            raise BadReply(f"an envelope has no {sorted(envelope)}")
        if not envelope["TimeStamp"].isdigit() or envelope["Nonce"] != callback.query["nonce"]:
            raise BadReply("timestamp or nonce")
        expected = signature(self.token, envelope["TimeStamp"], envelope["Nonce"], envelope["Encrypt"])
        if envelope["MsgSignature"] != expected:
            raise BadReply("wrong signature")
        try:
            plain, receiver = unseal(self.aes_key, envelope["Encrypt"])
        except ValueError as error:
            raise BadReply("does not decrypt") from error
        if receiver != self.receive_id:
            raise BadReply("for another receiver")
        return plain

    def checked(self, plain: str, callback: Callback) -> dict[str, str]:
        """The fields of a passive reply. Raises BadReply."""
        reply = _read(plain.encode())
        if missing := REPLY_FIELDS - reply.keys():
            raise BadReply(f"no {sorted(missing)}")
        if (reply["ToUserName"], reply["FromUserName"]) != (callback.sender, self.account):
            raise BadReply("between others")
        if not reply["CreateTime"].isdigit():
            raise BadReply("CreateTime")
        match reply["MsgType"]:
            case "text":
                if not 0 < len(reply.get("Content", "").encode()) <= TEXT_BYTES:
                    raise BadReply("no text, or too long")
            case "image":
                if not reply.get("Image/MediaId"):
                    raise BadReply("no picture")
            case kind:
                raise BadReply(f"MsgType {kind}")
        return reply


class AppCallbacks(XmlCallbacks):
    """A self-built app of WeCom: always encrypted, for the CorpID."""

    def __init__(self, token: str, aes_key: str, corp_id: str, agent_id: int) -> None:
        super().__init__(token, aes_key, corp_id, corp_id)
        self.agent_id = agent_id

    def click(self, key: str, *, sender: str = "zhao") -> Callback:
        """A press on the app's menu."""
        return self.event("click", {"EventKey": key}, sender=sender)

    def enter(self, *, sender: str = "zhao") -> Callback:
        """Somebody opened the app's chat."""
        return self.event("enter_agent", {"EventKey": ""}, sender=sender)

    def press(self, task_id: str, key: str, response_code: str, *, sender: str = "zhao") -> Callback:
        """A button of a card (page 90240)."""
        fields: Fields = {
            "EventKey": key,
            "TaskId": task_id,
            "CardType": "button_interaction",
            "ResponseCode": response_code,
        }
        return self.event("template_card_event", fields, sender=sender)

    def common(self) -> Fields:
        """The app that it is about."""
        return {"AgentID": self.agent_id}

    def signed(self, plain: str, sender: str) -> Callback:
        """The encrypted envelope and its query."""
        encrypted = seal(self.aes_key, plain, self.receive_id)
        envelope = document({"ToUserName": self.account, "AgentID": str(self.agent_id), "Encrypt": encrypted})
        return Callback(self.encrypted_query(encrypted), envelope.encode(), plain, sender)

    def opened(self, answer: bytes, callback: Callback) -> dict[str, str] | None:
        """Nothing, or an encrypted reply (page 90241)."""
        return self.checked(self.unsealed(answer, callback), callback) if answer else None

    def verification(self, echo: str) -> dict[str, str]:
        """The echo is encrypted."""
        encrypted = seal(self.aes_key, echo, self.receive_id)
        return self.encrypted_query(encrypted) | {"echostr": encrypted}


class AccountCallbacks(XmlCallbacks):
    """An official account in plain or safe mode. ``cloud`` is told what people did, and so knows what is allowed."""

    def __init__(
        self,
        token: str,
        aes_key: str,
        app_id: str,
        *,
        mode: Mode = "safe",
        account: str = "gh_0000000000aa",
        cloud: Allowances | None = None,
    ) -> None:
        super().__init__(token, aes_key, app_id, account)
        self._mode = mode
        self._cloud = cloud

    def click(self, key: str, *, sender: str = "zhao") -> Callback:
        """A press on the account's menu."""
        return self.event("CLICK", {"EventKey": key}, sender=sender)

    def signed(self, plain: str, sender: str) -> Callback:
        """Both modes are signed over token, timestamp and nonce; safe mode adds ``encrypt_type=aes&msg_signature``."""
        query = self._signed_query() | {"openid": sender}
        if self._mode == "plain":
            return Callback(query, plain.encode(), plain, sender)
        encrypted = seal(self.aes_key, plain, self.receive_id)
        proof = signature(self.token, query["timestamp"], query["nonce"], encrypted)
        envelope = document({"ToUserName": self.account, "Encrypt": encrypted})
        query |= {"encrypt_type": "aes", "msg_signature": proof}
        return Callback(query, envelope.encode(), plain, sender)

    def opened(self, answer: bytes, callback: Callback) -> dict[str, str] | None:
        """Nothing or ``success``, or a reply in the account's mode."""
        if answer in NOTHING:
            return None
        plain = answer.decode() if self._mode == "plain" else self.unsealed(answer, callback)
        return self.checked(plain, callback)

    def act(self, callback: Callback) -> None:
        """Tells the cloud."""
        if self._cloud is None:
            return
        fields = _read(callback.plain.encode())
        match fields["MsgType"], fields.get("Event"):
            case "event", "unsubscribe":
                self._cloud.leave(callback.sender)
            case "event", "subscribe" | "CLICK":
                self._cloud.click(callback.sender)
            case kind, None if kind != "event":
                self._cloud.hear(callback.sender)

    def verification(self, echo: str) -> dict[str, str]:
        """The echo is plain in every mode."""
        return self._signed_query() | {"echostr": echo}

    def _signed_query(self) -> dict[str, str]:
        timestamp, nonce = self.stamp()
        digest = hashlib.sha1("".join(sorted([self.token, timestamp, nonce])).encode()).hexdigest()
        return {"signature": digest, "timestamp": timestamp, "nonce": nonce}


def document(fields: Mapping[str, Any]) -> str:
    """``<xml>`` with texts in CDATA and numbers as they are, as both platforms write it."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_element(value)}</{name}>" for name, value in fields.items())


def _element(value: str | int | Mapping[str, Any]) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, int):
        return str(value)
    return "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _read(document: bytes) -> dict[str, str]:
    """The elements by name, those on the second level as ``Image/MediaId``. Raises BadReply."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise BadReply("not XML") from error
    if root.tag != "xml":
        raise BadReply(root.tag)
    fields: dict[str, str] = {}
    for child in root:
        inner = {f"{child.tag}/{one.tag}": one.text or "" for one in child} or {child.tag: child.text or ""}
        if inner.keys() & fields.keys():
            raise BadReply(f"{child.tag} comes twice")
        fields |= inner
    return fields
