"""Make-up (补课), in private: what was missed, its material, then a note of what was learned or the questions."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.content import Button, Card, Choice, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.offers import Option, ask
from bot.reports.materials import material_lines
from bot.understanding.intent import Intent
from bot.wording import day_text
from handlers.branch import lesson_of_button
from handlers.lesson_words import named, when
from handlers.points import ledger
from models.attendance import Mark, marks, missed
from models.base import new_id
from models.lessons import Lesson, LessonState
from models.make_ups import TIME_LIMIT, MakeUp, Question
from models.points import MAKE_UP, Award

NOTHING_MISSED = f"最近 {TIME_LIMIT.days} 天没有要补的课。"
PICK_FIRST = "先选补哪一课，看完再写。"
NO_SUCH = "没有第 {number} 个，一共 {count} 个要补的课。"
NO_MATERIAL = "书记还没有传材料，可以先问问同事讲了什么。"
TOO_SHORT = "再多写几句，学到了什么、打算怎么做，至少 {least} 个字（现在 {now} 个）。"
HOW_TO_ANSWER = "请按题号顺序写选项，比如「答案 {example}」。"
TOO_LATE = "{lesson}过了补课的日子（{until}），请直接跟书记说。"
WAIT = "刚答过一次，隔一分钟再答。回头看看材料，不着急。"
LEAST = 15
"""Characters of a note at least, spaces and punctuation aside."""
LONGEST = 2000
"""Characters of a note that are kept."""
LISTED = 10
BETWEEN = timedelta(minutes=1)
"""From one try at the questions to the next."""
_NOTE = re.compile(r"^.*?(?:补课心得|学习心得|心得体会|心得)[\s:：,，。]*", re.DOTALL)
_WORD = re.compile(r"[^\W_]")
_LETTERS = "ABCD"
_ANSWER_WORDS = re.compile(r"^.*?(?:我的答案|答案|答题|我选|我答)\s*是?", re.DOTALL)
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_BESIDE = re.compile("[第题选]")
_NUMBERED = re.compile(r"(\d)\D*?([A-D])")


@handles("make_up", by=Who.MEMBER)
def make_up(context: Context, intent: Intent) -> Reply:
    """Lists what can be made up; begins it where one is named, or there is only one."""
    lessons = missed(context.session, context.member, context.now - TIME_LIMIT)
    picked = _lesson_of_card(context)
    if picked is not None and (mark := _mark(context, picked)) is not None:
        return Privately(_refusal(context, picked, mark) or _begin(context, picked))
    if not lessons:
        return Privately(Text(NOTHING_MISSED))
    number = _number(intent)
    if number is not None:
        if not 1 <= number <= len(lessons):
            return Privately(Text(NO_SUCH.format(number=number, count=len(lessons))))
        return Privately(_begin(context, list(lessons)[number - 1]))
    found = named(list(lessons), context.message.text, context.said_at)
    return Privately(_begin(context, found[0]) if len(found) == 1 else _list(context, lessons))


def _number(intent: Intent) -> int | None:
    """补课 2: the second of the list."""
    said = intent.text("text")
    return intent.integer("number") or (int(said) if said.isdecimal() else None)


def _lesson_of_card(context: Context) -> Lesson | None:
    """The lesson of the pressed card, once it is over."""
    lesson = lesson_of_button(context)
    return lesson if lesson is not None and lesson.state is LessonState.CLOSED else None


def _mark(context: Context, lesson: Lesson) -> Mark | None:
    """What the sender has for the lesson."""
    return marks(context.session, [lesson], context.member)[lesson.id].get(context.member.id)


def _refusal(context: Context, lesson: Lesson, mark: Mark) -> Text | None:
    """What to say where the sender cannot make up a closed lesson, or need not."""
    if mark is Mark.MADE_UP:
        return Text(f"{lesson.title}，你已经补过了。")
    if mark not in (Mark.ABSENT, Mark.LEAVE):
        return Text(f"{lesson.title}，你签到了，不用补。")
    if context.now >= _deadline(lesson):
        return Text(TOO_LATE.format(lesson=lesson.title, until=day_text(_deadline(lesson))))
    return None


def _deadline(lesson: Lesson) -> datetime:
    """Raises ValueError for a lesson that is not closed."""
    if lesson.closed_at is None:
        raise ValueError(f"lesson {lesson.id} is {lesson.state}")
    return lesson.closed_at + TIME_LIMIT


def _list(context: Context, lessons: dict[Lesson, Mark], first: str = "") -> Card:
    shown = list(lessons.items())[:LISTED]
    ask(context, [Option(f"补课 {number}", "make_up", {"number": number}) for number in range(1, len(shown) + 1)])
    lines = [f"{number}. {_line(lesson, mark)}" for number, (lesson, mark) in enumerate(shown, 1)]
    options = tuple(
        Button(f"{number}. {_short(lesson)}", f"补课 {number}", f"lesson:{lesson.id}")
        for number, (lesson, _) in enumerate(shown, 1)
    )
    return Card(
        title=first or f"📚 可以补的课有 {len(lessons)} 个",
        text="\n".join(lines),
        choice=Choice("补哪一课", options),
        hint="补哪一课，回复它的序号，比如「补课 1」。",
    )


def _line(lesson: Lesson, mark: Mark) -> str:
    return f"{_short(lesson)}（{mark}），{day_text(_deadline(lesson))}前补"


def _short(lesson: Lesson) -> str:
    at = when(lesson)
    return f"{day_text(at)} {lesson.title}" if at else lesson.title


def _begin(context: Context, lesson: Lesson) -> Card:
    """Notes that the sender has begun, and shows the material and what is to be written."""
    _made(context, lesson)
    return _material_card(context, lesson, questions_of(context, lesson))


def _made(context: Context, lesson: Lesson) -> MakeUp:
    """The sender's make-up of the lesson; it begins now where it has not begun."""
    query = select(MakeUp).where(MakeUp.lesson_id == lesson.id, MakeUp.person_id == context.member.id)
    begun = context.session.scalars(query).one_or_none()
    if begun is not None:
        return begun
    made = MakeUp(
        id=new_id(),
        lesson_id=lesson.id,
        person_id=context.member.id,
        begun_at=context.now,
        message_id=context.message_id,
    )
    context.session.add(made)
    return made


def questions_of(context: Context, lesson: Lesson) -> list[Question]:
    """The questions that are set for the lesson, in their order."""
    query = select(Question).where(Question.lesson_id == lesson.id).order_by(Question.number)
    return list(context.session.scalars(query))


def _material_card(context: Context, lesson: Lesson, questions: Sequence[Question]) -> Card:
    material = material_lines(context.session, lesson, context.link) or [NO_MATERIAL]
    title = f"📚 补课：{_short(lesson)}"
    about = f"lesson:{lesson.id}"
    if not questions:
        return Card(
            title=title,
            text="\n".join(material),
            form=Form(f"心得（至少 {LEAST} 个字）", Button("交心得", "心得", about, "primary")),
            hint=f"看完写几句心得，回复「心得 …」，至少 {LEAST} 个字。{day_text(_deadline(lesson))}前有效。",
        )
    example = _LETTERS[: len(questions)]
    return Card(
        title=title,
        text="\n".join([*material, "", *(_question_text(question) for question in questions)]),
        form=Form(f"答案，比如 {example}", Button("交答案", "答案", about, "primary")),
        hint=f"看完答题，{HOW_TO_ANSWER.format(example=example)}{day_text(_deadline(lesson))}前有效。",
    )


def _question_text(question: Question) -> str:
    options = [f"{letter} {option}" for letter, option in zip(_LETTERS, question.options, strict=False)]
    return "\n".join([f"{question.number}. {question.text}", *options])


@handles("make_up_note", by=Who.MEMBER)
def note(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Takes the note of what was learned, which ends the make-up."""
    lesson = _lesson_begun(context)
    if not isinstance(lesson, Lesson):
        return Privately(lesson)
    questions = questions_of(context, lesson)
    if questions:
        return Privately(_material_card(context, lesson, questions))
    said = _NOTE.sub("", context.message.text, count=1).strip()
    length = len(_WORD.findall(said))
    if length < LEAST:
        return Privately(Text(TOO_SHORT.format(least=LEAST, now=length)))
    made = _made(context, lesson)
    made.note = said[:LONGEST]
    return Privately(_finish(context, lesson, made))


@handles("answer_questions", by=Who.MEMBER)
def answer(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Judges the answers to the questions; all right ones end the make-up."""
    lesson = _lesson_begun(context)
    if not isinstance(lesson, Lesson):
        return Privately(lesson)
    questions = questions_of(context, lesson)
    if not questions:
        return Privately(_material_card(context, lesson, ()))
    given = parse_answers(_ANSWER_WORDS.sub("", context.message.text, count=1), len(questions))
    if given is None or any(chosen >= len(q.options) for chosen, q in zip(given, questions, strict=True)):
        return Privately(Text(HOW_TO_ANSWER.format(example=_LETTERS[: len(questions)])))
    made = _made(context, lesson)
    if made.answered_at is not None and context.now - made.answered_at < BETWEEN:
        return Privately(Text(WAIT))
    made.answers, made.answered_at = "".join(_LETTERS[chosen] for chosen in given), context.now
    wrong = [str(q.number) for chosen, q in zip(given, questions, strict=True) if chosen != q.answer]
    if wrong:
        return Privately(Text(f"第 {'、'.join(wrong)} 题不对，其余都对。再看看材料，一分钟后可以重答。"))
    return Privately(_finish(context, lesson, made))


def parse_answers(text: str, count: int) -> list[int] | None:
    """The indices of the chosen options: of ``ABC``, ``a b c``, ``1A2B3C``, ``2.b 1、a``. None: that is no answer."""
    said = _BESIDE.sub("", text.translate(_FULL_WIDTH).upper())
    letters = [character for character in said if character.isalpha()]
    if len(letters) != count or any(letter not in _LETTERS for letter in letters):
        return None
    if not any(character.isdigit() for character in said):
        return [_LETTERS.index(letter) for letter in letters]
    chosen = {int(number): _LETTERS.index(letter) for number, letter in _NUMBERED.findall(said)}
    if sorted(chosen) != list(range(1, count + 1)):
        return None
    return [chosen[number] for number in range(1, count + 1)]


def _lesson_begun(context: Context) -> Lesson | Text | Card:
    """The lesson that the sender is making up: the card's, else the last begun, else the only one missed."""
    lesson = _lesson_of_card(context) or _last_begun(context)
    if lesson is not None and (mark := _mark(context, lesson)) is not None:
        return _refusal(context, lesson, mark) or lesson
    lessons = missed(context.session, context.member, context.now - TIME_LIMIT)
    if len(lessons) == 1:
        return next(iter(lessons))
    return _list(context, lessons, PICK_FIRST) if lessons else Text(NOTHING_MISSED)


def _last_begun(context: Context) -> Lesson | None:
    query = (
        select(Lesson)
        .join(MakeUp, MakeUp.lesson_id == Lesson.id)
        .where(MakeUp.person_id == context.member.id, MakeUp.done_at.is_(None), Lesson.state == LessonState.CLOSED)
        .order_by(MakeUp.begun_at.desc(), MakeUp.id.desc())
    )
    return context.session.scalars(query.limit(1)).one_or_none()


def _finish(context: Context, lesson: Lesson, made: MakeUp) -> Text:
    made.done_at, made.message_id = context.now, context.message_id
    award = Award(MAKE_UP, MAKE_UP.points, f"make_up:{lesson.id}", context.message_id)
    points = context.batch.shared(ledger).award(context.member, award, context.now)
    earned = f"，+{points} 分" if points else ""
    left = len(missed(context.session, context.member, context.now - TIME_LIMIT))
    more = f"还有 {left} 个可以补，再发「补课」。" if left else ""
    return Text(f"✅ 补上了：{_short(lesson)}，考勤记为补课{earned}。{more}")
