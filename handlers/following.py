"""What comes before or after a report, in messages of its own: photos, a location, a few words more."""

import re
from datetime import timedelta

from sqlalchemy import Select, select

from bot.content import Acknowledge, Card, Text
from bot.handling import Context, Kept, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.understanding.places import same_place
from bot.understanding.short_words import agrees, denies
from handlers.additions import answered
from handlers.cases import answer, dispatchers, name_of, tell_unit
from handlers.drafts import begin, blank, close, open_draft
from handlers.duplicates import same_or_not
from handlers.hazards import report
from handlers.registering import MOST_PHOTOS, NO_BRANCH, Told, last_place, place_sent
from handlers.resolving import result_photo
from models.cases import OPEN_STATES, Case, CaseKind
from models.downloads import fetch_after_all
from models.drafts import OPEN_FOR, Draft

PHOTO_ALONE = "照片收到了。哪里、怎么了？说一句就行，比如「东门井盖没了」。"
PLACE_ALONE = "位置收到了。那里怎么了？说一句就行，比如「井盖没了」，有照片也可以发。"
PLACE_NOTED = "位置收到了。"
PHOTO_NOTED = "照片收到了"
WHERE_BEFORE = "没查到你上次报的地方。在哪儿？发个位置，或者说一句。"
PLACE_IS = ("已补上地点", "地点改成了")
GIVEN_UP = "好，这次不登记。"
GOES_ON = "好，{number} 照样办。"
JUST_REPORTED = timedelta(minutes=30)
"""How long after its report a hazard's place may follow."""
PHOTO_FOLLOWS = timedelta(minutes=30)
PHOTO_FOLLOWS_IN_GROUP = timedelta(minutes=5)
"""In a group people send each other photos of anything, and what they say of them is not kept."""
STILL_ABOUT_IT = ("photo_alone", "place_alone", "said_more", "report_anew", "correct_case", "case_query", "slip")
"""What may be said between a report and its photo."""
_GIVES_UP = re.compile(
    r"\W*(?:那|就)?(?:算了(?:吧)?|发错了?|拍错了|没事[儿了]*|不报了|不用了|不用报了?|取消|别登记了?|当我没说)"
    r"(?:[\s,，]*(?:算了|没事了?|不报了|不用了|发错了))?[啊吧哈呀哦了]?\W*"
)
_WORDS = re.compile(r"\w")
_ASKS = re.compile(r"(?:[?？]|[吗嘛]|什么意思|啥意思|怎么[发办弄说])\W*$")


@handles("photo_alone", by=Who.ANYONE)
def photo_alone(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """A photo without a word: of how it looks now, of what was just reported, or of what is still to be told."""
    shown = result_photo(context)
    if shown is not None:
        return shown
    draft = open_draft(context)
    if draft is not None and draft.case_id is None:
        return _more_photos(context, draft)
    if reply := answered(context):
        return reply
    case = _last_told(context)
    return _photo_of(context, case) if case is not None else _begun_by_photo(context)


def _more_photos(context: Context, draft: Draft) -> Reply:
    """Further photos join without a question; one that is sent to the bot makes it listen where it only overheard."""
    draft.photos = [*draft.photos, *context.message.photos][:MOST_PHOTOS]
    if draft.overheard and context.message.addressed:
        draft.overheard, draft.closes_at = False, context.now + OPEN_FOR
        fetch_after_all(context.session, draft.photos)
        return _asked(context, PHOTO_ALONE)
    return Kept(aside=True) if draft.overheard else _photo_noted(context)


def _begun_by_photo(context: Context) -> Reply:
    """Photos in a group that nobody sent to the bot wait for a word in silence."""
    if context.organisation is None:
        return Privately(Text(NO_BRANCH))
    draft = blank(context, overheard=not context.message.addressed)
    draft.photos = list(context.message.photos[:MOST_PHOTOS])
    begin(context, draft)
    return Kept(aside=True) if draft.overheard else _asked(context, PHOTO_ALONE)


def _asked(context: Context, question: str) -> Reply:
    """Asked in private, to be answered here or there; somebody of whom nothing is known can answer here alone."""
    return Privately(Text(question)) if context.person is not None else Text(question)


def _photo_of(context: Context, case: Case) -> Reply:
    added = context.message.photos[: max(MOST_PHOTOS - len(case.photos), 0)]
    if not added:
        return Privately(Text(f"{name_of(case)}已经有 {MOST_PHOTOS} 张照片，够了。"))
    case.photos = [*case.photos, *added]
    _tell_workers(context, case, Card(f"📷 {name_of(case)}补了照片", photos=added))
    seen = "，只有书记和经办的人看得到" if case.confidential else ""
    return Privately(Text(f"照片放到 {name_of(case)}里了{seen}。"))


@handles("place_alone", by=Who.ANYONE)
def place_alone(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """A location without a word: where the hazard is that was just reported, or is still to be told."""
    message, place = context.message, place_sent(context.message)
    draft = open_draft(context)
    if draft is not None and draft.case_id is None:
        draft.place, draft.latitude, draft.longitude = place, message.latitude, message.longitude
        return Kept() if draft.overheard else Privately(Text(PLACE_NOTED))
    case = next((case for case in _just_reported(context) if not case.place), None)
    if case is not None and place:
        return fill_place(context, case, place, message.latitude, message.longitude)
    last = _last_told(context)
    if last is not None and last.kind is CaseKind.HAZARD and last.latitude is None and message.latitude is not None:
        return _pinned(context, last, place)
    if not message.addressed:
        return None
    if context.organisation is None:
        return Privately(Text(NO_BRANCH))
    draft = blank(context)
    draft.place, draft.latitude, draft.longitude = place, message.latitude, message.longitude
    begin(context, draft)
    return _asked(context, PLACE_ALONE)


def fill_place(
    context: Context, case: Case, place: str, latitude: float | None = None, longitude: float | None = None
) -> Reply:
    """Where the hazard is, told after it was reported, or put right."""
    before = bool(case.place)
    case.place, case.latitude, case.longitude = place, latitude, longitude
    draft = open_draft(context)
    if draft is not None and draft.case_id == case.id:
        close(context, draft)
    _tell_workers(context, case, Text(f"{case.number} 的地点{'改成' if before else ''}：{place}"))
    return answer(case, f"{PLACE_IS[before]}：{place}（{case.number}）")


def _pinned(context: Context, case: Case, place: str) -> Reply:
    """The words have told the place already; the location says it to the metre."""
    case.latitude, case.longitude = context.message.latitude, context.message.longitude
    _tell_workers(context, case, Text(f"{name_of(case)}的位置：{place}"))
    return answer(case, f"位置放到 {name_of(case)}里了。")


@handles("said_more", by=Who.ANYONE)
def said_more(context: Context, intent: Intent) -> Reply | None:
    """Words that mean nothing by themselves, of somebody who has begun a report here. None: they are about nothing.

    The place that was asked for; what is wrong, of a photo that was sent to the bot; or that nothing is.
    """
    draft = open_draft(context)
    if draft is None:
        return None
    if _GIVES_UP.fullmatch(context.message.text) and not draft.overheard:
        return _given_up(context, draft)
    if draft.case is not None:
        return _place_said(context, draft.case, intent)
    if draft.alike_id is not None:
        return same_or_not(context)
    told_of = bool(intent.category or intent.where) or (not draft.overheard and _describes(context, intent))
    if not context.message.addressed or not told_of:
        return None
    return report(context, Told.of_message(context, intent, CaseKind.HAZARD))


def _given_up(context: Context, draft: Draft) -> Reply:
    close(context, draft)
    if draft.case is None:
        return Privately(Text(GIVEN_UP))
    return Privately(Text(GOES_ON.format(number=draft.case.number))) if context.message.addressed else Kept()


def _describes(context: Context, intent: Intent) -> bool:
    """Whether words may say what is wrong: what is asked, or said to anything, does not."""
    text = context.message.text
    if agrees(text) or denies(text):
        return False
    return not intent.acknowledges and len(_WORDS.findall(text)) > 1 and not _ASKS.search(text)


def _place_said(context: Context, case: Case, intent: Intent) -> Reply | None:
    """Where the hazard is that was registered without a place: 东门, or 还是上次那个地方."""
    if case.place or case.state not in OPEN_STATES:
        return None
    if intent.where:
        return fill_place(context, case, intent.where)
    if same_place(context.message.text) is None:
        return None
    before = last_place(context)
    if before is None:
        return Privately(Text(WHERE_BEFORE))
    return fill_place(context, case, before.place, before.latitude, before.longitude)


def _photo_noted(context: Context) -> Acknowledge:
    return Acknowledge(PHOTO_NOTED, context.person.name if context.person else "群众")


def _tell_workers(context: Context, case: Case, content: Text | Card) -> None:
    """Who runs the case, and the unit that it is with."""
    context.tell_all(dispatchers(context, case), content)
    if case.unit is not None:
        tell_unit(context, case, case.unit, content)


def _last_told(context: Context) -> Case | None:
    """What a photo belongs to: the case that the sender told last, here, where nothing else was said since.

    A photo for an appeal must never end up in a hazard, which others see.
    """
    here = Case.chat_id.is_(None) if context.chat is None else Case.chat_id == context.chat.id
    window = PHOTO_FOLLOWS if context.chat is None else PHOTO_FOLLOWS_IN_GROUP
    query = _told_by_sender(context).where(here, Case.created_at >= context.now - window)
    case = context.session.scalars(query.order_by(Case.number.desc()).limit(1)).one_or_none()
    if case is None or (context.chat is not None and case.confidential):
        return None
    return None if context.said_since(case.created_at, case.message_id, STILL_ABOUT_IT) else case


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
