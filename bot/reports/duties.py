"""How a branch's duties (三会一课) are put into words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from bot.content import Button, Card, Text

PERIODS = (("month", "本月"), ("quarter", "本季度"), ("year", "今年"))
REGULATIONS = "《中国共产党支部工作条例（试行）》"
BUTTONS = 4
"""Kinds of which a card has a button."""
BEHIND = 5
"""Branches behind that are named."""


class Verdict(StrEnum):
    """How a duty stands in a period."""

    DONE = "已完成"
    PLANNED = "已安排"
    DUE = "待办"
    OVERDUE = "逾期"


@dataclass(frozen=True, slots=True)
class DutyLine:
    """How one duty stands in one period: how many are asked for, were held, and are planned."""

    kind: str
    group: str
    """The 党小组 whose duty it is; empty: the branch's own."""
    every: str
    """``month``, ``quarter`` or ``year``."""
    within: str
    """``本月``, ``本季度``, ``今年``; of a period that is over, its name: ``10月``."""
    hard: bool
    """必须, not 一般."""
    times: int
    held: int
    planned: int
    verdict: Verdict
    article: str

    @property
    def owed(self) -> bool:
        """Whether some are neither held nor planned, and there is still time."""
        return self.verdict is Verdict.DUE


@dataclass(frozen=True, slots=True)
class Behind:
    """A branch, the duties that it owes while there is still time, and those that it did not hold in time."""

    branch: str
    duties: Sequence[DutyLine]
    overdue: Sequence[DutyLine] = ()

    def __str__(self) -> str:
        """``幸福里流动党支部：支委会、主题党日；逾期 党课（第三季度）``."""
        owed = [names(self.duties)] if self.duties else []
        late = [f"逾期 {overdue_names(self.overdue)}"] if self.overdue else []
        return f"{self.branch}：{'；'.join(owed + late)}"


def names(lines: Iterable[DutyLine]) -> str:
    """``支委会、党小组会（一组、二组）``: those of several 党小组 together."""
    return "、".join(_named(kind, [line.group for line in same]) for kind, same in _by_kind(lines))


def overdue_names(lines: Iterable[DutyLine]) -> str:
    """``支委会（9月、10月）、党小组会（一组10月）``: by kind, the periods that are over."""
    return "、".join(_named(kind, [f"{line.group}{line.within}" for line in same]) for kind, same in _by_kind(lines))


def _by_kind(lines: Iterable[DutyLine]) -> list[tuple[str, list[DutyLine]]]:
    return [(kind, list(same)) for kind, same in groupby(lines, key=lambda line: line.kind)]


def _named(kind: str, details: Iterable[str]) -> str:
    named = "、".join(filter(None, details))
    return f"{kind}（{named}）" if named else kind


def by_period(lines: Iterable[DutyLine]) -> list[tuple[str, str]]:
    """What is owed in each period that something is owed in: ``("本月", "支委会、主题党日")``."""
    owed = [line for line in lines if line.owed]
    periods = [(called, [line for line in owed if line.every == every]) for every, called in PERIODS]
    return [(called, names(due)) for called, due in periods if due]


def duty_reminder(branch: str, lines: Sequence[DutyLine]) -> Card | None:
    """What ``branch`` still owes and what to type; None where it owes nothing."""
    owed = _owed(lines)
    if not owed:
        return None
    said = "\n".join(f"· {period}：{kinds}" for period, kinds in by_period(owed))
    return Card(f"📌 {branch}还没开、也还没定时间的：", said, buttons=_plan_buttons(owed), hint=_hint(owed[0].kind))


def _owed(lines: Iterable[DutyLine]) -> list[DutyLine]:
    """What is owed, that of the shortest period first."""
    order = [every for every, _ in PERIODS]
    return sorted((line for line in lines if line.owed), key=lambda line: order.index(line.every))


def _plan_buttons(owed: Iterable[DutyLine]) -> tuple[Button, ...]:
    kinds = list(dict.fromkeys(line.kind for line in owed))
    return tuple(Button(f"定{kind}", f"计划 {kind}") for kind in kinds[:BUTTONS])


def _hint(kind: str) -> str:
    return f"定下来就发「计划 {kind} 周五15:00」，小蜂到时候提醒大家。"


def duty_card(name: str, lines: Sequence[DutyLine], overdue: Sequence[DutyLine]) -> Card:
    """How every duty of a branch or 党小组 stands: by period, and below what was not held in time."""
    owed = _owed(lines)
    said: list[str] = []
    for every, called in PERIODS:
        if standing := [line for line in lines if line.every == every]:
            said += [f"{called}：", *(_standing(line) for line in standing)]
    if overdue:
        said += ["过了期没开够的：", *(f"· {_missed(kind, same)}" for kind, same in _by_kind(overdue))]
    if any(REGULATIONS in line.article for line in (*lines, *overdue)):
        said.append(f"条款出自{REGULATIONS}。")
    hint = _hint(owed[0].kind) if owed else "眼下没有要定的会。"
    return Card(f"📋 {name}，三会一课：", "\n".join(said), buttons=_plan_buttons(owed), hint=hint)


def _standing(line: DutyLine) -> str:
    planned = f"，已定 {line.planned} 次" if line.planned and line.verdict is not Verdict.DONE else ""
    hard = "，必须" if line.hard else ""
    share = f"{line.held}/{line.times}{planned}"
    return f"· {line.group}{line.kind} {line.verdict} {share}（{_article(line)}{hard}）"


def _missed(kind: str, lines: Sequence[DutyLine]) -> str:
    """``支委会：一组 1月至3月，各差 1 次；9月，差 2 次（第十二条）``."""
    alike = [
        list(same) for _, same in groupby(lines, key=lambda line: (line.group, line.every, line.times - line.held))
    ]
    return f"{kind}：{'；'.join(map(_stretch, alike))}（{_article(lines[0])}）"


def _stretch(lines: Sequence[DutyLine]) -> str:
    """Periods of one length in which the same number was missed."""
    group = f"{lines[0].group} " if lines[0].group else ""
    each = "各" if len(lines) > 1 else ""
    periods = "、".join(line.within for line in lines)
    return f"{group}{periods}，{each}差 {lines[0].times - lines[0].held} 次"


def _article(line: DutyLine) -> str:
    return line.article.removeprefix(REGULATIONS)


def behind_lines(behind: Sequence[Behind], called: str, room: int = BEHIND + 1) -> list[str]:
    """The first branches behind, which are ``called`` 落下的支部, each with what is missing; ``room``: in so many lines
    at most."""
    most = max(0, min(BEHIND, room - 1))
    more = f"，先看这 {most} 个" if len(behind) > most > 0 else ""
    title = [f"{called} {len(behind)} 个{more}："] if behind else []
    return title + [f"· {branch}" for branch in behind[:most]]


def duty_roll_up(name: str, lines: Sequence[Sequence[DutyLine]], behind: Sequence[Behind]) -> Text:
    """How the branches below ``name`` stand, the lines of each: how many have held all, and who is behind."""
    said = [f"📋 {name}，支部 {len(lines)} 个，三会一课："]
    for every, called in PERIODS:
        asked = [standing for branch in lines if (standing := [line for line in branch if line.every == every])]
        if asked:
            done = sum(all(line.verdict is Verdict.DONE for line in standing) for standing in asked)
            planned = sum(not any(line.owed for line in standing) for standing in asked) - done
            said.append(f"{called}：都开完的 {done}/{len(asked)}" + (f"，都定了时间的 {planned}" if planned else ""))
    return Text("\n".join([*said, *(behind_lines(behind, "还差的支部") or ["没有还差的支部。"])]))
