"""Hazards (隐患, 随手拍): reported in a sentence or a photo with a sentence, answered with a number."""

from dataclasses import replace

from bot.content import Card, Field, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import case_card, case_fields, dispatchers
from models.cases import Action, Actor, Case, CaseKind, collect
from models.organisations import Organisation

EMERGENCY = "⚠️ 紧急请拨 119（火警）/ 120（急救）/ 110（报警）/ 122（交通事故）"
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，或者到支部群里报。"


@handles("hazard_report", by=Who.ANYONE)
def hazard_report(context: Context, intent: Intent) -> Reply:
    """Registers a hazard, and tells the branch's secretary. Where life is in danger the emergency line comes first."""
    organisation = context.organisation
    if organisation is None:
        return _first_aid(intent, Text(NO_BRANCH))
    case = collect(context.session, new_case(context, intent, CaseKind.HAZARD, organisation), reporter(context))
    heard = context.tell_all(dispatchers(context, case), dispatcher_card(case, "⚠️ 急" if intent.danger else "🚧"))
    return Card(
        title=EMERGENCY if intent.danger else f"📍 已登记隐患 {case.number}",
        text=f"已登记隐患 {case.number}{'，也告诉书记了' if heard else ''}。先顾好人的安全。" if intent.danger else "",
        fields=case_fields(case),
        photos=tuple(case.photos),
        hint=f"办好了告诉你。想看进度，发「进度 {case.number}」。",
    )


def _first_aid(intent: Intent, text: Text) -> Reply:
    return Text(f"{EMERGENCY}\n{text.text}") if intent.danger else Privately(text)


def new_case(context: Context, intent: Intent, kind: CaseKind, organisation: Organisation) -> Case:
    """A case as the sender told it, not yet registered."""
    message = context.message
    return Case(
        kind=kind,
        category=intent.category or "其他",
        place=intent.text("place"),
        text=intent.text("text") or message.text,
        photos=list(message.photos),
        organisation=organisation,
        chat_id=context.chat.id if context.chat else None,
        reporter=context.person,
        reporter_platform=message.platform,
        reporter_bot=message.bot,
        reporter_ref=message.sender,
        message_id=context.message_id,
    )


def reporter(context: Context) -> Actor:
    """The sender as the one who reports."""
    return Actor(context.person, frozenset(), context.now, context.message_id)


def dispatcher_card(case: Case, sign: str) -> Card:
    """What the secretary gets: the case and what can be done with it."""
    number = case.number
    kind = "诉求" if case.confidential else "隐患"
    hint = f"请回复「受理 {number}」「派单 {number} 单位」或「不受理 {number} 理由」。"
    card = case_card(case, f"{sign} 新{kind} {number}", (Action.ACCEPT, Action.ASSIGN, Action.DECLINE), hint)
    who = case.reporter.name if case.reporter else "没报到的群众"
    return replace(card, fields=(*card.fields, Field("谁报的", who)))
