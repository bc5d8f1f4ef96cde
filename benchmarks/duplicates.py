"""Finding duplicates: precision and recall on made-up reports, each read by the real understanding, and how long a look
takes among two thousand.

``python -m benchmarks.duplicates`` measures with a vocabulary that nothing was tuned with (see ``benchmarks.reports``).
``--tuning`` measures with the other, ``--wrong`` lists what went wrong.
"""

import gc
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from benchmarks.reports import MEASURING, SAME, TUNING, Pair, Vocabulary, pairs
from bot.handling import Batch, Context
from bot.messages import IncomingMessage
from bot.posting import Posting, Roads
from bot.understanding.categories import OTHER
from bot.understanding.intent import HAZARD, Intent
from bot.understanding.likeness import Report, likeness
from bot.understanding.understanding import Understanding
from handlers.duplicates import alike
from handlers.registering import Told
from models.cases import CaseKind
from models.database import Database
from models.organisations import Organisation
from models.sealing import unlock
from tests.unit.city import City

SEED = 2026
OF_EACH = 150
"""Pairs of each kind of near miss: 1,500 pairs in all."""
PRECISION, RECALL = 0.95, 0.8
"""What is wanted."""
_NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Measured:
    """How many pairs of each kind were taken to be the same, and how many were not."""

    taken: Counter[str]
    left: Counter[str]
    wrong: tuple[Pair, ...]
    unread: int
    """Pairs of the same of which one text at least was not taken for a report of a hazard: never found."""

    @property
    def precision(self) -> float:
        """Of those taken to be the same, how many are."""
        return self.taken[SAME] / (self.taken.total() or 1)

    @property
    def recall(self) -> float:
        """Of those that are the same, how many were found."""
        return self.taken[SAME] / ((self.taken[SAME] + self.left[SAME]) or 1)


class Detector:
    """Two texts through understanding and likeness, as the bot has them."""

    def __init__(self) -> None:
        self._understanding = Understanding()
        self._likeness = likeness()

    def same(self, pair: Pair) -> bool | None:
        """Whether the second would be offered the first; None where one is not taken for a hazard."""
        one, other = (self._understanding.understand(text, addressed=True, now=_NOW) for text in (pair.one, pair.other))
        if one.name != HAZARD or other.name != HAZARD:
            return None
        first, second = _report(one, pair.one), _report(other, pair.other)
        spots = self._likeness.spot(first.place, first.text), self._likeness.spot(second.place, second.text)
        near = self._likeness.same_spot(*spots) and not self._likeness.is_everywhere(spots[0])
        return near and bool(self._likeness.alike(first, second))


def _report(intent: Intent, text: str) -> Report:
    return Report(intent.category or OTHER, intent.text("place"), text)


def measure(vocabulary: Vocabulary, seed: int = SEED, of_each: int = OF_EACH) -> Measured:
    """Reads pairs of reports and compares them."""
    detector, taken, left, wrong, unread = Detector(), Counter[str](), Counter[str](), [], 0
    for pair in pairs(vocabulary, seed, of_each):
        same = detector.same(pair)
        (taken if same else left)[pair.kind] += 1
        unread += same is None and pair.kind == SAME
        if bool(same) != (pair.kind == SAME):
            wrong.append(pair)
    return Measured(taken, left, tuple(wrong), unread)


def look(candidates: int = 2000, times: int = 5) -> float:
    """Milliseconds of processor time that one look takes, at most, among so many hazards of one city."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/city.db")
        database.upgrade()
        with database.write.begin() as session:
            branch = _reported(City(session), candidates)
            context = _context(session)
            told = _told()
            alike(context, branch, told)
            took = []
            for _ in range(times):
                start = time.process_time()
                alike(context, branch, told)
                took.append((time.process_time() - start) * 1000)
        database.close()
    return max(took)


def _reported(city: City, candidates: int) -> Organisation:
    """A city's hazards of a week; a tenth of them in one compound, a third with a point on the map."""
    branch, rng = city.organisation(), random.Random(SEED)
    for number in range(candidates):
        name = "幸福里" if number % 10 == 0 else rng.choice((*MEASURING.compounds, *MEASURING.roads))
        case = city.case(branch, _NOW - timedelta(days=7), place=f"{name}{rng.randint(1, 99)}号院")
        if number % 3 == 0:
            case.latitude, case.longitude = 36 + rng.random(), 103 + rng.random()
    return branch


def _context(session: Session) -> Context:
    message = IncomingMessage("feishu", "main", "key", "chat", private=True, sender="ou_one", sent_at=_NOW)
    return Context(Batch(session, _NOW, Posting(session, _NOW, Roads()), {}, {}), message, 1, None, None)


def _told() -> Told:
    return Told(
        kind=CaseKind.HAZARD,
        text="幸福里100号院井盖没了",
        category="道路交通",
        sureness=None,
        place="幸福里100号院",
        latitude=None,
        longitude=None,
        photos=(),
        urgent=False,
        message_id=1,
    )


def main() -> None:
    """Prints what was measured; fails below what is wanted."""
    gc.set_threshold(50_000, 20, 20)  # as the server does: else a full collection falls into a look
    measured = measure(TUNING if "--tuning" in sys.argv else MEASURING)
    for kind in measured.taken | measured.left:
        _say(f"{kind}: {measured.taken[kind]} of {measured.taken[kind] + measured.left[kind]} taken to be the same")
    for pair in measured.wrong if "--wrong" in sys.argv else ():
        _say(f"  {pair.kind}  {pair.one} | {pair.other}")
    _say(f"precision {measured.precision:.3f} (wanted {PRECISION}), recall {measured.recall:.3f} (wanted {RECALL})")
    total = measured.taken[SAME] + measured.left[SAME]
    of_read = measured.taken[SAME] / (total - measured.unread)
    _say(f"  {measured.unread} pairs hold a text that is not taken for a hazard; recall of the others {of_read:.3f}")
    unlock(secrets.token_bytes(32))
    _say(f"one look among 2,000 hazards: {look():.0f} ms of one core, at most (wanted 20)")
    if measured.precision < PRECISION or measured.recall < RECALL:
        sys.exit(1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
