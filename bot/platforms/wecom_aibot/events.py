"""Messages and events of a robot (page 100719 and 101027), made neutral: the same over both transports."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.clock import Clock
from bot.media import photo_name
from bot.messages import IncomingMessage, Pending
from bot.platforms.fields import clean, identifier, part, parts, press_key, word
from bot.platforms.wecom_aibot.render import unpack

PRESSED = "template_card_event"
ENTERED = "enter_chat"
_FIRST_MENTION = re.compile(r"@\S+\s*")


def event_type(body: Mapping[str, Any]) -> str:
    """The type of the event in ``body``; empty for messages."""
    return word(part(body, "event"), "eventtype") if body.get("msgtype") == "event" else ""


def pressed_card(body: Mapping[str, Any]) -> str:
    """The task_id of the card of which something was pressed."""
    return identifier(_press(body), "task_id")


def origin(body: Mapping[str, Any]) -> tuple[str, str, bool, str]:
    """The msgid, the chat, whether it is private, and the sender. A private chat goes by its person."""
    sender, chat = identifier(part(body, "from"), "userid"), identifier(body, "chatid")
    private = body.get("chattype") == "single" or not (chat or body.get("chattype"))
    return identifier(body, "msgid"), sender if private else chat, private, sender


class EventReader:
    """Makes the messages and events of one configured bot neutral.

    A group's messages come only where the bot was @-ed, so all of them are addressed. The name before the text is the
    one that WeCom shows, which need not be ``bot_name``.
    """

    def __init__(self, bot: str, bot_name: str, clock: Clock) -> None:
        self._bot = bot
        self._clock = clock
        self._name = bot_name
        self._mention = re.compile(rf"@{re.escape(bot_name)}(?:\s+|$)")

    def read(self, body: Mapping[str, Any], ref: str) -> IncomingMessage | None:
        """What a person did, or None when it has no effect. Never raises, whatever the body looks like.

        ``ref``: what the transport needs to reply to it.
        """
        match event_type(body), body.get("msgtype"):
            case "", "event" | "stream" | None:
                return None
            case "", _:
                return self._message(body, ref)
            case "enter_chat", _:
                return self._entered(body, ref)
            case "template_card_event", _:
                return self._button(body, ref)
        return None

    def _message(self, body: Mapping[str, Any], ref: str) -> IncomingMessage | None:
        key, chat, private, sender = origin(body)
        text, links = self._text(body, private=private), list(_links(body))
        if not (key and chat and sender) or (text is None and not links):
            return None
        pending = tuple(self._pending(key, number, link) for number, link in enumerate(links))
        return IncomingMessage(
            platform="wecom_aibot",
            bot=self._bot,
            key=key,
            chat=chat,
            private=private,
            sender=sender,
            sent_at=self._moment(body),
            text=text or "",
            addressed=True,
            photos=tuple(photo.name for photo in pending),
            pending=pending,
            ref=ref,
        )

    def _entered(self, body: Mapping[str, Any], ref: str) -> IncomingMessage | None:
        """The person's first look into the private chat on a day."""
        key, _, _, sender = origin(body)
        if not (key and sender):
            return None
        return IncomingMessage(
            platform="wecom_aibot",
            bot=self._bot,
            key=key,
            chat=sender,
            private=True,
            sender=sender,
            sent_at=self._moment(body),
            kind="entered",
            ref=ref,
        )

    def _button(self, body: Mapping[str, Any], ref: str) -> IncomingMessage | None:
        """A pressed button, or a submitted choice. People double-click, so the claim is by card, person and action."""
        _, chat, private, sender = origin(body)
        card, (says, about) = pressed_card(body), _said_by(_press(body))
        if not (chat and sender and card and says):
            return None
        moment = self._moment(body)
        return IncomingMessage(
            platform="wecom_aibot",
            bot=self._bot,
            key=press_key(card, sender, says, about, moment),
            chat=chat,
            private=private,
            sender=sender,
            sent_at=moment,
            kind="button",
            text=says,
            addressed=True,
            about=about,
            ref=ref,
        )

    def _text(self, body: Mapping[str, Any], *, private: bool) -> str | None:
        """What was said; None for what says nothing. In private, a file says nothing and is answered all the same."""
        match body.get("msgtype"):
            case "text" | "voice" as kind:
                said = [word(part(body, kind), "content")]
            case "mixed":
                items = parts(part(body, "mixed"), "msg_item")
                said = [word(part(item, "text"), "content") for item in items]
            case _:
                return "" if private else None
        text = clean("\n".join(filter(None, said))).strip()
        return self._without_me(text, private=private)

    def _without_me(self, text: str, *, private: bool) -> str:
        """Without the mentions of the bot. A group's text begins with one, under whatever name the group knows."""
        rest = self._mention.sub("", text)
        if rest != text or private:
            return rest.strip()
        named = _FIRST_MENTION.match(text)
        if named is None:
            return text
        rest = text[named.end() :]
        glued = named[0].startswith(f"@{self._name}")  # @小蜂签到, written by hand
        return rest if rest or not glued else text[1 + len(self._name) :]

    def _pending(self, key: str, number: int, link: Mapping[str, Any]) -> Pending:
        source = {"url": clean(word(link, "url")), "aeskey": clean(word(link, "aeskey"))}
        return Pending(photo_name("wecom_aibot", self._bot, key, str(number)), json.dumps(source))

    def _moment(self, body: Mapping[str, Any]) -> datetime:
        """When it happened, to the second; the present where WeCom does not say."""
        try:
            return datetime.fromtimestamp(int(str(body["create_time"])), UTC)
        except (KeyError, ValueError, OverflowError, OSError):
            return self._clock()


def _press(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was pressed: nested according to page 101027, flat according to the SDK."""
    event = part(body, "event")
    return part(event, PRESSED) or event


def _said_by(press: Mapping[str, Any]) -> tuple[str, str]:
    """What the button, or the option that was chosen, says, and what it is about."""
    for item in parts(part(press, "selected_items"), "selected_item"):
        options = part(item, "option_ids").get("option_id")
        for option in options if isinstance(options, list) else []:
            if isinstance(option, str):
                return _cleaned(option)
    return _cleaned(word(press, "event_key"))


def _cleaned(key: str) -> tuple[str, str]:
    says, about = unpack(key)
    return clean(says), clean(about)


def _links(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The pictures of a message, and those that it quotes: that is how a group's picture reaches the bot."""
    for said in (body, part(body, "quote")):
        if said.get("msgtype") == "image":
            pictures = [part(said, "image")]
        elif said.get("msgtype") == "mixed":
            pictures = [part(item, "image") for item in parts(part(said, "mixed"), "msg_item")]
        else:
            pictures = []
        yield from (picture for picture in pictures if word(picture, "url"))
