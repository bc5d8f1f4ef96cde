"""Where a person may not be written to first, the group in which they asked is told that an answer waits."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

import handlers  # noqa: F401  # it registers them
from bot.beckon import FOR_COMPANY, NEWCOMER, WAITS
from bot.content import Text, load
from bot.delivery import Closed, Delivery, Limits
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.outbox import Outbox
from bot.posting import Roads
from bot.router import Router
from bot.web.demo import seed_demo
from models.database import Database
from models.outbox import Post, PostState, wake
from models.people import Identity
from tests.conftest import StandingClock
from tests.unit.understood import understanding

LIMITS = Limits(
    reactions=False,
    reactions_at_once=0,
    updates=False,
    chat_per_second=1e6,
    acknowledge_after=0.0,
    once_for=0.0,
    closes=True,
)
ASKED = IncomingMessage(
    "wecom_aibot",
    "main",
    "m1",
    "branch",
    False,
    "u4",
    datetime.fromisoformat("2026-11-23T07:00Z"),
    text="我有多少积分",
    addressed=True,
    ref="req1",
)

pytestmark = pytest.mark.anyio


class Shy:
    """May write to groups, and to nobody who has not written in private."""

    platform = "wecom_aibot"
    bot = "main"
    limits = LIMITS
    ready = True

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    async def send(self, delivery: Delivery) -> str:
        if delivery.to_person:
            raise Closed("93006")
        assert isinstance(delivery.content, Text)
        self.said.append((delivery.target, delivery.content.text, delivery.reply_to))
        return "sent"

    async def react(self, ref: str, *, chat: str) -> None:
        raise AssertionError("there are no ticks")

    async def update(self, ref: str, card: object, *, private: bool) -> None:
        raise AssertionError("there are no updates")


async def answered(database: Database, clock: StandingClock, *messages: IncomingMessage) -> Shy:
    """What is said where, once these messages have been taken and everything due is out."""
    seed_demo(database, clock())
    with database.write.begin() as session:
        for identity in session.scalars(select(Identity)):
            identity.provider, identity.platform, identity.bot = "wecom", None, None
    roads = Roads(limits={("wecom_aibot", "main"): LIMITS})
    intake = GroupCommitIntake(database, Router(understanding()), clock, roads)
    for message in messages:
        intake.process([message])
    return await sent(database, clock)


async def sent(database: Database, clock: StandingClock) -> Shy:
    """What is said where, once everything due is out."""
    shy = Shy()
    outbox = Outbox(database, [shy], clock)
    outbox.start()
    assert await outbox.emptied()
    clock.move_to(clock() + FOR_COMPANY)
    assert await outbox.emptied()
    await outbox.close()
    return shy


def held(database: Database) -> list[str]:
    with database.read() as session:
        posts = list(session.scalars(select(Post).where(Post.state == PostState.HELD)))
        return [content.text for post in posts if isinstance(content := load(post.content), Text)]


async def test_the_group_is_told_once_for_all_and_not_what(database: Database, clock: StandingClock) -> None:
    again = replace(ASKED, key="m2", ref="req2")
    stranger = replace(ASKED, key="m3", sender="nobody", ref="req3")
    shy = await answered(database, clock, ASKED, again, stranger)
    with database.read() as session:
        name = session.scalars(select(Identity).where(Identity.ref == "u4")).one().person.name
    ((where, text, ref),) = shy.said
    call, _, names = text.partition("：")
    assert (where, call, set(names.split("、"))) == ("branch", f"✅ {WAITS}", {name, NEWCOMER})
    assert ref in {"req1", "req2", "req3"}, "where a post needs a message to reply to, it has one"
    assert len(held(database)) == 3


async def test_who_asked_in_private_needs_no_call(database: Database, clock: StandingClock) -> None:
    shy = await answered(database, clock, replace(ASKED, private=True, chat="u4"))
    assert shy.said == []
    assert len(held(database)) == 1


async def test_who_is_told_of_what_others_did_is_not_called(database: Database, clock: StandingClock) -> None:
    hazard = replace(ASKED, private=True, chat="u4", text="东门井盖没了")
    shy = await answered(database, clock, hazard)
    assert shy.said == []


async def test_the_group_is_not_told_again_of_what_stays_closed_after_the_person_has_written(
    database: Database, clock: StandingClock
) -> None:
    await answered(database, clock, ASKED)
    with database.write.begin() as session:
        wake(session, {"wecom_aibot:main:@u4"}, clock())
    assert (await sent(database, clock)).said == []
    assert len(held(database)) == 1
