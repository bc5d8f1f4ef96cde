"""What the pages for operators show is what the product does."""

import csv
import re
import tomllib
from pathlib import Path

from bot.roster import read_roster
from bot.roster.columns import COLUMNS

ROOT = Path(__file__).parents[2]


def table_after(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without the line under its header."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(heading)[2]
    lines = text[text.index("\n|") :].strip().partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def test_the_example_roster_can_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table_after("operators/roster.md", "## 一个例子"))

    assert [row.name for row in read_roster(path)] == ["周敏", "王强", "李军", "张燕", "陈工", ""]


def test_every_column_is_explained() -> None:
    explained = [cells[0] for cells in table_after("operators/roster.md", "## 每一列")[1:]]

    assert explained == list(COLUMNS)


def test_every_dependency_is_accounted_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    for heading, needed in (
        ("## 运行时", project["dependencies"]),
        ("## 打包", optional["build"]),
        ("## 只在测试时", optional["test"]),
        ("## 只在核对时", optional["counterparts"]),
    ):
        explained = [cells[0].split()[0] for cells in table_after("dependencies.md", heading)[1:]]
        assert explained == [distribution(requirement) for requirement in needed]


def distribution(requirement: str) -> str:
    return re.split(r"[\s\[;<>=!~]", requirement, maxsplit=1)[0]
