"""``jufeng export``: a ledger written to a file, for the operator."""

import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from bot.reports.case_ledger import CaseWanted, Level
from bot.reports.files import FILES
from bot.reports.ledgers import MOST_MONTHS, Period, Wanted
from bot.writing import write_whole
from models.audit import AuditEntry
from models.cases import CaseKind
from models.database import Database
from models.organisations import Organisation, OrganisationKind, Tree

KINDS = {"会议": "meetings", "考勤": "attendance", "名册": "roster", "隐患": "hazards", "诉求": "appeals"}
NOT_YET = ("积分",)
ENDING = ".xlsx"


class WronglyAsked(Exception):
    """Nothing was written; the words say why, and what to write instead."""


def run_export(
    database: Database,
    kind: str,
    name: str,
    days: tuple[str | None, str | None],
    out: Path,
    now: datetime,
    write: Callable[[str], None],
    complain: Callable[[str], None],
    level: str | None = None,
) -> int:
    """Writes the ledger ``kind`` of the organisation called ``name``; returns the exit code: 0, or 2 with nothing
    written. ``days`` are the first and the last (``2026-01-01``); the roster has none. ``level`` (内部 if none is told)
    is that of 诉求.
    """
    try:
        what = _kind(kind)
        told = _level(what, level)
        period = Period(now.date(), now.date()) if what == "roster" else _period(*days)
        _check(out)
        with database.read() as session:
            organisation = _organisation(Tree(session), name)
            wanted, subject = Wanted(organisation.id, period, now), f"{what}:{organisation.id}"
            if told is Level.SECRET and organisation.kind is not OrganisationKind.BRANCH:
                raise WronglyAsked(f"保密的诉求台账只有支部自己的，{organisation.name}不是支部。")
            made = FILES[what](session, CaseWanted(CaseKind.APPEAL, wanted, told).subject if told else wanted.subject)
            subject += f":{period.first}:{period.last}{f':{told.name}' if told else ''}"
            path = organisation.path
        _put(out, made)
    except WronglyAsked as wrong:
        complain(str(wrong))
        return 2
    with database.write.begin() as session:
        session.add(AuditEntry(at=now, actor_id=None, action="export", subject=subject, message_id=None))
    how = f"（{told}）" if told else ""
    write(f"已写入 {out}：{kind}{how}，{path}{'' if what == 'roster' else f'，{period.name}'}")
    return 0


def _kind(kind: str) -> str:
    if kind in NOT_YET:
        raise WronglyAsked(f"{kind}还不能导出。现在能导出的是{'、'.join(KINDS)}。")
    if kind not in KINDS:
        raise WronglyAsked(f"没有「{kind}」这种台账。能导出的是{'、'.join(KINDS)}。")
    return KINDS[kind]


def _level(what: str, level: str | None) -> Level | None:
    """What a 诉求台账 is to tell; None of other ledgers."""
    if what != "appeals":
        if level is not None:
            raise WronglyAsked("--level 只有诉求台账才有。")
        return None
    if level not in (None, *Level):
        raise WronglyAsked(f"没有「{level}」这一级。可以写 --level {'、'.join(Level)}。")
    return Level(level or Level.INTERNAL)


def _period(first: str | None, last: str | None) -> Period:
    if first is None or last is None:
        raise WronglyAsked("请用 --from 和 --to 写明从哪天到哪天，比如 --from 2026-01-01 --to 2026-03-31。")
    period = Period(_day("--from", first), _day("--to", last))
    if period.first > period.last:
        raise WronglyAsked(f"--from {first} 在 --to {last} 后面，请把早的写在前面。")
    if len(period.months) > MOST_MONTHS:
        raise WronglyAsked(f"从 {first} 到 {last} 太长了，一次最多 {MOST_MONTHS} 个月，请分几次。")
    return period


def _day(option: str, text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year < 2100:
        raise WronglyAsked(f"{option} {text} 不是日期，请写成 2026-01-31。")
    return day


def _organisation(tree: Tree, name: str) -> Organisation:
    found = tree.named(name)
    if not found:
        raise WronglyAsked(f"名册里没有叫「{name}」的组织。名字要和名册里的一样，也可以写全：上级/下级。")
    if len(found) > 1:
        paths = "".join(f"\n  {organisation.path}" for organisation in found)
        raise WronglyAsked(f"「{name}」不止一个，请写全：{paths}")
    return found[0]


def _check(out: Path) -> None:
    """Before anything is made: a ledger of a year takes a while."""
    if out.suffix.lower() != ENDING:
        raise WronglyAsked(f"--out 要写 {ENDING} 结尾的文件名，比如 考勤{ENDING}。")
    if not os.path.isdir(out.parent):  # noqa: PTH112  # a Path raises where the name is too long
        raise WronglyAsked(f"没有文件夹 {out.parent}，请先建好。")
    if os.path.isdir(out):  # noqa: PTH112
        raise WronglyAsked(f"{out} 是文件夹，请写文件名。")


def _put(out: Path, data: bytes) -> None:
    """Writes the whole file, or none."""
    try:
        write_whole(out, data)
    except OSError as error:
        raise WronglyAsked(f"{out} 写不了（{error.strerror}）。") from error
