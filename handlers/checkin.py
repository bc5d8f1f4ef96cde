"""Check-in (签到): by word or by the card's button, once per person, acknowledged quietly."""

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.content import Acknowledge, Card, Text
from bot.handling import Batch, Context, Privately, Reply, Who, handles
from bot.reports.attendance import lesson_card
from bot.understanding.intent import Intent
from bot.wording import hour_text
from handlers.points import ledger
from models.lessons import CheckIn, CheckInWay, Lesson, LessonState, RollEntry, count_check_ins
from models.people import Person
from models.points import LESSON, Award

NONE_OPEN = "现在没有开着的签到。想知道下次什么时候上课，发「什么时候上课」。"
ENDED = "这一次签到已经结束了。要补课的话，请跟书记说。"


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
        return Privately(Text(f"你 {hour_text(before.at)} 已经签过了"))
    way = CheckInWay.BUTTON if context.message.kind == "button" else CheckInWay.WORD
    register.add(
        CheckIn(lesson_id=lesson.id, person_id=person.id, at=context.now, way=way, message_id=context.message_id)
    )
    award = Award(LESSON, LESSON.points, f"lesson:{lesson.id}", context.message_id)
    context.batch.shared(ledger).award(person, award, context.now)
    if lesson.card is not None:
        context.batch.posting.update(lesson.card, partial(_card, context.session, lesson))
    return Acknowledge("已签到", person.name)


def _card(session: Session, lesson: Lesson) -> Card:
    return lesson_card(lesson, *count_check_ins(session, lesson))


class OpenLessons:
    """The open lessons that the messages of one batch can be about, read at once."""

    def __init__(self, batch: Batch) -> None:
        self._session = batch.session
        people = [person.id for person in batch.people.values()]
        chats = [chat.id for chat in batch.chats.values()]
        expected = select(RollEntry.lesson_id, RollEntry.person_id).where(RollEntry.person_id.in_(people))
        rolls = self._session.execute(
            expected.join(Lesson, Lesson.id == RollEntry.lesson_id).where(Lesson.state == LessonState.OPEN)
        ).all()
        self._expected: dict[int, list[int]] = {}
        for lesson_id, person_id in rolls:
            self._expected.setdefault(person_id, []).append(lesson_id)
        wanted = Lesson.chat_id.in_(chats) | Lesson.id.in_({lesson_id for lesson_id, _ in rolls})
        query = select(Lesson).where(Lesson.state == LessonState.OPEN, wanted)
        self._lessons = {lesson.id: lesson for lesson in self._session.scalars(query)}
        self._by_chat = {lesson.chat_id: lesson for lesson in self._lessons.values()}
        done = select(CheckIn).where(CheckIn.lesson_id.in_(list(self._lessons)), CheckIn.person_id.in_(people))
        self._done = {(done.lesson_id, done.person_id): done for done in self._session.scalars(done)}

    def meant(self, context: Context) -> Lesson | None:
        """The card's lesson; else the group's; else the one lesson at which the sender is expected."""
        if context.message.about:
            named = context.message.about.removeprefix("lesson:")
            lesson = self._lessons.get(int(named)) if named.isdecimal() else None
            return lesson if lesson and lesson.state is LessonState.OPEN else None
        here = self._by_chat.get(context.chat.id) if context.chat else None
        elsewhere = [self._lessons[i] for i in self._expected.get(context.member.id, ()) if i in self._lessons]
        candidates = [lesson for lesson in (here, *elsewhere) if lesson and lesson.state is LessonState.OPEN]
        return candidates[0] if candidates else None

    def checked_in(self, lesson: Lesson, person: Person) -> CheckIn | None:
        """The person's check-in, where there is one."""
        return self._done.get((lesson.id, person.id))

    def add(self, check_in: CheckIn) -> None:
        """Records a check-in."""
        self._done[check_in.lesson_id, check_in.person_id] = check_in
        self._session.add(check_in)
