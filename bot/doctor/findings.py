"""What an examination finds, and how it is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is; the value is its mark in the output."""

    OK = "✓"
    WARN = "!"
    BAD = "✗"


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` was found, and what ``to_do`` about it (empty: nothing)."""

    level: Level
    what: str
    to_do: str = ""


def ok(what: str, to_do: str = "") -> Finding:
    """All is well."""
    return Finding(Level.OK, what, to_do)


def warn(what: str, to_do: str) -> Finding:
    """The server works, but something will be missed."""
    return Finding(Level.WARN, what, to_do)


def bad(what: str, to_do: str) -> Finding:
    """Something does not work until it is mended."""
    return Finding(Level.BAD, what, to_do)


def render(findings: Iterable[Finding]) -> str:
    """The findings as lines for the terminal, with a summary at the end."""
    found = list(findings)
    lines = []
    for finding in found:
        lines.append(f"{finding.level.value} {finding.what}")
        lines += [f"  → {line}" for line in finding.to_do.splitlines()]
    return "\n".join([*lines, "", _summary(found)])


def _summary(findings: list[Finding]) -> str:
    broken = sum(finding.level is Level.BAD for finding in findings)
    doubtful = sum(finding.level is Level.WARN for finding in findings)
    if broken:
        return f"有 {broken} 项要修好才能用（✗），另有 {doubtful} 项请留意（!）。"
    return f"可以用了，另有 {doubtful} 项请留意（!）。" if doubtful else "一切正常。"


def exit_code(findings: Iterable[Finding]) -> int:
    """1 if anything is bad, otherwise 0."""
    return int(any(finding.level is Level.BAD for finding in findings))
