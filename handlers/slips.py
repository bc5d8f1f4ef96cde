"""打错了，是12栋; 不是隐患，是诉求: what somebody has just told is put right by who has told it."""

import re
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete, exists, or_, select

from bot.content import Button, Card, Text, load
from bot.handling import Context, Privately, Reply, Who, handles
from bot.offers import Option, ask
from bot.understanding.categories import category_within
from bot.understanding.intent import APPEAL, HAZARD, Intent, Slot
from handlers.additions import add
from handlers.appeal_meetings import meeting_now
from handlers.appeals import turned_receipt
from handlers.case_labels import categories_of, category_choice
from handlers.cases import NOT_REPORTED_BY_YOU, act, actor_of, dispatchers, name_of, not_found, numbered_case, tell_unit
from handlers.dispatching import dispatcher_card, keep_correction
from handlers.following import STILL_ABOUT_IT, fill_place
from handlers.hazards import report
from handlers.own_cases import told_by_sender
from handlers.registering import Told
from handlers.seconding import tell_followers
from handlers.withdrawing import STILL_THERE, tell_withdrawn
from models.cases import OPEN_STATES, Action, Actor, Case, CaseKind, CaseState, Part, change
from models.chats import Chat, chats_of
from models.corrections import Corrected
from models.drafts import Draft
from models.followers import Follower
from models.inbox import Claim
from models.outbox import Post, PostKind, PostState

JUST = timedelta(minutes=30)
"""How long after it was told something can be put right without its number."""
IN_PASSING = timedelta(minutes=5)
"""The same for words that people also say to one another."""
NUMBERED = timedelta(days=1)
NOTHING_TOLD = "没有刚报的事可以改。要报隐患，说一句哪里、怎么了；要提诉求，私下发「诉求 什么事」。"
WHAT_IS_WRONG = "{name}哪里不对？"
HOW = (
    "地点不对，回复「打错了，是西门」这样一句。\n类别不对，发「改类别 {number} 新的类别」。\n"
    "不是隐患，发「{number} 不是隐患，是诉求」。\n不报了，发「撤回 {number}」。"
)
HOW_APPEAL = (
    "补一句，发「补充 {number} …」。\n类别不对，发「改类别 {number} 新的类别」。\n不提了，发「撤回 {number}」。"
)
NO_APPEAL = "不是隐患，是诉求"
SAME_PLACE = "{name}的地点就是「{place}」。"
TOO_LATE = "{number} 现在是「{state}」，改不了了。要提诉求，请私下发「诉求 什么事」。"
TOO_OLD = "{number} 报了有一阵子了，改不了了。请私下发「诉求 什么事」，那一件不用办就发「撤回 {number}」。"
OTHERS_TOO = "{name}别人也报过，隐患照样办。要提诉求，请私下发「诉求 什么事」。"
ALREADY_APPEAL = "{number} 就是诉求，群里谁也看不到。"
ALREADY_HAZARD = "{name}就是隐患。"
NOT_FOR_UNIT = "{name}报的人说不是隐患，收回了，不用您这边办了。"
FOR_UNIT_ONLY = "{number} 报的人说是诉求，请只在私下办，群里不要再提。"
BY_REPORTER = "报的人说是诉求"
TURNED = "🔒 {number} 报的人说不是隐患，是诉求"
PUBLIC = "{number} 改成隐患？"
PUBLIC_MEANS = "隐患是公开的：会有新的编号，支部的人都查得到，责任单位看得到{what}。这条诉求就撤回。"
WORDS_OR_PHOTOS = ("原话", "原话和照片")
IF_SURE = "确定就回复「对」；不改就不用回。"
NO_LONGER_APPEAL = "改报隐患"


@handles("slip", by=Who.ANYONE)
def slip(context: Context, intent: Intent) -> Reply | None:
    """What was told last is put right, or what is numbered. None: nothing was told that the words could be about."""
    case = _meant(context, intent)
    if case is None and context.message.addressed and intent.text("kind") != "place":
        return Privately(Text(NOTHING_TOLD))
    if not isinstance(case, Case):
        return case
    match intent.text("kind"):
        case "appeal":
            return _into_appeal(context, case)
        case "hazard":
            return _ask_whether_public(context, case)
        case "place":
            return _moved(context, case, intent.text("place"))
        case _:
            return _what_is_wrong(case)


def _meant(context: Context, intent: Intent) -> Case | Reply | None:
    number = intent.integer("case")
    if number is None:
        return _just_told(context, intent)
    case = numbered_case(context, number)
    if case is None:
        return not_found(number) if context.message.addressed else None
    if Part.REPORTER not in actor_of(context, case).parts:
        refusal = NOT_REPORTED_BY_YOU.format(number=number, action="改")
        return Privately(Text(refusal)) if context.message.addressed else None
    if case.state not in OPEN_STATES:
        return Privately(Text(TOO_LATE.format(number=number, state=case.state)))
    if case.created_at < context.now - NUMBERED:
        return Privately(Text(TOO_OLD.format(number=number)))
    return case


def _just_told(context: Context, intent: Intent) -> Case | None:
    """What the sender has told last of what is open, in a group there; in passing, nothing else may have been said."""
    query = select(Case).where(told_by_sender(context), Case.created_at >= context.now - JUST)
    message = context.message
    if context.chat is not None:
        told_here = exists().where(Claim.id == Case.message_id, Claim.chat == message.chat)
        query = query.where(or_(Case.chat_id == context.chat.id, told_here))
    case = context.session.scalars(query.order_by(Case.number.desc()).limit(1)).one_or_none()
    if case is None or case.state not in OPEN_STATES:
        return None
    old = intent.text("old")
    firm = (intent.integer("firm") and intent.text("kind") != "anything") or (old and old in case.place)
    if message.addressed or firm:
        return case
    if case.created_at < context.now - IN_PASSING:
        return None
    return None if context.said_since(case.created_at, case.message_id, STILL_ABOUT_IT) else case


def _moved(context: Context, case: Case, place: str) -> Reply | None:
    """Somewhere else. Of an appeal the words are kept as they are, which a group must not hear of."""
    if not place or (case.confidential and not context.private):
        return None
    if case.confidential:
        slots: dict[str, Slot] = {"case": case.number, "text": context.message.text}
        return add(context, Intent("add_to_case", 1.0, reply=True, slots=slots))
    if place == case.place:
        return Privately(Text(SAME_PLACE.format(name=name_of(case), place=place)))
    return fill_place(context, case, place)


def _what_is_wrong(case: Case) -> Reply:
    number, about = case.number, f"case:{case.number}"
    hint = (HOW_APPEAL if case.confidential else HOW).format(number=number)
    turn = () if case.confidential else (Button(NO_APPEAL, f"{number} {NO_APPEAL}", about),)
    buttons = (*turn, Button("撤回", f"撤回 {number}", about))
    title = WHAT_IS_WRONG.format(name=name_of(case))
    return Privately(Card(title, buttons=buttons, choice=category_choice(case), hint=hint))


def _into_appeal(context: Context, case: Case) -> Reply:
    """The hazard becomes an appeal and leaves the groups at once; it keeps its number, which only its own find."""
    if case.confidential:
        return Privately(Text(ALREADY_APPEAL.format(number=case.number)))
    if context.session.scalar(select(exists().where(Case.merged_into == case.id))):
        return Privately(Text(OTHERS_TOO.format(name=name_of(case))))
    _take_out(context, case)
    seen, photos = case.chat_id is not None, list(case.photos)
    keep_correction(context, case, Corrected.KIND, "隐患", "诉求")
    case.kind, case.category, case.sureness = CaseKind.APPEAL, category_within(APPEAL, case.text), None
    case.latitude, case.longitude, case.chat_id = None, None, None
    if seen:
        case.photos = []  # what a group has seen never joins an appeal
    if context.person is not None:
        case.organisation = context.person.organisation
    case.meeting_id = meeting_now(context, case.organisation)
    if case.unit is not None:
        tell_unit(context, case, case.unit, Text(FOR_UNIT_ONLY.format(number=case.number)))
    card = replace(dispatcher_card(context, case, "🔒"), title=TURNED.format(number=case.number))
    heard = context.tell_all(dispatchers(context, case), card)
    receipt = turned_receipt(context, case, seen=seen, photos_left=seen and bool(photos), heard=bool(heard))
    return Privately(Text(receipt))


def _take_out(context: Context, case: Case) -> None:
    """Who followed it, or has it to do and has not begun, hears that it is taken back; its cards in groups go."""
    _cover(context, case)
    tell_followers(context, case, Text(STILL_THERE.format(name=name_of(case))))
    context.session.execute(delete(Follower).where(Follower.case_id == case.id))
    for draft in context.session.scalars(select(Draft).where(Draft.case_id == case.id, Draft.closed_at.is_(None))):
        draft.closed_at = context.now
    if case.unit is not None and case.state is CaseState.DISPATCHED:
        tell_unit(context, case, case.unit, Text(NOT_FOR_UNIT.format(name=name_of(case))))
        nobody = Actor(context.person, frozenset({Part.UNIT}), context.now, context.message_id)
        change(context.session, case, Action.RETURN, nobody, BY_REPORTER)


def _cover(context: Context, case: Case) -> None:
    """Cards that groups have of it say nothing any more, where a platform lets a card be changed; what groups do not
    have yet, as while nobody there has spoken, they never get.
    """
    context.batch.posting.write()  # what other messages of the batch have said of it, too
    chats = chats_of(context.session, case.unit) if case.unit is not None else []
    if case.chat_id is not None:
        chats = [*chats, context.session.get_one(Chat, case.chat_id)]
    query = select(Post).where(
        Post.id > case.message_id,
        Post.kind == PostKind.POST,
        Post.to_person.is_(False),
        Post.target.in_([chat.ref for chat in chats]),
    )
    named = re.compile(rf"(?<!\d){case.number}(?!\d)")
    for post in context.session.scalars(query.order_by(Post.id).with_for_update()):
        shown = load(post.content)
        if not isinstance(shown, Card | Text) or not named.search(shown.as_text()):
            continue
        if post.state in (PostState.WAITING, PostState.HELD) and post.leased_by is None:
            post.state = PostState.DROPPED
        elif isinstance(shown, Card):
            context.batch.posting.refresh(post.uuid, f"moved:{case.id}")


def _ask_whether_public(context: Context, case: Case) -> Reply:
    """A hazard is public: what was told in confidence becomes one only by a word more, said in private."""
    if not case.confidential:
        return Privately(Text(ALREADY_HAZARD.format(name=name_of(case))))
    unnamed = "匿名 " if case.anonymous else ""
    option = Option(f"{unnamed}隐患 {case.text}", "make_public", {"case": case.number, "text": case.text})
    about = ask(context, [option], privately=True)
    button = Button("改成隐患", "1", about, "primary")
    means = PUBLIC_MEANS.format(what=WORDS_OR_PHOTOS[bool(case.photos)])
    return Privately(Card(PUBLIC.format(number=case.number), means, buttons=(button,), hint=IF_SURE))


@handles("make_public", by=Who.ANYONE)
def make_public(context: Context, intent: Intent) -> Reply:
    """The appeal is withdrawn, and what it told is reported as a hazard: who told it has agreed to that."""
    number = intent.integer("case") or 0
    case = numbered_case(context, number) if context.private else None
    if case is None:
        return not_found(number)
    if not case.confidential or Part.REPORTER not in actor_of(context, case).parts or case.state not in OPEN_STATES:
        return Privately(Text(TOO_LATE.format(number=case.number, state=case.state)))
    told = Told.of_message(context, intent, CaseKind.HAZARD)
    told = replace(told, photos=tuple(case.photos), place=told.place or case.place)
    if told.category not in categories_of(CaseKind.HAZARD):
        told = replace(told, category=category_within(HAZARD, told.text), sureness=None)
    act(context, case, Action.WITHDRAW, NO_LONGER_APPEAL)
    tell_withdrawn(context, case, NO_LONGER_APPEAL)
    return report(context, told)
