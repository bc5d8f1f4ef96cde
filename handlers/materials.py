"""Materials of lessons: a text, a link, photos or an uploaded file, added by the secretary and open to everybody."""

import re
from datetime import timedelta

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.materials import LARGEST, MOST, TAKEN
from bot.reports.materials import count_materials, material_lines
from bot.understanding.intent import Intent
from bot.understanding.times import spoken_times
from bot.wording import moment_text
from handlers.branch import LAST, lessons_meant
from handlers.lesson_words import is_at, when
from models.base import new_id
from models.lessons import Lesson, kind_named
from models.materials import Material

HOW_TO_ADD = "要放，发「材料 {kind} 链接或文字」；图片配上「材料 {kind}」发来就行；要传文件，发「上传材料 {kind}」。"
NO_LESSON = "还没有{kind}可以放材料。请先排一次，比如「计划 党员大会 周五15:00」。"
NOTHING = "{title}还没有材料。"
NO_LESSON_YET = "最近没有课，也没有材料。"
NOT_YOURS = "这次课归{organisation}，材料由它的书记来放。"
ENOUGH = "一次课最多放 {most} 份材料，已经满了。"
ADDED = "📎 材料放好了：{title}，现在共 {count} 份。大家发「材料 {kind}」就能看。"
UPLOAD = "📎 {title}的材料从这里上传，24 小时内有效：\n{link}\n收 {taken}，一份最多 {megabytes} MB。"
NO_ADDRESS = "还没有配公网地址，传不了文件。可以发链接或文字：「材料 {kind} 链接」，图片配上「材料 {kind}」发来也行。"
UPLOADABLE = timedelta(days=1)
KEPT = timedelta(days=365)
"""How old a closed lesson may be whose materials are asked for."""
LONGEST = 1000
"""Characters of a text."""
_ADDRESS = re.compile(r"https?://[^\s，。；、）)】」]+")
_UPLOAD = re.compile(r"\s*上?传")
_COMMAND = re.compile(r"^(?:加|传|上传)?(?:材料|课件)[\s:：,，]*")


@handles("materials", by=Who.ANYONE)
def materials(context: Context, intent: Intent) -> Reply | None:
    """Lists the materials of the lesson that is meant; a photo that comes with the words is one more.

    In a group people speak of other papers too: where there are none, nobody hears of it who did not ask the bot, nor
    does who shows a photo of them without being a secretary.
    """
    if context.person is None and not context.admin:
        return Privately(Text(Who.MEMBER.value)) if context.message.addressed else None
    if context.message.photos:
        asked = context.message.addressed or context.role == "secretary"
        return _add(context, _own_lesson(context, intent), "") if asked else None
    lesson = _lesson_meant(context, intent, fresh=False)
    if lesson is None:
        return Privately(Text(NO_LESSON_YET)) if context.message.addressed else None
    lines = material_lines(context.session, lesson, context.link)
    if lines:
        return Text("\n".join([f"📎 {_title(lesson)}的材料：", *lines]))
    how = HOW_TO_ADD.format(kind=lesson.kind) if context.runs(lesson.organisation) else ""
    return Privately(Text(NOTHING.format(title=_title(lesson)) + how)) if context.message.addressed or how else None


def _title(lesson: Lesson) -> str:
    """``11月27日（周五）15:00 党课《冬季安全》``."""
    at = when(lesson)
    return f"{moment_text(at)} {lesson.title}" if at else lesson.title


@handles("add_material", by=Who.SECRETARY)
def add_material(context: Context, intent: Intent) -> Reply | None:
    """Adds a text, a link or photos to the lesson that is meant, or gives the link to the page that takes files.

    With nothing to add it is the question for what there is.
    """
    if _UPLOAD.match(context.message.text) and not context.message.photos:
        return _upload(context, intent)
    lesson = _own_lesson(context, intent)
    words = _words(context, intent, lesson if isinstance(lesson, Lesson) else None)
    return _add(context, lesson, words) if words or context.message.photos else materials(context, intent)


def _add(context: Context, lesson: Lesson | Text, words: str) -> Reply:
    """Adds the words and the photos to the lesson; ``lesson`` may be what to say instead."""
    if isinstance(lesson, Text):
        return Privately(lesson)
    photos = context.message.photos
    count = count_materials(context.session, lesson)
    if count + len(photos) + bool(words) > MOST:
        return Privately(Text(ENOUGH.format(most=MOST)))
    if words:
        address = _ADDRESS.search(words)
        link = address[0] if address else ""
        _keep(context, lesson, words.replace(link, " ").strip(" ，,：:") if link else words, link=link)
    for number, photo in enumerate(photos, count + bool(words) + 1):
        _keep(context, lesson, f"图片 {number}.jpg", file=photo)
    added = count + bool(words) + len(photos)
    return Text(ADDED.format(title=_title(lesson), count=added, kind=lesson.kind))


def _keep(context: Context, lesson: Lesson, title: str, *, link: str = "", file: str = "") -> None:
    material = Material(
        id=new_id(),
        lesson_id=lesson.id,
        title=title,
        link=link,
        file=file,
        size=0,
        added_by=context.person.id if context.person else None,
        added_at=context.now,
        message_id=context.message_id,
    )
    context.session.add(material)
    context.session.flush()


def _upload(context: Context, intent: Intent) -> Reply:
    lesson = _own_lesson(context, intent)
    if isinstance(lesson, Text):
        return Privately(lesson)
    by = context.person.id if context.person else 0
    link = context.link("upload", f"{lesson.id}:{context.message_id}:{by}", UPLOADABLE)
    if not link:
        return Privately(Text(NO_ADDRESS.format(kind=lesson.kind)))
    told = UPLOAD.format(title=_title(lesson), link=link, taken=TAKEN, megabytes=LARGEST // 1024 // 1024)
    return Privately(Text(told))


def _words(context: Context, intent: Intent, lesson: Lesson | None) -> str:
    """What is to be kept: without the command, and without the kind and the day that tell which lesson it is.

    The day of something else, as in 3月5日学雷锋, is kept.
    """
    words, before = _COMMAND.sub("", context.message.text.strip()[:LONGEST]), ""
    while words != before:
        before = words
        at = spoken_times().find(words, context.said_at)
        if at is not None and at.start == 0 and lesson is not None and is_at(lesson, at):
            words = words[at.end :]
        for told in (intent.text("kind"), *LAST):
            words = words.removeprefix(told).lstrip(" 的:：,，\n")
    return words.strip()


def _own_lesson(context: Context, intent: Intent) -> Lesson | Text:
    lesson = _lesson_meant(context, intent, fresh=True)
    if lesson is None:
        return Text(NO_LESSON.format(kind=kind_named(intent.text("kind")) or "课"))
    if not context.runs(lesson.organisation):
        return Text(NOT_YOURS.format(organisation=lesson.organisation.name))
    return lesson


def _lesson_meant(context: Context, intent: Intent, *, fresh: bool) -> Lesson | None:
    """The lesson that the words fit: the next planned one, else the open one, else the last that was closed.

    Where it is not to be added to (``fresh``), one that has materials comes before one that has none.
    """
    organisation = context.organisation
    if organisation is None:
        return None
    tree, kind = context.batch.tree, kind_named(intent.text("kind"))
    around = (*tree.above(organisation), *tree.below(organisation))
    found = lessons_meant(context, around, kind, context.message.text, context.now - KEPT)
    if not fresh:
        filled = _with_materials(context, found)
        found = [lesson for lesson in found if lesson.id in filled] or found
    return found[0] if found else None


def _with_materials(context: Context, lessons: list[Lesson]) -> set[int]:
    query = select(Material.lesson_id).where(Material.lesson_id.in_([lesson.id for lesson in lessons])).distinct()
    return set(context.session.scalars(query))
