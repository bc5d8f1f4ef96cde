"""Whom a case goes to: by the branch's own table (派单规则) or the secretary's word (派单, 转办), and back (退单)."""

from collections import Counter
from dataclasses import replace

from bot.content import Button, Card, Choice, Field, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.messages import OPEN311
from bot.offers import Option, ask
from bot.reports.case_words import resolve_form
from bot.understanding.categories import OTHER
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.case_labels import urgency_button
from handlers.case_meant import meant_case, open_case
from handlers.cases import (
    act,
    answer,
    case_card,
    dispatchers,
    name_of,
    refused,
    tell_reporter,
    tell_unit,
)
from handlers.ladder import too_often
from handlers.verifying import verified
from models.cases import Action, Case, dispatch
from models.chats import chats_of
from models.corrections import Corrected, Correction
from models.escalations import Cause
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Post, posts_of
from models.routes import unit_for
from schedules.deadlines import promised

SURE_ENOUGH = 0.6
"""How sure the trained classifier must be of a category for a case to go by it without anybody having looked."""
CHOICES = 10
"""Units to choose from on one card."""
NO_UNITS = "名册里还没有责任单位，请让管理员先导入。"
UNREACHED = "{unit}还没有绑定群，联系人也没有报到，请当面转达。"
NO_REASON = "请带上理由，比如「退单 {number} 不归我们管」。"


def route(context: Context, case: Case) -> Organisation | None:
    """派单 of a new hazard by the table. The unit, which is told; None where the secretary decides."""
    if case.confidential or case.category == OTHER or (case.sureness is not None and case.sureness < SURE_ENOUGH):
        return None
    unit = ruled_unit(context, case)
    if unit is None or not _heard(context, unit):
        return None
    dispatch(context.session, case, unit, context.now)
    tell_unit(context, case, unit, unit_card(context, case))
    return unit


def ruled_unit(context: Context, case: Case) -> Organisation | None:
    """The unit that the table names for the case."""
    return unit_for(context.session, context.batch.tree, case.organisation, case.kind, case.category)


def _heard(context: Context, unit: Organisation) -> bool:
    """Whether anybody would hear of it there."""
    contacts = posts_of(context.session, unit, Post.CONTACT)
    return bool(chats_of(context.session, unit)) or bool(context.batch.posting.reach_all(contacts))


def dispatcher_card(context: Context, case: Case, sign: str, like: int | None = None) -> Card:
    """What the secretary gets of a new case: the case, what was done with it, and what can be done.

    ``like``: the number of a known case that it may be the same as.
    """
    number, about = case.number, f"case:{case.number}"
    kind = "诉求" if case.confidential else "隐患"
    hint = f"请回复「受理 {number}」「派单 {number} 单位」或「不受理 {number} 理由」。"
    actions: tuple[Action, ...] = (Action.ACCEPT,)
    form: Form | None = Form("不受理的理由", Button("不受理", f"不受理 {number}", about, "danger"))
    if case.unit is not None:
        hint = f"按派单规则已派给{case.unit.name}。要换单位，请回复「转办 {number} 单位」。"
        actions, form = (), None
    card = case_card(case, f"{sign} 新{kind} {number}", actions, hint)
    buttons = [*card.buttons, Button("改类别", f"改类别 {number}", about), urgency_button(case)]
    fields = [*card.fields, *_deadline(context, case), *_about(case)]
    if like is not None:
        buttons.append(Button(f"并到 {like}", f"并案 {number} 到 {like}", about))
        fields.append(Field("可能重复", f"{like}，是一件事就「并案 {number} 到 {like}」"))
    return replace(card, fields=tuple(fields), buttons=tuple(buttons), choice=assign_choice(context, case), form=form)


def _about(case: Case) -> list[Field]:
    """What only a dispatcher is shown: who reported it, and how sure the classifier is of the category."""
    named = case.reporter.name if case.reporter else "没报到的群众"
    if case.reporter_platform == OPEN311:
        named = f"城市平台（{case.reporter_bot}）"
    fields = [Field("谁报的", "匿名" if case.anonymous else named)]
    if case.sureness is not None:
        fields.append(Field("把握", f"{case.sureness:.0%}"))
    return fields


def _deadline(context: Context, case: Case) -> list[Field]:
    by = promised(context.session, case)
    return [Field("期限", f"{moment_text(by)}前办结")] if by else []


def unit_card(context: Context, case: Case) -> Card:
    """What the responsible unit gets; who reported it is not for the unit."""
    number = case.number
    hint = f"请回复「受理 {number}」，办好后「办结 {number} 怎么办的」；不归你们管就「退单 {number} 理由」。"
    card = case_card(case, f"📮 新派单 {number}", (Action.ACCEPT, Action.RETURN), hint)
    return replace(card, fields=(*card.fields, *_deadline(context, case)), form=resolve_form(case))


def assign_choice(context: Context, case: Case) -> Choice | None:
    """Whom the case can be sent to: first by the table, then the nearest; a name that several units have means the
    nearest."""
    tree, here = context.batch.tree, case.organisation
    ruled = ruled_unit(context, case)
    units = {unit.name: unit.name for unit in units_near(tree, here) if unit is not case.unit}
    if ruled is not None and ruled is not case.unit:
        units = {ruled.name: ruled.name if unit_named(tree, here, ruled.name) is ruled else ruled.path} | (
            {name: said for name, said in units.items() if name != ruled.name}
        )
    word, label = (Action.TRANSFER, "转给") if case.unit is not None else (Action.ASSIGN, "派给")
    about = f"case:{case.number}"
    shown = list(units.items())[:CHOICES]
    options = tuple(Button(name, f"{word} {case.number} {said}", about) for name, said in shown)
    return Choice(label, options) if options else None


def units_near(tree: Tree, organisation: Organisation | None) -> list[Organisation]:
    """The 责任单位, those first that stand below the same organisation as this one."""
    units = [org for org in tree.by_id.values() if org.kind is OrganisationKind.UNIT]
    return sorted(units, key=lambda unit: _steps(tree, organisation, unit))


def unit_named(tree: Tree, here: Organisation | None, name: str) -> Organisation | list[Organisation]:
    """The unit that a name means, as seen from an organisation; else those that it may mean."""
    meant_by = tree.named(name) if name else []
    found = [unit for unit in units_near(tree, here) if unit in meant_by]
    if {unit.name for unit in found} == {name}:  # of several with one name, the nearest
        found = [unit for unit in found if _steps(tree, here, unit) == _steps(tree, here, found[0])]
    return found[0] if len(found) == 1 else found


def asked_back(tree: Tree, here: Organisation | None, name: str, found: list[Organisation]) -> str:
    """The question which unit is meant, with the names that there are."""
    units = units_near(tree, here)
    shown = Counter(unit.name for unit in units)
    names = "、".join(unit.name if shown[unit.name] == 1 else unit.path for unit in (found or units))
    if not names:
        return NO_UNITS
    asked = f"没有叫「{name}」的责任单位。" if name and not found else "派给谁？"
    return f"{asked}现在有：{names}。"


def _steps(tree: Tree, organisation: Organisation | None, unit: Organisation) -> int:
    """How far up from the organisation one has to go to stand above the unit."""
    around = [organisation, *tree.above(organisation)] if organisation else []
    return sum(not above.covers(unit) for above in around)


@handles("assign_case", by=Who.ANYONE)
def assign(context: Context, intent: Intent) -> Reply | None:
    """派单 and 转办: the unit is told in its own chat, or its 联系人 in private where confidence demands."""
    case = meant_case(context, intent, Action.ASSIGN)
    if not isinstance(case, Case):
        return case
    action = Action.ASSIGN if case.unit is None else Action.TRANSFER
    refusal = refused(context, case, action)
    if refusal is not None:
        return refusal
    unit = unit_named(context.batch.tree, case.organisation, intent.text("org"))
    if isinstance(unit, list):
        return _ask_unit(context, case, action, intent.text("org"), unit)
    if unit is case.unit:
        return answer(case, f"{name_of(case)}已经派给{unit.name}了。")
    return _send_to(context, case, action, unit, intent.text("text"))


def _ask_unit(context: Context, case: Case, action: Action, name: str, found: list[Organisation]) -> Reply:
    """Asks which unit; its name alone, said next, is the answer."""
    tree, here = context.batch.tree, case.organisation
    asked = asked_back(tree, here, name, found)
    units = found or units_near(tree, here)
    if not units:
        return Privately(Text(asked))
    shown = Counter(unit.name for unit in units)
    ask(context, [_sending(case, action, unit.name if shown[unit.name] == 1 else unit.path) for unit in units])
    return Privately(Text(f"{asked}回复单位的名字就行，或者发「{action} {case.number} 单位」。"))


def _sending(case: Case, action: Action, unit: str) -> Option:
    return Option(
        f"{action} {case.number} {unit}", "assign_case", {"case": case.number, "org": unit}, unit, numbered=False
    )


def _send_to(context: Context, case: Case, action: Action, unit: Organisation, reason: str) -> Reply:
    former = case.unit
    step = act(context, case, action, reason, unit=unit)
    verified(context, case)
    why = f"：{reason}" if reason else ""
    if former is not None:
        keep_correction(context, case, Corrected.UNIT, former.path, unit.path)
        tell_unit(context, case, former, Text(f"{name_of(case)}已改派给{unit.name}，不用您这边办了{why or '。'}"))
    reached = tell_unit(context, case, unit, unit_card(context, case))
    tell_reporter(context, case, Text(f"你报的 {name_of(case)}已派给{unit.name}。"))
    level = too_often(context, case, Cause.TRANSFERRED, step) if former is not None else None
    raised = f"已经转办 {case.transfers} 次，提级到{level.name}。" if level is not None else ""
    missing = "" if reached else UNREACHED.format(unit=unit.name)
    return answer(case, f"{name_of(case)}已派给{unit.name}。{raised}{missing}")


def keep_correction(context: Context, case: Case, what: Corrected, before: str, after: str) -> None:
    """Keeps what the sender has put right: the unit that it was sent to, its category, its urgency."""
    correction = Correction(
        case_id=case.id,
        what=what,
        before=before,
        after=after,
        by_id=context.person.id if context.person else None,
        at=context.now,
        message_id=context.message_id,
    )
    context.session.add(correction)


@handles("return_case", by=Who.ANYONE)
def return_(context: Context, intent: Intent) -> Reply | None:
    """退单: the unit sends a case back to the dispatcher, with a reason."""
    case, reason = open_case(context, intent, Action.RETURN), intent.text("text")
    if not isinstance(case, Case):
        return case
    if not reason:
        return Privately(Text(NO_REASON.format(number=case.number)))
    former = case.unit
    act(context, case, Action.RETURN, reason)
    if former is not None:
        keep_correction(context, case, Corrected.UNIT, former.path, "")
    told = Card(
        f"{former.name if former else '责任单位'}退回了 {name_of(case)}",
        text=reason,
        choice=assign_choice(context, case),
        hint=f"请重新派单：「派单 {case.number} 单位」。",
    )
    context.tell_all(dispatchers(context, case), told)
    return answer(case, f"{name_of(case)}已退回支部：{reason}")
