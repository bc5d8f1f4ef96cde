"""The codes shown where a lesson is held: one that changes every 15 seconds, and those of the 阵地."""

import hmac
import secrets
from datetime import datetime, timedelta

STEP = timedelta(seconds=15)
"""How long a code is shown."""
GRACE = timedelta(seconds=5)
"""For how long it counts once another is shown: a thumb is slower than a screen."""
AHEAD = timedelta(seconds=1)
"""How far the clock of the platform that dates the messages may be behind the screen's."""
DIGITS = 4
SITE_DIGITS = 6

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def new_secret() -> bytes:
    """What the codes of one lesson are made of."""
    return secrets.token_bytes(16)


def new_site_code() -> str:
    """The code of a 阵地."""
    return f"{secrets.randbelow(10**SITE_DIGITS):0{SITE_DIGITS}d}"


def window_of(moment: datetime) -> int:
    """Which of the windows of 15 seconds the moment lies in."""
    return (moment - _EPOCH) // STEP


def window_ends(window: int) -> datetime:
    """When another code is shown."""
    return _EPOCH + (window + 1) * STEP


def code_at(secret: bytes, moment: datetime) -> str:
    """The code that is shown at that moment."""
    return _code(secret, window_of(moment))


def code_counts(secret: bytes, code: str, sent_at: datetime) -> bool:
    """Whether the code was shown when the message was sent, or just before."""
    windows = range(window_of(sent_at - GRACE), window_of(sent_at + AHEAD) + 1)
    return any(hmac.compare_digest(_code(secret, window).encode(), code.encode()) for window in windows)


def _code(secret: bytes, window: int) -> str:
    made = hmac.digest(secret, window.to_bytes(8, "big"), "sha256")
    return f"{int.from_bytes(made[:8], 'big') % 10**DIGITS:0{DIGITS}d}"
