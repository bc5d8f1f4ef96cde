"""The branch's group and its lessons, as the handlers of lessons share them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context
from bot.understanding.fields import TOPIC
from bot.understanding.intent import Intent
from handlers.lesson_fields import LONGEST, put, read_fields
from handlers.lesson_words import named
from models.base import new_id
from models.chats import Chat, chats_of
from models.lessons import DEFAULT_KIND, Lesson, LessonState, kind_named
from models.organisations import Organisation

NO_CHAT = "还没有绑定的群。请先到支部群里发「绑定 支部名称」。"
NOT_YOURS = "这个群归{organisation}，您不是它的书记。"
ABOUT_CHAT = "chat:"
"""What a button is about that continues in private what was begun in a group."""
NOT_OPENED = timedelta(hours=1)
"""For how long after its hour a planned lesson that nobody has opened yet is still one to come."""
LAST = ("上次", "上回")
"""What names the last lesson that was held."""
CONSIDERED = 30
"""Lessons in each state among which the meant one is looked for."""


def branch_chat(context: Context) -> Chat | Text:
    """The group that the sender means and may speak for, or what to say instead."""
    if context.chat is not None:
        chat = context.chat
    else:
        organisation = context.organisation
        chats = chats_of(context.session, organisation) if organisation else []
        found = _chat_of_button(context) or (chats[0] if chats else None)
        if found is None:
            return Text(NO_CHAT)
        chat = found
    if chat.organisation is None:
        return Text(NO_CHAT)
    if not context.runs(chat.organisation):
        return Text(NOT_YOURS.format(organisation=chat.organisation.name))
    return chat


def _chat_of_button(context: Context) -> Chat | None:
    about = context.message.about
    number = about.removeprefix(ABOUT_CHAT) if about.startswith(ABOUT_CHAT) else ""
    return context.session.get(Chat, int(number)) if number.isdecimal() else None


def open_in(context: Context, chat: Chat) -> Lesson | None:
    """The lesson that is open in the group."""
    query = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.OPEN)
    return context.session.scalars(query).one_or_none()


def new_lesson(context: Context, chat: Chat, intent: Intent) -> Lesson:
    """A lesson of the group's organisation as the message describes it; it is not in the session yet."""
    kind, topic = kind_and_topic(intent)
    lesson = Lesson(
        id=new_id(),
        organisation=chat.organisation,
        chat_id=chat.id,
        kind=kind,
        topic=topic[: LONGEST[TOPIC]].strip(),
        place=intent.text("place"),
        link="",
        host="",
        recorder="",
        agenda="",
        counts_as="",
        state=LessonState.PLANNED,
    )
    put(lesson, read_fields(context.message.text))
    return lesson


def kind_and_topic(intent: Intent) -> tuple[str, str]:
    """A kind of lesson, and its topic; what is no kind belongs to the topic."""
    kind, topic = intent.text("kind"), intent.text("topic")
    if named := kind_named(kind):
        return named, topic
    return DEFAULT_KIND, " ".join(part for part in (kind, topic) if part)


def lesson_of_button(context: Context) -> Lesson | None:
    """The lesson of the card whose button was pressed."""
    kind, _, number = context.message.about.partition(":")
    return context.session.get(Lesson, int(number)) if kind == "lesson" and number.isdecimal() else None


def lessons_meant(
    context: Context, organisations: Iterable[Organisation], kind: str, words: str, since: datetime
) -> list[Lesson]:
    """The lessons that the words can be about, the likeliest first: planned ones, open ones, and those closed since.

    With a kind, those of that kind alone; with 上次 those that are closed.
    """
    query = select(Lesson).where(Lesson.organisation_id.in_([organisation.id for organisation in organisations]))
    if kind:
        query = query.where(Lesson.kind == kind)
    query = query.limit(CONSIDERED)
    planned = query.where(Lesson.state == LessonState.PLANNED, Lesson.planned_at > context.now - NOT_OPENED)
    running = query.where(Lesson.state == LessonState.OPEN)
    closed = query.where(Lesson.state == LessonState.CLOSED, Lesson.closed_at > since)
    found = list(context.session.scalars(closed.order_by(Lesson.closed_at.desc(), Lesson.id)))
    if not any(word in words for word in LAST):
        found = [
            *context.session.scalars(planned.order_by(Lesson.planned_at, Lesson.id)),
            *context.session.scalars(running.order_by(Lesson.opened_at.desc())),
            *found,
        ]
    return named(found, words, context.said_at)


def announced(context: Context, chats: Sequence[Chat], words: str) -> Text:
    """Says it in these groups; returns the answer for where it was asked, which is one of them or hears of them."""
    elsewhere = [chat for chat in chats if context.chat is None or chat.id != context.chat.id]
    for chat in elsewhere:
        context.say(chat, Text(words))
    return Text(words if len(elsewhere) < len(chats) or not chats else f"{words}\n也告诉群里了。")
