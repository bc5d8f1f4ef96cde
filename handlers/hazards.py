"""Hazards (隐患, 随手拍): reported in a sentence or a photo with a sentence, answered with a number."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Select, exists, select

from bot.content import Button, Card, Field, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.messages import IncomingMessage
from bot.understanding.intent import Intent
from handlers.cases import assign_choice, case_card, case_fields, dispatchers, name_of, tell_unit
from models.cases import OPEN_STATES, Action, Actor, Case, CaseKind, collect
from models.inbox import Claim
from models.organisations import Organisation

EMERGENCY = "⚠️ 紧急请拨 119（火警）/ 120（急救）/ 110（报警）/ 122（交通事故）"
PLACE_ALONE = "位置收到了，但不知道那里怎么了。请用一句话说哪里、怎么了，比如「东门井盖没了」。"
PHOTO_ALONE = "照片收到了，但不知道是哪里、怎么了。请先用一句话说，比如「东门井盖没了」，再发照片；放在一条里发也行。"
JUST_REPORTED = timedelta(minutes=30)
"""How long after its report a hazard's place may follow."""
PHOTO_FOLLOWS = timedelta(minutes=30)
PHOTO_FOLLOWS_IN_GROUP = timedelta(minutes=5)
"""In a group people send each other photos of anything, and what they say of them is not kept."""
STILL_ABOUT_IT = ("photo_alone", "place_alone", "case_query")
"""What may be said between a report and its photo."""
MOST_PHOTOS = 9
"""Photos of one case."""
LONGEST_PLACE = 60
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，或者到支部群里报。"


@handles("hazard_report", by=Who.ANYONE)
def hazard_report(context: Context, intent: Intent) -> Reply:
    """Registers a hazard, and tells the branch's secretary. Where life is in danger the emergency line comes first."""
    organisation = context.organisation
    if organisation is None:
        return _first_aid(intent, Text(NO_BRANCH))
    case = collect(context.session, new_case(context, intent, CaseKind.HAZARD, organisation), reporter(context))
    asked = dispatcher_card(context, case, "⚠️ 急" if intent.danger else "🚧")
    heard = context.tell_all(dispatchers(context, case), asked)
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
        place=intent.text("place") or _place_sent(message),
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


def _place_sent(message: IncomingMessage) -> str:
    return " ".join(message.place.split())[:LONGEST_PLACE]


@handles("place_alone", by=Who.ANYONE)
def place_alone(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """A location without a word: where the hazard is that the sender has just reported without a place."""
    case = next((case for case in _just_reported(context) if not case.place), None)
    place = _place_sent(context.message)
    if case is None or not place:
        return Privately(Text(PLACE_ALONE)) if context.message.addressed else None
    case.place = place
    told = Text(f"{case.number} 的地点：{place}")
    context.tell_all(dispatchers(context, case), told)
    if case.unit is not None:
        tell_unit(context, case, case.unit, told)
    return Text(f"已补上地点：{place}（{case.number}）")


@handles("photo_alone", by=Who.ANYONE)
def photo_alone(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """A photo without a word: of what the sender has just reported. Some apps send the two one by one."""
    case = _pictured(context)
    if case is None:
        return Privately(Text(PHOTO_ALONE)) if context.message.addressed else None
    added = context.message.photos[: max(MOST_PHOTOS - len(case.photos), 0)]
    if not added:
        return Privately(Text(f"{name_of(case)}已经有 {MOST_PHOTOS} 张照片，够了。"))
    case.photos = [*case.photos, *added]
    card = Card(f"📷 {name_of(case)}补了照片", photos=added)
    context.tell_all(dispatchers(context, case), card)
    if case.unit is not None:
        tell_unit(context, case, case.unit, card)
    seen = "，只有书记和经办的人看得到" if case.confidential else ""
    return Privately(Text(f"照片放到 {name_of(case)}里了{seen}。"))


def _pictured(context: Context) -> Case | None:
    """What a photo belongs to: the case that the sender told last, here, where nothing else was said since.

    A photo for an appeal must never end up in a hazard, which others see.
    """
    here = Case.chat_id.is_(None) if context.chat is None else Case.chat_id == context.chat.id
    window = PHOTO_FOLLOWS if context.chat is None else PHOTO_FOLLOWS_IN_GROUP
    query = _told_by_sender(context).where(here, Case.created_at >= context.now - window)
    case = context.session.scalars(query.order_by(Case.number.desc()).limit(1)).one_or_none()
    if case is None or (context.chat is not None and case.confidential):
        return None
    said_since = exists().where(
        Claim.received_at >= case.created_at,
        Claim.id > case.message_id,
        Claim.platform == context.message.platform,
        Claim.sender == context.message.sender,
        Claim.chat == context.message.chat,
        Claim.intent.not_in(STILL_ABOUT_IT),
    )
    return None if context.session.scalar(select(said_since)) else case


def _told_by_sender(context: Context) -> Select[Case]:
    return select(Case).where(
        Case.state.in_(OPEN_STATES),
        Case.reporter_platform == context.message.platform,
        Case.reporter_ref == context.message.sender,
    )


def _just_reported(context: Context) -> list[Case]:
    """The sender's hazards of the last half hour, the latest first; in a group those that were reported there."""
    just = Case.created_at >= context.now - JUST_REPORTED
    query = _told_by_sender(context).where(Case.kind == CaseKind.HAZARD, just)
    if context.chat is not None:
        query = query.where(Case.chat_id == context.chat.id)
    return list(context.session.scalars(query.order_by(Case.number.desc())))


def reporter(context: Context) -> Actor:
    """The sender as the one who reports."""
    return Actor(context.person, frozenset(), context.now, context.message_id)


def dispatcher_card(context: Context, case: Case, sign: str) -> Card:
    """What the secretary gets: the case and what can be done with it."""
    number, about = case.number, f"case:{case.number}"
    kind = "诉求" if case.confidential else "隐患"
    hint = f"请回复「受理 {number}」「派单 {number} 单位」或「不受理 {number} 理由」。"
    card = case_card(case, f"{sign} 新{kind} {number}", (Action.ACCEPT,), hint)
    return replace(
        card,
        fields=(*card.fields, Field("谁报的", case.reporter.name if case.reporter else "没报到的群众")),
        choice=assign_choice(context, case),
        form=Form("不受理的理由", Button("不受理", f"不受理 {number}", about, "danger")),
    )
