"""Hazards as service requests: which may be seen, and what is said of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session, joinedload

from bot.clock import local
from bot.coordinates import to_wgs
from bot.settings import Open311Settings
from bot.web.open311.answers import Refused
from bot.web.open311.masking import masked
from bot.web.open311.question import Question, read_numbers
from bot.web.open311.services import of_category
from models.cases import FINISHED_STATES, OPEN_STATES, Action, Case, CaseKind, CaseState, CaseStep
from models.organisations import Organisation, at_or_below, find_organisation
from schedules.deadlines import promises

NO_SUCH_REQUEST = "没有 service_request_id「{number}」"


def find_requests(session: Session, systems: Iterable[Open311Settings], question: Question) -> list[dict[str, Any]]:
    """What was asked for, the latest first."""
    query = _visible(session, systems)
    if question.numbers is not None:
        query = query.where(Case.number.in_(question.numbers))
    else:
        query = query.where(*_conditions(question))
        query = query.offset((question.page - 1) * question.page_size).limit(question.page_size)
    cases = list(session.scalars(query.order_by(Case.created_at.desc(), Case.number.desc())))
    return list(_described(session, cases))


def find_one(session: Session, systems: Iterable[Open311Settings], number: str) -> list[dict[str, Any]]:
    """The one with this number. Raises Refused (404), in the same words for an appeal as for what does not exist."""
    query = _visible(session, systems).where(Case.number.in_(read_numbers([number])))
    cases = list(session.scalars(query))
    if not cases:
        raise Refused(404, NO_SUCH_REQUEST.format(number=number[:40]))
    return list(_described(session, cases))


def _visible(session: Session, systems: Iterable[Open311Settings]) -> Select[Case]:
    """Hazards of the configured organisations and of all below them; never an appeal."""
    found = [find_organisation(session, system.organisation) for system in systems]
    below = or_(false(), *(at_or_below(organisation) for organisation in found if organisation))
    seen = select(Case).join(Organisation, Case.organisation_id == Organisation.id)
    return seen.where(Case.kind == CaseKind.HAZARD, below).options(joinedload(Case.organisation), joinedload(Case.unit))


def _conditions(question: Question) -> Iterator[ColumnElement[bool]]:
    yield Case.created_at >= question.since
    yield Case.created_at <= question.until
    if question.categories:
        yield Case.category.in_(question.categories)
    if question.statuses == {"open"}:
        yield Case.state.in_(OPEN_STATES)
    elif question.statuses == {"closed"}:
        yield Case.state.not_in(OPEN_STATES)


def _described(session: Session, cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    steps: defaultdict[int, list[CaseStep]] = defaultdict(list)
    of_these = select(CaseStep).where(CaseStep.case_id.in_([case.id for case in cases])).order_by(CaseStep.id)
    for step in session.scalars(of_these):
        steps[step.case_id].append(step)
    ends = [case.merged_into for case in cases if case.merged_into is not None]
    numbers = {end.id: end.number for end in session.execute(select(Case.id, Case.number).where(Case.id.in_(ends)))}
    promised = promises(session, [case for case in cases if case.state in OPEN_STATES])
    for case in cases:
        expected = promised[case.id].resolve_by if case.id in promised else None
        yield _fields(case, steps[case.id], numbers.get(case.merged_into or 0), expected)


def _fields(case: Case, steps: Sequence[CaseStep], into: int | None, expected: datetime | None) -> dict[str, Any]:
    """All the fields of the standard, in its order; of what nothing is known, null."""
    service = of_category(case.category)
    latitude, longitude = _point(case)
    withdrawn = case.state is CaseState.WITHDRAWN  # who has taken it back has taken back the words
    return {
        "service_request_id": str(case.number),
        "status": "open" if case.state in OPEN_STATES else "closed",
        "status_notes": masked(_notes(case, steps, into)),
        "service_name": service.category,
        "service_code": service.code,
        "description": None if withdrawn else masked(case.text)[:4000],
        "agency_responsible": (case.unit or case.organisation).name,
        "service_notice": None,
        "requested_datetime": _moment(case.created_at),
        "updated_datetime": _moment(_updated(case, steps)),
        "expected_datetime": _moment(expected) if expected else None,
        "address": masked(case.place) if case.place and not withdrawn else None,
        "address_id": None,
        "zipcode": None,
        "lat": latitude,
        "long": longitude,
        "media_url": None,
    }


def _point(case: Case) -> tuple[float, float] | tuple[None, None]:
    """By WGS-84, to a tenth of a metre."""
    if case.latitude is None or case.longitude is None:
        return None, None
    latitude, longitude = to_wgs((case.latitude, case.longitude))
    return round(latitude, 6), round(longitude, 6)


def _updated(case: Case, steps: Sequence[CaseStep]) -> datetime:
    """When it last changed; of a closed one, when it was closed, whatever was said of it since."""
    if case.state in FINISHED_STATES and case.resolved_at is not None:
        return case.resolved_at
    return steps[-1].at if steps else case.created_at


def _notes(case: Case, steps: Sequence[CaseStep], into: int | None) -> str:
    """How it stands, in the field's words, and why."""
    if case.state is CaseState.MERGED and into is not None:
        return f"{case.state}：和 {into} 是一件事，一起办"
    if case.state is CaseState.SUSPENDED and case.suspended_until is not None:
        until = case.suspended_until
        return _because(f"{case.state}，{until.month}月{until.day}日再看", _reason(steps, Action.SUSPEND))
    if case.state in FINISHED_STATES:
        return _because(CaseState.RESOLVED, _reason(steps, Action.RESOLVE))
    if case.state is CaseState.DECLINED:
        return _because(case.state, _reason(steps, Action.DECLINE))
    return str(case.state)


def _because(what: str, why: str) -> str:
    return f"{what}：{why}" if why else str(what)


def _reason(steps: Sequence[CaseStep], action: Action) -> str:
    return next((step.reason for step in reversed(steps) if step.action is action), "")


def _moment(moment: datetime) -> str:
    """``2026-11-23T15:00:00+08:00``."""
    return local(moment).isoformat(timespec="seconds")
