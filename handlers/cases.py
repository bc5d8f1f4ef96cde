"""The steps of a case (受理、不受理、派单、退单、办结、并案、评价), the same for hazards and appeals."""

from collections import Counter
from dataclasses import replace
from typing import Literal

from sqlalchemy import select

from bot.content import Button, Card, Choice, Field, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.posting import Address
from bot.understanding.intent import Intent
from handlers.people import mentions
from handlers.points import ledger
from models.cases import (
    OPEN_STATES,
    Action,
    Actor,
    Case,
    CaseKind,
    CaseState,
    Illegal,
    Part,
    Rating,
    change,
    find_case,
    parts_of,
)
from models.chats import Chat, chats_of
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Person, posts_of
from models.people import Post as Office
from models.points import HAZARD, Award, given

UNKNOWN = "没有找到 {number}，请看看编号是不是打错了。"
NOT_YOURS = "{number} 不在您这边办，不能{action}。想知道进展，请发「进度 {number}」。"
NOT_REPORTED_BY_YOU = "{number} 要由报的人来评价。想知道进展，请发「进度 {number}」。"
WHICH = "请带上编号，比如「{example}」。要看在办的，请发「待办」。"
CHOICES = 10
"""Units to choose from on one card."""
EXAMPLES = {
    Action.ACCEPT: "受理 {number}",
    Action.DECLINE: "不受理 {number} 理由",
    Action.ASSIGN: "派单 {number} 单位",
    Action.RETURN: "退单 {number} 理由",
    Action.RESOLVE: "办结 {number} 怎么办的",
    Action.MERGE: "并案 {number} 到 编号",
    Action.RATE: "评价 {number} 满意",
    Action.REOPEN: "评价 {number} 未解决",
}


def step(context: Context, intent: Intent, action: Action, *, unit: Organisation | None = None) -> Reply | Case:
    """Does one action on the case that is named. The case where it was done, else what to say instead."""
    number = intent.integer("case")
    if number is None:
        return Privately(Text(WHICH.format(example=EXAMPLES[action].format(number=1024))))
    case = find_case(context.session, number)
    if case is None:
        return Privately(Text(UNKNOWN.format(number=number)))
    return do(context, case, action, intent.text("text"), unit)


def do(
    context: Context, case: Case, action: Action, reason: str = "", unit: Organisation | None = None
) -> Reply | Case:
    """Does one action on a case. The case where it was done, else what to say instead."""
    actor = actor_of(context, case)
    if case.confidential and not actor.parts:
        return Privately(Text(UNKNOWN.format(number=case.number)))
    try:
        change(context.session, case, action, actor, reason, unit)
    except Illegal as illegal:
        return Privately(Text(_instead(illegal, actor)))
    return case


def actor_of(context: Context, case: Case) -> Actor:
    parts = parts_of(context.person, case) if context.person else frozenset[Part]()
    if context.admin:
        parts |= {Part.DISPATCHER}
    if (case.reporter_platform, case.reporter_ref) == (context.message.platform, context.message.sender):
        parts |= {Part.REPORTER}
    return Actor(context.person, parts, context.now, context.message_id)


def _instead(illegal: Illegal, actor: Actor) -> str:
    case = illegal.case
    if illegal.action in (Action.RATE, Action.REOPEN) and Part.REPORTER not in actor.parts:
        return NOT_REPORTED_BY_YOU.format(number=case.number)
    if not actor.parts:
        return NOT_YOURS.format(number=case.number, action=illegal.action)
    state = f"{case.number} 现在是「{case.state}」，不能{illegal.action}。"
    if not illegal.legal:
        return f"{state}想知道进展，请发「进度 {case.number}」。"
    legal = "」「".join(EXAMPLES[action].format(number=case.number) for action in illegal.legal)
    return f"{state}可以发「{legal}」。"


def answer(case: Case, content: str | Card) -> Reply:
    """What the actor is told; in private where the case is confidential."""
    told = Text(content) if isinstance(content, str) else content
    return Privately(told) if case.confidential else told


def name_of(case: Case) -> str:
    """How a case is called in a sentence: its number and, unless it is confidential, what it is about."""
    what = case.place or case.category
    return f"{case.number}（诉求）" if case.confidential else f"{case.number}（{what}）"


def tell_reporter(context: Context, case: Case, content: Text | Card) -> bool:
    """Tells the reporter in private, wherever the report came from; nobody is told what they did themselves (False)."""
    address = Address(case.reporter_platform, case.reporter_bot, case.reporter_ref, to_person=True)
    if address == context.sender:
        return False
    context.tell_address(address, content)
    return True


@handles("accept_case", by=Who.CASEWORKER)
def accept(context: Context, intent: Intent) -> Reply:
    """受理: by the branch, or by the unit that the case was sent to."""
    case = step(context, intent, Action.ACCEPT)
    if not isinstance(case, Case):
        return case
    verified(context, case)
    with_unit = case.state is CaseState.IN_PROGRESS and case.unit is not None
    who = case.unit.name if with_unit and case.unit else "支部"
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}，{who}已受理。"))
    assign = "" if with_unit else f"可以「派单 {case.number} 单位」，"
    accepted = Card(
        f"{name_of(case)}已受理。",
        choice=None if with_unit else assign_choice(context, case),
        form=resolve_form(case),
        hint=f"{assign}办好了发「办结 {case.number} 怎么办的」。",
    )
    return answer(case, accepted)


def verified(context: Context, case: Case) -> None:
    """隐患属实: the first 受理 of a hazard earns its reporter points, unless it is the reporter who accepts it."""
    if case.kind is not CaseKind.HAZARD or case.reporter is None or case.reporter is context.person:
        return
    award = Award(HAZARD, HAZARD.points, f"case:{case.number}", context.message_id)
    if not given(context.session, award.cause):
        context.batch.shared(ledger).award(case.reporter, award, context.now)


@handles("decline_case", by=Who.CASEWORKER)
def decline(context: Context, intent: Intent) -> Reply:
    """不受理, with a reason that the reporter is told."""
    if not intent.text("text"):
        return Privately(Text(f"请带上理由，比如「不受理 {intent.integer('case') or 1024} 不属实」。"))
    case = step(context, intent, Action.DECLINE)
    if not isinstance(case, Case):
        return case
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}没有受理：{intent.text('text')}。有出入可以再报一次。"))
    return answer(case, f"{name_of(case)}不予受理：{intent.text('text')}")


@handles("assign_case", by=Who.CASEWORKER)
def assign(context: Context, intent: Intent) -> Reply:
    """派单 to a responsible unit, which is told in its own chat, or its 联系人 in private where confidence demands."""
    unit = _unit(context, intent)
    if isinstance(unit, Text):
        return Privately(unit)
    before = find_case(context.session, intent.integer("case") or 0)
    former = before.unit if before else None
    if before is not None and former is unit and context.runs(before.organisation):
        return answer(before, f"{name_of(before)}已经派给{unit.name}了。")
    case = step(context, intent, Action.ASSIGN, unit=unit)
    if not isinstance(case, Case):
        return case
    if former is not None:
        tell_unit(context, case, former, Text(f"{name_of(case)}已改派给{unit.name}，不用您这边办了。"))
    verified(context, case)
    reached = tell_unit(context, case, unit, unit_card(case))
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}已派给{unit.name}。"))
    missing = "" if reached else f"{unit.name}还没有绑定群，联系人也没有报到，请当面转达。"
    return answer(case, f"{name_of(case)}已派给{unit.name}。{missing}")


def _unit(context: Context, intent: Intent) -> Organisation | Text:
    tree, name = context.batch.tree, intent.text("org")
    case = find_case(context.session, intent.integer("case") or 0)
    here = case.organisation if case else context.organisation
    units = units_near(tree, here)
    meant = tree.named(name) if name else []
    found = [unit for unit in units if unit in meant]
    if {unit.name for unit in found} == {name}:  # of several with one name, the nearest
        found = [unit for unit in found if _steps(tree, here, unit) == _steps(tree, here, found[0])]
    if len(found) == 1:
        return found[0]
    shown = Counter(unit.name for unit in units)
    names = "、".join(unit.name if shown[unit.name] == 1 else unit.path for unit in (found or units))
    if not names:
        return Text("名册里还没有责任单位，请让管理员先导入。")
    asked = f"没有叫「{name}」的责任单位。" if name and not found else "派给谁？"
    return Text(f"{asked}现在有：{names}。请发「派单 {intent.integer('case') or 1024} 单位」。")


def units_near(tree: Tree, organisation: Organisation | None) -> list[Organisation]:
    """The 责任单位, those first that stand below the same organisation as this one."""
    units = [org for org in tree.by_id.values() if org.kind is OrganisationKind.UNIT]
    return sorted(units, key=lambda unit: _steps(tree, organisation, unit))


def _steps(tree: Tree, organisation: Organisation | None, unit: Organisation) -> int:
    """How far up from the organisation one has to go to stand above the unit."""
    around = [organisation, *tree.above(organisation)] if organisation else []
    return sum(not above.covers(unit) for above in around)


def assign_choice(context: Context, case: Case) -> Choice | None:
    """Whom the case can be sent to, the nearest first; a name that several units have means the nearest."""
    units = units_near(context.batch.tree, case.organisation)
    names = list(dict.fromkeys(unit.name for unit in units))[:CHOICES]
    about = f"case:{case.number}"
    return Choice("派给", tuple(Button(name, f"派单 {case.number} {name}", about) for name in names)) if names else None


def resolve_form(case: Case) -> Form:
    """A line for what was done, with 办结."""
    return Form("怎么办的", Button("办结", f"办结 {case.number}", f"case:{case.number}"))


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


def unit_card(case: Case) -> Card:
    """What the responsible unit gets; who reported it is not for the unit."""
    number = case.number
    hint = f"请回复「受理 {number}」，办好后「办结 {number} 怎么办的」；不归你们管就「退单 {number} 理由」。"
    card = case_card(case, f"📮 新派单 {number}", (Action.ACCEPT, Action.RETURN), hint)
    return replace(card, form=resolve_form(case))


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
    """Category and place, as far as they are known."""
    named = (Field("类别", case.category), Field("地点", case.place))
    return tuple(field for field in named if field.value)


@handles("return_case", by=Who.CASEWORKER)
def return_(context: Context, intent: Intent) -> Reply:
    """退单: the unit sends a case back to the dispatcher, with a reason."""
    reason = intent.text("text")
    if not reason:
        return Privately(Text(f"请带上理由，比如「退单 {intent.integer('case') or 1024} 不归我们管」。"))
    number = intent.integer("case")
    before = find_case(context.session, number) if number is not None else None
    unit = before.unit if before else None
    case = step(context, intent, Action.RETURN)
    if not isinstance(case, Case):
        return case
    who = unit.name if unit else "责任单位"
    told = Card(
        f"{who}退回了 {name_of(case)}",
        text=reason,
        choice=assign_choice(context, case),
        hint=f"请重新派单：「派单 {case.number} 单位」。",
    )
    context.tell_all(dispatchers(context, case), told)
    return answer(case, f"{name_of(case)}已退回支部：{reason}")


def dispatchers(context: Context, case: Case) -> list[Person]:
    """The secretaries who run the case, nearest organisation first; the sender, who knows already, is left out."""
    for organisation in (case.organisation, *context.batch.tree.above(case.organisation)):
        offices = posts_of(context.session, organisation, Office.SECRETARY, Office.DEPUTY, Office.LEADER)
        if found := [person for person in offices if person is not context.person]:
            return found
    return []


@handles("resolve_case", by=Who.CASEWORKER)
def resolve(context: Context, intent: Intent) -> Reply:
    """办结: the reporter is told and asked once whether it is well. A form that was left empty is no answer to them."""
    if context.message.kind == "button" and not intent.text("text"):
        return Privately(Text(f"请写一句怎么办的，比如「办结 {intent.integer('case') or 1024} 已清运」。"))
    case = step(context, intent, Action.RESOLVE)
    if not isinstance(case, Case):
        return case
    how = f"：{intent.text('text')}" if intent.text("text") else ""
    told = "。已经告诉报的人。" if tell_reporter(context, case, _ask_for_rating(case, how)) else ""
    for merged in context.session.scalars(select(Case).where(Case.merged_into == case.id)):
        tell_reporter(context, merged, Text(f"✅ 你报的 {name_of(merged)}并在 {case.number} 里，已办结{how}"))
    _tell_group(context, case, f"✅ {name_of(case)}已办结{how}")
    if context.person is None or Part.DISPATCHER not in parts_of(context.person, case):
        context.tell_all(dispatchers(context, case), Text(f"{name_of(case)}已办结{how}"))
    return answer(case, f"{name_of(case)}已办结{how}{told}")


def _ask_for_rating(case: Case, how: str) -> Card:
    buttons = tuple(Button(rating, f"评价 {case.number} {rating}", f"case:{case.number}") for rating in Rating)
    return Card(
        title=f"✅ 你报的 {name_of(case)}已办结{how}",
        text="办得怎么样？",
        buttons=buttons,
        hint="回复「满意」「基本满意」或「未解决」。",
    )


def _tell_group(context: Context, case: Case, text: str) -> None:
    """Hazards are public in the group where they were reported; appeals never are."""
    if case.confidential or case.chat_id is None or (context.chat and context.chat.id == case.chat_id):
        return
    context.say(context.session.get_one(Chat, case.chat_id), Text(text))


@handles("merge_case", by=Who.CASEWORKER)
def merge(context: Context, intent: Intent) -> Reply:
    """并案: one case goes on under the number of another of its kind."""
    into = find_case(context.session, intent.integer("into") or 0)
    number = intent.integer("case")
    same = into is not None and into.number == number
    case = find_case(context.session, number) if number is not None else None
    if into is None or case is None or same or into.kind is not case.kind or into.state not in OPEN_STATES:
        return Privately(Text("请写把哪个并到哪个，两个都要是在办的同一类，比如「并案 1025 到 1024」。"))
    if Part.DISPATCHER not in actor_of(context, into).parts:
        return Privately(Text(NOT_YOURS.format(number=into.number, action=Action.MERGE)))
    done = do(context, case, Action.MERGE, f"并入 {into.number}")
    if not isinstance(done, Case):
        return done
    case.merged_into = into.id
    tell_reporter(
        context, case, Text(f"你报的 {name_of(case)}和 {into.number} 是一件事，并在 {into.number} 里一起办。")
    )
    return answer(case, f"{case.number} 已并到 {name_of(into)}")
