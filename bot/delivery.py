"""How the outbox and a platform talk: one delivery in, the platform's message id or one of three failures out."""

from dataclasses import dataclass
from typing import Protocol

from bot.content import Attachment, Card, Text


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform can do and how fast."""

    reactions: bool
    """``react`` puts a tick on a message; without it acknowledgements are merged into one line."""
    reactions_at_once: int
    """More pending acknowledgements than this in one chat are merged into one line even where reactions exist."""
    updates: bool
    """``update`` can bring a sent card up to date; without it updates are dropped."""
    chat_per_second: float
    """Posts to one chat, a reserve for other bots already taken off."""
    acknowledge_after: float
    """Seconds for which acknowledgements of a chat are collected before they go out."""
    once_for: float
    """Seconds for which the platform drops a second send with the same ``uuid``; 0: it never does."""
    closes: bool = False
    """``send`` may raise Closed."""
    files: bool = True
    """``send`` takes an Attachment; without it people get a link to the file."""
    passive: bool = False
    """The platform's own answer to a message carries the replies to it (``bot.mailbox``); ``send`` is for the rest."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One post on its way to one chat or person."""

    uuid: str
    """Idempotency key, the same for each attempt; at most 50 characters."""
    target: str
    """The platform's chat id, or person id where ``to_person``."""
    to_person: bool
    content: Text | Card | Attachment
    reply_to: str = ""
    """The ``ref`` of the message that this answers; empty: a post of its own."""


class RetryLater(Exception):
    """The platform asks to wait ``seconds``; ``everything``: the limit is on the whole bot, not on this chat."""

    def __init__(self, code: str, seconds: float, *, everything: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.seconds = seconds
        self.everything = everything


class Refused(Exception):
    """The platform will never take this post; ``code`` is its reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Closed(Exception):
    """The chat or person takes nothing until somebody there writes to the bot (again); the post is held till then."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Uncertain(Exception):
    """The request went out and no answer came: the platform may have taken it."""


class Sender(Protocol):
    """The sending half of one configured bot. All methods raise RetryLater, Refused, Closed or Uncertain."""

    @property
    def platform(self) -> str:
        """``feishu``, ``sandbox`` …"""

    @property
    def bot(self) -> str:
        """The configured name of the bot."""

    @property
    def limits(self) -> Limits:
        """What the platform can do and how fast."""

    @property
    def ready(self) -> bool:
        """Whether this process can send for the bot now; of a bot with one connection, only one process can."""

    async def send(self, delivery: Delivery) -> str:
        """Posts, and returns the platform's message id."""

    async def react(self, ref: str, *, chat: str) -> None:
        """Puts the tick on message ``ref``; doing it twice is the same as once."""

    async def update(self, ref: str, card: Card, *, private: bool) -> None:
        """Replaces what the card ``ref`` shows; ``private``: it was sent to a person."""
