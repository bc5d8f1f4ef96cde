"""The branch's group and its lessons, as the handlers of lessons share them."""

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context
from bot.understanding.intent import Intent
from models.base import new_id
from models.chats import Chat, chats_of
from models.lessons import DEFAULT_KIND, LESSON_KINDS, Lesson, LessonState

NO_CHAT = "还没有绑定的群。请先到支部群里发「绑定 支部名称」。"
NOT_YOURS = "这个群归{organisation}，您不是它的书记。"


def branch_chat(context: Context) -> Chat | Text:
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


def open_in(context: Context, chat: Chat) -> Lesson | None:
    """The lesson that is open in the group."""
    query = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.OPEN)
    return context.session.scalars(query).one_or_none()


def new_lesson(chat: Chat, intent: Intent) -> Lesson:
    """A lesson of the group's organisation as the intent describes it; it is not in the session yet."""
    kind, topic = kind_and_topic(intent)
    return Lesson(
        id=new_id(),
        organisation=chat.organisation,
        kind=kind,
        topic=topic,
        place=intent.text("place"),
        state=LessonState.PLANNED,
    )


def kind_and_topic(intent: Intent) -> tuple[str, str]:
    """A kind of lesson, and its topic; what is no kind belongs to the topic."""
    kind, topic = intent.text("kind"), intent.text("topic")
    if kind in LESSON_KINDS:
        return kind, topic
    return DEFAULT_KIND, " ".join(part for part in (kind, topic) if part)
