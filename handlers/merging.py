"""并案: one case goes on under the number of another of its kind."""

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.case_meant import open_case
from handlers.cases import (
    NOT_YOURS,
    act,
    actor_of,
    answer,
    name_of,
    not_found,
    numbered_case,
    tell_reporter,
    tell_unit_elsewhere,
)
from models.cases import OPEN_STATES, Action, Case, Part

WHICH_TWO = "请写把哪个并到哪个，两个都要是在办的同一类，比如「并案 1025 到 1024」。"


@handles("merge_case", by=Who.ANYONE)
def merge(context: Context, intent: Intent) -> Reply | None:
    """The reporter of the one, and the unit that it is with, are told that it is the other."""
    case = open_case(context, intent, Action.MERGE)
    if not isinstance(case, Case):
        return case
    number = intent.integer("into")
    into = numbered_case(context, number) if number is not None else None
    if number is not None and into is None:
        return not_found(number)
    if into is None or into is case or into.kind is not case.kind or into.state not in OPEN_STATES:
        return Privately(Text(WHICH_TWO))
    if Part.DISPATCHER not in actor_of(context, into).parts:
        return Privately(Text(NOT_YOURS.format(number=into.number, action=Action.MERGE)))
    act(context, case, Action.MERGE, f"并入 {into.number}")
    case.merged_into = into.id
    told = f"{name_of(case)}和 {into.number} 是一件事，并在 {into.number} 里一起办。"
    tell_reporter(context, case, Text(f"你报的 {told}"))
    tell_unit_elsewhere(context, case, Text(told))
    return answer(case, f"{case.number} 已并到 {name_of(into)}")
