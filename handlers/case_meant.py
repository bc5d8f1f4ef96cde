"""Which case a command is about: the one that it numbers, or the one that a unit has in hand."""

from collections.abc import Sequence

from sqlalchemy import select

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who
from bot.offers import Option, ask
from bot.understanding.intent import Intent
from handlers.cases import EXAMPLES, actor_of, name_of, not_found, numbered_case, refused
from models.cases import OPEN_STATES, Action, Case, CaseKind, Part, legal_actions
from models.people import Post

WHICH = "请带上编号，比如「{example}」。要看在办的，请发「待办」。"
WHICH_OF_YOURS = "是哪一件？请带上编号，比如「{example}」。"
LISTED = 8
"""Cases of one unit to choose from on one card."""


def open_case(context: Context, intent: Intent, action: Action) -> Reply | Case | None:
    """The case that the sender means and may do this to, else what to say instead (see ``meant_case``)."""
    case = meant_case(context, intent, action)
    return (refused(context, case, action) or case) if isinstance(case, Case) else case


def meant_case(context: Context, intent: Intent, action: Action) -> Reply | Case | None:
    """The case that the sender means, else what to say instead.

    A unit's 联系人 may leave the number out while one case alone is in hand. None: it was said among people, and
    there is nothing that it could mean.
    """
    number = intent.integer("case")
    case = numbered_case(context, number) if number is not None else None
    own = case is not None and actor_of(context, case).parts
    if not own and context.role not in ("secretary", "contact"):
        owed = context.message.addressed or (context.person is not None and number is not None)
        return Privately(Text(Who.CASEWORKER.value)) if owed else None
    if number is None:
        return _in_hand(context, intent, action)
    return case or not_found(number)


def _in_hand(context: Context, intent: Intent, action: Action) -> Reply | Case | None:
    cases = [case for case in _with_own_unit(context) if action in legal_actions(case, frozenset({Part.UNIT}))]
    if len(cases) == 1:
        return cases[0]
    example = EXAMPLES[action].format(number=cases[0].number if cases else 1024)
    if not cases:
        return Privately(Text(WHICH.format(example=example))) if context.message.addressed else None
    words = f" {intent.text('text')}" if intent.text("text") else ""
    shown = {case: f"{action} {case.number}{words}" for case in cases[:LISTED]}
    buttons = tuple(Button(name_of(case), says, f"case:{case.number}") for case, says in shown.items())
    options = [
        Option(says, intent.name, {**intent.slots, "case": case.number}, name_of(case), numbered=False)
        for case, says in shown.items()
    ]
    ask(context, options)
    names = "、".join(name_of(case) for case in shown)
    hint = WHICH_OF_YOURS.format(example=example)
    return Privately(Card(f"{action}哪一件？", text=names, buttons=buttons, hint=hint))


def _with_own_unit(context: Context) -> Sequence[Case]:
    """What is open with the unit whose 联系人 the sender is; in a group no appeals, and in the unit's own alone."""
    if context.person is None or context.person.post is not Post.CONTACT:
        return ()
    unit = context.person.organisation
    if context.chat is not None and context.chat.organisation_id != unit.id:
        return ()
    query = select(Case).where(Case.state.in_(OPEN_STATES), Case.unit_id == unit.id).order_by(Case.number)
    if context.chat is not None:
        query = query.where(Case.kind == CaseKind.HAZARD)
    return context.session.scalars(query).all()
