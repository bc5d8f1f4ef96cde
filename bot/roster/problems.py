"""What can be wrong with a roster, by line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_SHOWN = 20
_NUMBER = re.compile(r"(\d{3})\d{3,}(\d{4})")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``line`` counts from 1, as the file's editor does; 0: the file as a whole."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"第 {self.line} 行：{self.what}" if self.line else self.what


class RosterError(Exception):
    """The roster cannot be imported; ``problems`` is everything that is wrong, in order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


def shown(cell: str) -> str:
    """A cell as a message may quote it: short, and long numbers (a phone in the wrong column) only in part."""
    text = _NUMBER.sub(r"\1****\2", cell)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
