"""Hazards (隐患, 随手拍): reported in a sentence or a photo with a sentence, answered with a number."""

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import case_fields, dispatchers
from models.cases import Actor, Case, CaseKind, collect
from models.organisations import Organisation
from models.people import Person

EMERGENCY = "⚠️ 紧急请拨 119（火警）/ 120（急救）/ 110（报警）/ 122（交通事故）"
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，或者到支部群里报。"


@handles("hazard_report", by=Who.ANYONE)
def hazard_report(context: Context, intent: Intent) -> Reply:
    """Registers a hazard, and tells the branch's secretary. Where life is in danger the emergency line comes first."""
    organisation = context.organisation
    if organisation is None:
        return _first_aid(intent, Text(NO_BRANCH))
    case = collect(context.session, new_case(context, intent, CaseKind.HAZARD, organisation), reporter(context))
    context.tell_all(_others(context, case), dispatcher_card(case, "⚠️ 急" if intent.danger else "🚧"))
    return Card(
        title=EMERGENCY if intent.danger else f"📍 已登记隐患 {case.number}",
        text=f"已登记隐患 {case.number}，同时告诉了书记。" if intent.danger else "",
        fields=case_fields(case),
        photos=tuple(case.photos),
        hint=f"办好了告诉你。想看进度，发「进度 {case.number}」。",
    )


def _first_aid(intent: Intent, text: Text) -> Reply:
    return Text(f"{EMERGENCY}\n{text.text}") if intent.danger else Privately(text)


def _others(context: Context, case: Case) -> list[Person]:
    return [person for person in dispatchers(context, case) if person is not context.person]


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
    about = f"case:{number}"
    kind = "诉求" if case.confidential else "隐患"
    return Card(
        title=f"{sign} 新{kind} {number}",
        text=case.text,
        fields=case_fields(case),
        photos=tuple(case.photos),
        buttons=(
            Button("受理", f"受理 {number}", about, "primary"),
            Button("派单", f"派单 {number}", about),
            Button("不受理", f"不受理 {number}", about),
        ),
        hint=f"请回复「受理 {number}」「派单 {number} 物业」或「不受理 {number} 理由」。",
    )
