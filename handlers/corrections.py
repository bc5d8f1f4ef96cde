"""更正: whoever has a case puts right what the bot had understood of it, its category or its urgency."""

import re

from bot.content import Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.case_labels import NOT_URGENT, categories_of, category_choice
from handlers.cases import (
    NOT_YOURS,
    URGENT,
    actor_of,
    answer,
    dispatchers,
    name_of,
    not_found,
    numbered_case,
    tell_reporter,
    tell_unit,
)
from handlers.dispatching import keep_correction, route
from models.cases import OPEN_STATES, Case, CaseState, Part
from models.corrections import Corrected

WHICH = "请带上编号，比如「改类别 1024 违停占道」「1024 急」「1024 不急」。"
AT_AN_END = "{name}现在是「{state}」，急不急都不用改了。想看经过，发「进度 {number}」。"
WHICH_CATEGORY = "改成哪一类？"
_CATEGORY = re.compile(r"类")
_CALM = re.compile(r"[不没]\w{0,2}急")
_HURRY = re.compile(r"急")


@handles("correct_case", by=Who.ANYONE)
def correct_case(context: Context, intent: Intent) -> Reply | None:
    """By the reporter, the dispatcher or the unit. What was only collected goes its way anew by the new category.

    None: something among people is urgent, no case.
    """
    number = intent.integer("case")
    if number is None:
        return Privately(Text(WHICH))
    case = numbered_case(context, number)
    concerned = case is not None and bool(actor_of(context, case).parts)
    if not concerned and not context.message.addressed and not _CATEGORY.search(context.message.text):
        return None
    if case is None:
        return not_found(number)
    if not concerned:
        return Privately(Text(NOT_YOURS.format(number=number, action="改")))
    said = intent.text("text")
    if said or not _HURRY.search(context.message.text):
        return _put_in_category(context, case, said)
    return _put_in_a_hurry(context, case, urgent=not _CALM.search(context.message.text))


def _put_in_category(context: Context, case: Case, said: str) -> Reply:
    known = categories_of(case.kind)
    meant = [name for name in known if name == said] or [name for name in known if said and said in name]
    if len(meant) != 1:
        example = f"改类别 {case.number} {known[0]}"
        names = "、".join(meant or known)
        asked = Card(WHICH_CATEGORY, names, choice=category_choice(case), hint=f"请发「{example}」这样一句。")
        return Privately(asked)
    if meant[0] == case.category:
        return Privately(Text(f"{name_of(case)}的类别就是「{case.category}」。"))
    keep_correction(context, case, Corrected.CATEGORY, case.category, meant[0])
    case.category, case.sureness = meant[0], None
    unit = route(context, case) if case.state is CaseState.COLLECTED else None
    sent = f"，已派给{unit.name}" if unit else ""
    return _told(context, case, f"{name_of(case)}的类别改成了「{case.category}」{sent}。", unit is None)


def _put_in_a_hurry(context: Context, case: Case, *, urgent: bool) -> Reply:
    words = (NOT_URGENT, URGENT)
    if case.state not in OPEN_STATES:
        return Privately(Text(AT_AN_END.format(name=name_of(case), state=case.state, number=case.number)))
    if case.urgent is urgent:
        return Privately(Text(f"{name_of(case)}已经是「{words[urgent]}」了。"))
    keep_correction(context, case, Corrected.URGENCY, words[case.urgent], words[urgent])
    case.urgent = urgent
    return _told(context, case, f"{name_of(case)}改成了「{words[urgent]}」。", unit=True)


def _told(context: Context, case: Case, text: str, unit: bool) -> Reply:
    """Everybody who has the case's card hears it: the dispatchers, the reporter, and the unit if it has it already."""
    if Part.DISPATCHER not in actor_of(context, case).parts:
        context.tell_all(dispatchers(context, case), Text(text))
    tell_reporter(context, case, Text(text))
    if unit and case.unit is not None and not _speaks_for_unit(context, case):
        tell_unit(context, case, case.unit, Text(text))
    return answer(case, text)


def _speaks_for_unit(context: Context, case: Case) -> bool:
    """Whether it is said in the unit's own chat, where everybody reads the answer."""
    return context.chat is not None and context.chat.organisation_id == case.unit_id
