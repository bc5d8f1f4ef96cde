"""What a digest is made of: one week of a branch, or of all branches below an organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.reports.case_figures import (
    FOUR_WEEKS,
    WEEK,
    CaseFigures,
    Tally,
    UnitFigures,
    case_figures,
    open_by_unit,
    repeated_places,
    tally,
    units_below,
)
from bot.reports.case_standings import standings
from bot.reports.duties import Behind, DutyLine
from bot.reports.figures import LessonFigures, leaders, lessons_held, lessons_planned
from models.cases import CaseKind
from models.lessons import Lesson
from models.organisations import Organisation


@dataclass(frozen=True, slots=True)
class BranchWeek:
    """A branch's week, from ``start`` to ``end``, and what is planned from ``now`` on.

    ``overdue``: what was not held in a period that has ended lately.
    """

    name: str
    start: datetime
    end: datetime
    now: datetime
    lessons: Sequence[LessonFigures]
    duties: Sequence[DutyLine]
    overdue: Sequence[DutyLine]
    hazards: CaseFigures
    appeals: CaseFigures
    places: Sequence[tuple[str, int]]
    """三次及以上, of four weeks."""
    leaders: Sequence[tuple[str, int]]
    planned: Sequence[Lesson]


@dataclass(frozen=True, slots=True)
class OrganiserWeek:
    """A week of all branches below an organisation. ``rates_before`` are those of the week before, as of its end.

    ``units_below`` and ``places`` are of four weeks.
    """

    name: str
    start: datetime
    end: datetime
    branches: int
    lessons: Sequence[LessonFigures]
    hazards: CaseFigures
    appeals: CaseFigures
    rates: Tally
    rates_before: Tally
    behind: Sequence[Behind]
    """The furthest behind first."""
    units: Sequence[UnitFigures]
    units_below: Sequence[tuple[str, str]]
    places: Sequence[tuple[str, int]]


def branch_week(
    session: Session,
    branch: Organisation,
    duties: Sequence[DutyLine],
    overdue: Sequence[DutyLine],
    *,
    end: datetime,
    now: datetime,
    planned_until: datetime,
) -> BranchWeek:
    """The seven days of a branch before ``end``."""
    start = end - WEEK
    cases = case_figures(standings(session, branch, start, end), start, end)
    return BranchWeek(
        name=branch.name,
        start=start,
        end=end,
        now=now,
        lessons=lessons_held(session, branch, start, end),
        duties=duties,
        overdue=overdue,
        hazards=cases[CaseKind.HAZARD],
        appeals=cases[CaseKind.APPEAL],
        places=repeated_places(session, branch, end - FOUR_WEEKS, end),
        leaders=leaders(session, branch, start, end),
        planned=lessons_planned(session, branch, now, planned_until),
    )


def organiser_week(
    session: Session, organisation: Organisation, end: datetime, branches: int, behind: Sequence[Behind]
) -> OrganiserWeek:
    """The seven days before ``end`` of all ``branches`` below the organisation."""
    start = end - WEEK
    found = standings(session, organisation, end - FOUR_WEEKS, end)
    cases = case_figures(found, start, end)
    return OrganiserWeek(
        name=organisation.name,
        start=start,
        end=end,
        branches=branches,
        lessons=lessons_held(session, organisation, start, end),
        hazards=cases[CaseKind.HAZARD],
        appeals=cases[CaseKind.APPEAL],
        rates=tally(found, start, end),
        rates_before=tally(standings(session, organisation, start - WEEK, start), start - WEEK, start),
        behind=behind,
        units=open_by_unit(session, found),
        units_below=units_below(session, found, end - FOUR_WEEKS, end),
        places=repeated_places(session, organisation, end - FOUR_WEEKS, end),
    )
