"""Check-in (签到): by word or by the card's button, once per person, acknowledged quietly."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.content import Acknowledge, Text
from bot.handling import Batch, Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import hour_text
from handlers.points import ledger
from models.lessons import CheckIn, CheckInWay, Lesson, LessonState, RollEntry
from models.people import Person
from models.points import LESSON, Award

NONE_OPEN = "现在没有开着的签到。想知道下次什么时候上课，发「什么时候上课」。"
ENDED = "这一次签到已经结束了。要补课的话，请跟书记说。"

LATEST = timedelta(hours=8)
"""How late a message may arrive."""
SKEW = timedelta(minutes=2)
"""How far a platform's clock may be behind."""


@handles("check_in", by=Who.MEMBER)
def check_in(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Records that the sender is there. A second time answers when the first was."""
    register = context.batch.shared(OpenLessons)
    lesson = register.meant(context)
    if lesson is None:
        return Privately(Text(ENDED if context.message.about else NONE_OPEN))
    person = context.member
    before = register.checked_in(lesson, person)
    if before is not None:
        return Privately(Text(f"你 {hour_text(before)} 已经签过了"))
    way = CheckInWay.BUTTON if context.message.kind == "button" else CheckInWay.WORD
    at = min(context.message.sent_at, context.now)
    register.add(CheckIn(lesson_id=lesson.id, person_id=person.id, at=at, way=way, message_id=context.message_id))
    award = Award(LESSON, LESSON.points, f"lesson:{lesson.id}", context.message_id)
    context.batch.shared(ledger).award(person, award, context.now)
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")
    return Acknowledge("已签到", person.name)


class OpenLessons:
    """The lessons that the messages of one batch can be check-ins to, read at once.

    One that has been closed still takes a check-in that was sent before: a message may be hours late (Feishu's last
    redelivery comes after seven), and the rider was there all the same.
    """

    def __init__(self, batch: Batch) -> None:
        self._session = batch.session
        people = [person.id for person in batch.people.values()]
        chats = [chat.id for chat in batch.chats.values()]
        recent = (Lesson.state == LessonState.OPEN) | (Lesson.closed_at > max(batch.sent_since, batch.now - LATEST))
        expected = select(RollEntry.person_id, RollEntry.lesson_id).join(Lesson, Lesson.id == RollEntry.lesson_id)
        self._expected: defaultdict[int, list[int]] = defaultdict(list)
        for person_id, lesson_id in self._session.execute(expected.where(RollEntry.person_id.in_(people), recent)):
            self._expected[person_id].append(lesson_id)
        wanted = {lesson_id for lesson_ids in self._expected.values() for lesson_id in lesson_ids}
        lessons = select(Lesson).where(recent, Lesson.chat_id.in_(chats) | Lesson.id.in_(wanted))
        self._lessons = {
            lesson.id: lesson for lesson in self._session.scalars(lessons.order_by(Lesson.opened_at.desc()))
        }
        self._by_chat: defaultdict[int | None, list[Lesson]] = defaultdict(list)
        for lesson in self._lessons.values():
            self._by_chat[lesson.chat_id].append(lesson)
        done = select(CheckIn.lesson_id, CheckIn.person_id, CheckIn.at)
        here = (CheckIn.lesson_id.in_(list(self._lessons)), CheckIn.person_id.in_(people))
        rows = self._session.execute(done.where(*here))
        self._done = {(lesson_id, person_id): at for lesson_id, person_id, at in rows}

    def meant(self, context: Context) -> Lesson | None:
        """The card's lesson; else the group's; else one at which the sender is expected: if it was open then."""
        sent_at = context.message.sent_at
        if context.message.about:
            named = context.message.about.removeprefix("lesson:")
            candidates = [self._lessons.get(int(named))] if named.isdecimal() else []
        else:
            here = self._by_chat[context.chat.id] if context.chat else []
            candidates = [*here, *(self._lessons.get(number) for number in self._expected[context.member.id])]
        return next((lesson for lesson in candidates if lesson and _was_open(lesson, sent_at)), None)

    def checked_in(self, lesson: Lesson, person: Person) -> datetime | None:
        """When the person checked in, where that has been."""
        return self._done.get((lesson.id, person.id))

    def add(self, check_in: CheckIn) -> None:
        """Records a check-in."""
        self._done[check_in.lesson_id, check_in.person_id] = check_in.at
        self._session.add(check_in)


def _was_open(lesson: Lesson, moment: datetime) -> bool:
    if lesson.opened_at is None or moment < lesson.opened_at - SKEW:
        return False
    return lesson.closed_at is None or moment < lesson.closed_at
