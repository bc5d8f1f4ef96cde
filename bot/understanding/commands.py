"""Commands (口令): whole messages that match a pattern of ``data/commands.toml``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add

from bot.understanding.lexicon import CommandRules, LexiconError
from bot.understanding.templates import Compiler, Template, TemplateError
from bot.understanding.tokens import Span

TIERS = {"sure": "一说就是", "spoken": "口语", "addressed": "点名才算", "likely": "半拿不准"}
"""The strictness of patterns, and its name in Chinese."""

CONFIDENCE = {"sure": 0.97, "spoken": 0.9, "addressed": 0.95, "likely": 0.6}
_ONLY_ADDRESSED = frozenset({"addressed", "likely"})

SPOKEN_LENGTH = 120
"""Characters up to which the looser patterns are tried: longer texts are not spoken commands, and cost too much."""

_THANKS = r"(?:[\W_]*(?:谢谢|多谢|感谢|辛苦|拜托|哈|啊|呀|哦|噢|哟|啦|了|嘞|咯|书记|小蜂|大家)+)?"
_STATEMENT = rf"{_THANKS}[^\w?]*"
_QUESTION = rf"[了的啊呀]?[吗么呢吧啊呀没?]*{_THANKS}\W*"
_GREETING = re.compile(
    r"(?:(?:小蜂|书记|领导|各位|大家好|你好|您好|麻烦|请问|请(?!假|问)|帮我|那个|喂|哎|嗯|报告|问一下|想问下|问下|早上好)[你您]?[\s,.:;!~]*)+"
)


@dataclass(frozen=True, slots=True)
class Match:
    """A message that is a command: what it means, how sure that is, and where its slots stand."""

    intent: str
    tier: str
    literal: int
    slots: Mapping[str, Span]
    source: str
    """The pattern as it stands in ``commands.toml``."""

    @property
    def confidence(self) -> float:
        """How sure a pattern of its strictness is by itself."""
        return CONFIDENCE[self.tier]


@dataclass(frozen=True, slots=True)
class _Entry:
    intent: str
    tier: str
    staff: bool
    asks: bool
    template: Template


class Commands:
    """All patterns, indexed by the words they cannot do without."""

    def __init__(self, commands: Mapping[str, CommandRules], classes: Mapping[str, Sequence[str]]) -> None:
        """Raises LexiconError for a pattern that cannot be read."""
        compiler = Compiler(classes)
        entries = (entry for intent, rules in commands.items() for entry in _entries(compiler, intent, rules))
        # the surest first, then the one with most words, then the first of the file
        self._ranked = sorted(entries, key=lambda entry: (-CONFIDENCE[entry.tier], -entry.template.literal))
        self._always = [rank for rank, entry in enumerate(self._ranked) if not entry.template.needs]
        self._by_start: dict[str, dict[str, list[int]]] = {}
        for rank, entry in enumerate(self._ranked):
            for word in entry.template.needs:
                self._by_start.setdefault(word[:2], {}).setdefault(word, []).append(rank)

    def match(self, text: str, *, addressed: bool, staff: bool) -> tuple[Match | None, Match | None]:
        """The command that a folded text is, and the one that it would be if 小蜂 had been addressed by a secretary: of
        each the surest, and of these the one with most words.
        """
        greeting = _GREETING.match(text)
        starts = [0, greeting.end()] if greeting and greeting.end() < len(text) else [0]
        asked, long = text.rstrip().endswith("?"), len(text) > SPOKEN_LENGTH
        heard: Match | None = None
        for rank in sorted(self._candidates(text)):
            entry = self._ranked[rank]
            may = _may_be_meant(entry, addressed=addressed, staff=staff, asked=asked)
            if (long and entry.tier != "sure") or not (may or heard is None):
                continue
            found = _try(entry, text, starts)
            if found is not None:
                heard = heard or found
                if may:
                    return found, heard
        return None, heard

    def _candidates(self, text: str) -> set[int]:
        """The ranks of what has one of its words in the text."""
        ranks = set(self._always)
        for start in {*text, *map(add, text, text[1:])} & self._by_start.keys():
            for word, needing in self._by_start[start].items():
                if len(word) <= 2 or word in text:
                    ranks.update(needing)
        return ranks


def _entries(compiler: Compiler, intent: str, rules: CommandRules) -> Iterator[_Entry]:
    ending = _QUESTION if rules.asks else _STATEMENT
    for tier, sources in rules.patterns.items():
        for source in sources:
            try:
                template = compiler.compile(source, ending)
            except TemplateError as error:
                raise LexiconError(f"commands.toml 的 {intent} 有一条读不懂：{error}（{source}）") from error
            yield _Entry(intent, tier, rules.staff, rules.asks, template)


def _may_be_meant(entry: _Entry, *, addressed: bool, staff: bool, asked: bool) -> bool:
    if addressed:
        return True
    if entry.tier in _ONLY_ADDRESSED or (asked and not entry.asks):
        return False
    return staff or not (entry.staff and entry.tier == "spoken")


def _try(entry: _Entry, text: str, starts: Sequence[int]) -> Match | None:
    for start in starts:
        found = entry.template.expression.fullmatch(text, start)
        if found:
            spans = {name: Span(*found.span(name)) for name, said in found.groupdict().items() if said}
            return Match(entry.intent, entry.tier, entry.template.literal, spans, entry.template.source)
    return None
