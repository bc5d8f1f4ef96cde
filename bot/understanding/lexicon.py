"""The lexicon: the data files of this package, read and checked.

They are written for readers who do not program; ``LexiconError`` tells in Chinese what cannot be read in them.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

COMPUTED = frozenset({"地点", "处所", "数额"})
"""Signs that are found by looking, not by a list of words."""


class LexiconError(Exception):
    """A data file of the lexicon has a mistake; the message names the file and the place."""


@dataclass(frozen=True, slots=True)
class CommandRules:
    """How the patterns of one intent are read; see the head of ``commands.toml``."""

    patterns: Mapping[str, tuple[str, ...]]
    """By strictness: sure, spoken, addressed, likely."""
    staff: bool
    asks: bool
    fields: bool


@dataclass(frozen=True, slots=True)
class PlaceWords:
    """How places are said; see ``places.toml``."""

    endings: tuple[str, ...]
    units: tuple[str, ...]
    sides: frozenset[str]
    alone: frozenset[str]
    stops: frozenset[str]
    """Words that no name contains."""
    bare_endings: frozenset[str]
    no_names: tuple[str, ...]
    after_names: frozenset[str]
    shops: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcknowledgementWords:
    """What people say to a notice; see ``acknowledgements.toml``."""

    words: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All data of the package."""

    classes: Mapping[str, tuple[str, ...]]
    commands: Mapping[str, CommandRules]
    pairs: Mapping[str, Sequence[str]]
    """Word classes that say more where they stand close together: of each, the others."""
    groups: Mapping[str, frozenset[str]]
    """Word classes of which none, one or several tell whether a text is about something at all."""
    categories: Mapping[str, Mapping[str, Mapping[str, int]]]
    """Intent, then category, then the weight of each word."""
    dangers: Mapping[str, tuple[str, ...]]
    """The word classes that tell of each danger."""
    hypothetical: tuple[str, ...]
    harmless: frozenset[str]
    """The word classes with which nobody is in danger now."""
    places: PlaceWords
    parts_of_day: Mapping[str, int]
    acknowledgements: AcknowledgementWords

    def words(self) -> Iterator[str]:
        """Every word that the lexicon knows, for the segmenter; some come more than once."""
        for group in self.classes.values():
            yield from group
        for categories in self.categories.values():
            for weights in categories.values():
                yield from weights
        yield from self.places.sides
        yield from self.places.alone


def load() -> Lexicon:
    """Raises LexiconError where a data file has a mistake."""
    dangers = _table("dangers")
    hypothetical = tuple(str(dangers.pop("hypothetical")).split())
    harmless = frozenset(str(dangers.pop("harmless")).split())
    evidence = _table("evidence")
    classes = {name: _words(entry) for name, entry in _table("words").items()}
    lexicon = Lexicon(
        classes=classes,
        commands={name: _command_rules(entry) for name, entry in _table("commands").items()},
        pairs=_pairs(evidence["pairs"]),
        groups={name: frozenset(classes.split()) for name, classes in evidence["groups"].items()},
        categories={intent: _categories(entry) for intent, entry in _table("categories").items()},
        dangers={danger: tuple(names.split()) for danger, names in dangers.items()},
        hypothetical=hypothetical,
        harmless=harmless,
        places=_place_words(_table("places"), classes),
        parts_of_day=parts_of_day(),
        acknowledgements=_acknowledgement_words(_table("acknowledgements")),
    )
    _check(lexicon)
    return lexicon


@cache
def parts_of_day() -> Mapping[str, int]:
    """The hour that a part of the day stands for when no clock time is said."""
    parts: Mapping[str, int] = _table("times")["parts"]
    return parts


@cache
def word_class(name: str) -> tuple[str, ...]:
    """The words of one class alone. Raises KeyError where there is none of that name."""
    return _words(_table("words")[name])


@cache
def category_names(intent: str) -> tuple[str, ...]:
    """The categories of ``hazard_report`` or ``appeal_file``, without 其他. Raises KeyError for other intents."""
    return tuple(_table("categories")[intent])


def likeness_words() -> Mapping[str, str]:
    """What makes two reports alike; see ``likeness.toml``."""
    return _table("likeness")


def _table(name: str) -> dict[str, Any]:
    file = files("bot.understanding") / "data" / f"{name}.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(f"{name}.toml 读不懂：{error}") from error


def _words(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(entry["words"]).split()))


def _command_rules(entry: Mapping[str, Any]) -> CommandRules:
    tiers = ("sure", "spoken", "addressed", "likely")
    return CommandRules(
        patterns={tier: tuple(entry.get(tier, ())) for tier in tiers},
        staff=entry.get("staff", False),
        asks=entry.get("asks", False),
        fields=entry.get("fields", False),
    )


def _pairs(told: Sequence[str]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for first, _, second in (pair.partition(" + ") for pair in told):
        pairs.setdefault(first, []).append(second)
    return pairs


def _categories(entry: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, int]]:
    return {
        category: dict.fromkeys(words["weak"].split(), 1) | dict.fromkeys(words["strong"].split(), 3)
        for category, words in entry.items()
    }


def _place_words(entry: Mapping[str, str], classes: Mapping[str, Sequence[str]]) -> PlaceWords:
    words = {name: entry[name].split() for name in entry}
    own = {*words["sides"], *words["alone"], *words["endings"]}
    unlike = {word for name in words["not_in_names"] for word in classes[name]}
    return PlaceWords(
        endings=tuple(words["endings"]),
        units=tuple(words["units"]),
        sides=frozenset(words["sides"]),
        alone=frozenset(words["alone"]),
        stops=frozenset(words["stops"]) | (unlike - own),
        bare_endings=frozenset(words["bare_endings"]),
        no_names=tuple(words["no_names"]),
        after_names=frozenset(words["after_names"]),
        shops=tuple(words["shops"]),
        things=tuple(words["things"]),
    )


def _acknowledgement_words(entry: Mapping[str, str]) -> AcknowledgementWords:
    return AcknowledgementWords(tuple(entry["words"].split()), tuple(entry["beside"].split()))


def _check(lexicon: Lexicon) -> None:
    known = COMPUTED | lexicon.classes.keys()
    told = lexicon.pairs.keys() | set().union(*lexicon.pairs.values(), *lexicon.groups.values())
    unknown = told - known
    if unknown:
        raise LexiconError(f"evidence.toml 提到了没有的词类：{'、'.join(sorted(unknown))}")
    missing = {name for names in lexicon.dangers.values() for name in names} | lexicon.harmless
    missing -= known
    if missing:
        raise LexiconError(f"dangers.toml 提到了没有的词类：{'、'.join(sorted(missing))}")
