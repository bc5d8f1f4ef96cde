"""Places as people say them: 170号院, 幸福里东门, 滨河路公交站对面, 三中往北50米, G30 K12+300."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.understanding.lexicon import PlaceWords
from bot.understanding.numerals import CHINESE
from bot.understanding.tokens import Span, Token

_LONGEST_NAME = 6
"""Characters of a name before its ending; longer ones are the sentence, not the name."""
_AND = ("和", "与", "跟")
_SOME = rf"(?:\d{{1,5}}|[{CHINESE}]{{1,5}})"
_MARK = rf" ?(?:k ?\d{{1,4}}(?:\+\d{{1,3}})?|{_SOME}公里(?:\+?\d{{1,3}}米?)?)处?"
"""What stands on the stones beside a road: k12+300, 1712公里处."""
_WAY = rf"[往向朝][东西南北前后左右里上下]+[边面方]?(?:走|拐|数)?{_SOME}(?:来|多)?(?:米|公里|步)"
_FROM = r"(?:从?[东西南北左右前后][边头]?(?:数|往[东西南北]))?"
_NUMBER = rf"(?:(?<!\d)[a-z甲乙丙丁负]?\d{{1,5}}(?:-\d{{1,4}})*|[a-z]|负?[{CHINESE}]{{1,5}})"
_HIGHWAY = re.compile(
    rf"[gsx]\d{{1,4}}(?:[\u4e00-\u9fff]{{0,3}}高速|(?={_MARK}))|[国省县]道[gsx]?\d{{1,4}}线?|(?<!\d)\d{{3}}[国省县]道"
)
_COUNTED = re.compile(rf"[{CHINESE}\d几好]+(?:个|条|盏|根|辆|处|棵|块|只|堆|名|位|次|天)")
_ONLY_A_NUMBER = re.compile(rf"{_NUMBER}号")
"""2号 may be a day as well."""
_FILLER = re.compile(
    r"(?:[\s,.!~:;?]|还是|应该是|好像是?|大概|就是?|在|是|位置|地点|地址|位于|靠近|我"
    r"|那个|那里|这里|那边|这边|那儿|这儿|的|啊|呢|吧|呀|哦|嗯|了|里面|里|内|上)*"
)
_SAME = re.compile(
    r"老(?:地方|位置|地点|地儿)|(?:同|原来)(?:一|那)?个?(?:地方|位置|地点)"
    r"|(?:上次|上回|上一次|之前|前几天|那天|昨天|前天)我?(?:[报说拍]的)?(?:那|同)?一?个?的?(?:地方|位置|地点|地儿)"
    r"|(?:上次|上回|上一次)我?(?:[报说拍]的)?(?:那|同一)个?(?:儿|里|边|处)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A literal span of the text that names a place."""

    span: Span
    named: bool
    """It has a name or a number, so that somebody who was not there can find it."""


class PlaceFinder:
    """Finds places by what they are made of: a name with an ending, a house number or a road's, then sides and ways."""

    def __init__(self, words: PlaceWords) -> None:
        self._words = words
        self._endings = frozenset(words.endings)
        # 12号门前 and 6号楼下 are before and below a house, not parts of it.
        units = "|".join(_unit(word) for word in sorted(words.units, key=len, reverse=True))
        self._house = re.compile(rf"(?<![\d月a-z])(?:{_NUMBER}(?:{units}))+(?!高)")
        # 福利路路灯: a single character behind a place may begin another word.
        further = {word for word in words.sides | words.alone | self._endings if len(word) > 1 or word == "旁"}
        counted = rf"{_FROM}第{_SOME}[个根盏棵排家间道](?:{_any(words.things)})"
        exit_ = r"[a-z]\d?(?:出入?|进)?口"
        pieces = (self._house.pattern, rf"的?(?:{_any(further)})", _WAY, counted, _MARK, exit_)
        self._tail = re.compile(f"(?:{'|'.join(pieces)})*")
        self._way = re.compile(_WAY)

    def find(self, text: str, tokens: Sequence[Token]) -> Place | None:
        """The first place with a name, else the first without, else None."""
        best: Place | None = None
        for index in range(len(tokens)):
            place = self._place_at(text, tokens, index)
            if place is not None and place.named:
                return place
            best = best or place
        return best

    def alone(self, text: str, tokens: Sequence[Token]) -> Span | None:
        """The place that a text is, if it says nothing else: 就在幸福里东门那儿, the answer to 在哪儿."""
        start = _skipped(text, 0)
        at, first, last = start, start, start
        while at < len(text):
            end = self._end_from(text, tokens, at)
            if end is None:
                return None
            last, at = end, _skipped(text, end)
        return Span(first, last) if last > first else None

    def _end_from(self, text: str, tokens: Sequence[Token], start: int) -> int | None:
        index = next((index for index, token in enumerate(tokens) if token.span.start == start), None)
        place = self._place_at(text, tokens, index) if index is not None else None
        return place.span.end if place else None

    def _place_at(self, text: str, tokens: Sequence[Token], index: int) -> Place | None:
        """The whole place that begins with a token: its parts one after another, both roads of a crossing."""
        first = self._part_at(text, tokens, index)
        if first is None:
            return None
        end, named = first.span.end, first.named
        while (further := self._further(text, tokens, end, named)) is not None:
            end, named = further, True
        place = Place(Span(first.span.start, end), named)
        return None if _ONLY_A_NUMBER.fullmatch(text, place.span.start, end) else place

    def _further(self, text: str, tokens: Sequence[Token], end: int, named: bool) -> int | None:
        """Where the next part ends that goes on from there: 人民路 | 和解放街 | 交叉口, 青石镇 | 卫生院."""
        start = end + 1 if text[end : end + 1] in _AND else end
        index = next((index for index, token in enumerate(tokens) if token.span.start == start), None)
        if index is None:
            return None
        part = self._part_at(text, tokens, index)
        if part is not None and part.named:
            return part.span.end
        word = tokens[index].word
        if named and start == end and len(word) > 1 and word.endswith(self._words.shops) and self._may_be_name(word):
            return self._with_tail(text, start, tokens[index].span.end).end
        return None

    def _part_at(self, text: str, tokens: Sequence[Token], index: int) -> Place | None:
        token = tokens[index]
        end = self._named_end(text, tokens, index)
        if end is not None:
            return Place(self._with_tail(text, token.span.start, end), named=True)
        if token.word in self._words.alone:
            return Place(self._with_tail(text, token.span.start, token.span.end), named=False)
        return None

    def _with_tail(self, text: str, start: int, end: int) -> Span:
        tail = self._tail.match(text, end)
        return Span(start, tail.end() if tail else end)

    def _named_end(self, text: str, tokens: Sequence[Token], index: int) -> int | None:
        """Where the name or number that begins with a token ends; None if none does."""
        start = tokens[index].span.start
        numbered = _HIGHWAY.match(text, start) or self._house.match(text, start)
        if numbered:
            return numbered.end()
        for at in range(index, len(tokens)):
            token = tokens[at]
            if token.span.start - start > _LONGEST_NAME:
                break
            if self._ends_name(text, tokens, index, at):
                return self._through(tokens, at)
            if not self._may_be_name(token.word):
                break
            end = token.span.end
            house = self._house.match(text, end)
            if house and end - start >= 2:
                return house.end()
            if end - start >= 2 and self._way.match(text, end):
                return end
        return None

    def _through(self, tokens: Sequence[Token], at: int) -> int:
        """兴工街 | 站, 水车园 | 巷: the end of a name may itself be followed by one."""
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        return after.span.end if after is not None and after.word in self._words.after_names else tokens[at].span.end

    def _may_be_name(self, word: str) -> bool:
        return word.isalnum() and not word.isdecimal() and word not in self._words.stops and not _COUNTED.match(word)

    def _ends_name(self, text: str, tokens: Sequence[Token], first: int, at: int) -> bool:
        """滨河路 is a name by itself, and what ends in 小区, 东门 or, before a side, 里; 小区 or 东门 alone is none."""
        word = tokens[at].word
        if word in self._words.stops and word not in self._words.bare_endings:
            return False
        if first == at:
            return word not in self._words.alone | self._words.sides and self._has_ending(word)
        if word in self._words.bare_endings:
            return self._is_side(tokens, at + 1) or self._is_house(text, tokens[at].span.end)
        return self._may_follow(word) or self._has_ending(word)

    def _has_ending(self, word: str) -> bool:
        return len(word) > 2 and word.endswith(self._words.endings) and not word.endswith(self._words.no_names)

    def _is_side(self, tokens: Sequence[Token], at: int) -> bool:
        """Also behind 的: 幸福里的东门."""
        at += at < len(tokens) and tokens[at].word == "的"
        word = tokens[at].word if at < len(tokens) else ""
        return self._may_follow(word)

    def _may_follow(self, word: str) -> bool:
        """Of a name: 小区, 东门, and 小区门口 as one word."""
        door = word in self._words.alone and word.endswith("门口")
        return door or word in self._words.sides or word in self._endings

    def _is_house(self, text: str, at: int) -> bool:
        return self._house.match(text, at) is not None


def same_place(text: str) -> Span | None:
    """Where a text says that the place is that of one's report before: 还是上次那个地方."""
    said = _SAME.search(text)
    return Span(*said.span()) if said else None


def _unit(word: str) -> str:
    not_before = {"号门": "[前口]", "号楼": "[上下]", "楼": "[上下道]", "号线": "路", "门": "[前口]", "层": "楼?高"}
    return re.escape(word) + (f"(?!{not_before[word]})" if word in not_before else "")


def _skipped(text: str, at: int) -> int:
    filler = _FILLER.match(text, at)
    return filler.end() if filler else at


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
