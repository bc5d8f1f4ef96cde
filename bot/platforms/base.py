"""What every platform package offers to the server, and what it gets from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter

from bot.clock import Clock
from bot.delivery import Sender
from bot.links import Links
from bot.mailbox import Mailbox
from bot.media import MediaStore
from bot.messages import Intake
from bot.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Services:
    """What the server lends to its platforms."""

    intake: Intake
    mailbox: Mailbox
    media: MediaStore
    clock: Clock
    bot_name: str
    own: Callable[[str], Ownership]
    """Ownership of a name, of which there is one for all processes on the database."""
    links: Links
    """Makes the links that stand in for files."""


class Platform(Protocol):
    """One configured bot on one platform: its callback routes, its sender, and its photos."""

    @property
    def sender(self) -> Sender:
        """What posts for it."""

    @property
    def router(self) -> APIRouter:
        """Its callback routes."""

    async def start(self) -> None:
        """Begins background work; returns at once even when the platform cannot be reached."""

    async def close(self) -> None:
        """Ends background work and closes connections."""

    async def fetch(self, source: str) -> bytes:
        """The photo that a message named (``Pending.source``). Raises BadPhoto, RetryLater, Refused or Uncertain."""
