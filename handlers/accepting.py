"""受理 and 不受理: by the branch, or 受理 by the unit that has the case."""

from bot.content import Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.case_words import resolve_form
from bot.understanding.intent import Intent
from handlers.case_meant import open_case
from handlers.cases import act, answer, name_of, tell_reporter
from handlers.dispatching import assign_choice
from handlers.seconding import tell_followers
from handlers.verifying import verified
from models.cases import Action, Case, CaseState

NO_REASON = "请带上理由，比如「不受理 {number} 不属实」。"


@handles("accept_case", by=Who.ANYONE)
def accept(context: Context, intent: Intent) -> Reply | None:
    """受理: by the branch, or by the unit that the case was sent to."""
    case = open_case(context, intent, Action.ACCEPT)
    if not isinstance(case, Case):
        return case
    act(context, case, Action.ACCEPT, intent.text("text"))
    verified(context, case)
    with_unit = case.state is CaseState.IN_PROGRESS and case.unit is not None
    who = case.unit.name if with_unit and case.unit else "支部"
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}，{who}已受理。"))
    assign = "" if with_unit else f"可以「派单 {case.number} 单位」，"
    accepted = Card(
        f"{name_of(case)}已受理。",
        choice=None if with_unit else assign_choice(context, case),
        form=resolve_form(case),
        hint=f"{assign}办好了发「办结 {case.number} 怎么办的」。",
    )
    return answer(case, accepted)


@handles("decline_case", by=Who.ANYONE)
def decline(context: Context, intent: Intent) -> Reply | None:
    """不受理, with a reason that the reporter is told."""
    case, reason = open_case(context, intent, Action.DECLINE), intent.text("text")
    if not isinstance(case, Case):
        return case
    if not reason:
        return Privately(Text(NO_REASON.format(number=case.number)))
    act(context, case, Action.DECLINE, reason)
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}没有受理：{reason}。有出入可以再报一次。"))
    tell_followers(context, case, Text(f"你反映过的 {name_of(case)}没有受理：{reason}。"))
    return answer(case, f"{name_of(case)}不予受理：{reason}")
