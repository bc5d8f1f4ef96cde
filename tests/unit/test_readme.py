"""What README.md and the pages of docs/ quote, link to and tell people to type is really there."""

import re
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTING = re.compile(r"text (?P<path>\S+)")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_ABSOLUTE = re.compile(r"[a-z]+:|#")
_COMMAND = re.compile(r"\bjufeng (?P<command>[a-z][a-z-]*)")


def quotations(page: Path) -> list[tuple[str, str]]:
    """The files that a page quotes, and what it quotes of them."""
    blocks = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(quoting["path"], b["body"]) for b in blocks if (quoting := _QUOTING.fullmatch(b["info"]))]


def links(page: Path) -> list[str]:
    """The relative targets of a page's links and images, outside its fenced blocks."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [link["target"] for link in _LINK.finditer(text) if not _ABSOLUTE.match(link["target"])]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_quotations_are_literal(page: Path) -> None:
    for path, quoted in quotations(page):
        lines = "\n" + (ROOT / path).read_text(encoding="utf-8")
        assert f"\n{quoted}" in lines, f"{name_of(page)} quotes what {path} does not say:\n{quoted}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [target for target in links(page) if not (page.parent / target.partition("#")[0]).exists()]
    assert broken == []


def test_commands_exist() -> None:
    told = {found["command"] for page in PAGES for found in _COMMAND.finditer(page.read_text(encoding="utf-8"))}
    for command in sorted(told):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command


def test_the_readme_shows_each_job() -> None:
    quoted = {Path(path).stem for path, _ in quotations(ROOT / "README.md")}
    assert {"checkin", "hazard", "appeal_in_group", "points_claimed", "week", "silence"} <= quoted
