"""The command in a folder of its own: what it prints, what it does, and its exit codes.

Each command runs as a process at least once; what is not about the process calls ``main``, which starts much sooner.
"""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.cli import main
from bot.content import load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.opening import open_database
from bot.posting import Roads
from bot.router import Router
from bot.settings import load_settings
from bot.understanding.intent import Intent
from bot.web.demo import seed_demo
from handlers import points
from models.base import Base
from models.database import Database
from models.inbox import Claim, Outcome
from models.organisations import Organisation
from models.outbox import Post, PostState
from models.people import Identity, Person
from models.sandbox import SandboxMessage
from tests.conftest import START, StandingClock
from tests.unit.city import said

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("cli")  # one city for most of them
HEADER = "组织,组织类型,姓名,手机,身份,职务,feishu\n"
GOOD = (
    "甲行业党委,党委,刘书记,13800000001,正式党员,书记,ou_1\n"
    "甲行业党委/一支部,党支部,王书记,13800000002,正式党员,书记,ou_2\n"
    "甲行业党委/一支部,党支部,小李,13800000003,群众,,ou_3\n"
)
BAD = (
    "甲行业党委/一支部,党支部,小张,138,正式党员,,\n"
    "甲行业党委/一支部,党支部,小赵,13800000004,党员,,\n"
    "甲行业党委/一支部,党支部,小吴,13800000001,正式党员,,\n"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process has left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


class Folder:
    """An empty folder in which commands are run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
        """``jufeng`` with these arguments; no configuration of this process reaches it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUFENG_")}
        variables = {**inherited, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **(environment or {})}
        command = [sys.executable, "-m", "bot", *arguments]
        done = subprocess.run(
            command, cwd=self.path, env=variables, input=stdin.encode(), capture_output=True, timeout=60, check=False
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in out + err, err
        return Ended(done.returncode, out, err)

    def call(self, *arguments: str) -> Ended:
        """The same, in this process."""
        out, err, mask = io.StringIO(), io.StringIO(), os.umask(0o077)
        try:
            with pytest.MonkeyPatch.context() as patch, chdir(self.path), redirect_stdout(out), redirect_stderr(err):
                for name in [name for name in os.environ if name.startswith("JUFENG_")]:
                    patch.delenv(name)
                code = main(list(arguments))
        finally:
            os.umask(mask)
        return Ended(code, out.getvalue(), err.getvalue())

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")

    def open(self) -> Database:
        """The database that the commands made, unlocked."""
        settings = load_settings(None, {"JUFENG_BOT__DATA_DIR": str(self.path / "data")})
        url = f"sqlite:///{self.path / 'data' / 'jufeng.db'}"
        changed = settings.model_copy(update={"database": settings.database.model_copy(update={"url": url})})
        return open_database(changed)

    def count(self, model: type[Base]) -> int:
        with closing(self.open()) as database, database.read() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def seed(folder: Folder) -> None:
    """The demonstration branch, as the sandbox makes it."""
    with closing(folder.open()) as database:
        seed_demo(database, START)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder where the good roster has been imported."""
    made = Folder(tmp_path_factory.mktemp("city"))
    made.write("roster.csv", HEADER + GOOD)
    assert made.run("import", "roster.csv").code == 0
    return made


def test_the_schema_is_made_and_the_key_is_its_owners_alone(folder: Folder) -> None:
    done = folder.run("db", "upgrade")
    assert (done.code, done.out) == (0, "数据库结构已是最新。\n")
    assert (folder.path / "data" / "jufeng.db").exists()
    key = folder.path / "data" / "keys" / "master.key"
    assert key.stat().st_mode & 0o077 == 0


# Import


def test_a_good_roster_is_imported_and_imported_again_without_change(city: Folder) -> None:
    assert (city.count(Person), city.count(Organisation), city.count(Identity)) == (3, 2, 3)
    again = city.call("import", "roster.csv")
    assert again.code == 0
    assert "新增 0，更新 0，没有变化 3" in again.out
    assert city.count(Person) == 3


def test_every_bad_row_is_named_by_its_line_and_nothing_is_written(folder: Folder) -> None:
    folder.write("roster.csv", HEADER + GOOD + BAD)
    done = folder.call("import", "roster.csv")
    assert done.code == 1
    assert {int(line) for line in re.findall(r"第 (\d+) 行", done.err)} >= {5, 6, 7}
    assert "13800000001" not in done.err + done.out
    assert "共 3 处" in done.err
    assert folder.count(Person) == folder.count(Organisation) == 0


def test_a_dry_run_says_what_would_be_and_writes_nothing(folder: Folder) -> None:
    folder.write("roster.csv", HEADER + GOOD)
    done = folder.call("import", "roster.csv", "--dry-run")
    assert done.code == 0
    assert "人员：新增 3" in done.out
    assert folder.count(Person) == folder.count(Organisation) == 0


# Export


def test_a_ledger_is_exported(city: Folder) -> None:
    done = city.run("export", "名册", "--org", "一支部", "--out", "roster.xlsx")
    assert (done.code, done.err) == (0, "")
    assert done.out == "已写入 roster.xlsx：名册，甲行业党委/一支部\n"
    assert (city.path / "roster.xlsx").read_bytes().startswith(b"PK")


def test_appeals_are_exported_by_their_level(city: Folder) -> None:
    days = ("--from", "2026-01-01", "--to", "2026-03-31")
    done = city.call("export", "诉求", "--org", "一支部", *days, "--level", "公开", "--out", "appeals.xlsx")
    assert (done.code, "：诉求（公开），" in done.out) == (0, True)
    done = city.call("export", "隐患", "--org", "一支部", *days, "--level", "公开", "--out", "hazards.xlsx")
    assert (done.code, done.err) == (2, "--level 只有诉求台账才有。\n")


def test_an_export_that_cannot_be_is_wrongly_called(city: Folder) -> None:
    days = ("--from", "2026-03-01", "--to", "2026-01-01")
    done = city.call("export", "会议", "--org", "一支部", *days, "--out", "meetings.xlsx")
    assert (done.code, done.out) == (2, "")
    assert done.err == "--from 2026-03-01 在 --to 2026-01-01 后面，请把早的写在前面。\n"
    assert not (city.path / "meetings.xlsx").exists()


# Understand


def test_understand_answers_line_by_line(folder: Folder) -> None:
    questions = [
        '{"text": "签到", "addressed": false, "role": "member", "private": false}',
        "不是 JSON",
        "",
        '{"text": "170号院内有建筑垃圾，请派人处理。", "addressed": false, "role": "member", "private": false}',
        '{"text": "今天风好大", "addressed": false, "role": "member", "private": false}',
    ]
    done = folder.run("understand", stdin="\n".join(questions) + "\n")
    first, bad, hazard, chatter = map(json.loads, done.out.splitlines())
    assert done.code == 0
    assert list(first) == [
        *("text", "addressed", "role", "private"),
        *("intent", "confidence", "reply", "slots", "category"),
    ]
    assert (first["intent"], first["reply"]) == ("check_in", True)
    assert list(bad) == ["error"]
    assert bad["error"].startswith("第 2 行")
    assert (hazard["intent"], hazard["category"]) == ("hazard_report", "环境卫生")
    assert (chatter["intent"], chatter["reply"]) == ("none", False)


# Tick


def test_a_tick_posts_the_digest_once(folder: Folder) -> None:
    seed(folder)
    first = folder.run("tick", "--at", "2026-11-27T15:30")
    assert first.code == 0
    with closing(folder.open()) as database, database.read() as session:
        bubbles = list(session.scalars(select(SandboxMessage).where(SandboxMessage.chat == "branch")))
        digests = [said(load(bubble.content)) for bubble in bubbles]
        waiting = session.scalars(select(Post.id).where(Post.state == PostState.WAITING)).all()
    assert sum(text.startswith("📋 幸福里流动党支部") for text in digests) == 1
    assert not waiting
    sent = folder.count(SandboxMessage)
    second = folder.call("tick", "--at", "2026-11-27T15:30")
    assert (second.code, second.out) == (0, "办了 0 件到点的事，都发出去了。\n")
    assert folder.count(SandboxMessage) == sent


def test_a_tick_at_a_time_that_is_none(folder: Folder) -> None:
    done = folder.run("tick", "--at", "2026-13-27T15:30")
    assert done.code == 2
    assert "时间请写成 2026-11-23T09:00" in done.err
    assert not (folder.path / "data").exists()


# Dead letters


MESSAGE = IncomingMessage(
    "sandbox",
    "main",
    "key-of-the-message",
    "private:u4",
    private=True,
    sender="u4",
    sent_at=START,
    text="申报 昨天帮社区搬物资2小时",
    addressed=True,
)


class _Claiming:
    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        return Intent("points_claim", 1.0, reply=True, slots={"hours": 2, "text": "搬物资"})


def fail_a_message(folder: Folder, monkeypatch: pytest.MonkeyPatch, clock: StandingClock) -> int:
    """A rider's message meets a mistake in a handler; returns the id of the dead letter."""

    def broken(*_: object) -> int:
        raise RuntimeError("申报 昨天帮社区搬物资2小时")

    with closing(folder.open()) as database:
        with monkeypatch.context() as patch:
            patch.setattr(points, "next_number", broken)
            intake = GroupCommitIntake(database, Router(_Claiming()), clock, Roads())
            intake._results([MESSAGE])
        with database.read() as session:
            dead = session.scalars(select(Claim.id).where(Claim.outcome == Outcome.DEAD)).one()
    return dead


def test_a_message_that_failed_is_listed_shown_and_done_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, clock: StandingClock
) -> None:
    seed(folder)
    number = str(fail_a_message(folder, monkeypatch, clock))
    listed = folder.call("dead-letters", "list")
    assert (listed.code, number in listed.out, "RuntimeError" in listed.out) == (0, True, True)
    assert "搬物资" not in listed.out
    shown = _without_traceback(folder, "dead-letters", "show", number)
    assert "key-of-the-message" in shown
    replayed = folder.call("dead-letters", "replay", number)
    assert replayed.code == 0
    with closing(folder.open()) as database, database.read() as session:
        posts = [
            said(load(post.content)) for post in session.scalars(select(Post).where(Post.message_id == int(number)))
        ]
        assert session.scalars(select(Claim.outcome)).one() is Outcome.REPLAYED
    assert any(text.startswith("申报 1 记下了") for text in posts)


def _without_traceback(folder: Folder, *arguments: str) -> str:
    """The one command whose answer holds a traceback: the kept one."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", *arguments]
    done = subprocess.run(command, cwd=folder.path, env=variables, capture_output=True, timeout=60, check=True)
    return done.stdout.decode()


# Configuration


def test_an_unknown_key_is_named_with_the_nearest(folder: Folder) -> None:
    folder.write("config.toml", "[server]\nprot = 9000\n")
    done = folder.run("serve")
    assert done.code == 2
    assert done.err == "不认识的配置项 server.prot，您是不是想写 server.port？\n"
    assert not (folder.path / "data").exists()


def test_several_workers_want_postgresql(folder: Folder) -> None:
    done = folder.run("serve", "--workers", "2")
    assert done.code == 2
    assert "PostgreSQL" in done.err
    assert "请在配置里设 database.url" in done.err


def test_help_names_every_command(folder: Folder) -> None:
    helped = folder.run("--help")
    assert helped.code == 0
    for command in ("serve", "doctor", "import", "understand", "train", "tick", "db", "dead-letters"):
        assert command in helped.out
