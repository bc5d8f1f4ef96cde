"""How a branch's duties (三会一课) are put into words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.content import Text


@dataclass(frozen=True, slots=True)
class DutyLine:
    """How one duty stands in its present period: how many were held, are planned, and are owed."""

    kind: str
    group: str
    """The 党小组 whose duty it is; empty: the branch's own."""
    within: str
    """``本月``, ``本季度`` or ``今年``."""
    hard: bool
    """必须, not 一般."""
    held: int
    planned: int
    owed: int


def names(lines: Iterable[DutyLine]) -> str:
    """``支委会、党小组会（一组、二组）``: those of several 党小组 together."""
    return "、".join(_named(kind, list(same)) for kind, same in groupby(lines, key=lambda line: line.kind))


def _named(kind: str, lines: Sequence[DutyLine]) -> str:
    groups = "、".join(line.group for line in lines if line.group)
    return f"{kind}（{groups}）" if groups else kind


def by_period(lines: Iterable[DutyLine]) -> list[tuple[str, str]]:
    """What is owed in each period that something is owed in: ``("本月", "支委会、主题党日")``."""
    owed = [line for line in lines if line.owed]
    periods = {period: [line for line in owed if line.within == period] for period in ("本月", "本季度", "今年")}
    return [(period, names(due)) for period, due in periods.items() if due]


def duty_reminder(branch: str, lines: Sequence[DutyLine]) -> Text | None:
    """What ``branch`` still owes and what to type; None where it owes nothing."""
    owed = [line for line in lines if line.owed]
    if not owed:
        return None
    said = [
        f"📌 {branch}还没开、也还没定时间的：",
        *(f"· {period}：{kinds}" for period, kinds in by_period(owed)),
        f"定下来就发「计划 {owed[0].kind} 周五15:00」，小蜂到时候提醒大家。",
    ]
    return Text("\n".join(said))
