"""How well texts are understood that were written for this: ``data/understanding.csv``."""

import csv
from pathlib import Path

from tests.unit.understood import said

Row = dict[str, str]


def rows() -> list[Row]:
    with (Path(__file__).parent / "data" / "understanding.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def understood(row: Row) -> tuple[str, str]:
    intent = said(row["text"], addressed=row["addressed"] == "true", role=row["role"])
    return intent.name, intent.category or ""


def right(chosen: list[Row]) -> float:
    return sum(understood(row)[0] == row["intent"] for row in chosen) / len(chosen)


def test_intents() -> None:
    assert right(rows()) >= 0.97


def test_every_intent_for_itself() -> None:
    everything = rows()
    for name in {row["intent"] for row in everything}:
        assert right([row for row in everything if row["intent"] == name]) >= 0.85, name


def test_cases_are_heard_though_nobody_was_asked() -> None:
    cases = [row for row in rows() if row["intent"] in {"hazard_report", "appeal_file"} and row["addressed"] == "false"]
    assert right(cases) >= 0.97


def test_chatter_is_left_alone() -> None:
    assert right([row for row in rows() if row["intent"] == "none" and row["addressed"] == "false"]) >= 0.99


def test_categories() -> None:
    cases = [row for row in rows() if row["category"]]
    assert sum(understood(row)[1] == row["category"] for row in cases) / len(cases) >= 0.92
