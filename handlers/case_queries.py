"""Questions about cases: how one stands (进度), which the sender has told (我报的), and which are open (待办)."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import defer

from bot.content import Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.seconding import told_again
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.additions import notes_of
from handlers.cases import actor_of, answer, name_of, not_found, numbered_case
from handlers.own_cases import CONSIDERED, told_by_sender
from handlers.paging import goes_on, page_of
from handlers.standing import late_ones, looked_at_again, owed_in_order, standing
from models.case_notes import CaseNote
from models.cases import OPEN_STATES, Case, CaseKind, CaseState, CaseStep, Part
from schedules.deadlines import Promise, promises

REMEMBERED = timedelta(days=180)
"""For how long 我报的 lists what has come to its end."""
QUOTED = 60
"""Characters of an addition that 进度 shows."""
NO_ORGANISATION = "请先在支部群里发「绑定 支部名称」。"
NOTHING_OPEN = "没有在办的事。"
NOTHING_TOLD = "你还没有报过隐患或诉求。"
NOTHING_TOLD_HERE = "你还没有报过隐患。诉求的进度，请在这里问我。"


@handles("case_query", by=Who.ANYONE)
def case_query(context: Context, intent: Intent) -> Reply:
    """How a case stands. An appeal's is told to nobody but those who are part of it, and in private."""
    number = intent.integer("case")
    case = numbered_case(context, number) if number is not None else _latest_reported(context, intent)
    if case is None and number is not None:
        return not_found(number)
    if case is None:
        return Privately(Text(NOTHING_TOLD if context.private else NOTHING_TOLD_HERE))
    parts = actor_of(context, case).parts
    title = f"{name_of(case)}现在是「{case.state}」{_goes_on(context, case)}"
    lines = _history(context, case, with_notes=bool(parts))
    if parts <= {Part.REPORTER} or not (context.private or case.confidential):
        return answer(case, "\n".join([title, *lines]))
    # Who works on it may have got it from somebody else, without ever having seen what was told.
    told = f"{case.category}：{case.text}"
    return Privately(Card(title, "\n".join([told, *lines]), photos=tuple(case.photos)))


def _goes_on(context: Context, case: Case) -> str:
    """Under which number it goes on, or when it is looked at again."""
    if case.state is CaseState.MERGED and case.merged_into is not None:
        return f"，并在 {context.session.get_one(Case, case.merged_into).number} 里一起办"
    return f"，{looked_at_again(case.suspended_until)}" if case.suspended_until is not None else ""


def _history(context: Context, case: Case, *, with_notes: bool) -> list[str]:
    """What was done, and in private what was added, which is for those who are part of the case."""
    steps = context.session.scalars(select(CaseStep).where(CaseStep.case_id == case.id))
    lines = [(step.id, _step_line(step)) for step in steps]
    if with_notes and (context.private or case.confidential):
        again = told_again(context.session, case)
        lines += [(note.id, _note_line(note, again)) for note in notes_of(context, case)]
    return [line for _, line in sorted(lines)]


def _step_line(step: CaseStep) -> str:
    return f"{moment_text(step.at)} {step.action}{f'：{step.reason}' if step.reason else ''}"


def _note_line(note: CaseNote, again: set[int]) -> str:
    said = note.text if len(note.text) <= QUOTED else f"{note.text[:QUOTED]}…"
    photos = f"（照片 {len(note.photos)} 张）" if note.photos else ""
    who = "补充" if note.by_reporter else "附议" if note.message_id in again else "经办的人"
    return f"{moment_text(note.at)} {who}：{said}{photos}"


def _latest_reported(context: Context, intent: Intent) -> Case | None:
    """The reporter's latest case, of those that are asked about where that is said: 井盖, 诉求."""
    query = select(Case).where(told_by_sender(context))
    asked = context.message.text
    if any(word in asked for word in ("诉求", "申诉")):
        query = query.where(Case.kind == CaseKind.APPEAL)
    elif not context.private:
        query = query.where(Case.kind == CaseKind.HAZARD)
    cases = context.session.scalars(query.order_by(Case.number.desc()).limit(CONSIDERED)).all()
    about = intent.text("text")
    meant = [case for case in cases if about and (about in case.text or about in case.place)]
    return next(iter(meant or cases), None)


@handles("my_cases", by=Who.ANYONE)
def my_cases(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """我报的: what the sender has told, in private wherever it is asked, for appeals are among it."""
    return my_cases_page(context, 0)


@goes_on("my_cases", privately=True)
def my_cases_page(context: Context, page: int) -> Reply:
    """A page of it: what is open first, and of that and of the rest the latest first."""
    query = select(Case).where(told_by_sender(context)).order_by(Case.number.desc()).options(defer(Case.text))
    since = context.now - REMEMBERED
    told = [case for case in context.session.scalars(query) if case.state in OPEN_STATES or case.created_at >= since]
    if not told:
        return Privately(Text(NOTHING_TOLD))
    cases = sorted(told, key=lambda case: case.state not in OPEN_STATES)
    due = promises(context.session, cases)
    lines = [f"{_own_name(case)}{_own_standing(context, case, due[case.id])}" for case in cases]
    is_open = sum(case.state in OPEN_STATES for case in cases)
    return Privately(page_of(f"你报的 {len(cases)} 件，在办 {is_open} 件：", lines, page))


def _own_name(case: Case) -> str:
    """One's own appeal is called by its category too."""
    return f"{case.number}（诉求，{case.category}）" if case.confidential else name_of(case)


def _own_standing(context: Context, case: Case, promise: Promise) -> str:
    """What the reporter wants to know: where it stands, and by when it is to be 办结."""
    if case.state is CaseState.RESOLVED:
        return f"{case.state}，等你评价"
    if case.state not in OPEN_STATES:
        return case.state
    if case.suspended_until is not None:
        return f"{case.state}，{looked_at_again(case.suspended_until)}"
    due = "超时了，在催" if promise.resolve_by < context.now else f"{moment_text(promise.resolve_by)}前办结"
    return f"{case.state}，{due}"


@handles("case_list", by=Who.CASEWORKER)
def case_list(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """待办: what is open for the sender's organisation or unit, the most overdue first; appeals only in private."""
    return case_list_page(context, 0)


@goes_on("case_list")
def case_list_page(context: Context, page: int) -> Reply:
    """A page of it."""
    if context.organisation is None:
        return Privately(Text(NO_ORGANISATION))
    owed = owed_in_order(context.session, _to_do(context), context.now)
    if not owed:
        return Text(NOTHING_OPEN)
    late = late_ones(owed)
    title = f"在办 {len(owed)} 件{f'，超时 {late} 件' if late else ''}："
    return page_of(title, [f"{name_of(each.case)}{standing(each)}" for each in owed], page)


def _to_do(context: Context) -> list[Case]:
    """The open cases on which the sender may act; in a group no appeals."""
    organisation = context.organisation
    ids = [org.id for org in context.batch.tree.below(organisation)] if organisation else []
    query = select(Case).where(Case.state.in_(OPEN_STATES), Case.organisation_id.in_(ids) | Case.unit_id.in_(ids))
    if not context.private:
        query = query.where(Case.kind == CaseKind.HAZARD)
    found = context.session.scalars(query.options(defer(Case.text)))
    return [case for case in found if actor_of(context, case).parts - {Part.REPORTER}]
