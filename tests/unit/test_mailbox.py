"""Passive replies: what a platform's own answer carries is taken out of the outbox, once for a message."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from bot.clock import system_clock
from bot.content import Acknowledge, Card, File, Text
from bot.delivery import Limits
from bot.mailbox import AT_ONCE, Mailbox
from bot.posting import PASSIVE_FIRST, Address, Posting, Roads
from models.base import new_id
from models.database import Database
from models.inbox import Claim, Outcome
from models.outbox import Post, PostState, wake, wake_all
from tests.conftest import StandingClock

PERSON = Address("official_account", "main", "openid1", to_person=True)
OTHER = Address("official_account", "main", "openid2", to_person=True)
LIMITS = Limits(
    reactions=False,
    reactions_at_once=0,
    updates=False,
    chat_per_second=1.0,
    acknowledge_after=3.0,
    once_for=0.0,
    closes=True,
    passive=True,
)
ROADS = Roads(limits={("official_account", "main"): LIMITS})

pytestmark = pytest.mark.anyio


def anything(_: Sequence[Text | Card]) -> bool:
    return True


def one(contents: Sequence[Text | Card]) -> bool:
    return len(contents) == 1


def claim(database: Database, clock: StandingClock, key: str) -> int:
    message_id = new_id()
    values = {
        "id": message_id,
        "platform": "official_account",
        "bot": "main",
        "key": key,
        "chat": "openid1",
        "sender": "openid1",
        "intent": "help",
        "outcome": Outcome.DONE,
        "received_at": clock(),
        "message": b"{}",
        "answer": "",
    }
    with database.write.begin() as session:
        session.execute(insert(Claim), [values])
    return message_id


def post(
    database: Database,
    clock: StandingClock,
    content: Text | Card | File,
    message_id: int | None = None,
    address: Address = PERSON,
    after: timedelta = timedelta(),
) -> None:
    with database.write.begin() as session:
        posting = Posting(session, clock(), ROADS)
        posting.post(address, content, message_id=message_id, due_at=clock() + after)
        posting.write()


def states(database: Database) -> list[PostState]:
    with database.read() as session:
        return list(session.scalars(select(Post.state).order_by(Post.id)))


async def test_a_message_gets_its_own_answer_first_and_the_same_again(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("已办结"))
    post(database, clock, Text("你有 5 分"), claim(database, clock, "m1"))
    mailbox = Mailbox(database, clock)
    first = await mailbox.take(PERSON, "m1", anything)
    assert first == [Text("你有 5 分"), Text("已办结")]
    assert states(database) == [PostState.TAKEN, PostState.TAKEN]
    post(database, clock, Text("later"))
    assert await mailbox.take(PERSON, "m1", anything) == first, "a redelivery gets the same answer"
    assert await mailbox.take(PERSON, "m2", anything) == [Text("later")]


async def test_what_does_not_fit_is_left_to_be_sent(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("older"))
    post(database, clock, Text("answer"), claim(database, clock, "m1"))
    assert await Mailbox(database, clock).take(PERSON, "m1", one) == [Text("answer")]
    assert states(database) == [PostState.WAITING, PostState.TAKEN]


async def test_what_is_for_others_or_not_due_or_a_file_or_under_way_stays(
    database: Database, clock: StandingClock
) -> None:
    post(database, clock, Text("for another"), address=OTHER)
    post(database, clock, Text("tomorrow"), after=timedelta(days=1))
    post(database, clock, File("名册.xlsx", "roster:1"))
    post(database, clock, Text("being sent"))
    with database.write.begin() as session:
        under_way = system_clock() + timedelta(seconds=30)
        last = session.scalars(select(Post.id).order_by(Post.id.desc())).first()
        session.execute(update(Post).where(Post.id == last).values(leased_until=under_way))
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == []
    assert set(states(database)) == {PostState.WAITING}


def acknowledge(
    database: Database, clock: StandingClock, message_id: int, name: str, address: Address = PERSON
) -> None:
    with database.write.begin() as session:
        posting = Posting(session, clock(), ROADS)
        posting.acknowledge(address, Acknowledge("已签到", name), ref="", message_id=message_id)
        posting.write()


async def test_an_acknowledgement_of_the_message_itself_becomes_a_line(
    database: Database, clock: StandingClock
) -> None:
    acknowledge(database, clock, claim(database, clock, "m0"), "小张")
    post(database, clock, Text("明天开课"))
    acknowledge(database, clock, claim(database, clock, "m1"), "小李")
    mailbox = Mailbox(database, clock)
    first = await mailbox.take(PERSON, "m1", anything)
    assert first == [Text("✅ 已签到：小李"), Text("明天开课")]
    assert states(database) == [PostState.WAITING, PostState.TAKEN, PostState.TAKEN]
    assert await mailbox.take(PERSON, "m1", anything) == first, "a redelivery gets the same answer"


async def test_acknowledgements_in_a_group_are_merged_later(database: Database, clock: StandingClock) -> None:
    group = Address("official_account", "main", "group")
    acknowledge(database, clock, claim(database, clock, "m1"), "小李", group)
    assert await Mailbox(database, clock).take(group, "m1", anything) == []
    assert states(database) == [PostState.WAITING]


async def test_an_answer_that_has_to_be_whole_leaves_what_is_too_long(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("short"))
    post(database, clock, Text("much too long"), claim(database, clock, "m1"))
    mailbox = Mailbox(database, clock)
    assert await mailbox.take(PERSON, "m1", lambda said: Text("much too long") not in said, whole=True) == [
        Text("short")
    ]
    assert states(database) == [PostState.TAKEN, PostState.WAITING]


async def test_a_file_may_become_a_sentence(database: Database, clock: StandingClock) -> None:
    post(database, clock, File("名册.xlsx", "roster:1"), claim(database, clock, "m1"))
    mailbox = Mailbox(database, clock)
    assert await mailbox.take(PERSON, "m1", anything) == []
    for _ in range(2):
        said = await mailbox.take(PERSON, "m1", anything, in_place_of=lambda file: Text(f"没有 {file.name}"))
        assert said == [Text("没有 名册.xlsx")]


async def test_two_deliveries_at_the_same_time_get_the_same_answer(database: Database, clock: StandingClock) -> None:
    for number in range(10):
        key = f"m{number}"
        post(database, clock, Text(key), claim(database, clock, key))
        mailbox = Mailbox(database, clock)
        answers = await asyncio.gather(*(mailbox.take(PERSON, key, anything) for _ in range(4)))
        assert answers == [[Text(key)]] * 4


@pytest.mark.parametrize("column", ["uncertain_since", "leased_until"])
async def test_what_the_platform_may_have_already_is_left_to_be_sent_again(
    database: Database, clock: StandingClock, column: str
) -> None:
    post(database, clock, Text("perhaps sent"))
    with database.write.begin() as session:
        session.execute(update(Post).values({column: system_clock() - timedelta(minutes=1)}))
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == []
    with database.write.begin() as session:
        session.execute(update(Post).values(state=PostState.HELD, leased_until=None))
        wake(session, {PERSON.lane}, clock())
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == [Text("perhaps sent")]


async def test_replies_are_left_to_the_answer_for_a_while(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("answer"), claim(database, clock, "m1"))
    post(database, clock, Text("reminder"))
    with database.read() as session:
        due = list(session.scalars(select(Post.due_at).order_by(Post.id)))
    assert due == [clock() + PASSIVE_FIRST, clock()]


async def test_what_is_woken_for_an_answer_is_left_to_it(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("已办结"))
    with database.write.begin() as session:
        session.execute(update(Post).values(state=PostState.HELD))
        wake(session, {PERSON.lane}, clock() + PASSIVE_FIRST)
    with database.read() as session:
        assert session.scalar(select(Post.due_at)) == clock() + PASSIVE_FIRST
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == [Text("已办结")]


async def test_what_was_held_goes_with_the_next_message(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("已办结"))
    with database.write.begin() as session:
        session.execute(update(Post).values(state=PostState.HELD))
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == [Text("已办结")]


async def test_waking_opens_the_lanes_named_and_no_others(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("mine"))
    post(database, clock, Text("theirs"), address=OTHER)
    with database.write.begin() as session:
        session.execute(update(Post).values(state=PostState.HELD))
    with database.write.begin() as session:
        wake(session, {PERSON.lane}, clock())
    assert states(database) == [PostState.WAITING, PostState.HELD]


async def test_the_oldest_goes_first_where_more_waits_than_is_looked_at(
    database: Database, clock: StandingClock
) -> None:
    for number in range(AT_ONCE + 3):
        post(database, clock, Text(f"{number}"))
    post(database, clock, Text("answer"), claim(database, clock, "m1"))
    said = await Mailbox(database, clock).take(PERSON, "m1", anything)
    assert said == [Text("answer"), *(Text(f"{number}") for number in range(AT_ONCE - 1))]


async def test_nothing_overtakes_what_an_answer_leaves_to_be_sent(database: Database, clock: StandingClock) -> None:
    def no_cards(contents: Sequence[Text | Card]) -> bool:
        return all(isinstance(content, Text) for content in contents)

    message_id = claim(database, clock, "m1")
    post(database, clock, Text("before"))
    post(database, clock, Card("照片"))
    post(database, clock, Text("after"))
    post(database, clock, Text("answer"), message_id)
    post(database, clock, File("名册.xlsx", "roster:1"), message_id)
    post(database, clock, Text("below the file"), message_id)
    mailbox = Mailbox(database, clock)
    assert await mailbox.take(PERSON, "m1", no_cards, whole=True) == [Text("answer"), Text("before")]
    assert await mailbox.take(PERSON, "m2", no_cards, whole=True) == []


async def test_what_came_too_late_for_the_answer_is_not_taken(database: Database, clock: StandingClock) -> None:
    """It would be taken out of the outbox, and nobody would hear it."""
    post(database, clock, Text("answer"), claim(database, clock, "m1"))
    mailbox = Mailbox(database, clock)
    with pytest.raises(TimeoutError):
        await mailbox.take(PERSON, "m1", anything, by=time.monotonic() - 0.1)
    assert states(database) == [PostState.WAITING]
    assert await mailbox.take(PERSON, "m1", anything, by=time.monotonic() + 60) == [Text("answer")]


async def test_what_is_of_no_use_any_more_is_not_said(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("马上开课"))
    with database.write.begin() as session:
        late = clock() - timedelta(minutes=1)
        session.execute(update(Post).values(state=PostState.HELD, useful_until=late))
    assert await Mailbox(database, clock).take(PERSON, "m1", anything) == []


async def test_a_post_that_cannot_be_read_does_not_silence_the_others(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("broken"))
    with database.write.begin() as session:
        session.execute(update(Post).values(content=b'{"kind": "of a later version"}'))
    post(database, clock, Text("answer"), claim(database, clock, "m1"))
    assert await Mailbox(database, clock).take(PERSON, "m1", anything, whole=True) == [Text("answer")]
    assert states(database) == [PostState.WAITING, PostState.TAKEN]


async def test_a_server_that_begins_tries_what_was_held_once_more(database: Database, clock: StandingClock) -> None:
    post(database, clock, Text("mine"))
    post(database, clock, Text("theirs"), address=OTHER)
    with database.write.begin() as session:
        session.execute(update(Post).values(state=PostState.HELD))
    with database.write.begin() as session:
        wake_all(session, clock())
    assert states(database) == [PostState.WAITING, PostState.WAITING]
