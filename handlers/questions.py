"""Questions (出题) that a make-up asks instead of a note: set by the secretary in private, one to three of a lesson."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import day_text
from handlers.branch import lessons_meant
from handlers.lesson_words import when
from models.base import new_id
from models.lessons import Lesson, kind_named, kind_within
from models.make_ups import TIME_LIMIT, MakeUp, Question

HOW_TO = (
    "一条消息写完，一到三道题，照这个样子：\n"
    "出题 党课\n"
    "1. 骑车上路先戴什么？\n"
    "A 头盔\n"
    "B 围巾\n"
    "答案A\n"
    "第一行可以写是哪一课，不写就是下一课，没有下一课就是刚上完的那一课。"
)
IN_PRIVATE = "题目请私下发给我，免得大家先看到答案。"
NO_LESSON = "没有安排着的{kind}，也没有刚上完的，先不用出题。"
ANSWERED = "{lesson}的题已经有人答过了，不能再换。"
MOST = 3
OPTIONS = 4
LONGEST_QUESTION = 200
LONGEST_OPTION = 60
_COMMAND = re.compile(r"^\s*(?:@小蜂\s*)?\S{0,4}?(?:补课题|出题)[\s:：,，。]*")
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in (*range(0xFF21, 0xFF25), *range(0xFF41, 0xFF45))}
_LETTERS = "ABCD"
_OPTION = re.compile(r"([A-Da-d])[\s.、:：)）．]*(?=\S)")
_INLINE = re.compile(r"(?<=[\s?？。;；])(?=[A-Da-d][\s.、:：)）．])|(?<=\s)(?=(?:正确)?答案\s*[:：是]?\s*[A-Da-d]\s*$)")
_ANSWER = re.compile(r"(?:正确)?答案?\s*[:：是]?\s*([A-Za-z])[\s.。]*$")
_NUMBER = re.compile(r"^\s*(?:第\s*[一二三1-3]\s*题|[(（]?[1-9一二三][)）.、．:：]|[1-9]\s)[\s:：.、．]*")


class BadQuestions(Exception):
    """The questions cannot be read; the message says in Chinese what is wrong, and in which line."""


@dataclass(slots=True)
class Draft:
    """A question as it was written. ``line`` is where it begins."""

    line: int
    text: str
    options: list[str] = field(default_factory=list)
    answer: int | None = None


@handles("set_questions", by=Who.SECRETARY)
def set_questions(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Sets the questions of a lesson in place of earlier ones, until somebody has answered these."""
    if not context.private:
        return Privately(Text(IN_PRIVATE))
    naming, written, first_line = _parts(context.message.text)
    try:
        drafts = parse_questions(written, first_line)
    except BadQuestions as error:
        return Text(str(error))
    lesson = _lesson_meant(context, naming)
    if lesson is None:
        return Text(NO_LESSON.format(kind=kind_named(kind_within(naming)) or "课"))
    if _answered(context, lesson):
        return Text(ANSWERED.format(lesson=lesson.title))
    _replace(context, lesson, drafts)
    at = when(lesson)
    return Text(
        f"{day_text(at) + ' ' if at else ''}{lesson.title}出好了 {len(drafts)} 道题，补课的人答对才算。"
        f"答案依次是 {''.join(_LETTERS[draft.answer or 0] for draft in drafts)}。"
    )


def _parts(text: str) -> tuple[str, str, int]:
    """What names the lesson, the questions, and the line in which these begin."""
    first, _, rest = _COMMAND.sub("", text, count=1).partition("\n")
    if not rest.strip() or _OPTION.match(rest.lstrip().translate(_FULL_WIDTH)):
        return "", f"{first}\n{rest}", 1
    return first, rest, 2


def parse_questions(text: str, first_line: int = 1) -> list[Draft]:
    """One to three questions with their options and answers. Raises BadQuestions.

    ``first_line`` is the number of the text's first line within the message.
    """
    drafts: list[Draft] = []
    for number, line in enumerate(text.splitlines(), first_line):
        for piece in _INLINE.split(line):
            if piece.strip():
                _take(drafts, piece.strip(), number)
    if not drafts:
        raise BadQuestions(HOW_TO)
    _check(drafts[-1])
    return drafts


def _take(drafts: list[Draft], piece: str, line: int) -> None:
    last = drafts[-1] if drafts else None
    if (answer := _ANSWER.fullmatch(piece.translate(_FULL_WIDTH))) is not None:
        _take_answer(last, answer[1].upper(), line)
    elif last is not None and last.answer is None and _takes_option(last, piece):
        _take_option(last, piece, line)
    elif last is not None and not last.options and _NUMBER.match(piece) is None:
        last.text += piece
    else:
        _begin(drafts, piece, line)
    if drafts and len(drafts[-1].text) > LONGEST_QUESTION:
        raise BadQuestions(f"第 {line} 行：题目太长了，一道题最多 {LONGEST_QUESTION} 个字。")


def _begin(drafts: list[Draft], piece: str, line: int) -> None:
    if drafts:
        _check(drafts[-1], line)
    if len(drafts) == MOST:
        raise BadQuestions(f"第 {line} 行：一课最多 {MOST} 道题，这里是第 {MOST + 1} 道。")
    text = _NUMBER.sub("", piece, count=1)
    if _OPTION.match(text) and text[:1] in "Aa" and text[1:2] in " .、:：)）．":
        raise BadQuestions(f"第 {line} 行：先写题目，再写选项。")
    drafts.append(Draft(line, text))


def _takes_option(draft: Draft, piece: str) -> bool:
    """Whether the piece is an option: it begins with a letter, set apart or the next in turn."""
    said = piece.translate(_FULL_WIDTH)
    if _OPTION.match(said) is None:
        return False
    following = _LETTERS[len(draft.options) : len(draft.options) + 1]
    return said[0].upper() == following or said[1:2] in " .、:：)）．"


def _take_option(draft: Draft, piece: str, line: int) -> None:
    said = piece.translate(_FULL_WIDTH)
    if len(draft.options) == OPTIONS:
        raise BadQuestions(f"第 {line} 行：一道题最多 {OPTIONS} 个选项。")
    following = _LETTERS[len(draft.options)]
    if said[0].upper() != following:
        raise BadQuestions(f"第 {line} 行：这里该写选项 {following}，写的是 {said[0].upper()}。")
    option = _OPTION.sub("", said, count=1).strip()
    if len(option) > LONGEST_OPTION:
        raise BadQuestions(f"第 {line} 行：选项太长了，最多 {LONGEST_OPTION} 个字。")
    if option in draft.options:
        raise BadQuestions(f"第 {line} 行：这个选项和前面的一样。")
    draft.options.append(option)


def _take_answer(draft: Draft | None, letter: str, line: int) -> None:
    if draft is None or not draft.options:
        raise BadQuestions(f"第 {line} 行：先写题目和选项，再写答案。")
    if draft.answer is not None:
        raise BadQuestions(f"第 {line} 行：这道题已经有答案了，一道题一个答案。")
    if letter not in _LETTERS[: len(draft.options)]:
        raise BadQuestions(f"第 {line} 行：没有选项 {letter}。")
    draft.answer = _LETTERS.index(letter)


def _check(draft: Draft, line: int | None = None) -> None:
    """Raises BadQuestions where the question is not complete."""
    where = f"第 {draft.line} 行的题" if line is None else f"第 {line} 行：前一道题"
    if len(draft.options) < 2:
        raise BadQuestions(f"{where}选项不够，至少要有 A、B 两个，一行一个，比如「A 头盔」。")
    if draft.answer is None:
        raise BadQuestions(f"{where}没有写答案，请在选项下面另起一行写「答案A」。")


def _lesson_meant(context: Context, naming: str) -> Lesson | None:
    """The lesson that the words name; without any, the next planned one, else the open, else the last closed one.

    A closed one is meant for as long as it can be made up.
    """
    organisation = context.organisation
    below = context.batch.tree.below(organisation) if organisation else ()
    own = [each for each in below if context.runs(each)]
    kind = kind_named(kind_within(naming))
    return next(iter(lessons_meant(context, own, kind, naming, context.now - TIME_LIMIT)), None)


def _answered(context: Context, lesson: Lesson) -> bool:
    query = select(MakeUp.id).where(MakeUp.lesson_id == lesson.id, MakeUp.answers.is_not(None))
    return context.session.scalar(query.limit(1)) is not None


def _replace(context: Context, lesson: Lesson, drafts: Sequence[Draft]) -> None:
    context.session.execute(delete(Question).where(Question.lesson_id == lesson.id))
    context.session.add_all(
        Question(
            id=new_id(),
            lesson_id=lesson.id,
            number=number,
            text=draft.text,
            options=draft.options,
            answer=draft.answer or 0,
        )
        for number, draft in enumerate(drafts, 1)
    )
