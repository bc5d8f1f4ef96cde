"""Hazards (隐患, 随手拍): reported in a sentence or a photo with a sentence, answered with a number."""

from bot.handling import Context, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.duplicates import alike, offer, unanswered
from handlers.registering import Told, completed, register
from models.cases import CaseKind


@handles("hazard_report", by=Who.ANYONE)
def hazard_report(context: Context, intent: Intent) -> Reply:
    """Registers a hazard, and tells the branch's secretary. Where life is in danger the emergency line comes first."""
    return report(context, Told.of_message(context, intent, CaseKind.HAZARD))


def report(context: Context, told: Told) -> Reply:
    """Registers what was told, with the photos that came before it, unless somebody has reported the same already.

    Where life is in danger nobody is asked anything first.
    """
    if context.organisation is None:
        return register(context, told)
    told = completed(context, told)
    same = None if told.danger else alike(context, context.organisation, told)
    told = unanswered(context, told, same)
    return register(context, told) if same is None else offer(context, told, same)
