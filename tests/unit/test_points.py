"""Points: double entry whose sum is zero, caps, no cause twice, and nobody who approves a claim of their own."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.clock import local, start_of_day, start_of_month
from models.database import Database
from models.people import Person, Post
from models.points import (
    GRANT,
    HAZARD,
    LESSON,
    SERVICE,
    Account,
    Award,
    ClaimState,
    Ledger,
    PointClaim,
    PointEntry,
    PointRule,
    balance,
    earned_since,
)
from tests.conftest import StandingClock
from tests.unit.city import City, shanghai
from tests.unit.talk import Said, Talk

RULES = {rule.name: rule for rule in (LESSON, HAZARD, SERVICE, GRANT)}
MOMENTS = [
    shanghai(11, 29, 23, 59),
    shanghai(11, 30),
    shanghai(11, 30, 15),
    shanghai(12, 1),
    shanghai(12, 1, 7, 30),
    shanghai(12, 31, 23, 59),
]
"""Around midnights, the end of a month, and hours at which the day in UTC is another one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An award that is asked for."""

    person: int
    rule: PointRule
    points: int
    cause: str


wishes = st.builds(
    Wish,
    person=st.integers(0, 2),
    rule=st.sampled_from(list(RULES.values())),
    points=st.integers(-1, 150),
    cause=st.integers(1, 12).map("case:{}".format),
)
batches = st.lists(st.tuples(st.sampled_from(MOMENTS), st.lists(wishes, max_size=8)), max_size=8)


class Book:
    """What is expected, reckoned in the plainest way."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, str, datetime, int]] = []

    def left(self, wish: Wish, now: datetime) -> int:
        same = [(at, points) for person, rule, _, at, points in self.entries if (person, rule) == _of(wish)]
        today = sum(points for at, points in same if local(at).date() == local(now).date())
        month = sum(points for at, points in same if local(at).strftime("%Y%m") == local(now).strftime("%Y%m"))
        return min(wish.rule.per_day - today, wish.rule.per_month - month)

    def award(self, wish: Wish, now: datetime) -> int:
        points = max(0, min(wish.points, self.left(wish, now)))
        if points:
            self.entries.append((wish.person, wish.rule.name, wish.cause, now, points))
        return points

    def causes(self) -> list[tuple[int, str]]:
        return [(person, cause) for person, _, cause, _, _ in self.entries]


def _of(wish: Wish) -> tuple[int, str]:
    return wish.person, wish.rule.name


@contextmanager
def given_up(database: Database) -> Iterator[tuple[Session, list[Person]]]:
    """Three people of two branches, in a transaction that is given up in the end."""
    with database.write() as session:
        city = City(session)
        one, other = city.organisation(), city.organisation("另一支部")
        yield session, [city.person(one, "甲"), city.person(one, "乙"), city.person(other, "丙")]
        session.rollback()


@given(batches=batches)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_awarded_the_books_balance(database: Database, batches: list[tuple[datetime, list[Wish]]]) -> None:
    book = Book()
    with given_up(database) as (session, people):
        for now, batch in sorted(batches, key=lambda pair: pair[0]):
            before, granted = list(book.entries), [book.award(wish, now) for wish in batch]
            if len(set(book.causes())) == len(book.entries):
                assert _award(session, people, batch, now) == granted
            else:
                with pytest.raises(IntegrityError), session.begin_nested():
                    _award(session, people, batch, now)
                book.entries = before
        _check(session, people, book)


def _award(session: Session, people: list[Person], batch: list[Wish], now: datetime) -> list[int]:
    """One batch, with a ledger of its own, as the intake does it."""
    ledger = Ledger(session, start_of_day(now), start_of_month(now))
    ledger.know(people[:2])
    awards = [(people[wish.person], Award(wish.rule, wish.points, wish.cause, 1)) for wish in batch]
    granted = [ledger.award(person, award, now) for person, award in awards]
    session.flush()
    return granted


def _check(session: Session, people: list[Person], book: Book) -> None:
    entries = list(session.scalars(select(PointEntry)))
    assert Counter(e.points for e in entries) == Counter(points for *_, points in book.entries)
    balances: Counter[int] = Counter()
    for entry in entries:
        balances[entry.to_account_id] += entry.points
        balances[entry.from_account_id] -= entry.points
    assert sum(balances.values()) == 0
    accounts = {account.id: account.person_id for account in session.scalars(select(Account))}
    assert set(balances) <= set(accounts)
    for number, person in enumerate(people):
        own = sum(points for owner, *_, points in book.entries if owner == number)
        assert balance(session, person) == own
        assert own == sum(total for account, total in balances.items() if accounts[account] == person.id)
    assert all(total < 0 for account, total in balances.items() if accounts[account] is None)
    _check_caps(book)


def _check_caps(book: Book) -> None:
    days: Counter[tuple[object, ...]] = Counter()
    months: Counter[tuple[object, ...]] = Counter()
    for person, rule, _, at, points in book.entries:
        days[person, rule, local(at).date()] += points
        months[person, rule, local(at).month] += points
    assert all(total <= RULES[str(key[1])].per_day for key, total in days.items())
    assert all(total <= RULES[str(key[1])].per_month for key, total in months.items())


def test_what_was_earned_before_counts_towards_the_cap_of_the_day_and_not_of_the_next(database: Database) -> None:
    evening, morning = shanghai(11, 23, 22), shanghai(11, 24, 6)
    with given_up(database) as (session, people):
        wishes = [Wish(0, LESSON, 2, f"lesson:{number}") for number in range(6)]
        assert _award(session, people, wishes, evening) == [2, 2, 2, 2, 2, 0]
        assert _award(session, people, [Wish(0, LESSON, 2, "lesson:7")], evening) == [0]
        assert _award(session, people, [Wish(0, LESSON, 2, "lesson:7")], morning) == [2]
        assert earned_since(session, people, morning) == {people[0].id: 2}


# Claims


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    with database.write.begin() as session:
        city = City(session)
        committee = city.committee()
        branch = city.branch("小李", parent=committee, chat="")
        city.person(branch, "小吴", Post.ORGANISATION)
        city.branch(name="另一支部", secretary="孙书记", parent=committee, chat="")
    return Talk(database, clock, admins=("feishu:ou_管理员", "feishu:ou_小李"))


def claimed(talk: Talk, who: str = "小李", hours: float = 2) -> int:
    """Claims, and returns the number that the answer names."""
    answer = dict(talk.say(who, "points_claim", hours=hours, text="搬物资"))[who]
    return int(answer.removeprefix("申报 ").partition(" ")[0])


def state_of(database: Database, number: int) -> tuple[ClaimState, int]:
    """Where the claim stands, and what has been paid in all."""
    with database.read() as session:
        state = session.scalars(select(PointClaim.state).where(PointClaim.number == number)).one()
        return state, session.scalar(select(func.coalesce(func.sum(PointEntry.points), 0))) or 0


@pytest.mark.parametrize("who", ["王书记", "小吴", "刘书记", "小李"])
@pytest.mark.parametrize("hours", [1, 2, 3])
def test_nobody_approves_a_claim_of_their_own_not_even_an_administrator(
    talk: Talk, database: Database, who: str, hours: float
) -> None:
    number = claimed(talk, who, hours)
    for _ in range(2):
        assert [whom for whom, _ in talk.say(who, "approve_claim", number=number)] == [who]
    assert state_of(database, number) == (ClaimState.WAITING, 0)


def test_two_hours_are_approved_by_one(talk: Talk, database: Database) -> None:
    number = claimed(talk)
    answers = talk.say("王书记", "approve_claim", number=number)
    assert [whom for whom, _ in answers] == ["小李", "王书记"]
    assert all("+20 分" in answer for _, answer in answers)
    assert state_of(database, number) == (ClaimState.APPROVED, 20)


def test_more_than_two_hours_want_two_different_approvers(talk: Talk, database: Database) -> None:
    number = claimed(talk, hours=2.5)
    for _ in range(3):
        talk.say("王书记", "approve_claim", number=number)
        assert state_of(database, number) == (ClaimState.SECOND, 0)
    talk.say("孙书记", "approve_claim", number=number)
    assert state_of(database, number) == (ClaimState.SECOND, 0)
    talk.say("小吴", "approve_claim", number=number)
    assert state_of(database, number) == (ClaimState.APPROVED, 25)
    with database.read() as session:
        entry = session.scalars(select(PointEntry)).one()
        claim = session.scalars(select(PointClaim)).one()
        first = session.scalars(select(Person.id).where(Person.name == "王书记")).one()
        assert (claim.first_approver_id, claim.decided_by) == (first, entry.approved_by)
        assert entry.approved_by not in (None, first)


def test_two_approvals_of_one_person_in_one_batch_are_one(talk: Talk, database: Database) -> None:
    number = claimed(talk, hours=4)
    approval = Said("王书记", "approve_claim", {"number": number})
    talk.all(approval, approval)
    assert state_of(database, number) == (ClaimState.SECOND, 0)


def test_two_who_approve_the_same_claim_in_one_batch_pay_it_once(talk: Talk, database: Database) -> None:
    number = claimed(talk)
    answers = talk.all(*[Said(who, "approve_claim", {"number": number}) for who in ("王书记", "小吴")])
    assert [whom for whom, _ in answers] == ["小李", "王书记", "小吴"]
    assert state_of(database, number) == (ClaimState.APPROVED, 20)


@pytest.mark.parametrize("hours", [2, 3])
def test_an_administrator_outside_the_roster_decides_nothing_that_would_look_automatic(
    talk: Talk, database: Database, hours: float
) -> None:
    number = claimed(talk, hours=hours)
    for decision in (
        Said("管理员", "approve_claim", {"number": number}),
        Said("管理员", "reject_claim", {"number": number, "text": "不行"}),
        Said("管理员", "grant_points", {"person": "小李", "points": 5}),
    ):
        assert [whom for whom, _ in talk.all(decision)] == ["管理员"]
    assert state_of(database, number) == (ClaimState.WAITING, 0)
    talk.say("王书记", "approve_claim", number=number)
    assert state_of(database, number) == ((ClaimState.APPROVED, 20) if hours == 2 else (ClaimState.SECOND, 0))


def test_what_was_rejected_is_not_approved_any_more(talk: Talk, database: Database) -> None:
    number = claimed(talk)
    talk.say("王书记", "reject_claim", number=number, text="没有照片")
    assert [whom for whom, _ in talk.say("小吴", "approve_claim", number=number)] == ["小吴"]
    assert state_of(database, number) == (ClaimState.REJECTED, 0)


def test_claims_beyond_the_cap_of_the_day_say_what_counted(talk: Talk, database: Database) -> None:
    numbers = [claimed(talk, hours=2) for _ in range(5)]
    answers = [talk.say("王书记", "approve_claim", number=number)[-1][1] for number in numbers]
    assert ["上限" in answer for answer in answers] == [False] * 4 + [True]
    assert state_of(database, numbers[-1]) == (ClaimState.APPROVED, SERVICE.per_day)


def test_nobody_gives_points_to_themselves(talk: Talk, database: Database) -> None:
    assert [whom for whom, _ in talk.say("王书记", "grant_points", person="王书记", points=5)] == ["王书记"]
    talk.say("王书记", "grant_points", person="小李", points=5, text="送考")
    with database.read() as session:
        assert session.scalar(select(func.sum(PointEntry.points))) == 5


def test_grants_are_capped_by_day(talk: Talk, database: Database, clock: StandingClock) -> None:
    for points in (80, 80):
        talk.say("王书记", "grant_points", person="小李", points=points)
    assert [whom for whom, _ in talk.say("王书记", "grant_points", person="小李", points=1)] == ["王书记"]
    clock.move_to(clock() + timedelta(days=1))
    talk.say("王书记", "grant_points", person="小李", points=1)
    with database.read() as session:
        assert session.scalar(select(func.sum(PointEntry.points))) == GRANT.per_day + 1
