"""Messages and events in XML, of WeCom's apps and of official accounts, made neutral (page 90238, and
developers.weixin.qq.com/doc/service/en/guide/product/message/Receiving_standard_messages.html).

Both speak the same XML; an app has ``enter_agent`` more, an account the words it recognised in a voice message.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bot.clock import Clock, local
from bot.coordinates import read_point
from bot.media import photo_name
from bot.messages import IncomingMessage, Pending
from bot.platforms.wechat.xml import text_at

LONGEST_ID = 128
KNOWN = frozenset(
    {
        *("text", "image", "voice", "video", "shortvideo", "location", "link", "file"),
        *("event_subscribe", "event_unsubscribe", "event_enter_agent", "event_click", "event_view", "event_scan"),
        *("event_location", "event_template_card_event", "event_templatesendjobfinish"),
    }
)


class Read(NamedTuple):
    """What a person did. ``anew``: the same key may be a new visit, which is not answered with the old greeting."""

    message: IncomingMessage
    anew: bool = False


class EventReader:
    """Makes the callbacks of one configured bot neutral. ``greets_daily``: a person enters at most once a day."""

    def __init__(self, platform: str, bot: str, clock: Clock, *, greets_daily: bool) -> None:
        self._platform = platform
        self._bot = bot
        self._clock = clock
        self._greets_daily = greets_daily

    def read(self, fields: Mapping[str, Any], document: bytes) -> Read | None:
        """What a person did, or None when the callback has no effect. Never raises, whatever it looks like.

        ``document`` is the XML of which ``fields`` were read.
        """
        sender, kind = _id(fields, "FromUserName"), text_at(fields, "MsgType")
        if not sender or not kind:
            return None
        message = IncomingMessage(
            platform=self._platform,
            bot=self._bot,
            key=_digest(document),
            chat=sender,
            private=True,
            sender=sender,
            sent_at=self._moment(text_at(fields, "CreateTime")),
            addressed=True,
        )
        if kind == "event":
            return self._event(fields, message)
        return Read(self._said(fields, replace(message, key=_message_key(fields) or message.key)))

    def _said(self, fields: Mapping[str, Any], message: IncomingMessage) -> IncomingMessage:
        """What cannot be read says nothing; it is answered all the same."""
        match text_at(fields, "MsgType"):
            case "text":
                return replace(message, text=text_at(fields, "Content").strip())
            case "voice":
                return replace(message, text=text_at(fields, "Recognition").strip())
            case "location":
                return _located(fields, message)
            case "image" if media_id := _id(fields, "MediaId"):
                name = photo_name(self._platform, self._bot, message.key, media_id)
                return replace(message, photos=(name,), pending=(Pending(name, media_id),))
        return message

    def _event(self, fields: Mapping[str, Any], message: IncomingMessage) -> Read | None:
        """Events have no id: their key is the digest of all that they say (see ``_digest``)."""
        match text_at(fields, "Event").casefold():
            case "click" if says := text_at(fields, "EventKey").strip():
                return Read(replace(message, text=says))
            case "subscribe" | "enter_agent" if self._greets_daily:
                day = local(message.sent_at).date()
                return Read(replace(message, kind="entered", key=f"entered:{message.sender}:{day}"), anew=True)
            case "subscribe" | "enter_agent":
                return Read(replace(message, kind="entered"))
        return None

    def _moment(self, seconds: str) -> datetime:
        """The present where the platform gave no usable time."""
        try:
            moment = datetime.fromtimestamp(int(seconds[:LONGEST_ID]), UTC)
            local(moment)  # the last hours that there are have no date in Shanghai
        except (ValueError, OverflowError, OSError):
            return self._clock()
        return moment


def _located(fields: Mapping[str, Any], message: IncomingMessage) -> IncomingMessage:
    """``Location_X`` is the latitude, ``Location_Y`` the longitude; a point on the map need not have a label."""
    point = read_point(text_at(fields, "Location_X"), text_at(fields, "Location_Y"))
    message = replace(message, place=text_at(fields, "Label").strip())
    return replace(message, latitude=point[0], longitude=point[1]) if point else message


def kind_of(fields: Mapping[str, Any]) -> str:
    """The kind of a callback, for counting: ``text``, ``event_click`` …, or ``other``."""
    kind = text_at(fields, "MsgType")
    if kind == "event":
        kind = f"event_{text_at(fields, 'Event').casefold()}"
    return kind if kind in KNOWN else "other"


def _message_key(fields: Mapping[str, Any]) -> str:
    """MsgId alone would do for the documents; in the field it has been seen twice, from different people."""
    parts = [_id(fields, name) for name in ("FromUserName", "MsgId", "CreateTime")]
    return ":".join(parts) if all(parts) else ""


def _digest(document: bytes) -> str:
    """The documents' sender and second would drop one of two different events of one second."""
    return "event:" + hashlib.sha256(document).hexdigest()[:40]


def _id(fields: Mapping[str, Any], name: str) -> str:
    """An id of the platform's; empty for anything that cannot be one."""
    found = text_at(fields, name)
    return found if found.isascii() and found.isprintable() and len(found) <= LONGEST_ID else ""
