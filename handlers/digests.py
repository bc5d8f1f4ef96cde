"""The weekly digest on request (周报)."""

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from models.organisations import OrganisationKind
from schedules.digests import branch_digest, organiser_digest

NOT_YOURS = "周报发给书记和组织员。本支部的周报每周五 15:30 发到群里。"
NOTHING_BELOW = "下面还没有支部，先没有周报。"


@handles("digest", by=Who.MEMBER)
def digest(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The last seven days, for those who run the organisation or look after it."""
    organisation = context.organisation
    if organisation is None or not (context.runs(organisation) or context.member.looks_after(organisation)):
        return Privately(Text(NOT_YOURS))
    session, tree = context.session, context.batch.tree
    if organisation.kind is OrganisationKind.BRANCH:
        return branch_digest(session, tree, organisation, context.now, end=context.now)
    return organiser_digest(session, tree, organisation, context.now) or Privately(Text(NOTHING_BELOW))
