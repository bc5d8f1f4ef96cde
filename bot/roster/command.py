"""``jufeng import``: what the operator sees."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from bot.roster.checking import check
from bot.roster.importing import ImportResult, conflicts, import_roster
from bot.roster.problems import RosterError
from bot.roster.reading import read_lines
from models.database import Database

Write = Callable[[str], None]
"""Takes one line of output, without its line break."""


def run_import(database: Database, path: Path, *, dry_run: bool, now: datetime, write: Write, complain: Write) -> int:
    """Imports a roster and says what became of it; returns the exit code: 0, or 1 with nothing written.

    ``write`` takes the counts (stdout), ``complain`` the problems, one a line (stderr). No phone appears in full.
    """
    try:
        result = _import(database, path, dry_run=dry_run, now=now)
    except RosterError as error:
        for problem in error.problems:
            complain(str(problem))
        complain(f"共 {len(error.problems)} 处要改，什么都没有写入。改好以后再导入一次。")
        return 1
    except IntegrityError:
        complain("导入的时候有别人也在改名册，什么都没有写入。请再导入一次。")
        return 1
    for line in _report(result):
        write(line)
    write("这是试运行，没有写入。去掉 --dry-run 就会导入。" if dry_run else "已导入。")
    return 0


def _import(database: Database, path: Path, *, dry_run: bool, now: datetime) -> ImportResult:
    rows, problems = check(read_lines(path))
    if problems:
        with database.read() as session:
            raise RosterError([*problems, *conflicts(session, rows)])
    with database.write() as session:
        result = import_roster(session, rows, now)
        if dry_run:
            session.rollback()
        else:
            session.commit()
    return result


def _report(result: ImportResult) -> list[str]:
    return [
        f"组织：新增 {result.organisations_new}，更新 {result.organisations_changed}",
        f"人员：新增 {result.people_new}，更新 {result.people_changed}，没有变化 {result.people_unchanged}",
        f"平台身份：绑定 {result.identities_bound}",
    ]
