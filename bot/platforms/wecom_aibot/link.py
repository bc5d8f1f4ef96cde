"""One long connection, from its opening to its end, whichever side ends it and however."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.platforms.wechat.errors import failure
from bot.platforms.wecom_aibot.events import event_type
from bot.platforms.wecom_aibot.protocol import (
    DISCONNECTED,
    EVENT,
    MEANINGS,
    MESSAGE,
    NO_FRAME,
    NOT_SUBSCRIBED,
    PING,
    Incoming,
    Timing,
    frame,
    new_id,
    parse,
)

log = logging.getLogger(__name__)
wire_log = logging.getLogger(f"{__name__}.wire")
wire_log.setLevel(logging.WARNING)  # below that the library writes down every frame, secret and all

LARGEST_FRAME = 1024 * 1024
"""Bytes; pictures and files come as links."""
MISSED = 2
"""Heartbeats without an answer after which a connection is dead."""

OnCallback = Callable[[str, dict[str, Any]], None]
"""Takes the req_id and the body of a message or event; returns at once."""


class End(Enum):
    """Why a connection ended, or was none."""

    LOST = "lost"
    REFUSED = "refused"
    """The cloud does not take the credentials, or not so often."""
    KICKED = "kicked"
    """Another connection with the same credentials has taken over."""


class Link:
    """A connection. JSON pings keep it alive, for the cloud closes it upon the protocol's own (contract §7)."""

    def __init__(self, name: str, connection: ClientConnection, on_callback: OnCallback, timing: Timing) -> None:
        self._kicked = False
        self._name = name
        self._connection = connection
        self._on_callback = on_callback
        self._timing = timing
        self._waiting: dict[str, asyncio.Future[Incoming]] = {}

    async def request(self, cmd: str, body: Mapping[str, Any] | None = None, req_id: str = "") -> dict[str, Any]:
        """Sends a frame and returns the body of its acknowledgement; see ``protocol.Requests``.

        Answers in several frames share one req_id, so the second is sent when the first has been acknowledged.
        """
        req_id = req_id or new_id()
        while (earlier := self._waiting.get(req_id)) is not None:
            await asyncio.wait({earlier})
        if self._connection.state is not State.OPEN:
            raise RetryLater("offline", 1.0)
        acknowledged: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._waiting[req_id] = acknowledged
        try:
            async with asyncio.timeout(self._timing.ack):
                await self._connection.send(frame(cmd, req_id, body))
                ack = await acknowledged
        except (TimeoutError, ConnectionClosed) as error:
            raise Uncertain from error
        finally:
            acknowledged.cancel()
            del self._waiting[req_id]
        if ack.errcode == NOT_SUBSCRIBED:
            self._connection.transport.abort()
        if ack.errcode:
            raise failure(ack.errcode, 0, MEANINGS)
        return ack.body

    async def read(self) -> End:
        """Reads until the connection ends."""
        try:
            while not self._kicked:
                self._take(await self._connection.recv())
        except ConnectionClosed:
            log.info("wecom_aibot %s: the connection was closed (%s)", self._name, self._connection.close_code)
        return End.KICKED if self._kicked else End.LOST

    async def beat(self) -> None:
        """Keeps the connection alive until it proves dead. One that is silently broken shows in no other way."""
        missed = 0
        while missed < MISSED:
            await asyncio.sleep(max(0.0, self._timing.beat - (self._timing.ack if missed else 0.0)))
            missed = 0 if await self._alive() else missed + 1
        log.warning("wecom_aibot %s: no answer to %d heartbeats, connecting anew", self._name, MISSED)

    async def close(self) -> None:
        """Ends the connection, with a goodbye where the other side still listens."""
        for waiting in list(self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(Uncertain())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.close):
                    await self._connection.close()
        finally:  # not upon TimeoutError: up to Python 3.11.2 there is none in a task that is being cancelled
            self._connection.transport.abort()
            await self._connection.wait_closed()

    async def _alive(self) -> bool:
        """Whether a ping is answered, with whatever."""
        try:
            await self.request(PING)
        except Uncertain:
            return False
        except (RetryLater, Refused, Closed) as error:
            log.warning("wecom_aibot %s: a heartbeat was refused: %s", self._name, error.code)
        return True

    def _take(self, data: str | bytes) -> None:
        incoming = parse(data)
        if incoming is None:
            log.warning("wecom_aibot %s: %d characters that are no frame", self._name, len(data))
            self._refuse_all()
        elif incoming.cmd in (MESSAGE, EVENT):
            self._take_callback(incoming)
        elif (waiting := self._waiting.get(incoming.req_id)) and not waiting.done():
            waiting.set_result(incoming)

    def _refuse_all(self) -> None:
        """A page in place of an acknowledgement says, as over HTTP, that something in between is out of order."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(RetryLater(NO_FRAME, 1.0))

    def _take_callback(self, incoming: Incoming) -> None:
        if event_type(incoming.body) == DISCONNECTED:
            self._kicked = True
        else:
            self._on_callback(incoming.req_id, incoming.body)


async def open_link(name: str, url: str, on_callback: OnCallback, timing: Timing) -> Link:
    """A new connection. Raises OSError, TimeoutError, ValueError or WebSocketException.

    Proxies of the environment are passed by: with one the real cloud could not be reached (contract §7).
    """
    connection = await connect(
        url,
        ping_interval=None,
        proxy=None,
        compression=None,
        max_size=LARGEST_FRAME,
        open_timeout=timing.open,
        close_timeout=timing.close,
        logger=wire_log,
    )
    return Link(name, connection, on_callback, timing)
