"""撤回: the reporter takes a case back."""

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import answer, do, name_of, not_found, numbered_case, runners, tell_unit_elsewhere
from handlers.own_cases import open_cases_of_sender
from handlers.seconding import tell_followers
from models.cases import Action, Case

NOTHING_OPEN = "你没有在办的事可以撤回。"
STILL_THERE = "{name}报的人撤回了，不再办了。要是还在，请再报一次。"
WHICH = "要撤回哪一件？请带上编号：{numbers}。"


@handles("withdraw_case", by=Who.ANYONE)
def withdraw(context: Context, intent: Intent) -> Reply:
    """撤回, by the reporter alone, with or without a reason; whoever works on the case is told."""
    number = intent.integer("case")
    if number is None:
        return Privately(Text(_which(context)))
    case = numbered_case(context, number)
    if case is None:
        return not_found(number)
    reason = intent.text("text")
    done = do(context, case, Action.WITHDRAW, reason)
    if not isinstance(done, Case):
        return done
    tell_withdrawn(context, case, reason)
    tell_followers(context, case, Text(STILL_THERE.format(name=name_of(case))))
    return answer(case, f"{name_of(case)}已撤回，不再办了。要再报，重新说一遍就行。")


def tell_withdrawn(context: Context, case: Case, reason: str) -> None:
    """Whoever works on the case hears that there is nothing to do any more."""
    why = f"理由：{reason}" if reason else ""
    told = Text(f"{name_of(case)}报的人撤回了，不用再办。{why}")
    context.tell_all(runners(context, case, knows=False), told)
    tell_unit_elsewhere(context, case, told)


def _which(context: Context) -> str:
    """Nothing is taken back that was not named."""
    cases = open_cases_of_sender(context)
    if not cases:
        return NOTHING_OPEN
    return WHICH.format(numbers="、".join(f"「撤回 {case.number}」" for case in cases))
