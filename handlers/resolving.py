"""办结: the reporter hears how it was done, sees it, and is asked once whether it is well."""

from datetime import timedelta

from sqlalchemy import exists, select

from bot.content import Acknowledge, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.follow_up import HINT, rating_buttons
from bot.understanding.intent import APPEAL, HAZARD, Intent
from handlers.case_meant import open_case
from handlers.cases import act, answer, name_of, runners, tell_reporter, tell_unit_elsewhere
from handlers.drafts import open_draft, take_photos
from handlers.seconding import tell_followers
from handlers.verifying import verified
from models.cases import FINISHED_STATES, Action, Case, CaseStep, Part, parts_of
from models.chats import Chat
from models.inbox import Claim

NO_WORDS = "请写一句怎么办的，比如「办结 {number} 已清运」。"
ENOUGH = "{case}已经有 {most} 张办好以后的照片，够了。"
MOST_PHOTOS = 9
PHOTO_FOLLOWS = timedelta(minutes=30)
"""How long after 办结 a photo may follow."""
REPORTS = (HAZARD, APPEAL, "said_more")
"""What a photo that comes after it rather belongs to."""


@handles("resolve_case", by=Who.ANYONE)
def resolve(context: Context, intent: Intent) -> Reply | None:
    """办结: a form that was left empty is no answer to the reporter."""
    case, words = open_case(context, intent, Action.RESOLVE), intent.text("text")
    if not isinstance(case, Case):
        return case
    if context.message.kind == "button" and not words:
        return Privately(Text(NO_WORDS.format(number=case.number)))
    act(context, case, Action.RESOLVE, words)
    verified(context, case)
    case.result_photos = _photos(context, case)
    how = f"：{words}" if words else ""
    told = "。已经告诉报的人。" if tell_reporter(context, case, _ask_for_rating(case, how)) else ""
    tell_followers(context, case, _with_photos(case, f"✅ 你反映过的 {name_of(case)}已办结{how}"))
    _tell_group(context, case, _with_photos(case, f"✅ {name_of(case)}已办结{how}"))
    parts = parts_of(context.person, case) if context.person else frozenset[Part]()
    done = _with_photos(case, f"{name_of(case)}已办结{how}")
    context.tell_all(runners(context, case, knows=Part.DISPATCHER in parts), done)
    if Part.UNIT not in parts:
        tell_unit_elsewhere(context, case, done)
    return answer(case, f"{name_of(case)}已办结{how}{told}")


def _photos(context: Context, case: Case) -> list[str]:
    """How it looks now: the photos of the message, and those that the sender has sent here just before.

    What somebody shows in a group is never part of an appeal.
    """
    if context.chat is not None and case.confidential:
        return []
    draft = open_draft(context)
    elsewhere = draft is not None and draft.chat_id is not None and case.confidential
    if draft is None or elsewhere or draft.case_id is not None or draft.alike_id is not None:
        return list(context.message.photos[:MOST_PHOTOS])
    return [*take_photos(context, draft), *context.message.photos][:MOST_PHOTOS]


def _with_photos(case: Case, text: str) -> Text | Card:
    return Card(text, photos=tuple(case.result_photos)) if case.result_photos else Text(text)


def _ask_for_rating(case: Case, how: str) -> Card:
    return Card(
        title=f"✅ 你报的 {name_of(case)}已办结{how}",
        text="办得怎么样？",
        photos=tuple(case.result_photos),
        buttons=rating_buttons(case),
        hint=HINT,
    )


def _tell_group(context: Context, case: Case, content: Text | Card) -> None:
    """Hazards are public in the group where they were reported; appeals never are."""
    if case.confidential or case.chat_id is None or (context.chat and context.chat.id == case.chat_id):
        return
    context.say(context.session.get_one(Chat, case.chat_id), content)


def result_photo(context: Context) -> Reply | None:
    """A photo by the one who has just done 办结 here: how it looks now. None: it is of something else."""
    case = _just_resolved(context)
    if case is None:
        return None
    added = context.message.photos[: max(MOST_PHOTOS - len(case.result_photos), 0)]
    if not added:
        return Privately(Text(ENOUGH.format(case=name_of(case), most=MOST_PHOTOS)))
    case.result_photos = [*case.result_photos, *added]
    shown = Card(f"📷 {name_of(case)}办好以后", photos=added)
    tell_reporter(context, case, shown)
    _tell_group(context, case, shown)
    return Acknowledge(f"照片放到 {case.number} 的办结里了", context.person.name if context.person else "")


def _just_resolved(context: Context) -> Case | None:
    """What the sender has done 办结 of in this chat, if nothing came between: no report, no other case for the unit.

    A photo that somebody sends in a group is never of an appeal.
    """
    message = context.message
    here = (Claim.platform == message.platform, Claim.chat == message.chat, Claim.sender == message.sender)
    query = (
        select(Case, CaseStep)
        .join(CaseStep, CaseStep.case_id == Case.id)
        .join(Claim, Claim.id == CaseStep.message_id)
        .where(CaseStep.action == Action.RESOLVE, CaseStep.at >= context.now - PHOTO_FOLLOWS, *here)
        .order_by(CaseStep.id.desc())
        .limit(1)
    )
    found = context.session.execute(query).one_or_none()
    if found is None:
        return None
    case, step = found
    if case.state not in FINISHED_STATES or (context.chat is not None and case.confidential):
        return None
    reported = exists().where(*here, Claim.id > step.message_id, Claim.intent.in_(REPORTS))
    another = exists().where(CaseStep.id > step.id, CaseStep.unit_id == step.unit_id, CaseStep.case_id != case.id)
    return None if context.session.scalar(select(reported | another)) else case
