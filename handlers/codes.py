"""The rotating code (签到码): shown at the place on a page of its own; by 凭码签到 nothing else counts."""

from datetime import timedelta

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.attendance import BY_CODE
from bot.understanding.intent import Intent
from handlers.branch import branch_chat, open_in
from models.chats import Chat
from models.codes import new_secret
from models.lessons import Lesson, LessonState

PAGE_FOR = timedelta(hours=12)
NOTHING_OPEN = "现在没有开着的签到。请先开课，比如「开课 党员大会」，再发「签到码」。"
NO_ADDRESS = "服务器还没有配公网地址（public_url），签到码的页面打不开。这次请用「签到」两个字，或者卡片上的按钮。"
SHOW = """🔢 {lesson}的签到码，请在现场的电视、电脑或者手机上打开：
{link}
四位数字 15 秒一换，页面 12 小时内有效。请不要转发：看得见这一页，就等于到了现场。"""
ONLY_CODE = "要求只认码，请发「凭码签到」。"
NO_MORE = "不再凭码，请发「不用凭码」。"
BY_WORD = "🔢 这一次不用码了，回复「签到」就行。"
NOT_BY_CODE = "这一次本来就不用码，回复「签到」就行。"


@handles("show_code", by=Who.SECRETARY)
def show_code(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The page with the code of the open lesson, for the secretary alone. From now on a wrong code is told as wrong."""
    lesson = _lesson(context)
    return Privately(lesson if isinstance(lesson, Text) else _shown(context, lesson))


@handles("require_code", by=Who.SECRETARY)
def require_code(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Only a code counts from now on, and the group is told so."""
    lesson = _lesson(context)
    if isinstance(lesson, Text):
        return Privately(lesson)
    if not lesson.by_code and context.batch.posting.links.base:
        lesson.by_code = True
        _tell_group(context, lesson, f"🔢 {lesson.title}凭现场的码签到。{BY_CODE}")
    return Privately(_shown(context, lesson))


@handles("waive_code", by=Who.SECRETARY)
def waive_code(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """The word and the button count again; the code does so still."""
    lesson = _lesson(context)
    if isinstance(lesson, Text):
        return Privately(lesson)
    if not lesson.by_code:
        return Privately(Text(NOT_BY_CODE))
    lesson.by_code = False
    _tell_group(context, lesson, BY_WORD)
    return Text(BY_WORD) if context.private else None


def _shown(context: Context, lesson: Lesson) -> Text:
    link = context.link("code", f"lesson:{lesson.id}", PAGE_FOR)
    if not link:
        return Text(NO_ADDRESS)
    lesson.secret = lesson.secret or new_secret()
    return Text(f"{SHOW.format(lesson=lesson.title, link=link)}\n{NO_MORE if lesson.by_code else ONLY_CODE}")


def _tell_group(context: Context, lesson: Lesson, words: str) -> None:
    if lesson.chat_id is not None:
        context.say(context.session.get_one(Chat, lesson.chat_id), Text(words))
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")


def _lesson(context: Context) -> Lesson | Text:
    """The open lesson of the group; in private, the latest that the sender runs, the own organisation's first."""
    if context.chat is None:
        return _own_lesson(context) or Text(NOTHING_OPEN)
    chat = branch_chat(context)
    return chat if isinstance(chat, Text) else open_in(context, chat) or Text(NOTHING_OPEN)


def _own_lesson(context: Context) -> Lesson | None:
    own = context.organisation
    if own is None or not context.runs(own):
        return None
    query = (
        select(Lesson)
        .where(
            Lesson.organisation_id.in_([organisation.id for organisation in context.batch.tree.below(own)]),
            Lesson.state == LessonState.OPEN,
            ~Lesson.at_sites,
        )
        .order_by((Lesson.organisation_id == own.id).desc(), Lesson.opened_at.desc())
    )
    return context.session.scalars(query.limit(1)).one_or_none()
