"""Refusals of callbacks, and what the error codes of the API mean for a delivery (page 90455)."""

from collections.abc import Callable, Mapping

from bot.delivery import Refused, RetryLater

TOKEN_CODES = frozenset({40001, 40014, 42001})
"""The access token is wrong, malformed or expired; it may end before its time (page 91039)."""
UNREACHABLE_SECONDS = 5.0
OPERATOR_SECONDS = 60.0
"""An operator has to mend it; until then one attempt a minute."""
WAITS = {
    -1: (2.0, False),  # the system is busy
    6000: (2.0, False),  # somebody else is changing the same thing
    45009: (60.0, True),  # calls of this API; the shortest window is a minute
    45011: (60.0, True),  # the same, of official accounts
    45033: (2.0, True),  # calls at the same time
    60020: (OPERATOR_SECONDS, True),  # our address is not among the trusted ones
    40164: (OPERATOR_SECONDS, True),  # the same, of official accounts
}
"""Seconds to wait, and whether the whole bot has to."""

Meaning = Callable[[str], Exception]
"""Makes the exception for a code, for instance ``Closed``."""


class Rejected(Exception):
    """The callback is refused with HTTP ``status``; ``reason`` is fixed text for the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def failure(code: int, status: int, meanings: Mapping[int, Meaning]) -> Exception:
    """What an answer with an errcode other than 0 means; ``meanings`` are those of one platform and go first."""
    if code in meanings:
        return meanings[code](str(code))
    if code in TOKEN_CODES:
        return RetryLater(str(code), UNREACHABLE_SECONDS, everything=True)
    if code in WAITS:
        seconds, everything = WAITS[code]
        return RetryLater(str(code), seconds, everything=everything)
    return unreadable(status) if status >= 500 else Refused(str(code))


def unreadable(status: int) -> RetryLater:
    """What an answer that is not the API's JSON means."""
    throttled = status == 429
    return RetryLater(f"http_{status}", UNREACHABLE_SECONDS, everything=throttled)
