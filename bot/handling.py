"""What a handler is: a plain function of a context and an intent, registered with who may call it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bot.content import Acknowledge, Card, File, Text
from bot.messages import IncomingMessage
from bot.posting import Address, Posting, address_of
from bot.understanding.intent import Intent
from models.audit import AuditEntry
from models.chats import Chat
from models.inbox import Claim
from models.organisations import Organisation, Tree
from models.people import Person, Post

Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class Privately:
    """An answer for the sender alone, wherever the question was asked."""

    content: Text | Card | File


@dataclass(frozen=True, slots=True)
class Kept:
    """Nothing is said, but the message has had an effect and is kept."""

    aside: bool = False
    """Its photos are not fetched yet (see ``DownloadState.ASIDE``)."""


Reply = Text | Card | Acknowledge | Privately | Kept


class Who(Enum):
    """Who may call a handler; the sentence says so to everybody else."""

    ANYONE = ""
    MEMBER = "这件事要先报到。请发「报到 姓名 手机后四位」，比如「报到 小李 1234」。"
    SECRETARY = "这件事由书记来办。要紧的话，请直接跟书记说一声。"
    CASEWORKER = "这件事由书记或者责任单位的联系人来办。"


class Batch:
    """What the messages of one transaction share: the session, the time, the people and chats, and caches."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        posting: Posting,
        people: dict[tuple[str, str], Person],
        chats: dict[tuple[str, str, str], Chat],
        admins: frozenset[str] = frozenset(),
        sent_since: datetime | None = None,
        senders: frozenset[str] = frozenset(),
    ) -> None:
        self.session = session
        self.now = now
        self.posting = posting
        self.people = people
        self.chats = chats
        self.admins = admins
        self.sent_since = sent_since or now
        """When the oldest message of the batch was sent."""
        self.senders = senders
        """The platforms' ids of everybody who sent one of its messages."""
        self._shared: dict[Any, Any] = {}

    def shared(self, make: "Callable[[Batch], Shared]") -> Shared:
        """The one object of its kind for all messages of the batch; made by the first that asks."""
        if make not in self._shared:
            self._shared[make] = make(self)
        made: Shared = self._shared[make]
        return made

    def forget_shared(self) -> None:
        """Has the shared objects made anew: somebody has joined the people of the batch."""
        self._shared.clear()

    @property
    def tree(self) -> Tree:
        """All organisations."""
        return self.shared(_tree)


def _tree(batch: Batch) -> Tree:
    return Tree(batch.session)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a handler may know of one message, and its ways to speak."""

    batch: Batch
    message: IncomingMessage
    message_id: int
    person: Person | None
    """None: the sender is not bound to anybody of the roster."""
    chat: Chat | None
    """The group; None in private chat."""

    @property
    def session(self) -> Session:
        """The transaction of the message."""
        return self.batch.session

    @property
    def now(self) -> datetime:
        """The time of the message's arrival, aware UTC."""
        return self.batch.now

    @property
    def said_at(self) -> datetime:
        """When it was said: a message may be hours under way, and what somebody did counts from then."""
        return min(self.message.sent_at, self.now)

    @property
    def private(self) -> bool:
        """Whether this is a private chat."""
        return self.message.private

    @property
    def admin(self) -> bool:
        """Whether the configuration lets the sender do everything."""
        return f"{self.message.provider}:{self.message.sender}" in self.batch.admins

    @property
    def organisation(self) -> Organisation | None:
        """The organisation that is spoken of: the group's, or in private chat the sender's own."""
        if self.chat is not None:
            return self.chat.organisation
        return self.person.organisation if self.person else None

    @property
    def member(self) -> Person:
        """The sender. Only for handlers that ask for MEMBER or more."""
        if self.person is None:
            raise LookupError("the handler is open to people outside the roster")
        return self.person

    def may(self, by: Who) -> bool:
        """Whether the sender is one of those."""
        match by:
            case Who.ANYONE:
                return True
            case Who.MEMBER:
                return self.person is not None
            case Who.SECRETARY:
                return self.role == "secretary"
            case Who.CASEWORKER:
                return self.role in ("secretary", "contact")

    def runs(self, organisation: Organisation) -> bool:
        """Whether the sender may act for the organisation."""
        return self.admin or (self.person is not None and self.person.acts_for(organisation))

    @property
    def role(self) -> str:
        """The sender's role as the understanding of texts knows it."""
        if self.admin:
            return "secretary"
        if self.person is None:
            return "member"
        if self.person.looks_after(self.person.organisation):
            return "organizer"
        if self.person.post is Post.CONTACT:
            return "contact"
        return "secretary" if self.person.acts_for(self.person.organisation) else "member"

    @property
    def sender(self) -> Address:
        """The sender's private chat."""
        return Address(self.message.platform, self.message.bot, self.message.sender, to_person=True)

    def said_since(self, at: datetime, after: int, besides: Iterable[str]) -> bool:
        """Whether the sender has said anything here since the message ``after``, which came at ``at``.

        ``besides`` are the intents that do not count.
        """
        since = exists().where(
            Claim.received_at >= at,
            Claim.id > after,
            Claim.platform == self.message.platform,
            Claim.sender == self.message.sender,
            Claim.chat == self.message.chat,
            Claim.intent.not_in(besides),
        )
        return bool(self.session.scalar(select(since)))

    def audit(self, action: str, subject: str) -> None:
        """Notes what the sender did with other people's data; ``subject`` is an id, never a text."""
        actor = self.person.id if self.person else None
        entry = AuditEntry(at=self.now, actor_id=actor, action=action, subject=subject, message_id=self.message_id)
        self.session.add(entry)

    def link(self, page: str, subject: str, lasts: timedelta) -> str:
        """The address of a page about a subject (see ``bot.links``); empty where the server has no public address."""
        return self.batch.posting.links.make(page, subject, self.now, lasts)

    def say(self, chat: Chat, content: Text | Card, *, due_at: datetime | None = None) -> str:
        """Posts in a group, and returns the post's uuid."""
        return self.batch.posting.post(address_of(chat), content, message_id=self.message_id, due_at=due_at)

    def tell(self, person: Person, content: Text | Card | File) -> bool:
        """Says something to somebody in private. False where that person cannot be reached."""
        return self.batch.posting.tell(person, content, message_id=self.message_id)

    def tell_address(self, address: Address, content: Text | Card | File) -> None:
        """Says something in private to somebody who need not be in the roster."""
        self.batch.posting.post(address, content, message_id=self.message_id)

    def tell_all(self, people: Iterable[Person], content: Text | Card) -> int:
        """Says the same to several people in private, and returns how many can be reached."""
        return sum(self.tell(person, content) for person in people)


Handler = Callable[[Context, Intent], Reply | None]


@dataclass(frozen=True, slots=True)
class Registration:
    """A handler and who may call it."""

    handler: Handler
    by: Who


_registered: dict[str, Registration] = {}


def handles(*intents: str, by: Who) -> Callable[[Handler], Handler]:
    """Registers a handler for intents. Raises ValueError where an intent has one already."""

    def register(handler: Handler) -> Handler:
        for intent in intents:
            if intent in _registered:
                raise ValueError(f"intent {intent} has a handler already")
            _registered[intent] = Registration(handler, by)
        return handler

    return register


def registration(intent: str) -> Registration | None:
    """The handler of an intent, if there is one."""
    return _registered.get(intent)


def registered() -> dict[str, Registration]:
    """All handlers by intent."""
    return dict(_registered)
