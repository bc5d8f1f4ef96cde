"""The sending half of a robot on a long connection (page 101463)."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.content import Attachment, Card
from bot.delivery import Closed, Delivery, Refused, RetryLater
from bot.platforms.base import Services
from bot.platforms.budget import Budget
from bot.platforms.recent import Recent
from bot.platforms.wecom_aibot.protocol import (
    REPLY_WITHIN,
    RESPOND,
    SEND,
    STREAM_OVER,
    UNKNOWN_MESSAGE,
    WELCOME,
    WELCOME_WITHIN,
    Ref,
)
from bot.platforms.wecom_aibot.pushing import Pushes, RobotSender, push_by
from bot.platforms.wecom_aibot.render import shown
from bot.platforms.wecom_aibot.reply import welcome
from bot.platforms.wecom_aibot.socket import AibotSocket
from bot.platforms.wecom_aibot.streams import Streams, final_frame
from bot.platforms.wecom_aibot.uploads import Uploads

log = logging.getLogger(__name__)

SURELY_FRESH = 300
"""Seconds after a message in which a stream that ``is over`` was finished; later its time may just have run out."""
REPLY_IS_OVER = frozenset({UNKNOWN_MESSAGE, STREAM_OVER})


@dataclass(frozen=True, slots=True)
class _Photo:
    name: str


_Part = str | dict[str, Any] | _Photo | Attachment
"""A piece of a post: Markdown, a template card, a photo or a file."""


@dataclass(slots=True)
class _Progress:
    """How far a post came, so that another attempt goes on from there."""

    done: int = 0
    """Parts that the cloud has taken."""
    written: bool = False
    """The next part was sent, and it is not known whether it was taken."""
    media_id: str = ""
    """The file of the next part."""


class WecomAibotSender(RobotSender):
    """Implements ``bot.delivery.Sender``.

    A reply that is repeated shows once: it is the same stream. A card that is repeated is refused, its task_id having
    been used. A push that is repeated because its acknowledgement was lost shows twice: there is no key against it.
    """

    def __init__(
        self,
        bot: str,
        socket: AibotSocket,
        streams: Streams,
        budget: Budget,
        services: Services,
        robots: Mapping[str, Pushes],
        app: Pushes | None,
    ) -> None:
        self.bot = bot
        self._socket = socket
        self._streams = streams
        self._budget = budget
        self._media = services.media
        self._clock = services.clock
        self._robots = robots
        self._app = app
        self._uploads = Uploads(socket.request)
        self._progress: Recent[_Progress] = Recent()

    @property
    def ready(self) -> bool:
        """Only the process that has the connection can send."""
        return self._socket.ready

    async def send(self, delivery: Delivery) -> str:
        """Posts. The cloud gives no ids, so the post's own is returned.

        Where nobody has spoken to the robot, a group hears it from its push-only robot and a person from the app, if
        there are such.
        """
        try:
            await self._send(delivery)
        except Closed:
            other = self._app if delivery.to_person else self._robots.get(delivery.target)
            if other is None:
                raise
            return await push_by(other, delivery)
        return delivery.uuid

    async def _send(self, delivery: Delivery) -> None:
        ref = self._replyable(delivery)
        parts = _parts(delivery, mentions=ref is None)
        progress = self._progress_of(delivery.uuid)
        while progress.done < len(parts):
            if not self.ready:
                raise RetryLater("offline", 1.0)
            await self._send_part(delivery, ref, parts[progress.done], progress)
            progress.done, progress.written, progress.media_id = progress.done + 1, False, ""

    def _replyable(self, delivery: Delivery) -> Ref | None:
        """The message to reply to; None where the cloud has forgotten it, or a group might see what is for a person."""
        ref = Ref.parse(delivery.reply_to)
        if ref is None or ref.private is not delivery.to_person:
            return None
        return ref if self._age(ref) < (WELCOME_WITHIN if ref.welcome else REPLY_WITHIN) else None

    async def _send_part(self, delivery: Delivery, ref: Ref | None, part: _Part, progress: _Progress) -> None:
        if isinstance(part, _Photo | Attachment):
            body = await self._media_body(part, progress)
        elif isinstance(part, str):
            body = {"msgtype": "markdown", "markdown": {"content": part}}
        else:
            body = {"msgtype": "template_card", "template_card": part}
        if body is None:
            return
        if ref is None or not await self._reply(delivery, ref, body, progress):
            await self._push(delivery, body, progress)

    async def _media_body(self, part: _Photo | Attachment, progress: _Progress) -> dict[str, Any] | None:
        """None for a photo that is not there or that the cloud does not want: the post stands without it."""
        kind = "image" if isinstance(part, _Photo) else "file"
        if not progress.media_id:
            if isinstance(part, Attachment):
                progress.media_id = await self._uploads.put(kind, part.name, part.data)
            else:
                progress.media_id = await self._photo(part.name)
        return {"msgtype": kind, kind: {"media_id": progress.media_id}} if progress.media_id else None

    async def _photo(self, name: str) -> str:
        try:
            data = await asyncio.to_thread(self._media.path(name).read_bytes)
            return await self._uploads.put("image", name, data)
        except (LookupError, OSError, Refused) as error:
            log.warning("wecom_aibot %s: photo %s is left out: %s", self.bot, name, type(error).__name__)
            return ""

    async def _reply(self, delivery: Delivery, ref: Ref, body: dict[str, Any], progress: _Progress) -> bool:
        """Whether the reply was taken, now or before; False where the cloud takes none any more."""
        cmd, stream = RESPOND, ""
        if ref.welcome:
            if progress.done or isinstance(delivery.content, Attachment):
                return False  # a welcome is one answer, and no file
            cmd, body = WELCOME, welcome([delivery.content], delivery.uuid)
        elif body["msgtype"] == "markdown":
            stream = self._streams.claim(ref.req_id, delivery.uuid)
            body = final_frame(stream, body["markdown"]["content"])
        before = progress.written
        try:
            await self._request(delivery, cmd, body, ref.req_id, progress)
        except Refused as refusal:
            if refusal.code not in REPLY_IS_OVER:
                raise
            if not (refusal.code == STREAM_OVER and stream and self._was_finished(ref, stream, before=before)):
                return False
        if stream:
            self._streams.finished(ref.req_id, delivery.uuid)
        return True

    def _was_finished(self, ref: Ref, stream: str, *, before: bool) -> bool:
        """Whether this very post has finished the stream, whose answer was lost.

        Nobody else finishes a stream of the post's own, and a begun one only this process could finish.
        """
        if before:
            return True
        return not self._streams.was_begun(ref.req_id, stream) and self._age(ref) < SURELY_FRESH

    async def _push(self, delivery: Delivery, body: dict[str, Any], progress: _Progress) -> None:
        chat_type = 1 if delivery.to_person else 2
        body = {"chatid": delivery.target, "chat_type": chat_type, **body}
        await self._request(delivery, SEND, body, "", progress)

    async def _request(
        self, delivery: Delivery, cmd: str, body: dict[str, Any], req_id: str, progress: _Progress
    ) -> None:
        if not self._budget.take(delivery.target):
            raise RetryLater("budget", self._budget.wait(delivery.target))
        before, progress.written = progress.written, True
        try:
            await self._socket.request(cmd, body, req_id)
        except (RetryLater, Closed):
            progress.written = before
            raise
        except Refused as refusal:
            progress.written = before
            if not (before and body["msgtype"] == "template_card" and refusal.code not in REPLY_IS_OVER):
                raise
            log.warning("wecom_aibot %s: a repeated card was refused: %s", self.bot, refusal.code)

    def _age(self, ref: Ref) -> float:
        return self._clock().timestamp() - ref.at

    def _progress_of(self, uuid: str) -> _Progress:
        progress = self._progress[uuid] = self._progress.get(uuid) or _Progress()
        return progress


def _parts(delivery: Delivery, *, mentions: bool) -> list[_Part]:
    content = delivery.content
    if isinstance(content, Attachment):
        return [content]
    said = shown(content, delivery.uuid, mentions=mentions)
    parts: list[_Part] = [part for part in (said.markdown, said.card) if part]
    return [*parts, *(_Photo(name) for name in content.photos[:1])] if isinstance(content, Card) else parts
