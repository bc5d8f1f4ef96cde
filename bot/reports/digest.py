"""The weekly digests: one phone screen each, and one line where there is nothing to say.

Appeals are numbers only; points name the first three and nobody at the bottom.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from bot.clock import local
from bot.content import Text
from bot.reports.case_figures import GOOD, CaseFigures, Share, UnitFigures
from bot.reports.duties import behind_lines, by_period, names, overdue_names
from bot.reports.figures import LessonFigures
from bot.reports.layout import COLUMNS, LINES, clip, screen, share, width
from bot.reports.reminders import when
from bot.reports.weeks import BranchWeek, OrganiserWeek
from models.lessons import Lesson

SHOWN = 3
"""Lessons that are named one by one; those of one series are named once."""
_Lesson = TypeVar("_Lesson", Lesson, LessonFigures)


def branch_digest(week: BranchWeek) -> Text:
    """What a branch reads on Friday."""
    cases = [*_cases(week.hazards, week.appeals), *_places(week.places)]
    said = [*_lessons(week), *_duties(week), *cases, *_leaders(week), *_planned(week)]
    if not said:
        return Text(_one_line("📋 ", week.name, "：这周没有新的事，一路平安。"))
    return Text(screen([_title("📋 ", week.name, week.start, week.end), *said]))


def organiser_digest(week: OrganiserWeek) -> Text:
    """What an organiser reads on Monday about the week that has ended."""
    cases = [
        *_cases(week.hazards, week.appeals),
        *_rates(week),
        *_categories("隐患", week.hazards),
        *_categories("诉求", week.appeals),
    ]
    units = [*_units(week), *_below(week), *_places(week.places)]
    if not (week.lessons or cases or week.behind or units):
        return Text(_one_line("📊 ", week.name, f"：支部 {week.branches} 个，上周没有新的事。"))
    last_day = week.end - timedelta(minutes=1)
    roll_up = f"支部 {week.branches} 个，{_attendance(week.lessons) or '没有上课'}"
    head = [_title("📊 ", week.name, week.start, last_day), roll_up, *cases]
    behind = behind_lines(week.behind, "落下的支部", room=LINES - len(head) - len(units))
    return Text(screen([*head, *behind, *units]))


def _one_line(mark: str, name: str, text: str) -> str:
    return f"{mark}{clip(name, COLUMNS - width(mark + text))}{text}"


def _title(mark: str, name: str, start: datetime, end: datetime) -> str:
    first, last = local(start), local(end)
    return _one_line(mark, name, f" {first.month}.{first.day}–{last.month}.{last.day}")


def _attendance(lessons: Sequence[LessonFigures]) -> str:
    if not lessons:
        return ""
    present, expected = sum(lesson.present for lesson in lessons), sum(lesson.expected for lesson in lessons)
    late, made_up = sum(lesson.late for lesson in lessons), sum(lesson.made_up for lesson in lessons)
    rate = f"（{share(present, expected)}%）" if expected else ""
    others = "".join(f"，{word} {count}" for word, count in (("迟到", late), ("补课", made_up)) if count)
    return f"上课 {len(lessons)} 次，到课 {present}/{expected}{rate}{others}"


def _lessons(week: BranchWeek) -> Iterator[str]:
    yield from filter(None, [_attendance(week.lessons)])
    for same in _by_series(week.lessons)[-SHOWN:]:
        lesson, present, expected = same[-1], sum(one.present for one in same), sum(one.expected for one in same)
        often = f" {len(same)} 次" if len(same) > 1 else ""
        led_by = f"，{lesson.led_by}开课" if lesson.led_by else ""
        figures = f"{often} {present}/{expected}{led_by}"
        yield f"· {clip(lesson.title, COLUMNS - width(f'· {figures}'))}{figures}"


def _by_series(lessons: Sequence[_Lesson]) -> list[list[_Lesson]]:
    """The lessons of each series together, at the place of its first; any other lesson alone."""
    found: dict[tuple[str, int], list[_Lesson]] = {}
    for place, lesson in enumerate(lessons):
        key = ("alone", place) if lesson.series_id is None else ("series", lesson.series_id)
        found.setdefault(key, []).append(lesson)
    return list(found.values())


def _duties(week: BranchWeek) -> Iterator[str]:
    if held := names(duty for duty in week.duties if duty.held):
        yield f"已开：{held}"
    if planned := names(duty for duty in week.duties if duty.planned):
        yield f"已定：{planned}"
    yield from (f"{period}还差：{kinds}" for period, kinds in by_period(week.duties))
    if week.overdue:
        yield f"逾期：{overdue_names(week.overdue)}"


def _cases(hazards: CaseFigures, appeals: CaseFigures) -> Iterator[str]:
    if hazards:
        yield f"隐患：新报 {hazards.collected}，办结 {hazards.resolved}，在办 {hazards.open}"
    if appeals:
        yield f"诉求：新收 {appeals.collected}，办结 {appeals.resolved}，在办 {appeals.open}"


def _categories(word: str, cases: CaseFigures) -> Iterator[str]:
    if cases.categories:
        yield f"{word}多在：{_counted(cases.categories)}"


def _counted(pairs: Sequence[tuple[str, int]]) -> str:
    return "、".join(f"{name} {count}" for name, count in pairs)


def _leaders(week: BranchWeek) -> Iterator[str]:
    if week.leaders:
        yield f"积分：{_counted(week.leaders)}"


def _planned(week: BranchWeek) -> Iterator[str]:
    if week.planned:
        yield "接下来："
    for same in _by_series(week.planned)[:SHOWN]:
        lesson, often = same[0], f"，共 {len(same)} 次" if len(same) > 1 else ""
        if lesson.planned_at is not None:
            said = f"· {when(lesson.planned_at, week.now)} "
            yield f"{said}{clip(lesson.title, COLUMNS - width(said + often))}{often}"


def _rates(week: OrganiserWeek) -> Iterator[str]:
    for word in ("办结率", "满意率"):
        yield from _rate(word, week.rates.share(word), week.rates_before.share(word))


def _rate(word: str, now: Share, before: Share) -> Iterator[str]:
    """``办结率 83%（30/36）↑ 前一周 80%``: the arrow goes by the exact shares."""
    if now:
        change = now.part * before.whole - before.part * now.whole
        arrow = "↑" if change > 0 else "↓" if change < 0 else "→"
        yield f"{word} {now}" + (f"{arrow} 前一周 {before.percent}%" if before else "")


def _units(week: OrganiserWeek) -> Iterator[str]:
    yield from (_unit(unit, week.end) for unit in week.units)


def _unit(unit: UnitFigures, end: datetime) -> str:
    days = max(0, (end - unit.oldest).days)
    overdue = f"，超时 {unit.overdue} 件" if unit.overdue else ""
    oldest = f"，最久 {days} 天" if days else ""
    return f"{unit.name or '还没派单'}：在办 {unit.open} 件{overdue}{oldest}"


def _below(week: OrganiserWeek) -> Iterator[str]:
    if week.units_below:
        yield f"近四周不到 {GOOD}%：" + "、".join(f"{name}{share}" for name, share in week.units_below)


def _places(places: Sequence[tuple[str, int]]) -> Iterator[str]:
    if places:
        yield f"四周里三次及以上：{_counted(places)}"
