"""Posts that a platform's own answer to a message carries (passive replies), taken out of the outbox for it."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.content import Acknowledge, Card, Content, File, Text, load
from bot.posting import PASSIVE_FIRST, Address
from models.database import Database
from models.inbox import Claim
from models.outbox import Post, PostKind, PostState, held, taken_by, waiting

AT_ONCE = 10
"""Posts looked at for one answer."""

_log = logging.getLogger(__name__)

Fits = Callable[[Sequence[Text | Card]], bool]
"""Whether one answer has room for all of these."""
InPlaceOf = Callable[[File], Text]
"""What is said where a file cannot be."""


@dataclass(frozen=True, slots=True)
class _Wants:
    """What one answer can say."""

    fits: Fits
    whole: bool
    in_place_of: InPlaceOf | None

    def sayable(self, post: Post) -> Text | Card | None:
        """The content as the answer can say it; None: not at all."""
        match _content(post):
            case Acknowledge(done, name):
                return Text(f"✅ {done}：{name}")
            case File() as file:
                return self.in_place_of(file) if self.in_place_of else None
            case Text() | Card() as content:
                return content
        return None

    def room(self, contents: Sequence[Text | Card]) -> bool:
        """Whether the last of these can be said too."""
        return (len(contents) == 1 and not self.whole) or self.fits(contents)


class Mailbox:
    """Takes posts out of the outbox. A message that is delivered again is answered with the same ones."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(
        self,
        address: Address,
        key: str,
        fits: Fits,
        *,
        whole: bool = False,
        in_place_of: InPlaceOf | None = None,
        by: float = math.inf,
    ) -> list[Text | Card]:
        """What the answer to message ``key`` is to say in the chat of ``address``; whatever it leaves is sent later.

        The replies to the message itself come first, then what else waits, the oldest first. The very first is taken
        whether it fits or not. ``whole`` leaves it to be sent, and with anything that is left all that comes after it,
        so that nothing overtakes it. In private chat a reply may be an acknowledgement, which becomes a line. Files
        are left, unless ``in_place_of`` says something else for them. A message that comes again waits for the answer
        to the first.

        Raises TimeoutError, and has taken nothing, where the database came to it only after ``by`` (seconds of
        ``time.monotonic``): what is taken and not said in time would be lost.
        """
        return await asyncio.to_thread(self._take, address, key, _Wants(fits, whole, in_place_of), by)

    async def taken(self, address: Address, key: str) -> list[Text | Card]:
        """What the answer to message ``key`` said in the chat of ``address``, as it was then."""
        return await asyncio.to_thread(self._find, taken_by(key), Post.lane == address.lane)

    async def posted(self, address: Address, uuid: str) -> list[Text | Card]:
        """What the post ``uuid`` said in the chat of ``address``, if there was one."""
        return await asyncio.to_thread(self._find, Post.uuid == uuid, Post.lane == address.lane)

    def _find(self, *which: ColumnElement[bool]) -> list[Text | Card]:
        with self._database.read() as session:
            posts = session.scalars(select(Post).where(Post.kind == PostKind.POST, *which).order_by(Post.id))
            return [content for content in map(_sayable, posts) if content]

    def _take(self, address: Address, key: str, wants: _Wants, by: float) -> list[Text | Card]:
        with self._database.write.begin() as session:
            mine = Claim.platform == address.platform, Claim.bot == address.bot, Claim.key == key
            # One after another: else the second would find the posts neither taken yet nor free.
            message_id = session.scalar(select(Claim.id).where(*mine).with_for_update())
            lanes = (address.lane, address.acknowledgements)
            before = session.scalars(select(Post).where(taken_by(key), Post.lane.in_(lanes))).all()
            posts = sorted(
                before or self._takeable(session, address, message_id),
                key=lambda post: (post.message_id != message_id, post.id),
            )
            said: list[Text | Card] = []
            left: set[bool] = set()
            for post in posts:
                content = wants.sayable(post)
                reply = post.message_id == message_id
                if content and (before or (reply not in left and wants.room([*said, content]))):
                    said.append(content)
                    post.state, post.sent_ref = PostState.TAKEN, key
                    post.sent_at = post.sent_at or self._clock()
                elif wants.whole:
                    left.add(reply)
            if time.monotonic() > by:
                raise TimeoutError
            return said

    def _takeable(self, session: Session, address: Address, message_id: int | None) -> Sequence[Post]:
        now = self._clock()
        here = and_(
            Post.lane == address.lane,
            or_(waiting(), held()),
            Post.kind == PostKind.POST,
            Post.due_at <= now + PASSIVE_FIRST,
            or_(Post.useful_until.is_(None), Post.useful_until >= now),
        )
        done = and_(
            Post.lane == address.acknowledgements,
            waiting(),
            Post.kind == PostKind.ACKNOWLEDGE,
            Post.message_id == message_id,
        )
        query = select(Post).where(
            or_(here, done) if address.to_person and message_id is not None else here,
            Post.leased_until.is_(None),  # else it is under way, or was when its process died
            Post.uncertain_since.is_(None),  # else the platform may have it: only the same attempt again is safe
        )
        replies_first = query.order_by(case((Post.message_id == message_id, 0), else_=1), Post.id)
        return session.scalars(replies_first.limit(AT_ONCE).with_for_update(skip_locked=True)).all()


def _content(post: Post) -> Content | None:
    """None for what cannot be read, as of a later version: the outbox deals with it."""
    try:
        return load(post.content)
    except ValueError as error:
        _log.error("post %d cannot be read: %s", post.id, type(error).__name__)
        return None


def _sayable(post: Post) -> Text | Card | None:
    content = _content(post)
    return content if isinstance(content, Text | Card) else None
