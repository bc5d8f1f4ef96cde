"""What a process remembers of its last doings, and no more: a platform's memory must not grow with its traffic."""

from collections import OrderedDict
from typing import TypeVar

Value = TypeVar("Value")

REMEMBERED = 1000
"""Entries."""


class Recent(OrderedDict[str, Value]):
    """A dictionary of the last ``REMEMBERED`` keys that were set."""

    def __setitem__(self, key: str, value: Value) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > REMEMBERED:
            self.popitem(last=False)
