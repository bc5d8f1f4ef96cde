"""How a hazard gets its number: what was told becomes a case, goes where it belongs, and is answered."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from sqlalchemy import select

from bot.content import Card, Text
from bot.handling import Context, Privately, Reply
from bot.messages import IncomingMessage
from bot.understanding.categories import OTHER
from bot.understanding.intent import Intent
from bot.understanding.places import same_place
from handlers.case_labels import category_choice, urgency_button
from handlers.cases import case_fields, dispatchers
from handlers.dispatching import dispatcher_card, route
from handlers.drafts import ask_place, close, open_draft, take_photos
from models.cases import Actor, Case, CaseKind, collect
from models.drafts import Draft
from models.organisations import Organisation

EMERGENCY = "⚠️ 紧急请拨 119（火警）/ 120（急救）/ 110（报警）/ 122（交通事故）"
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，或者到支部群里报。"
WHERE = "在哪儿？发个位置，或者说一句，我补上。"
WHERE_IF_ANY = "还没有地点，想补就发个位置，或者说一句。"
MOST_PHOTOS = 9
"""Photos of one case."""
LONGEST_PLACE = 60
REMEMBERED = timedelta(days=90)
"""For how long 老地方 means the place of one's last hazard."""
UNNAMED = re.compile(
    r"^\W*(?:我?[想要]*)?(?:直通)?匿名|匿名(?:处理|反映|提)?[。.!！\s]*$|(?:别|不要|不想)(?:让人知道|说)(?:出去)?是我"
)
"""What asks for the name of who tells it to be kept back."""
RECENT = 5
"""Hazards among which that place is looked for."""
_URGENT = re.compile(
    r"(?<![不没应])(?<!不是)(?<!没那么)"
    r"(?:[很挺特太加]急(?!忙|促|躁|着)|紧急(?!出口|通道|停车|制动|出动)|十万火急|急急)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody has told of a hazard or an appeal, complete enough to be registered."""

    kind: CaseKind
    text: str
    category: str
    sureness: float | None
    place: str
    latitude: float | None
    longitude: float | None
    photos: tuple[str, ...]
    urgent: bool
    message_id: int
    danger: bool = False
    """Life is in danger: the emergency line comes first."""
    asked: bool = False
    """Something was asked back already; nobody is asked twice."""
    like: int | None = None
    """The number of a known hazard that it is like, though who told it says that it is another (另报)."""

    @classmethod
    def of_message(cls, context: Context, intent: Intent, kind: CaseKind) -> Self:
        """As one message tells it; 老地方 is where the sender's last hazard was."""
        message = context.message
        text = intent.text("text") or message.text
        told = cls(
            kind=kind,
            text=text,
            category=intent.category or OTHER,
            sureness=intent.sureness,
            place=intent.text("place") or place_sent(message),
            latitude=message.latitude if kind is CaseKind.HAZARD else None,
            longitude=message.longitude if kind is CaseKind.HAZARD else None,
            photos=message.photos[:MOST_PHOTOS],
            urgent=(bool(intent.danger) and kind is CaseKind.HAZARD) or bool(_URGENT.search(text)),
            message_id=context.message_id,
            danger=bool(intent.danger),
        )
        before = last_place(context) if kind is CaseKind.HAZARD and not told.place and same_place(text) else None
        if before is None:
            return told
        return replace(told, place=before.place, latitude=before.latitude, longitude=before.longitude)

    @classmethod
    def of_draft(cls, draft: Draft) -> Self:
        """As a draft has kept it."""
        return cls(
            kind=draft.kind or CaseKind.HAZARD,
            text=draft.text,
            category=draft.category or OTHER,
            sureness=draft.sureness,
            place=draft.place,
            latitude=draft.latitude,
            longitude=draft.longitude,
            photos=tuple(draft.photos),
            urgent=draft.urgent,
            message_id=draft.message_id,
        )


def completed(context: Context, told: Told) -> Told:
    """With the photos and the place that the sender had sent in this chat before the words; that draft is closed.

    An appeal takes no place, and nothing that was shown in a group.
    """
    draft = open_draft(context)
    if draft is None or draft.case_id is not None or draft.alike_id is not None:
        return told
    appeal = told.kind is CaseKind.APPEAL
    if appeal and draft.chat_id is not None:
        return told
    if draft.overheard and told.photos:
        close(context, draft)
        return told  # what was shown before is of something else
    told = replace(told, photos=(*take_photos(context, draft), *told.photos)[:MOST_PHOTOS], asked=not draft.overheard)
    if appeal:
        return told
    if told.latitude is None:
        told = replace(told, latitude=draft.latitude, longitude=draft.longitude)
    return replace(told, place=told.place or draft.place)


def register(context: Context, told: Told) -> Reply:
    """Registers a hazard, sends it on its way, and answers who reported it. Where the place is missing it is asked."""
    organisation = context.organisation
    if organisation is None:
        return Text(f"{EMERGENCY}\n{NO_BRANCH}") if told.danger else Privately(Text(NO_BRANCH))
    case, unit, heard = collected(context, told, organisation)
    said = [f"已登记隐患 {case.number}{'，也告诉书记了' if heard else ''}。先顾好人的安全。"] if told.danger else []
    said += [f"已派给{unit.name}。"] if unit else []
    if not case.place:
        ask_place(context, case)
        said.append(WHERE_IF_ANY if told.asked else WHERE)
    return Card(
        title=EMERGENCY if told.danger else f"📍 已登记隐患 {case.number}",
        text="".join(said),
        fields=case_fields(case),
        photos=tuple(case.photos),
        buttons=(urgency_button(case),),
        choice=category_choice(case),
        hint=f"办好了告诉你。想看进度，发「进度 {case.number}」。",
    )


def collected(context: Context, told: Told, organisation: Organisation) -> tuple[Case, Organisation | None, int]:
    """The registered hazard, the unit that it went to by rule, and how many dispatchers were told."""
    case = collect(context.session, new_case(context, told, organisation), reporter(context))
    unit = route(context, case)
    asked = dispatcher_card(context, case, "⚠️ 急" if case.urgent else "🚧", told.like)
    return case, unit, context.tell_all(dispatchers(context, case), asked)


def new_case(context: Context, told: Told, organisation: Organisation) -> Case:
    """A case as it was told by the sender, not yet registered."""
    message = context.message
    return Case(
        kind=told.kind,
        category=told.category,
        sureness=told.sureness,
        place=told.place,
        latitude=told.latitude,
        longitude=told.longitude,
        text=told.text,
        photos=list(told.photos),
        urgent=told.urgent,
        anonymous=bool(UNNAMED.search(message.text)),
        organisation=organisation,
        chat_id=context.chat.id if context.chat else None,
        reporter=context.person,
        reporter_platform=message.platform,
        reporter_bot=message.bot,
        reporter_ref=message.sender,
        message_id=told.message_id,
    )


def reporter(context: Context) -> Actor:
    """The sender as the one who reports."""
    return Actor(context.person, frozenset(), context.now, context.message_id)


def place_sent(message: IncomingMessage) -> str:
    """What the location that came with the message is called; its degrees where it has no name."""
    named = " ".join(message.place.split())[:LONGEST_PLACE]
    if named or message.latitude is None or message.longitude is None:
        return named
    return f"北纬 {message.latitude:.5f} 东经 {message.longitude:.5f}"


def last_place(context: Context) -> Case | None:
    """The sender's last hazard that has a place, of the last ninety days."""
    query = select(Case).where(
        Case.reporter_platform == context.message.platform,
        Case.reporter_ref == context.message.sender,
        Case.kind == CaseKind.HAZARD,
        Case.created_at >= context.now - REMEMBERED,
    )
    recent = context.session.scalars(query.order_by(Case.number.desc()).limit(RECENT))
    return next((case for case in recent if case.place), None)
