"""Understanding: what a text means, and whether the bot should answer it at all."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from bot.understanding import lexicon as lexicons
from bot.understanding.acknowledgements import Acknowledgements
from bot.understanding.categories import OTHER, Categories, danger_of
from bot.understanding.classifier import SURE, Classifier, best
from bot.understanding.commands import Commands, Match
from bot.understanding.evidence import Signs, confidence, gather
from bot.understanding.fields import PLACE, TOPIC, labelled, without_labelled
from bot.understanding.intent import NONE, Intent, Slot
from bot.understanding.normalise import Message, normalise
from bot.understanding.places import Place, PlaceFinder, same_place
from bot.understanding.segment import Segmenter
from bot.understanding.slots import SlotFinder, value_of, without
from bot.understanding.times import Times
from bot.understanding.tokens import PhraseFinder, Span, Token, tokens_of

ACT = 0.8
"""Confidence from which the bot acts though nobody spoke to it."""

HALF = 0.4
"""Confidence from which it answers one who spoke to it, if only with a question."""

HAZARD = "hazard_report"
APPEAL = "appeal_file"
_CASES = frozenset({HAZARD, APPEAL})
_UNSERIOUS = ("笑", "传闻")
_ASKS = ("询问进展", "问答")


REMEMBERED = 2048
"""Bare commands remembered at most: everyone says 签到. What says more than the command is not kept in memory."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text with everything that was found in it."""

    message: Message
    phrases: Sequence[tuple[str, Span]]
    signs: Signs
    place: Place | None
    danger: str


class Understanding:
    """Reads texts. Loading takes most of a second; one instance may be shared by threads."""

    def __init__(self) -> None:
        """Raises LexiconError if a data file has a mistake."""
        data = lexicons.load()
        words = frozenset(data.words())
        self._data = data
        self._segmenter = Segmenter(words)
        self._phrases = PhraseFinder(words)
        self._classes_of = _classes_of(data.classes)
        self._commands = Commands(data.commands, data.classes)
        self._categories = Categories(data.categories)
        self._slots = SlotFinder(Times(dict(data.parts_of_day)), data.classes)
        self._places = PlaceFinder(data.places)
        self._acknowledgements = Acknowledgements(data.acknowledgements)
        self._classifier: Classifier | None = None
        self._understood: dict[tuple[str, bool, bool], Intent] = {}

    def with_classifier(self, classifier: Classifier | None) -> "Understanding":
        """The same, with a classifier next to the lexicon for the categories of hazards; one that has other categories
        is not asked.
        """
        other = copy(self)
        other._classifier = None if classifier is None or classifier.foreign else classifier
        other._understood = {}
        return other

    def understand(
        self, text: str, *, addressed: bool, role: str = "member", private: bool = False, now: datetime
    ) -> Intent:
        """What ``text`` means, said by a member, secretary, organizer or contact at the aware time ``now``.

        ``private`` implies ``addressed``. Any text gives an answer; one that means nothing to the bot is ``none``,
        which is answered only if the bot was spoken to.
        """
        asked = (text, addressed or private, role != "member")
        known = self._understood.get(asked)
        if known is not None:
            return known
        intent = self._understand(*asked, now)
        if intent.name != NONE.name and not intent.slots:
            if len(self._understood) >= REMEMBERED:
                self._understood.clear()
            self._understood[asked] = intent
        return intent

    def _understand(self, text: str, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        intent = self._understand_all(text, spoken_to, staff, now)
        command = self._data.commands.get(intent.name)
        return self._with_fields(text, intent, spoken_to, staff, now) if command and command.fields else intent

    def _with_fields(self, text: str, intent: Intent, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        """The same command without what is labelled: a date in the agenda is not when the lesson is."""
        found = {field.name: field.value for field in labelled(text)}
        if not found:
            return intent
        bare = self._understand_all(without_labelled(text), spoken_to, staff, now)
        known = bare.slots if bare.name == intent.name else {}
        named = {name: found[name] for name in (PLACE, TOPIC) if found.get(name)}
        return replace(intent, slots={**known, **named})

    def _understand_all(self, text: str, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        message = normalise(text)
        if not message.folded:
            return _none(spoken_to)
        tokens = tokens_of(self._segmenter.cut(message.folded))
        intent = self._decide(self._read(message, tokens), spoken_to, staff, now)
        if intent is None:
            intent = _none(spoken_to, acknowledges=self._acknowledgements.match(message.folded))
        if intent.name != NONE.name and intent.confidence >= ACT:
            return intent
        span = self._places.alone(message.folded, tokens)
        return intent if span is None else replace(intent, where=message.text[span.start : span.end])

    def _read(self, message: Message, tokens: Sequence[Token]) -> _Reading:
        folded = message.folded
        phrases = self._phrases.find(folded, tokens)
        classes: dict[str, list[Span]] = {}
        for word, span in phrases:
            for name in self._classes_of.get(word, ()):
                classes.setdefault(name, []).append(span)
        place = self._places.find(folded, tokens)
        signs = _with_same_place(gather(folded, classes, place), folded)
        danger = danger_of(folded, signs, self._data.dangers, self._data.hypothetical)
        return _Reading(message, phrases, signs, place, danger)

    def _decide(self, reading: _Reading, addressed: bool, staff: bool, now: datetime) -> Intent | None:
        name, sureness = self._weigh(reading, addressed)
        command = self._command(reading, addressed, staff)
        emergency = name == HAZARD and sureness >= ACT and bool(reading.danger)
        if command and command.confidence >= sureness and not (emergency and self._gives_way(command)):
            return self._from_command(command, reading, now)
        if sureness < (HALF if addressed else ACT):
            return None
        return self._from_evidence(name, sureness, reading, now)

    def _command(self, reading: _Reading, addressed: bool, staff: bool) -> Match | None:
        """Nothing said for a laugh is one, unless it was said to the bot; the code 2333 is no laugh."""
        match = self._commands.match(reading.message.folded, addressed=addressed, staff=staff)
        serious = addressed or not _unserious(reading) or (match is not None and "code" in match.slots)
        return match if serious else None

    def _gives_way(self, command: Match) -> bool:
        """Whether an emergency comes first; what was asked to be heard in private stays so."""
        return command.intent != APPEAL and not self._data.commands[command.intent].staff

    def _weigh(self, reading: _Reading, addressed: bool) -> tuple[str, float]:
        """The intent that the evidence speaks for most, and how sure it is."""
        weighed = {name: confidence(rules, reading.signs, addressed) for name, rules in self._data.evidence.items()}
        name = max(weighed, key=lambda each: weighed[each])
        return name, weighed[name]

    def _from_command(self, command: Match, reading: _Reading, now: datetime) -> Intent:
        rules = self._data.commands[command.intent]
        text = reading.message.text
        slots = _captured(command, reading.message)
        if rules.whole and not slots:
            slots["text"] = text
        taken = self._add_found(slots, rules.find, reading, now)
        left = command.slots.get("rest") or command.slots.get("done") or command.slots.get("reason")
        if rules.left and left and (remainder := without(text, left, taken)):
            slots.setdefault(rules.left, remainder)
        return self._intent(command.intent, command.confidence, slots, reading)

    def _from_evidence(self, name: str, sureness: float, reading: _Reading, now: datetime) -> Intent:
        slots: dict[str, Slot] = {"text": reading.message.text}
        self._add_found(slots, self._data.evidence[name].find, reading, now)
        return self._intent(name, round(sureness, 2), slots, reading)

    def _add_found(self, slots: dict[str, Slot], names: Sequence[str], reading: _Reading, now: datetime) -> list[Span]:
        """Adds the slots that are looked for in the whole text; returns the spans that told them."""
        taken: list[Span] = []
        for name in names:
            if name == "place":
                self._add_place(slots, reading, taken)
                continue
            found = self._slots.find(name, reading.message.folded, now)
            if found:
                slots.setdefault(found.name, found.value)
                taken.append(found.span)
        return taken

    def _add_place(self, slots: dict[str, Slot], reading: _Reading, taken: list[Span]) -> None:
        """Adds the place, without the words before it that have told something else: 下午3点东站驿站."""
        if reading.place is not None:
            span = reading.place.span
            start = max([span.start, *(other.end for other in taken if other.start <= span.start)])
            if start < span.end:
                slots.setdefault("place", reading.message.text[start : span.end])
                taken.append(span)

    def _intent(self, name: str, sureness: float, slots: Mapping[str, Slot], reading: _Reading) -> Intent:
        danger = reading.danger if name in _CASES else ""
        category = self._categories.of(name, reading.phrases) if name in _CASES else None
        intent = Intent(name, sureness, reply=True, slots=slots, category=category, danger=danger)
        return self._judged(intent, reading) if name == HAZARD else intent

    def _judged(self, hazard: Intent, reading: _Reading) -> Intent:
        """The hazard with the classifier's category where that is sure; in any case with what it thinks of the one
        that is taken.
        """
        judged = self._classifier.judge(hazard.text("text") or reading.message.text) if self._classifier else None
        found = best(judged)
        if judged is None or found is None:
            return hazard
        category = found[0] if found[1] >= SURE else hazard.category or OTHER
        sureness = judged.get(category)
        return replace(hazard, category=category, sureness=None if sureness is None else round(sureness, 2))


def _with_same_place(signs: Signs, folded: str) -> Signs:
    """上次报的那个地方 is a place, and no question about what was reported, unless something is asked."""
    again = same_place(folded)
    if again is None or any(name in signs for name in _ASKS):
        return signs
    told = {name: [span for span in spans if span.gap(again) >= 0] for name, spans in signs.items()}
    return {name: spans for name, spans in told.items() if spans} | {"地点": [again]}


def _none(addressed: bool, *, acknowledges: bool = False) -> Intent:
    return Intent(NONE.name, 1.0, reply=addressed, acknowledges=acknowledges)


def _captured(command: Match, message: Message) -> dict[str, Slot]:
    """The slots that the pattern itself named."""
    slots: dict[str, Slot] = {}
    for name, span in command.slots.items():
        value = value_of(name, message.text[span.start : span.end], message.folded[span.start : span.end])
        if value is not None and value != "":
            slots[name] = value
    return slots


def _unserious(reading: _Reading) -> bool:
    return any(name in reading.signs for name in _UNSERIOUS)


def _classes_of(classes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for name, words in classes.items():
        for word in words:
            table.setdefault(word, []).append(name)
    return table
