"""Where an open case stands for those who work on it: by when what is due, how late it is, and what comes first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from bot.reports.ladder import late_text
from bot.wording import WEEKDAYS, moment_text
from models.cases import Case
from schedules.deadlines import clocks, read_histories


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be done about an open case: by when, and how late it is (working time, unless it is urgent)."""

    case: Case
    due: datetime
    late: timedelta


def owed_in_order(session: Session, cases: Sequence[Case], now: datetime) -> list[Owed]:
    """Of these open cases, what is late first; of that and of the rest what is urgent, then what is later, then what
    is due sooner."""
    histories = read_histories(session, cases)
    running = ((case, clocks(case, histories[case.id])) for case in cases)
    owed = (
        Owed(case, min(clock.moment() for clock in of_case), max(clock.late(now) for clock in of_case))
        for case, of_case in running
    )
    return sorted(owed, key=lambda o: (not o.late, not o.case.urgent, -o.late, o.due, o.case.number))


def late_ones(owed: Iterable[Owed]) -> int:
    """How many of them are late."""
    return sum(bool(each.late) for each in owed)


def standing(owed: Owed) -> str:
    """``急 已派单 超 3 小时``, ``挂账，12月10日（周四）再看``, or by when the next thing is due."""
    case = owed.case
    said = f"{'急 ' if case.urgent else ''}{case.state}"
    if owed.late:
        return f"{said} {late_text(owed.late, urgent=case.urgent)}"
    if case.suspended_until is not None:
        return f"{said}，{looked_at_again(case.suspended_until)}"
    return f"{said}，{moment_text(owed.due)}前"


def looked_at_again(day: date) -> str:
    """``12月10日（周四）再看``."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）再看"
