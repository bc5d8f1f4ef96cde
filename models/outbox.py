"""What is to go out: posts, acknowledgements and card updates, written in the transaction that caused them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Index, UniqueConstraint, literal, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import SealedBytes, WithId


class PostKind(StrEnum):
    """How a post is delivered."""

    POST = "post"
    ACKNOWLEDGE = "acknowledge"
    UPDATE = "update"


class PostState(StrEnum):
    """Where a post stands; all but WAITING are final."""

    WAITING = "waiting"
    SENT = "sent"
    MERGED = "merged"
    """An acknowledgement that a merged line took over."""
    MISSED = "missed"
    """It was not sent while it was useful."""
    DROPPED = "dropped"
    """An update of a card that this platform cannot update."""
    DEAD = "dead"
    """The platform refused it for good."""


_WAITING = "state = 'waiting'"


class Post(WithId):
    """One post to one chat or person. Posts of one lane go out in order of their ids."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("uuid"),
        Index(
            "ix_outbox_updates",
            "updates",
            sqlite_where=text("updates IS NOT NULL"),
            postgresql_where=text("updates IS NOT NULL"),
        ),
        Index("ix_outbox_due", "id", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
        Index("ix_outbox_waiting", "lane", "id", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
    )

    uuid: Mapped[str]
    """The idempotency key at the platform."""
    platform: Mapped[str]
    bot: Mapped[str]
    lane: Mapped[str]
    target: Mapped[str]
    to_person: Mapped[bool]
    kind: Mapped[PostKind]
    content: Mapped[bytes] = mapped_column(SealedBytes())
    """``bot.content`` as JSON."""
    ref: Mapped[str]
    """The platform's id of the message to reply or react to; empty: none."""
    updates: Mapped[str | None]
    """The uuid of the post that this brings up to date."""
    state: Mapped[PostState]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    useful_until: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    attempts: Mapped[int]
    uncertain_since: Mapped[datetime | None]
    """When an attempt first went unanswered: the platform may have taken it then."""
    leased_by: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    sent_ref: Mapped[str | None]
    """The platform's id of what was posted."""
    merged_into: Mapped[str | None]
    """The uuid of the merged line."""
    error: Mapped[str | None]
    """The platform's code of the last failure."""
    message_id: Mapped[int | None]
    """The message that caused it."""


def waiting(post: type[Post] = Post) -> ColumnElement[bool]:
    """Posts that wait. The state is written into the statement: SQLite uses a partial index for nothing less."""
    return post.state == literal(PostState.WAITING, Post.state.type, literal_execute=True)
