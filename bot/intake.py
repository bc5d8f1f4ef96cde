"""Taking messages in: claimed once, durably, in one transaction for all that have arrived (group commit)."""

import asyncio
import logging
import queue
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.exc import StaleDataError

from bot.clock import Clock
from bot.content import Text
from bot.handling import Batch
from bot.messages import PAGE, IncomingMessage, Receipt, Unavailable, dump_message
from bot.posting import PASSIVE_FIRST, Address, Posting, Roads, address_for
from bot.router import Handled, Router
from models.base import new_id
from models.chats import Chat
from models.database import Database
from models.downloads import Download, DownloadState
from models.inbox import Claim, Outcome
from models.outbox import wake
from models.people import Identity, Person

BATCH = 256
WAITING = 20_000
"""More messages than this waiting are refused, so that the platform delivers them again later."""
TRIES = 3
"""How often a message is tried alone where another process got in its way."""
CONFLICTS = (IntegrityError, OperationalError, StaleDataError)
"""What a transaction meets when another process got in its way."""
APOLOGY = "刚才那条没有处理成功，已经记下来了，管理员会补上。要紧的话请直接找书记。"

Key = tuple[str, str, str]

_log = logging.getLogger(__name__)
_messages = Counter("jufeng_messages_total", "Messages by what became of them", ["platform", "outcome"])
_batches = Histogram("jufeng_batch_messages", "Messages in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
_commits = Histogram("jufeng_batch_seconds", "Seconds from the first message of a batch to its commit")
_waiting = Gauge("jufeng_intake_waiting", "Messages that have arrived and are not committed")


@dataclass(slots=True)
class _Arrival:
    message: IncomingMessage
    future: asyncio.Future[Receipt]


class GroupCommitIntake:
    """One worker thread drains what has arrived into one session and one commit.

    If a batch fails its messages are replayed one by one, each in a transaction of its own; the one that still fails
    becomes a dead letter, and the others land.
    """

    def __init__(
        self, database: Database, router: Router, clock: Clock, roads: Roads, admins: Iterable[str] = ()
    ) -> None:
        self._database = database
        self._router = router
        self._clock = clock
        self._roads = roads
        self._admins = frozenset(admins)
        self._arrived: queue.SimpleQueue[_Arrival | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._stopping = False
        self._busy_since: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posted: Callable[[], None] = lambda: None

    def start(self, posted: Callable[[], None]) -> None:
        """Begins work. ``posted`` is called in the event loop whenever something has been put into the outbox."""
        self._loop = asyncio.get_running_loop()
        self._posted = posted
        self._thread.start()

    async def close(self) -> None:
        """Commits what has arrived, then ends."""
        self._stopping = True
        self._arrived.put(None)
        await asyncio.to_thread(self._thread.join)

    async def submit(self, message: IncomingMessage) -> Receipt:
        """Returns once the message, its effects and its replies are committed. Raises Unavailable."""
        if self._stopping or self._arrived.qsize() >= WAITING:
            raise Unavailable
        arrival = _Arrival(message, asyncio.get_running_loop().create_future())
        self._arrived.put(arrival)
        return await arrival.future

    def stuck_for(self) -> float:
        """Seconds for which the present transaction has been under way; 0 when idle."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def _work(self) -> None:
        while (first := self._arrived.get()) is not None:
            arrivals = [first]
            last = False
            while len(arrivals) < BATCH and not self._arrived.empty():
                following = self._arrived.get()
                if following is None:
                    last = True
                    break
                arrivals.append(following)
            self._commit(arrivals)
            if last:
                return

    def _commit(self, arrivals: list[_Arrival]) -> None:
        self._busy_since = time.monotonic()
        _waiting.set(self._arrived.qsize())
        _batches.observe(len(arrivals))
        with _commits.time():
            results = self._results([arrival.message for arrival in arrivals])
        self._busy_since = None
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._answer, arrivals, results)

    def _answer(self, arrivals: list[_Arrival], results: Sequence[Receipt | Unavailable]) -> None:
        for arrival, result in zip(arrivals, results, strict=True):
            if arrival.future.done():
                continue  # the platform has hung up; it will deliver the message again
            if isinstance(result, Unavailable):
                arrival.future.set_exception(result)
            else:
                arrival.future.set_result(result)
        self._posted()

    def _results(self, messages: list[IncomingMessage]) -> Sequence[Receipt | Unavailable]:
        try:
            return self._at_once(messages)
        except Exception as error:  # noqa: BLE001  # whatever it was, each message gets its own transaction now
            _log.warning("a batch of %d failed (%s); its messages are done one by one", len(messages), _name(error))
        try:
            return [self._alone(message) for message in messages]
        except Exception as error:  # noqa: BLE001  # the thread must live: the platform delivers the messages again
            _log.error("messages could not be done: %s", _name(error))
            return [Unavailable() for _ in messages]

    def _at_once(self, messages: list[IncomingMessage]) -> Sequence[Receipt]:
        """All in one transaction; once more where another process got in the way."""
        try:
            return self.process(messages)
        except CONFLICTS:
            return self.process(messages)

    def _alone(self, message: IncomingMessage) -> Receipt | Unavailable:
        error: Exception | None = None
        for _ in range(TRIES):
            try:
                return self.process([message])[0]
            except CONFLICTS as conflict:
                error = conflict  # another process got in the way, or a deadlock; what it did can be seen now
            except Exception as failure:  # noqa: BLE001  # a handler's mistake must not take anything else with it
                error = failure
                break
        return self._bury(message, error)

    def _bury(self, message: IncomingMessage, error: Exception | None) -> Receipt | Unavailable:
        """Makes a dead letter of a message. Unavailable where the database is what failed."""
        try:
            if isinstance(error, DBAPIError):
                self._database.ping()
            with self._database.write.begin() as session:
                message_id = self._write_dead(session, message, "".join(traceback.format_exception(error)))
        except SQLAlchemyError as unavailable:
            _log.error("the database does not take messages: %s", _name(unavailable))
            _messages.labels(message.platform, "refused").inc()
            return Unavailable()
        _log.error("message %d became a dead letter: %s", message_id, _name(error))
        _messages.labels(message.platform, "dead").inc()
        return Receipt(APOLOGY, duplicate=False)

    def _write_dead(self, session: Session, message: IncomingMessage, error: str) -> int:
        now = self._clock()
        message_id = new_id()
        claim = _claim(message, message_id, now, Handled("", APOLOGY), None)
        session.execute(insert(Claim), [claim | {"outcome": Outcome.DEAD, "error": error}])
        if message.sender and message.platform != PAGE:  # nobody sends the list of a group's people
            posting = Posting(session, now, self._roads)
            sender = Address(message.platform, message.bot, message.sender, to_person=True)
            posting.post(sender, Text(APOLOGY), message_id=message_id)
            posting.write()
        return message_id

    def process(self, messages: Sequence[IncomingMessage]) -> list[Receipt]:
        """Does these messages in one transaction of their own. Raises whatever a handler or the database raises."""
        with self._database.write.begin() as session:
            receipts = _known(session, messages)
            fresh = _fresh(messages, receipts)
            receipts |= self._process_fresh(session, fresh)
        for message in messages:
            _messages.labels(message.platform, "done").inc()
        return _in_order(messages, receipts, fresh)

    def replay(self, message: IncomingMessage, claim_id: int) -> None:
        """Does a dead letter again, under the claim that it has.

        Raises LookupError where it is dead no longer, and whatever the handler raises.
        """
        with self._database.write.begin() as session:
            mine = update(Claim).where(Claim.id == claim_id, Claim.outcome == Outcome.DEAD)
            if not session.execute(mine.values(outcome=Outcome.REPLAYED).returning(Claim.id)).first():
                raise LookupError(f"message {claim_id} is not a dead letter any more")
            batch = self._batch(session, [message])
            handled = self._router.handle(batch, message, claim_id) or Handled("", "")
            if downloads := _downloads(message, claim_id, batch.now, handled):
                session.execute(insert(Download), downloads)
            done = update(Claim).where(Claim.id == claim_id)
            session.execute(done.values(intent=handled.intent, answer=handled.answer, error=None))
            batch.posting.write()

    def _process_fresh(self, session: Session, messages: list[IncomingMessage]) -> dict[Key, Receipt]:
        batch = self._batch(session, messages)
        receipts: dict[Key, Receipt] = {}
        claims: list[dict[str, Any]] = []
        downloads: list[dict[str, Any]] = []
        for message in messages:
            message_id = new_id()
            handled = self._router.handle(batch, message, message_id)
            receipts[_key(message)] = Receipt(handled.answer if handled else "", duplicate=False)
            if handled:
                downloads += _downloads(message, message_id, batch.now, handled)
                person = batch.people.get((message.provider, message.sender))
                claims.append(_claim(message, message_id, batch.now, handled, person))
        self._open_lanes(session, messages, batch.now)
        if claims:
            # In order of their keys, so that two processes with the same messages wait for, not block, each other.
            session.execute(insert(Claim), sorted(claims, key=lambda claim: str(claim["key"])))
        if downloads:
            session.execute(insert(Download), downloads)
        batch.posting.write()
        return receipts

    def _open_lanes(self, session: Session, messages: Iterable[IncomingMessage], now: datetime) -> None:
        """Where posts were held because nobody had written, somebody has now; an answer may carry them first."""
        lanes: defaultdict[datetime, set[str]] = defaultdict(set)
        for message in messages:
            if self._roads.closes(message.platform, message.bot):
                address = address_for(message)
                lanes[now + PASSIVE_FIRST if self._roads.passive(address) else now].add(address.lane)
        for due_at, of_that in lanes.items():
            wake(session, of_that, due_at)

    def _batch(self, session: Session, messages: Sequence[IncomingMessage]) -> Batch:
        now = self._clock()
        posting = Posting(session, now, self._roads)
        people, chats = _people(session, messages), _chats(session, messages, now)
        sent_since = min((message.sent_at for message in messages), default=now)
        senders = frozenset(message.sender for message in messages)
        return Batch(session, now, posting, people, chats, self._admins, sent_since, senders)


def _key(message: IncomingMessage) -> Key:
    return (message.platform, message.bot, message.key)


def _downloads(message: IncomingMessage, message_id: int, now: datetime, handled: Handled) -> list[dict[str, Any]]:
    """The photos of a message that are still at its platform."""
    common = {
        "platform": message.platform,
        "bot": message.bot,
        "sender": message.sender,
        "state": DownloadState.ASIDE if handled.aside else DownloadState.WAITING,
        "created_at": now,
        "attempts": 0,
        "message_id": message_id,
    }
    return [{"id": new_id(), "name": photo.name, "source": photo.source, **common} for photo in message.pending]


def _name(error: BaseException | None) -> str:
    """What may be logged of an error: its kind. Its text may hold what people said."""
    return type(error).__name__


def _known(session: Session, messages: Iterable[IncomingMessage]) -> dict[Key, Receipt]:
    known: dict[Key, Receipt] = {}
    for (platform, bot), keys in _by_bot((m.platform, m.bot, m.key) for m in messages):
        query = select(Claim.key, Claim.answer).where(Claim.platform == platform, Claim.bot == bot, Claim.key.in_(keys))
        for key, answer in session.execute(query):
            known[platform, bot, key] = Receipt(answer, duplicate=True)
    return known


def _by_bot(keys: Iterable[Key]) -> Iterable[tuple[tuple[str, str], set[str]]]:
    """The last parts of the keys by their first two: SQLite looks up a list of values, but not one of tuples."""
    grouped: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for platform, bot, last in keys:
        grouped[platform, bot].add(last)
    return grouped.items()


def _fresh(messages: Iterable[IncomingMessage], known: dict[Key, Receipt]) -> list[IncomingMessage]:
    """Those that have no claim yet, each once."""
    fresh: dict[Key, IncomingMessage] = {}
    for message in messages:
        if _key(message) not in known:
            fresh.setdefault(_key(message), message)
    return list(fresh.values())


def _in_order(
    messages: Sequence[IncomingMessage], receipts: dict[Key, Receipt], fresh: list[IncomingMessage]
) -> list[Receipt]:
    """A message that came twice in one batch is done once; its second receipt says so."""
    first = {id(message) for message in fresh}
    return [
        receipts[_key(message)] if id(message) in first else Receipt(receipts[_key(message)].answer, duplicate=True)
        for message in messages
    ]


def _people(session: Session, messages: Iterable[IncomingMessage]) -> dict[tuple[str, str], Person]:
    """The senders of the whole batch at once; where they were met is kept."""
    met = {(message.provider, message.sender): message for message in messages}
    people: dict[tuple[str, str], Person] = {}
    for provider in {provider for provider, _ in met}:
        refs = [ref for issuer, ref in met if issuer == provider]
        if provider == PAGE:
            people |= _visitors(session, refs)
            continue
        query = (
            select(Identity)
            .where(Identity.provider == provider, Identity.ref.in_(refs))
            .options(joinedload(Identity.person).joinedload(Person.organisation))
        )
        for identity in session.scalars(query):
            message = met[provider, identity.ref]
            if (identity.platform, identity.bot) != (message.platform, message.bot):
                identity.platform, identity.bot = message.platform, message.bot
            people[provider, identity.ref] = identity.person
    return people


def _visitors(session: Session, refs: Iterable[str]) -> dict[tuple[str, str], Person]:
    """Who has been recognised on a page. That makes no account: nothing can be said to anybody there."""
    here = (Person.id.in_([int(ref) for ref in refs]), Person.left_on.is_(None))
    query = select(Person).where(*here).options(joinedload(Person.organisation))
    return {(PAGE, str(person.id)): person for person in session.scalars(query)}


def _chats(session: Session, messages: Iterable[IncomingMessage], now: datetime) -> dict[Key, Chat]:
    """The groups of the whole batch at once; a group that was never seen is noted, and what it is called by now."""
    seen = {(m.platform, m.bot, m.chat): "" for m in messages if not m.private}
    seen |= {(m.platform, m.bot, m.chat): m.chat_title for m in messages if not m.private and m.chat_title}
    chats: dict[Key, Chat] = {}
    for (platform, bot), refs in _by_bot(seen):
        query = select(Chat).where(Chat.platform == platform, Chat.bot == bot, Chat.ref.in_(refs))
        for chat in session.scalars(query.options(joinedload(Chat.organisation))):
            chats[platform, bot, chat.ref] = chat
            chat.title = seen[platform, bot, chat.ref] or chat.title
    for key, title in seen.items():
        if key not in chats:
            chats[key] = Chat(platform=key[0], bot=key[1], ref=key[2], title=title, seen_at=now)
            session.add(chats[key])
    return chats


def _claim(
    message: IncomingMessage, message_id: int, now: datetime, handled: Handled, person: Person | None
) -> dict[str, Any]:
    return {
        "id": message_id,
        "platform": message.platform,
        "bot": message.bot,
        "key": message.key,
        "chat": message.chat,
        "sender": message.sender,
        "person_id": person.id if person else None,
        "intent": handled.intent,
        "outcome": Outcome.DONE,
        "received_at": now,
        "message": dump_message(message),
        "answer": handled.answer,
        "error": None,
    }
