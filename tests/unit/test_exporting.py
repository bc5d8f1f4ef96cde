"""``jufeng export``: the ledger that is asked for, or one sentence, exit code 2, and nothing left behind."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from bot.exporting import run_export
from bot.reports.case_ledger import Level
from models.audit import AuditEntry
from models.cases import CaseKind
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from tests.unit.case_city import Cases
from tests.unit.city import City, shanghai
from tests.unit.ledger_city import NOW, settle

QUARTER = ("2026-10-01", "2026-12-31")
NO_DAYS = (None, None)
Days = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Ended:
    """What an export has come to."""

    code: int
    out: list[str]
    err: list[str]


class Folder:
    """Where ledgers are written. The city has the branch and its quarter, and a name that two groups have."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database = database
        self.path = path
        with database.write.begin() as session:
            settle(session)
            other = session.scalars(select(Organisation).where(Organisation.name == "乙支部")).one()
            City(session).organisation("一组", OrganisationKind.GROUP, parent=other)

    def export(
        self,
        kind: str,
        days: Days = QUARTER,
        org: str = "甲支部",
        out: str = "ledger.xlsx",
        level: str | None = None,
    ) -> Ended:
        ended = Ended(0, [], [])
        path = self.path / out
        code = run_export(self.database, kind, org, days, path, NOW, ended.out.append, ended.err.append, level)
        return Ended(code, ended.out, [line.replace(f"{self.path}/", "") for line in ended.err])

    def sheet(self, name: str) -> list[tuple[Any, ...]]:
        return list(load_workbook(self.path / "ledger.xlsx", data_only=True)[name].iter_rows(values_only=True))

    @property
    def left(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}


@pytest.fixture
def folder(database: Database, tmp_path: Path) -> Folder:
    (tmp_path / "out").mkdir()
    return Folder(database, tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "org", "total"),
    [
        ("会议", "甲支部", ("合计", 4, 15, 6)),
        ("考勤", "甲支部", ("合计", 15, 6, 1)),
        ("考勤", "快递行业党委", ("合计", 16, 7, 1)),
        ("考勤", "快递行业党委/甲支部", ("合计", 15, 6, 1)),
    ],
)
def test_a_ledger_is_written(folder: Folder, kind: str, org: str, total: tuple[object, ...]) -> None:
    done = folder.export(kind, org=org)
    assert (done.code, done.err) == (0, [])
    assert re.fullmatch(rf"已写入 \S+/ledger.xlsx：{kind}，快递行业党委.*，2026-10-01 至 2026-12-31", done.out[0])
    assert folder.sheet("汇总")[5][:4] == total
    assert folder.left == {"ledger.xlsx"}


@pytest.mark.parametrize("days", [NO_DAYS, QUARTER, ("昨天", None)])
def test_the_roster_has_no_days(folder: Folder, days: Days) -> None:
    assert folder.export("名册", days).code == 0
    assert len(folder.sheet("名册")) == 6


def test_it_is_for_its_owner_alone_and_noted(folder: Folder) -> None:
    assert folder.export("会议").code == 0
    assert (folder.path / "ledger.xlsx").stat().st_mode & 0o077 == 0
    with folder.database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
        organisation = session.scalars(select(Organisation).where(Organisation.name == "甲支部")).one()
        assert (entry.at, entry.actor_id, entry.action) == (NOW, None, "export")
        assert entry.subject == f"meetings:{organisation.id}:2026-10-01:2026-12-31"


@pytest.fixture
def appealing(folder: Folder) -> Folder:
    """The branch has a hazard, and an appeal of one of its people."""
    with folder.database.write.begin() as session:
        city, cases = City(session), Cases(session)
        branch = session.scalars(select(Organisation).where(Organisation.name == "甲支部")).one()
        who = city.person(branch, "小诉")
        cases.told(branch, shanghai(10, 9, 9), place="东门")
        cases.told(branch, shanghai(10, 9, 9), CaseKind.APPEAL, category="劳动报酬", reporter=who, text="小诉的话")
    return folder


@pytest.mark.parametrize(
    ("level", "heads", "words"),
    [
        (None, 17, ["劳动报酬", "○○的话"]),
        ("内部", 17, ["劳动报酬", "○○的话"]),
        ("公开", 9, ["其余"]),
        ("保密", 18, ["劳动报酬", "小诉的话", "小诉"]),
    ],
)
def test_an_appeal_is_told_by_the_level(appealing: Folder, level: str | None, heads: int, words: list[str]) -> None:
    done = appealing.export("诉求", level=level)
    assert (done.code, done.err) == (0, [])
    assert f"ledger.xlsx：诉求（{level or '内部'}），快递行业党委/甲支部，2026-10-01" in done.out[0]
    (row,) = appealing.sheet("清单")[3:]
    assert len(row) == heads
    assert [cell for cell in row if cell in ("劳动报酬", "其余", "小诉", "小诉的话", "○○的话")] == words
    with appealing.database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert entry.subject.endswith(f":2026-12-31:{Level(level or '内部').name}")


def test_hazards_are_written(appealing: Folder) -> None:
    assert appealing.export("隐患", org="快递行业党委").code == 0
    (row,) = appealing.sheet("清单")[3:]
    assert row[5:8] == ("东门", "井盖没了", "甲支部")


@pytest.mark.parametrize(
    ("kind", "org", "level", "says"),
    [
        ("隐患", "甲支部", "公开", "--level 只有诉求台账才有。"),
        ("诉求", "甲支部", "绝密", "没有「绝密」这一级。可以写 --level 公开、内部、保密。"),
        ("诉求", "快递行业党委", "保密", "保密的诉求台账只有支部自己的，快递行业党委不是支部。"),
    ],
)
def test_a_level_that_cannot_be_is_said(appealing: Folder, kind: str, org: str, level: str, says: str) -> None:
    assert appealing.export(kind, org=org, level=level) == Ended(2, [], [says])
    assert appealing.left == set()


def test_what_was_there_is_replaced_as_a_whole(folder: Folder) -> None:
    (folder.path / "ledger.xlsx").write_bytes(b"old")
    assert folder.export("会议").code == 0
    assert folder.sheet("汇总")


NO_SUCH = "名册里没有叫「{}」的组织。名字要和名册里的一样，也可以写全：上级/下级。"
NO_DAY = "--{} {} 不是日期，请写成 2026-01-31。"
WHICH_DAYS = "请用 --from 和 --to 写明从哪天到哪天，比如 --from 2026-01-01 --to 2026-03-31。"


@pytest.mark.parametrize(
    ("kind", "days", "org", "says"),
    [
        ("积分", QUARTER, "甲支部", "积分还不能导出。现在能导出的是会议、考勤、名册、隐患、诉求。"),
        ("天气", QUARTER, "甲支部", "没有「天气」这种台账。能导出的是会议、考勤、名册、隐患、诉求。"),
        ("会议", QUARTER, "丙支部", NO_SUCH.format("丙支部")),
        ("名册", NO_DAYS, "", NO_SUCH.format("")),
        ("会议", NO_DAYS, "甲支部", WHICH_DAYS),
        ("考勤", ("2026-01-01", None), "甲支部", WHICH_DAYS),
        ("会议", ("2026-02-30", "2026-03-31"), "甲支部", NO_DAY.format("from", "2026-02-30")),
        ("会议", ("2026-02-01", "三月"), "甲支部", NO_DAY.format("to", "三月")),
        ("会议", ("0001-01-01", "2026-01-01"), "甲支部", NO_DAY.format("from", "0001-01-01")),
        ("会议", ("2026-01-01", "9999-12-31"), "甲支部", NO_DAY.format("to", "9999-12-31")),
        (
            "会议",
            ("2026-03-01", "2026-02-28"),
            "甲支部",
            "--from 2026-03-01 在 --to 2026-02-28 后面，请把早的写在前面。",
        ),
        (
            "会议",
            ("2020-01-01", "2026-02-28"),
            "甲支部",
            "从 2020-01-01 到 2026-02-28 太长了，一次最多 36 个月，请分几次。",
        ),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left(folder: Folder, kind: str, days: Days, org: str, says: str) -> None:
    assert folder.export(kind, days, org) == Ended(2, [], [says])
    assert folder.left == set()


def test_a_name_of_several_is_asked_about(folder: Folder) -> None:
    done = folder.export("考勤", org="一组")
    assert done.code == 2
    asked, *paths = done.err[0].splitlines()
    assert asked == "「一组」不止一个，请写全："
    assert sorted(paths) == ["  快递行业党委/乙支部/一组", "  快递行业党委/甲支部/一组"]


LONG = f"{'名' * 100}.xlsx"


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("ledger.csv", "--out 要写 .xlsx 结尾的文件名，比如 考勤.xlsx。"),
        ("ledger", "--out 要写 .xlsx 结尾的文件名，比如 考勤.xlsx。"),
        ("nowhere/ledger.xlsx", "没有文件夹 nowhere，请先建好。"),
        (f"{LONG}/ledger.xlsx", f"没有文件夹 {LONG}，请先建好。"),
        (LONG, f"{LONG} 写不了（File name too long）。"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_and_none_is_left(folder: Folder, out: str, says: str) -> None:
    assert folder.export("会议", out=out) == Ended(2, [], [says])
    assert folder.left == set()


def test_a_folder_is_no_file(folder: Folder) -> None:
    (folder.path / "ledger.xlsx").mkdir()
    assert folder.export("会议") == Ended(2, [], ["ledger.xlsx 是文件夹，请写文件名。"])


def test_a_disk_that_is_full_leaves_what_was_there(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.path / "ledger.xlsx").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert folder.export("会议") == Ended(2, [], ["ledger.xlsx 写不了（No space left on device）。"])
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == {"ledger.xlsx": b"old"}
    with folder.database.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []
