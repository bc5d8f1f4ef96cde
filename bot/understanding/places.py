"""Places as people say them: 170号院, 幸福里东门, 滨河路公交站对面, 三中往北50米, G30 K12+300."""

import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.understanding.lexicon import PlaceWords
from bot.understanding.numerals import CHINESE
from bot.understanding.tokens import Span, Token

_LONGEST_NAME = 7
"""Characters of a name before its ending; longer ones are the sentence, not the name."""
LOOKED_AT = 80
"""Words of a text among which a place is looked for: nobody says where after so many."""
_AND = ("和", "与", "跟")
_SOME = rf"(?:\d{{1,5}}|[{CHINESE}]{{1,5}})"
_MARK = rf" ?(?:k ?\d{{1,4}}(?:\+\d{{1,3}})?|{_SOME}公里(?:\+?\d{{1,3}}米?)?)处?"
"""What stands on the stones beside a road: k12+300, 1712公里处."""
_WAY = rf"[往向朝][东西南北前后左右里上下]+[边面方]?(?:走|拐|数)?{_SOME}(?:来|多)?(?:米|公里|步)"
_FROM = r"(?:从?[东西南北左右前后][边头]?(?:数|往[东西南北]))?"
_NUMBER = rf"(?:(?<!\d)[a-z甲乙丙丁负]?\d{{1,5}}(?:-\d{{1,4}})*|[a-z]|负?[{CHINESE}]{{1,5}})"
_HIGHWAY = re.compile(
    rf"[gsx]\d{{1,4}}(?:[\u4e00-\u9fff]{{0,3}}高速|[国省县]道|(?={_MARK}))|[国省县]道[gsx]?\d{{1,4}}线?"
    rf"|(?<!\d)\d{{3}}[国省县]道"
)
_RING = re.compile("[东西南北中内外]*[一二三四五六七]环(?:[东西南北中]*(?:路|线|高架|快速路|辅路)|(?!境|保|节|卫|绕))")
_ROAD = re.compile(
    rf"第?[{CHINESE}]{{1,3}}(?:马路|纬路|经路|道街|大街|大道|支路|环路|胡同|路|街|巷|弄|道|村|里|区|期|小区|中学"
    rf"|小学|中|小|院|医院|厂)"
)
"""七路 in 劲松七路, 三街 in 天府三街, 二院 in 市二院: a numeral with an ending."""
_NUMERAL = re.compile(rf"第?[{CHINESE}]{{1,3}}")
_NUMERALS_BEGIN = frozenset(f"第{CHINESE}")
_MEASURES = frozenset("个条盏根辆处棵块只堆名位次天号点分人车米层楼排家间座栋把张件串台元斤头匹片段截股阵半")
_ENDS = """
桥下 桥下面 桥底 桥底下 桥边 桥洞 桥脚 桥头 桥面 桥上 桥栏 桥栏杆 路上 路桥 路边 路面
街上 街边 街口 巷口 村道 村口 村村 村外 城门口 城边 城外 城里 道牙子 站口 站外 河里 湖里
寺院 园外 院内 院里
"""
_JOINED = dict.fromkeys(_ENDS.split(), 1) | {"胡同口": 2}
"""Words that jieba makes of the end of a name and what follows it: 古城 | 路上. How much of them is the name's."""
_SHORTEST = 2
"""Characters of a name."""
_AT = ("在", "到", "就在", "位于", "路过", "经过")
_ONE_CHARACTER = frozenset("路街巷桥村道")
_BEGINS_NAMES = frozenset("大小上下前后和老新里内南北东西中")
"""Stop words that a name may begin with where a sentence begins."""
_COUNTED = re.compile(
    rf"[{CHINESE}\d几好]+(?:个|条|盏|根|辆|处|棵|块|只|堆|名|位|次|天|摊|滩|地|窝|坨|溜|股|截|片|圈|排|群"
    rf"|团)(?!路|街|里)"
)
ONLY_A_NUMBER = re.compile(r"(?:[12]?\d|3[01]|[一二三四五六七八九]|二?十[一二三四五六七八九]?|三十一?)号")
"""2号 may be a day as well; 一一三七号 is none."""
_INNER_UNITS = ("层", "楼", "区", "期", "室", "门")
"""These are parts of something that was named before."""
_NOT_OF_A_SHOP = "卖吃有的在了买送把被让从到一前后边上下里外都没不是口侧近对旁灯道车收摆地流"
_SHOP = (
    rf"(?:(?<=[路街巷道村市])|(?:那"
    rf"|这)[家个])(?:第[一二三四五六]家)?(?:(?![{_NOT_OF_A_SHOP}])[\u4e00-\u9fff]){{1,4}}?(?:店|铺|摊|馆"
    rf"|餐厅)(?![主家员子位面])"
    r"|(?:(?:那|这)[家个])?(?:第[一二三四五六]家)?(?:麻辣烫|黄焖鸡|桂林米粉|兰州拉面|沙县小吃|烤冷面|烧烤|炸糕|卤味)"
)
"""Where one eats beside a road is the place: 兴业路黄焖鸡, 学院西路那家麻辣烫."""
_ROADS = frozenset("路街道巷")
_ESTATES = frozenset("里园苑坊府湾轩郡庭阁居")
_OF_NAMES = frozenset("大小新和")
_VAGUE = frozenset("道楼站弄区期")
_CROSSINGS = """
路口 十字路口 丁字路口 三岔路口 红绿灯路口 交叉口 交汇处 交口 道口 岔口 段 中段 东段 西段
南段 北段 出口 入口 收费站 环岛 转盘 下坡 上坡 桥头 天桥 过街天桥 门口 大门 大门口 东门
西门 南门 北门 正门 后门 东门口 西门口 南门口 北门口 正门口 后门口 对面 隧道口 匝道口
服务区 改线处 交界处 分岔处
"""
_JUNCTIONS = frozenset(_CROSSINGS.split())
"""Behind one place, these make a name of what stands before them: 解放大道 | 循礼门 | 路口, G312国道 | 李家集 | 段."""
_BESIDE = ("对面", "旁边", "隔壁", "旁", "对过", "楼下", "边上", "路", "街", "巷", "行")
_INSIDE = frozenset({"院内", "院里"})
_INTERJECTION = re.compile("[啊哎喂嗯呀哦诶欸]+")
_CONTAINER = re.compile(
    r"(?:家|屋|楼|店|车|房|厅|院|室|馆|箱|柜|棚|库|梯|道|桶|手|心|群|嘴|夜|这|那|哪|水|河|沟|池|洞|地|田|山|城|厂"
    r"|司|位|区|站|路|街|巷|门|校|村|镇|园|场|坑|锅|包|袋|眼|脑|肚|头|底|屉|墙|井|管|屏幕|手机|兜)里$"
)
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


_NUMBERS_BEGIN = frozenset(f"0123456789{CHINESE}{string.ascii_lowercase}第甲乙丙丁负国省县东西南北中内外")
"""What highways, rings, houses and floors begin with: of most characters this is all that is asked."""
_WAYS_BEGIN = frozenset("往向朝")


class _Pieces:
    """A text and its tokens, cut so that the ends of names are pieces of their own."""

    def __init__(self, text: str, tokens: Sequence[Token], may_end: Callable[[str, Token], bool]) -> None:
        self.text = text
        self.tokens = tokens
        self._at = {token.span.start: index for index, token in enumerate(tokens)}
        self._name_ends = [-1] * len(tokens)
        """Of each piece, where the next begins with which or behind which a name may end; -1 if none does."""
        nearest = -1
        for index in range(len(tokens) - 1, -1, -1):
            if may_end(text, tokens[index]):
                nearest = tokens[index].span.start
            self._name_ends[index] = nearest

    def may_begin_name(self, index: int) -> bool:
        """Whether a name that begins there may end soon enough."""
        end = self._name_ends[index]
        return end >= 0 and end - self.tokens[index].span.start <= _LONGEST_NAME

    def at(self, start: int) -> int | None:
        """Which piece begins there."""
        return self._at.get(start)

    def word(self, index: int) -> str:
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def begins_clause(self, index: int) -> bool:
        """Whether nothing stands before it that it could belong to."""
        return index == 0 or not self.word(index - 1).isalnum()


class PlaceFinder:
    """Finds places by what they are made of: a name with an ending, a house number or a road's, then sides and ways."""

    def __init__(self, words: PlaceWords) -> None:
        self._words = words
        self._endings = frozenset(words.endings)
        self._not_names = words.alone | words.sides
        # 12号门前 and 6号楼下 are before and below a house, not parts of it.
        self._positions = {word for word in self._not_names if len(word) > 1 and word[-1] in "面边上下"}
        units = "|".join(_unit(word) for word in sorted(words.units, key=len, reverse=True) if word not in _INNER_UNITS)
        inner = "|".join(_unit(word) for word in _INNER_UNITS)
        self._house = re.compile(rf"(?<![\d月a-z])(?:{_NUMBER}(?:{units}))(?:{_NUMBER}(?:{units}|{inner}))*(?!高)")
        floors = rf"(?<![坡路街道桥口])(?:{_NUMBER}(?:{inner})|\d+排)+(?!高)"
        # 福利路路灯: a single character behind a place may begin another word.
        sides = {word for word in words.sides | words.alone if len(word) > 1 or word == "旁"} - _INSIDE
        doors = {word for word in sides if re.search("门|口|楼|面$|边$|侧|段", word)}
        further = {word for word in self._endings if len(word) > 1} - sides
        counted = rf"(?:{_FROM}|[往向朝][东西南北])第{_SOME}[个根盏棵排家间道](?:{_any(words.things)})"
        exit_ = (
            r"(?:地铁)?[a-z]\d?(?:出入?|进)?口|[a-z]\d{1,2}(?=[\u4e00-\u9fff])|[a-z]座"
            r"|(?<=[街路巷同村站道洞东南西北])口(?![罩香水渴岸腔])"
        )
        banks = (
            r"(?<=边)上|(?<=[江河湖渠海])边(?!缘)|(?<=山)[脚顶]|(?<=桥)(?:下面|[洞底头脚]下?|[下边])"
            r"|(?<=[台池塘站场棚])边(?!上)"
        )
        banks += "|(?<=[\u4e00-\u9fff])段(?![时子位])"
        lanes = (
            rf"[东西南北中]?(?:\d{{1,3}}|[{CHINESE}]{{1,3}})(?:巷|坊|里(?![地路外多])|弄|梯|组团|横巷|直街)(?:口"
            rf"|(?![子]))"
        )
        pieces = (
            self._house.pattern,
            floors,
            _any(sides),
            rf"的(?:{_any(doors)})",
            _any(further),
            banks,
            lanes,
            _SHOP,
            _WAY,
            counted,
            _MARK,
            exit_,
        )
        self._number = re.compile(f"{self._house.pattern}|{floors}")
        self._tail = re.compile(f"(?:{'|'.join(pieces)})*")
        self._way = re.compile(_WAY)
        self._last_words = self._endings | words.bare_endings | self._not_names | _JUNCTIONS
        self._last_of_endings = frozenset(ending[-1] for ending in words.endings)

    def find(self, text: str, tokens: Sequence[Token]) -> Place | None:
        """The first place with a name, else the first without, else None."""
        pieces = self._pieces(text, tokens)
        best: Place | None = None
        for index in range(min(len(pieces.tokens), LOOKED_AT)):
            place = self._place_at(pieces, index)
            if place is not None and place.named:
                return place
            best = best or place
        return best

    def alone(self, text: str, tokens: Sequence[Token]) -> Span | None:
        """The place that a text is, if it says nothing else: 就在幸福里东门那儿, the answer to 在哪儿."""
        pieces = self._pieces(text, tokens)
        start = _skipped(text, 0)
        at, first, last = start, start, start
        while at < len(text):
            end = self._end_from(pieces, at)
            if end is None:
                return None
            last, at = end, _skipped(text, end)
        return Span(first, last) if last > first else None

    def _pieces(self, text: str, tokens: Sequence[Token]) -> _Pieces:
        return _Pieces(text, cut_at_endings(tokens, self._words.stops), self._may_end_name)

    def _may_end_name(self, text: str, token: Token) -> bool:
        """Whether it is worth a closer look: whether a word ends as names do, or what may end one follows it."""
        word, end = token.word, token.span.end
        if word in self._last_words or (word[-1] in self._last_of_endings and word.endswith(self._words.endings)):
            return True
        after = text[end : end + 1]
        if after in _WAYS_BEGIN or (after in _NUMBERS_BEGIN and self._number.match(text, end)):
            return True
        return word[0] in _NUMBERS_BEGIN and _ROAD.fullmatch(word) is not None

    def _end_from(self, pieces: _Pieces, start: int) -> int | None:
        index = pieces.at(start)
        place = self._place_at(pieces, index) if index is not None else None
        return place.span.end if place else None

    def _place_at(self, pieces: _Pieces, index: int) -> Place | None:
        """The whole place that begins with a token: its parts one after another, both roads of a crossing."""
        first = self._part_at(pieces, index)
        if first is None:
            return None
        end, named = first.span.end, first.named
        while (further := self._further(pieces, end, named)) is not None:
            end, named = further, True
        place = Place(Span(first.span.start, end), named)
        return None if ONLY_A_NUMBER.fullmatch(pieces.text, place.span.start, end) else place

    def _further(self, pieces: _Pieces, end: int, named: bool) -> int | None:
        """Where the next part ends that goes on from there: 人民路 | 和解放街 | 交叉口, 青石镇 | 卫生院."""
        text = pieces.text
        start = end + 1 if text[end : end + 1] in _AND else end
        index = pieces.at(start)
        if index is None:
            return None
        strong = self._named_end(pieces, index, further=start == end)
        if strong is not None:
            return self._with_tail(text, start, strong).end
        if named and start == end and text[start - 1] in _ROADS and (more := self._estate_end(pieces, index)):
            return self._with_tail(text, start, more).end
        word = pieces.word(index)
        beside = text.endswith(_BESIDE, 0, start)
        if (
            named
            and start == end
            and len(word) > 1
            and beside
            and word.endswith(self._words.shops)
            and self._is_word(word)
        ):
            shop = pieces.tokens[index].span.end
            return self._with_tail(text, start, shop).end
        return None

    def _estate_end(self, pieces: _Pieces, first: int) -> int | None:
        """Behind a road, a name with an ending of one character: 西康路 | 艺林里, 站南路 | 如意锦园."""
        start = pieces.tokens[first].span.start
        for at in range(first, min(first + 4, len(pieces.tokens))):
            inner = at > first and pieces.word(at) in self._words.bare_endings
            if not inner and not (self._is_word(pieces.word(at)) and pieces.word(at) not in self._not_names):
                return None
            end = pieces.tokens[at].span.end
            name = pieces.text[start:end]
            if len(name) > _SHORTEST and name[-1] in _ESTATES and not _CONTAINER.search(name):
                return end
        return None

    def _part_at(self, pieces: _Pieces, index: int) -> Place | None:
        token = pieces.tokens[index]
        end = self._named_end(pieces, index)
        if end is not None:
            start = token.span.start
            interjection = _INTERJECTION.match(pieces.text, start)
            start = interjection.end() if interjection and interjection.end() < end else start
            return Place(self._with_tail(pieces.text, start, end), named=True)
        if token.word in self._words.alone:
            return Place(self._with_tail(pieces.text, token.span.start, token.span.end), named=False)
        return None

    def _with_tail(self, text: str, start: int, end: int) -> Span:
        tail = self._tail.match(text, end)
        return Span(start, tail.end() if tail else end)

    def _named_end(self, pieces: _Pieces, index: int, *, further: bool = False) -> int | None:
        """Where the name or number that begins with a token ends; None if none does. ``further`` than another part,
        a side alone makes no name of what stands before it: 丰庆公园 | 单杠底下.
        """
        text, tokens = pieces.text, pieces.tokens
        start = tokens[index].span.start
        if text[start] in _NUMBERS_BEGIN:
            numbered = _HIGHWAY.match(text, start) or _RING.match(text, start) or self._house.match(text, start)
            if numbered:
                return numbered.end()
        if tokens[index].word in self._positions or not pieces.may_begin_name(index):
            return None
        for at in range(index, len(tokens)):
            token = tokens[at]
            if token.span.start - start > _LONGEST_NAME:
                break
            if self._ends_name(pieces, index, at, further=further):
                return self._through(pieces, at)
            if not self._may_be_name(pieces, at, index):
                break
            end = self._end_behind(text, token.span.end, further=further)
            if end is not None and token.span.end - start >= _SHORTEST:
                return end
        return None

    def _end_behind(self, text: str, end: int, *, further: bool) -> int | None:
        """Where a name without an ending ends, if a house number or a way follows it: 和平 | 3号楼, 三中 | 往北50米."""
        house = self._number.match(text, end) if not further and text[end : end + 1] in _NUMBERS_BEGIN else None
        if house:
            return house.end()
        return end if text[end : end + 1] in _WAYS_BEGIN and self._way.match(text, end) else None

    def _through(self, pieces: _Pieces, at: int) -> int:
        """兴工街 | 站, 水车园 | 巷: the end of a name may itself be followed by one."""
        after = pieces.word(at + 1)
        if after == "道" and pieces.word(at)[-1:] == "街":
            return pieces.tokens[at + (0 if pieces.word(at + 2).startswith("牙") else 1)].span.end
        end = pieces.tokens[at].span.end
        more = after in self._words.after_names and self._with_tail(pieces.text, end, end).end < end + _SHORTEST
        return pieces.tokens[at + 1].span.end if more else pieces.tokens[at].span.end

    def _is_word(self, word: str) -> bool:
        if not word.isalnum() or word.isdecimal() or word in self._words.stops or word[0] in "不没":
            return False
        return not _COUNTED.match(word)

    def _may_be_name(self, pieces: _Pieces, at: int, first: int) -> bool:
        """Whether a name may contain a word: 三 of 三好街, not of 三辆车; 大 of 大东路, where a sentence begins."""
        word = pieces.word(at)
        if self._is_word(word):
            return True
        if len(word) > 1 or at + 1 >= len(pieces.tokens):
            return False
        after = pieces.word(at + 1)
        if word in CHINESE:
            return after[:1] not in _MEASURES and after.isalnum() and after not in self._words.stops
        if at > first and word in _BEGINS_NAMES and len(after) == 1 and after in self._endings:
            return True  # 仓前街
        if at > first and word in _OF_NAMES and len(pieces.word(at - 1)) == 1:
            return True  # 恒大绿洲
        begins = pieces.begins_clause(at) or pieces.word(at - 1) in _AT
        return at == first and word in _BEGINS_NAMES and begins and after not in self._not_names

    def _ends_name(self, pieces: _Pieces, first: int, at: int, *, further: bool) -> bool:
        """滨河路 is a name by itself, and what ends in 小区, 东门 or, before a side, 里; 小区 or 东门 alone is none."""
        word = pieces.word(at)
        if word in self._words.stops and word not in self._words.bare_endings:
            return False
        if first == at:
            return self._is_name(word, further=further)
        if word in self._words.bare_endings and word not in self._endings:
            end = pieces.tokens[at].span.end
            return (not further and self._is_side(pieces, at + 1)) or self._house.match(pieces.text, end) is not None
        before = pieces.tokens[at].span.start - pieces.tokens[first].span.start
        if _is_vague(pieces, at, before):
            return False
        if _ROAD.fullmatch(word):
            return pieces.word(at - 1)[-1:] not in _MEASURES and word not in ("一路", "一道", "一区", "一中", "一期")
        if word in self._endings or self._has_ending(word, short=True):
            return True
        return before >= _SHORTEST and self._may_follow(word, further=further)

    def _is_name(self, word: str, *, further: bool) -> bool:
        """Whether a single word is one."""
        if further and len(word) > _SHORTEST and _ROAD.fullmatch(word):
            return word.endswith(("中", "小", "院", "中学", "小学"))
        numbered = len(word) == _SHORTEST and _NUMERAL.fullmatch(word[:-1])
        return word not in self._not_names and self._has_ending(word) and not numbered

    def _has_ending(self, word: str, *, short: bool = False) -> bool:
        longer = len(word) > 2 or (short and len(word) == 2 and word[-1] in "路街巷桥村镇湾庄")
        if _COUNTED.match(word) or word[1:2] == "层":
            return False
        return longer and word.endswith(self._words.endings) and not word.endswith(self._words.no_names)

    def _is_side(self, pieces: _Pieces, at: int) -> bool:
        """Also behind 的: 幸福里的东门."""
        at += pieces.word(at) == "的"
        return self._may_follow(pieces.word(at), further=False)

    def _may_follow(self, word: str, *, further: bool) -> bool:
        """Of a name: 小区, 东门, and 小区门口 as one word."""
        if word in self._endings:
            return True
        if further:
            return word in _JUNCTIONS
        door = word in self._words.alone and word.endswith("门口")
        both = len(word) > 3 and word[:2] in self._words.sides and word[2:] in self._words.sides
        return door or both or word in self._words.sides


def _is_vague(pieces: _Pieces, at: int, before: int) -> bool:
    """Whether an ending of one character may be something else: 人站在路中间, 换道, 货代弄, 救护车 | 道."""
    word, last = pieces.word(at), pieces.word(at - 1)
    if word == "站" and pieces.word(at + 1) in ("在", "着", "了", "那", "满", "不"):
        return True
    if word == "弄" and not _NUMERAL.fullmatch(last):
        return True
    return word in _VAGUE and (before < _SHORTEST or (word == "道" and last[-1] in "车人通管轨"))


def cut_at_endings(tokens: Sequence[Token], stops: frozenset[str]) -> list[Token]:
    """The tokens, with 古城 | 路上 as 古城 | 路 | 上, and 八 | 一路 as 八一路 where it stands behind a name."""
    pieces: list[Token] = []
    for token in tokens:
        word = token.word
        before = pieces[-1] if pieces else None
        if before is None:
            pieces.append(token)
        elif word in _JOINED and _of_a_name(before.word, stops):
            start, cut = token.span.start, _JOINED[word]
            pieces += [
                Token(word[:cut], Span(start, start + cut)),
                Token(word[cut:], Span(start + cut, token.span.end)),
            ]
        elif before.word[0] in _NUMERALS_BEGIN and _is_numbered_road(before.word, word):
            pieces[-1] = Token(before.word + word, Span(before.span.start, token.span.end))
        else:
            pieces.append(token)
    return pieces


def _of_a_name(word: str, stops: frozenset[str]) -> bool:
    return word.isalnum() and word not in stops and word[-1] not in _ONE_CHARACTER


def _is_numbered_road(numeral: str, word: str) -> bool:
    return _NUMERAL.fullmatch(numeral) is not None and _ROAD.fullmatch(numeral + word) is not None


def same_place(text: str) -> Span | None:
    """Where a text says that the place is that of one's report before: 还是上次那个地方."""
    said = _SAME.search(text)
    return Span(*said.span()) if said else None


def _unit(word: str) -> str:
    not_before = {
        "号": "[换篮机充桩]",
        "号门": "[前口头]",
        "号楼": "[上下道梯]",
        "号店": "外",
        "楼": "[上下道]",
        "号线": "路",
        "门": "[前口]",
        "层": "[冰雪油灰土水皮泥薄厚暗黑]|楼?高",
    }
    return re.escape(word) + (f"(?!{not_before[word]})" if word in not_before else "")


def _skipped(text: str, at: int) -> int:
    filler = _FILLER.match(text, at)
    return filler.end() if filler else at


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
