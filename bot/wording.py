"""How times are written for people, in Asia/Shanghai."""

from datetime import datetime

from bot.clock import local

WEEKDAYS = "一二三四五六日"


def hour_text(moment: datetime) -> str:
    """``15:01``."""
    return f"{local(moment):%H:%M}"


def day_text(moment: datetime) -> str:
    """``11月27日（周五）``."""
    day = local(moment)
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"


def moment_text(moment: datetime) -> str:
    """``11月27日（周五）15:00``."""
    return f"{day_text(moment)}{hour_text(moment)}"
