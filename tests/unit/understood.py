"""One loaded Understanding for all tests of it, and a Monday morning to be asked at."""

from datetime import datetime
from functools import cache

from bot.clock import SHANGHAI
from bot.understanding import Intent, Understanding

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


@cache
def understanding() -> Understanding:
    return Understanding()


def said(text: str, *, addressed: bool = False, role: str = "member", private: bool = False) -> Intent:
    """What a text means, said on Monday."""
    return understanding().understand(text, addressed=addressed, role=role, private=private, now=MONDAY)
