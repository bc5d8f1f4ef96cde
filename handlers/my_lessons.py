"""One's own attendance (我的考勤), for oneself alone."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from models.attendance import HERE, Mark, marks, missed
from models.lessons import Lesson, LessonState, RollEntry
from models.make_ups import TIME_LIMIT
from models.people import Person
from models.series import Series, streaks

LATELY = timedelta(days=30)
NOTHING = f"最近 {LATELY.days} 天没有要你参加的课。"
SHOWN = (Mark.LATE, Mark.LEAVE, Mark.MADE_UP)
"""What is shown beside 签到 where there is any. Absence is said as what can still be made up."""


@handles("my_lessons", by=Who.MEMBER)
def my_lessons(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The last 30 days in figures, the streaks of series, and what can be made up."""
    person = context.member
    lessons = _expected_at(context, person)
    if not lessons:
        return Privately(Text(NOTHING))
    own = marks(context.session, lessons, person)
    count = Counter(own[lesson.id][person.id] for lesson in lessons)
    figures = [f"签到 {sum(count[mark] for mark in HERE)} / {len(lessons)}"]
    figures += [f"{mark} {count[mark]}" for mark in SHOWN if count[mark]]
    lines = [f"最近 {LATELY.days} 天：{'，'.join(figures)}", *_streak_lines(context, person, lessons)]
    left = len(missed(context.session, person, context.now - TIME_LIMIT))
    if not left:
        return Privately(Text("📘 " + "\n".join(lines)))
    return Privately(
        Card(
            "📘 我的考勤",
            text="\n".join(lines),
            buttons=(Button("补课", "补课", style="primary"),),
            hint=f"有 {left} 个课可以补，私下发「补课」。",
        )
    )


def _expected_at(context: Context, person: Person) -> list[Lesson]:
    query = (
        select(Lesson)
        .join(RollEntry, RollEntry.lesson_id == Lesson.id)
        .where(
            RollEntry.person_id == person.id,
            Lesson.state == LessonState.CLOSED,
            Lesson.closed_at > context.now - LATELY,
        )
    )
    return list(context.session.scalars(query))


def _streak_lines(context: Context, person: Person, lessons: list[Lesson]) -> list[str]:
    """One line for each series of the lessons that the person came to at least twice in a row."""
    ids = {lesson.series_id for lesson in lessons if lesson.series_id is not None}
    series = context.session.scalars(select(Series).where(Series.id.in_(ids)).order_by(Series.id))
    lines = []
    for one in series:
        times = streaks(context.session, one.id, person=person)[person.id]
        if times > 1:
            lines.append(f"{one.title}：连续 {times} 次 👏")
    return lines
