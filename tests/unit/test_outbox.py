"""Outbox: in order within a lane, shared by leases, each post once."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from bot.clock import system_clock
from bot.content import Acknowledge, Attachment, Card, File, Text
from bot.delivery import Closed, Delivery, Limits, Refused, RetryLater, Uncertain
from bot.links import Links, subject_of
from bot.outbox import GATHER, GIVE_UP, HELD_FOR, PHOTOS_LATE, Outbox
from bot.posting import REFRESH_AFTER, Address, Posting, Roads
from models.database import Database
from models.downloads import Download, DownloadState
from models.inbox import Claim, Outcome
from models.outbox import Post, PostKind, PostState, wake
from tests.conftest import StandingClock

CHAT = Address("feishu", "main", "oc_1")
OTHER = Address("feishu", "main", "oc_2")


class ScriptedSender:
    """Takes everything, unless a script says otherwise for its next calls."""

    platform = "feishu"
    bot = "main"
    ready = True

    def __init__(self, *script: Exception | None, reactions_at_once: int = 3, once_for: float = 3600.0) -> None:
        self.limits = Limits(
            reactions=True,
            reactions_at_once=reactions_at_once,
            updates=True,
            chat_per_second=1e6,
            acknowledge_after=0.0,
            once_for=once_for,
        )
        self.script = list(script)
        self.calls: list[tuple[str, str, str]] = []
        self.sent: list[str] = []
        self.attached: list[bytes] = []
        self.replied_to: list[str] = []

    async def send(self, delivery: Delivery) -> str:
        text = _said(delivery.content)
        self._call("send", delivery.target, text)
        self.sent.append(delivery.uuid)
        self.replied_to.append(delivery.reply_to)
        if isinstance(delivery.content, Attachment):
            self.attached.append(delivery.content.data)
        return f"om_{text}"

    async def react(self, ref: str, *, chat: str) -> None:
        self._call("react", chat, ref)

    async def update(self, ref: str, card: Card, *, private: bool) -> None:
        self._call("update", ref, card.title)

    def _call(self, kind: str, where: str, what: str) -> None:
        self.calls.append((kind, where, what))
        if self.script and (failure := self.script.pop(0)):
            raise failure


def _said(content: Text | Card | Attachment) -> str:
    match content:
        case Text():
            return content.text
        case Card():
            return content.title
        case Attachment():
            return content.name


def say(database: Database, clock: StandingClock, fill: Callable[[Posting], object]) -> None:
    with database.write.begin() as session:
        posting = Posting(session, clock(), Roads())
        fill(posting)
        posting.write()


def states(database: Database) -> list[PostState]:
    with database.read() as session:
        return list(session.scalars(select(Post.state).order_by(Post.id)))


def hurry(database: Database) -> None:
    """Lets waits for retries be over."""
    with database.write.begin() as session:
        session.execute(update(Post).values(retry_at=None))


async def drained(outbox: Outbox) -> None:
    """Rounds until nothing is left but what a platform asked to wait for."""
    while await outbox._round(await outbox._finished()) or outbox._under_way:
        await asyncio.wait(outbox._under_way, return_when=asyncio.FIRST_COMPLETED)


async def drain(database: Database, sender: ScriptedSender, clock: StandingClock) -> None:
    outbox = Outbox(database, [sender], clock)
    await drained(outbox)
    await outbox.close()


@pytest.mark.anyio
async def test_posts_of_one_lane_go_out_in_order_and_others_do_not_wait(
    database: Database, clock: StandingClock
) -> None:
    def fill(posting: Posting) -> None:
        for number in range(5):
            posting.post(CHAT, Text(f"{number}"))
        posting.post(OTHER, Text("other"))

    say(database, clock, fill)
    sender = ScriptedSender(RetryLater("500", 0.0))
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_1", "0"), ("send", "oc_2", "other")]
    hurry(database)
    await drain(database, sender, clock)
    assert sender.calls[2:] == [("send", "oc_1", f"{number}") for number in range(5)]
    assert set(states(database)) == {PostState.SENT}


@pytest.mark.anyio
async def test_few_acknowledgements_are_ticks_and_many_are_one_line(database: Database, clock: StandingClock) -> None:
    def fill(posting: Posting) -> None:
        for number in range(5):
            posting.acknowledge(CHAT, Acknowledge("已签到", f"骑手{number}"), ref=f"om{number}", message_id=1)
        posting.acknowledge(OTHER, Acknowledge("已签到", "小李"), ref="om9", message_id=1)

    say(database, clock, fill)
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == [("react", "oc_2", "om9")], "many are gathered for a while"
    clock.move_to(clock() + GATHER)
    await drain(database, sender, clock)
    assert sorted(sender.calls) == [
        ("react", "oc_2", "om9"),
        ("send", "oc_1", "✅ 已签到：骑手0、骑手1、骑手2、骑手3、骑手4，共 5 人"),
    ]


@pytest.mark.anyio
async def test_an_acknowledgement_that_may_have_been_made_is_made_again_and_not_merged(
    database: Database, clock: StandingClock
) -> None:
    def fill(posting: Posting) -> None:
        posting.acknowledge(CHAT, Acknowledge("已签到", "小李"), ref="om1", message_id=1)

    say(database, clock, fill)
    sender = ScriptedSender(Uncertain(), reactions_at_once=1)
    await drain(database, sender, clock)

    def more(posting: Posting) -> None:
        for name in "甲乙丙":
            posting.acknowledge(CHAT, Acknowledge("已签到", name), ref=name, message_id=1)

    say(database, clock, more)
    clock.move_to(clock() + GATHER)
    hurry(database)
    await drain(database, sender, clock)
    assert sorted(sender.calls) == [
        ("react", "oc_1", "om1"),
        ("react", "oc_1", "om1"),
        ("send", "oc_1", "✅ 已签到：甲、乙、丙"),
    ]


@pytest.mark.anyio
async def test_a_refused_tick_becomes_a_line(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.acknowledge(CHAT, Acknowledge("已签到", "小李"), ref="om1", message_id=1))
    sender = ScriptedSender(Refused("231002"))
    await drain(database, sender, clock)
    assert sender.calls == [("react", "oc_1", "om1"), ("send", "oc_1", "✅ 已签到：小李")]
    assert states(database) == [PostState.MERGED, PostState.SENT]


@pytest.mark.anyio
async def test_an_unanswered_post_is_tried_again_under_the_same_uuid_and_given_up_after_the_window(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    await drain(database, ScriptedSender(Uncertain()), clock)
    with database.write.begin() as session:
        post = session.scalars(select(Post)).one()
        assert (post.state, post.error) == (PostState.WAITING, "uncertain")
        post.uncertain_since = system_clock() - timedelta(minutes=58)
    hurry(database)
    await drain(database, ScriptedSender(Uncertain()), clock)
    assert states(database) == [PostState.DEAD]


@pytest.mark.anyio
async def test_where_a_platform_knows_no_uuid_an_unanswered_post_is_tried_once_more(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    sender = ScriptedSender(Uncertain(), RetryLater("500", 0.0), Uncertain(), once_for=0)
    for _ in range(4):
        await drain(database, sender, clock)
        hurry(database)
    assert len(sender.calls) == 3
    assert states(database) == [PostState.DEAD]


@pytest.mark.anyio
async def test_an_update_that_is_never_answered_is_given_up_after_a_day(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    await drain(database, ScriptedSender(), clock)
    with database.read() as session:
        uuid = session.scalars(select(Post.uuid)).one()
    say(database, clock, lambda p: p.refresh(uuid, "lesson:1"))
    clock.move_to(clock() + REFRESH_AFTER)
    outbox = Outbox(database, [ScriptedSender(Uncertain(), Uncertain())], clock, {"lesson": lambda _, __: Card("x")})
    await drained(outbox)
    assert states(database)[1] is PostState.WAITING
    clock.move_to(clock() + GIVE_UP + timedelta(seconds=1))
    hurry(database)
    await drained(outbox)
    await outbox.close()
    assert states(database)[1] is PostState.DEAD


@pytest.mark.anyio
async def test_a_refused_post_is_a_dead_letter_and_the_lane_goes_on(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: [p.post(CHAT, Text("one")), p.post(CHAT, Text("two"))])
    await drain(database, ScriptedSender(Refused("230002")), clock)
    assert states(database) == [PostState.DEAD, PostState.SENT]


@pytest.mark.anyio
async def test_a_post_that_is_no_longer_useful_is_missed(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("soon"), useful_until=clock() + timedelta(hours=1)))
    clock.move_to(clock() + timedelta(hours=2))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == []
    assert states(database) == [PostState.MISSED]


@pytest.mark.anyio
async def test_a_card_is_updated_after_it_was_posted_and_updates_are_merged(
    database: Database, clock: StandingClock
) -> None:
    uuids: list[str] = []
    say(database, clock, lambda p: uuids.append(p.post(CHAT, Card("0"))))
    for _ in range(3):
        say(database, clock, lambda p: p.refresh(uuids[0], "test:17"))
    clock.move_to(clock() + REFRESH_AFTER)
    sender = ScriptedSender()
    outbox = Outbox(database, [sender], clock, {"test": lambda _, record_id: Card(f"{record_id} as it is now")})
    await drained(outbox)
    await outbox.close()
    assert sender.calls == [("send", "oc_1", "0"), ("update", "om_0", "17 as it is now")]


@pytest.mark.anyio
async def test_two_processes_share_the_work_and_double_nothing(database: Database, clock: StandingClock) -> None:
    say(
        database, clock, lambda p: [p.post(Address("feishu", "main", f"oc_{n % 20}"), Text(f"{n}")) for n in range(100)]
    )
    senders = [ScriptedSender(), ScriptedSender()]
    await asyncio.gather(*(drain(database, sender, clock) for sender in senders))
    hurry(database)
    await drain(database, senders[0], clock)
    sent = [uuid for sender in senders for uuid in sender.sent]
    assert len(sent) == len(set(sent)) == 100


@pytest.mark.anyio
async def test_what_a_killed_process_had_leased_is_sent_when_its_lease_ends(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    with database.write.begin() as session:
        session.execute(update(Post).values(leased_by="dead", leased_until=system_clock() + timedelta(seconds=30)))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == []
    with database.write.begin() as session:
        session.execute(update(Post).values(leased_until=system_clock() - timedelta(seconds=1)))
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_1", "hello")]
    with database.read() as session:
        post = session.scalars(select(Post)).one()
        assert (post.kind, post.state, post.sent_ref) == (PostKind.POST, PostState.SENT, "om_hello")
        assert post.uncertain_since is not None


@pytest.mark.anyio
async def test_a_limit_on_the_whole_bot_pauses_all_its_lanes(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("one")))
    sender = ScriptedSender(RetryLater("99991400", 60.0, everything=True))
    outbox = Outbox(database, [sender], clock)
    await drained(outbox)
    say(database, clock, lambda p: p.post(OTHER, Text("two")))
    await drained(outbox)
    await outbox.close()
    assert sender.calls == [("send", "oc_1", "one")]


@pytest.mark.anyio
async def test_a_running_outbox_sends_what_is_announced_and_stops(database: Database, clock: StandingClock) -> None:
    sender = ScriptedSender()
    outbox = Outbox(database, [sender], clock)
    outbox.start()
    say(database, clock, lambda p: [p.post(CHAT, Text("one")), p.post(CHAT, Text("two"))])
    assert await outbox.emptied()
    await outbox.close()
    assert [what for _, _, what in sender.calls] == ["one", "two"]


@pytest.mark.anyio
async def test_a_post_that_a_killed_process_may_have_sent_hours_ago_is_not_sent_again(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    with database.write.begin() as session:
        session.execute(update(Post).values(leased_by="dead", leased_until=system_clock() - timedelta(hours=2)))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == []
    assert states(database) == [PostState.DEAD]


@pytest.mark.anyio
async def test_a_post_unanswered_before_a_long_outage_is_not_sent_again_after_it(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    await drain(database, ScriptedSender(Uncertain()), clock)
    with database.write.begin() as session:
        long_ago = system_clock() - timedelta(hours=2)
        session.execute(update(Post).values(uncertain_since=long_ago, retry_at=None))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == []
    assert states(database) == [PostState.DEAD]


@pytest.mark.anyio
async def test_a_thousand_attempts_do_not_overflow_the_backoff(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("hello")))
    with database.write.begin() as session:
        session.execute(update(Post).values(attempts=2000))
    await drain(database, ScriptedSender(RetryLater("unreachable", 0.0)), clock)
    assert states(database) == [PostState.WAITING]


@pytest.mark.anyio
async def test_a_post_that_cannot_be_read_does_not_stop_the_others(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: [p.post(CHAT, Text("broken")), p.post(OTHER, Text("mine"))])
    with database.write.begin() as session:
        session.execute(update(Post).where(Post.target == CHAT.ref).values(content=b'{"kind": "of a later version"}'))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_2", "mine")]
    assert states(database) == [PostState.DEAD, PostState.SENT]


@pytest.mark.anyio
async def test_a_late_post_that_was_leased_when_its_process_died_is_missed(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("soon"), useful_until=clock() + timedelta(hours=1)))
    with database.write.begin() as session:
        session.execute(update(Post).values(leased_by="dead", leased_until=system_clock() - timedelta(seconds=1)))
    clock.move_to(clock() + timedelta(days=3))
    await drain(database, ScriptedSender(), clock)
    assert states(database) == [PostState.MISSED]


def test_a_refresh_that_is_being_sent_does_not_swallow_the_next_change(
    database: Database, clock: StandingClock
) -> None:
    """It may have been rendered before the change could be seen."""
    uuids: list[str] = []
    say(database, clock, lambda p: uuids.append(p.post(CHAT, Card("0"))))
    say(database, clock, lambda p: p.refresh(uuids[0], "test:17"))
    with database.write.begin() as session:
        session.execute(update(Post).where(Post.kind == PostKind.UPDATE).values(leased_by="me"))
    say(database, clock, lambda p: p.refresh(uuids[0], "test:17"))
    with database.read() as session:
        assert len(session.scalars(select(Post).where(Post.kind == PostKind.UPDATE)).all()) == 2


@pytest.mark.anyio
async def test_a_post_to_a_closed_chat_is_held_until_somebody_writes_there(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: [p.post(CHAT, Text("one")), p.post(CHAT, Text("two"))])
    sender = ScriptedSender(Closed("93006"), Closed("93006"))
    await drain(database, sender, clock)
    assert states(database) == [PostState.HELD, PostState.HELD]
    with database.write.begin() as session:
        wake(session, {CHAT.lane}, clock())
    await drain(database, sender, clock)
    assert sender.calls[2:] == [("send", "oc_1", "one"), ("send", "oc_1", "two")]


@pytest.mark.anyio
@pytest.mark.parametrize("useful", [True, False])
async def test_what_is_held_for_too_long_is_missed(database: Database, clock: StandingClock, useful: bool) -> None:
    until = clock() + timedelta(hours=1) if useful else None
    say(database, clock, lambda p: p.post(CHAT, Text("one"), useful_until=until))
    await drain(database, ScriptedSender(Closed("93006")), clock)
    clock.move_to(clock() + (timedelta(hours=2) if useful else HELD_FOR + timedelta(minutes=1)))
    await drain(database, ScriptedSender(), clock)
    assert states(database) == [PostState.MISSED]


@pytest.mark.anyio
async def test_a_bot_whose_connection_another_process_has_is_left_to_it(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("one")))
    elsewhere, here = ScriptedSender(), ScriptedSender()
    elsewhere.ready = False
    await drain(database, elsewhere, clock)
    await drain(database, here, clock)
    assert (elsewhere.calls, here.calls) == ([], [("send", "oc_1", "one")])


@pytest.mark.anyio
async def test_a_file_is_made_when_it_goes_out(database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.post(CHAT, File("名册.xlsx", "roster:12")))
    sender = ScriptedSender()
    outbox = Outbox(database, [sender], clock, files={"roster": lambda _, org: f"org {org}".encode()})
    await drained(outbox)
    await outbox.close()
    assert sender.attached == [b"org 12"]


@pytest.mark.anyio
async def test_a_ledger_of_a_year_holds_up_no_other_post_and_no_message(
    database: Database, clock: StandingClock
) -> None:
    """It was made inside the outbox's transaction: on SQLite nothing at all could be written for half a minute."""
    go_on = threading.Event()

    def slowly(session: Session, _: str) -> bytes:
        assert session.scalar(select(func.count(Post.id))) is not None
        go_on.wait(20)
        return b"ledger"

    say(database, clock, lambda p: p.post(CHAT, File("台账.xlsx", "meetings:12")))
    sender = ScriptedSender()
    outbox = Outbox(database, [sender], clock, files={"meetings": slowly})
    outbox.start()
    try:
        await asyncio.sleep(0.2)
        say(database, clock, lambda p: p.post(OTHER, Text("one")))
        async with asyncio.timeout(2):
            while not sender.calls:
                outbox.announce()
                await asyncio.sleep(0.01)
        assert sender.calls == [("send", "oc_2", "one")]
    finally:
        go_on.set()
        await outbox.close()
    assert sender.attached == [b"ledger"]


@pytest.mark.anyio
async def test_the_lease_of_a_post_is_kept_while_its_file_is_made(
    database: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.outbox.LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr("bot.outbox.RENEW", timedelta(seconds=0.1))
    go_on, sender = threading.Event(), ScriptedSender()

    def slowly(_: Session, subject: str) -> bytes:
        go_on.wait(20)
        return subject.encode()

    say(database, clock, lambda p: p.post(CHAT, File("台账.xlsx", "meetings:12")))
    here, there = (Outbox(database, [sender], clock, files={"meetings": slowly}) for _ in range(2))
    here.start()
    await asyncio.sleep(0.3)
    there.start()
    await asyncio.sleep(1.5)
    go_on.set()
    await here.close()
    await there.close()
    assert sender.attached == [b"12"]


@pytest.mark.anyio
async def test_a_stop_does_not_wait_for_all_files_that_are_to_be_made(database: Database, clock: StandingClock) -> None:
    begun, go_on, sender = threading.Event(), threading.Event(), ScriptedSender()

    def slowly(_: Session, subject: str) -> bytes:
        begun.set()
        go_on.wait(20)
        return subject.encode()

    file = File("台账.xlsx", "meetings:12")
    say(database, clock, lambda p: [p.post(address, file) for address in (CHAT, OTHER)])
    outbox = Outbox(database, [sender], clock, files={"meetings": slowly})
    outbox.start()
    await asyncio.to_thread(begun.wait, 20)
    closing = asyncio.create_task(outbox.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert (sender.attached, states(database)) == ([b"12"], [PostState.SENT, PostState.WAITING])


@pytest.mark.anyio
async def test_a_file_of_which_there_is_no_record_any_more_is_given_up(
    database: Database, clock: StandingClock
) -> None:
    def gone(session: Session, _: str) -> bytes:
        session.get_one(Post, 1)
        return b""

    say(database, clock, lambda p: p.post(CHAT, File("台账.xlsx", "meetings:12")))
    outbox = Outbox(database, [ScriptedSender()], clock, files={"meetings": gone})
    await drained(outbox)
    await outbox.close()
    with database.read() as session:
        assert session.execute(select(Post.state, Post.error)).one() == (PostState.DEAD, "NoResultFound")


@pytest.mark.anyio
@pytest.mark.parametrize("base", ["https://bot.example.org", ""])
async def test_a_platform_without_files_is_given_a_link(base: str, database: Database, clock: StandingClock) -> None:
    say(database, clock, lambda p: p.post(CHAT, File("名册.xlsx", "roster:12")))
    sender = ScriptedSender()
    sender.limits = replace(sender.limits, files=False)
    outbox = Outbox(database, [sender], clock, links=Links(base))
    await drained(outbox)
    await outbox.close()
    ((_, _, said),) = sender.calls
    if not base:
        assert said == "名册.xlsx 在这里发不了文件，服务器也没有配公网地址（public_url）。请跟运维说一声。"
        return
    words, link = said.split("\n")
    assert words == "📎 名册.xlsx（7 天内有效）"
    assert subject_of("file", link.removeprefix(f"{base}/p/file/"), clock()) == "名册.xlsx|roster:12"


@pytest.mark.anyio
async def test_a_card_waits_a_while_for_its_photos(database: Database, clock: StandingClock) -> None:
    name = "a" * 32 + ".jpg"
    with database.write.begin() as session:
        session.add(
            Download(
                name=name,
                platform="feishu",
                bot="main",
                sender="ou_1",
                source="{}",
                state=DownloadState.WAITING,
                created_at=clock(),
                attempts=0,
                message_id=1,
            )
        )
    say(database, clock, lambda p: p.post(CHAT, Card("隐患", photos=(name,))))
    sender = ScriptedSender()
    await drain(database, sender, clock)
    assert sender.calls == []
    clock.move_to(clock() + PHOTOS_LATE + timedelta(seconds=1))
    hurry(database)
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_1", "隐患")]


@pytest.mark.anyio
async def test_where_there_are_no_ticks_the_merged_line_replies_to_the_last_message(
    database: Database, clock: StandingClock
) -> None:
    def fill(posting: Posting) -> None:
        for number in range(2):
            posting.acknowledge(CHAT, Acknowledge("已签到", f"骑手{number}"), ref=f"req{number}", message_id=1)

    say(database, clock, fill)
    sender = ScriptedSender()
    sender.limits = replace(sender.limits, reactions=False)
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_1", "✅ 已签到：骑手0、骑手1")]
    assert sender.replied_to == ["req1"]


@pytest.mark.anyio
async def test_what_was_held_for_days_is_not_given_up_at_the_first_trouble_after_it_was_woken(
    database: Database, clock: StandingClock
) -> None:
    say(database, clock, lambda p: p.post(CHAT, Text("one")))
    sender = ScriptedSender(Closed("93006"), RetryLater("45009", 60.0))
    await drain(database, sender, clock)
    clock.move_to(clock() + 2 * GIVE_UP)
    with database.write.begin() as session:
        wake(session, {CHAT.lane}, clock())
    await drain(database, sender, clock)
    assert states(database) == [PostState.WAITING]
    clock.move_to(clock() + GIVE_UP + timedelta(minutes=1))
    hurry(database)
    await drain(database, ScriptedSender(RetryLater("45009", 60.0)), clock)
    assert states(database) == [PostState.DEAD]


class Met(ScriptedSender):
    """Somebody writes in the chat while the first post to it is being refused."""

    def __init__(self, write: Callable[[], None]) -> None:
        super().__init__(Closed("45015"), Closed("45015"))
        self._write = write

    async def send(self, delivery: Delivery) -> str:
        self._write()
        return await super().send(delivery)


@pytest.mark.anyio
@pytest.mark.parametrize(("bot", "attempts"), [("main", 2), ("another", 1)])
async def test_a_post_that_was_refused_while_somebody_wrote_is_tried_again_before_it_is_held(
    database: Database, clock: StandingClock, bot: str, attempts: int
) -> None:
    def write() -> None:
        if not sender.calls:
            clock.move_to(clock() + timedelta(seconds=1))
            with database.write.begin() as session:
                session.add(_claim(bot, clock()))

    say(database, clock, lambda p: p.post(CHAT, Text("one")))
    sender = Met(write)
    await drain(database, sender, clock)
    assert len(sender.calls) == attempts
    assert states(database) == [PostState.HELD]


def _claim(bot: str, now: datetime) -> Claim:
    return Claim(
        platform="feishu",
        bot=bot,
        key="m1",
        chat=CHAT.ref,
        sender="ou_1",
        intent="help",
        outcome=Outcome.DONE,
        received_at=now,
        message=b"{}",
        answer="",
    )


def test_no_round_reads_the_whole_table_in_sqlite(sqlite_template: Path, clock: StandingClock, tmp_path: Path) -> None:
    """It grows for ever, and a round comes four times a second."""
    path = tmp_path / "copied.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    plans: list[str] = []

    def explain(connection: Any, _: object, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(f"{row[-1]} for {statement}" for row in plan)

    say(database, clock, lambda p: p.post(CHAT, Text("one")))
    event.listen(database.engine, "before_cursor_execute", explain)
    Outbox(database, [ScriptedSender()], clock)._settle_and_lease([], 1)
    database.close()
    assert any("ix_outbox_held" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN outbox for")] == []


@pytest.mark.anyio
async def test_two_people_of_one_name_are_both_named(database: Database, clock: StandingClock) -> None:
    def fill(posting: Posting) -> None:
        for number in range(2):
            posting.acknowledge(CHAT, Acknowledge("已签到", "小李"), ref=f"req{number}", message_id=number + 1)

    say(database, clock, fill)
    sender = ScriptedSender()
    sender.limits = replace(sender.limits, reactions=False)
    await drain(database, sender, clock)
    assert sender.calls == [("send", "oc_1", "✅ 已签到：小李、小李")]
