"""``make understand``: how well the texts of the test part are understood, and what is answered that nobody asked.

``python -m tests.understanding.measure [--tuning] [--misses] [FILE …]``: each FILE is ordinary talk, one text a line,
of which nothing should be acted upon.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from bot.clock import SHANGHAI
from bot.understanding import NONE, Intent, Understanding
from bot.understanding.intent import CASES
from tests.understanding.texts import TEST, TUNING, Said, texts

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
"""When all of it is said."""
WORST = 12
"""Confusions shown."""
BINS = (0.0, 0.7, 0.8, 0.9, 0.95, 1.01)
PASSES = 5
_START = """
import gc, time
start = time.process_time()
{load}
seconds = time.process_time() - start
gc.collect()
with open("/proc/self/statm") as file:
    print(seconds, int(file.read().split()[1]) * 4)
"""
_JIEBA = """
import warnings
warnings.simplefilter("ignore")
import jieba
tokenizer = jieba.Tokenizer()
tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
"""
_OURS = "from bot.understanding import Understanding; understanding = Understanding()"


@dataclass(frozen=True, slots=True)
class Heard:
    """A text and what was made of it."""

    said: Said
    intent: Intent

    @property
    def right(self) -> bool:
        """Whether the intent is the one that was meant."""
        return self.intent.name == self.said.intent

    @property
    def acted_upon_alone(self) -> bool:
        """Whether it was answered though it was chatter and nobody had spoken to the bot."""
        return not self.said.addressed and self.said.intent == NONE.name and self.intent.reply

    def slot_is_right(self, name: str) -> bool:
        """Whether a slot that was said was found, with one of its right values."""
        found = self.intent.slots.get(name)
        return found is not None and any(_same(found, value) for value in self.said.slots[name])


def say(line: str) -> None:
    """Prints a line."""
    sys.stdout.write(f"{line}\n")


def hear(understanding: Understanding, said: Iterable[Said]) -> list[Heard]:
    """What is made of each text."""
    return [
        Heard(one, understanding.understand(one.text, addressed=one.addressed, role=one.role, now=MONDAY))
        for one in said
    ]


def share(heard: Sequence[Heard], right: Callable[[Heard], bool] = lambda one: one.right) -> float:
    """The part of them that is right; 1 where there are none."""
    return sum(map(right, heard)) / len(heard) if heard else 1.0


def macro(heard: Sequence[Heard]) -> float:
    """The part of each intent that is right, averaged over intents."""
    return statistics.mean(share(group) for group in by_intent(heard).values())


def by_intent(heard: Sequence[Heard]) -> dict[str, list[Heard]]:
    """Grouped by what was meant."""
    groups: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        groups[one.said.intent].append(one)
    return groups


def chatter(heard: Sequence[Heard]) -> list[Heard]:
    """What nobody said to the bot and means nothing to it."""
    return [one for one in heard if one.said.intent == NONE.name and not one.said.addressed]


def unasked_cases(heard: Sequence[Heard]) -> list[Heard]:
    """Hazards and appeals that nobody said to the bot."""
    return [one for one in heard if one.said.intent in CASES and not one.said.addressed]


def categories(heard: Sequence[Heard]) -> float:
    """The part of the hazards and appeals whose category is right."""
    return share([one for one in heard if one.said.category], lambda one: one.intent.category == one.said.category)


def slots(heard: Sequence[Heard]) -> float:
    """The part of all slots said that are found."""
    found = [one.slot_is_right(name) for one in heard for name in one.said.slots]
    return sum(found) / len(found) if found else 1.0


def _same(found: str | float, value: str) -> bool:
    try:
        return float(found) == float(value)
    except ValueError:
        return str(found) == value


def _figures(heard: Sequence[Heard]) -> None:
    talk, cases = chatter(heard), unasked_cases(heard)
    answers = [one for one in heard if one.intent.name != NONE.name]
    say(f"texts                                  {len(heard)}")
    say(f"intents right                          {share(heard):.1%}")
    say(f"  averaged over {len(by_intent(heard))} intents             {macro(heard):.1%}")
    say(f"chatter acted upon                     {sum(one.acted_upon_alone for one in talk)} of {len(talk)}")
    say(f"hazards and appeals heard unasked      {share(cases):.1%} of {len(cases)}")
    say(f"categories right                       {categories(heard):.1%}")
    say(f"slots right                            {slots(heard):.1%} of {sum(len(one.said.slots) for one in heard)}")
    say("of the answers given with a confidence of")
    for low, high in pairwise(BINS):
        these = [one for one in answers if low <= one.intent.confidence < high]
        if these:
            say(f"  {low:.2f} to {min(high, 1):.2f}: right {share(these):.1%} of {len(these)}")


def _confusions(heard: Sequence[Heard]) -> None:
    wrong = Counter((one.said.intent, one.intent.name) for one in heard if not one.right)
    say("most often taken for something else")
    for (meant, made), times in wrong.most_common(WORST):
        say(f"  {times:3} {meant} -> {made}")


def _misses(heard: Sequence[Heard]) -> None:
    for one in sorted(heard, key=lambda one: one.said.intent):
        missed = [name for name in one.said.slots if not one.slot_is_right(name)] if one.right else []
        category = one.right and one.said.category and one.intent.category != one.said.category
        if one.right and not missed and not category:
            continue
        who = one.said.role[0].upper() if one.said.addressed else one.said.role[0]
        told = (
            f"{one.said.intent} -> {one.intent.name} {one.intent.confidence:.2f}" if not one.right else one.said.intent
        )
        if category:
            told += f" {one.said.category} -> {one.intent.category}"
        for name in missed:
            told += f" {name}: {'/'.join(one.said.slots[name])} -> {one.intent.slots.get(name)}"
        say(f"{who} | {told} | {one.said.text}")


def _cost(understanding: Understanding, said: Sequence[Said]) -> None:
    times = []
    for _ in range(PASSES):
        start = time.process_time()
        for one in said:
            understanding.understand(one.text, addressed=one.addressed, role=one.role, now=MONDAY)
        times.append((time.process_time() - start) / len(said))
    say(f"a text costs                           {statistics.median(times) * 1e6:.0f} µs")
    ours, jieba = _start(_OURS), _start(_JIEBA)
    say(f"the start costs                        {ours[0]:.2f} s of CPU; jieba alone, with all words, {jieba[0]:.2f} s")
    say(f"memory beyond that of jieba alone      {ours[1] - jieba[1]:.0f} MB")


def _start(load: str) -> tuple[float, float]:
    """CPU seconds, and MB of memory afterwards, of a new process that loads something. Linux only."""
    command = [sys.executable, "-c", _START.format(load=load)]
    seconds, kilobytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), int(kilobytes) / 1024


def _false_actions(understanding: Understanding, file: Path, *, show: bool) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    acted = []
    for line in lines:
        intent = understanding.understand(line, addressed=False, now=MONDAY)
        if intent.reply:
            acted.append((intent, line))
    kinds = Counter(intent.name for intent, _ in acted)
    say(f"{file.name}: {len(acted)} of {len(lines)} lines acted upon; {dict(kinds.most_common())}")
    for intent, line in acted if show else ():
        say(f"  {intent.name} {intent.confidence:.2f} | {line}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="make understand")
    parser.add_argument("--tuning", action="store_true", help="the part that the lexicon was tuned on")
    parser.add_argument("--misses", action="store_true", help="each text that was misunderstood")
    parser.add_argument("files", nargs="*", type=Path, help="ordinary talk, one text a line")
    parsed = parser.parse_args(arguments)
    understanding = Understanding()
    said = list(texts(TUNING if parsed.tuning else TEST))
    heard = hear(understanding, said)
    _figures(heard)
    _confusions(heard)
    if parsed.misses:
        _misses(heard)
    _cost(understanding, said)
    for file in parsed.files:
        _false_actions(understanding, file, show=parsed.misses)


if __name__ == "__main__":
    main()
