"""Reading JSON that came from outside: whatever is missing or of the wrong kind reads as empty."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

LONGEST_ID = 128
DOUBLE_CLICK = 10
"""Presses of one button within the same so many seconds of the clock are one."""


def json_object(data: str | bytes) -> dict[str, Any] | None:
    """The JSON object that ``data`` is; None for anything else, however strange."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def part(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object at ``key``."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def parts(value: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """The objects in the list at ``key``."""
    found = value.get(key)
    return (item for item in found if isinstance(item, dict)) if isinstance(found, list) else iter(())


def word(value: Mapping[str, Any], key: str) -> str:
    """The text at ``key``, as it came."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def identifier(value: Mapping[str, Any], key: str) -> str:
    """An id of a platform; empty for anything that cannot be one."""
    found = word(value, key)
    return found if found.isascii() and found.isprintable() and len(found) <= LONGEST_ID else ""


def clean(text: str) -> str:
    """``text`` without NUL and half surrogates, which databases and UTF-8 cannot hold."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def press_key(card: str, sender: str, says: str, about: str, moment: datetime) -> str:
    """The key of a press: nearly always the same for a double click. A press later on counts anew, for what was
    refused then may be right by now.
    """
    press = json.dumps([card, sender, says, about, int(moment.timestamp()) // DOUBLE_CLICK])
    return "card:" + hashlib.sha256(press.encode()).hexdigest()[:40]
