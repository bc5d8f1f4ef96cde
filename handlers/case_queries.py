"""Questions about cases: how one stands (进度), and which are open (待办)."""

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.cases import UNKNOWN, actor_of, answer, name_of
from models.cases import OPEN_STATES, Case, CaseKind, CaseStep, Part, find_case

RECENT = 20
"""Cases of a reporter that a question may be about."""
LISTED = 8
"""Cases in one answer to 待办."""


@handles("case_query", by=Who.ANYONE)
def case_query(context: Context, intent: Intent) -> Reply:
    """How a case stands. An appeal's is told to nobody but those who are part of it, and in private."""
    number = intent.integer("case")
    case = find_case(context.session, number) if number is not None else _latest_reported(context, intent)
    if case is None:
        unknown = UNKNOWN.format(number=number) if number is not None else _nothing_reported(context)
        return Privately(Text(unknown))
    if case.confidential and not actor_of(context, case).parts:
        return Privately(Text(UNKNOWN.format(number=case.number)))
    steps = context.session.scalars(select(CaseStep).where(CaseStep.case_id == case.id).order_by(CaseStep.id))
    lines = [f"{name_of(case)}现在是「{case.state}」", *(_step_line(step) for step in steps)]
    return answer(case, "\n".join(lines))


def _nothing_reported(context: Context) -> str:
    if context.private:
        return "你还没有报过隐患或诉求。"
    return "你还没有报过隐患。诉求的进度，请在这里问我。"


def _step_line(step: CaseStep) -> str:
    return f"{moment_text(step.at)} {step.action}{f'：{step.reason}' if step.reason else ''}"


def _latest_reported(context: Context, intent: Intent) -> Case | None:
    """The reporter's latest case, of those that are asked about where that is said: 井盖, 诉求."""
    query = select(Case).where(
        Case.reporter_platform == context.message.platform, Case.reporter_ref == context.message.sender
    )
    asked = context.message.text
    if any(word in asked for word in ("诉求", "申诉")):
        query = query.where(Case.kind == CaseKind.APPEAL)
    elif not context.private:
        query = query.where(Case.kind == CaseKind.HAZARD)
    cases = context.session.scalars(query.order_by(Case.number.desc()).limit(RECENT)).all()
    about = intent.text("text")
    meant = [case for case in cases if about and (about in case.text or about in case.place)]
    return next(iter(meant or cases), None)


@handles("case_list", by=Who.CASEWORKER)
def case_list(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """待办: what is open for the sender's organisation or unit, oldest first; appeals only in private."""
    organisation = context.organisation
    if organisation is None:
        return Privately(Text("请先在支部群里发「绑定 支部名称」。"))
    ids = [org.id for org in context.batch.tree.below(organisation)]
    query = select(Case).where(Case.state.in_(OPEN_STATES), Case.organisation_id.in_(ids) | Case.unit_id.in_(ids))
    if not context.private:
        query = query.where(Case.kind == CaseKind.HAZARD)
    found = context.session.scalars(query.order_by(Case.created_at))
    cases = [case for case in found if actor_of(context, case).parts - {Part.REPORTER}]
    if not cases:
        return Text("没有在办的事。")
    lines = [f"{name_of(case)} {case.state} {moment_text(case.created_at)}" for case in cases[:LISTED]]
    more = [f"另有 {len(cases) - LISTED} 件"] if len(cases) > LISTED else []
    return Text("\n".join([f"在办 {len(cases)} 件：", *lines, *more]))
