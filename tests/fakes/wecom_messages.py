"""The bodies of WeCom's messages and events to a bot, alike over the long connection and by callback (page 100719)."""

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.wecom_media import Link

BOT_ID = "aib00000000000000aa"
BOT_NAME = "小蜂"
PRESSED, DISCONNECTED = "template_card_event", "disconnected_event"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said, and by whom. In a private chat there is no chatid."""

    chat: str
    user: str
    private: bool

    @property
    def target(self) -> str:
        """What the bot addresses: the chatid, or the userid of the private chat."""
        return self.user if self.private else self.chat

    def fields(self) -> dict[str, Any]:
        """As it stands in a body."""
        single = {"chattype": "single"}
        return (single if self.private else {"chatid": self.chat, "chattype": "group"}) | {
            "from": {"userid": self.user}
        }

    def seen_by(self, user: str) -> "Place":
        """The same chat with ``user`` acting. Raises ValueError for somebody else's private chat."""
        if self.private and user != self.user:
            raise ValueError(f"{user} does not see the private chat of {self.user}")
        return Place(self.chat, user, self.private)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Place":
        """The place of a body."""
        private = body.get("chattype", "single") == "single"
        return cls(body.get("chatid", ""), body.get("from", {}).get("userid", ""), private)


class WecomMessages:
    """Builds the bodies that one bot gets. ``reply_link``: makes the response_url of a message, by its msgid."""

    def __init__(self, bot_id: str, reply_link: Callable[[Place, str], str] | None = None) -> None:
        self._bot_id = bot_id
        self._reply_link = reply_link
        self._run = os.urandom(4).hex()
        self._serial = itertools.count(1)
        self.now: Callable[[], float] = time.time
        """When people do things, as Unix time."""

    def text(self, place: Place, text: str, quote: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """In a group the bot only hears what is addressed to it, and it keeps the ``@小蜂 ``."""
        body = self._message(place, "text", {"content": _addressed(place, text)})
        return body | {"quote": dict(quote)} if quote else body

    def mixed(self, place: Place, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Texts and pictures in one message, each from ``item_of``."""
        listed = list(items)
        if not place.private and (not listed or listed[0]["msgtype"] != "text"):
            listed.insert(0, text_item(""))
        if listed[0]["msgtype"] == "text":
            listed[0] = text_item(_addressed(place, listed[0]["text"]["content"]))
        return self._message(place, "mixed", {"msg_item": listed})

    def media(self, place: Place, kind: str, link: Mapping[str, str]) -> dict[str, Any]:
        """``image``, ``file`` or ``video``, which only private chats have."""
        return self._message(_only_private(place), kind, link)

    def voice(self, place: Place, heard: str) -> dict[str, Any]:
        """A voice message, which comes as the text that was understood; only private chats have it."""
        return self._message(_only_private(place), "voice", {"content": heard})

    def refresh(self, place: Place, stream_id: str) -> dict[str, Any]:
        """URL mode's poll for the rest of a stream."""
        return self._head(place) | {"msgtype": "stream", "stream": {"id": stream_id}}

    def entered(self, user: str) -> dict[str, Any]:
        """``user`` opened the private chat, for the first time today."""
        return self.event(Place("", user, private=True), {"eventtype": "enter_chat"})

    def pressed(
        self, place: Place, card: Mapping[str, Any], key: str, selected: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """Somebody pressed ``key``; ``selected``: option ids by question_key."""
        items = [{"question_key": name, "option_ids": {"option_id": list(ids)}} for name, ids in selected.items()]
        details = {"card_type": card["card_type"], "event_key": key, "task_id": card["task_id"]}
        chosen = {"selected_items": {"selected_item": items}} if items else {}
        return self._linked(place, self.event(place, {"eventtype": PRESSED, PRESSED: details | chosen}))

    def event(self, place: Place, event: Mapping[str, Any]) -> dict[str, Any]:
        """Any event."""
        return self._head(place) | {"create_time": int(self.now()), "msgtype": "event", "event": dict(event)}

    def disconnected(self) -> dict[str, Any]:
        """Another connection took over (page 101463: no place, no person)."""
        head = {"msgid": self._new_id(), "create_time": int(self.now()), "aibotid": self._bot_id}
        return head | {"msgtype": "event", "event": {"eventtype": DISCONNECTED}}

    def _message(self, place: Place, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        return self._linked(place, self._head(place) | {"msgtype": kind, kind: dict(content)})

    def _head(self, place: Place) -> dict[str, Any]:
        return {"msgid": self._new_id(), "aibotid": self._bot_id} | place.fields()

    def _linked(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"response_url": self._reply_link(place, body["msgid"])} if self._reply_link else body

    def _new_id(self) -> str:
        return f"CAIQ{self._run}{next(self._serial):08x}"


def item_of(content: str | Link, *, with_key: bool) -> dict[str, Any]:
    """An item of a mixed message: a text or a picture."""
    if isinstance(content, str):
        return text_item(content)
    return {"msgtype": "image", "image": content.fields(with_key=with_key)}


def text_item(text: str) -> dict[str, Any]:
    """A text within a mixed message or a quote."""
    return {"msgtype": "text", "text": {"content": text}}


def quoted(content: str | Link | Mapping[str, Any] | None, *, with_key: bool) -> dict[str, Any] | None:
    """What a message quotes: a text, a picture, or the whole object of another kind."""
    if content is None:
        return None
    return item_of(content, with_key=with_key) if isinstance(content, str | Link) else dict(content)


def _addressed(place: Place, text: str) -> str:
    mention = f"@{BOT_NAME}"
    return text if place.private or mention in text else f"{mention} {text}"


def _only_private(place: Place) -> Place:
    if not place.private:
        raise ValueError("WeCom does not call back for this from a group")
    return place
