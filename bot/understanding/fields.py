"""Labelled fields of a command about a lesson: 地点 东站驿站, 主持：王书记, 议程 with all that follows, （计党课）.

They may come in any order, in one line or in several. In a line of its own a field is the whole line; among other
words it ends at the next space or comma, and 议程 goes on until a line begins with another label.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from bot.understanding.lexicon import word_class

PLACE, LINK, HOST, RECORDER, AGENDA, TOPIC, COUNTS_AS = (
    "place", "link", "host", "recorder", "agenda", "topic", "counts_as"
)  # fmt: skip

_LABELS: Mapping[str, str] = {
    PLACE: "会议地点|地点|地址|会场",
    LINK: "线上链接|会议链接|线上会议|腾讯会议|钉钉会议|飞书会议|会议号|链接|线上",
    HOST: "主持人|主持",
    RECORDER: "记录人|记录员|记录",
    AGENDA: "会议议程|议程",
    TOPIC: "会议主题|主题|题目",
}
_PRODUCTS = ("腾讯会议", "钉钉会议", "飞书会议")
_NEAR = r"(?=[\u4e00-\u9fff·]{2,3}(?![\u4e00-\u9fff]))"
_GLUED: Mapping[str, str] = {
    PLACE: r"(?=\S)",
    LINK: r"(?=https?:|\d)",
    HOST: _NEAR,
    RECORDER: _NEAR,
    AGENDA: r"(?=\S)",
    TOPIC: r"(?!)",
}
"""What may follow a label without anything between: 主持王书记 is one, 主题党日 and 记录身边好人 are none."""
_STARTS = r"(?:^|(?<=[\s,，;；。（(]))"
_GAP = r"(?:[ \t]*[:：][ \t]*|是|[ \t]+|(?=\n)|$)"
_LABEL = re.compile(
    _STARTS
    + "(?:"
    + "|".join(f"(?P<{name}>(?:{labels})(?:{_GAP}|{_GLUED[name]}))" for name, labels in _LABELS.items())
    + ")",
    re.MULTILINE,
)
_STRONG = re.compile(r"[:：]\s*$")
_ADDRESS = r"https?://[^\s，。；、）)】」]+"
_MEETING = re.compile(rf"(?:[^\W\d_]{{2,8}}[ :：]*)?(?:{_ADDRESS}|\d{{3}}[ \-]?\d{{3}}[ \-]?\d{{3,5}}(?!\d))")
"""An address, or the number of a video meeting: 腾讯会议 123-456-789."""
_BARE_ADDRESS = re.compile(_ADDRESS)
_TOKEN = re.compile(r"[^\s,，;；。]*")
_EDGES = " \t\r\n,，;；。"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A field and where in the text it stands, its label included."""

    name: str
    value: str
    start: int
    end: int


def labelled(text: str) -> list[Labelled]:
    """The fields of a text as it was written, each name once; the first counts."""
    found: dict[str, Labelled] = {}
    for one in sorted(_all(text), key=lambda one: one.start):
        found.setdefault(one.name, one)
    return list(found.values())


def without_labelled(text: str) -> str:
    """The text without its fields."""
    kept, at = [], 0
    for one in sorted(_all(text), key=lambda one: one.start):
        kept.append(text[at : one.start])
        at = one.end
    return " ".join([*kept, text[at:]]).strip()


def _all(text: str) -> list[Labelled]:
    counts = [
        Labelled(COUNTS_AS, match["bracketed"] or match["bare"], *match.span()) for match in _counts_as().finditer(text)
    ]
    masked = _masked(text, counts)
    labels = [*_labels(masked)]
    masked = _masked(masked, labels)
    return [*counts, *labels, *(Labelled(LINK, match[0], *match.span()) for match in _BARE_ADDRESS.finditer(masked))]


def _masked(text: str, fields: Iterable[Labelled]) -> str:
    """The text with spaces for the fields, which stand in their order."""
    kept, at = [], 0
    for one in fields:
        kept += [text[at : one.start], " " * (one.end - one.start)]
        at = one.end
    return "".join([*kept, text[at:]])


def _labels(text: str) -> Iterator[Labelled]:
    match = _LABEL.search(text)
    while match is not None:
        name = str(match.lastgroup)
        end = _end(text, match, name)
        value = text[match.end() : end].strip(_EDGES)
        if value or name != LINK:
            yield Labelled(name, _as_said(match[0].strip(" \t:："), value), match.start(), end)
        match = _LABEL.search(text, max(end, match.end()))


def _as_said(label: str, value: str) -> str:
    """地点在东站 is 东站; the number of a 腾讯会议 is of no use without its name."""
    return f"{label} {value}" if label in _PRODUCTS else value.removeprefix("在")


def _end(text: str, match: re.Match[str], name: str) -> int:
    """Where the value of a field ends."""
    line = text.find("\n", match.end())
    line = len(text) if line < 0 else line
    if name == AGENDA:
        return _end_of_agenda(text, match.end())
    if name == LINK and (address := _MEETING.match(text, match.end())):
        return address.end()
    if _begins_line(text, match.start()) and match.start() > 0:
        return line
    token = _TOKEN.match(text, match.end())
    return token.end() if token else match.end()


def _end_of_agenda(text: str, start: int) -> int:
    for match in _LABEL.finditer(text, start):
        if _begins_line(text, match.start()) or _STRONG.search(match[0]):
            return match.start()
    return len(text)


def _begins_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


@cache
def _counts_as() -> re.Pattern[str]:
    kinds = "|".join(sorted(map(re.escape, word_class("会种")), key=len, reverse=True))
    said = r"(?:计入|计为|计作|算作|算|计)[ \t]*[:：]?[ \t]*"
    return re.compile(
        rf"[（(][ \t]*{said}(?P<bracketed>{kinds})[ \t]*[)）]|{_STARTS}{said}(?P<bare>{kinds})(?=$|[\s,，;；。])",
        re.MULTILINE,
    )
