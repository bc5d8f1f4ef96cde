"""Cases with real histories, one line each, for whatever counts them or lists them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.cases import Action, Actor, Case, CaseKind, CaseStep, Part, Rating, change, collect
from models.escalations import Cause, Escalation, Rung
from models.followers import Follower
from models.organisations import Organisation
from models.people import Person

EVERY_PART = frozenset(Part)
_messages = itertools.count(500_000)


@dataclass
class Cases:
    """Collects cases and does steps to them, as the handlers would."""

    session: Session

    def told(
        self,
        organisation: Organisation,
        at: datetime,
        kind: CaseKind = CaseKind.HAZARD,
        *,
        category: str = "公共设施",
        place: str = "",
        text: str = "井盖没了",
        reporter: Person | None = None,
        ref: str = "ou_passer",
        anonymous: bool = False,
        urgent: bool = False,
    ) -> Case:
        """A case that was just collected."""
        case = Case(
            kind=kind,
            category=category,
            place=place,
            text=text,
            photos=[],
            urgent=urgent,
            anonymous=anonymous,
            organisation_id=organisation.id,
            reporter_id=reporter and reporter.id,
            reporter_platform="feishu",
            reporter_bot="main",
            reporter_ref=f"ou_{reporter.name}" if reporter else ref,
            message_id=next(_messages),
        )
        return collect(self.session, case, Actor(reporter, EVERY_PART, at, case.message_id))

    def do(
        self,
        case: Case,
        action: Action,
        at: datetime,
        reason: str = "",
        *,
        unit: Organisation | None = None,
        by: Person | None = None,
        until: date | None = None,
    ) -> Case:
        """One step, by somebody who may."""
        actor = Actor(by, EVERY_PART, at, next(_messages))
        change(self.session, case, action, actor, reason, unit=unit, until=until)
        if action in (Action.RATE, Action.REOPEN):
            case.rating = Rating.SATISFIED if action is Action.RATE else Rating.UNSOLVED
        self.session.flush()
        return case

    def sent(self, case: Case, at: datetime, unit: Organisation) -> Case:
        """派单."""
        return self.do(case, Action.ASSIGN, at, unit=unit)

    def done(self, case: Case, at: datetime, how: str = "修好了") -> Case:
        """办结."""
        return self.do(case, Action.RESOLVE, at, how)

    def urged(self, case: Case, cause: Cause, due_at: datetime) -> Case:
        """The ladder has told of it: the time that ran from the last step of its kind was over at ``due_at``."""
        begins = {
            Cause.ACCEPT: (Action.COLLECT, Action.ASSIGN, Action.TRANSFER),
            Cause.RESOLVE: (Action.COLLECT, Action.REOPEN),
        }[cause]
        since = [step for step in self.steps(case) if step.action in begins][-1]
        told = Escalation(
            case_id=case.id,
            since_id=since.id,
            cause=cause,
            rung=Rung.URGE,
            organisation_id=case.unit_id or case.organisation_id,
            due_at=due_at,
            at=due_at + timedelta(minutes=3),
        )
        self.session.add(told)
        self.session.flush()
        return case

    def follow(self, case: Case, *refs: str) -> None:
        """附议."""
        for ref in refs:
            follower = Follower(case_id=case.id, platform="feishu", bot="main", ref=ref, at=case.created_at)
            follower.message_id = next(_messages)
            self.session.add(follower)
        self.session.flush()

    def steps(self, case: Case) -> Sequence[CaseStep]:
        """The history."""
        self.session.flush()
        return self.session.scalars(select(CaseStep).where(CaseStep.case_id == case.id).order_by(CaseStep.id)).all()
