"""Filling: the slots of an intent, from what a pattern named and from the whole text, however it is said.

``data/filling.toml`` is the one place that says which slots an intent has.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

from bot.understanding import finders
from bot.understanding.edges import Edges
from bot.understanding.intent import APPEAL, HAZARD, Slot
from bot.understanding.lexicon import Lexicon, LexiconError
from bot.understanding.normalise import Message
from bot.understanding.places import Place, PlaceFinder
from bot.understanding.slots import FoundSlot, find_hours, left_of, value_of
from bot.understanding.times import Times
from bot.understanding.tokens import Span, Token

_REST = ("rest", "done", "reason")
"""What a pattern leaves for looking at; see ``slots.EXPRESSIONS``."""
_CHECKED = frozenset({"org", "item"})
"""Slots whose end a pattern can only guess."""
_FILLER = (
    r"(?:[\s,.!?:;~]|把|将|给|它|他|她|的|这个|那个|这条|那条|这|那|条|单|就|先|都|已经|可以|吧|了|哈|呗|啊|嘛|哦"
    r"|请|麻烦"
    r"|帮我|一下|号|工单|案件|案|我|咱|小蜂|喽|嘞|咯)*"
)
_POINTED = re.compile("^(?:号|的|[那这][个条]?)+")
_EDGES = re.compile(r"[\s,.!?;~，。！？；]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which slots an intent has; see the head of ``filling.toml``."""

    find: tuple[str, ...] = ()
    left: str = ""
    whole: bool = False
    free: tuple[str, ...] = ()


@dataclass(slots=True)
class _Said:
    """A text whose slots are looked for, and what has been found of them."""

    intent: str
    message: Message
    tokens: Sequence[Token]
    place: Place | None
    now: datetime
    captured: Mapping[str, Span]
    slots: dict[str, Slot] = field(default_factory=dict)
    taken: list[Span] = field(default_factory=list)

    @property
    def folded(self) -> str:
        return self.message.folded

    def add(self, name: str, value: Slot, span: Span) -> None:
        self.slots.setdefault(name, value)
        self.taken.append(span)

    def add_literal(self, name: str, span: Span | None) -> None:
        if span is not None:
            self.add(name, self.message.literal(span), span)

    def add_number(self, name: str, number: "finders.Number | None") -> None:
        if number is not None:
            self.add(name, number.value, number.span)


class Filler:
    """Finds the slots of a text whose intent is known. One instance may be shared by threads."""

    def __init__(self, lexicon: Lexicon, places: PlaceFinder, edges: Edges) -> None:
        """Raises LexiconError where ``filling.toml`` has a mistake."""
        table = _table()
        words = {name: tuple(str(listed).split()) for name, listed in table["words"].items()}
        classes = lexicon.classes
        self._as_named: Mapping[str, str] = table["as_named"]
        self._places = places
        self._edges = edges
        self._times = Times(dict(lexicon.parts_of_day))
        self._people = finders.People(words["surnames"], words["titles"])
        self._units = finders.Units(words["units"])
        self._prizes = finders.Prizes((*classes["奖品"], *words["prizes"]))
        self._venues = finders.Venues(words["venues"])
        self._words = {
            "lesson": ("kind", (finders.Words(classes["会种"]), finders.Words((*words["lessons"], *self._as_named)))),
            "ledger": ("kind", (finders.Words((*classes["台账"], *words["ledgers"])), finders.Words(("台账", "记录")))),
            "facility": (
                "item",
                (
                    finders.Words({*classes["设施"], *words["facilities"], *self._as_named} - {*words["tools"]}),
                    finders.Words(words["tools"]),
                ),
            ),
        }
        self._finders: Mapping[str, Callable[[_Said], None]] = {
            "code": self._add_code,
            "time": self._add_time,
            "when": self._add_when,
            "place": self._add_place,
            "venue": self._add_venue,
            "site": self._add_site,
            "case": _add_case,
            "merged": _add_merged,
            "hours": _add_hours,
            "claim": _add_claim,
            "activity": lambda said: said.add_number("number", finders.activity_number(said.folded)),
            "headcount": lambda said: said.add_number("number", finders.headcount(said.folded)),
            "rating": lambda said: said.add_number("points", finders.rating(said.folded)),
            "award": lambda said: said.add_number("points", finders.award(said.folded)),
            "person": self._add_person,
            "unit": lambda said: said.add_literal("org", self._units.find(said.folded)),
            "branch": lambda said: said.add_literal("org", finders.branch(said.folded)),
            "prize": lambda said: said.add_literal("item", self._prizes.find(said.folded)),
            "lesson": lambda said: self._add_word(said, "lesson"),
            "ledger": lambda said: self._add_word(said, "ledger"),
            "facility": lambda said: self._add_word(said, "facility"),
        }
        self._wanted = {intent: _wanted(entry, self._finders) for intent, entry in table["intents"].items()}
        self._told = {
            intent: re.compile(f"{_FILLER}(?:{finders.longest_first(str(told).split())}){_FILLER}")
            for intent, told in table["told"].items()
        }

    def fill(
        self,
        intent: str,
        message: Message,
        tokens: Sequence[Token],
        place: Place | None,
        now: datetime,
        captured: Mapping[str, Span] | None,
    ) -> dict[str, Slot]:
        """The slots of a text that means ``intent``, which holds ``place``.

        ``captured`` are the spans that a pattern named; None where no pattern matched: a free sentence.
        """
        wanted = self._wanted.get(intent, _NOTHING)
        said = _Said(intent, message, tokens, place, now, captured or {})
        named = _named(message, captured or {})
        doubtful = {name for name in named if name in _CHECKED}
        said.slots.update((name, value) for name, value in named.items() if name not in doubtful)
        if captured is None:
            said.slots.update(dict.fromkeys(wanted.free, message.text))
        for name in wanted.find:
            self._finders[name](said)
        for name in doubtful:
            said.slots[name] = _better(named[name], said.slots.get(name))
        self._add_rest(intent, said, wanted, named, captured)
        return said.slots

    def _add_rest(
        self,
        intent: str,
        said: _Said,
        wanted: Wanted,
        named: Mapping[str, Slot],
        captured: Mapping[str, Span] | None,
    ) -> None:
        """The slot for what has told nothing else."""
        if wanted.whole and not named:
            said.slots.setdefault("text", said.message.text)
        if not wanted.left or wanted.left in said.slots:
            return
        if captured is not None:
            rest = next((captured[name] for name in _REST if name in captured), None)
            remainder = left_of(said.message, rest, said.taken) if rest else ""
        elif intent in self._told:
            remainder = self._untold(intent, said)
        else:
            remainder = said.message.text
        if remainder:
            said.slots[wanted.left] = remainder

    def _untold(self, intent: str, said: _Said) -> str:
        """What a free sentence tells besides the order and its slots: 垃圾已经清了 of 1024那个垃圾已经清了 办结吧."""
        kept = []
        start = 0
        for edge in [*_EDGES.finditer(said.folded), None]:
            end = edge.start() if edge else len(said.folded)
            clause = left_of(said.message, Span(start, end), said.taken) if end > start else ""
            if clause and not self._told[intent].fullmatch(clause) and not re.fullmatch(_FILLER, clause):
                kept.append(_POINTED.sub("", clause) or clause)
            start = edge.end() if edge else end
        return " ".join(kept)

    @staticmethod
    def _add_code(said: _Said) -> None:
        found = finders.code(said.folded) if "code" not in said.slots else None
        if found:
            said.add("code", *found)

    def _add_person(self, said: _Said) -> None:
        span = self._people.find(said.folded, said.captured.get("person"))
        if span is not None:
            said.slots["person"] = said.message.literal(span)
            said.taken.append(span)

    def _add_word(self, said: _Said, name: str) -> None:
        slot, lists = self._words[name]
        for words in lists:
            found = words.find(said.folded)
            if found:
                word = said.folded[found.start : found.end]
                literal = said.message.literal(found) if name == "facility" else word
                said.add(slot, self._as_named.get(word, literal), found)
                return

    def _add_time(self, said: _Said) -> None:
        found = self._times.find(said.folded, said.now)
        if found:
            said.add("time", found.moment.isoformat(), Span(found.start, found.end))

    def _add_when(self, said: _Said) -> None:
        found = self._times.meant(said.folded, said.now)
        if found:
            said.slots.setdefault("time", found[0].isoformat())
            said.taken += (Span(*stretch) for stretch in found[1])

    def _add_place(self, said: _Said) -> None:
        """Where it is. What is made as places are is one for certain, of a hazard also without a name; but who asks
        where a 驿站 is has not named a place by that.
        """
        if "place" in said.slots:
            return
        place = said.place
        certain = place is not None and (said.intent == HAZARD or (said.intent == APPEAL and place.named))
        said.add_literal("place", self._edges.find(said.intent, said.folded, said.tokens, place if certain else None))

    def _add_venue(self, said: _Said) -> None:
        """Where a lesson will be: what has told the time or the kind is no part of it, 下午3点社区活动室."""
        if "place" not in said.slots:
            said.add_literal("place", self._venues.find(_blanked(said.folded, said.taken)))
            self._add_site(said)

    def _add_site(self, said: _Said) -> None:
        if "place" in said.slots:
            return
        free = [token if _is_free(token, said.taken) else _blank(token) for token in said.tokens]
        place = self._places.find(_blanked(said.folded, said.taken), free)
        said.add_literal("place", place.span if place else None)


_NOTHING = Wanted()


def _blanked(text: str, taken: Sequence[Span]) -> str:
    """The text with spaces for what has told something already."""
    for span in taken:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def _is_free(token: Token, taken: Sequence[Span]) -> bool:
    return all(token.span.gap(span) >= 0 for span in taken)


def _blank(token: Token) -> Token:
    return Token(" " * len(token.word), token.span)


def _table() -> Mapping[str, Any]:
    file = files("bot.understanding") / "data" / "filling.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(f"filling.toml 读不懂：{error}") from error


def _wanted(entry: Mapping[str, Any], known: Mapping[str, object]) -> Wanted:
    unknown = set(entry.get("find", ())) - known.keys()
    if unknown:
        raise LexiconError(f"filling.toml 要找的空格没有：{'、'.join(sorted(unknown))}")
    return Wanted(
        find=tuple(entry.get("find", ())),
        left=str(entry.get("left", "")),
        whole=bool(entry.get("whole", False)),
        free=tuple(entry.get("free", ())),
    )


def _named(message: Message, captured: Mapping[str, Span]) -> dict[str, Slot]:
    """The slots that the pattern itself named."""
    named: dict[str, Slot] = {}
    for name, span in captured.items():
        value = value_of(name, message.literal(span), message.folded[span.start : span.end])
        if value is not None and value != "":
            named[name] = value
    return named


def _better(captured: Slot, found: Slot | None) -> Slot:
    """物业 rather than 物业吧, but 欧阳娜 rather than nobody."""
    return found if found is not None and str(found) in str(captured) else captured


def _add_case(said: _Said) -> None:
    if "case" not in said.slots:
        numbers = finders.case_numbers(said.folded)
        said.add_number("case", numbers[0] if numbers else None)


def _add_claim(said: _Said) -> None:
    """Also where a pattern took 两个人交了…，申报83驳回 for the claim 2."""
    found, captured = finders.claim_number(said.folded), said.captured.get("number")
    if found and captured and not said.folded[captured.start : captured.end].strip("# ").isascii():
        said.slots["number"] = found.value
    said.add_number("number", found)


def _add_merged(said: _Said) -> None:
    if "into" in said.slots:
        return
    pair = finders.merged(said.folded)
    if pair:
        said.slots["case"], said.slots["into"] = pair[0].value, pair[1].value
    else:
        _add_case(said)


def _add_hours(said: _Said) -> None:
    found: FoundSlot | None = find_hours(said.folded)
    if found:
        said.add(found.name, found.value, found.span)
