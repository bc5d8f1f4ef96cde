"""A fake of WeCom's long connection for 智能机器人, on a real port (contract: page 101463).

In a test: ``with WecomGateway() as gateway: …`` with ``gateway.url`` as the address, ``gateway.say(…)`` to talk to the
bot, ``gateway.record`` to see what it did. It plays one bot. Its controls are for any thread; its clock runs in real
seconds and ``advance`` moves it on.
"""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode

from tests.fakes.wecom_cards import BAD_PARAMETER, keys_of
from tests.fakes.wecom_media import Link, WecomMedia
from tests.fakes.wecom_messages import BOT_ID, PRESSED, Place, WecomMessages, item_of, quoted
from tests.fakes.wecom_record import Callback, Posted, Record, Stream, Updated
from tests.fakes.wecom_replies import (
    BAD_TYPE,
    TOO_OFTEN,
    Refusal,
    card_in,
    markdown_in,
    part,
    stream_in,
    string,
    text_in,
)
from tests.fakes.wecom_uploads import Uploads
from tests.fakes.window import Window

__all__ = ["BOT_ID", "SECRET", "Callback", "Link", "Posted", "Record", "Rules", "Stream", "Updated", "WecomGateway"]

SECRET = "the bot's secret"
BAD_REQ_ID, STREAM_OVER, NOT_SUBSCRIBED, BAD_CHAT = 846605, 846608, 846609, 93006
BAD_CREDENTIAL = 40001
"""The page does not say which errcode a wrong secret gets."""
REPLY_SECONDS = 86400.0
EVENT_SECONDS = 5.0
HTML = "<html><body>502 Bad Gateway</body></html>"
MEDIA_TYPES = {"file", "image", "voice", "video"}

Result = TypeVar("Result")
Handler = Callable[["_Session", str, dict[str, Any]], dict[str, str] | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict the gateway is."""

    chat_per_minute: int = 30
    chat_per_hour: int = 1000
    """Every frame counts: each of a stream, each push, each welcome."""
    subscribes_per_minute: int = 20
    stream_seconds: float = 600.0
    """From the first frame to the last: 600 in the page of 2026/05/25, 360 in that of 2026/03/13."""

    def rates_times(self, factor: int) -> "Rules":
        """The same with higher rates, for load tests."""
        return replace(
            self,
            chat_per_minute=self.chat_per_minute * factor,
            chat_per_hour=self.chat_per_hour * factor,
            subscribes_per_minute=self.subscribes_per_minute * factor,
        )


@dataclass(slots=True)
class _Opened:
    """A callback that may be answered."""

    kind: Literal["message", "enter", "press", "other"]
    place: Place
    msgid: str
    task_id: str
    at: float
    answered: bool = False


@dataclass(slots=True, eq=False)
class _Session:
    connection: ServerConnection
    awake: asyncio.Event
    subscribed: bool = False


class WecomGateway:
    """The gateway, for one bot. Inside ``with`` it takes connections at ``url``."""

    def __init__(self, bot_id: str = BOT_ID, secret: str = SECRET, rules: Rules | None = None, port: int = 0) -> None:
        self.bot_id = bot_id
        self.secret = secret
        self.rules = rules or Rules()
        self.record = Record()
        self.media = WecomMedia()
        self.messages = WecomMessages(bot_id)
        self._port = port
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._zero = time.monotonic()
        self._ahead = 0.0
        self._live: _Session | None = None
        self._sessions: set[_Session] = set()
        self._serial = itertools.count(1)
        self._opened: dict[str, _Opened] = {}
        self._streams: dict[str, Stream] = {}
        self._cards: dict[str, tuple[dict[str, Any], Place]] = {}
        self._places: dict[str, Place] = {}
        self._windows: dict[str, list[Window]] = {}
        self._subscribes = Window(self.rules.subscribes_per_minute, 60.0)
        self._uploads = Uploads()
        self._faults: list[tuple[int | Literal["html"], str]] = []
        self._lost_acks: list[str] = []
        self._ack_delay = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Handler] = {
            "aibot_subscribe": self._subscribe,
            "ping": self._ping,
            "aibot_respond_msg": self._respond,
            "aibot_respond_welcome_msg": self._welcome,
            "aibot_respond_update_msg": self._update,
            "aibot_send_msg": self._push,
            "aibot_upload_media_init": self._upload_init,
            "aibot_upload_media_chunk": self._upload_chunk,
            "aibot_upload_media_finish": self._upload_finish,
        }

    def __enter__(self) -> Self:
        self.media.__enter__()
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the gateway did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        self.media.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """The address to connect to."""
        if not self._started.is_set():
            raise RuntimeError("the gateway is not serving")
        return f"ws://127.0.0.1:{self._port}"

    @property
    def connected(self) -> bool:
        """Whether a subscribed connection is there."""
        return self._live is not None

    # People

    def say(
        self,
        chat: str,
        user: str,
        text: str,
        *,
        private: bool = False,
        quote: str | Link | Mapping[str, Any] | None = None,
    ) -> Callback:
        """``user`` writes to the bot: in group ``chat`` with an @ before the text, or privately (``chat`` is unused).

        ``quote``: the text or picture that is quoted, or the whole object of another kind, ``{"msgtype": "file", …}``.
        """
        return self.deliver(self.messages.text(Place(chat, user, private), text, quoted(quote, with_key=True)))

    def send_photo(self, user: str, link: Link) -> Callback:
        """A picture in a private chat; ``link`` is from ``media``. Groups have pictures only in mixed messages."""
        return self.send_file(user, link, "image")

    def send_file(self, user: str, link: Link, kind: Literal["file", "image", "video"] = "file") -> Callback:
        """A file in a private chat."""
        return self.deliver(self.messages.media(Place("", user, private=True), kind, link.fields(with_key=True)))

    def send_mixed(self, chat: str, user: str, items: Sequence[str | Link], *, private: bool = False) -> Callback:
        """Texts and pictures in one message."""
        listed = [item_of(item, with_key=True) for item in items]
        return self.deliver(self.messages.mixed(Place(chat, user, private), listed))

    def send_voice(self, user: str, heard: str) -> Callback:
        """A voice message in a private chat, as the text that WeCom understood."""
        return self.deliver(self.messages.voice(Place("", user, private=True), heard))

    def enter(self, user: str) -> Callback:
        """``user`` opens the private chat, for the first time today."""
        return self.deliver(self.messages.entered(user))

    def press(self, task_id: str, key: str, user: str, selected: Mapping[str, Sequence[str]] | None = None) -> Callback:
        """``user`` presses ``key`` on a card that the bot sent. ``selected``: option ids by question_key."""
        card, place = self._cards[task_id]
        if key not in keys_of(card):
            raise ValueError(f"the card {task_id} has no key {key}")
        return self.deliver(self.messages.pressed(place.seen_by(user), card, key, selected or {}))

    def redeliver(self, callback: Callback) -> Callback:
        """The same body once more, under a new req_id."""
        return self.deliver(callback.body)

    def deliver(self, body: dict[str, Any]) -> Callback:
        """Sends any body: an event if its msgtype says so, otherwise a message."""
        return self._do(self._deliver(body))

    # Controls

    def advance(self, seconds: float) -> None:
        """Moves the gateway's clock on."""
        self._ahead += seconds

    def drop(self, code: Literal[1000, 1001, 1006] = 1006) -> None:
        """Ends the connection: with a close frame, or (1006) without a word."""
        self._do(self._drop(code))

    def kick(self) -> None:
        """Another connection takes over somewhere else."""
        self._do(self._kick_live())

    def freeze(self) -> None:
        """The connection goes half-open: it stays, nothing is read and nothing acknowledged. A new one works."""
        self._do(self._freeze(frozen=True))

    def thaw(self) -> None:
        """Undoes ``freeze``; what was sent meanwhile is read now."""
        self._do(self._freeze(frozen=False))

    def delay_acks(self, seconds: float) -> None:
        """From now on acks come so much later; 0 ends it."""
        self._ack_delay = seconds

    def drop_acks(self, count: int = 1, cmd: str = "") -> None:
        """The next ``count`` frames (of ``cmd``, if given) take effect and are not acknowledged."""
        self._lost_acks.extend([cmd] * count)

    def fail_next(self, fault: int | Literal["html"], count: int = 1, cmd: str = "") -> None:
        """The next ``count`` frames (of ``cmd``, if given) are refused with this errcode, or answered with HTML."""
        self._faults.extend([(fault, cmd)] * count)

    def send_garbage(self, text: str) -> None:
        """Sends a frame that is not what WeCom sends."""
        self._do(self._send_raw(text))

    def wait_until(self, check: Callable[[], object], seconds: float = 5.0) -> None:
        """Returns when ``check`` holds. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                raise TimeoutError("it did not happen")
            time.sleep(0.005)

    def forget(self) -> None:
        """Empties the record; what was posted stays posted."""
        self.record = Record()

    # The thread

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self._take_connection,
            "127.0.0.1",
            self._port,
            create_connection=self._connection_class(),
            ping_interval=None,
            max_size=4 << 20,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._stop.wait()
            for session in self._sessions:
                session.awake.set()
                session.connection.transport.abort()

    def _connection_class(self) -> type[ServerConnection]:
        """Closes on a protocol-level ping, as the real one was seen to do: only JSON pings keep it alive."""
        gateway = self

        class Connection(ServerConnection):
            def process_event(self, event: Any) -> None:
                if isinstance(event, Frame) and event.opcode is Opcode.PING:
                    gateway.record.protocol_pings += 1
                    self.protocol.fail(CloseCode.PROTOCOL_ERROR, "protocol-level ping")
                    self.send_data()
                else:
                    super().process_event(event)

        return Connection

    def _do(self, job: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(timeout=10)

    def _now(self) -> float:
        return time.monotonic() - self._zero + self._ahead

    # Connections

    async def _take_connection(self, connection: ServerConnection) -> None:
        session = _Session(connection, asyncio.Event())
        session.awake.set()
        self.record.connections += 1
        self._sessions.add(session)
        try:
            async for message in connection:
                await session.awake.wait()
                await self._take_frame(session, message)
        except ConnectionClosed:
            pass  # abnormal ends are this fake's business
        finally:
            self._sessions.discard(session)
            if self._live is session:
                self._live = None

    async def _take_frame(self, session: _Session, message: str | bytes) -> None:
        cmd, req_id, body = _parsed(message)
        self.record.requests[cmd] += 1
        fault = self._fault(cmd)
        if fault == "html":
            await session.connection.send(HTML)
            return
        ack: dict[str, Any] = {"headers": {"req_id": req_id}}
        try:
            if fault:
                raise Refusal(fault, "system busy" if fault == -1 else "refused")
            if result := self._handle(session, cmd, req_id, body):
                ack["body"] = result
            ack |= {"errcode": 0, "errmsg": "ok"}
        except Refusal as refusal:
            self.record.refusals[refusal.code] += 1
            ack |= {"errcode": refusal.code, "errmsg": f"{refusal}, hint: [1], from ip: 127.0.0.1"}
        await self._acknowledge(session, cmd, ack)

    def _handle(self, session: _Session, cmd: str, req_id: str, body: object) -> dict[str, str] | None:
        if cmd not in self._handlers or not req_id:
            raise Refusal(BAD_PARAMETER, "invalid frame")
        if cmd == "ping":
            return None
        if not isinstance(body, dict):
            raise Refusal(BAD_PARAMETER, "no body")
        if cmd != "aibot_subscribe" and not session.subscribed:
            raise Refusal(NOT_SUBSCRIBED, "aibot websocket not subscribed")
        return self._handlers[cmd](session, req_id, body)

    def _fault(self, cmd: str) -> int | Literal["html"] | None:
        for entry in tuple(self._faults):
            if entry[1] in {"", cmd}:
                self._faults.remove(entry)
                return entry[0]
        return None

    async def _acknowledge(self, session: _Session, cmd: str, ack: dict[str, Any]) -> None:
        for entry in tuple(self._lost_acks):
            if entry in {"", cmd}:
                self._lost_acks.remove(entry)
                return
        if self._ack_delay:
            self._spawn(self._send_later(session, ack, self._ack_delay))
        else:
            await _send(session, ack)

    async def _send_later(self, session: _Session, frame: dict[str, Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        await _send(session, frame)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, body: dict[str, Any]) -> Callback:
        req_id = f"{next(self._serial):032x}"
        opened = _Opened(_kind_of(body), Place.of(body), body["msgid"], _task_of(body), self._now())
        self._opened[req_id] = opened
        if opened.kind == "message":
            self._places[opened.place.target] = opened.place
        live = self._live
        if live is None or not live.awake.is_set():
            return Callback(req_id, body, delivered=False)
        cmd = "aibot_event_callback" if body["msgtype"] == "event" else "aibot_msg_callback"
        await _send(live, {"cmd": cmd, "headers": {"req_id": req_id}, "body": body})
        return Callback(req_id, body, delivered=True)

    async def _drop(self, code: int) -> None:
        session = self._required()
        self._live = None
        if code == CloseCode.ABNORMAL_CLOSURE:
            session.connection.transport.abort()
        else:
            self._spawn(session.connection.close(code))

    async def _kick_live(self) -> None:
        session, self._live = self._required(), None
        self._spawn(self._kick(session))

    async def _kick(self, session: _Session) -> None:
        session.subscribed = False
        event = {"cmd": "aibot_event_callback", "headers": {"req_id": f"{next(self._serial):032x}"}}
        await _send(session, event | {"body": self.messages.disconnected()})
        await session.connection.close()

    async def _freeze(self, *, frozen: bool) -> None:
        session = self._required()
        if frozen:
            session.awake.clear()
            session.connection.transport.pause_reading()
        else:
            session.awake.set()
            session.connection.transport.resume_reading()

    async def _send_raw(self, text: str) -> None:
        await self._required().connection.send(text)

    def _required(self) -> _Session:
        if self._live is None:
            raise RuntimeError("no connection has subscribed")
        return self._live

    # Commands

    def _subscribe(self, session: _Session, _: str, body: dict[str, Any]) -> None:
        now = self._now()
        full = self._subscribes.wait(now) > 0
        self._subscribes.take(now)
        if full or session.subscribed:
            raise Refusal(TOO_OFTEN, "api freq out of limit")
        if (body.get("bot_id"), body.get("secret")) != (self.bot_id, self.secret):
            raise Refusal(BAD_CREDENTIAL, "invalid bot_id or secret")
        old, self._live = self._live, session
        session.subscribed = True
        if old is not None:
            self._spawn(self._kick(old))

    def _ping(self, _: _Session, __: str, ___: dict[str, Any]) -> None:
        """Nothing but the ack."""

    def _respond(self, _: _Session, req_id: str, body: dict[str, Any]) -> None:
        opened = self._answerable(req_id, "message", REPLY_SECONDS)
        self._throttle(opened.place.target)
        if body.get("msgtype") == "stream":
            self._stream(req_id, opened, body)
        else:
            self.record.replies.append(self._posted(opened.place, body, req_id, opened.msgid))

    def _stream(self, req_id: str, opened: _Opened, body: dict[str, Any]) -> None:
        stream_id, content, finish = stream_in(body, pictures=False)
        now = self._now()
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = Stream(stream_id, req_id, opened.msgid, opened.place.target, now)
            self._streams[stream_id] = stream
            self.record.streams.append(stream)
        elif stream.req_id != req_id:
            raise Refusal(BAD_PARAMETER, "the stream id belongs to another callback")
        if stream.finished or now - stream.at > self.rules.stream_seconds:
            raise Refusal(STREAM_OVER, "stream message update expired")
        stream.frames.append(content)
        stream.finished = finish

    def _welcome(self, _: _Session, req_id: str, body: dict[str, Any]) -> None:
        opened = self._answerable(req_id, "enter", EVENT_SECONDS)
        self._throttle(opened.place.target)
        if body.get("msgtype") == "text":
            post = Posted(opened.place.target, "text", {"content": text_in(body)}, opened.msgid, req_id, self._now())
        elif body.get("msgtype") == "template_card":
            post = self._posted(opened.place, body, req_id, opened.msgid)
        else:
            raise Refusal(BAD_TYPE, "invalid message type")
        opened.answered = True
        self.record.welcomes.append(post)

    def _update(self, _: _Session, req_id: str, body: dict[str, Any]) -> None:
        opened = self._answerable(req_id, "press", EVENT_SECONDS)
        if body.get("response_type") != "update_template_card":
            raise Refusal(BAD_PARAMETER, "response_type")
        card = card_in(body, update=True)
        if card.get("task_id", opened.task_id) != opened.task_id:
            raise Refusal(BAD_PARAMETER, "task_id differs from the callback's")
        opened.answered = True
        self._cards[opened.task_id] = (card | {"task_id": opened.task_id}, opened.place)
        self.record.updates.append(Updated(opened.task_id, card, body.get("userids", []), self._now()))

    def _push(self, _: _Session, req_id: str, body: dict[str, Any]) -> None:
        chat, chat_type = string(body, "chatid"), body.get("chat_type", 0)
        if chat_type not in {0, 1, 2}:
            raise Refusal(BAD_PARAMETER, "chat_type")
        place = self._places.get(chat)
        if place is None or (chat_type and place.private is not (chat_type == 1)):
            raise Refusal(BAD_CHAT, "invalid chatid")
        self._throttle(chat)
        self.record.pushes.append(self._posted(place, body, req_id, ""))

    def _posted(self, place: Place, body: dict[str, Any], req_id: str, msgid: str) -> Posted:
        """A message in one piece, checked."""
        kind = body.get("msgtype")
        if kind == "markdown":
            markdown_in(body)
        elif kind == "template_card":
            self._remember_card(card_in(body), place)
        elif kind in MEDIA_TYPES:
            self._uploads.find(string(part(body, kind), "media_id"), kind, self._now())
        else:
            raise Refusal(BAD_TYPE, "invalid message type")
        return Posted(place.target, kind, body[kind], msgid, req_id, self._now())

    def _remember_card(self, card: dict[str, Any], place: Place) -> None:
        task_id = card.get("task_id", "")
        if task_id in self._cards:
            raise Refusal(BAD_PARAMETER, "the task_id was used before")
        if task_id:
            self._cards[task_id] = (card, place)

    def _upload_init(self, _: _Session, __: str, body: dict[str, Any]) -> dict[str, str]:
        return self._uploads.init(body, self._now())

    def _upload_chunk(self, _: _Session, __: str, body: dict[str, Any]) -> None:
        self._uploads.chunk(body, self._now())

    def _upload_finish(self, _: _Session, __: str, body: dict[str, Any]) -> dict[str, str]:
        result = self._uploads.finish(body, self._now())
        self.record.uploads.append(self._uploads.done[-1])
        return result

    def _answerable(self, req_id: str, kind: str, seconds: float) -> _Opened:
        opened = self._opened.get(req_id)
        if opened is None or opened.kind != kind or opened.answered or self._now() - opened.at > seconds:
            raise Refusal(BAD_REQ_ID, "invalid req_id")
        return opened

    def _throttle(self, target: str) -> None:
        """Replies and pushes together."""
        now, limits = self._now(), ((self.rules.chat_per_minute, 60.0), (self.rules.chat_per_hour, 3600.0))
        windows = self._windows.setdefault(target, [Window(*limit) for limit in limits])
        if any(window.wait(now) for window in windows):
            raise Refusal(TOO_OFTEN, "api freq out of limit")
        for window in windows:
            window.take(now)


async def _send(session: _Session, frame: dict[str, Any]) -> None:
    if not session.awake.is_set():
        return  # half-open: it does not get through
    with suppress(ConnectionClosed):  # gone in the meantime: nobody reads it
        await session.connection.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))


def _parsed(message: str | bytes) -> tuple[str, str, object]:
    """cmd, req_id and body; empty where the frame has none."""
    try:
        frame = json.loads(message) if isinstance(message, str) else None
    except ValueError:
        frame = None
    if not isinstance(frame, dict) or not isinstance(frame.get("headers"), dict):
        return "", "", None
    return str(frame.get("cmd", "")), str(frame["headers"].get("req_id", "")), frame.get("body")


def _kind_of(body: Mapping[str, Any]) -> Literal["message", "enter", "press", "other"]:
    if body["msgtype"] != "event":
        return "message"
    match body["event"].get("eventtype"):
        case "enter_chat":
            return "enter"
        case "template_card_event":
            return "press"
        case _:
            return "other"


def _task_of(body: Mapping[str, Any]) -> str:
    return str(body.get("event", {}).get(PRESSED, {}).get("task_id", ""))
