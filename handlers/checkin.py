"""Check-in (签到): by word, by the card's button, by a code or a QR code; once per person, acknowledged quietly."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from bot.content import Acknowledge, Text
from bot.handling import Batch, Context, Privately, Reply, Who, handles
from bot.messages import PAGE
from bot.understanding.intent import Intent
from bot.wording import hour_text
from handlers.points import ledger
from handlers.tries import CodeTries
from models.codes import SITE_DIGITS, code_counts
from models.lessons import CheckIn, CheckInWay, Lesson, LessonSite, LessonState, RollEntry
from models.people import Person
from models.points import LESSON, Award

NONE_OPEN = "现在没有开着的签到。想知道下次什么时候上课，发「什么时候上课」。"
ENDED = "这一次签到已经结束了。要补课的话，私下给我发「补课」。"
BY_CODE = "这一次凭现场的码签到：请发「签到」加屏幕上的四位数字，比如「签到 8848」，或者扫屏幕上的二维码。"
AT_SITES = "随到随学要到阵地签到：到了那里，发「签到」加墙上的六位数字，比如「签到 482913」，或者扫那里的二维码。"
WRONG_CODE = "这个码不对，或者已经换了。请看屏幕上现在的四位数字，再发一次「签到」加数字。"
WRONG_SITE_CODE = "这个码不对。请看阵地墙上的六位数字，再发一次「签到」加数字。"
TOO_MANY = "码试错太多次了，请 10 分钟以后再试；人已经到了的话，请跟书记说一声。"
NO_CODE_WANTED = "现在没有要填码的签到。"
WAS_IT_YOU = "📍 你在 {hour} 扫码签到了：{lesson}。不是你本人的话，请马上告诉书记。"

LATEST = timedelta(hours=8)
"""How late a message may arrive."""
SKEW = timedelta(minutes=2)
"""How far a platform's clock may be behind."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where somebody has arrived, and what tells so."""

    lesson: Lesson
    way: CheckInWay
    site: LessonSite | None = None


@handles("check_in", by=Who.MEMBER)
def check_in(context: Context, intent: Intent) -> Reply | None:
    """Records that the sender is there. A second time answers when the first was."""
    register = context.batch.shared(OpenLessons)
    arrival = _arrival(context, register, intent.text("code"))
    if isinstance(arrival, str):
        return Privately(Text(arrival))
    lesson, person = arrival.lesson, context.member
    before = register.checked_in(lesson, person)
    if before is not None:
        return Privately(Text(f"你 {hour_text(before)} 已经签过了"))
    at = min(context.message.sent_at, context.now)
    record = CheckIn(
        lesson_id=lesson.id,
        person_id=person.id,
        at=at,
        way=arrival.way,
        late=lesson.is_late(at),
        site_id=arrival.site and arrival.site.id,
        message_id=context.message_id,
    )
    count(context, lesson, person, record)
    if context.message.platform == PAGE:
        context.tell(person, Text(WAS_IT_YOU.format(hour=hour_text(at), lesson=lesson.title)))
    return Acknowledge("已签到", person.name)


def count(context: Context, lesson: Lesson, person: Person, record: CheckIn) -> None:
    """Records a check-in with its points, and brings the card up to date."""
    context.batch.shared(OpenLessons).add(record)
    award = Award(LESSON, LESSON.points, f"lesson:{lesson.id}", record.message_id)
    context.batch.shared(ledger).award(person, award, context.now)
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")


def _arrival(context: Context, register: "OpenLessons", code: str) -> Arrival | str:
    """Where the sender has arrived, or what to say where that cannot be told."""
    if context.message.platform == PAGE:
        return _by_link(context, register)
    if code:
        return _by_code(context, register, code)
    lesson = register.meant(context)
    if lesson is None:
        return register.why_none(context)
    if lesson.by_code:
        return BY_CODE
    way = CheckInWay.BUTTON if context.message.kind == "button" else CheckInWay.WORD
    return Arrival(lesson, way)


def _by_link(context: Context, register: "OpenLessons") -> Arrival | str:
    """What the page says was signed when it was shown at the place."""
    kind, _, number = context.message.about.partition(":")
    site = context.batch.shared(Sites).by_id.get(int(number)) if kind == "site" else None
    lesson = register.named(site.lesson_id if site else int(number)) if site or kind == "lesson" else None
    if lesson is None or not was_open(lesson, context.message.sent_at):
        return ENDED
    return Arrival(lesson, CheckInWay.SITE if site else CheckInWay.LINK, site)


def _by_code(context: Context, register: "OpenLessons", code: str) -> Arrival | str:
    """The lesson or 阵地 whose code it is. Where no code is asked for, any number is as good as the word."""
    sent_at = context.message.sent_at
    lessons = register.open_for(context)
    coded = [lesson for lesson in lessons if lesson.secret is not None]
    sites = context.batch.shared(Sites).by_id.values() if len(code) == SITE_DIGITS or not lessons else ()
    tries = context.batch.shared(CodeTries) if coded or sites else None
    if tries and tries.blocked(context.member, min(sent_at, context.now)):
        return TOO_MANY
    for lesson in coded:
        if lesson.secret is not None and code_counts(lesson.secret, code, sent_at):
            return Arrival(lesson, CheckInWay.CODE)
    for site in sites:
        at_site = register.named(site.lesson_id) if site.code == code else None
        if at_site and was_open(at_site, sent_at):
            return Arrival(at_site, CheckInWay.SITE, site)
    if lessons and lessons[0].secret is None:
        return Arrival(lessons[0], CheckInWay.WORD)
    if tries:
        tries.add(context, min(sent_at, context.now))
    return _wrong(context, register, coded=bool(coded), at_sites=bool(sites) and len(code) == SITE_DIGITS)


def _wrong(context: Context, register: "OpenLessons", *, coded: bool, at_sites: bool) -> str:
    if coded:
        return WRONG_CODE
    if at_sites:
        return WRONG_SITE_CODE
    return register.why_none(context)


class OpenLessons:
    """The lessons that the messages of one batch can be check-ins to, read at once.

    One that has been closed still takes a check-in that was sent before: a message may be hours late (Feishu's last
    redelivery comes after seven), and the rider was there all the same.
    """

    def __init__(self, batch: Batch) -> None:
        self._session = batch.session
        self._people = [person.id for person in batch.people.values()]
        chats = [chat.id for chat in batch.chats.values()]
        recent = recently_open(batch)
        expected = select(RollEntry.person_id, RollEntry.lesson_id).join(Lesson, Lesson.id == RollEntry.lesson_id)
        self._expected: defaultdict[int, list[int]] = defaultdict(list)
        for person_id, lesson_id in self._session.execute(
            expected.where(RollEntry.person_id.in_(self._people), recent)
        ):
            self._expected[person_id].append(lesson_id)
        wanted = {lesson_id for lesson_ids in self._expected.values() for lesson_id in lesson_ids}
        lessons = select(Lesson).where(recent, Lesson.chat_id.in_(chats) | Lesson.id.in_(wanted))
        self._lessons = {
            lesson.id: lesson for lesson in self._session.scalars(lessons.order_by(Lesson.opened_at.desc()))
        }
        self._by_chat: defaultdict[int | None, list[Lesson]] = defaultdict(list)
        for lesson in self._lessons.values():
            self._by_chat[lesson.chat_id].append(lesson)
        self._done: dict[tuple[int, int], datetime] = {}
        self._read_done(list(self._lessons))

    def _read_done(self, lesson_ids: list[int]) -> None:
        done = select(CheckIn.lesson_id, CheckIn.person_id, CheckIn.at)
        here = (CheckIn.lesson_id.in_(lesson_ids), CheckIn.person_id.in_(self._people))
        for lesson_id, person_id, at in self._session.execute(done.where(*here)):
            self._done[lesson_id, person_id] = at

    def meant(self, context: Context) -> Lesson | None:
        """The card's lesson; else the group's; else one at which the sender is expected: if it was open then."""
        return next(iter(self.open_for(context)), None)

    def open_for(self, context: Context) -> list[Lesson]:
        """All that may be meant, the likeliest first; not those at places (随到随学), which want a code of theirs."""
        sent_at = context.message.sent_at
        candidates = self._candidates(context)
        return [lesson for lesson in candidates if was_open(lesson, sent_at) and not lesson.at_sites]

    def _candidates(self, context: Context) -> list[Lesson]:
        if context.message.about:
            named = context.message.about.removeprefix("lesson:")
            lesson = self._lessons.get(int(named)) if named.isdecimal() else None
            return [lesson] if lesson else []
        here = self._by_chat[context.chat.id] if context.chat else []
        expected = [self._lessons[number] for number in self._expected[context.member.id] if number in self._lessons]
        return list(dict.fromkeys((*here, *expected)))

    def why_none(self, context: Context) -> str:
        """What to say where no lesson can be meant."""
        if context.message.about:
            return ENDED
        if any(was_open(lesson, context.message.sent_at) for lesson in self._candidates(context)):
            return AT_SITES
        return NO_CODE_WANTED if context.message.text.strip().isdecimal() else NONE_OPEN

    def named(self, lesson_id: int) -> Lesson | None:
        """The lesson with this id, though nobody of the batch may be expected there: guests are welcome."""
        if lesson_id not in self._lessons:
            lesson = self._session.get(Lesson, lesson_id)
            if lesson is None:
                return None
            self._lessons[lesson_id] = lesson
            self._read_done([lesson_id])
        return self._lessons[lesson_id]

    def checked_in(self, lesson: Lesson, person: Person) -> datetime | None:
        """When the person checked in, where that has been."""
        return self._done.get((lesson.id, person.id))

    def add(self, check_in: CheckIn) -> None:
        """Records a check-in."""
        self._done[check_in.lesson_id, check_in.person_id] = check_in.at
        self._session.add(check_in)


class Sites:
    """The 阵地 whose codes the messages of one batch may tell; they are read once somebody tells one."""

    def __init__(self, batch: Batch) -> None:
        query = select(LessonSite).join(Lesson, Lesson.id == LessonSite.lesson_id)
        sites = batch.session.scalars(query.where(Lesson.at_sites, recently_open(batch)).order_by(LessonSite.id))
        self.by_id = {site.id: site for site in sites}


def recently_open(batch: Batch) -> ColumnElement[bool]:
    """Which lessons may have been open when a message of the batch was sent."""
    return (Lesson.state == LessonState.OPEN) | (Lesson.closed_at > max(batch.sent_since, batch.now - LATEST))


def was_open(lesson: Lesson, moment: datetime) -> bool:
    """Whether somebody could check in then."""
    if lesson.opened_at is None or moment < lesson.opened_at - SKEW:
        return False
    ends_at = lesson.closed_at or lesson.closes_at
    return ends_at is None or moment < ends_at
