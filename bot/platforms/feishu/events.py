"""Events as Feishu sends them (schema 2.0), made neutral. What has no effect here becomes None."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.clock import Clock
from bot.media import photo_name
from bot.messages import IncomingMessage, Member, Pending
from bot.platforms.feishu.pressing import read_press
from bot.platforms.feishu.said import Identity, Said, read_said
from bot.platforms.fields import clean, identifier, part, parts, press_key, word

_MICROSECONDS_FROM = 10**14
"""Creation times are milliseconds in message events and microseconds in card callbacks; this lies between."""


def event_type(callback: Mapping[str, Any]) -> str:
    """The type of the event in ``callback``; empty when it has none."""
    return word(part(callback, "header"), "event_type")


class EventReader:
    """Makes the events of one configured bot neutral.

    Events that it does not know have no effect. Nor has it when the bot leaves a group or a group is disbanded: who
    was in it stays as it was, for nothing is posted there any more, and should the bot return it reads the list anew.
    """

    def __init__(self, bot: str, identity: Identity, clock: Clock) -> None:
        self._bot = bot
        self._identity = identity
        self._clock = clock
        self._readers = {
            "im.message.receive_v1": self._message,
            "card.action.trigger": self._button,
            "im.chat.member.bot.added_v1": self._joined,
            "im.chat.member.user.added_v1": self._came,
            "im.chat.member.user.deleted_v1": self._went,
            "im.chat.member.user.withdrawn_v1": self._went,
            "im.chat.access_event.bot_p2p_chat_entered_v1": self._entered,
            "application.bot.menu_v6": self._menu,
        }

    def read(self, callback: Mapping[str, Any]) -> IncomingMessage | None:
        """What a person did, or None when the event has no effect.

        Raises Unfilled for a form that was sent empty, and nothing else, whatever the event looks like.
        """
        reader = self._readers.get(event_type(callback))
        return reader(part(callback, "header"), part(callback, "event")) if reader else None

    def _message(self, _header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """A message (page ``im-v1/message/events/receive``); Feishu asks to claim it by its message_id."""
        message = part(event, "message")
        key, chat = identifier(message, "message_id"), identifier(message, "chat_id")
        sender = _person(part(event, "sender"))
        if not (key and chat and sender):
            return None
        private = message.get("chat_type") == "p2p"
        said = read_said(message, self._identity, private=private)
        addressed = private or (said is not None and said.mentioned)
        if said is None or not (addressed or said.text or said.photos or said.place or said.point):
            return None
        pending = _pending(key, said)
        return replace(
            self._from(key, chat, sender, message, private=private),
            text=said.text,
            addressed=addressed,
            photos=tuple(photo.name for photo in pending),
            pending=pending,
            place=said.place,
            latitude=said.point and said.point[0],
            longitude=said.point and said.point[1],
            ref=key,
        )

    def _button(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """A button, list or form of one of our cards (page ``card-callback-communication``). Raises Unfilled.

        People double-click, so the claim is by card, person and action. The event does not say what kind of chat the
        card is in: ``private`` is known only for cards that were sent to a person.
        """
        context = part(event, "context")
        card, chat = identifier(context, "open_message_id"), identifier(context, "open_chat_id")
        sender = identifier(part(event, "operator"), "open_id")
        if not (card and chat and sender):
            return None
        press = read_press(part(event, "action"))
        if press is None:
            return None
        message = self._from("", chat, sender, header, private=press.private)
        return replace(
            message,
            key=press_key(card, sender, press.says, press.about, message.sent_at),
            kind="button",
            text=press.says,
            addressed=True,
            about=press.about,
            ref=card,
        )

    def _joined(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """The bot was added to a group (page ``im-v1/chat-member-bot/events/added``)."""
        key, chat = identifier(header, "event_id"), identifier(event, "chat_id")
        sender = identifier(part(event, "operator_id"), "open_id")
        if not (key and chat and sender):
            return None
        message = self._from(key, chat, sender, header)
        return replace(message, kind="joined", chat_title=clean(word(event, "name")))

    def _came(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """People joined a group (page ``im-v1/chat-member-user/events/added``)."""
        return self._people(header, event, members=_people(event))

    def _went(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """People left, were removed, or their invitation was taken back (pages ``…/deleted``, ``…/withdrawn``)."""
        return self._people(header, event, left=tuple(member.ref for member in _people(event)))

    def _people(
        self,
        header: Mapping[str, Any],
        event: Mapping[str, Any],
        *,
        members: tuple[Member, ...] = (),
        left: tuple[str, ...] = (),
    ) -> IncomingMessage | None:
        key, chat = identifier(header, "event_id"), identifier(event, "chat_id")
        if not (key and chat and (members or left)):
            return None
        message = self._from(key, chat, "", header)
        return replace(message, kind="members", chat_title=clean(word(event, "name")), members=members, left=left)

    def _entered(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """Somebody opened the private chat (page ``im-v1/chat-access_event/events/bot_p2p_chat_entered``).

        It comes with every opening, so the claim is by person: one is greeted once in a life.
        """
        chat, sender = identifier(event, "chat_id"), identifier(part(event, "operator_id"), "open_id")
        if not (chat and sender):
            return None
        message = self._from(f"entered:{sender}", chat, sender, header, private=True)
        return replace(message, kind="entered", addressed=True)

    def _menu(self, header: Mapping[str, Any], event: Mapping[str, Any]) -> IncomingMessage | None:
        """An entry of the menu under the private chat (page ``application-v6/bot/events/menu``).

        Its event_key is what the operator wrote in the console, for instance 签到, and is taken as said. The event
        names no chat; the person's id stands for the chat with the person.
        """
        key = identifier(header, "event_id")
        sender = identifier(part(part(event, "operator"), "operator_id"), "open_id")
        text = clean(word(event, "event_key")).strip()
        if not (key and sender and text):
            return None
        return replace(self._from(key, sender, sender, header, private=True), text=text, addressed=True)

    def _from(
        self, key: str, chat: str, sender: str, created: Mapping[str, Any], *, private: bool = False
    ) -> IncomingMessage:
        """What all events have in common; ``created`` has a ``create_time``."""
        sent_at = self._moment(created.get("create_time"))
        return IncomingMessage("feishu", self._bot, key, chat, private, sender, sent_at)

    def _moment(self, value: object) -> datetime:
        """``value`` by its magnitude; the present where Feishu gave no usable time."""
        try:
            number = int(str(value))
            return datetime.fromtimestamp(number / (1e6 if number >= _MICROSECONDS_FROM else 1e3), UTC)
        except (ValueError, OverflowError, OSError):
            return self._clock()


def _person(sender: Mapping[str, Any]) -> str:
    """The open_id of a human sender; empty for bots."""
    if sender.get("sender_type", "user") != "user":
        return ""
    return identifier(part(sender, "sender_id"), "open_id")


def _people(event: Mapping[str, Any]) -> tuple[Member, ...]:
    users = (
        (identifier(part(user, "user_id"), "open_id"), clean(word(user, "name"))) for user in parts(event, "users")
    )
    return tuple(Member(ref, name) for ref, name in users if ref)


def _pending(message: str, said: Said) -> tuple[Pending, ...]:
    """The photos, which are fetched by message and key once the message has been committed."""
    return tuple(
        Pending(photo_name("feishu", message, key), json.dumps({"message_id": message, "key": key}))
        for key in said.photos
    )
