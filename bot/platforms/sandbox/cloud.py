"""The sandbox's chat log. Its methods block; async code calls them in a thread."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.content import Attachment, Card, Text, dump, load
from models.database import Database
from models.sandbox import SandboxMessage

PRIVATE = "private:"
PAGE = 500
"""Bubbles that one reading of the log gives at most: the latest."""


def private_chat(person: str) -> str:
    """The chat of a person with the bot."""
    return f"{PRIVATE}{person}"


@dataclass(frozen=True, slots=True)
class Bubble:
    """What a chat shows. ``sender`` is empty for the bot's own; ``place`` grows from one bubble to the next."""

    uuid: str
    place: int
    chat: str
    sender: str
    content: bytes
    ticked: bool
    reply_to: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """For the page. ``place`` is text: it is larger than a JavaScript number can hold. Files are fetched apart."""
        content = json.loads(self.content)
        if content["kind"] == "attachment":
            del content["data"]
        return {
            "uuid": self.uuid,
            "place": str(self.place),
            "chat": self.chat,
            "sender": self.sender,
            "content": content,
            "ticked": self.ticked,
            "reply_to": self.reply_to,
            "at": self.at.isoformat(),
        }

    def card(self) -> Card | None:
        """The card of the bot that this is, if it is one."""
        shown = None if self.sender else load(self.content)
        return shown if isinstance(shown, Card) else None

    def attachment(self) -> Attachment | None:
        """The file of the bot that this is, if it is one."""
        shown = None if self.sender else load(self.content)
        return shown if isinstance(shown, Attachment) else None


class IdTaken(Exception):
    """Another message has this id; the message says so to a person."""


class NotFound(LookupError):
    """There is no such bubble of the bot or, for a tick, of a person."""


class Cloud:
    """Keeps and reads bubbles. All methods raise SQLAlchemyError where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def say(self, uuid: str, chat: str, sender: str, text: str, photos: Sequence[str], at: datetime) -> Bubble:
        """What a person posts; once for a uuid. Raises IdTaken where something else was posted under it."""
        said = json.dumps({"kind": "said", "text": text, "photos": list(photos)}, ensure_ascii=False).encode()
        kept = self._keep(uuid, chat, sender, said, "", at)
        if (kept.chat, kept.sender, kept.content) != (chat, sender, said):
            raise IdTaken("这个消息编号已经用过了")
        return kept

    def post(self, uuid: str, chat: str, content: Text | Card | Attachment, reply_to: str, at: datetime) -> Bubble:
        """What the bot posts; once for a uuid."""
        return self._keep(uuid, chat, "", dump(content), reply_to, at)

    def tick(self, uuid: str) -> Bubble:
        """Puts the bot's tick on somebody's bubble. Raises NotFound."""
        with self._database.write.begin() as session:
            row = session.scalars(select(SandboxMessage).where(SandboxMessage.uuid == uuid)).one_or_none()
            if row is None:
                raise NotFound
            row.ticked = True
            return _bubble(row)

    def replace(self, uuid: str, content: Card) -> Bubble:
        """Changes what a bubble of the bot shows. Raises NotFound."""
        own = select(SandboxMessage).where(SandboxMessage.uuid == uuid, SandboxMessage.sender == "")
        with self._database.write.begin() as session:
            row = session.scalars(own).one_or_none()
            if row is None:
                raise NotFound
            row.content = dump(content)
            return _bubble(row)

    def find(self, uuid: str) -> Bubble | None:
        """The bubble with this uuid."""
        with self._database.read() as session:
            row = session.scalars(select(SandboxMessage).where(SandboxMessage.uuid == uuid)).one_or_none()
            return _bubble(row) if row else None

    def latest(self, chat: str = "", after: int = 0) -> list[Bubble]:
        """The latest bubbles of a chat, or of all chats, in order."""
        query = select(SandboxMessage).where(SandboxMessage.id > after)
        if chat:
            query = query.where(SandboxMessage.chat == chat)
        with self._database.read() as session:
            rows = session.scalars(query.order_by(SandboxMessage.id.desc()).limit(PAGE))
            return [_bubble(row) for row in rows][::-1]

    def _keep(self, uuid: str, chat: str, sender: str, content: bytes, reply_to: str, at: datetime) -> Bubble:
        if known := self.find(uuid):
            return known
        row = SandboxMessage(
            uuid=uuid, chat=chat, sender=sender, content=content, ticked=False, reply_to=reply_to, at=at
        )
        try:
            with self._database.write.begin() as session:
                session.add(row)
                session.flush()
                return _bubble(row)
        except IntegrityError:
            # It was posted a second time meanwhile.
            if known := self.find(uuid):
                return known
            raise


def _bubble(row: SandboxMessage) -> Bubble:
    return Bubble(row.uuid, row.id, row.chat, row.sender, row.content, row.ticked, row.reply_to, row.at)
