"""What a message of Feishu's says: words, photos or a place, and whether it mentions the bot."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.coordinates import Point, read_point
from bot.platforms.fields import clean, identifier, json_object, part, parts, word

MOST_PHOTOS = 30
"""Of one rich text; what people lay out by hand has fewer, and each one costs a download."""

_MENTION = re.compile(r"@_(?:user_\d+|all(?![0-9A-Za-z_])) ?")
_EVERYONE = "@所有人"


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
class Said:
    """The text without the bot's mention, image keys, a place with its label, and whether the bot was mentioned."""

    text: str = ""
    photos: tuple[str, ...] = ()
    mentioned: bool = False
    place: str = ""
    point: Point | None = None


def read_said(message: Mapping[str, Any], identity: Identity, *, private: bool) -> Said | None:
    """None for what says nothing: in a group, files, stickers and the like."""
    content = _content(message)
    mentions = _Mentions(message, identity)
    match message.get("message_type"):
        case "text" | "post" if not content:
            return None
        case "text":
            return Said(mentions.resolve(word(content, "text")).strip(), (), mentions.of_me)
        case "post":
            return _read_post(content, mentions)
        case "image" if key := identifier(content, "image_key"):
            return Said(photos=(key,))
        case "location" if (located := _read_location(content)) != Said():
            return located
        case str() if private:
            return Said()
    return None


def _read_location(content: Mapping[str, Any]) -> Said:
    """A location (page ``im-v1/message/events/message_content``): its degrees are texts, its name may be missing."""
    point = read_point(word(content, "latitude"), word(content, "longitude"))
    return Said(place=clean(word(content, "name")).strip(), point=point)


class _Mentions:
    """The mentions of one message: the bot's own disappear from its text, others become names."""

    def __init__(self, message: Mapping[str, Any], identity: Identity) -> None:
        self.of_me = False
        self._identity = identity
        self._names = {"@_all": _EVERYONE}
        for mention in parts(message, "mentions"):
            self._add(mention)

    def _add(self, mention: Mapping[str, Any]) -> None:
        key, name = word(mention, "key"), word(mention, "name")
        if key in {"", "@_all"}:
            return
        bot = mention.get("mentioned_type") == "bot"
        me = self._identity.is_me(word(part(mention, "id"), "open_id"), name=name, bot=bot)
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
        who, name = word(element, "user_id"), word(element, "user_name")
        if who in {"all", "@_all"}:
            return _EVERYONE
        if who in self._names:
            return self._names[who]
        open_id = "" if who.startswith("@_") else who
        if self._identity.is_me(open_id, name=name, bot=True):
            self.of_me = True
            return ""
        return f"@{name}" if name else ""


def _read_post(content: Mapping[str, Any], mentions: _Mentions) -> Said:
    """A rich text (page ``im-v1/message/events/message_content``), with or without its locale layer."""
    post = _unwrapped(content)
    lines = [word(post, "title")]
    photos: list[str] = []
    for paragraph in _lists(post, "content"):
        words: list[str] = []
        for element in paragraph:
            if element.get("tag") == "img":
                photos.append(identifier(element, "image_key"))
            words.append(_element_text(element, mentions))
        lines.append("".join(words).strip())
    text = clean("\n".join(line for line in lines if line))
    return Said(text.strip(), tuple(dict.fromkeys(filter(None, photos)))[:MOST_PHOTOS], mentions.of_me)


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
            return f"[{word(element, 'emoji_type')}]"
        case "img" | "media" | "hr":
            return ""
    return mentions.resolve(word(element, "text"))


def _content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON inside ``content``; empty for a recalled message, which has lost it."""
    return json_object(word(message, "content")) or {}


def _lists(value: Mapping[str, Any], key: str) -> Iterator[list[dict[str, Any]]]:
    rows = value.get(key)
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, list):
            yield [element for element in row if isinstance(element, dict)]
