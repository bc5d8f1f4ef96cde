"""What is to go out: posts, acknowledgements and card updates, written in the transaction that caused them."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Index, UniqueConstraint, and_, literal, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import SealedBytes, WithId


class PostKind(StrEnum):
    """How a post is delivered."""

    POST = "post"
    ACKNOWLEDGE = "acknowledge"
    UPDATE = "update"


class PostState(StrEnum):
    """Where a post stands; all but WAITING and HELD are final."""

    WAITING = "waiting"
    SENT = "sent"
    MERGED = "merged"
    """An acknowledgement that a merged line took over."""
    MISSED = "missed"
    """It was not sent while it was useful."""
    HELD = "held"
    """It waits until somebody of the chat writes to the bot: before that the platform takes nothing for it."""
    TAKEN = "taken"
    """The platform's own answer to a message carried it; ``sent_ref`` is that message's key."""
    DROPPED = "dropped"
    """An update of a card that this platform cannot update; or what a group had not got yet of a hazard that turned
    out to be an appeal."""
    DEAD = "dead"
    """The platform refused it for good."""


_WAITING = "state = 'waiting'"
_HELD = "state = 'held'"
_TAKEN = "state = 'taken'"


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
        Index("ix_outbox_held", "lane", "id", sqlite_where=text(_HELD), postgresql_where=text(_HELD)),
        Index("ix_outbox_taken", "sent_ref", sqlite_where=text(_TAKEN), postgresql_where=text(_TAKEN)),
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
    return _is(PostState.WAITING, post)


def held() -> ColumnElement[bool]:
    """Posts that wait for somebody of their chat to write."""
    return _is(PostState.HELD, Post)


def taken_by(key: str) -> ColumnElement[bool]:
    """Posts that the answer to the message with this key carried."""
    return and_(_is(PostState.TAKEN, Post), Post.sent_ref == key)


def wake(session: Session, lanes: Collection[str], due_at: datetime) -> None:
    """Somebody has written: what was held for these lanes may go out, from ``due_at`` on.

    Whatever attempts came before, the platform's last word was that it takes nothing: there is no doubt any more.
    """
    _wake(session, and_(held(), Post.lane.in_(lanes)), due_at)


def wake_all(session: Session, due_at: datetime) -> None:
    """The server begins: what was held may have another road by now, as an app that was configured meanwhile."""
    _wake(session, held(), due_at)


def _wake(session: Session, which: ColumnElement[bool], due_at: datetime) -> None:
    values = {"state": PostState.WAITING, "retry_at": None, "uncertain_since": None, "due_at": due_at}
    session.execute(update(Post).where(which).values(values).execution_options(synchronize_session=False))


def _is(state: PostState, post: type[Post]) -> ColumnElement[bool]:
    return post.state == literal(state, Post.state.type, literal_execute=True)
