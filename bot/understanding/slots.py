"""Slots: the numbers, persons, times and words within a message that a handler needs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.understanding.intent import Slot
from bot.understanding.numerals import CHINESE, whole_number
from bot.understanding.times import Times
from bot.understanding.tokens import Span

_CASE = rf"(?:#?(?<!\d)\d{{1,7}}(?!\d)|[{CHINESE}]{{3,7}})"
EXPRESSIONS = {
    "case": _CASE,
    "into": _CASE,
    "number": rf"(?:#?(?<!\d)\d{{1,7}}(?!\d)|[{CHINESE}]{{1,5}})",
    "code": r"(?<!\d)\d(?: ?\d){2,7}(?!\d)",
    "points": rf"(?:(?<![\d\-－—])\d{{1,4}}(?!\d)|[{CHINESE}]{{1,4}})",
    "person": r"(?:[\u4e00-\u9fff·]{2,4}?|[a-z]\w{0,15})",
    "item": r"[^\s,.!?]{1,12}?",
    "org": r"[^\s,.!?]{1,30}?",
    "place": r"[^\s,.!?]{2,12}?",
    "topic": r".{1,80}",
    # 请假条怎么写, 通知了没: what goes on so is no command.
    "text": "(?!条|了没|了吗|没$|吗|怎么).+",
    # The rest are no slots of the contract; they only hold a place in a pattern.
    "rest": ".+",
    "duration": r"[^\s,.]{1,3}?个?半?(?:小时|钟头)",
    "reason": r"(?!#?\d{3,7}$).{1,20}?",
    # 垃圾拉走了: what was done about a case, told by the work that it took.
    "done": r"(?![年月日号天点块元个人次])[^\s,.!?]{0,16}?"
    r"(?:(?:拉|运|清|搬|拖|挪|撤|拆|铲)(?:走|掉|理|运|完|干净|除)+"
    r"|(?:修|换|补|装|盖|扶|处理|整改|疏通|更换|安装|维修|修复|恢复)(?:好|上|完|正|完毕)+)了",
    "clock": rf"[\d{CHINESE}]{{1,3}}[点时:][\d{CHINESE}半分]{{0,3}}",
    "self": r"[\u4e00-\u9fff]{1,2}",
}
"""The form of each slot within a command pattern."""

_NUMERIC = frozenset({"case", "into", "number", "points"})
_LITERAL = frozenset({"person", "item", "org", "place", "topic", "text"})
_EDGES = " ,.:;!~-—_，。：；！、"
_PARTICLES = re.compile(r"^[了吧啊呀哦哈]+[\s,，。]+")
_TITLE = str.maketrans("", "", "《》")

_HOURS = re.compile(
    rf"(?P<whole>\d+(?:\.\d+)?|[{CHINESE}]{{1,3}})?(?P<half>半)?(?P<unit>个?(?P<more>半)?(?:小时|钟头)|h\b)"
    r"|(?P<minutes>\d{1,3})分钟"
)
_HEADCOUNT = re.compile(rf"(\d{{1,4}}|[{CHINESE}]{{1,4}})(?:个|名|位)?(?:人|志愿者|党员|骑手)")
_NUMBER = re.compile(r"(?<!\d)#?(\d{1,7})(?!\d)")


@dataclass(frozen=True, slots=True)
class FoundSlot:
    """A slot and the span of the text that told it."""

    name: str
    value: Slot
    span: Span


class SlotFinder:
    """Looks for slots in a folded text, wherever they stand."""

    def __init__(self, times: Times, classes: Mapping[str, Sequence[str]]) -> None:
        self._times = times
        self._words = {
            "kind": ("kind", _longest_first(classes["会种"])),
            "ledger": ("kind", _longest_first(classes["台账"])),
            "facility": ("item", _longest_first(classes["设施"])),
        }

    def find(self, name: str, text: str, now: datetime) -> FoundSlot | None:
        """The first slot of that name. Besides slots: ledger (kind), facility (item), headcount (number)."""
        if name in self._words:
            return self._find_word(name, text)
        if name == "time":
            return self._find_time(text, now)
        return _BY_SHAPE[name](text)

    def _find_word(self, name: str, text: str) -> FoundSlot | None:
        slot, expression = self._words[name]
        match = expression.search(text)
        return FoundSlot(slot, match[0], Span(*match.span())) if match else None

    def _find_time(self, text: str, now: datetime) -> FoundSlot | None:
        found = self._times.find(text, now)
        return FoundSlot("time", found.moment.isoformat(), Span(found.start, found.end)) if found else None


def value_of(name: str, said: str, folded: str) -> Slot | None:
    """The value of a slot that a pattern captured; None for what holds a place only, or cannot be read."""
    if name in _NUMERIC:
        return whole_number(folded.strip("# "))
    if name == "code":
        return folded.replace(" ", "")
    if name not in _LITERAL:
        return None
    if name == "text":
        return _PARTICLES.sub("", said.strip())
    value = said.strip(_EDGES)
    return value.translate(_TITLE) if name == "topic" else value


def without(text: str, span: Span, taken: Sequence[Span]) -> str:
    """What is left of a span of the text without the taken spans, tidied at its edges."""
    kept = "".join(
        " " if any(other.start <= at < other.end for other in taken) else text[at] for at in range(span.start, span.end)
    )
    return " ".join(kept.split()).strip(_EDGES).removeprefix("的").translate(_TITLE)


def find_hours(text: str) -> FoundSlot | None:
    """A duration in hours: 2小时, 两个半小时, 半小时, 90分钟."""
    for match in _HOURS.finditer(text):
        hours = _hours(match)
        if hours:
            value = int(hours) if hours == int(hours) else hours
            return FoundSlot("hours", value, Span(*match.span()))
    return None


def _hours(match: re.Match[str]) -> float:
    if match["minutes"]:
        return round(int(match["minutes"]) / 60, 2)
    said = match["whole"] or ""
    whole = float(said) if said[:1].isdecimal() and said.isascii() else float(whole_number(said) or 0)
    return whole + (0.5 if match["half"] or match["more"] else 0.0)


def _find_headcount(text: str) -> FoundSlot | None:
    match = _HEADCOUNT.search(text)
    number = whole_number(match[1]) if match else None
    return FoundSlot("number", number, Span(*match.span())) if match and number is not None else None


def _find_case(text: str) -> FoundSlot | None:
    match = _NUMBER.search(text)
    return FoundSlot("case", int(match[1]), Span(*match.span())) if match else None


def _longest_first(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


_BY_SHAPE: Mapping[str, Callable[[str], FoundSlot | None]] = {
    "hours": find_hours,
    "headcount": _find_headcount,
    "case": _find_case,
}
