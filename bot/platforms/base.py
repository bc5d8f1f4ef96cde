"""What every platform package offers to the server."""

from typing import Protocol

from fastapi import APIRouter

from bot.delivery import Sender


class Platform(Protocol):
    """One configured bot on one platform: its callback routes and its sender."""

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
