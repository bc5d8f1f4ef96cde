"""隐患属实: what the first 受理 of a hazard by a person earns those who have seen it."""

from bot.handling import Context
from handlers.points import ledger
from handlers.seconding import seconded
from models.cases import Case, CaseKind
from models.points import HAZARD, Award, given


def verified(context: Context, case: Case) -> None:
    """The first 受理 of a hazard earns its reporter points, unless it is the reporter who accepts it, and 附议 too."""
    seconded(context, case)
    if case.kind is not CaseKind.HAZARD or case.reporter is None or case.reporter is context.person:
        return
    award = Award(HAZARD, HAZARD.points, f"case:{case.number}", context.message_id)
    if not given(context.session, award.cause):
        context.batch.shared(ledger).award(case.reporter, award, context.now)
