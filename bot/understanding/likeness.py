"""Likeness (相似): whether two reports tell of the same thing at the same place. Pure; the words are in
``data/likeness.toml``.

Two places are the same where the names are, however they are written (一百七十号院 and 170号院, 人民路和解放街路口 and
解放街人民路交叉口, a misheard 冬门 and 东门), and where neither number, gate nor side speaks against it. Of the texts
counts what is wrong with what; the place, polite words and marks do not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import cos, hypot, radians
from typing import Final

from bot.understanding.categories import OTHER
from bot.understanding.lexicon import likeness_words
from bot.understanding.normalise import LONGEST, folded
from bot.understanding.numerals import CHINESE, whole_number
from bot.understanding.sounds import Sounds, sounds

ALIKE: Final = 0.55
"""Likeness of two texts from which they tell of the same thing."""
SURELY_ALIKE: Final = 0.65
"""The same where they were put into two categories: 路灯不亮 at a crossing may be 道路交通."""
NEAR: Final = 250.0
"""Metres within which two points on the map may be the same place."""
_METRES_PER_DEGREE = 111_320.0
_NUMBER = re.compile(
    rf"(?<![\d月])([a-z]?\d+|[{CHINESE}]+)个?"
    r"(号院|号楼|号门|号店|号口|单元|号|栋|幢|座|层|楼|室|区|期|弄)(?!线)"
)
_UNITS = {"号院": "号", "号店": "号", "栋": "号楼", "幢": "号楼", "座": "号楼", "楼": "层"}
_DETAILS = frozenset({"单元", "层", "室"})
"""Who leaves these out has not told of another place."""
_SHORTEST_NAME = 3
"""Characters of a name that may stand for a longer one."""
_MARKS = re.compile(r"[^\w]+")
_AND = re.compile("(?<=[路街道巷口])[和与跟及]")
_DISTRICT = re.compile(r"^.*(?:[省市]|(?<=..)区(?!.?$)|(?<=..)县)(?=..)")
_ROAD = re.compile(r".+?(?:大道|大街|路|街|巷)(?=.)|.+")
_INNER = re.compile("(?<=..)(?:小区|里|里小区)$")
_GATE = re.compile("[东西南北]大?门|后门|侧门|正门")
_SIDE_WITHIN = re.compile(rf"{_GATE.pattern}|[东西南北][边侧]|斜对面|正?对面|旁边|门口")
_CROSSING = "路口"
_AT_CROSSING = re.compile("..+?(?:十字|丁字|三岔|交叉)?(?:路口|交叉口|交汇处)")


@dataclass(frozen=True, slots=True)
class Report:
    """What counts of a report."""

    category: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A place taken apart: names as they sound, numbers by their units, and gates or sides."""

    names: frozenset[str]
    numbers: Mapping[str, str]
    sides: frozenset[str]

    @property
    def told(self) -> bool:
        """Whether it can be told from others at all."""
        return bool(self.names or self.numbers or self.sides)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a text says beside the place."""

    things: Mapping[str, int]
    """The words of things as they sound, and the group of each."""
    troubles: frozenset[int]
    pieces: frozenset[str]
    """Characters and pairs of them, as they sound."""


class Likeness:
    """Compares reports. Loading takes some milliseconds; one instance may be shared by threads."""

    def __init__(self) -> None:
        """Raises LexiconError if the data file has a mistake."""
        words = likeness_words()
        self._sounds = sounds()
        self._things = _Groups(words["things"], self._sounds)
        self._troubles = _Groups(words["troubles"], self._sounds)
        self._fillers = _any(words["fillers"].split())
        self._leading = re.compile(f"(?:{self._fillers.pattern})+(?=..)")
        self._sides = _side_words(words["sides"], words["vague"], self._sounds)
        self._longest_side = max(map(len, self._sides))
        self._everywhere_sides = frozenset(words["everywhere"].split())
        self._everywhere = frozenset(map(self._sounds.of, self._everywhere_sides))

    def spot(self, place: str, text: str = "") -> Spot:
        """The place, with the numbers and gates that the text may add to it."""
        numbers: dict[str, str] = {}
        bare = _bare(place)
        if leading := self._leading.match(bare):
            bare = bare[leading.end() :]
        name, *behind = _NUMBER.sub(lambda found: _taken(found, numbers), bare).split(" ")
        names, sides = self._named(name)
        for piece in behind:
            # what follows a number is in the house, but for 对面
            more, more_sides = self._named(piece)
            names, sides = names or more, sides | more_sides | self._sides_before(piece)
        if text:
            said = _bare(text)
            _NUMBER.sub(lambda found: _taken(found, numbers), said)
            if _bare(place):
                sides |= self._sides_before(said.partition(_bare(place))[2])
            sides |= {self._sides[self._sounds.of(gate)] for gate in _GATE.findall(said)}
        if len(names) > 1:
            sides.discard(_CROSSING)
        return Spot(frozenset(names), numbers, frozenset(sides))

    def may_be(self, here: Spot) -> Callable[[str], bool]:
        """Tells of other places whether they may be this one, by themselves: quickly, for thousands of them.

        Where it says no, ``same_spot`` would, whatever else was said there.
        """
        characters = {character for name in here.names for character in name[-_SHORTEST_NAME:]}

        def look(other: str) -> bool:
            if not characters.issubset(self._sounds.of(folded(other))):
                return False
            there = self.spot(other)
            return _same_names(there.names, here.names) and not self.contradict(here, there)

        return look if here.told else lambda _: False

    def same_spot(self, one: Spot, other: Spot) -> bool:
        """Whether two places that are told in words are the same one."""
        if not one.told or not _same_names(one.names, other.names) or one.sides != other.sides:
            return False
        missing = one.numbers.keys() ^ other.numbers.keys()
        return missing <= _DETAILS and not self.contradict(one, other)

    def contradict(self, one: Spot, other: Spot) -> bool:
        """Whether numbers or gates tell that two places are not the same, near as they may be."""
        if any(other.numbers.get(unit, number) != number for unit, number in one.numbers.items()):
            return True
        return bool(one.sides and other.sides and not one.sides & other.sides)

    def is_local(self, spot: Spot) -> bool:
        """Whether only neighbours know which place is meant: 东门, 3号楼."""
        return spot.names <= self._everywhere

    def is_everywhere(self, spot: Spot) -> bool:
        """Whether even they do not, for there is one in every street: 门口, 路口, 2单元."""
        return self.is_local(spot) and spot.sides <= self._everywhere_sides and spot.numbers.keys() <= _DETAILS

    def alike(self, one: Report, other: Report) -> float:
        """How alike the words of two reports are, from 0 to 1, without their places; 0 where that is not enough."""
        likeness = self.of(one, other)
        known = {one.category, other.category} - {OTHER}
        return likeness if likeness >= (ALIKE if len(known) <= 1 else SURELY_ALIKE) else 0.0

    def of(self, one: Report, other: Report) -> float:
        """How alike the words of two reports are, from 0 to 1, without their places."""
        first, second = self._content(one.text, one.place), self._content(other.text, other.place)
        fewer = min(len(first.pieces), len(second.pieces))
        overlap = len(first.pieces & second.pieces) / fewer if fewer else 0.0
        if not first.things or not second.things:
            return 0.9 * overlap
        thing = _same_thing(first.things, second.things)
        if not thing:
            return 0.5 * overlap
        known = first.troubles and second.troubles
        trouble = 0.5 if not known else float(bool(first.troubles & second.troubles))
        return 0.55 * thing + 0.2 * trouble + 0.25 * overlap

    def _without_sides(self, piece: str) -> tuple[str, set[str]]:
        """What is left of 万达广场正门口, and its sides."""
        sounded, sides = self._sounds.of(piece), set[str]()
        at = len(sounded)
        while at:
            ends = (sounded[at - size : at] for size in range(min(self._longest_side, at), 0, -1))
            side = next((end for end in ends if end in self._sides), None)
            if side is None:
                break
            at -= len(side)
            before = sounded[:at]
            named = bool(before) and before not in self._sides and before not in self._everywhere
            if named and self._sides[side] == _CROSSING and piece[at] == "路" and piece[at - 1] not in "路街道巷":
                return piece[: at + 1], sides | {_CROSSING}  # 三桥路口 is at 三桥路
            sides |= {self._sides[side]} - {""}
        return piece[:at], sides

    def _named(self, piece: str) -> tuple[set[str], set[str]]:
        """The names in a piece of a place, as they sound, and its sides."""
        names, sides = set[str](), set[str]()
        for part in _AND.split(piece):
            at_crossing = _AT_CROSSING.match(part)  # 和平街路口工地
            rest, part_sides = self._without_sides(at_crossing[0] if at_crossing else part)
            within = _SIDE_WITHIN.search(rest, 2)  # 幸福里东门工地
            if within:
                rest, part_sides = rest[: within.start()], part_sides | {self._sides[self._sounds.of(within[0])]}
            sides |= part_sides
            # 人民路解放街 are two roads; 城关区, 小区 and 里 may be left out
            names |= {self._sounds.of(_INNER.sub("", name)) for name in _ROAD.findall(_DISTRICT.sub("", rest))}
        return {name for name in names if len(name) > 1}, sides

    def _sides_before(self, after: str) -> set[str]:
        """The side that follows a place in a text: 正对面."""
        sounded = self._sounds.of(after)
        words = (sounded[:size] for size in range(self._longest_side, 1, -1))
        side = next((self._sides[word] for word in words if word in self._sides), "")
        return {side} - {""}

    def _content(self, text: str, place: str) -> _Content:
        rest = folded(text[:LONGEST]).replace(folded(place), " ") if place else folded(text[:LONGEST])
        said = _MARKS.sub("", _GATE.sub("", _NUMBER.sub("", rest)))
        sounded = self._sounds.of(_MARKS.sub("", self._fillers.sub(" ", said)))
        pairs = (sounded[at : at + 2] for at in range(len(sounded) - 1))
        return _Content(
            things=self._things.words(said) or self._things.words(_bare(text)),  # 东门工地 may have been the place
            troubles=frozenset(self._troubles.words(said).values()),
            pieces=frozenset(sounded).union(pairs),
        )


class _Groups:
    """Words of which some mean the same."""

    def __init__(self, lines: str, sounds: Sounds) -> None:
        self._sounds = sounds
        self._group: dict[str, int] = {}
        for number, line in enumerate(lines.strip().splitlines()):
            for word in line.split():
                # a single character sounds like too many others
                self._group.setdefault(sounds.of(word) if len(word) > 1 else word, number)
        self._single = frozenset(word for word in self._group if len(word) == 1)
        self._several = _any(word for word in self._group if len(word) > 1)

    def words(self, said: str) -> dict[str, int]:
        """Those that a text contains, the longest first where they overlap, with their groups."""
        sounded = self._sounds.of(said)
        found = {match[0]: self._group[match[0]] for match in self._several.finditer(sounded)}
        spans = [match.span() for match in self._several.finditer(sounded)]
        for at, character in enumerate(said):
            if character in self._single and not any(start <= at < end for start, end in spans):
                found[character] = self._group[character]
        return found


@cache
def likeness() -> Likeness:
    """The one of this process."""
    return Likeness()


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance between two near points given by latitude and longitude in degrees."""
    north = (other[0] - one[0]) * _METRES_PER_DEGREE
    east = (other[1] - one[1]) * _METRES_PER_DEGREE * cos(radians(one[0]))
    return hypot(north, east)


def _same_thing(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """1 for the same; somewhat less where one word is within the other: 垃圾 and 装修垃圾."""
    if set(one.values()) & set(other.values()):
        return 1.0
    within = any(a in b or b in a for a in one for b in other if len(a) > 1 and len(b) > 1)
    return 0.6 if within else 0.0


def _same_names(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has its like; 城关张掖路 is 张掖路, but 南滨河路 is not 滨河路."""
    if len(one) != len(other):
        return False
    return one == other or all(any(_same_name(a, b) for b in other) for a in one)


def _same_name(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    before = len(long) - len(short)
    return long.endswith(short) and (before == 0 or (before > 1 and len(short) >= _SHORTEST_NAME))


def _bare(text: str) -> str:
    """Without marks, spaces and 的, folded; numbers and gates are looked for in this."""
    return _MARKS.sub("", folded(text[:LONGEST])).replace("的", "")


def _taken(found: re.Match[str], numbers: dict[str, str]) -> str:
    """Keeps a number under its unit, and leaves a gap where it stood."""
    said, unit = found[1], found[2]
    numbers.setdefault(_UNITS.get(unit, unit), str(whole_number(said) or said))
    return " "


def _side_words(lines: str, vague: str, sounds: Sounds) -> dict[str, str]:
    """Each word for a side as it sounds, and the one that stands for it; empty for those that say nothing."""
    table = {sounds.of(word): "" for word in vague.split()}
    for line in lines.strip().splitlines():
        first, *others = line.split()
        table |= {sounds.of(word): first for word in (first, *others)}
    return table


def _any(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
