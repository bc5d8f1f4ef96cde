"""What all steps of a case have in common, for hazards and appeals alike: whose they are, and who is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

from sqlalchemy import select

from bot.content import Button, Card, Field, Text
from bot.handling import Context, Privately, Reply
from bot.messages import PROVIDERS
from bot.posting import Address
from bot.reports import case_words
from bot.reports.case_words import SECRETARIES, leaders_near
from handlers.people import mentions
from models.cases import (
    OPEN_STATES,
    Action,
    Actor,
    Case,
    CaseState,
    CaseStep,
    Part,
    change,
    find_case,
    legal_actions,
    parts_of,
)
from models.chats import chats_of
from models.organisations import Organisation
from models.people import Person, posts_of
from models.people import Post as Office

UNKNOWN = "没有找到 {number}，请看看编号是不是打错了。"
NOT_YOURS = "{number} 不在您这边办，不能{action}。想知道进展，请发「进度 {number}」。"
NOT_REPORTED_BY_YOU = "{number} 要由报的人来{action}。"
PROGRESS = "想知道进展，请发「进度 {number}」。"
FIRST_TAKEN = "{number} 您这边已经受理，首接负责，不能退单；要换单位，请书记转办。"
EXAMPLES = {
    Action.ACCEPT: "受理 {number}",
    Action.DECLINE: "不受理 {number} 理由",
    Action.ASSIGN: "派单 {number} 单位",
    Action.TRANSFER: "转办 {number} 单位",
    Action.RETURN: "退单 {number} 理由",
    Action.SUSPEND: "挂账 {number} 到哪天 理由",
    Action.RESUME: "复办 {number}",
    Action.RESOLVE: "办结 {number} 怎么办的",
    Action.MERGE: "并案 {number} 到 编号",
    Action.RATE: "评价 {number} 满意",
    Action.REOPEN: "评价 {number} 未解决",
    Action.WITHDRAW: "撤回 {number}",
}
ALREADY = {
    (Action.ACCEPT, CaseState.ACCEPTED): "受理",
    (Action.ACCEPT, CaseState.IN_PROGRESS): "受理",
    (Action.DECLINE, CaseState.DECLINED): "定为不予受理",
    (Action.RESOLVE, CaseState.RESOLVED): "办结",
    (Action.MERGE, CaseState.MERGED): "并案",
    (Action.WITHDRAW, CaseState.WITHDRAWN): "撤回",
}
"""What has been done before, where somebody presses an old card's button once more."""
REPORTERS = {Action.RATE: "评价", Action.REOPEN: "评价", Action.WITHDRAW: "撤回"}
"""What the reporter alone may do."""
URGENT = "急"
name_of = case_words.name_of
"""How a case is called in a sentence."""


def numbered_case(context: Context, number: int) -> Case | None:
    """The case with the number that was said. None, and then ``not_found`` is the answer, where there is none.

    A confidential case is there only for those who have a part in it: nobody else learns even that there is one.
    """
    case = find_case(context.session, number)
    return None if case is not None and case.confidential and not actor_of(context, case).parts else case


def not_found(number: int) -> Privately:
    """What is said of a number under which the sender finds no case (see ``numbered_case``)."""
    return Privately(Text(UNKNOWN.format(number=number)))


def do(context: Context, case: Case, action: Action, reason: str = "") -> Reply | Case:
    """Does one action on a case. The case where it was done, else what to say instead."""
    refusal = refused(context, case, action)
    if refusal is not None:
        return refusal
    act(context, case, action, reason)
    return case


def act(
    context: Context,
    case: Case,
    action: Action,
    reason: str = "",
    *,
    unit: Organisation | None = None,
    until: date | None = None,
) -> CaseStep:
    """Does one action that is open to the sender. Raises Illegal where it is not."""
    actor = actor_of(context, case)
    return change(context.session, case, action, actor, reason, unit=unit, until=until)


def refused(context: Context, case: Case, action: Action) -> Privately | None:
    """What is said instead where the action is not open to the sender: what is open. None: it is.

    It speaks of the case, which must be one that the sender finds (see ``numbered_case``).
    """
    actor = actor_of(context, case)
    legal = legal_actions(case, actor.parts)
    return None if action in legal else Privately(Text(_instead(case, action, legal, actor)))


def last_step(context: Context, case: Case) -> CaseStep:
    """What was done to the case last."""
    query = select(CaseStep).where(CaseStep.case_id == case.id).order_by(CaseStep.id.desc()).limit(1)
    return context.session.scalars(query).one()


def actor_of(context: Context, case: Case) -> Actor:
    """The sender, with the parts in which they may act on the case."""
    parts = parts_of(context.person, case) if context.person else frozenset[Part]()
    if context.admin:
        parts |= {Part.DISPATCHER}
    if (case.reporter_platform, case.reporter_ref) == (context.message.platform, context.message.sender):
        parts |= {Part.REPORTER}
    return Actor(context.person, parts, context.now, context.message_id)


def _instead(case: Case, action: Action, legal: Sequence[Action], actor: Actor) -> str:
    if not actor.parts and action not in REPORTERS:
        return NOT_YOURS.format(number=case.number, action=action)
    refusal = _refusal(case, action, actor)
    if not legal:
        return f"{refusal}{PROGRESS.format(number=case.number)}"
    commands = "」「".join(EXAMPLES[each].format(number=case.number) for each in legal)
    return f"{refusal}可以发「{commands}」。"


def _refusal(case: Case, action: Action, actor: Actor) -> str:
    if action in REPORTERS and Part.REPORTER not in actor.parts:
        return NOT_REPORTED_BY_YOU.format(number=case.number, action=REPORTERS[action])
    if done := ALREADY.get((action, case.state)):
        return f"{case.number} 已经{done}了。"
    if action is Action.RETURN and case.taken and case.state in OPEN_STATES and Part.UNIT in actor.parts:
        return FIRST_TAKEN.format(number=case.number)
    return f"{case.number} 现在是「{case.state}」，不能{action}。"


def answer(case: Case, content: str | Card) -> Reply:
    """What the actor is told; in private where the case is confidential."""
    told = Text(content) if isinstance(content, str) else content
    return Privately(told) if case.confidential else told


def tell_reporter(context: Context, case: Case, content: Text | Card) -> bool:
    """Tells the reporter in private, wherever the report came from. False: it was they who did it, or nothing can be
    said to people there."""
    address = Address(case.reporter_platform, case.reporter_bot, case.reporter_ref, to_person=True)
    if address == context.sender:
        return False
    if address.platform not in PROVIDERS:  # who was not known on any platform then may be known by now
        person = case.reporter
        return person is not None and person is not context.person and context.tell(person, content)
    context.tell_address(address, content)
    return True


def tell_unit(context: Context, case: Case, unit: Organisation, content: Text | Card) -> bool:
    """In the unit's own chats, where a text calls its 联系人; to them in private where it has none, or where confidence
    demands."""
    contacts = posts_of(context.session, unit, Office.CONTACT)
    chats = [] if case.confidential else chats_of(context.session, unit)
    for chat in chats:
        if isinstance(content, Text):
            context.say(chat, replace(content, mentions=mentions(context, contacts, chat)))
        else:
            context.say(chat, content)
    return bool(chats) or bool(context.tell_all(contacts, content))


def tell_unit_elsewhere(context: Context, case: Case, content: Text | Card) -> None:
    """Tells the unit that the case is with, unless it was said in the unit's own group."""
    heard = context.chat is not None and context.chat.organisation_id == case.unit_id and not case.confidential
    if case.unit is not None and not heard:
        tell_unit(context, case, case.unit, content)


def case_card(case: Case, title: str, actions: tuple[Action, ...], hint: str) -> Card:
    """A case with buttons for what can be done to it; 受理 is the one to press."""
    about = f"case:{case.number}"
    styles: dict[Action, Literal["primary"]] = {Action.ACCEPT: "primary"}
    return Card(
        title=title,
        text=case.text,
        fields=case_fields(case),
        photos=tuple(case.photos),
        buttons=tuple(
            Button(action, f"{action} {case.number}", about, styles.get(action, "plain")) for action in actions
        ),
        hint=hint,
    )


def case_fields(case: Case) -> tuple[Field, ...]:
    """Category, urgency and place, as far as they are known."""
    named = (Field("类别", case.category), Field("紧急", URGENT if case.urgent else ""), Field("地点", case.place))
    return tuple(field for field in named if field.value)


def dispatchers(context: Context, case: Case) -> list[Person]:
    """The secretaries who run the case, nearest organisation first; the sender, who knows already, is left out."""
    return leaders_near(context.session, context.batch.tree, case, context.person)


def runners(context: Context, case: Case, *, knows: bool) -> list[Person]:
    """The secretaries who run the case, unless one of them has done it and ``knows``, and those whom 提级 has brought
    it to; without the sender."""
    near = [] if knows else dispatchers(context, case)
    level = posts_of(context.session, case.level, *SECRETARIES) if case.level is not None else []
    return list(dict.fromkeys([*near, *(each for each in level if each is not context.person)]))
