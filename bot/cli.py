"""The command ``jufeng``."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.clock import SHANGHAI, MovableClock, local, system_clock
from bot.logs import set_up_logging

if TYPE_CHECKING:
    from bot.settings import Settings
    from models.database import Database

GRACE = 5
"""Seconds that open connections have to end when the server is stopped."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 not done, 2 wrongly called or configured."""
    set_up_logging()
    parsed = _parser().parse_args(arguments)
    os.umask(0o077)  # names and photos are for the account that runs the server alone
    if parsed.config:
        os.environ["JUFENG_CONFIG"] = str(parsed.config)
    try:
        command: Callable[[argparse.Namespace], int] = parsed.run
        return command(parsed)
    except _explained() as error:  # which is asked only once something was raised
        _complain(str(error))
        return 2


def _explained() -> tuple[type[Exception], ...]:
    """What is told in one line, without a traceback."""
    from bot.settings import ConfigurationError
    from bot.understanding.model_file import ModelError
    from models.sealing import Locked

    return ConfigurationError, Locked, ModelError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jufeng", description="聚蜂：流动党支部的群助手小蜂")
    parser.set_defaults(config=None)
    commands = parser.add_subparsers(required=True, metavar="命令")

    def add(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--config", type=Path, metavar="F", help="配置文件，默认是当前目录的 config.toml")
        command.set_defaults(run=run)
        return command

    serve = add("serve", _serve, "启动服务；先升级数据库")
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="进程数，大于 1 要用 PostgreSQL")
    add("doctor", _doctor, "检查配置、数据库、时钟、凭据和回调地址")
    roster = add("import", _import, "导入名册：要么全部写入，要么一行不写")
    roster.add_argument("roster", type=Path, metavar="ROSTER.{csv,xlsx}")
    roster.add_argument("--dry-run", action="store_true", help="只检查，不写入")
    understand = add("understand", _understand, "每行一个 JSON：小蜂会怎么理解这句话")
    understand.add_argument("--model", type=Path, metavar="F", help="连同这个训练好的模型会怎么分类")
    understand.add_argument("--explain", action="store_true", help="连同为什么：听了哪条句式，哪些词占了多少分")
    train = add("train", _train, "训练隐患的分类模型，要另装 scikit-learn")
    source = train.add_mutually_exclusive_group(required=True)
    source.add_argument("cases", nargs="?", type=Path, metavar="CASES.csv", help="有 text,category 两列的 CSV")
    source.add_argument("--corrected", action="store_true", help="用自己的隐患：书记改过类别的，和办过没有改的")
    train.add_argument("--org", metavar="NAME", help="和 --corrected 一起用：只用这个组织和下级的")
    train.add_argument("--out", required=True, type=Path, metavar="F", help="写到哪个文件")
    tick = add("tick", _tick, "办一次那个时刻该办的事，发完退出")
    tick.add_argument("--at", required=True, type=_moment, metavar="2026-11-23T09:00", help="北京时间")
    ledger = add("export", _export, "导出台账：会议、考勤、名册、隐患、诉求")
    ledger.add_argument("kind", metavar="KIND", help="会议、考勤、名册、隐患、诉求")
    ledger.add_argument("--org", required=True, metavar="NAME", help="组织的名字，连同下级")
    ledger.add_argument("--from", dest="first", metavar="D", help="第一天，比如 2026-01-01；名册不用写")
    ledger.add_argument("--to", dest="last", metavar="D", help="最后一天，比如 2026-03-31；名册不用写")
    ledger.add_argument("--level", metavar="LEVEL", help="诉求说多少：公开、内部（默认）、保密")
    ledger.add_argument("--out", required=True, type=Path, metavar="F.xlsx", help="写到哪个文件")
    database = add("db", _upgrade, "数据库结构")
    database.add_argument("action", choices=["upgrade"])
    dead = add("dead-letters", _dead_letters, "没处理成的消息和没发出去的话")
    dead.add_argument("action", nargs="?", choices=["list", "show", "replay"], default="list")
    dead.add_argument("id", nargs="?", type=int)
    dead.add_argument("--texts", action="store_true", help="连同原文一起看")
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("时间请写成 2026-11-23T09:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _serve(parsed: argparse.Namespace) -> int:
    """The parent of several workers does not load the application."""
    import uvicorn

    from bot.learned import learned
    from bot.settings import load_settings

    settings = load_settings(None)
    if parsed.workers > 1 and settings.database.url.startswith("sqlite"):
        _complain('--workers 大于 1 要用 PostgreSQL：请在配置里设 database.url = "postgresql+psycopg://…"')
        return 2
    if parsed.workers > 1 and settings.sandbox_enabled:
        _complain("沙盒只能用一个进程：请去掉 --workers，或者设 sandbox.enabled = false")
        return 2
    learned(settings.bot.data_dir)  # a model that cannot be used is told here, once, not by every process
    try:
        socket.create_server((settings.server.host, settings.server.port)).close()
    except OSError as error:
        address = f"{settings.server.host}:{settings.server.port}"
        _complain(f"{address} 用不了（{error.strerror}）。换一个端口，比如 JUFENG_SERVER__PORT=8001")
        return 2
    if settings.sandbox_enabled:
        _say(f"沙盒页面：http://{settings.server.host}:{settings.server.port}/")
    signal.signal(signal.SIGTERM, _leave)  # uvicorn drains on it, and then raises it again for whoever was there before
    uvicorn.run(
        "bot.worker:create_app",
        factory=True,
        host=settings.server.host,
        port=settings.server.port,
        workers=parsed.workers,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    return 0


def _leave(*_: object) -> None:
    """A stop that was asked for is no failure."""
    sys.exit(0)


def _doctor(parsed: argparse.Namespace) -> int:  # noqa: ARG001
    from bot import doctor
    from bot.settings import load_settings

    return doctor.run(load_settings(None), _say)


def _import(parsed: argparse.Namespace) -> int:
    from bot.roster.command import run_import

    with _Opened() as database:
        return run_import(
            database, parsed.roster, dry_run=parsed.dry_run, now=system_clock(), write=_say, complain=_complain
        )


def _understand(parsed: argparse.Namespace) -> int:
    from bot.understanding import jsonl
    from bot.understanding.model_file import load_classifier

    classifier = load_classifier(parsed.model) if parsed.model else None
    if classifier and classifier.foreign:
        _complain(f"「{'」「'.join(classifier.foreign)}」不是聚蜂的隐患类别，category 不用这个模型，只看 judged。")
    for line in jsonl.run(sys.stdin, local(system_clock()), classifier, explained=parsed.explain):
        _say(line)
    return 0


def _train(parsed: argparse.Namespace) -> int:
    from bot.training.command import Training

    training = Training(parsed.out, system_clock(), _say, _complain)
    if parsed.cases:
        if parsed.org:
            _complain("--org 要和 --corrected 一起用：CSV 里没有写是哪个组织的。")
            return 2
        return training.from_file(parsed.cases)
    with _Opened() as database:
        return training.from_cases(database, parsed.org)


def _tick(parsed: argparse.Namespace) -> int:
    import asyncio

    from bot.app import Server
    from bot.opening import open_database
    from bot.settings import load_settings
    from bot.tick import run_tick

    settings = load_settings(None)
    clock = MovableClock(base=lambda: parsed.at.astimezone(UTC))
    return asyncio.run(run_tick(Server(settings, open_database(settings), clock), _say))


def _export(parsed: argparse.Namespace) -> int:
    from bot.exporting import run_export

    with _Opened() as database:
        days, told = (parsed.first, parsed.last), (system_clock(), _say, _complain, parsed.level)
        return run_export(database, parsed.kind, parsed.org, days, parsed.out, *told)


def _upgrade(parsed: argparse.Namespace) -> int:  # noqa: ARG001
    with _Opened():
        _say("数据库结构已是最新。")
    return 0


def _dead_letters(parsed: argparse.Namespace) -> int:
    from bot import dead_letters
    from bot.app import Server
    from bot.opening import open_database
    from bot.settings import load_settings

    settings = load_settings(None)
    server = Server(settings, open_database(settings))
    try:
        return dead_letters.run(
            server.database,
            parsed.action,
            parsed.id,
            texts=parsed.texts,
            process=server.intake.replay,
            now=server.clock(),
            write=_say,
            complain=_complain,
        )
    finally:
        server.database.close()


class _Opened:
    """The configured database for the length of one command."""

    def __init__(self) -> None:
        from bot.settings import load_settings

        self._settings: Settings = load_settings(None)

    def __enter__(self) -> "Database":
        from bot.opening import open_database

        self._database = open_database(self._settings)
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")
