"""Slots: the numbers, persons, times and words within a message that a handler needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.understanding.intent import Slot
from bot.understanding.normalise import Message
from bot.understanding.numerals import CHINESE, whole_number
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

NEEDS = {"done": frozenset("了")}
"""The words of which a slot must hold one."""

NUMERIC = frozenset({"case", "into", "number", "points"})
"""Slots whose value is a number."""
_LITERAL = frozenset({"person", "item", "org", "place", "topic", "text"})
_EDGES = " ,.:;!~-—_，。：；！、"
_PARTICLES = re.compile(r"^[了吧啊呀哦哈]+[\s,，。]+")
_TITLE = str.maketrans("", "", "《》")

_HOURS = re.compile(
    rf"(?P<spoken>[{CHINESE}]{{1,3}}点[{CHINESE}])个?(?:小时|钟头)"
    rf"|(?P<whole>(?<!\d)\d{{1,4}}(?:\.\d{{1,2}})?|[{CHINESE}]{{1,3}})? ?(?P<half>半)?"
    rf"(?P<unit>个?(?P<more>半)?(?:小时|钟头|钟(?!点|表))|h\b)"
    rf"(?P<after>半)?(?:零|又)?(?:(?P<rest>\d{{1,2}}|[{CHINESE}]{{1,3}})分钟?)?"
    rf"|(?P<minutes>\d{{1,3}}|[{CHINESE}]{{1,4}})分钟(?!微课|课)"
    rf"|(?:整|干|忙|忙活|弄|站|守)了(?P<o_clock>[{CHINESE}]{{1,2}})个?点儿?(?!钟)"
    rf"|(?P<quarters>[一三])刻钟(?!会|课|党课|班)"
)
_BETWEEN = re.compile(
    rf"(?P<from>\d{{1,2}}|[{CHINESE}]{{1,3}})(?:点|:00)(?P<half>半|:30)?(?:钟|多)?(?:一直)?(?:干|忙|站|守|弄|搞"
    rf"|值守)?(?:到|至|-|~|—)+"
    rf"(?:了|今早|早上|上午|中午|下午|晚上|晚|夜里|凌晨|第二天)*(?P<to>\d{{1,2}}|[{CHINESE}]{{1,3}})(?:点"
    rf"|:00)(?P<more>半|:30)?"
)
_LONGEST = 12


@dataclass(frozen=True, slots=True)
class FoundSlot:
    """A slot and the span of the text that told it."""

    name: str
    value: Slot
    span: Span


def value_of(name: str, said: str, folded: str) -> Slot | None:
    """The value of a slot that a pattern captured; None for what holds a place only, or cannot be read."""
    if name in NUMERIC:
        return whole_number(folded.strip("# "))
    if name == "code":
        return folded.replace(" ", "")
    if name not in _LITERAL:
        return None
    if name == "text":
        return _PARTICLES.sub("", said.strip())
    value = said.strip(_EDGES)
    return value.translate(_TITLE) if name == "topic" else value


def left_of(message: Message, span: Span, taken: Sequence[Span]) -> str:
    """What is left of a span of the folded text, as it was written, without the taken spans; tidied at its edges."""
    pieces = []
    at = span.start
    for other in sorted(taken, key=lambda each: each.start):
        if other.end > at and other.start < span.end:
            pieces.append(message.literal(Span(at, max(at, other.start))))
            at = other.end
    if at < span.end:
        pieces.append(message.literal(Span(at, span.end)))
    return " ".join(" ".join(pieces).split()).strip(_EDGES).removeprefix("的").translate(_TITLE)


def find_hours(text: str) -> FoundSlot | None:
    """A duration in hours: 2小时, 两个半小时, 半小时, 90分钟, 一小时四十分钟, 九点到十一点."""
    for match in _HOURS.finditer(text):
        hours = _hours(match)
        if hours:
            return FoundSlot("hours", _plain(hours), Span(*match.span()))
    between = _BETWEEN.search(text)
    start, end = (whole_number(between["from"]), whole_number(between["to"])) if between else (None, None)
    if between is None or start is None or end is None:
        return None
    hours = (end - start + (0.5 if between["more"] else 0.0) - (0.5 if between["half"] else 0.0)) % 24
    hours = hours % 12 if hours > _LONGEST else hours
    return FoundSlot("hours", _plain(hours), Span(*between.span())) if hours else None


def _plain(hours: float) -> int | float:
    return int(hours) if hours == int(hours) else hours


def _hours(match: re.Match[str]) -> float:
    if match["minutes"]:
        return round((whole_number(match["minutes"]) or 0) / 60, 2)
    if match["o_clock"]:
        return float(whole_number(match["o_clock"]) or 0)
    if match["quarters"]:
        return (whole_number(match["quarters"]) or 0) / 4
    if match["spoken"]:
        whole, _, tenth = match["spoken"].partition("点")
        return float(f"{whole_number(whole) or 0}.{whole_number(tenth) or 0}")
    said = match["whole"] or ""
    hours = float(said) if said[:1].isdecimal() and said.isascii() else float(whole_number(said) or 0)
    if match["unit"] == "钟" and hours == 0:
        return 0.0
    hours += 0.5 if match["half"] or match["more"] or match["after"] else 0.0
    return round(hours + (whole_number(match["rest"]) or 0) / 60, 2) if match["rest"] else hours
