"""A lesson's attendance in words: the card with the live count, the summary, and who is missing."""

from sqlalchemy.orm import Session

from bot.clock import local
from bot.content import Button, Card, Field, Mention, Text
from models.attendance import Attendance, count_present
from models.lessons import Lesson, LessonState


def lesson_card(lesson: Lesson, checked_in: int, expected: int) -> Card:
    """The card that a lesson is checked in on. The count appears with the first who checks in."""
    count = Field("已签到", f"{checked_in} / {expected}")
    if lesson.state is not LessonState.OPEN or lesson.closes_at is None:
        return Card(f"📖 {lesson.title}签到已结束", fields=(count,))
    return Card(
        f"📖 {lesson.title}开始签到，{local(lesson.closes_at):%H:%M} 截止。回复「签到」即可。",
        fields=(count,) if checked_in else (),
        buttons=(Button(label="签到", says="签到", about=f"lesson:{lesson.id}", style="primary"),),
    )


def lesson_summary(lesson: Lesson, attendance: Attendance) -> Text:
    """What the group hears at the end. Raises ValueError before it: nobody is absent yet."""
    if lesson.state is not LessonState.CLOSED:
        raise ValueError(f"lesson {lesson.id} is {lesson.state}")
    figures = [
        f"应到 {attendance.expected}",
        f"实到 {attendance.present}",
        f"请假 {attendance.on_leave}",
        f"缺席 {len(attendance.missing)}",
    ]
    if attendance.guests:
        figures.append(f"列席 {attendance.guests}")
    return Text(f"📋 签到结束：{'，'.join(figures)}")


def missing_list(lesson: Lesson, attendance: Attendance) -> Text:
    """Who has not checked in; once the lesson is closed, who was absent."""
    closed = lesson.state is LessonState.CLOSED
    if not attendance.missing:
        nobody = "没有人缺席" if closed else "都签到了"
        return Text(f"{lesson.title}{nobody}：应到 {attendance.expected}，实到 {attendance.present}")
    people = "、".join(person.name for person in attendance.missing)
    return Text(f"{lesson.title}{'缺席' if closed else '还没签到'} {len(attendance.missing)} 人：{people}")


def missing_call(lesson: Lesson, attendance: Attendance, called: tuple[Mention, ...]) -> Text:
    """Calls those who have not checked in yet, in their group; the others are named."""
    known = {mention.name for mention in called}
    others = "、".join(person.name for person in attendance.missing if person.name not in known)
    also = f"（含{others}）" if others else ""
    return Text(f"{lesson.title}还没签到 {len(attendance.missing)} 人{also}。到了请回复「签到」。", called)


def live_lesson_card(session: Session, lesson_id: int) -> Card:
    """A lesson's card as its records are now."""
    lesson = session.get_one(Lesson, lesson_id)
    return lesson_card(lesson, *count_present(session, lesson))
