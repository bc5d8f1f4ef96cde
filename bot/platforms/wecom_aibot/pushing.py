"""What the senders of both modes share: what no robot can do, and the other ways for what this one may not post."""

from dataclasses import replace
from typing import Protocol

from bot.content import Card
from bot.delivery import Delivery, Limits, Refused, RetryLater


class Pushes(Protocol):
    """Another way to a chat or person; see ``bot.delivery.Sender``."""

    async def send(self, delivery: Delivery) -> str:
        """Posts, and returns the platform's message id."""


class RobotSender:
    """A sender without ticks and updates, to whom a chat may be closed; see ``bot.delivery.Sender``."""

    platform = "wecom_aibot"
    limits = Limits(
        reactions=False,
        reactions_at_once=0,
        updates=False,
        chat_per_second=2,
        acknowledge_after=3,
        once_for=0,
        closes=True,
    )

    async def react(self, ref: str, *, chat: str) -> None:  # noqa: ARG002  # the signature is Sender's
        """Robots put no ticks. Raises Refused."""
        raise Refused("no_reactions")

    async def update(self, ref: str, card: Card, *, private: bool) -> None:  # noqa: ARG002  # the same
        """A card can be changed only in the answer to a press on it. Raises Refused."""
        raise Refused("no_updates")


async def push_by(other: Pushes, delivery: Delivery) -> str:
    """Posts the other way, where there is nothing to reply to."""
    try:
        return await other.send(replace(delivery, reply_to=""))
    except RetryLater as wait:  # what holds up that way holds up no other chat of this robot
        raise RetryLater(wait.code, wait.seconds) from wait
