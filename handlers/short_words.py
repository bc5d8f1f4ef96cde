"""到, 1, 好的: short words, which mean something to an open lesson or to a notice that waits, and nothing otherwise."""

from datetime import timedelta

from bot.handling import Context, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.understanding.short_words import either
from handlers.assistance import lost
from handlers.checkin import OpenLessons, check_in
from handlers.notices import OpenNotices, answer_waiting
from models.lessons import Lesson

CASUAL = timedelta(hours=24)
"""How long after a notice 好的 and 1, said in the group to nobody in particular, are still for it."""
SOON = timedelta(minutes=30)
"""The same of 好, which is said for less."""
CHECK_IN = Intent("check_in", 1.0, reply=True)


@handles("arrived", by=Who.ANYONE)
def arrived(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """到, 来了, 1: a check-in, where an open lesson waits for the sender and a word is enough for it.

    Who speaks to the bot hears what else it takes; of what is said among people nobody hears anything.
    """
    lesson = _waiting_lesson(context)
    if lesson is None or (either(context.message.text) and _notice_is_later(context, lesson)):
        return None
    if lesson.by_code and not context.message.addressed:
        return None
    return check_in(context, CHECK_IN)


@handles("casual_ack", by=Who.ANYONE)
def casual_ack(context: Context, intent: Intent) -> Reply | None:
    """好的, 1, 👌: an answer to a notice of today; else what people say all day long.

    What can be said to a lesson as well is about the one of the two that was posted last.
    """
    addressed = context.message.addressed
    lesson = _waiting_lesson(context) if either(context.message.text) else None
    if lesson is not None and not _notice_is_later(context, lesson) and not addressed:
        return None
    within = CASUAL if intent.acknowledges else SOON
    return answer_waiting(context, None if addressed else within) or (lost(context, intent) if addressed else None)


def _waiting_lesson(context: Context) -> Lesson | None:
    """The lesson of this group, in private chat the sender's own, that is open and has not seen the sender yet."""
    if context.person is None:
        return None
    register = context.batch.shared(OpenLessons)
    for lesson in register.open_for(context):
        here = context.chat is None or lesson.chat_id == context.chat.id
        if here and lesson.organisation.covers(context.person.organisation):
            return lesson if register.checked_in(lesson, context.person) is None else None
    return None


def _notice_is_later(context: Context, lesson: Lesson) -> bool:
    """Whether a notice that waits for the sender was posted after the lesson's card."""
    waits = context.batch.shared(OpenNotices).meant(context, CASUAL)
    return waits is not None and lesson.opened_at is not None and waits[1].sent_at > lesson.opened_at
