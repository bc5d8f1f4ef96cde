"""A fake of WeCom's side of 智能机器人 in URL mode: it calls the product back, encrypted, and opens the replies.

In a test: ``with WecomCallbacks(token, aes_key, target=url) as cloud: exchange = cloud.say("wr1", "li", "你好")``. It
refuses what WeCom would (pages 100719, 101027, 101031, 101033, 101138): ``exchange.refusal`` and ``record.refusals``
say why. Its clock runs in real seconds and ``advance`` moves it on.
"""

import itertools
import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.serving import ServerThread
from tests.fakes.wecom_cards import BAD_PARAMETER, keys_of
from tests.fakes.wecom_crypto import seal, signature, unseal
from tests.fakes.wecom_media import Link, WecomMedia
from tests.fakes.wecom_messages import BOT_ID, PRESSED, Place, WecomMessages, item_of, quoted
from tests.fakes.wecom_replies import BAD_TYPE, Refusal, card_in, markdown_in, stream_in, text_in

VERIFY_WITHIN = 1.0
ANSWER_WITHIN = 5.0
STREAM_SECONDS = 360.0
"""From the person's message to the end of its stream (page 101031)."""
RESPONSE_SECONDS = 3600.0
"""The life of a response_url (page 101138)."""
NEAR = 600.0
"""Seconds by which a reply's timestamp may be off."""
ECHO = "1616140317555161061"
_ENVELOPE = {"encrypt", "msgsignature", "timestamp", "nonce"}

Kind = Literal["message", "refresh", "enter_chat", "template_card_event", "other"]
EVENTS: tuple[Kind, ...] = ("enter_chat", "template_card_event")
ALLOWED: Mapping[Kind, set[str]] = {
    "message": {"stream", "template_card", "stream_with_template_card"},
    "refresh": {"stream", "stream_with_template_card"},
    "enter_chat": {"text", "template_card"},
    "template_card_event": {"update_template_card"},
    "other": set(),
}
"""The replies that each callback takes (page 101031)."""


class Sealed(NamedTuple):
    """One HTTP request of WeCom's: GET with an echostr and without content, or POST."""

    params: dict[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """A callback and what the product answered. ``status``: 0 for no answer in time. ``reply``: {} for nothing."""

    body: dict[str, Any]
    status: int
    reply: dict[str, Any]
    refusal: str = ""

    @property
    def kind(self) -> str:
        """The reply's msgtype or response_type; empty when there is none."""
        return str(self.reply.get("msgtype", self.reply.get("response_type", "")))

    @property
    def stream_id(self) -> str:
        """The id of the stream that the reply is of, or empty."""
        return str(self.reply.get("stream", {}).get("id", ""))


@dataclass(slots=True)
class Stream:
    """A streamed answer to the message ``msgid``. ``at``: when the person wrote."""

    id: str
    msgid: str
    target: str
    at: float
    frames: list[str] = field(default_factory=list)
    finished: bool = False

    @property
    def text(self) -> str:
        """What people see now."""
        return self.frames[-1] if self.frames else ""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in one piece: a card or welcome in a reply, or what a response_url got. ``msgid``: what it answers."""

    target: str
    msgtype: str
    content: dict[str, Any]
    msgid: str


@dataclass(frozen=True, slots=True)
class Updated:
    """A card's new content."""

    task_id: str
    card: dict[str, Any]
    users: list[str]


@dataclass(slots=True)
class Record:
    """What the cloud accepted, and why it refused the rest."""

    streams: list[Stream] = field(default_factory=list)
    cards: list[Posted] = field(default_factory=list)
    welcomes: list[Posted] = field(default_factory=list)
    updates: list[Updated] = field(default_factory=list)
    responses: list[Posted] = field(default_factory=list)
    """What came to response_urls."""
    refusals: list[str] = field(default_factory=list)
    answers: dict[str, set[str]] = field(default_factory=dict)
    """The different answers to each msgid."""

    @property
    def double_answers(self) -> dict[str, set[str]]:
        """Messages that got different answers when they were delivered again: people see each of them."""
        return {msgid: answers for msgid, answers in self.answers.items() if len(answers) > 1}


@dataclass(slots=True)
class _ReplyLink:
    place: Place
    msgid: str
    at: float
    used: bool = False


class WecomCallbacks:
    """The cloud of one bot. Inside ``with`` its response_urls and media answer; ``target`` is the product's URL."""

    def __init__(
        self, token: str, aes_key: str, *, target: str = "", bot_id: str = BOT_ID, receive_id: str = ""
    ) -> None:
        self.target = target
        self.record = Record()
        self.media = WecomMedia()
        self.messages = WecomMessages(bot_id, self._new_reply_link)
        self._token, self._key, self._receive_id = token, aes_key, receive_id
        routes = [Route("/cgi-bin/aibot/response", self._take_response, methods=["POST"])]
        self._server = ServerThread(Starlette(routes=routes))
        self.url = self._server.url
        self._http = httpx.Client(trust_env=False)
        self._serial = itertools.count(1)
        self._ahead = 0.0
        self._links: dict[str, _ReplyLink] = {}
        self._streams: dict[str, Stream] = {}
        self._cards: dict[str, tuple[dict[str, Any], Place]] = {}
        self._card_of: dict[str, str] = {}
        self._met: dict[str, float] = {}
        self._faults: deque[int] = deque()

    def __enter__(self) -> Self:
        self.media.__enter__()
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._server.__exit__(kind, error, trace)
        self.media.__exit__(kind, error, trace)

    # Requests and replies, for tests that bring them to the product themselves

    def verification(self, echo: str = ECHO) -> Sealed:
        """The GET that WeCom makes when a URL is saved; the answer is ``echo``."""
        sealed = self._signed(seal(self._key, echo, self._receive_id))
        encrypted = json.loads(sealed.content)["encrypt"]
        return Sealed(sealed.params | {"echostr": encrypted}, b"")

    def sealed(self, body: Mapping[str, Any]) -> Sealed:
        """The POST of a body, with a timestamp and nonce of now."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return self._signed(seal(self._key, text, self._receive_id))

    def opened(self, content: bytes, nonce: str) -> dict[str, Any]:
        """The product's reply, verified. {} when it says nothing. Raises Refusal."""
        if not content:
            return {}
        try:
            envelope = json.loads(content)
        except ValueError as error:
            raise Refusal(BAD_PARAMETER, "the reply is not JSON") from error
        if not _is_envelope(envelope):
            raise Refusal(BAD_PARAMETER, "the reply is no envelope")
        expected = signature(self._token, str(envelope["timestamp"]), nonce, envelope["encrypt"])
        if envelope["nonce"] != nonce or envelope["msgsignature"] != expected:
            raise Refusal(BAD_PARAMETER, "the reply's signature is wrong")
        return self._unsealed(envelope["encrypt"])

    # People

    def say(
        self,
        chat: str,
        user: str,
        text: str,
        *,
        private: bool = False,
        quote: str | Link | Mapping[str, Any] | None = None,
    ) -> Exchange:
        """``user`` writes to the bot: in group ``chat`` with an @ before the text, or privately without ``chat``."""
        return self.deliver(self.messages.text(Place(chat, user, private), text, quoted(quote, with_key=False)))

    def send_photo(self, user: str, link: Link) -> Exchange:
        """A picture in a private chat; ``link`` is from ``keep``."""
        return self.send_file(user, link, "image")

    def send_file(self, user: str, link: Link, kind: Literal["file", "image", "video"] = "file") -> Exchange:
        """A file in a private chat."""
        return self.deliver(self.messages.media(Place("", user, private=True), kind, link.fields(with_key=False)))

    def send_mixed(self, chat: str, user: str, items: Sequence[str | Link], *, private: bool = False) -> Exchange:
        """Texts and pictures in one message."""
        listed = [item_of(item, with_key=False) for item in items]
        return self.deliver(self.messages.mixed(Place(chat, user, private), listed))

    def send_voice(self, user: str, heard: str) -> Exchange:
        """A voice message in a private chat, as the text that WeCom understood."""
        return self.deliver(self.messages.voice(Place("", user, private=True), heard))

    def enter(self, user: str) -> Exchange:
        """``user`` opens the private chat, for the first time today."""
        return self.deliver(self.messages.entered(user))

    def press(self, task_id: str, key: str, user: str, selected: Mapping[str, Sequence[str]] | None = None) -> Exchange:
        """``user`` presses ``key`` on a card that the bot sent. ``selected``: option ids by question_key."""
        card, place = self._cards[task_id]
        if key not in keys_of(card):
            raise ValueError(f"the card {task_id} has no key {key}")
        return self.deliver(self.messages.pressed(place.seen_by(user), card, key, selected or {}))

    def keep(self, data: bytes, name: str = "") -> Link:
        """A link to ``data``, which EncodingAESKey opens."""
        return self.media.keep(data, aes_key=self._key, name=name)

    # The cloud

    def verify(self, echo: str = ECHO) -> bool:
        """Whether the product passes the verification of its URL."""
        params = self.verification(echo).params
        try:
            answer = self._http.get(self.target, params=params, timeout=VERIFY_WITHIN)
        except httpx.TimeoutException:
            return False
        return answer.status_code == httpx.codes.OK and answer.content == echo.encode()

    def deliver(self, body: dict[str, Any]) -> Exchange:
        """Calls the product back with any body, once, and takes its reply."""
        self._met.setdefault(body["msgid"], self._now())
        sealed = self.sealed(body)
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._http.post(
                self.target, params=sealed.params, content=sealed.content, headers=headers, timeout=ANSWER_WITHIN
            )
        except httpx.TimeoutException:
            return self._refused(Exchange(body, 0, {}, "no answer in 5 seconds"))
        return self.take(body, answer.status_code, answer.content, sealed.params["nonce"])

    def take(self, body: dict[str, Any], status: int, content: bytes, nonce: str) -> Exchange:
        """What the cloud makes of an HTTP answer; for tests that brought ``sealed(body)`` to the product themselves."""
        self._met.setdefault(body["msgid"], self._now())
        reply: dict[str, Any] = {}
        try:
            if status != httpx.codes.OK:
                raise Refusal(status, f"HTTP {status}")
            reply = self.opened(content, nonce)
            if reply:
                self._accept(body, reply)
        except Refusal as refusal:
            return self._refused(Exchange(body, status, reply, str(refusal)))
        return Exchange(body, status, reply)

    def redeliver(self, exchange: Exchange) -> Exchange:
        """The same message once more, in a new envelope."""
        return self.deliver(exchange.body)

    def refresh(self, exchange: Exchange) -> dict[str, Any]:
        """The body of the next poll for the stream that ``exchange`` left open."""
        return self.messages.refresh(Place.of(exchange.body), exchange.stream_id)

    def poll(self, exchange: Exchange) -> Exchange:
        """Asks once for the rest of the stream that ``exchange`` left open. Raises ValueError when WeCom would not."""
        stream = self._streams[exchange.stream_id]
        if stream.finished or self._now() - stream.at > STREAM_SECONDS:
            raise ValueError("WeCom asks no more for this stream")
        return self.deliver(self.refresh(exchange))

    def watch(self, exchange: Exchange, *, pause: float = 0.02, seconds: float = 5.0) -> Stream:
        """Polls until the stream is finished. Raises TimeoutError after ``seconds`` of real time."""
        stream = self._streams[exchange.stream_id]
        deadline = time.monotonic() + seconds
        while not stream.finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the stream does not end: {stream.text!r}")
            time.sleep(pause)
            self.poll(exchange)
        return stream

    def advance(self, seconds: float) -> None:
        """Moves the cloud's clock on."""
        self._ahead += seconds

    def fail_next_response(self, errcode: int, count: int = 1) -> None:
        """The next ``count`` calls of a response_url are refused."""
        self._faults.extend([errcode] * count)

    def forget(self) -> None:
        """Empties the record; what was posted stays posted."""
        self.record = Record()

    # Inside

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def _signed(self, encrypted: str) -> Sealed:
        timestamp, nonce = str(int(time.time())), f"{next(self._serial):010d}"
        params = {"msg_signature": signature(self._token, timestamp, nonce, encrypted)}
        return Sealed(params | {"timestamp": timestamp, "nonce": nonce}, json.dumps({"encrypt": encrypted}).encode())

    def _unsealed(self, encrypted: str) -> dict[str, Any]:
        try:
            text, receive_id = unseal(self._key, encrypted)
            reply = json.loads(text)
        except ValueError as error:
            raise Refusal(BAD_PARAMETER, f"the reply cannot be decrypted: {error}") from error
        if receive_id != self._receive_id or not isinstance(reply, dict):
            raise Refusal(BAD_PARAMETER, "the reply is for another receiveid, or no object")
        return reply

    def _refused(self, exchange: Exchange) -> Exchange:
        self.record.refusals.append(exchange.refusal)
        return exchange

    def _accept(self, body: Mapping[str, Any], reply: dict[str, Any]) -> None:
        trigger, place = _trigger(body), Place.of(body)
        kind = str(reply.get("msgtype", reply.get("response_type", "")))
        if kind not in ALLOWED[trigger]:
            raise Refusal(BAD_TYPE, f"{kind} is no reply to {trigger}")
        if kind == "update_template_card":
            self._take_update(body, reply)
            return
        if kind.startswith("stream"):
            self._take_stream(body, reply, trigger, place)
        if "template_card" in kind and "template_card" in reply:
            self._take_card(body, card_in(reply), trigger, place)
        if kind == "text":
            content = {"content": text_in(reply)}
            self.record.welcomes.append(Posted(place.target, "text", content, body["msgid"]))
        if trigger != "refresh":
            self.record.answers.setdefault(body["msgid"], set()).add(_identity(reply))

    def _take_stream(self, body: Mapping[str, Any], reply: dict[str, Any], trigger: Kind, place: Place) -> None:
        stream_id, content, finish = stream_in(reply, pictures=True)
        if trigger == "refresh" and stream_id != body["stream"]["id"]:
            raise Refusal(BAD_PARAMETER, "not the stream that was asked for")
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = Stream(stream_id, body["msgid"], place.target, self._met[body["msgid"]])
            self._streams[stream_id] = stream
            self.record.streams.append(stream)
        elif trigger == "message" and stream.msgid != body["msgid"]:
            raise Refusal(BAD_PARAMETER, "the stream id belongs to another message")
        if stream.finished:
            if content != stream.text:
                raise Refusal(BAD_PARAMETER, "the stream is finished")
            return
        stream.frames.append(content)
        stream.finished = finish

    def _take_card(self, body: Mapping[str, Any], card: dict[str, Any], trigger: Kind, place: Place) -> None:
        """A message has one card; a redelivery may bring the same once more."""
        task_id = card.get("task_id", "")
        msgid = self._streams[body["stream"]["id"]].msgid if trigger == "refresh" else body["msgid"]
        earlier = self._card_of.get(msgid)
        if earlier is not None and earlier == task_id:
            return
        if earlier is not None or task_id in self._cards:
            raise Refusal(BAD_PARAMETER, "a second card, or a task_id that was used before")
        self._card_of[msgid] = task_id
        self._keep_card(card, place)
        shown = self.record.welcomes if trigger == "enter_chat" else self.record.cards
        shown.append(Posted(place.target, "template_card", card, msgid))

    def _take_update(self, body: Mapping[str, Any], reply: dict[str, Any]) -> None:
        card, task_id = card_in(reply, update=True), body["event"][PRESSED]["task_id"]
        if card.get("task_id", task_id) != task_id:
            raise Refusal(BAD_PARAMETER, "task_id differs from the callback's")
        self._cards[task_id] = (card | {"task_id": task_id}, self._cards[task_id][1])
        self.record.updates.append(Updated(task_id, card, reply.get("userids", [])))

    def _keep_card(self, card: dict[str, Any], place: Place) -> None:
        if card.get("task_id"):
            self._cards[card["task_id"]] = (card, place)

    # response_url

    def _new_reply_link(self, place: Place, msgid: str) -> str:
        code = f"code{next(self._serial):08x}"
        self._links[code] = _ReplyLink(place, msgid, self._now())
        return f"{self.url}/cgi-bin/aibot/response?response_code={code}"

    async def _take_response(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            if not isinstance(body, dict):
                raise Refusal(BAD_PARAMETER, "no object")
            self._accept_response(request.query_params.get("response_code", ""), body)
        except ValueError:
            return JSONResponse({"errcode": BAD_PARAMETER, "errmsg": "not JSON"})
        except Refusal as refusal:
            self.record.refusals.append(str(refusal))
            return JSONResponse({"errcode": refusal.code, "errmsg": str(refusal)})
        return JSONResponse({"errcode": 0, "errmsg": "ok"})

    def _accept_response(self, code: str, body: dict[str, Any]) -> None:
        link = self._links.get(code)
        if link is None or link.used or self._now() - link.at > RESPONSE_SECONDS:
            raise Refusal(BAD_PARAMETER, "invalid response_code")
        link.used = True
        if self._faults:
            raise Refusal(self._faults.popleft(), "system busy")
        match body.get("msgtype"):
            case "markdown":
                markdown_in(body)
            case "template_card" if link.place.private:
                card = card_in(body)
                if card.get("task_id", "") in self._cards:
                    raise Refusal(BAD_PARAMETER, "the task_id was used before")
                self._keep_card(card, link.place)
            case _:
                raise Refusal(BAD_TYPE, "invalid message type")
        kind = body["msgtype"]
        self.record.responses.append(Posted(link.place.target, kind, body[kind], link.msgid))


def _trigger(body: Mapping[str, Any]) -> Kind:
    match body["msgtype"]:
        case "stream":
            return "refresh"
        case "event":
            name = body["event"]["eventtype"]
            return next((kind for kind in EVENTS if kind == name), "other")
        case _:
            return "message"


def _identity(reply: Mapping[str, Any]) -> str:
    """Two replies with the same one are the same to people: a stream by its id, anything else by its content."""
    if "stream" in reply:
        return str(reply["stream"]["id"])
    return json.dumps(reply, ensure_ascii=False, sort_keys=True)


def _is_envelope(value: object) -> bool:
    """Whether it has the four fields and no others, with the time in seconds as a number."""
    if not isinstance(value, dict) or value.keys() != _ENVELOPE:
        return False
    timestamp = value["timestamp"]
    return type(timestamp) is int and abs(timestamp - time.time()) < NEAR and isinstance(value["encrypt"], str)
