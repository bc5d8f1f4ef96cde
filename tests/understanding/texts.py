"""The labelled texts: CSV files of ``text,addressed,role,intent,category,slots``.

``slots`` holds what is plainly said, ``place=万达东门;case=1024``; values that are equally right are parted by ``/``.
A text without a label in a column says nothing about it: most places have only one right answer, some texts none.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TUNING, TEST = HERE / "tuning", HERE / "test"


@dataclass(frozen=True, slots=True)
class Said:
    """One text and what it means."""

    text: str
    addressed: bool
    role: str
    intent: str
    category: str
    slots: Mapping[str, tuple[str, ...]]
    """Each with all values that are right."""


def texts(part: Path) -> Iterator[Said]:
    """All texts of a part, ``TUNING`` or ``TEST``."""
    for file in sorted(part.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                slots = dict(slot.split("=", 1) for slot in row["slots"].split(";") if slot)
                yield Said(
                    text=row["text"],
                    addressed=row["addressed"] == "true",
                    role=row["role"],
                    intent=row["intent"],
                    category=row["category"],
                    slots={name: tuple(value.split("/")) for name, value in slots.items()},
                )
