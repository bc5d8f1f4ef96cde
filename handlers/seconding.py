"""附议 (+1): who has seen the same hazard follows it, hears how it ends, and shares in its being true. Nobody else
learns who that is."""

from sqlalchemy import select

from bot.content import Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.messages import PROVIDERS
from bot.posting import Address
from bot.seconding import UNDONE_WITHIN, count, follow, is_reporter, standing
from bot.understanding.intent import Intent
from handlers.cases import name_of, not_found, numbered_case
from handlers.drafts import close, open_draft
from handlers.points import ledger
from models.cases import FINISHED_STATES, OPEN_STATES, Action, Case, CaseStep
from models.drafts import OPEN_FOR, Draft
from models.followers import followers_of
from models.points import SECONDED, Award, given_to

WHICH = "附议哪一件？请带上编号，比如「附议 1024」。"
NOT_OPEN = "{name}现在是「{state}」，不用附议了。又有了，说一句哪里、怎么了，我再登记。"
GONE = "那一件已经不办了。你说的要登记，请回复「另报」。"
ADDED = "附议记在 {name}了，办好了告诉你。"
AGAIN = "你已经附议过 {name}了，办好了告诉你。"
OWN = "{name}就是你报的，不用附议，办好了告诉你。"
ALSO_KEPT = "这次说的也放进去了。"
AFTER_ITS_END = "附议记在 {name}了。它已经办结，我转告了经办的人；不是一件事就回复「另报」。"
_BY_PEOPLE = (Action.ACCEPT, Action.ASSIGN, Action.TRANSFER, Action.RESOLVE)
"""What a person does only to a hazard that is true."""


@handles("second_case", by=Who.ANYONE)
def second_case(context: Context, intent: Intent) -> Reply | None:
    """+1 to the hazard that was offered, or to one that is named. None: it was said to somebody else."""
    number = intent.integer("case")
    if number is None:
        return _offered(context)
    named = numbered_case(context, number)
    if named is None or named.confidential:  # an appeal is nobody's to follow, whoever has a part in it
        return not_found(number)
    case = standing(context.session, named)
    if case is None:
        return Privately(Text(NOT_OPEN.format(name=name_of(named), state=named.state)))
    draft = waiting(context, case)
    if draft is not None:
        return _counted(context, draft, case)
    if case.state not in OPEN_STATES:
        return Privately(Text(NOT_OPEN.format(name=name_of(case), state=case.state)))
    added = follow(context.session, case, context.sender, context.person, context.now, context.message_id)
    seconded(context, case)
    return Privately(Text(_said(context, case, added)))


def _offered(context: Context) -> Reply | None:
    draft = waiting(context)
    if draft is None:
        return Privately(Text(WHICH)) if context.message.addressed else None
    case = standing(context.session, draft.alike)
    return _counted(context, draft, case) if case else Privately(Text(GONE))


def waiting(context: Context, case: Case | None = None, *, counted: bool = False) -> Draft | None:
    """The sender's report of which the bot has asked whether it is a known hazard, or this one; that of this chat
    first.

    ``counted``: of those, too, that have been counted as 附议 within a day. Unless the bot is addressed, only what was
    asked in this chat is meant.
    """
    here = open_draft(context)
    if here is not None and here.alike_id is not None and _asks(context, here, case):
        return here
    message = context.message
    query = select(Draft).where(
        Draft.platform == message.platform, Draft.sender == message.sender, Draft.alike_id.is_not(None)
    )
    query = query.where(Draft.begun_at > context.now - UNDONE_WITHIN - OPEN_FOR)
    if not counted:
        query = query.where(Draft.closed_at.is_(None))
    if not message.addressed:
        query = query.where(Draft.chat == message.chat)
    found = context.session.scalars(query.order_by(Draft.id.desc()))
    return next((draft for draft in found if _asks(context, draft, case)), None)


def _asks(context: Context, draft: Draft, case: Case | None) -> bool:
    """Whether the draft waits for a word about the case, as it is or as it was merged."""
    if case is None or draft.alike_id == case.id:
        return True
    now = standing(context.session, case)
    return now is not None and standing(context.session, draft.alike) is now


def _counted(context: Context, draft: Draft, case: Case) -> Reply:
    added = count(context.session, context.batch.posting, draft, case, context.now)
    draft.alike_id = case.id
    close(context, draft)
    seconded(context, case)
    return Privately(Text(_said(context, case, added, ALSO_KEPT)))


def _said(context: Context, case: Case, added: bool, also: str = "") -> str:
    name = name_of(case)
    if by_sender(context, case):
        return OWN.format(name=name) + also
    if case.state in FINISHED_STATES:
        return AFTER_ITS_END.format(name=name)
    return ADDED.format(name=name) if added else AGAIN.format(name=name) + also


def by_sender(context: Context, case: Case) -> bool:
    """Whether the sender has reported the case."""
    person_id = context.person.id if context.person else None
    return is_reporter(case, context.message.platform, context.message.sender, person_id)


def seconded(context: Context, case: Case) -> None:
    """附议 earns a point once a person has taken the hazard to be true; for each follower once, however it is called.

    Neither the reporter earns it nor who has taken it.
    """
    if case.confidential:
        return
    query = select(CaseStep.actor_id).where(CaseStep.case_id == case.id, CaseStep.action.in_(_BY_PEOPLE))
    taken_by = set(context.session.scalars(query)) - {None}
    cause = f"second:{case.number}"
    done = taken_by | {case.reporter_id} | given_to(context.session, cause)
    for follower in followers_of(context.session, case) if taken_by else ():
        if follower.person is None or follower.person.id in done:
            continue
        done.add(follower.person.id)
        award = Award(SECONDED, SECONDED.points, cause, context.message_id)
        context.batch.shared(ledger).award(follower.person, award, context.now)


def tell_followers(context: Context, case: Case, content: Text | Card) -> int:
    """Tells in private who has said +1 to the case, and who has reported or followed one that was merged into it.

    Each once, however many of these they have seen; its own reporter and the sender are left out. Returns how many.
    """
    told = {(case.reporter_platform, case.reporter_ref), (context.message.platform, context.message.sender)}
    before = len(told)
    for address in _concerned(context, case):
        if (address.platform, address.ref) not in told and address.platform in PROVIDERS:
            told.add((address.platform, address.ref))
            context.tell_address(address, content)
    return len(told) - before


def _concerned(context: Context, case: Case) -> list[Address]:
    found = [
        Address(follower.platform, follower.bot, follower.ref, to_person=True)
        for follower in followers_of(context.session, case)
    ]
    for merged in context.session.scalars(select(Case).where(Case.merged_into == case.id).order_by(Case.number)):
        found.append(Address(merged.reporter_platform, merged.reporter_bot, merged.reporter_ref, to_person=True))
        found += _concerned(context, merged)
    return found
