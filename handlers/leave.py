"""Leave (请假): asked for before or during a lesson, decided by the secretary."""

from datetime import timedelta

from sqlalchemy import select

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.people import NOBODY, SEVERAL, find_person, leaders_of
from models.base import new_id
from models.lessons import Decision, Leave, Lesson, LessonState
from models.people import Person

OWN_LEAVE = "自己的假要由别人来准，请另一位书记或组织委员来发。"
NO_LESSON = "最近没有安排的课，不用请假。"
AHEAD = timedelta(days=7)
"""How far ahead leave is taken to be for the next lesson."""


@handles("leave_request", by=Who.MEMBER)
def leave_request(context: Context, intent: Intent) -> Reply:
    """Asks the secretary for leave from the open lesson, or from the next one within a week."""
    person = context.member
    lesson = _lesson_to_miss(context, person)
    if lesson is None:
        return Privately(Text(NO_LESSON))
    if _leave(context, lesson, person) is not None:
        return Privately(Text(f"{lesson.title}，你已经请过假了。"))
    leave = Leave(
        id=new_id(),
        lesson_id=lesson.id,
        person_id=person.id,
        reason=intent.text("text") or "没有写明",
        state=Decision.ASKED,
        asked_at=context.now,
        message_id=context.message_id,
    )
    context.session.add(leave)
    context.tell_all(leaders_of(context, person), _leave_card(lesson, person, leave))
    return Privately(Text(f"已替你向书记请假：{lesson.title}，事由：{leave.reason}。同意了我告诉你。"))


def _leave_card(lesson: Lesson, person: Person, leave: Leave) -> Card:
    says = f"准假 {person.name}"
    return Card(
        title=f"✋ {person.name} 请假：{lesson.title}",
        text=f"事由：{leave.reason}",
        buttons=(Button("准假", says, f"leave:{leave.id}", "primary"),),
        hint=f"同意请回复「{says}」。",
    )


def _lesson_to_miss(context: Context, person: Person) -> Lesson | None:
    around = (person.organisation, *context.batch.tree.above(person.organisation))
    query = (
        select(Lesson)
        .where(
            Lesson.organisation_id.in_([organisation.id for organisation in around]),
            (Lesson.state == LessonState.OPEN)
            | ((Lesson.state == LessonState.PLANNED) & Lesson.planned_at.between(context.now, context.now + AHEAD)),
        )
        .order_by(Lesson.opened_at.is_(None), Lesson.planned_at)
    )
    return context.session.scalars(query.limit(1)).one_or_none()


def _leave(context: Context, lesson: Lesson, person: Person) -> Leave | None:
    query = select(Leave).where(Leave.lesson_id == lesson.id, Leave.person_id == person.id)
    return context.session.scalars(query).one_or_none()


@handles("approve_leave", by=Who.SECRETARY)
def approve_leave(context: Context, intent: Intent) -> Reply:
    """Approves the leave of the card, or the latest that somebody has asked for."""
    leave = _asked_leave(context, intent.text("person"))
    if isinstance(leave, Text):
        return Privately(leave)
    person = context.session.get_one(Person, leave.person_id)
    lesson = context.session.get_one(Lesson, leave.lesson_id)
    leave.state = Decision.APPROVED
    leave.decided_by = context.person.id if context.person else None
    leave.decided_at = context.now
    context.tell(person, Text(f"准假了：{lesson.title}。落下的内容，回来找书记补。"))
    return Text(f"已准假：{person.name}，{lesson.title}")


def _asked_leave(context: Context, name: str) -> Leave | Text:
    """The leave that is meant, or what to say where none can be approved by the sender."""
    named = context.message.about.removeprefix("leave:")
    leave = context.session.get(Leave, int(named)) if named.isdecimal() else None
    if leave is not None and context.runs(context.session.get_one(Person, leave.person_id).organisation):
        return leave if leave.state is Decision.ASKED else Text("这个假已经准过了。")
    if not name:
        return Text("请写准谁的假，比如「准假 小李」。")
    found = [person for person in find_person(context, name) if context.runs(person.organisation)]
    if context.person in found:
        return Text(OWN_LEAVE)
    if len(found) != 1:
        return Text((SEVERAL if found else NOBODY).format(name=name))
    query = select(Leave).where(Leave.person_id == found[0].id, Leave.state == Decision.ASKED)
    latest = context.session.scalars(query.order_by(Leave.asked_at.desc()).limit(1)).one_or_none()
    return latest or Text(f"{found[0].name} 没有等着批的假。")
