"""Understanding: what a text means, and whether the bot should answer it at all."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bot.understanding import lexicon as lexicons
from bot.understanding.acknowledgements import Acknowledgements
from bot.understanding.categories import OTHER, Categories, danger_of
from bot.understanding.classifier import SURE, Classifier, best
from bot.understanding.commands import Commands, Match
from bot.understanding.dictation import Dictation
from bot.understanding.edges import Edges
from bot.understanding.evidence import Signs, gather, of_circumstances, of_command, of_signs, of_words
from bot.understanding.fields import PLACE, TOPIC, labelled, without_labelled
from bot.understanding.filling import Filler
from bot.understanding.intent import APPEAL, CASES, HAZARD, NONE, Intent, Slot
from bot.understanding.normalise import LONGEST, Message, normalise
from bot.understanding.places import Place, PlaceFinder, same_place
from bot.understanding.segment import Segmenter
from bot.understanding.tokens import PhraseFinder, Span, Token, tokens_of
from bot.understanding.weights import Weights, load_weights

ACT = 0.8
"""Confidence that something is meant at all, from which the bot acts though nobody spoke to it."""

TOP = 0.5
"""Of it, what the likeliest intent must have by itself."""

HALF = 0.4
"""Confidence from which it answers one who spoke to it, if only with a question."""

TELLING = 0.4
"""Confidence of a category below which it is none of the others."""

ALTERNATIVE = 0.2
"""Confidence from which something is offered as what may have been meant."""
ALTERNATIVES = 3
"""Offered at most."""

SUREST = 0.99
"""No sentence is surer."""

ACKNOWLEDGED = "notice_ack"
INTENTS = "intents"
PLACE_EDGES = "place"
_LAUGHED, _HEARSAY = "笑", "传闻"
_ASKS = ("询问进展", "问答")
_OF_PLACES = frozenset({"地点", "处所", "目击", "要道"})
"""What a place alone is a sign of: 三中门口, 楼道."""
_BARE_PLACE = 10
"""Characters of one at most: a longer text may be made as places are and yet tell something."""


REMEMBERED = 2048
"""Bare commands remembered at most: everyone says 签到. What says more than the command is not kept in memory."""


class Reading(NamedTuple):
    """A text with everything that was found in it. A tuple, as tokens are: it is made for each text."""

    message: Message
    tokens: Sequence[Token]
    phrases: Sequence[tuple[str, Span]]
    signs: Signs
    place: Place | None
    danger: str
    meant: Match | None
    """The command that it is."""
    heard: Match | None
    """The command that it would be, said to the bot by a secretary."""
    said: tuple[str, ...]
    """The evidence of what was said."""
    evidence: tuple[str, ...]
    """The same, with how it was said and which command it is."""


class Judged(NamedTuple):
    """What a reading most probably means."""

    name: str
    sureness: float
    command: Match | None = None
    """The pattern that decided; None where the evidence did."""
    alternatives: tuple[str, ...] = ()


NOTHING = Judged(NONE.name, 1.0)


class Understanding:
    """Reads texts. Loading takes most of a second; one instance may be shared by threads."""

    def __init__(self, weights: Callable[[str], Weights] = load_weights) -> None:
        """Raises LexiconError if a data file has a mistake."""
        data = lexicons.load()
        words = frozenset(data.words())
        self._data = data
        self._segmenter = Segmenter(words)
        self._phrases = PhraseFinder(words)
        self._classes_of = _classes_of(data.classes)
        self._commands = Commands(data.commands, data.classes)
        self.weights = {name: weights(name) for name in (INTENTS, HAZARD, APPEAL)}
        self._categories = Categories(data.categories)
        self._places = PlaceFinder(data.places)
        self._filler = Filler(data, self._places, Edges(data, weights(PLACE_EDGES)))
        self._acknowledgements = Acknowledgements(data.acknowledgements)
        self._dictation = Dictation(data.classes, self._segmenter)
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

    def read(self, text: str, *, addressed: bool, staff: bool) -> Reading:
        """A text and all that speaks for or against each intent."""
        return self._read(normalise(text), addressed, staff)

    def reading_of(self, text: str, *, addressed: bool, staff: bool) -> tuple[Reading | None, Judged]:
        """How a text is read, and what it means so: by its sound where it means nothing as it is written. None: there
        is nothing to read.
        """
        message = normalise(text)
        if not message.folded:
            return None, NOTHING
        reading = self._read(message, addressed, staff)
        judged = self.judge(reading, addressed=addressed)
        if judged.name == NONE.name and (heard := self._dictation.heard(message, reading.tokens)) is not None:
            again = self._read(heard, addressed, staff)
            rejudged = self.judge(again, addressed=addressed)
            if rejudged.name != NONE.name:
                return again, rejudged
        return reading, judged

    def judge(self, reading: Reading, *, addressed: bool) -> Judged:
        """What a reading means; ``none`` where the bot had better keep quiet or ask."""
        weights = self.weights[INTENTS]
        probable = dict(zip(weights.answers, weights.judge(reading.evidence), strict=True))
        command = self._serious(reading, addressed)
        if command and self._decides(command, probable, addressed) and not self._gives_way(command, reading):
            return Judged(command.intent, command.confidence, command)
        name = max(probable, key=probable.__getitem__)
        sureness = min(SUREST, probable[name])
        quiet = self._keeps_quiet(name, probable, reading, addressed)
        if (quiet or name != HAZARD) and self._is_emergency(reading) and probable[HAZARD] > probable[APPEAL]:
            return Judged(HAZARD, ACT)
        if quiet:
            name, sureness = NONE.name, probable[NONE.name]
        return Judged(name, round(sureness, 2), alternatives=_alternatives(probable) if addressed else ())

    def is_bare(self, judged: Judged, reading: Reading) -> bool:
        """Whether it means something only as an answer, to a notice or to 在哪儿, whatever it is like by itself: a
        casual word, or a place with no word of what is wrong there.
        """
        if judged.command is not None or judged.name == ACKNOWLEDGED:
            return False
        return self._acknowledgements.match(reading.message.folded) or (
            judged.name == HAZARD
            and not reading.danger
            and reading.signs.keys() <= _OF_PLACES
            and len(reading.message.folded) <= _BARE_PLACE
            and self._alone(reading) is not None
        )

    def _keeps_quiet(self, name: str, probable: Mapping[str, float], reading: Reading, addressed: bool) -> bool:
        """Whether the evidence is too thin; or a pattern says that nobody means the bot by it, who does not say so."""
        if name == NONE.name:
            return True
        if addressed:
            return probable[name] < HALF
        heard = reading.heard
        if heard is not None and heard.intent == name and heard.tier != "likely" and reading.meant is None:
            return True
        return probable[name] < TOP or 1 - probable.get(NONE.name, 0.0) < ACT

    def _understand(self, text: str, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        intent = self._understand_all(text, spoken_to, staff, now)
        command = self._data.commands.get(intent.name)
        return self._with_fields(text, intent, spoken_to, staff, now) if command and command.fields else intent

    def _with_fields(self, text: str, intent: Intent, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        """The same command without what is labelled: a date in the agenda is not when the lesson is."""
        considered = text[: 2 * LONGEST]
        found = {field.name: field.value for field in labelled(considered)}
        if not found:
            return intent
        bare = self._understand_all(without_labelled(considered), spoken_to, staff, now)
        known = bare.slots if bare.name == intent.name else {}
        named = {name: found[name] for name in (PLACE, TOPIC) if found.get(name)}
        return replace(intent, slots={**known, **named})

    def _understand_all(self, text: str, spoken_to: bool, staff: bool, now: datetime) -> Intent:
        reading, judged = self.reading_of(text, addressed=spoken_to, staff=staff)
        if reading is None:
            return _none(spoken_to, judged)
        if judged.name == NONE.name or self.is_bare(judged, reading):
            acknowledges = self._acknowledgements.match(reading.message.folded)
            return self._with_place(_none(spoken_to, judged, acknowledges=acknowledges), reading)
        intent = self._intent(judged, self._slots(judged, reading, now), reading)
        return intent if intent.confidence >= ACT else self._with_place(intent, reading)

    def _alone(self, reading: Reading) -> Span | None:
        return self._places.alone(reading.message.folded, reading.tokens) if reading.place else None

    def _with_place(self, intent: Intent, reading: Reading) -> Intent:
        span = self._alone(reading)
        return intent if span is None else replace(intent, where=reading.message.literal(span))

    def _read(self, message: Message, addressed: bool, staff: bool) -> Reading:
        folded = message.folded
        tokens = tokens_of(self._segmenter.cut(folded))
        phrases = self._phrases.find(folded, tokens)
        classes: dict[str, list[Span]] = {}
        for word, span in phrases:
            for name in self._classes_of.get(word, ()):
                classes.setdefault(name, []).append(span)
        place = self._places.find(folded, tokens)
        signs = _with_same_place(gather(folded, classes, place), folded)
        danger = danger_of(folded, signs, self._data.dangers, self._data.hypothetical)
        meant, heard = self._commands.match(folded, addressed=addressed, staff=staff)
        said = dict.fromkeys([*of_words(folded, tokens), *of_signs(signs, self._data.pairs, self._data.groups)])
        if danger:
            said[f"险 {danger}"] = None
        how = [*of_command(meant), *of_circumstances(folded, addressed=addressed, staff=staff)]
        return Reading(message, tokens, phrases, signs, place, danger, meant, heard, tuple(said), (*said, *how))

    def _serious(self, reading: Reading, addressed: bool) -> Match | None:
        """The command, unless it was said for a laugh or is hearsay, and not said to the bot. The code 2333 is no
        laugh, nor is 取消 党课 改看直播 hearsay: of what secretaries command the evidence alone judges.
        """
        match = reading.meant
        if match is None or addressed or "code" in match.slots:
            return match
        hearsay = _HEARSAY in reading.signs and not self._data.commands[match.intent].staff
        return None if hearsay or _LAUGHED in reading.signs else match

    def _decides(self, command: Match, probable: Mapping[str, float], addressed: bool) -> bool:
        """Whether a command is one whatever else speaks: it was never learned, or it is said by the letter; or what it
        begins with says that it is a hazard or an appeal, which nobody may take for the other; or it was said to the
        bot, or in so many words, and nothing else is likely.
        """
        if command.intent not in probable:
            return command.tier != "likely" or max(probable.values()) < command.confidence
        if command.tier == "sure" and (not command.slots or command.intent in CASES):
            return not command.slots or addressed or probable[NONE.name] < TOP
        others = probable.keys() - {NONE.name, command.intent}
        meant = addressed or (command.tier == "sure" and probable[NONE.name] < ACT)
        return meant and command.tier != "likely" and max(probable[name] for name in others) < ACT

    def _gives_way(self, command: Match, reading: Reading) -> bool:
        """Whether an emergency comes first; what was asked to be heard in private stays so."""
        mild = command.intent not in CASES and not self._data.commands[command.intent].staff
        return mild and self._is_emergency(reading)

    def _is_emergency(self, reading: Reading) -> bool:
        """Life is in danger at a place that is named, and nobody is joking: no learned weight may silence that. Who was
        hurt and wants to be helped has an appeal, though, which stays private.
        """
        return bool(reading.danger) and "地点" in reading.signs and not reading.signs.keys() & self._data.harmless

    def _slots(self, judged: Judged, reading: Reading, now: datetime) -> Mapping[str, Slot]:
        """What the sentence tells; also what a pattern of that intent took out of it that decided nothing."""
        matches = (match for match in (reading.meant, reading.heard) if match and match.slots)
        match = judged.command or next((match for match in matches if match.intent == judged.name), None)
        captured = match.slots if match else None
        return self._filler.fill(judged.name, reading.message, reading.tokens, reading.place, now, captured)

    def _intent(self, judged: Judged, slots: Mapping[str, Slot], reading: Reading) -> Intent:
        case = judged.name in CASES
        intent = Intent(
            judged.name,
            judged.sureness,
            reply=True,
            slots=slots,
            category=self._category(judged.name, reading) if case else None,
            danger=reading.danger if case else "",
            alternatives=judged.alternatives,
        )
        return self._classified(intent, reading) if judged.name == HAZARD else intent

    def _category(self, name: str, reading: Reading) -> str:
        """The category by the lexicon and what was learned; 其他 where nothing tells."""
        weights = self.weights[name]
        sureness, category = max(zip(weights.judge(self.of_category(name, reading)), weights.answers, strict=True))
        return category if sureness >= TELLING else OTHER

    def of_category(self, name: str, reading: Reading) -> tuple[str, ...]:
        """The evidence for the category of a hazard or an appeal."""
        return (*reading.said, f"别 {self._categories.of(name, reading.phrases)}")

    def _classified(self, hazard: Intent, reading: Reading) -> Intent:
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


def _alternatives(probable: Mapping[str, float]) -> tuple[str, ...]:
    """What may be meant, the likeliest first."""
    others = [name for name, sureness in probable.items() if sureness >= ALTERNATIVE and name != NONE.name]
    return tuple(sorted(others, key=probable.__getitem__, reverse=True)[:ALTERNATIVES])


def _with_same_place(signs: Signs, folded: str) -> Signs:
    """上次报的那个地方 is a place, and no question about what was reported, unless something is asked."""
    again = same_place(folded)
    if again is None or any(name in signs for name in _ASKS):
        return signs
    told = {name: [span for span in spans if span.gap(again) >= 0] for name, spans in signs.items()}
    return {name: spans for name, spans in told.items() if spans} | {"地点": [again]}


def _none(addressed: bool, judged: Judged, *, acknowledges: bool = False) -> Intent:
    sureness = judged.sureness if judged.name == NONE.name else NONE.confidence
    return Intent(NONE.name, sureness, reply=addressed, alternatives=judged.alternatives, acknowledges=acknowledges)


def _classes_of(classes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for name, words in classes.items():
        for word in words:
            table.setdefault(word, []).append(name)
    return table
