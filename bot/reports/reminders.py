"""What is said before a lesson."""

from datetime import datetime

from bot.clock import local
from bot.content import Text
from models.lessons import Lesson

_DAYS = ("今天", "明天", "后天")
_WEEKDAYS = "一二三四五六日"


def lesson_reminder(lesson: Lesson, now: datetime) -> Text:
    """Reminds a group of a planned lesson. Raises ValueError for a lesson without a time."""
    if lesson.planned_at is None:
        raise ValueError(f"lesson {lesson.id} has no time")
    place = f"，地点 {lesson.place}" if lesson.place else ""
    said = f"⏰ {when(lesson.planned_at, now)}，{lesson.title}{place}。"
    return Text(f"{said}\n到时在群里回复「签到」；来不了回复「请假」加原因。")


def when(moment: datetime, now: datetime) -> str:
    """``今天 15:00``, ``明天 15:00``, or ``11.27 周五 15:00``."""
    there, here = local(moment), local(now)
    days = (there.date() - here.date()).days
    if 0 <= days < len(_DAYS):
        return f"{_DAYS[days]} {there:%H:%M}"
    return f"{there.month}.{there.day} 周{_WEEKDAYS[there.weekday()]} {there:%H:%M}"
