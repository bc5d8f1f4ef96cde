"""Slots, catching up, quiet hours and the lease."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from bot.content import Text
from bot.posting import Address
from models.database import Database
from models.leases import Lease
from models.organisations import OrganisationKind
from models.people import Occupation
from schedules.calendar import RUSH_HOURS
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job
from schedules.runner import LOOK_BACK, Scheduler, next_due, run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, posts, shanghai, slots

DUE = shanghai(11, 23, 15)
NOON = shanghai(11, 24, 12)
HERE = Address("feishu", "main", "oc_here")


def say(work: Work) -> None:
    """Says the due's target."""
    work.posting.post(HERE, Text(work.due.target))


def fail(work: Work) -> None:
    """Says something, and then fails."""
    say(work)
    work.posting.write()
    raise LookupError(work.due.target)


def job(*dues: Due) -> Job:
    """A job that names these."""

    def name_them(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
        yield from dues

    return Job("job", name_them)


def due(target: str = "a", at: datetime = DUE, hours: float = 48, **more: object) -> Due:
    """Something due that is useful for some hours."""
    made = {"run": say, "useful_until": at + timedelta(hours=hours)} | more
    return Due("job", target, "2026-11-23", at, **made)  # type: ignore[arg-type]  # the keywords are the tests' own


def test_a_due_thing_is_done_once(database: Database) -> None:
    assert run_due(database, DUE - timedelta(seconds=1), ROADS, [job(due())]) == 0
    assert run_due(database, DUE, ROADS, [job(due())]) == 1
    assert run_due(database, DUE, ROADS, [job(due())]) == 0
    assert posts(database) == [("oc_here", "a")]
    assert slots(database) == [("job", "2026-11-23", False)]


def test_two_schedulers_at_once_do_it_once(database: Database) -> None:
    barrier = threading.Barrier(2)
    jobs = [job(*(due(f"target {number}") for number in range(20)))]
    done: list[int] = []

    def run() -> None:
        barrier.wait()
        done.append(run_due(database, DUE, ROADS, jobs))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 20
    assert len(posts(database)) == len({text for _, text in posts(database)}) == 20


def test_after_downtime_what_is_still_useful_is_done_and_the_rest_is_missed(database: Database) -> None:
    late, useful = due("late", hours=2), due("useful", hours=30)
    assert run_due(database, DUE + timedelta(hours=20), ROADS, [job(late, useful)]) == 1
    assert posts(database) == [("oc_here", "useful")]
    assert sorted(missed for _, _, missed in slots(database)) == [False, True]


def test_what_is_older_than_a_run_looks_back_is_left_alone_unless_it_is_never_too_late(database: Database) -> None:
    jobs = [job(due("old", hours=9999), due("never too late", useful_until=None))]
    assert run_due(database, DUE + LOOK_BACK + timedelta(days=1), ROADS, jobs) == 1
    assert posts(database) == [("oc_here", "never too late")]


def test_dues_are_done_in_their_order(database: Database) -> None:
    jobs = [job(due("second", DUE + timedelta(minutes=1)), due("first"))]
    assert run_due(database, DUE + timedelta(hours=1), ROADS, jobs) == 2
    assert [text for _, text in posts(database)] == ["first", "second"]


def test_one_that_fails_leaves_nothing_stops_nobody_and_is_tried_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert run_due(database, DUE, ROADS, [job(due("bad", run=fail), due("good"))]) == 1
    assert "job of bad in 2026-11-23 failed" in caplog.text
    assert posts(database) == [("oc_here", "good")]
    assert run_due(database, DUE, ROADS, [job(due("bad"), due("good"))]) == 1
    assert [text for _, text in posts(database)] == ["good", "bad"]


def test_a_job_that_cannot_name_its_dues_stops_no_other(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def broken(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
        raise LookupError
        yield due()

    with caplog.at_level(logging.ERROR):
        assert run_due(database, DUE, ROADS, [Job("broken", broken), job(due())]) == 1
    assert "broken cannot say what is due" in caplog.text


def test_a_late_post_waits_for_the_next_quiet_minute(database: Database) -> None:
    jobs = [job(due(rush_hours=RUSH_HOURS[Occupation.FOOD]))]
    assert run_due(database, NOON, ROADS, jobs) == 0
    assert slots(database) == []
    assert next_due(database, NOON, NOON + timedelta(days=1), jobs) == shanghai(11, 24, 13, 30)
    assert run_due(database, shanghai(11, 24, 13, 30), ROADS, jobs) == 1


def test_what_is_of_no_use_by_the_next_quiet_minute_is_missed(database: Database) -> None:
    waiting = due(rush_hours=RUSH_HOURS[Occupation.FOOD], useful_until=shanghai(11, 24, 13, 0))
    assert next_due(database, NOON, NOON + timedelta(days=1), [job(waiting)]) is None
    assert run_due(database, NOON, ROADS, [job(waiting)]) == 0
    assert run_due(database, shanghai(11, 24, 13, 0), ROADS, [job(waiting)]) == 0
    assert slots(database) == [("job", "2026-11-23", True)]


def test_the_next_due_is_the_first_that_is_not_settled(database: Database) -> None:
    jobs = [job(due("a"), due("b", DUE + timedelta(hours=1)))]
    before = DUE - timedelta(days=3)
    assert next_due(database, before, DUE + timedelta(days=1), jobs) == DUE
    assert next_due(database, before, DUE - timedelta(seconds=1), jobs) is None
    run_due(database, DUE, ROADS, jobs)
    assert next_due(database, DUE, DUE + timedelta(days=1), jobs) == DUE + timedelta(hours=1)


def test_unreadable_rush_hours_give_way_to_those_of_the_members(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        odd = city.organisation("甲", rush_hours=[["soon", "later"]])
        own = city.organisation("乙", rush_hours=[])
        top = city.organisation("丙", OrganisationKind.COMMITTEE)
        below = city.organisation("丁", parent=top)
        for organisation in (odd, own, below):
            city.person(organisation, f"{organisation.name}小李", occupation=Occupation.FOOD)
        directory = Directory(session)
        assert directory.rush_hours(odd) == RUSH_HOURS[Occupation.FOOD]
        assert directory.rush_hours(own) == ()
        assert directory.rush_hours(top) == directory.rush_hours(below) == RUSH_HOURS[Occupation.FOOD]


@pytest.fixture
def friday(database: Database) -> datetime:
    """When the one branch's digest is due."""
    with database.write.begin() as session:
        city = City(session)
        city.chat(city.organisation(), "oc_branch")
    return shanghai(12, 4, 15, 30)


def scheduler(database: Database, clock: StandingClock, woken: list[str], name: str = "") -> Scheduler:
    """A scheduler that notes when it wakes the outbox."""
    return Scheduler(database, clock, ROADS, lambda: woken.append(name))


def test_the_scheduler_runs_at_once_and_wakes_the_outbox(database: Database, friday: datetime) -> None:
    async def serve() -> None:
        woken = asyncio.Event()
        running = Scheduler(database, StandingClock(friday), ROADS, woken.set)
        running.start()
        await woken.wait()
        await running.close()
        assert await running.turn() == 0

    asyncio.run(asyncio.wait_for(serve(), 20))
    assert ("branch_digest", "2026-W49", False) in slots(database)
    assert [whom for whom, _ in posts(database)] == ["oc_branch"]


def test_only_the_holder_of_the_lease_runs_and_closing_hands_it_over(database: Database, friday: datetime) -> None:
    async def serve() -> None:
        clock, woken = StandingClock(shanghai(11, 23, 8)), list[str]()
        first, second = (scheduler(database, clock, woken, name) for name in ("first", "second"))
        assert (await first.turn(), await second.turn()) == (0, 0)
        clock.move_to(friday - timedelta(minutes=1))
        await first.turn()
        clock.move_to(friday)
        assert await second.turn() == 0
        await first.close()
        assert await second.turn() == 1
        assert woken[-1] == "second"

    asyncio.run(serve())


def test_a_holder_that_died_is_followed_when_its_lease_ends(database: Database, friday: datetime) -> None:
    with database.write.begin() as session:
        session.add(Lease(name="scheduler", owner="dead", until=friday + timedelta(seconds=60)))

    async def serve() -> None:
        clock = StandingClock(friday)
        living = scheduler(database, clock, [])
        assert await living.turn() == 0
        clock.move_to(friday + timedelta(seconds=60))
        assert await living.turn() == 1

    asyncio.run(serve())


def build_city(session: Session) -> None:
    """62 organisations above 86 branches, 1,506 members."""
    city = City(session)
    top = city.organisation("兰州市两新工委", OrganisationKind.COMMITTEE)
    committees = [city.organisation(f"第{n}行业党委", OrganisationKind.COMMITTEE, top) for n in range(61)]
    for number in range(86):
        branch = city.organisation(f"第{number}流动党支部", parent=committees[number % 61])
        city.chat(branch, f"oc_{number}")
        for member in range(17 if number >= 44 else 18):
            city.person(branch, f"{number}-{member}", occupation=Occupation.FOOD, reachable=False)


def test_a_run_with_nothing_due_is_cheap_for_a_city(database: Database) -> None:
    with database.write.begin() as session:
        build_city(session)
    now = shanghai(12, 4, 15, 31)
    assert run_due(database, now, ROADS) == 86
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert run_due(database, now, ROADS) == 0
        took.append(time.perf_counter() - started)
    assert min(took) < 0.5, "ten times what it takes on a small machine"
