"""Points (志愿积分): double entry, append-only. Every entry moves points from one account to another, so Σ = 0."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, case, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import SealedText, WithId, new_id
from models.organisations import Organisation
from models.people import Person


@dataclass(frozen=True, slots=True)
class PointRule:
    """What something earns, and how much of it counts in a day and in a month."""

    name: str
    points: int
    per_day: int
    per_month: int


LESSON = PointRule("上课", 2, 10, 60)
MAKE_UP = PointRule("补课", 1, 3, 20)
HAZARD = PointRule("隐患属实", 5, 20, 100)
SECONDED = PointRule("附议", 1, 5, 20)
SERVICE = PointRule("志愿服务", 10, 80, 400)
"""An hour."""
GRANT = PointRule("加分", 0, 100, 500)
CHECKED_ALONE = 2.0
"""Hours of one activity that count with a single approver."""


class Account(WithId):
    """A person's account, or an organisation's fund from which points are given."""

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("person_id"),
        UniqueConstraint("organisation_id"),
        CheckConstraint("(person_id IS NULL) <> (organisation_id IS NULL)", name="one_holder"),
    )

    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))


class PointEntry(WithId):
    """One transfer. ``cause`` names what earned it; the same cause never earns twice on one account."""

    __tablename__ = "point_entries"
    __table_args__ = (
        UniqueConstraint("to_account_id", "cause"),
        Index("ix_point_entries_month", "to_account_id", "at"),
        Index("ix_point_entries_cause", "cause"),
        CheckConstraint("points > 0", name="positive"),
        CheckConstraint("from_account_id <> to_account_id", name="two_accounts"),
    )

    from_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    to_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    points: Mapped[int]
    rule: Mapped[str]
    cause: Mapped[str]
    """``lesson:17``, ``case:1024``, ``claim:31``, ``grant:<message>``."""
    at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None: 自动; else 人工."""
    note: Mapped[str]
    message_id: Mapped[int]


class ClaimState(StrEnum):
    """Where a claim stands."""

    WAITING = "waiting"
    SECOND = "second"
    """Approved once; more than two hours want a second approver."""
    APPROVED = "approved"
    REJECTED = "rejected"


class PointClaim(WithId):
    """A claim (申报) of points for voluntary service."""

    __tablename__ = "point_claims"
    __table_args__ = (UniqueConstraint("number"),)

    number: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    text: Mapped[str] = mapped_column(SealedText())
    hours: Mapped[float]
    points: Mapped[int]
    state: Mapped[ClaimState]
    made_at: Mapped[datetime]
    first_approver_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(SealedText())
    message_id: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    person: Mapped[Person] = relationship(foreign_keys=[person_id])


@dataclass(frozen=True, slots=True)
class Award:
    """What is to be given to whom, and why."""

    rule: PointRule
    points: int
    cause: str
    message_id: int
    approved_by: int | None = None
    note: str = ""


class Ledger:
    """Gives points within one transaction. ``know`` reads accounts and sums of many people at once.

    ``day`` and ``month`` are the starts of the present ones, from which the caps count.
    """

    def __init__(self, session: Session, day: datetime, month: datetime) -> None:
        self._session = session
        self._day = day
        self._month = month
        self._known: set[int] = set()
        self._accounts: dict[int, Account] = {}
        self._funds: dict[int, Account] = {}
        self._earned: defaultdict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))

    def know(self, people: Iterable[Person]) -> None:
        """Reads what is needed to give points to these people."""
        new = {person.id: person.organisation_id for person in people if person.id not in self._known}
        if not new:
            return
        self._known |= new.keys()
        funds = select(Account).where(Account.organisation_id.in_(set(new.values())))
        self._funds |= {fund.organisation_id: fund for fund in self._session.scalars(funds) if fund.organisation_id}
        # Locked, in one order for all, so that two processes cannot both give what the caps leave.
        own = select(Account).where(Account.person_id.in_(list(new))).order_by(Account.id).with_for_update()
        accounts = list(self._session.scalars(own))
        self._accounts |= {account.person_id: account for account in accounts if account.person_id}
        if accounts:
            self._read_earned([account.id for account in accounts])

    def award(self, person: Person, award: Award, now: datetime) -> int:
        """Gives as much as the caps of the rule leave, and returns how much that was."""
        self.know([person])
        account = self._account(person)
        points = min(award.points, self._left(account.id, award.rule))
        if points <= 0:
            return 0
        self._session.add(
            PointEntry(
                from_account_id=self._fund(person.organisation).id,
                to_account_id=account.id,
                points=points,
                rule=award.rule.name,
                cause=award.cause,
                at=now,
                approved_by=award.approved_by,
                note=award.note,
                message_id=award.message_id,
            )
        )
        today, this_month = self._earned[account.id, award.rule.name]
        self._earned[account.id, award.rule.name] = (today + points, this_month + points)
        return points

    def _left(self, account_id: int, rule: PointRule) -> int:
        today, this_month = self._earned[account_id, rule.name]
        return min(rule.per_day - today, rule.per_month - this_month)

    def _read_earned(self, accounts: list[int]) -> None:
        today = func.sum(case((PointEntry.at >= self._day, PointEntry.points), else_=0))
        query = (
            select(PointEntry.to_account_id, PointEntry.rule, today, func.sum(PointEntry.points))
            .where(PointEntry.to_account_id.in_(accounts), PointEntry.at >= self._month)
            .group_by(PointEntry.to_account_id, PointEntry.rule)
        )
        for account_id, rule, of_today, of_month in self._session.execute(query):
            self._earned[account_id, rule] = (of_today, of_month)

    def _account(self, person: Person) -> Account:
        if person.id not in self._accounts:
            self._accounts[person.id] = self._opened(Account(id=new_id(), person_id=person.id))
        return self._accounts[person.id]

    def _fund(self, organisation: Organisation) -> Account:
        if organisation.id not in self._funds:
            self._funds[organisation.id] = self._opened(Account(id=new_id(), organisation_id=organisation.id))
        return self._funds[organisation.id]

    def _opened(self, account: Account) -> Account:
        self._session.add(account)
        return account


def given(session: Session, cause: str) -> bool:
    """Whether this cause has earned somebody points already."""
    return session.scalars(select(PointEntry.id).where(PointEntry.cause == cause).limit(1)).first() is not None


def given_to(session: Session, cause: str) -> set[int]:
    """The ids of the people whom this cause has earned points."""
    query = select(Account.person_id).join(PointEntry, PointEntry.to_account_id == Account.id)
    found = session.scalars(query.where(PointEntry.cause == cause))
    return {person_id for person_id in found if person_id is not None}


def balance(session: Session, person: Person) -> int:
    """What a person has."""
    account = select(Account.id).where(Account.person_id == person.id).scalar_subquery()
    earned = select(func.coalesce(func.sum(PointEntry.points), 0)).where(PointEntry.to_account_id == account)
    spent = select(func.coalesce(func.sum(PointEntry.points), 0)).where(PointEntry.from_account_id == account)
    return (session.scalar(earned) or 0) - (session.scalar(spent) or 0)


def earned_since(session: Session, people: Iterable[Person], since: datetime) -> dict[int, int]:
    """How many points each of these people was given since then, by person id."""
    query = (
        select(Account.person_id, func.sum(PointEntry.points))
        .join(PointEntry, PointEntry.to_account_id == Account.id)
        .where(Account.person_id.in_([person.id for person in people]), PointEntry.at >= since)
        .group_by(Account.person_id)
    )
    return {person_id: total for person_id, total in session.execute(query) if person_id is not None}


def find_claim(session: Session, number: int) -> PointClaim | None:
    """The claim with this number."""
    return session.scalars(select(PointClaim).where(PointClaim.number == number)).one_or_none()
