"""Plays the month through the real intake, understanding, handlers and schedules."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import event, func, select

import handlers
from bot.app import load_understanding
from bot.intake import BATCH, GroupCommitIntake
from bot.messages import IncomingMessage
from bot.posting import Roads
from bot.router import Router
from models.cases import Case, CaseStep
from models.database import Database
from models.escalations import Escalation
from schedules import case_follow_up, case_overdue, suspension_end
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.month.city import Founding
from tests.month.judge import Climb, Facts, minute_of
from tests.month.story import FIRST, LAST, Act, Told, stories
from tests.year.days import ZONE, moment
from tests.year.wire import Strict, forgo_durability

__all__ = ["Month", "handlers", "play"]

JOBS = (case_overdue.JOB, suspension_end.JOB, case_follow_up.JOB)
LOOKS_BY_DAY, LOOKS_BY_NIGHT = 90, 180
"""Minutes between two looks of the schedules, which in life are half a minute apart."""
DOWN = (moment(FIRST.date() + timedelta(days=9), 11), moment(FIRST.date() + timedelta(days=11), 9, 30))
"""For two days there is no server for the schedules; they catch up."""


@dataclass(frozen=True, slots=True)
class Month:
    """What is there at the end."""

    database: Database
    told: list[Told]
    looks: list[datetime]

    def facts(self) -> dict[int, Facts]:
        """By number, what the cases were registered as."""
        with self.database.read() as session:
            rows = session.execute(select(Case.number, Case.category, Case.urgent))
            return {number: Facts(category, urgent) for number, category, urgent in rows}

    def steps(self) -> dict[int, list[tuple[datetime, str]]]:
        """By number, what the product has on record of each case."""
        query = select(Case.number, CaseStep.at, CaseStep.action).join(Case, Case.id == CaseStep.case_id)
        found: dict[int, list[tuple[datetime, str]]] = {}
        with self.database.read() as session:
            for number, at, action in session.execute(query.order_by(CaseStep.id)):
                found.setdefault(number, []).append((at, str(action)))
        return found

    def climbs(self) -> Counter[Climb]:
        """Every rung that the product has on record."""
        with self.database.read() as session:
            query = select(Case.number, Escalation).join(Case, Case.id == Escalation.case_id)
            return Counter(
                Climb(number, each.due_at, str(each.cause), str(each.rung), each.organisation.name)
                for number, each in session.execute(query)
            )


def play(database: Database, seed: int) -> Month:
    """From the first day to the last. Raises AssertionError where a report did not get its number."""
    event.listen(database.engine, "connect", forgo_durability)
    database.engine.dispose()
    with database.write.begin() as session:
        Founding(session)
    told, looks, clock = stories(seed), list(_looks()), StandingClock(FIRST)
    roads = Roads(homes={"feishu": ("feishu", "main")})
    intake = GroupCommitIntake(database, Router(load_understanding()), clock, roads)
    keys = itertools.count(1)
    coming = itertools.groupby(_everything(told, looks), key=lambda each: each[0])
    for now, together in coming:
        clock.move_to(now)
        happening = [each[3:] for each in together]
        said = [_message(case, act, next(keys)) for case, act in happening if case is not None and act is not None]
        for first in range(0, len(said), BATCH):
            intake.process(said[first : first + BATCH])
        if (None, None) in happening:
            with Strict():
                run_due(database, now, roads, JOBS)
    with database.read() as session:
        assert session.scalar(select(func.count(Case.id))) == len(told)
    return Month(database, told, looks)


Event = tuple[datetime, int, int, Told | None, Act | None]


def _everything(told: list[Told], looks: list[datetime]) -> Iterator[Event]:
    """Acts and looks in the order of time; at one moment reports by their numbers come first, and the look last."""
    acts: list[Event] = [
        (act.at, case.number, place, case, act) for case in told for place, act in enumerate(case.acts)
    ]
    looking: list[Event] = [(look, 1 << 30, 0, None, None) for look in looks]
    return heapq.merge(sorted(acts, key=lambda each: each[:3]), looking, key=lambda each: each[:3])


def _looks() -> Iterator[datetime]:
    """When the schedules look: at odd minutes, seldom by night, and not while the server is down."""
    now = FIRST
    while now < LAST:
        if not DOWN[0] <= now < DOWN[1]:
            yield now
        now += timedelta(minutes=LOOKS_BY_NIGHT if is_night(now) else LOOKS_BY_DAY)


def is_night(now: datetime) -> bool:
    """From 22:00 to 07:00, when nobody but for an urgent case is disturbed."""
    return not 7 <= now.astimezone(ZONE).hour < 22


def _message(case: Told, act: Act, key: int) -> IncomingMessage:
    """Hazards are reported in the group; everything else is said in private."""
    private = act.action != "登记" or case.appeal
    return IncomingMessage(
        platform="feishu",
        bot="main",
        key=f"om_{key}",
        chat=f"private {act.who}" if private else case.branch.chat,
        private=private,
        sender=f"ou_{act.who}",
        sent_at=act.at,
        text=act.text,
        addressed=private,
        ref="om_ref",
    )


def minutes(looks: list[datetime]) -> list[int]:
    """The same as numbers of minutes."""
    return [minute_of(look) for look in looks]
