"""What fits on a phone: lines of 24 full-width characters, 18 of them on one screen."""

import unicodedata
from collections.abc import Iterable

COLUMNS = 48
"""Half-width columns of a line."""
LINES = 18


def width(text: str) -> int:
    """Columns that the text takes: two for a full-width character or an emoji, one for the others."""
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


def clip(text: str, columns: int = COLUMNS) -> str:
    """The text, cut with ``…`` where it takes more columns."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 2:
            break
        kept += character
    return f"{kept}…"


def screen(lines: Iterable[str]) -> str:
    """The lines that are not empty, each clipped, at most one screen of them."""
    shown = [clip(line) for line in lines if line]
    return "\n".join(shown[:LINES])


def share(part: int, whole: int) -> int:
    """``part`` of ``whole`` in whole per cent, rounded half up. Raises ZeroDivisionError for an empty whole."""
    return (200 * part + whole) // (2 * whole)
