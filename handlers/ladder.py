"""提级 at once: after every third 重办 or 转办, and at the reporter's own word."""

from bot.handling import Context
from bot.reports.ladder import Climbed, Words
from models.cases import Case, CaseStep
from models.escalations import Cause, Escalation, Rung, next_level
from models.organisations import Organisation

TOO_OFTEN = 3


def too_often(context: Context, case: Case, cause: Cause, step: CaseStep) -> Organisation | None:
    """提级 where ``step`` was every third 重办 (``REOPENED``) or 转办 (``TRANSFERRED``) of the case.

    The organisation that it was brought to; None where it was no third one, or there is none above. The reporter and
    those of that organisation are told, but not the sender.
    """
    times = case.reopened if cause is Cause.REOPENED else case.transfers
    return raise_up(context, case, cause, step) if times and times % TOO_OFTEN == 0 else None


def raise_up(context: Context, case: Case, cause: Cause, step: CaseStep) -> Organisation | None:
    """提级 by one level at once, because of ``step``. The organisation; None where the case has reached the top."""
    level = next_level(context.batch.tree, case)
    if level is None:
        return None
    case.level, case.level_id = level, level.id
    context.session.flush()  # the step has its id only from then on
    raised = Escalation(
        case_id=case.id,
        since_id=step.id,
        cause=cause,
        rung=Rung.ESCALATE,
        organisation_id=level.id,
        due_at=context.now,
        at=context.now,
    )
    context.session.add(raised)
    words = Words(context.session, context.batch.posting, context.batch.tree, context.message_id)
    words.add(Climbed(case, cause, Rung.ESCALATE, level))
    words.post(context.now, lambda _: context.now, but=context.sender)
    return level
