"""What is said in an appeal stays between the person, the secretary and the unit: no group, no log, no figure and no
file shows it."""

import json
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from sqlalchemy import select

from bot.content import load
from bot.roster import read_roster
from bot.web.demo import ROSTER
from handlers import appeals
from models.cases import Case, CaseKind
from models.database import Database
from models.inbox import Claim, Outcome
from models.outbox import Post
from tests.conftest import StandingClock
from tests.dialogues.script import Step
from tests.dialogues.stage import Stage
from tests.unit.city import said

WORDS = ("青铜鲸鱼", "琥珀风筝", "冰川邮差", "榆木钟楼", "墨绿灯塔")
"""Words that nobody says by chance: whoever shows one of them repeats an appeal."""
APPEALS = (
    ("小李", "劳动报酬", "诉求 站点拖欠工资三个月不发，{}"),
    ("小张", "工伤事故", "诉求 我送餐摔伤了腿站点不认工伤，{}"),
    ("小赵", "社会保险", "诉求 公司一直不给交社保，{}"),
    ("小郑", "住房子女", "诉求 孩子上学的事没人管，{}"),
)
GROUPS = ("支部群", "物业群", "组织群")
OURS = ("bot", "handlers", "models", "schedules", "httpx", "sqlalchemy", "alembic", "apscheduler", "jieba")


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """SQLite alone: its file can be read as bytes."""
    path = tmp_path / "jufeng.db"
    shutil.copy(sqlite_template, path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


@asynccontextmanager
async def played(database: Database, folder: Path, clock: StandingClock) -> AsyncIterator[Stage]:
    stage = Stage(database, folder, clock)
    await stage.server.start()
    try:
        yield stage
    finally:
        await stage.server.close()


async def say(stage: Stage, who: str, where: str, text: str) -> list[str]:
    return await stage.play(Step(0, "say", who, where, text))


async def appeal(stage: Stage, count: int) -> None:
    """Raises this many appeals, every other one in the group, and looks each up there again."""
    for number in range(count):
        who, _, text = APPEALS[number % len(APPEALS)]
        where = "支部群" if number % 2 else "小蜂"
        words = text.format(WORDS[number % len(WORDS)])
        await say(stage, who, where, f"@小蜂 {words}" if number % 3 else words)
        await say(stage, who, "支部群", f"@小蜂 进度 {1001 + number}")


async def work_off(stage: Stage, database: Database) -> None:
    """Everything that can be done to them is done to the first ten, in groups and in private."""
    with database.read() as session:
        found = session.scalars(select(Case).order_by(Case.number))
        numbers = [(case.number, case.reporter.name if case.reporter else "") for case in found]
    for place, (number, who) in enumerate(numbers[:10]):
        where = "支部群" if place % 2 else "小蜂"
        await say(stage, "王书记", where, f"@小蜂 受理 {number}")
        await say(stage, "王书记", where, f"@小蜂 派单 {number} 幸福里物业")
        await say(stage, "老陈", "物业群" if place % 2 else "小蜂", f"@小蜂 办结 {number} 已经处理")
        await say(stage, who, where, f"@小蜂 评价 {number} {'未解决' if place % 5 == 0 else '满意'}")
    for who, where in (("王书记", "支部群"), ("老陈", "物业群"), ("周组织员", "组织群"), ("小李", "支部群")):
        for text in ("待办", "周报", f"进度 {numbers[0][0]}", "满意", "导出 诉求", "名册"):
            await say(stage, who, where, f"@小蜂 {text}")


async def digests(stage: Stage) -> None:
    await stage.play(Step(0, "time", text="周五 15:30"))
    await stage.play(Step(0, "time", text="周一 09:30"))


def posted(database: Database, *, to_person: bool) -> list[str]:
    with database.read() as session:
        posts = session.scalars(select(Post).where(Post.to_person == to_person).order_by(Post.id))
        return [said(load(post.content)) for post in posts]


def assert_nothing_leaks(database: Database, caplog: pytest.LogCaptureFixture, folder: Path) -> None:
    groups = posted(database, to_person=False)
    assert any("诉求" in text for text in groups), "the groups heard nothing at all"
    assert any(word in text for text in posted(database, to_person=True) for word in WORDS)
    for text in groups:
        assert not [word for word in WORDS if word in text], text
    logged = [f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    for place in (*logged, caplog.text, generate_latest().decode()):
        assert not [word for word in WORDS if word in place], place
    assert_sealed(database, folder)


def assert_sealed(database: Database, folder: Path) -> None:
    database.close()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "jufeng.db" for path in files)
    phones = [row.phone for row in read_roster(ROSTER) if row.name]
    assert len(phones) > 10
    for path in files:
        data = path.read_bytes()
        for secret in (*WORDS, *phones):
            for form in (secret.encode(), secret.encode("utf-16-le"), json.dumps(secret).strip('"').encode()):
                assert form not in data, f"{secret} stands in {path.name}"


@pytest.mark.anyio
async def test_twenty_appeals_leave_no_word_anywhere(
    database: Database, tmp_path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with played(database, tmp_path, clock) as stage:
        await appeal(stage, 20)
        with database.read() as session:
            assert len(list(session.scalars(select(Case).where(Case.kind == CaseKind.APPEAL)))) == 20
        await work_off(stage, database)
        await digests(stage)
        assert_nothing_leaks(database, caplog, tmp_path)
        for text in posted(database, to_person=False):
            assert not [who for who, _, _ in APPEALS if _named_beside_an_appeal(who, text)], text
    assert {record.name.partition(".")[0] for record in caplog.records} & set(OURS)


@pytest.mark.anyio
async def test_of_a_few_appeals_no_group_learns_the_category_nor_the_number(
    database: Database, tmp_path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with played(database, tmp_path, clock) as stage:
        await appeal(stage, 4)
        with database.read() as session:
            categories = {case.category for case in session.scalars(select(Case))}
        await work_off(stage, database)
        await digests(stage)
        groups = posted(database, to_person=False)
        assert categories == {category for _, category, _ in APPEALS}
        for text in groups:
            assert not [category for category in categories if category in text], text
            assert not [number for number in range(1001, 1005) if str(number) in text], text
            assert not [who for who, _, _ in APPEALS if _named_beside_an_appeal(who, text)], text
        assert sum("诉求：新收 4" in text for text in groups) >= 1
        assert_nothing_leaks(database, caplog, tmp_path)


def _named_beside_an_appeal(who: str, text: str) -> bool:
    return any("诉求" in line and who in line for line in text.splitlines())


@pytest.mark.anyio
async def test_an_appeal_that_fails_is_kept_sealed_and_logged_by_its_kind_of_error_alone(
    database: Database,
    tmp_path: Path,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError(f"cannot put down {WORDS[0]}")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(appeals, "collect", broken)
    async with played(database, tmp_path, clock) as stage:
        answers = await say(stage, "小李", "支部群", APPEALS[0][2].format(WORDS[0]))
        assert [line.partition(":")[0] for line in answers] == ["小蜂@小李"]
    with database.read() as session:
        claim = session.scalars(select(Claim)).one()
        assert claim.outcome is Outcome.DEAD
        assert WORDS[0] in (claim.error or "")
    assert "ValueError" in caplog.text
    assert WORDS[0] not in caplog.text
    assert_sealed(database, tmp_path)
