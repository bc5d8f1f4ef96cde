"""Sending what the outbox holds: in order within a lane, shared between processes by leases, never twice."""

import asyncio
import logging
import random
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from prometheus_client import Counter, Gauge
from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, aliased

from bot.beckon import beckon
from bot.clock import Clock, system_clock
from bot.content import Acknowledge, Attachment, Card, Content, File, Refresh, Text, dump, load
from bot.delivery import Closed, Delivery, Limits, Refused, RetryLater, Sender, Uncertain
from bot.links import Links
from bot.logs import where
from bot.posting import Address, post_row
from bot.reports.cards import ShowCard
from bot.reports.files import MakeFile
from models.database import Database
from models.downloads import still_coming
from models.inbox import Claim
from models.outbox import Post, PostKind, PostState, held, waiting

ATTEMPT = 20.0
"""Seconds that one attempt may take."""
LEASE = timedelta(seconds=30)
"""Longer than an attempt, and the wait for its turn in the chat, can take."""
RENEW = timedelta(seconds=3)
"""Between two renewals of the leases of posts whose files are being made: that may take longer than a lease."""
AT_ONCE = 64
"""Posts under way at once in one process."""
ACKNOWLEDGEMENTS = 1000
"""Acknowledgements looked at in one round."""
GATHER = timedelta(seconds=3)
"""For how long the many acknowledgements of a chat are gathered before they become one line."""
REACTIONS = 40
"""Single acknowledgements started in one round; beyond that chats get merged lines, for a bot's own rate budget."""
NAMES = 100
"""Names in one merged line."""
IDLE = 0.25
"""Seconds between two looks at an outbox that nobody has announced anything for."""
LONGEST_WAIT = 300.0
"""Seconds between two attempts, at most."""
GIVE_UP = timedelta(hours=24)
"""From when a post was due; one that was held is due when somebody has written."""
HELD_FOR = timedelta(days=7)
"""How long a post waits for somebody of its chat to write."""
HELD_LOOK = timedelta(minutes=1)
"""Between two looks for what has been held for too long: there may be many, and there is no hurry."""
PHOTOS_LATE = timedelta(seconds=15)
"""For how long a card waits for its photos; after that it goes out with those that have come."""
PHOTO_PAUSE = timedelta(seconds=0.5)
LANES = 10_000
"""Lanes whose pace is remembered."""

_log = logging.getLogger(__name__)
_posts = Counter("jufeng_posts_total", "Posts by what became of them", ["platform", "kind", "state"])
_oldest = Gauge("jufeng_outbox_oldest_seconds", "Age of the oldest post that is due and has not been sent")

Way = tuple[str, str]
"""``(platform, bot)``."""
Made = Text | Card | Attachment | Acknowledge
UNREADABLE = (ValueError, LookupError, NoResultFound)
"""What making the content of a post raises that nobody can make, such as one of a later version."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A leased row, out of its session."""

    id: int
    uuid: str
    way: Way
    kind: PostKind
    lane: str
    target: str
    to_person: bool
    content: Made | File
    """A file is made when it is sent."""
    ref: str
    attempts: int
    due_at: datetime
    leased_at: datetime
    """By the clock by which messages are received."""
    uncertain_since: datetime | None
    updates_ref: str
    """The platform's id of the card that is to be updated."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What an attempt came to: the columns to write."""

    job: _Job
    values: dict[str, Any]


class Outbox:
    """Sends waiting posts. Any number of processes may run one on the same database."""

    def __init__(
        self,
        database: Database,
        senders: Iterable[Sender],
        clock: Clock,
        cards: Mapping[str, ShowCard] | None = None,
        files: Mapping[str, MakeFile] | None = None,
        links: Links = Links(),  # noqa: B008  # it cannot be changed
    ) -> None:
        self._database = database
        self._cards = cards or {}
        self._files = files or {}
        self._links = links
        self._senders: dict[Way, Sender] = {(sender.platform, sender.bot): sender for sender in senders}
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._bindery = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._announced = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[_Result]] = set()
        self._making: set[int] = set()
        """The posts under way whose files are not made yet."""
        self._renew_at = datetime.min.replace(tzinfo=UTC)
        self._paused: dict[Way, datetime] = {}
        self._pace: dict[str, float] = {}
        self._look_at_held = datetime.min.replace(tzinfo=UTC)
        self._task: asyncio.Task[None] | None = None
        self.last_round = system_clock()
        """When the outbox was last looked at; it stands still when the outbox does."""

    def start(self) -> None:
        """Begins sending."""
        self._task = asyncio.create_task(self._run(), name="outbox")

    def announce(self) -> None:
        """Something has been put into the outbox: looks at once."""
        self._announced.set()

    async def close(self) -> None:
        """Ends what is under way, writes what came of it, and stops."""
        self._stopping = True
        self._announced.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()
        self._bindery.shutdown()

    async def emptied(self, within: float = 5.0) -> bool:
        """Waits until nothing that is due is left waiting, at most ``within`` seconds."""
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            self.announce()
            await asyncio.sleep(0.02)
            if not await asyncio.get_running_loop().run_in_executor(self._thread, self._due):
                return True
        return False

    def _due(self) -> int:
        with self._database.read() as session:
            here = [and_(Post.platform == platform, Post.bot == bot) for platform, bot in self._senders]
            due = select(func.count()).where(waiting(), Post.due_at <= self._clock(), or_(*here))
            return session.scalar(due) or 0

    async def _run(self) -> None:
        while not (self._stopping and not self._under_way):
            try:
                await self._round(await self._finished())
            except Exception as error:  # noqa: BLE001  # the outbox must go on, whatever one round met
                _log.error("a round of the outbox failed: %s", type(error).__name__)
                await asyncio.sleep(IDLE)
            await self._wait()

    async def _wait(self) -> None:
        """Until something is announced, something under way has ended, or it is time to look again."""
        announced = asyncio.create_task(self._announced.wait())
        await asyncio.wait({announced, *self._under_way}, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        announced.cancel()
        self._announced.clear()

    async def _finished(self) -> list[_Result]:
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        return sorted((task.result() for task in done), key=lambda result: result.job.id)

    async def _round(self, results: Sequence[_Result]) -> int:
        """Writes results, leases what is next, and starts it. Returns how many were started."""
        room = 0 if self._stopping else AT_ONCE - (len(self._under_way) - len(self._making))
        try:
            jobs = await asyncio.get_running_loop().run_in_executor(self._thread, self._settle_and_lease, results, room)
        except Exception:  # whatever it was, what has been sent must be written down in the next round
            for result in results:
                self._under_way.add(asyncio.create_task(_kept(result)))
            raise
        for job in jobs:
            self._under_way.add(asyncio.create_task(self._attempt(job)))
        self.last_round = system_clock()
        return len(jobs)

    # In the outbox's thread: one short transaction.

    def _settle_and_lease(self, results: Sequence[_Result], room: int) -> list[_Job]:
        with self._database.write.begin() as session:
            _settle(session, results, self._clock())
            self._renew(session)
            if room <= 0:
                return []
            now = self._clock()
            if not self._expire(session, now):
                return []
            jobs = self._lease(session, self._acknowledge(session, now), ACKNOWLEDGEMENTS)
            jobs += self._lease(session, self._heads(now), room)
            return jobs

    def _renew(self, session: Session) -> None:
        making, now = tuple(self._making), system_clock()
        if making and now >= self._renew_at:
            self._renew_at = now + RENEW
            own = (Post.id.in_(making), Post.leased_by == self._owner)
            session.execute(update(Post).where(*own).values(leased_until=now + LEASE))

    def _expire(self, session: Session, now: datetime) -> bool:
        """Marks as missed what can no longer be sent while it is useful, and measures the age of the rest.

        Returns whether any of the rest is due and nobody's: mostly none is, and to look for what may go out takes long.
        """
        free = or_(Post.leased_until.is_(None), Post.leased_until <= system_clock())
        _miss(session, and_(waiting(), Post.useful_until < now, free))
        if now >= self._look_at_held:
            self._look_at_held = now + HELD_LOOK
            _miss(session, and_(held(), or_(Post.useful_until < now, Post.created_at < now - HELD_FOR)))
        oldest = session.scalar(select(func.min(Post.due_at)).where(waiting(), Post.due_at <= now))
        _oldest.set((now - oldest).total_seconds() if oldest else 0.0)
        left = select(exists().where(waiting(), Post.due_at <= now, free))
        return oldest is not None and bool(session.scalar(left))

    def _open(self, now: datetime) -> ColumnElement[bool]:
        """What may be attempted now: it is due, it need not wait, nobody has it, and its bot is not paused."""
        here = [and_(Post.platform == platform, Post.bot == bot) for platform, bot in self._ways()]
        return and_(
            waiting(),
            Post.due_at <= now,
            or_(Post.retry_at.is_(None), Post.retry_at <= system_clock()),
            or_(Post.leased_until.is_(None), Post.leased_until <= system_clock()),
            or_(*here) if here else Post.id.is_(None),
        )

    def _ways(self) -> list[Way]:
        now = system_clock()
        return [way for way, sender in self._senders.items() if sender.ready and self._paused.get(way, now) <= now]

    def _heads(self, now: datetime) -> ColumnElement[bool]:
        """The first of each lane: what comes later waits, however long the first has to be tried."""
        before = aliased(Post)
        earlier = exists().where(before.lane == Post.lane, waiting(before), before.id < Post.id, before.due_at <= now)
        return and_(self._open(now), Post.kind != PostKind.ACKNOWLEDGE, ~earlier)

    def _lease(self, session: Session, which: ColumnElement[bool], room: int) -> list[_Job]:
        query = select(Post).where(which).order_by(Post.id).limit(room).with_for_update(skip_locked=True)
        now = system_clock()
        jobs = []
        for post in session.scalars(query):
            if post.leased_until is not None and post.uncertain_since is None:
                post.uncertain_since = post.leased_until - LEASE  # that attempt ended with the process that made it
            if self._too_uncertain(post, now):
                post.state, post.error = PostState.DEAD, "uncertain"
            elif job := self._complete(session, post, now):
                post.leased_by = self._owner
                post.leased_until = now + LEASE
                jobs.append(job)
        return jobs

    def _too_uncertain(self, post: Post, now: datetime) -> bool:
        """Whether the platform may have taken the post so long ago that it would not know its uuid any more."""
        if post.uncertain_since is None or post.kind is not PostKind.POST:
            return False
        window = self._senders[post.platform, post.bot].limits.once_for
        return 0 < window < (now - post.uncertain_since).total_seconds() * 1.1

    def _complete(self, session: Session, post: Post, now: datetime) -> _Job | None:
        """None for a post that cannot go out now. One that cannot be read, as of a later version, stops no others."""
        try:
            job = self._job(session, post)
        except UNREADABLE as error:
            _log.error("post %d cannot be read: %s", post.id, type(error).__name__)
            post.state, post.error = PostState.DEAD, type(error).__name__
            return None
        photos = job.content.photos if isinstance(job.content, Card) else ()
        if photos and post.due_at > self._clock() - PHOTOS_LATE and still_coming(session, photos):
            post.retry_at = now + PHOTO_PAUSE
            return None
        return job

    def _acknowledge(self, session: Session, now: datetime) -> ColumnElement[bool]:
        """Merges acknowledgements where a chat has many; the condition is for those to be made one by one.

        One that may have been made already is only ever made again: made twice it is one, merged it would be two.
        """
        due = and_(self._open(now), Post.kind == PostKind.ACKNOWLEDGE)
        again = or_(Post.attempts > 0, Post.leased_until.is_not(None))
        single, many = self._sorted_lanes(session, and_(due, ~again), now)
        if many:
            query = select(Post).where(due, ~again, Post.lane.in_(many)).order_by(Post.id)
            posts = session.scalars(query.limit(ACKNOWLEDGEMENTS).with_for_update(skip_locked=True))
            for _, of_lane in groupby(sorted(posts, key=_lane_and_id), key=lambda post: post.lane):
                self._merge(session, list(of_lane), now)
        return and_(due, or_(again, Post.lane.in_(single)))

    def _merge(self, session: Session, posts: list[Post], now: datetime) -> None:
        """The line replies to the last of its messages where a platform knows no quiet tick, and may need a message."""
        limits = self._senders[posts[0].platform, posts[0].bot].limits
        _merge_into_lines(session, posts, now, "" if limits.reactions else posts[-1].ref)

    def _sorted_lanes(self, session: Session, fresh: ColumnElement[bool], now: datetime) -> tuple[list[str], list[str]]:
        """The lanes with few acknowledgements, and those with many that have been gathered for long enough."""
        single: list[str] = []
        many: list[str] = []
        left = REACTIONS
        columns = (Post.lane, Post.platform, Post.bot)
        counts = select(*columns, func.count(), func.min(Post.due_at)).where(fresh).group_by(*columns)
        for lane, platform, bot, number, oldest in session.execute(counts.order_by(func.count())):
            limits = self._senders[platform, bot].limits
            if limits.reactions and number <= min(limits.reactions_at_once, left):
                single.append(lane)
                left -= number
            elif not limits.reactions or oldest <= now - GATHER:
                many.append(lane)
        return single, many

    def _job(self, session: Session, post: Post) -> _Job:
        updated = session.scalar(select(Post.sent_ref).where(Post.uuid == post.updates)) if post.updates else None
        content = load(post.content)
        return _Job(
            id=post.id,
            uuid=post.uuid,
            way=(post.platform, post.bot),
            kind=post.kind,
            lane=post.lane,
            target=post.target,
            to_person=post.to_person,
            content=self._shown(session, content, self._senders[post.platform, post.bot].limits),
            ref=post.ref,
            attempts=post.attempts,
            due_at=max(post.due_at, post.created_at),
            leased_at=self._clock(),
            uncertain_since=post.uncertain_since,
            updates_ref=updated or "",
        )

    def _shown(self, session: Session, content: Content, limits: Limits) -> Made | File:
        """A card that is made of a record is made now; a file, which may take long, when the post is attempted."""
        if isinstance(content, Refresh):
            kind, _, subject = content.about.partition(":")
            return self._cards[kind](session, int(subject))
        if isinstance(content, File) and not limits.files:
            return self._links.to_file(content, self._clock())
        return content

    # In the files' thread: it changes nothing, and nothing else waits for it.

    def _make(self, file: File) -> Attachment:
        if self._stopping:  # those that wait for their turn are left for the next start
            raise RetryLater("stopping", 0.0)
        kind, _, subject = file.about.partition(":")
        with self._database.read() as session:
            try:
                return Attachment(file.name, self._files[kind](session, subject))
            except UNREADABLE as error:
                raise Refused(type(error).__name__) from error

    # In the event loop.

    async def _attempt(self, job: _Job) -> _Result:
        try:
            content = await self._made(job.id, job.content)
            await self._keep_pace(job)
            async with asyncio.timeout(ATTEMPT):
                return _Result(job, await self._deliver(job, content))
        except RetryLater as wait:
            return self._later(job, wait)
        except (Uncertain, TimeoutError):
            return self._uncertain(job)
        except Refused as refusal:
            return _Result(job, _refused(job, refusal))
        except Closed as closed:
            return _Result(job, {"state": PostState.HELD, "error": closed.code})
        except Exception as error:  # noqa: BLE001  # a sender's own mistake: the other posts must go on
            _log.error("post %d failed: %s\n%s", job.id, type(error).__name__, where(error))
            return self._later(job, RetryLater(type(error).__name__, 0.0))

    async def _made(self, post_id: int, content: Made | File) -> Made:
        """The content as it goes out. The lease is renewed for as long as its file is being made."""
        if not isinstance(content, File):
            return content
        self._making.add(post_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._bindery, self._make, content)
        finally:
            self._making.discard(post_id)

    async def _deliver(self, job: _Job, content: Made) -> dict[str, Any]:
        sender = self._senders[job.way]
        if isinstance(content, Acknowledge):
            await sender.react(job.ref, chat=job.target)
            return {"state": PostState.SENT}
        if job.kind is PostKind.POST:
            delivery = Delivery(job.uuid, job.target, job.to_person, content, job.ref)
            return {"state": PostState.SENT, "sent_ref": await sender.send(delivery)}
        if not (sender.limits.updates and job.updates_ref and isinstance(content, Card)):
            return {"state": PostState.DROPPED}
        await sender.update(job.updates_ref, content, private=job.to_person)
        return {"state": PostState.SENT}

    async def _keep_pace(self, job: _Job) -> None:
        """Posts to one chat no faster than the platform takes them."""
        if job.kind is PostKind.ACKNOWLEDGE:
            return
        now = asyncio.get_running_loop().time()
        if len(self._pace) > LANES:
            self._pace = {lane: until for lane, until in self._pace.items() if until > now}
        turn = max(now, self._pace.get(job.lane, 0.0))
        self._pace[job.lane] = turn + 1 / self._senders[job.way].limits.chat_per_second
        if turn > now:
            await asyncio.sleep(turn - now)

    def _later(self, job: _Job, wait: RetryLater) -> _Result:
        seconds = wait.seconds or _backoff(job.attempts)
        until = system_clock() + timedelta(seconds=seconds)
        if wait.everything:
            self._paused[job.way] = until
        if self._clock() - job.due_at > GIVE_UP:
            return _Result(job, {"state": PostState.DEAD, "error": wait.code})
        return _Result(job, {"retry_at": until, "error": wait.code, "attempts": job.attempts + 1})

    def _uncertain(self, job: _Job) -> _Result:
        """Tries again, while the platform still knows the uuid (see ``_too_uncertain``), or once where it knows none.

        A reaction or an update made twice is one.
        """
        now = system_clock()
        once = job.kind is PostKind.POST and self._senders[job.way].limits.once_for == 0
        if (once and job.uncertain_since is not None) or self._clock() - job.due_at > GIVE_UP:
            return _Result(job, {"state": PostState.DEAD, "error": "uncertain"})
        values = {
            "retry_at": now + timedelta(seconds=_backoff(job.attempts)),
            "error": "uncertain",
            "attempts": job.attempts + 1,
            "uncertain_since": job.uncertain_since or now,
        }
        return _Result(job, values)


def _lane_and_id(post: Post) -> tuple[str, int]:
    return post.lane, post.id


async def _kept(result: _Result) -> _Result:
    return result


def _backoff(attempts: int) -> float:
    """1 s, 2 s, 4 s … up to five minutes, with a third of chance so that processes do not march in step."""
    return min(LONGEST_WAIT, 2.0 ** min(attempts, 10)) * random.uniform(0.67, 1.33)


def _refused(job: _Job, refusal: Refused) -> dict[str, Any]:
    """A tick that cannot be put becomes a line of its own: the person is acknowledged all the same."""
    if job.kind is PostKind.ACKNOWLEDGE:
        return {"state": PostState.MERGED, "error": refusal.code}
    _log.error("post %d was refused: %s", job.id, refusal.code)
    return {"state": PostState.DEAD, "error": refusal.code}


def _settle(session: Session, results: Iterable[_Result], now: datetime) -> None:
    for result in results:
        values = {"leased_by": None, "leased_until": None} | result.values
        if values.get("state") is PostState.HELD and _written_since(session, result.job):
            del values["state"]
        state = values.get("state")
        if state is PostState.SENT:
            values["sent_at"] = now
        if state is PostState.MERGED:
            _merge_into_lines(session, [session.get_one(Post, result.job.id)], now)
        if state is PostState.HELD:
            _beckon_once(session, session.get_one(Post, result.job.id), values["error"], now)
        if state is not None:
            _posts.labels(result.job.way[0], result.job.kind, state).inc()
        session.execute(update(Post).where(Post.id == result.job.id).values(**values))


def _beckon_once(session: Session, post: Post, code: str, now: datetime) -> None:
    """Once: a post that is refused again for the same reason, after the person has written, calls nobody again."""
    if post.error != code:
        beckon(session, post, now)


def _written_since(session: Session, job: _Job) -> bool:
    """Whether somebody there wrote while the attempt was under way: what it met may be over, and it is made again."""
    there = Claim.sender == job.target if job.to_person else Claim.chat == job.target
    # The bot is compared here: SQLite would look for its messages of all times by the index of keys.
    lately = session.execute(select(Claim.platform, Claim.bot).where(Claim.received_at > job.leased_at, there))
    return job.way in {(platform, bot) for platform, bot in lately}


def _miss(session: Session, late: ColumnElement[bool]) -> None:
    """One state a statement: SQLite reads the whole table for two."""
    missed = update(Post).where(late).values(state=PostState.MISSED)
    session.execute(missed.execution_options(synchronize_session=False))


def _merge_into_lines(session: Session, posts: Sequence[Post], now: datetime, ref: str = "") -> None:
    """One line for many: it names everyone, and each acknowledgement is final with it."""
    done: defaultdict[str, list[tuple[Post, str]]] = defaultdict(list)
    for post in posts:
        content = load(post.content)
        if isinstance(content, Acknowledge):
            done[content.done].append((post, content.name))
    for what, named in done.items():
        for start in range(0, len(named), NAMES):
            _merge_into_line(session, what, named[start : start + NAMES], now, ref)


def _merge_into_line(session: Session, done: str, named: Sequence[tuple[Post, str]], now: datetime, ref: str) -> None:
    first = named[0][0]
    address = Address(first.platform, first.bot, first.target, first.to_person)
    names = "、".join(name for _, name in named)
    count = f"，共 {len(named)} 人" if len(named) > 3 else ""
    row = post_row(address, PostKind.POST, dump(Text(f"✅ {done}：{names}{count}")), now) | {"ref": ref}
    session.execute(insert(Post), [row])
    ids = [post.id for post, _ in named]
    session.execute(
        update(Post)
        .where(Post.id.in_(ids))
        .values(state=PostState.MERGED, merged_into=row["uuid"], leased_by=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )
