"""What a text means: the result of understanding."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Slot = str | int | float

HAZARD, APPEAL = "hazard_report", "appeal_file"
CASES = frozenset({HAZARD, APPEAL})
"""The intents that open a case."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a person wants, with how sure that is.

    ``slots`` uses the names of the contract: code, case, into, number, place, time (ISO 8601), hours, points,
    person, item, org, kind, topic, text.
    """

    name: str
    confidence: float
    reply: bool
    """The bot would answer or act at all, were there no other context than the text itself."""
    slots: Mapping[str, Slot] = field(default_factory=dict)
    category: str | None = None
    """Of a hazard or an appeal."""
    sureness: float | None = None
    """How sure the trained classifier is of ``category``, from 0 to 1; None where only the lexicon has spoken."""
    danger: str = ""
    """Life is in danger: fire, gas, injury or crime; empty otherwise."""
    acknowledges: bool = False
    """It means nothing by itself, but it is what people say to a notice (1, 👌, 好的), if one is waiting for it."""
    where: str = ""
    """It may mean nothing by itself, but all of it names a place: the answer of somebody who was asked where."""
    alternatives: tuple[str, ...] = ()
    """The intents that a half-understood text may mean, the likeliest first, which is ``name``; at most three. Empty
    where there is nothing to ask, or nobody who was spoken to."""

    def text(self, slot: str) -> str:
        """A slot as text; empty where it is missing."""
        return str(self.slots.get(slot, ""))

    def integer(self, slot: str) -> int | None:
        """A slot as a whole number, or None."""
        value = self.slots.get(slot)
        return int(value) if isinstance(value, int | float) else None


NONE = Intent("none", 1.0, reply=False)
