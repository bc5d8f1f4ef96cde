"""A lesson's attendance in words: the card with the live count, the summary, and who is missing."""

from sqlalchemy.orm import Session

from bot.clock import local
from bot.content import Button, Card, Field, Mention, Text
from bot.reports.appeal_meetings import taken_in
from bot.reports.sites import count_by_place, places_of, site_lesson_card
from bot.reports.streaks import streak_line
from bot.wording import hour_text
from models.attendance import Attendance, HeadCount, attendance, head_count
from models.lessons import LESSON_KINDS, Lesson, LessonState

BY_WORD = "回复「签到」即可。"
BY_CODE = "到了请发「签到」加现场屏幕上的四位数字，或者扫屏幕上的二维码。"


def lesson_card(lesson: Lesson, count: HeadCount) -> Card:
    """The card that a lesson is checked in on. The count appears with the first who checks in."""
    fields = (Field("已签到", _counted(count)), *_vote(lesson, count))
    if lesson.state is not LessonState.OPEN or lesson.closes_at is None:
        return Card(f"📖 {lesson.title}签到已结束", fields=fields)
    how = BY_CODE if lesson.by_code else BY_WORD
    button = Button(label="签到", says="签到", about=f"lesson:{lesson.id}", style="primary")
    return Card(
        f"📖 {lesson.title}开始签到，{_end(lesson)} 截止。{how}",
        fields=fields if count.present or count.guests else (),
        buttons=() if lesson.by_code else (button,),
    )


def _end(lesson: Lesson) -> str:
    """``15:10``, or ``次日 00:30``. Only for an open lesson."""
    assert lesson.closes_at is not None
    tomorrow = lesson.opened_at is not None and local(lesson.closes_at).date() > local(lesson.opened_at).date()
    return f"{'次日 ' if tomorrow else ''}{hour_text(lesson.closes_at)}"


def _counted(count: HeadCount) -> str:
    """``5 / 12（迟到 1，列席 2）``."""
    beside = [f"{label} {number}" for label, number in (("迟到", count.late), ("列席", count.guests)) if number]
    return f"{count.present} / {count.expected}" + (f"（{'，'.join(beside)}）" if beside else "")


def _vote(lesson: Lesson, count: HeadCount) -> tuple[Field, ...]:
    hint = quorum_hint(lesson, count)
    return (Field("表决", hint),) if hint else ()


def quorum_hint(lesson: Lesson, count: HeadCount) -> str:
    """Whether enough of those who have a vote are there, for the kinds where that matters; empty for the others.

    It is said as what it is, two counts: whether there is a vote is the 书记's to say.
    """
    quorum = LESSON_KINDS[lesson.counts_as or lesson.kind].quorum
    if quorum is None or not count.voters:
        return ""
    beyond = count.voters_present - count.voters * quorum.share
    verdict = "过" if beyond > 0 else "不到" if beyond < 0 else "正好"
    said = f"{quorum.voters} {count.voters} 人，到 {count.voters_present} 人，{verdict}{quorum.called}"
    return f"{said}；能不能表决由书记定"


def lesson_summary(lesson: Lesson, attendance: Attendance) -> Text:
    """What the group hears at the end. Raises ValueError before it: nobody is absent yet."""
    if lesson.state is not LessonState.CLOSED:
        raise ValueError(f"lesson {lesson.id} is {lesson.state}")
    late = f"（迟到 {attendance.late}）" if attendance.late else ""
    figures = [
        f"应到 {attendance.expected}",
        f"实到 {attendance.present}{late}",
        f"请假 {attendance.on_leave}",
        *([f"补课 {attendance.made_up}"] if attendance.made_up else []),
        f"缺席 {len(attendance.missing)}",
        *([f"列席 {attendance.guests}"] if attendance.guests else []),
    ]
    what = f"随到随学：{lesson.title} " if lesson.at_sites else ""
    return _with_vote(f"📋 {what}签到结束：{'，'.join(figures)}", lesson, attendance)


def closing_summary(session: Session, lesson: Lesson) -> Text:
    """What the group hears of a lesson that has just been closed, by its place for one that was open at several."""
    summary = lesson_summary(lesson, attendance(session, lesson))
    if not lesson.at_sites:
        besides = (streak_line(session, lesson), taken_in(session, lesson))
        return Text("\n".join([summary.text, *filter(None, besides)]))
    return Text(f"{summary.text}\n{count_by_place(session, lesson)}")


def missing_list(lesson: Lesson, attendance: Attendance) -> Text:
    """Who has not checked in; once the lesson is closed, who was absent."""
    closed = lesson.state is LessonState.CLOSED
    if not attendance.missing:
        nobody = "没有人缺席" if closed else "都签到了"
        late = f"，迟到 {attendance.late}" if attendance.late else ""
        said = f"{lesson.title}{nobody}：应到 {attendance.expected}，实到 {attendance.present}{late}"
        return _with_vote(said, lesson, attendance)
    people = "、".join(person.name for person in attendance.missing)
    said = f"{lesson.title}{'缺席' if closed else '还没签到'} {len(attendance.missing)} 人：{people}"
    return _with_vote(said + _came_late(attendance), lesson, attendance)


def missing_call(lesson: Lesson, attendance: Attendance, called: tuple[Mention, ...]) -> Text:
    """Calls those who have not checked in yet, in their group; the others are named."""
    known = {mention.name for mention in called}
    others = "、".join(person.name for person in attendance.missing if person.name not in known)
    also = f"（含{others}）" if others else ""
    how = BY_CODE if lesson.by_code else "到了请回复「签到」。"
    said = f"{lesson.title}还没签到 {len(attendance.missing)} 人{also}。{how}"
    return Text(_with_vote(said + _came_late(attendance), lesson, attendance).text, called)


def _came_late(attendance: Attendance) -> str:
    return f"\n已到 {attendance.present} 人，其中迟到 {attendance.late} 人" if attendance.late else ""


def _with_vote(said: str, lesson: Lesson, count: HeadCount) -> Text:
    hint = quorum_hint(lesson, count)
    return Text(f"{said}\n{hint}" if hint else said)


def live_lesson_card(session: Session, lesson_id: int) -> Card:
    """A lesson's card as its records are now."""
    lesson = session.get_one(Lesson, lesson_id)
    count = head_count(session, lesson)
    if lesson.at_sites:
        return site_lesson_card(lesson, places_of(session, lesson), _counted(count) if count.present else "")
    return lesson_card(lesson, count)
