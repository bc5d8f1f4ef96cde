"""Events as Feishu sends them (schema 2.0), made neutral. What has no effect here becomes None."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.clock import Clock
from bot.messages import IncomingMessage

_MENTION = re.compile(r"@_(?:user_\d+|all(?![0-9A-Za-z_])) ?")
_EVERYONE = "@所有人"
_MICROSECONDS_FROM = 10**14
"""Creation times are milliseconds in message events and microseconds in card callbacks; this lies between."""

_LONGEST_ID = 128


@dataclass(slots=True)
class Identity:
    """Who the bot is. ``open_id`` is empty until Feishu has told it; until then the name decides."""

    name: str
    open_id: str = ""
    app_name: str = ""

    def is_me(self, open_id: str, *, name: str, bot: bool) -> bool:
        """Whether a mention of ``open_id``, shown as ``name``, means the bot."""
        if self.open_id and open_id:
            return open_id == self.open_id
        return bot and name in {self.name, self.app_name} - {""}


@dataclass(frozen=True, slots=True)
class _Said:
    """What a message says: its text without the bot's mention, its image keys, and whether the bot was mentioned."""

    text: str = ""
    photos: tuple[str, ...] = ()
    mentioned: bool = False


def event_type(callback: Mapping[str, Any]) -> str:
    """The type of the event in ``callback``; empty when it has none."""
    return _word(_part(callback, "header"), "event_type")


class EventReader:
    """Makes the events of one configured bot neutral."""

    def __init__(self, bot: str, identity: Identity, clock: Clock) -> None:
        self._bot = bot
        self._identity = identity
        self._clock = clock
        self._readers = {
            "im.message.receive_v1": self._message,
            "card.action.trigger": self._button,
            "im.chat.member.bot.added_v1": self._joined,
        }

    def read(self, callback: Mapping[str, Any]) -> IncomingMessage | None:
        """What a person did, or None when the event has no effect. Never raises, whatever the event looks like."""
        reader = self._readers.get(event_type(callback))
        return reader(_part(callback, "header"), _part(callback, "event")) if reader else None

    def _message(self, _header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """A message (page ``im-v1/message/events/receive``); Feishu asks to claim it by its message_id."""
        message = _part(event, "message")
        key, chat = _id(message, "message_id"), _id(message, "chat_id")
        sender = self._person(_part(event, "sender"))
        if not (key and chat and sender):
            return None
        private = message.get("chat_type") == "p2p"
        said = self._said(message, private=private)
        addressed = private or (said is not None and said.mentioned)
        if said is None or not (addressed or said.text or said.photos):
            return None
        return IncomingMessage(
            platform="feishu",
            bot=self._bot,
            key=key,
            chat=chat,
            private=private,
            sender=sender,
            sent_at=self._moment(message.get("create_time")),
            text=said.text,
            addressed=addressed,
            photos=said.photos,
            ref=key,
        )

    def _button(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """A pressed button of one of our cards (page ``card-callback-communication``).

        People double-click, so the claim is by card, person and action. The event does not say what kind of chat the
        card is in: ``private`` is known only for cards that were sent to a person.
        """
        value = _part(_part(event, "action"), "value")
        context = _part(event, "context")
        card, chat = _id(context, "open_message_id"), _id(context, "open_chat_id")
        sender = _id(_part(event, "operator"), "open_id")
        says, about = clean(_word(value, "says")), clean(_word(value, "about"))
        if not (card and chat and sender and says):
            return None
        return IncomingMessage(
            platform="feishu",
            bot=self._bot,
            key=_press_key(card, sender, says, about, self._moment(header.get("create_time"))),
            chat=chat,
            private=value.get("private") is True,
            sender=sender,
            sent_at=self._moment(header.get("create_time")),
            kind="button",
            text=says,
            addressed=True,
            about=about,
            ref=card,
        )

    def _joined(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """The bot was added to a group (page ``im-v1/chat-member-bot/events/added``)."""
        key, chat = _id(header, "event_id"), _id(event, "chat_id")
        sender = _id(_part(event, "operator_id"), "open_id")
        if not (key and chat and sender):
            return None
        return IncomingMessage(
            platform="feishu",
            bot=self._bot,
            key=key,
            chat=chat,
            private=False,
            sender=sender,
            sent_at=self._moment(header.get("create_time")),
            kind="joined",
            chat_title=clean(_word(event, "name")),
        )

    def _person(self, sender: Mapping[str, Any]) -> str:
        """The open_id of a human sender; empty for bots."""
        if sender.get("sender_type", "user") != "user":
            return ""
        return _id(_part(sender, "sender_id"), "open_id")

    def _said(self, message: Mapping[str, Any], *, private: bool) -> _Said | None:
        """None for what says nothing: in a group, files, stickers and the like."""
        content = _content(message)
        mentions = _Mentions(message, self._identity)
        match message.get("message_type"):
            case "text" | "post" if not content:
                return None
            case "text":
                return _Said(mentions.resolve(_word(content, "text")).strip(), (), mentions.of_me)
            case "post":
                return _read_post(content, mentions)
            case "image" if key := _id(content, "image_key"):
                return _Said(photos=(key,))
            case str() if private:
                return _Said()
        return None

    def _moment(self, value: object) -> datetime:
        """``value`` by its magnitude; the present where Feishu gave no usable time."""
        try:
            number = int(str(value))
            return datetime.fromtimestamp(number / (1e6 if number >= _MICROSECONDS_FROM else 1e3), UTC)
        except (ValueError, OverflowError, OSError):
            return self._clock()


class _Mentions:
    """The mentions of one message: the bot's own disappear from its text, others become names."""

    def __init__(self, message: Mapping[str, Any], identity: Identity) -> None:
        self.of_me = False
        self._identity = identity
        self._names = {"@_all": _EVERYONE}
        for mention in _parts(message, "mentions"):
            self._add(mention)

    def _add(self, mention: Mapping[str, Any]) -> None:
        key, name = _word(mention, "key"), _word(mention, "name")
        if key in {"", "@_all"}:
            return
        bot = mention.get("mentioned_type") == "bot"
        me = self._identity.is_me(_word(_part(mention, "id"), "open_id"), name=name, bot=bot)
        self.of_me = self.of_me or me
        self._names[key] = "" if me else f"@{name}"

    def resolve(self, text: str) -> str:
        """``text`` with its placeholders replaced."""
        return clean(_MENTION.sub(self._replacement, text)) if "@_" in text else clean(text)

    def _replacement(self, found: re.Match[str]) -> str:
        placeholder = found[0]
        name = self._names.get(placeholder.rstrip(" "))
        if name is None:
            return placeholder
        return name + " " * placeholder.endswith(" ") if name else ""

    def at(self, element: Mapping[str, Any]) -> str:
        """What an ``at`` of a post says. Its user_id is a placeholder, an open_id or ``all``."""
        who, name = _word(element, "user_id"), _word(element, "user_name")
        if who in {"all", "@_all"}:
            return _EVERYONE
        if who in self._names:
            return self._names[who]
        open_id = "" if who.startswith("@_") else who
        if self._identity.is_me(open_id, name=name, bot=True):
            self.of_me = True
            return ""
        return f"@{name}" if name else ""


def _read_post(content: Mapping[str, Any], mentions: _Mentions) -> _Said:
    """A rich text (page ``im-v1/message/events/message_content``), with or without its locale layer."""
    post = _unwrapped(content)
    lines = [_word(post, "title")]
    photos: list[str] = []
    for paragraph in _lists(post, "content"):
        words: list[str] = []
        for element in paragraph:
            if element.get("tag") == "img":
                photos.append(_id(element, "image_key"))
            words.append(_element_text(element, mentions))
        lines.append("".join(words).strip())
    text = clean("\n".join(line for line in lines if line))
    return _Said(text.strip(), tuple(filter(None, photos)), mentions.of_me)


def _unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(content.get("content"), list):
        return content
    layers = [layer for layer in content.values() if isinstance(layer, dict)]
    return next((layer for layer in layers if isinstance(layer.get("content"), list)), {})


def _element_text(element: Mapping[str, Any], mentions: _Mentions) -> str:
    match element.get("tag"):
        case "at":
            return mentions.at(element)
        case "emotion":
            return f"[{_word(element, 'emoji_type')}]"
        case "img" | "media" | "hr":
            return ""
    return mentions.resolve(_word(element, "text"))


def clean(text: str) -> str:
    """``text`` without NUL and half surrogates, which databases and UTF-8 cannot hold."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


DOUBLE_CLICK = 10
"""Seconds within which two presses of one button are one."""


def _press_key(card: str, sender: str, says: str, about: str, moment: datetime) -> str:
    """The same for a double click; a press later on counts anew, for what was refused then may be right by now."""
    press = json.dumps([card, sender, says, about, int(moment.timestamp()) // DOUBLE_CLICK])
    return "card:" + hashlib.sha256(press.encode()).hexdigest()[:40]


def _content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON inside ``content``; empty for a recalled message, which has lost it."""
    try:
        content = json.loads(_word(message, "content") or "{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _part(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    part = value.get(key)
    return part if isinstance(part, dict) else {}


def _parts(value: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    parts = value.get(key)
    return (part for part in parts if isinstance(part, dict)) if isinstance(parts, list) else iter(())


def _lists(value: Mapping[str, Any], key: str) -> Iterator[list[dict[str, Any]]]:
    rows = value.get(key)
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, list):
            yield [element for element in row if isinstance(element, dict)]


def _word(value: Mapping[str, Any], key: str) -> str:
    word = value.get(key)
    return word if isinstance(word, str) else ""


def _id(value: Mapping[str, Any], key: str) -> str:
    """An id of Feishu's; empty for anything that cannot be one."""
    word = _word(value, key)
    return word if word.isascii() and word.isprintable() and len(word) <= _LONGEST_ID else ""
