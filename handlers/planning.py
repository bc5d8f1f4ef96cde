"""Lessons and meetings that are to come: planned by the secretary, asked for by everybody."""

from datetime import datetime

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.branch import branch_chat, kind_and_topic, new_lesson
from models.lessons import Lesson, LessonState
from models.organisations import Organisation

HOW_TO_PLAN = "请说什么会、什么时候，比如「计划 党员大会 周五15:00」。"


@handles("plan_lesson", by=Who.SECRETARY)
def plan(context: Context, intent: Intent) -> Reply:
    """Plans a meeting; reminders come by themselves."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    kind, _ = kind_and_topic(intent)
    if not intent.text("time"):
        return Privately(Text(HOW_TO_PLAN))
    at = datetime.fromisoformat(intent.text("time"))
    if at <= context.now:
        return Privately(Text(f"{moment_text(at)} 已经过了。{HOW_TO_PLAN}"))
    lesson = new_lesson(chat, intent)
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
