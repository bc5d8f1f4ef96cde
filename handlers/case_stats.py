"""统计: the figures of the cases of a time, for those who run an organisation or look after it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from bot.clock import local
from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.case_figures import (
    GOOD,
    TOP,
    Tally,
    broken_down,
    by_week,
    case_figures,
    repeated_places,
    tally,
    unit_names,
    units_below,
)
from bot.reports.case_ledger import NO_UNIT, SECOND
from bot.reports.case_standings import Standing, standings
from bot.reports.ledgers import Period, within
from bot.understanding.intent import Intent
from handlers.periods import UnclearPeriod, period_in
from models.cases import CaseKind
from models.organisations import Organisation
from schedules.working_time import between

NOT_YOURS = "统计给书记和组织员看。你自己报的，请发「我报的」。"
NOTHING = "📊 {organisation}，{period}，没有{what}。换一段时间，比如「统计 全年」。"
WAYS = ("单位", "支部", "类别", "周")
"""By what the figures can be broken down."""
HINT = "点一下，或者发「统计 按单位 上月」。要带走，发「导出 隐患」「导出 诉求」。"
LINES = 12
"""Parts of one answer."""
WORDS = {CaseKind.HAZARD: "隐患", CaseKind.APPEAL: "诉求"}
_HOUR = timedelta(hours=1)


@handles("case_stats", by=Who.MEMBER)
def case_stats(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The figures of this month or of the time that is told; in private, wherever it was asked."""
    organisation, text = context.organisation, context.message.text
    if organisation is None or not (context.runs(organisation) or context.member.looks_after(organisation)):
        return Privately(Text(NOT_YOURS))
    way = next((way for way in WAYS if f"按{way}" in text), "")
    try:
        period = period_in(text.replace(f"按{way}", " "), local(context.now).date()) or _this_month(context)
    except UnclearPeriod as unclear:
        return Privately(Text(str(unclear)))
    asked = _Asked(context, organisation, period, [kind for kind, word in WORDS.items() if word in text])
    if not asked.cases:
        what = "和".join(WORDS[kind] for kind in asked.kinds)
        return Privately(Text(NOTHING.format(organisation=organisation.name, period=period.name, what=what)))
    return Privately(asked.broken_down(way) if way else asked.whole())


def _this_month(context: Context) -> Period:
    today = local(context.now).date()
    return Period(today.replace(day=1), today)


class _Asked:
    """The cases that somebody asks about; ``kinds``: of these alone, or without any of all."""

    def __init__(self, context: Context, organisation: Organisation, period: Period, kinds: Sequence[CaseKind]) -> None:
        self._context, self._organisation, self._period = context, organisation, period
        self.kinds = kinds or [*CaseKind]
        self._start, self._end = period.start, min(period.end, context.now + SECOND)
        self.cases = self._of_kind(standings(context.session, organisation, self._start, self._end))

    def _of_kind(self, cases: Iterable[Standing]) -> list[Standing]:
        return [case for case in cases if case.kind in self.kinds]

    def whole(self) -> Card:
        """All figures, and the buttons to break them down."""
        what = WORDS[self.kinds[0]] if len(self.kinds) == 1 else ""
        buttons = tuple(Button(f"按{way}", f"统计 {what} 按{way} {self._period.name}") for way in WAYS)
        return Card(self._title(), "\n".join(self._lines()), buttons=buttons, hint=HINT)

    def _title(self) -> str:
        return f"📊 {self._organisation.name}，{self._period.name}"

    def _lines(self) -> Iterator[str]:
        session, span = self._context.session, (self._start, self._end)
        own = tally(self.cases, *span)
        for kind, figures in case_figures(self.cases, *span).items():
            if figures:
                overdue = sum(case.overdue for case in self.cases if case.kind is kind)
                lying = f"（超时 {overdue}）" if overdue else ""
                yield f"{WORDS[kind]}：新收 {figures.collected}，办结 {figures.resolved}，在办 {figures.open}{lying}"
                if figures.categories:
                    yield f"{WORDS[kind]}多在：" + "、".join(f"{name} {count}" for name, count in figures.categories)
        yield from _rates(own)
        yield from self._average(own)
        if below := units_below(session, self.cases, *span):
            yield f"不到 {GOOD}% 的单位：" + "、".join(f"{name}{share}" for name, share in below)
        if CaseKind.HAZARD in self.kinds and (places := repeated_places(session, self._organisation, *span)):
            yield "三次及以上：" + "、".join(f"{place} {count}" for place, count in places[:TOP])

    def _average(self, own: Tally) -> Iterator[str]:
        """From 登记 to the last 办结: by the clock on the wall, and of it what was working time."""
        if own.hours is None:
            return
        ended = [case for case in self.cases if case.finished and self._start <= case.resolved[-1] < self._end]
        worked = sum((between(case.created_at, case.resolved[-1]) for case in ended), timedelta())
        yield f"平均 {own.hours:.1f} 小时办结，其中工作时间（8–20 点）{worked / len(ended) / _HOUR:.1f} 小时"

    def broken_down(self, way: str) -> Card:
        """One line for each branch, unit, category or week; a card, because what a button answers in text goes by."""
        parts = [*self._weeks()] if way == "周" else broken_down(self.cases, self._part(way), self._start, self._end)
        lines = [_line(name, own) for name, own in parts]
        more = [f"另有 {len(lines) - LINES} 个"] if len(lines) > LINES else []
        few = "不到五个人提的诉求不分开说。" if CaseKind.APPEAL in self.kinds and way != "周" else ""
        return Card(f"{self._title()}，按{way}", "\n".join([*lines[:LINES], *more]), hint=few)

    def _weeks(self) -> Iterator[tuple[str, Tally]]:
        for start, cases, _ in by_week(self._context.session, self._organisation, self._start, self._end):
            end = min(start + timedelta(days=7), self._end)
            last = local(end - SECOND)
            name = f"{local(start).month}.{local(start).day}–{last.month}.{last.day}"
            yield name, tally(self._of_kind(cases), start, end)

    def _part(self, way: str) -> Callable[[Standing], str]:
        """What a case belongs to."""
        if way == "类别":
            return lambda case: case.category
        if way == "单位":
            units = unit_names(self._context.session, (case.unit_id for case in self.cases))
            return lambda case: units.get(case.unit_id or 0, NO_UNIT)
        by_id = self._context.batch.tree.by_id
        return lambda case: within(self._organisation, by_id[case.organisation_id].path)


def _rates(own: Tally) -> Iterator[str]:
    for first, second in (("受理率", "按时受理率"), ("办结率", "按时办结率"), ("满意率", "重办率")):
        said = [f"{rate} {own.share(rate)}" for rate in (first, second) if own.share(rate)]
        if said:
            yield "，".join(said)


def _line(name: str, own: Tally) -> str:
    said = [f"{rate} {own.share(rate)}" for rate in ("办结率", "按时办结率", "满意率") if own.share(rate)]
    return "，".join([f"· {name}：新收 {own.collected}", *said])
