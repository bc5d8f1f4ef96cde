"""Writing to the outbox: what handlers and schedules want said, put into the transaction that caused it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bot.content import Acknowledge, Card, File, Refresh, Text, dump
from bot.delivery import Limits
from bot.links import Links
from bot.messages import IncomingMessage
from models.base import new_id
from models.chats import Chat
from models.outbox import Post, PostKind, PostState, waiting
from models.people import Identity, Person

PASSIVE_FIRST = timedelta(seconds=6)
"""For how long a reply is left to the platform's own answer: those of WeChat have five seconds."""
REFRESH_AFTER = timedelta(seconds=3)
"""Changes of one card within this time become one."""


@dataclass(frozen=True, slots=True)
class Address:
    """One chat or person on one platform."""

    platform: str
    bot: str
    ref: str
    to_person: bool = False

    @property
    def lane(self) -> str:
        """What keeps its order: posts of one lane go out one after another."""
        return f"{self.platform}:{self.bot}:{'@' if self.to_person else ''}{self.ref}"

    @property
    def acknowledgements(self) -> str:
        """The lane of acknowledgements, for which no post has to wait."""
        return f"{self.lane}#"


def address_for(message: IncomingMessage) -> Address:
    """Where replies to the message go."""
    where = message.sender if message.private else message.chat
    return Address(message.platform, message.bot, where, to_person=message.private)


@dataclass(frozen=True, slots=True)
class Roads:
    """What the server knows of its platforms when something is to be said."""

    homes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By provider, the ``(platform, bot)`` that reaches a person who has not been met yet."""
    limits: Mapping[tuple[str, str], Limits] = field(default_factory=dict)
    """By ``(platform, bot)``, what it can do and how fast."""
    links: Links = field(default_factory=Links)
    """Makes the links that messages carry."""

    def acknowledge_after(self, address: "Address") -> timedelta:
        """For how long acknowledgements are collected there."""
        limits = self.limits.get((address.platform, address.bot))
        return timedelta(seconds=limits.acknowledge_after if limits else 0.0)

    def passive(self, address: "Address") -> bool:
        """Whether the platform's own answer to a message carries the replies to it."""
        limits = self.limits.get((address.platform, address.bot))
        return limits is not None and limits.passive

    def closes(self, platform: str, bot: str) -> bool:
        """Whether posts may be held there until somebody writes."""
        limits = self.limits.get((platform, bot))
        return limits is not None and limits.closes


def address_of(chat: Chat) -> Address:
    """Where a group is."""
    return Address(chat.platform, chat.bot, chat.ref)


class Posting:
    """Everything that one transaction has to say. ``write`` puts it into the outbox at its end."""

    def __init__(self, session: Session, now: datetime, roads: Roads) -> None:
        self._session = session
        self._now = now
        self._roads = roads
        self.links = roads.links
        self._rows: list[dict[str, Any]] = []
        self._refreshed: dict[str, str] = {}
        self._addresses: dict[str, Address] = {}

    def post(
        self,
        address: Address,
        content: Text | Card | File,
        *,
        ref: str = "",
        message_id: int | None = None,
        due_at: datetime | None = None,
        useful_until: datetime | None = None,
    ) -> str:
        """Says something in a chat or to a person, and returns the post's uuid.

        ``ref``: the message that it replies to. Between ``due_at`` and ``useful_until`` it goes out, or not at all.
        """
        row = self._row(address, PostKind.POST, dump(content), ref, message_id)
        due_at = due_at or self._now
        if message_id is not None and self._roads.passive(address):
            due_at = max(due_at, self._now + PASSIVE_FIRST)
        row.update(due_at=due_at, useful_until=useful_until)
        self._addresses[row["uuid"]] = address
        return str(row["uuid"])

    def tell(self, person: Person, content: Text | Card | File, *, message_id: int | None = None) -> bool:
        """Says something to a person in private. False where the person cannot be reached on any platform."""
        address = self.reach(person)
        if address is None:
            return False
        self.post(address, content, message_id=message_id)
        return True

    def reach(self, person: Person) -> Address | None:
        """Where the person was last met, or could be met."""
        return self.reach_all([person]).get(person.id)

    def reach_all(self, people: Iterable[Person]) -> dict[int, Address]:
        """Where each was last met, or could be met, by the person's id, in one query. Others are missing."""
        ids = [person.id for person in people]
        query = select(Identity).where(Identity.person_id.in_(ids)).order_by(Identity.platform.is_(None), Identity.id)
        found: dict[int, Address] = {}
        for identity in self._session.scalars(query):
            if (address := self._address_of(identity)) is not None:
                found.setdefault(identity.person_id, address)
        return found

    def _address_of(self, identity: Identity) -> Address | None:
        if identity.platform and identity.bot:
            return Address(identity.platform, identity.bot, identity.ref, to_person=True)
        home = self._roads.homes.get(identity.provider)
        return Address(*home, identity.ref, to_person=True) if home else None

    def acknowledge(self, address: Address, content: Acknowledge, *, ref: str, message_id: int) -> None:
        """Ticks the message ``ref``, or names the person in the chat's next merged line."""
        row = self._row(address, PostKind.ACKNOWLEDGE, dump(content), ref, message_id)
        row.update(lane=address.acknowledgements, due_at=self._now + self._roads.acknowledge_after(address))

    def refresh(self, uuid: str, about: str) -> None:
        """Brings a posted card up to date soon: it will show what ``about`` is by then."""
        self._refreshed[uuid] = about

    def write(self) -> int:
        """Puts it all into the outbox, and returns how many rows that is."""
        self._session.flush()
        if self._refreshed:
            self._write_refreshes()
        rows, self._rows, self._refreshed = self._rows, [], {}
        if rows:
            self._session.execute(insert(Post), rows)
        return len(rows)

    def _write_refreshes(self) -> None:
        """A card for which one is waiting needs no other: it will show this change too."""
        pending = (
            select(Post.updates)
            .where(Post.updates.in_(list(self._refreshed)), waiting(), Post.leased_by.is_(None))
            .order_by(Post.id)
            .with_for_update()  # else it might be sent before this transaction's changes can be seen
        )
        wanted = self._refreshed.keys() - set(self._session.scalars(pending))
        addresses = self._addresses_of(wanted)
        for uuid in sorted(wanted & addresses.keys()):
            content = dump(Refresh(self._refreshed[uuid]))
            row = self._row(addresses[uuid], PostKind.UPDATE, content, "", None)
            row.update(updates=uuid, due_at=self._now + REFRESH_AFTER)

    def _addresses_of(self, uuids: Iterable[str]) -> dict[str, Address]:
        columns = (Post.uuid, Post.platform, Post.bot, Post.target, Post.to_person)
        rows = self._session.execute(select(*columns).where(Post.uuid.in_(list(uuids))))
        before = {uuid: Address(platform, bot, ref, person) for uuid, platform, bot, ref, person in rows}
        return before | self._addresses

    def _row(
        self, address: Address, kind: PostKind, content: bytes, ref: str, message_id: int | None
    ) -> dict[str, Any]:
        row = post_row(address, kind, content, self._now) | {"ref": ref, "message_id": message_id}
        self._rows.append(row)
        return row


def post_row(address: Address, kind: PostKind, content: bytes, now: datetime) -> dict[str, Any]:
    """The columns of a new post that is due now."""
    return {
        "id": new_id(),
        "uuid": uuid4().hex,
        "platform": address.platform,
        "bot": address.bot,
        "lane": address.lane,
        "target": address.ref,
        "to_person": address.to_person,
        "kind": kind,
        "content": content,
        "ref": "",
        "updates": None,
        "state": PostState.WAITING,
        "created_at": now,
        "due_at": now,
        "useful_until": None,
        "attempts": 0,
        "message_id": None,
    }
