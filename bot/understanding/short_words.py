"""Short words: what people say all day long, and what means something where it is waited for; see ``short_words.toml``.

Whether anything waits is not known here: these only tell what a text would be.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from bot.understanding.normalise import normalise
from bot.understanding.numerals import whole_number
from bot.understanding.tokens import Span

LONGEST = 12
"""Characters of a short word; an answer that names something, or tells what was wrong, may have more."""
LONGEST_ANSWER = 20
LONGEST_SLIP = 50
_TRIFLES = re.compile(r"[\s,.!~;:\-—_*\ufe0f\u20e3\U0001f3fb-\U0001f3ff]+")
_MAYBE = re.compile("错|不对|不是|诉求|隐患|正|口误|哦不")
"""What no slip is told without: almost everything that is said is told apart by this."""
_HEAD = r"(?:#?(?P<case>\d{3,7})号?\s*)?(?:啊|哎|呀|小蜂|那个|不好意思|抱歉|对不起|刚才|刚刚|我|[\s,.!])*"
_SORRY = "(?:不好意思|抱歉|对不起)"
_IS = r"(?:应该|其实|要|我说的|说的|地址|地点|位置)*(?:是在|是|在|改成|改为|改到)"
_REST = r"[^\s,.!][^,.!]{1,20}?"
_TAIL = r"(?:才对|吧|啊|哈|呀|哦|谢谢|辛苦|[\s,.!])*"
_NOT_BUT = re.compile(
    rf"{_HEAD}(?:不是|不在)(?P<old>[^\s,.!]{{2,12}}?)[\s,.!]*(?:而|应该)?(?:是在|是|在)\s*(?P<rest>{_REST}){_TAIL}"
)
"""不是东门，是西门."""
_NUMBER = re.compile(r"(?:选|我?选|要)?第?(?P<number>[1-9一二三四五六七八九])(?:个|号|条|项|件|种|家)?(?:吧|的)?")
_TIMES = 3
"""到到, 来了来了: how often in a row one word is said."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What somebody says to have said wrong of what was just recorded."""

    what: Literal["appeal", "hazard", "place", "anything"]
    """It is an appeal, it is a hazard, it is elsewhere; ``anything``: something, and not what."""
    rest: str = ""
    """What is right instead, as it was written: a place, if it names one."""
    number: int | None = None
    firm: bool = True
    """Nobody says so but of a mistake of one's own."""
    old: str = ""
    """What it is instead of, where that is told: 东门 of 不是东门，是西门."""


def arrived(text: str, name: str = "") -> bool:
    """Whether all of the text says that its sender, who may tell the name, is there."""
    return _is_one_of("arrived", text, name)


def either(text: str) -> bool:
    """Whether the text can answer a lesson's card and a notice alike."""
    return _is_one_of("either", text)


def agrees(text: str) -> bool:
    """Whether the text is a yes."""
    return _is_one_of("yes", text)


def denies(text: str) -> bool:
    """Whether the text is a no."""
    return _is_one_of("no", text)


def chosen_number(text: str) -> int | None:
    """The number of an option, where that is all of the text: 2, 第二个."""
    found = _NUMBER.fullmatch(_bare(text)) if len(text) <= LONGEST else None
    return whole_number(found["number"]) if found else None


def answer_within(text: str) -> str:
    """What an answer names, without the words around it: 物业 of 是物业那边吧. Empty where it is none."""
    if len(text) > LONGEST_ANSWER or _asks(text):
        return ""
    found = _answer().fullmatch(_bare(text))
    return found["core"] if found else ""


def slip(text: str) -> Slip | None:
    """What the text says to have been wrong; None where it says no such thing."""
    if len(text) > LONGEST_SLIP or not _MAYBE.search(text) or _asks(text):
        return None
    message = normalise(text)
    said = message.folded
    for what, expression in _kinds().items():
        if found := expression.fullmatch(said):
            return Slip(what, number=_number(found))
    found = _slip().fullmatch(said) or _NOT_BUT.fullmatch(said)
    if found is None:
        return None
    named = found.groupdict()
    firm, old = bool(named.get("slip")), named.get("old") or ""
    if named["rest"]:
        return Slip("place", message.literal(Span(*found.span("rest"))), _number(found), firm, old)
    return Slip("anything", number=_number(found)) if firm else None


def _number(found: re.Match[str]) -> int | None:
    return int(found["case"]) if found["case"] else None


@cache
def _words(name: str) -> tuple[str, ...]:
    text = (files("bot.understanding") / "data" / "short_words.toml").read_text(encoding="utf-8")
    return tuple(str(tomllib.loads(text)[name]).split())


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


@cache
def _expression(name: str) -> re.Pattern[str]:
    return re.compile(f"(?:{_any_of(_words(name))}){{1,{_TIMES}}}")


@cache
def _answer() -> re.Pattern[str]:
    before, after = _any_of(_words("before_answer")), _any_of(_words("after_answer"))
    return re.compile(f"(?:{before}){{0,3}}(?P<core>.{{2,}}?)(?:{after}){{0,4}}")


@cache
def _kinds() -> dict[Literal["appeal", "hazard"], re.Pattern[str]]:
    """No hazard but an appeal, and the other way round."""
    appeal, hazard = "(?:个人)?诉求", "(?:安全)?隐患"
    return {"appeal": _not_but(hazard, appeal), "hazard": _not_but(appeal, hazard)}


def _not_but(wrong: str, right: str) -> re.Pattern[str]:
    this = r"(?:(?:刚才|刚刚|上面|我)?(?:报|说|提|发)?的?(?:这|那)?(?:个|条|件|是|事)?的?)"
    no = rf"(?:不是|不算|别当|不要当|不属于)(?:什么|报|成)?{wrong}[的啊呀哦了]?"
    it_is = "(?:而是|就是|应该是|应该算|是|算|改成|转成|当)"
    yes = rf"{it_is}(?:我|我们|我自己)?的?(?:一个|一条|个)?{right}[的啊呀哦吧]?(?:来的)?"
    gap = r"[\s,.:;!]*(?:这|那|它)?"
    either = rf"{no}{gap}{yes}|{yes}{gap}{no}|(?:改成|转成|换成){right}"
    return re.compile(rf"{_HEAD}{this}(?:{either}){_TAIL}")


@cache
def _slip() -> re.Pattern[str]:
    slips, denials = _any_of(_words("slips")), _any_of(_words("denials"))
    wrong = rf"(?:(?P<slip>{slips})|(?P<denial>{denials}))[啊呀哈]?"
    return re.compile(rf"{_HEAD}{wrong}(?:{_SORRY}|[\s,.:;!])*(?:{_IS}\s*(?P<rest>{_REST}))?{_TAIL}")


def _asks(text: str) -> bool:
    return text.rstrip().endswith(("?", "？", "吗", "嘛", "么", "呢"))


@lru_cache(maxsize=1)
def _bare(text: str) -> str:
    """The words alone. The last is remembered: one text is held against one list after another."""
    return _TRIFLES.sub("", normalise(text).folded)


def _is_one_of(words: str, text: str, name: str = "") -> bool:
    if len(text) > LONGEST + len(name) or _asks(text):
        return False
    said = _bare(text)
    return _expression(words).fullmatch(said.removeprefix(name) if name else said) is not None
