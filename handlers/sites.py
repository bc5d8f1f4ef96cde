"""随到随学: a lesson that is open for days at several places, each with a code of its own on its wall."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from unicodedata import normalize

from sqlalchemy import select

from bot.clock import local
from bot.content import Button, Card, Choice, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.attendance import closing_summary, live_lesson_card
from bot.reports.sites import codes_text, count_by_place, sites_of
from bot.understanding.intent import Intent
from bot.understanding.numerals import whole_number
from bot.wording import moment_text
from handlers.branch import branch_chat
from models.attendance import head_count
from models.base import new_id
from models.chats import Chat
from models.codes import new_site_code
from models.lessons import DEFAULT_KIND, Lesson, LessonSite, LessonState, close_lesson, kind_named, open_lesson

EXAMPLE = "随到随学 交通安全 东站驿站、西站驿站 3天"
HOW_TO = f"请写主题、在哪几个阵地、开几天，比如「{EXAMPLE}」。"
NO_PLACE = f"还要写在哪几个阵地，用顿号隔开，比如「{EXAMPLE}」。"
BAD_DAYS = f"随到随学开 1 到 30 天，请写成「3天」这样，比如「{EXAMPLE}」。"
TOO_MANY = "一次最多 {most} 个阵地，请分两次发。"
TOO_LONG = "{what}太长了，请缩短到 {most} 个字以内。"
LONGEST_OPEN = 30
DAYS = 3
"""For how long it is open where nobody says."""
MOST_PLACES = 12
LONGEST_PLACE = 20
LONGEST_TOPIC = 40
EARLIEST, LATEST = 7, 21
"""Hours between which it ends: its summary is posted then."""
NONE_OPEN = f"现在没有开着的随到随学。要开，{HOW_TO}"
OPENED = """📚 随到随学：{lesson}，{end} 截止。各阵地的码（不要发到群里，贴在墙上就行）：
{codes}"""
PRINT = "带二维码的打印页：\n{link}"
NO_PAGE = "服务器还没有配公网地址（public_url），没有打印页，请把六位数字写在纸上。"
WHICH = "结束哪一个随到随学？"
ENDED = "随到随学：{lesson} 结束了，群里已经说了。"
_DAYS = re.compile(r"开?(?<![0-9０-９])([0-9０-９]{1,3}|[一二两三四五六七八九十]{1,3})\s*天")
_WEEKS = re.compile(r"(?<!\S)开?([0-9０-９]{1,2}|[一二两三四])\s*个?(?:周|星期|礼拜)(?!\S)")
"""Only on its own: 一周一课 is a topic."""
_TITLE = re.compile(r"[《》]")
_LISTED = re.compile(r"\s*[、，,;；]\s*")
_LABEL = re.compile(r"^(地点|阵地|主题|在)[:：]?")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be opened."""

    kind: str
    topic: str
    places: tuple[str, ...]
    days: int


@handles("open_sites", by=Who.SECRETARY)
def open_sites(context: Context, intent: Intent) -> Reply:
    """Opens one; said alone it tells how those that are open stand, with their codes."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    if not intent.text("text"):
        lessons = _open(context, chat)
        told = "\n\n".join(_standing(context, lesson) for lesson in lessons)
        return Privately(Text(told or NONE_OPEN))
    wish = read_wish(intent.text("text"))
    if isinstance(wish, str):
        return Privately(Text(wish))
    lesson = _opened(context, chat, wish)
    lesson.card = context.say(chat, live_lesson_card(context.session, lesson.id))
    return Privately(Text(_codes(context, lesson)))


def read_wish(text: str) -> Wish | str:
    """What the secretary wrote, or the sentence that says what to write instead."""
    days, rest = _days_in(_TITLE.sub(" ", text))
    if not 1 <= days <= LONGEST_OPEN:
        return BAD_DAYS
    words = _LISTED.sub("、", rest).strip(" 、。.").split()
    kind = kind_named(words[0]) if words else ""
    words = words[1:] if kind else words
    topic = _LABEL.sub("", words[0]) if len(words) > 1 else ""
    listed = "、".join(words[1:] if len(words) > 1 else words)
    places = tuple(dict.fromkeys(filter(None, (_LABEL.sub("", place) for place in listed.split("、")))))
    if not words or not (topic or kind):
        return NO_PLACE if len(places) == 1 else HOW_TO
    return _too_much(topic, places) or Wish(kind or DEFAULT_KIND, topic, places, days)


def _days_in(text: str) -> tuple[int, str]:
    """For how many days it is to be open, 0 for a number that is none, and the text without them."""
    for expression, length in ((_DAYS, 1), (_WEEKS, 7)):
        if found := expression.search(text):
            number = whole_number(normalize("NFKC", found[1])) or 0
            return number * length, f"{text[: found.start()]} {text[found.end() :]}"
    return DAYS, text


def _too_much(topic: str, places: tuple[str, ...]) -> str:
    if not places:
        return NO_PLACE
    if len(places) > MOST_PLACES:
        return TOO_MANY.format(most=MOST_PLACES)
    if len(topic) > LONGEST_TOPIC:
        return TOO_LONG.format(what="主题", most=LONGEST_TOPIC)
    if any(len(place) > LONGEST_PLACE for place in places):
        return TOO_LONG.format(what="阵地的名字", most=LONGEST_PLACE)
    return ""


def _opened(context: Context, chat: Chat, wish: Wish) -> Lesson:
    lesson = Lesson(
        id=new_id(),
        organisation=chat.organisation,
        kind=wish.kind,
        topic=wish.topic,
        place="、".join(wish.places),
        state=LessonState.PLANNED,
        at_sites=True,
        led_by=context.person.id if context.person else None,
        message_id=context.message_id,
    )
    open_lesson(context.session, lesson, context.now)
    lesson.closes_at = _end(context.now, wish.days)
    taken = set(context.session.scalars(select(LessonSite.code).join(Lesson).where(Lesson.state == LessonState.OPEN)))
    for place in wish.places:
        while (code := new_site_code()) in taken:
            pass
        taken.add(code)
        context.session.add(LessonSite(id=new_id(), lesson_id=lesson.id, place=place, code=code))
    context.session.flush()
    context.batch.forget_shared()  # who tells a code right behind this, in the same batch, must find it
    return lesson


def _end(now: datetime, days: int) -> datetime:
    """The same hour so many days later, or in the evening before the night."""
    end = local(now) + timedelta(days=days)
    if EARLIEST <= end.hour < LATEST:
        return end
    return end.replace(hour=LATEST, minute=0, second=0, microsecond=0)


def _codes(context: Context, lesson: Lesson) -> str:
    assert lesson.closes_at is not None
    codes = codes_text(sites_of(context.session, lesson))
    opened = OPENED.format(lesson=lesson.title, end=moment_text(lesson.closes_at), codes=codes)
    link = context.link("sites", f"lesson:{lesson.id}", lesson.closes_at - context.now)
    return f"{opened}\n{PRINT.format(link=link) if link else NO_PAGE}"


def _standing(context: Context, lesson: Lesson) -> str:
    count = head_count(context.session, lesson)
    here = f"已签到 {count.present} / {count.expected}：{count_by_place(context.session, lesson)}"
    return f"{_codes(context, lesson)}\n{here}"


@handles("close_sites", by=Who.SECRETARY)
def close_sites(context: Context, intent: Intent) -> Reply | None:
    """Ends one before its time."""
    chat = branch_chat(context)
    if isinstance(chat, Text):
        return Privately(chat)
    lessons = _open(context, chat)
    named = context.message.about.removeprefix("lesson:")
    meant = [lesson for lesson in lessons if str(lesson.id) == named] if named else _meant(lessons, intent)
    if not meant:
        return Privately(Text(NONE_OPEN))
    if len(meant) > 1:
        options = tuple(Button(lesson.title, "结束随到随学", f"lesson:{lesson.id}") for lesson in meant)
        hint = f"请回复「结束随到随学 {meant[0].topic or meant[0].kind}」这样。"
        return Privately(Card(WHICH, choice=Choice("结束", options), hint=hint))
    lesson = meant[0]
    close_lesson(lesson, context.now)
    if lesson.card is not None:
        context.batch.posting.refresh(lesson.card, f"lesson:{lesson.id}")
    context.say(chat, closing_summary(context.session, lesson))
    return Text(ENDED.format(lesson=lesson.title)) if context.private else None


def _meant(lessons: list[Lesson], intent: Intent) -> list[Lesson]:
    topic = intent.text("text").strip("《》 ")
    return [lesson for lesson in lessons if topic in lesson.title]


def _open(context: Context, chat: Chat) -> list[Lesson]:
    """Those of the group's organisation, the first opened first."""
    query = select(Lesson).where(
        Lesson.organisation_id == chat.organisation_id, Lesson.state == LessonState.OPEN, Lesson.at_sites
    )
    return list(context.session.scalars(query.order_by(Lesson.opened_at, Lesson.id)))
