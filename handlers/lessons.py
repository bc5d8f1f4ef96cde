"""Lessons and meetings: planned, opened and closed by the secretary; leave asked for and approved."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.clock import local
from bot.content import Button, Card, Mention, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.attendance import lesson_card, lesson_summary, missing_call, missing_list
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.people import NOBODY, SEVERAL, find_person, leaders_of, mentions
from models.base import new_id
from models.chats import Chat, chats_of
from models.lessons import (
    DEFAULT_KIND,
    LESSON_KINDS,
    Leave,
    LeaveState,
    Lesson,
    LessonState,
    attendance,
    close_lesson,
    count_check_ins,
    open_lesson,
)
from models.organisations import Organisation
from models.people import Person

NO_CHAT = "还没有绑定的群。请先到支部群里发「绑定 支部名称」。"
NOT_YOURS = "这个群归{organisation}，您不是它的书记。"
NOTHING_OPEN = "现在没有开着的签到。要开始，请发「开课 10分钟微课堂 主题」。"
OWN_LEAVE = "自己的假要由别人来准，请另一位书记或组织委员来发。"
NO_LESSON = "最近没有安排的课，不用请假。"
HOW_TO_PLAN = "请说什么会、什么时候，比如「计划 党员大会 周五15:00」。"
AHEAD = timedelta(days=7)
"""How far ahead leave is taken to be for the next lesson."""
NEAR = timedelta(hours=1)
"""How near its time a planned lesson is what 开课 without a kind means."""


CALLED = 20
"""More people than this are not called at once: their names are enough."""


@handles("open_lesson", by=Who.SECRETARY)
def open_(context: Context, intent: Intent) -> Reply | None:
    """Opens check-in in the branch's group, for what was planned for today where it fits."""
    chat = _chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    running = _open_in(context, chat)
    if running is not None:
        return Privately(Text(f"《{running.topic or running.kind}》还在签到。请先发「结束签到」。"))
    lesson = _planned_today(context, chat, intent) or _lesson(chat, intent)
    lesson.chat_id = chat.id
    lesson.led_by = context.person.id if context.person else None
    lesson.message_id = context.message_id
    open_lesson(context.session, lesson, context.now)
    context.batch.forget_shared()  # who checks in right behind this, in the same batch, must find it
    lesson.card = context.say(chat, lesson_card(lesson, *count_check_ins(context.session, lesson)))
    return Text(f"已经在{f'「{chat.title}」' if chat.title else '群'}里开始签到。") if context.private else None


def _lesson(chat: Chat, intent: Intent) -> Lesson:
    kind, topic = _kind_and_topic(intent)
    return Lesson(
        id=new_id(),
        organisation=chat.organisation,
        kind=kind,
        topic=topic,
        place=intent.text("place"),
        state=LessonState.PLANNED,
    )


def _kind_and_topic(intent: Intent) -> tuple[str, str]:
    kind, topic = intent.text("kind"), intent.text("topic")
    if kind in LESSON_KINDS:
        return kind, topic
    return DEFAULT_KIND, " ".join(part for part in (kind, topic) if part)


def _planned_today(context: Context, chat: Chat, intent: Intent) -> Lesson | None:
    query = select(Lesson).where(
        Lesson.organisation_id == chat.organisation_id,
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at >= context.now - timedelta(hours=12),
        Lesson.planned_at <= context.now + timedelta(hours=12),
    )
    today = local(context.now).date()
    kind, topic = intent.text("kind"), intent.text("topic")
    for lesson in context.session.scalars(query.order_by(Lesson.planned_at)):
        same_day = lesson.planned_at is not None and local(lesson.planned_at).date() == today
        meant = lesson.kind == kind if kind else _is_about_to_start(lesson, context.now)
        if same_day and meant and (not topic or lesson.topic in ("", topic)):
            lesson.topic = lesson.topic or topic
            return lesson
    return None


def _is_about_to_start(lesson: Lesson, now: datetime) -> bool:
    return lesson.planned_at is not None and abs(lesson.planned_at - now) <= NEAR


def _chat(context: Context) -> Chat | Text:
    """The group that the sender means and may speak for, or what to say instead."""
    if context.chat is not None:
        chat = context.chat
    else:
        organisation = context.organisation
        chats = chats_of(context.session, organisation) if organisation else []
        if not chats:
            return Text(NO_CHAT)
        chat = chats[0]
    if chat.organisation is None:
        return Text(NO_CHAT)
    if not context.runs(chat.organisation):
        return Text(NOT_YOURS.format(organisation=chat.organisation.name))
    return chat


def _open_in(context: Context, chat: Chat) -> Lesson | None:
    query = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.OPEN)
    return context.session.scalars(query).one_or_none()


@handles("close_lesson", by=Who.SECRETARY)
def close(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Ends check-in with its figures; from then on whoever is missing is absent."""
    chat = _chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    lesson = _open_in(context, chat)
    if lesson is None:
        return Privately(Text(NOTHING_OPEN))
    close_lesson(lesson, context.now)
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")
    summary = lesson_summary(lesson, attendance(context.session, lesson))
    context.say(chat, summary)
    return summary if context.private else None


@handles("attendance_list", by=Who.SECRETARY)
def attendance_list(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Who has not checked in; asked in the group while there is time, it calls them."""
    chat = _chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    lesson = _open_in(context, chat) or _last_closed(context, chat)
    if lesson is None:
        return Privately(Text(NOTHING_OPEN))
    record = attendance(context.session, lesson)
    called = _called(context, lesson, record.missing)
    return missing_call(lesson, record, called) if called else missing_list(lesson, record)


def _called(context: Context, lesson: Lesson, missing: Sequence[Person]) -> tuple[Mention, ...]:
    """Whom the answer calls: those who can still come, in their group, and not who has asked."""
    if context.chat is None or lesson.state is not LessonState.OPEN or len(missing) > CALLED:
        return ()
    return mentions(context, (person for person in missing if person is not context.person), context.chat)


def _last_closed(context: Context, chat: Chat) -> Lesson | None:
    query = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.CLOSED)
    return context.session.scalars(query.order_by(Lesson.closed_at.desc()).limit(1)).one_or_none()


@handles("plan_lesson", by=Who.SECRETARY)
def plan(context: Context, intent: Intent) -> Reply:
    """Plans a meeting; reminders come by themselves."""
    chat = _chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    kind, _ = _kind_and_topic(intent)
    if not intent.text("time"):
        return Privately(Text(HOW_TO_PLAN))
    at = datetime.fromisoformat(intent.text("time"))
    if at <= context.now:
        return Privately(Text(f"{moment_text(at)} 已经过了。{HOW_TO_PLAN}"))
    lesson = _lesson(chat, intent)
    lesson.chat_id, lesson.planned_at, lesson.message_id = chat.id, at, context.message_id
    context.session.add(lesson)
    where = f"，{lesson.place}" if lesson.place else ""
    return Text(
        f"📅 已安排：{lesson.title}，{moment_text(at)}{where}。会前我提醒大家，到时候发「开课 {kind}」就开始签到。"
    )


@handles("lesson_query", by=Who.ANYONE)
def lesson_query(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """When the next lessons are."""
    organisation = context.organisation
    lessons = _coming(context, organisation) if organisation else []
    if not lessons:
        return Text("还没有安排下一次课。")
    lines = [f"{moment_text(lesson.planned_at)} {lesson.title}" for lesson in lessons[:3] if lesson.planned_at]
    return Text("📅 接下来：\n" + "\n".join(lines))


def _coming(context: Context, organisation: Organisation) -> list[Lesson]:
    """What is planned for the organisation, or for one above or below it."""
    tree = context.batch.tree
    ids = [org.id for org in (*tree.above(organisation), *tree.below(organisation))]
    query = select(Lesson).where(
        Lesson.organisation_id.in_(ids), Lesson.state == LessonState.PLANNED, Lesson.planned_at > context.now
    )
    return list(context.session.scalars(query.order_by(Lesson.planned_at)))


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
        state=LeaveState.ASKED,
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
    leave.state = LeaveState.APPROVED
    leave.decided_by = context.person.id if context.person else None
    leave.decided_at = context.now
    context.tell(person, Text(f"准假了：{lesson.title}。落下的内容，回来找书记补。"))
    return Text(f"已准假：{person.name}，{lesson.title}")


def _asked_leave(context: Context, name: str) -> Leave | Text:
    """The leave that is meant, or what to say where none can be approved by the sender."""
    named = context.message.about.removeprefix("leave:")
    leave = context.session.get(Leave, int(named)) if named.isdecimal() else None
    if leave is not None and context.runs(context.session.get_one(Person, leave.person_id).organisation):
        return leave if leave.state is LeaveState.ASKED else Text("这个假已经准过了。")
    if not name:
        return Text("请写准谁的假，比如「准假 小李」。")
    found = [person for person in find_person(context, name) if context.runs(person.organisation)]
    if context.person in found:
        return Text(OWN_LEAVE)
    if len(found) != 1:
        return Text((SEVERAL if found else NOBODY).format(name=name))
    query = select(Leave).where(Leave.person_id == found[0].id, Leave.state == LeaveState.ASKED)
    latest = context.session.scalars(query.order_by(Leave.asked_at.desc()).limit(1)).one_or_none()
    return latest or Text(f"{found[0].name} 没有等着批的假。")
