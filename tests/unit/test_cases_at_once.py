"""Several processes on one case, or on one rung of the ladder, at the same moment: the first does it, and once."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import event, select

from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.router import Router
from models.cases import Action, Case, CaseKind, CaseState, CaseStep
from models.database import Database
from models.escalations import Escalation
from models.outbox import Post as OutboxPost
from models.people import Post
from schedules import case_overdue
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, posts, shanghai
from tests.unit.test_ladder import UNIT_CHAT, Town
from tests.unit.understood import understanding

COMMANDS = {"老陈": "受理 1001", "老秦": "退单 1001 不归我们管"}


def said(who: str, number: int, clock: StandingClock) -> IncomingMessage:
    return IncomingMessage(
        platform="feishu",
        bot="main",
        key=f"at once {number} {who}",
        chat=f"private {who}",
        private=True,
        sender=f"ou_{who}",
        sent_at=clock(),
        kind="message",
        text=COMMANDS[who],
        addressed=True,
        ref="om",
    )


@pytest.fixture
def two(database_address: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' own connections to one database."""
    opened = Database(database_address), Database(database_address)
    yield opened
    for each in opened:
        each.close()


@pytest.mark.anyio
@pytest.mark.parametrize("turn", range(4))
async def test_of_受理_and_退单_at_once_one_is_done_and_the_other_told(  # noqa: N802
    two: tuple[Database, Database], clock: StandingClock, turn: int
) -> None:
    with two[0].write.begin() as session:
        town = Town(session)
        City(session).person(town.unit, "老秦", Post.CONTACT)
        town.sent(town.case())
    both = Barrier(2)
    if not two[0].embedded:  # SQLite lets one writer in at a time
        for each in two:
            meet_before_writing(each, both)
    intakes = [GroupCommitIntake(each, Router(understanding()), clock, ROADS) for each in two]
    for intake in intakes:
        intake.start(lambda: None)
    messages = [said(who, turn, clock) for who in COMMANDS]
    await asyncio.gather(*(intake.submit(message) for intake, message in zip(intakes, messages, strict=True)))
    for intake in intakes:
        await intake.close()
    with two[0].read() as session:
        steps = list(session.scalars(select(CaseStep.action).order_by(CaseStep.id)))[2:]
        assert steps in ([Action.ACCEPT], [Action.RETURN])
        state = session.scalars(select(Case.state)).one()
        assert state is (CaseState.IN_PROGRESS if steps == [Action.ACCEPT] else CaseState.ACCEPTED)
    refused = [text for _, text in posts(two[0]) if "不能" in text or "不在您这边办" in text]
    assert len(refused) == 1
    assert not [text for _, text in posts(two[0]) if "没有处理成功" in text]


def meet_before_writing(database: Database, both: Barrier) -> None:
    """Both have read the case before either writes it; from the second time on nobody waits."""
    met: list[bool] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _meet(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if not met and statement.startswith("UPDATE cases"):
            met.append(True)
            both.wait(30)


def test_two_schedulers_at_once_climb_each_rung_once_and_say_it_once(two: tuple[Database, Database]) -> None:
    with two[0].write.begin() as session:
        town = Town(session)
        for kind in (CaseKind.HAZARD, CaseKind.HAZARD, CaseKind.APPEAL):
            town.sent(town.case(kind=kind))
    late = shanghai(12, 14, 15)
    jobs = (case_overdue.JOB,)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda database: run_due(database, late, ROADS, jobs), two))
    run_due(two[0], late, ROADS, jobs)
    with two[0].read() as session:
        climbed = [(each.case_id, each.cause, each.rung) for each in session.scalars(select(Escalation))]
        assert len(climbed) == len(set(climbed)) == 3 * 6  # two causes, three rungs each
        targets = list(session.scalars(select(OutboxPost.target)))
    assert targets.count(UNIT_CHAT) == 1
    assert targets.count("ou_工委书记") == 1
