"""Intake: claimed once, durably; one commit for many; one failure takes nobody else with it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.content import Text, load
from bot.handling import Context, Reply, Who, handles
from bot.intake import APOLOGY, BATCH, GroupCommitIntake
from bot.messages import IncomingMessage, Pending, Receipt, Unavailable, load_message
from bot.posting import Roads
from bot.router import Router
from bot.understanding.intent import NONE, Intent
from models.audit import AuditEntry
from models.chats import Chat
from models.database import Database
from models.downloads import Download
from models.inbox import Claim, Outcome
from models.outbox import Post
from tests.conftest import StandingClock

_conflicts: dict[str, Any] = {"left": 0, "kind": IntegrityError}


@handles("test_echo", by=Who.ANYONE)
def echo(context: Context, intent: Intent) -> Reply:
    context.session.add(
        AuditEntry(at=context.now, actor_id=None, action="echo", subject="", message_id=context.message_id)
    )
    if "boom" in context.message.text:
        raise RuntimeError("secret words of a member")
    if "conflict" in context.message.text and _conflicts["left"]:
        _conflicts["left"] -= 1
        raise _conflicts["kind"]("insert", {}, Exception())
    return Text(f"{intent.name} {context.message.text}")


class Echo:
    """Understands everything as an echo, but chatter."""

    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        return NONE if text == "chatter" else Intent("test_echo", 1.0, reply=True)


def message(text: str, key: str) -> IncomingMessage:
    return IncomingMessage(
        "sandbox",
        "main",
        key,
        "branch",
        False,
        "u1",
        datetime.fromisoformat("2026-11-23T07:00Z"),
        text=text,
        addressed=True,
    )


def make_intake(database: Database, clock: StandingClock) -> GroupCommitIntake:
    return GroupCommitIntake(database, Router(Echo()), clock, Roads())


@asynccontextmanager
async def started(intake: GroupCommitIntake) -> AsyncIterator[GroupCommitIntake]:
    intake.start(lambda: None)
    yield intake
    await intake.close()


async def submit_all(intake: GroupCommitIntake, messages: Sequence[IncomingMessage]) -> list[Receipt]:
    return list(await asyncio.gather(*map(intake.submit, messages)))


def count(database: Database, model: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.anyio
async def test_one_failing_message_of_a_batch_leaves_the_others_done_and_answered(
    database: Database, clock: StandingClock
) -> None:
    messages = [message("boom" if number == 77 else f"n{number}", f"k{number}") for number in range(BATCH)]
    async with started(make_intake(database, clock)) as intake:
        receipts = await submit_all(intake, messages)
    answers = [receipt.answer for receipt in receipts]
    assert answers == [APOLOGY if m.text == "boom" else f"test_echo {m.text}" for m in messages]
    assert count(database, AuditEntry) == BATCH - 1
    assert count(database, Post) == BATCH
    with database.read() as session:
        (dead,) = session.scalars(select(Claim).where(Claim.outcome == Outcome.DEAD))
        assert load_message(dead.message).text == "boom"
        assert "RuntimeError" in (dead.error or "")


@pytest.mark.anyio
async def test_a_redelivered_message_gets_the_same_answer_and_has_no_second_effect(
    database: Database, clock: StandingClock
) -> None:
    async with started(make_intake(database, clock)) as intake:
        first = await intake.submit(message("hello", "k1"))
        again = await submit_all(intake, [message("hello", "k1")] * 5)
    assert first == Receipt("test_echo hello", duplicate=False)
    assert again == [Receipt("test_echo hello", duplicate=True)] * 5
    assert count(database, AuditEntry) == 1
    assert count(database, Post) == 1


def test_a_message_that_comes_twice_in_one_batch_is_done_once(database: Database, clock: StandingClock) -> None:
    receipts = make_intake(database, clock).process([message("hello", "k1"), message("hello", "k1")])
    assert [receipt.duplicate for receipt in receipts] == [False, True]
    assert count(database, AuditEntry) == 1


def test_a_redelivered_dead_letter_gets_the_apology_again(database: Database, clock: StandingClock) -> None:
    intake = make_intake(database, clock)
    first = intake._results([message("boom", "k1")])
    again = intake._results([message("boom", "k1")])
    assert first == [Receipt(APOLOGY, duplicate=False)]
    assert again == [Receipt(APOLOGY, duplicate=True)]
    assert count(database, Post) == 1


def test_a_dead_letter_that_nobody_sent_gets_no_apology(database: Database, clock: StandingClock) -> None:
    """The list of a group's people has no sender."""
    make_intake(database, clock)._results([replace(message("boom", "k1"), sender="")])
    assert count(database, Claim) == 1
    assert count(database, Post) == 0


@pytest.mark.parametrize("kind", [IntegrityError, OperationalError])
def test_a_conflict_with_another_process_is_tried_again(
    kind: type[Exception], database: Database, clock: StandingClock
) -> None:
    _conflicts.update(left=2, kind=kind)
    assert make_intake(database, clock)._results([message("conflict", "k1")]) == [
        Receipt("test_echo conflict", duplicate=False)
    ]
    assert count(database, AuditEntry) == 1


def test_chatter_is_not_kept(database: Database, clock: StandingClock) -> None:
    assert make_intake(database, clock).process([message("chatter", "k1")]) == [Receipt("", duplicate=False)]
    assert count(database, Claim) == 0
    assert count(database, Post) == 0


def test_what_people_said_is_not_logged(
    database: Database, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    make_intake(database, clock)._results([message("boom", "k1")])
    assert "RuntimeError" in caplog.text
    assert "secret words" not in caplog.text


def test_a_dead_letter_can_be_replayed_once_its_cause_is_mended(database: Database, clock: StandingClock) -> None:
    intake = make_intake(database, clock)
    intake._results([message("boom", "k1")])
    with database.read() as session:
        claim_id = session.scalars(select(Claim.id)).one()
    intake.replay(message("mended", "k1"), claim_id)
    with database.read() as session:
        claim = session.get_one(Claim, claim_id)
        assert claim.outcome is Outcome.REPLAYED
        contents = [load(post.content) for post in session.scalars(select(Post).order_by(Post.id))]
    assert contents == [Text(APOLOGY), Text("test_echo mended")]


@pytest.mark.anyio
async def test_messages_are_refused_while_the_database_is_away(
    database: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("connect", {}, Exception())

    async with started(make_intake(database, clock)) as intake:
        with monkeypatch.context() as patch:
            patch.setattr(database, "write", type("Away", (), {"begin": away}))
            patch.setattr(database, "ping", away)
            with pytest.raises(Unavailable):
                await intake.submit(message("hello", "k1"))
        assert await intake.submit(message("hello", "k1")) == Receipt("test_echo hello", duplicate=False)


def test_a_dead_letter_that_is_replayed_gets_its_photos(database: Database, clock: StandingClock) -> None:
    """They were not asked for when it failed, and some platforms keep them for days."""
    intake = make_intake(database, clock)
    photo = Pending("a" * 32 + ".jpg", "m1")
    intake._results([replace(message("boom", "k1"), photos=(photo.name,), pending=(photo,))])
    assert count(database, Download) == 0
    with database.read() as session:
        claim_id = session.scalars(select(Claim.id)).one()
    intake.replay(replace(message("hello", "k1"), photos=(photo.name,), pending=(photo,)), claim_id)
    with database.read() as session:
        download = session.scalars(select(Download)).one()
        assert (download.name, download.source, download.message_id) == (photo.name, photo.source, claim_id)


def test_a_group_is_called_what_it_is_called_by_now(database: Database, clock: StandingClock) -> None:
    intake = make_intake(database, clock)
    for number, title in enumerate(("", "幸福里", "", "幸福里骑手")):
        intake.process([replace(message("chatter", f"m{number}"), chat_title=title)])
    with database.read() as session:
        assert session.scalars(select(Chat.title)).one() == "幸福里骑手"
