"""What comes next, and who comes: asked by everybody, said by everybody for themselves (我会来)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import select

from bot.content import Acknowledge, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.reminders import coming_text, who_comes
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.branch import NOT_OPENED, lesson_of_button
from handlers.leave import withdraw_leave
from handlers.lesson_words import named
from models.base import new_id
from models.lessons import Coming, Lesson, LessonState, is_for
from models.organisations import Organisation
from models.people import Person

NOTHING = "还没有安排下一次课。"
NOTHING_SOON = "最近七天没有安排的课。想知道下次什么时候上课，发「什么时候上课」。"
STARTED = "{title}已经开始签到了，到了请发「签到」。"
ENDED = "{title}已经结束了。想知道下次什么时候上课，发「什么时候上课」。"
CANCELLED = "{title}取消了，不用来。"
AGAIN = "你已经报过会来：{title}，{when}。"
AHEAD = timedelta(days=7)
"""How far ahead 我会来 is taken to be about the next lesson."""
MORE = "后面还安排了 {more} 次。"
MOST = 5
"""Lessons that are told at once."""


@handles("lesson_query", by=Who.ANYONE)
def lesson_query(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """When and where the next lessons are, and who comes."""
    organisation = context.organisation
    planned = _one_of_each_series(_planned(context, organisation)) if organisation else []
    lessons, more = planned[:MOST], len(planned) - MOST
    if not lessons:
        return Text(NOTHING)
    coming = who_comes(context.session, lessons)
    lines = [_line(lesson, coming[lesson.id]) for lesson in lessons]
    return Text("\n".join(["📅 接下来：", *lines, *([MORE.format(more=more)] if more > 0 else [])]))


def _one_of_each_series(lessons: Iterable[Lesson]) -> list[Lesson]:
    """The next session of each series, and every other lesson: a daily series would hide what comes on Friday."""
    found: dict[int, Lesson] = {}
    for lesson in lessons:
        found.setdefault(lesson.series_id or lesson.id, lesson)
    return list(found.values())


def _line(lesson: Lesson, people: Sequence[Person]) -> str:
    when = moment_text(lesson.planned_at) if lesson.planned_at else ""
    where = f"，{lesson.place}" if lesson.place else ""
    more = [f"线上：{lesson.link}" if lesson.link else "", f"会来：{coming_text(people)}" if people else ""]
    return "\n".join([f"{when} {lesson.title}{where}", *(f"　{line}" for line in more if line)])


@handles("coming", by=Who.ANYONE)
def coming(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Somebody says to be coming. In a group it may be said about anything: without a lesson to come, it is left."""
    person = context.person
    if person is None:
        return Privately(Text(Who.MEMBER.value)) if context.message.addressed else None
    lesson = _meant(context, person)
    if lesson is None:
        return Privately(Text(_nothing_soon(context, person))) if context.message.addressed else None
    if lesson.state is not LessonState.PLANNED:
        return Privately(Text(_too_late(lesson)))
    withdrawn = withdraw_leave(context, lesson, person)
    query = select(Coming.id).where(Coming.lesson_id == lesson.id, Coming.person_id == person.id)
    if context.session.scalar(query) is None:
        _note(context, lesson, person)
    elif not withdrawn:
        when = moment_text(lesson.planned_at) if lesson.planned_at else ""
        return Privately(Text(AGAIN.format(title=lesson.title, when=when)))
    return Acknowledge("已报会来", person.name)


def _note(context: Context, lesson: Lesson, person: Person) -> None:
    said = context.message_id
    made = Coming(id=new_id(), lesson_id=lesson.id, person_id=person.id, at=context.now, message_id=said)
    context.session.add(made)
    context.session.flush()


def _meant(context: Context, person: Person) -> Lesson | None:
    """The lesson of the button; else the next one within a week, or the one of these that was named.

    A session of a series is meant where it is named, or there is nothing else: it comes around by itself.
    """
    if context.message.about.startswith("lesson:"):
        lesson = lesson_of_button(context)
        return lesson if lesson and lesson.organisation.covers(person.organisation) else None
    organisation = context.organisation or person.organisation
    soon = [
        lesson
        for lesson in _planned(context, organisation)
        if lesson.planned_at
        and lesson.planned_at <= context.now + AHEAD
        and lesson.organisation.covers(person.organisation)
    ]
    soon.sort(key=lambda lesson: lesson.series_id is not None)
    meant = [lesson for lesson in soon if is_for(lesson, person)] or soon
    return named(meant, context.message.text, context.said_at)[0] if meant else None


def _nothing_soon(context: Context, person: Person) -> str:
    tree = context.batch.tree
    ids = [org.id for org in (person.organisation, *tree.above(person.organisation))]
    query = select(Lesson).where(
        Lesson.organisation_id.in_(ids), Lesson.state == LessonState.OPEN, Lesson.at_sites.is_(False)
    )
    running = next((lesson for lesson in context.session.scalars(query) if is_for(lesson, person)), None)
    return _too_late(running) if running else NOTHING_SOON


def _too_late(lesson: Lesson) -> str:
    words = {LessonState.OPEN: STARTED, LessonState.CLOSED: ENDED, LessonState.CANCELLED: CANCELLED}
    return words[lesson.state].format(title=lesson.title)


def _planned(context: Context, organisation: Organisation) -> list[Lesson]:
    """What is planned for the organisation, or for one above or below it, the next first."""
    tree = context.batch.tree
    ids = [org.id for org in (*tree.above(organisation), *tree.below(organisation))]
    query = select(Lesson).where(
        Lesson.organisation_id.in_(ids),
        Lesson.state == LessonState.PLANNED,
        Lesson.planned_at > context.said_at - NOT_OPENED,
    )
    return list(context.session.scalars(query.order_by(Lesson.planned_at, Lesson.id)))
