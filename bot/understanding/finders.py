"""Finders: numbers, persons, organisations and things within a sentence, wherever they stand in it.

All work on the folded text (see ``normalise.py``) and give spans of it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.understanding.numerals import CHINESE, DIGITS, whole_number
from bot.understanding.tokens import Span

_HAN = "\u4e00-\u9fff"
_SOME = rf"(?:\d{{1,4}}|[{CHINESE}]{{1,5}})"


def longest_first(words: Iterable[str]) -> str:
    """A branch of a regular expression that prefers the longer word."""
    return "|".join(map(re.escape, sorted(set(words), key=len, reverse=True)))


def _each(*expressions: str) -> tuple[re.Pattern[str], ...]:
    """Expressions of which the first that is found counts."""
    return tuple(map(re.compile, expressions))


# ---- Numbers ----

_EMERGENCY = frozenset({110, 119, 120, 122})
_CASE = re.compile(
    rf"(?<![\d.a-z+\-])(?<!\d:)(?P<mark>#)?(?P<said>\d{{1,7}}(?![\d%]|[.:]\d)"
    rf"|(?<![{CHINESE}第])[{CHINESE}]{{3,9}}(?![{CHINESE}]))"
    r"(?! ?(?:号?[楼院门线桥店]|号?单元|[栋幢座室层米块元名年月天次遍辆台k]|个(?!案|单)|人(?![马已在都])|点(?!个)"
    r"|公里|分(?:钟|$|[\s,.!])|小时|日(?!常)"
    r"|国道|省道|多))"
)
_KEY = re.compile(r"(?:案|案件|工单|单号|编号|进度|派单|受理|退单|退回|办结|评价|并案|单子)[号: 第]*$")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was said, and where."""

    value: int
    span: Span


def case_numbers(text: str) -> list[Number]:
    """The numbers that may be those of cases, the likeliest kind only: with # or a word before them, else long ones."""
    found: dict[int, list[Number]] = {}
    for match in _CASE.finditer(text):
        value = whole_number(match["said"])
        if value is None:
            continue
        if match["mark"] or _KEY.search(text, max(0, match.start() - 6), match.start()) or value >= 1000:
            rank = 0
        elif value >= 100 and value not in _EMERGENCY:
            rank = 1
        elif match["said"].isdecimal():
            rank = 2
        else:
            continue
        found.setdefault(rank, []).append(Number(value, Span(*match.span("said"))))
    return found[min(found)] if found else []


_INTO = r"(?:并|合并|合|归并|归|归拢|挪|放|加|移|算|塞|井|挂)(?:案|单)?(?:过去|过来)?(?:到|进|入|给|至|去|在|回|里|落)+"
_JOINED = re.compile(
    rf"^[^\d]*?(?:{_INTO}|并过去|并过来|到|->|→|>|=>)(?:第|编号|案件|那个|这个|前面|前头|之前|原来|的|号)*\s*#?$"
)
_MAIN = re.compile(r"(?:以|往|朝|向|到|进|主案[是为]?|保留|留|留着)\s*#?$")
_BEHIND_MAIN = re.compile(r"^(?:号|那个|这个|案)*(?:为主|是主|做主|里头|里边|里面|里|留着|保留|作主|吸收)")
_BACK = re.compile(r"后(?:面|头|边|一个|者)?(?:这|那)?(?:个|条|一个)?[^,.]{0,3}(?:并|合|归)[^,.]{0,3}前")


def merged(text: str) -> tuple[Number, Number] | None:
    """The case that is merged, and the one that it is merged into."""
    numbers = case_numbers(text)
    for first, second in pairwise(numbers):
        if first.value != second.value and _JOINED.match(text[first.span.end : second.span.start]):
            return first, second
    distinct = list({number.value: number for number in reversed(numbers)}.values())[::-1]
    if len(distinct) != 2:
        return None
    first, second = distinct
    if _BACK.search(text):
        return second, first
    if re.search(r"前(?:面|头|边|一个|者)", text):
        return first, second
    for main, other in ((first, second), (second, first)):
        spans = [number.span for number in numbers if number.value == main.value]
        if any(_BEHIND_MAIN.match(text, span.end) or _BEHIND_MAIN.match(text[span.end :]) for span in spans):
            return other, main
        if any(_MAIN.search(text[: span.start]) for span in spans):
            return other, main
    # 1024 and 1025 are one thing: the later report goes into the earlier.
    return (first, second) if first.value > second.value else (second, first)


_NOT_A_NUMBER = r"(?!\s*(?:号楼|号院|小时|个|分|点|月|日|天|次|遍|回|年|人|名|位|块|元|米|公里|周|礼拜|星期|钟头|%|k))"
_NO = rf"(?<![\d.])(?<!\d:)#?(\d{{1,7}}|(?<![{CHINESE}])[{CHINESE}]{{1,5}})(?![\d{CHINESE}]|[.:]\d)"
_CLAIM = _each(
    rf"第{_NO}[号条个项]",
    rf"{_NO}号(?:的|那个|这个|那条|这条|积分|志愿)*申报",
    rf"(?:申报|编号|单号)(?:的|第|那个|号|编号|单|:|是)* ?{_NO}{_NOT_A_NUMBER}",
    rf"{_NO}号(?![楼院门])",
    rf"(?:通过|批准|驳回|同意|不通过|批|准) ?{_NO}{_NOT_A_NUMBER}",
    rf"{_NO}{_NOT_A_NUMBER}(?:的|那个|这个|那条|这条|积分|志愿)*申报",
    rf"(?<![\d.])(?<!\d:)#?(\d{{1,7}})(?!\d|[.:]\d){_NOT_A_NUMBER}",
    rf"(?<![{CHINESE}])([{DIGITS}]{{3,5}})(?![{CHINESE}])",
)
_ACTIVITY = _each(
    rf"第{_NO}[个号场项]",
    rf"{_NO}号?(?:那个|这个|的)*(?:志愿)?活动",
    rf"活动(?:编号|号|第)* ?{_NO}{_NOT_A_NUMBER}",
    rf"报名(?:参加|活动|编号|第)* ?{_NO}{_NOT_A_NUMBER}",
    rf"^{_NO}号? ?(?:我|也|想|要)*(?:报名|参加|报|算我)",
)


def claim_number(text: str) -> Number | None:
    """The number of a claim: 31号申报, 申报 31, 通过31."""
    return _first(_CLAIM, text)


def activity_number(text: str) -> Number | None:
    """The number of an activity: 报名 12, 7号活动."""
    return _first(_ACTIVITY, text)


def _first(expressions: Sequence[re.Pattern[str]], text: str) -> Number | None:
    for expression in expressions:
        match = expression.search(text)
        value = whole_number(match[1]) if match else None
        if match and value is not None:
            return Number(value, Span(*match.span()))
    return None


_ABOUT = rf"(?<![\d.:{CHINESE}第])(\d{{1,4}}|[{CHINESE}]{{1,5}})(?:来|多|几)?"
_MEN = r"(?:人(?!民)|志愿者|党员|骑手|小哥|司机|兄弟|同志|劳力|壮劳力|义工|队员|先锋|伙计|爷们)"
_HEADS = _each(
    rf"{_ABOUT}(?:个|名|位|号|口)? ?{_MEN}",
    rf"{_ABOUT}(?:名|位|口子)",
    rf"{_ABOUT}个(?!小时|钟|月|礼拜|星期|半|坑|点|社区|小区|路口|卡口|支部|地方|班|多)",
    rf"{_ABOUT}(?:辆|台)车",
    r"(?<![\d.:])(\d{1,4})(?![\d:.点号月日年时分小个周米块元度%-]| ?(?:小时|分钟))",
)


def headcount(text: str) -> Number | None:
    """How many are wanted: 20人, 二十来个, 四名会开三轮的."""
    return _first(_HEADS, text)


# ---- Points ----

_SCORE = rf"(\d{{1,4}}|[{CHINESE}]{{1,4}})"
_FULL = r"(?![钟别手拣公店析享担队段清之\d])"
_AWARD = _each(
    rf"\+ ?{_SCORE}",
    rf"(?:加|记|奖励|奖|添|增加|给|来|补|发|算|打|评)(?:上|了|他|她|个|到|补|记)* ?{_SCORE}个?[积鸡]?[分芬]{_FULL}",
    rf"(?<![{CHINESE}\d点:.\-]){_SCORE}个?[积鸡]?[分芬]{_FULL}(?!感谢|辛苦|感动|认真|积极|努力|及时|到位|优秀"
    rf"|突出|热心|敬业|负责|佩服|难得|不错)",
    rf"(?:加|记|奖励|奖|添|增加|补)(?:上|了|他|她|个|到)* ?{_SCORE}个?(?=$|[\s,.!;]|吧|哈|呗|了|给)",
    r"(?<![\d.:\-])(\d{1,3})(?![\d.:]| ?(?:号|点|月|日|年|小时|分钟|个|人|次|天|楼|栋|米|公里|块|元|路|单))",
)
_STARS = re.compile(rf"{_SCORE}(?:颗|个)?星")
_RATED = re.compile(rf"(?:评分|评价|打分) ?#?\d{{3,7}}(?!\d)号? ?{_SCORE}(?!\d)|^#?\d{{3,7}}号? +([1-5])(?!\d)")
_RATING = re.compile(
    rf"(?:打|给|评|评价|得)(?:个|了|他们|你们)* ?{_SCORE}分{_FULL}|(?:(?<=\d)(?=[{CHINESE}])"
    rf"|(?<![{CHINESE}\d.差])){_SCORE}分{_FULL}(?!感谢|满意|辛苦|及时)"
)
_TOP = re.compile(r"满分|(?<!差)五星(?!期)")
_BEST = 5


def award(text: str) -> Number | None:
    """The points that somebody is given: 加5分, 记五分, +3, 加六个."""
    return _first(_AWARD, text)


def rating(text: str) -> Number | None:
    """What is given to the handling of a case: 5分, 三星, 满分."""
    for match in (_STARS.search(text), _RATING.search(text), _RATED.search(text)):
        said = next(filter(None, match.groups()), "") if match else ""
        value = whole_number(said)
        if match and value is not None:
            return Number(value, Span(*match.span()))
    top = _TOP.search(text)
    return Number(_BEST, Span(*top.span())) if top else None


# ---- Codes ----

_CODES = (
    re.compile(r"(?<![\d.])\d(?: ?\d){3}(?! ?\d|\.\d)"),
    re.compile(rf"(?<![{DIGITS}])[{DIGITS}]{{4}}(?![{DIGITS}十百千号])"),
    re.compile(r"(?<![\d.])\d(?: ?\d){2,7}(?! ?\d|\.\d)"),
    re.compile(rf"(?<![{DIGITS}])[{DIGITS}](?: ?[{DIGITS}]){{2,7}}(?! ?[{DIGITS}十百千号])"),
)


def code(text: str) -> tuple[str, Span] | None:
    """A code or the end of a telephone number: 8848, 8 8 4 8, 八八四八; four digits before any other."""
    for expression in _CODES:
        match = expression.search(text)
        if match:
            said = match[0].replace(" ", "")
            return said if said.isascii() else "".join(str(whole_number(each)) for each in said), Span(*match.span())
    return None


# ---- Persons ----


class People:
    """Finds persons as they are called, with no list of members at hand: 小李, 张师傅, 阿强, 欧阳明."""

    def __init__(self, surnames: Sequence[str], titles: Sequence[str]) -> None:
        self._names = frozenset(surnames)
        name = f"[{''.join(surnames)}]"
        title = longest_first(titles)
        self._called = re.compile(
            rf"(?P<third>{name}老[一二三四五六七八九])|(?P<titled>{name}(?:{title})(?![{_HAN}]?[{name[1:-1]}]?员会))"
            rf"|(?P<small>(?<![大老中])[小老大](?!时|区|学|路|车|单|年|家|安|党|商|方|全|和|明白|任务|平台|米粥"
            rf"|石头){name}(?:[儿子](?![{_HAN}]{{0,1}}[女弟]))?)"
            rf"|(?P<dear>阿(?!姨|婆|公|里|拉|弥|富|房|司|斯|克|尔|木|勒)[{_HAN}])"
        )
        self._full = (
            rf"(?:{name}[{_HAN}]{{1,2}}?|(?:欧阳|上官|司马|诸葛|司徒|东方|夏侯|皇甫|尉迟|令狐)[{_HAN}]{{1,2}}?)"
        )
        after = (
            r"加|记|添|补|奖|多|来|发|的|请假|请个假|假|准|批|积分|那|这|报到|报道|同志|因|昨|今|上次|这次|帮|\d"
            r"|\+|[\s,.!:;(（]|$"
        )
        score = rf"[{CHINESE}]{{1,4}}分"
        self._given = re.compile(
            r"(?:给|畀|拨|为|替|帮|奖励|奖|准了?|批了?|批准|同意|准假|批假|加分|请假|我是|我叫|叫|我系|姓名是?"
            r"|名字是?|报到|报道|报倒|绑定|登记|绑上|通过)"
            rf"(?:一下|了|下|到|是|我|:|\+|[\s,.])*(?P<who>{self._full}|[{_HAN}]{{2,3}}?)(?={after}|{score})"
        )
        self._first = re.compile(
            rf"(?:^|[\s,.!:;+])(?P<who>{self._full}|[{_HAN}][子儿哥姐总]"
            rf"|大[勇强军明伟刚鹏飞龙虎海亮力兵斌东春宝柱山壮]|[二三四五六]?[{_HAN}])"
            rf"(?=(?:这次|那个|这个|的|嘅|那)?(?:请?假|[\s,(]?(?:{score}|\d)|[\s,]*\+|\s?加|\s?报到|\s?报道"
            rf"|不用来|要|扫|帮|同志))"
        )

    def find(self, text: str, captured: Span | None = None) -> Span | None:
        """Who is meant: the one something is given to or said of, else the one that a pattern ``captured``, else who
        stands where a person would.
        """
        called = [(self._score(text, match), Span(*match.span())) for match in self._called.finditer(text)]
        if called:
            return self._whole(text, max(called, key=lambda each: each[0])[1], captured)
        if captured:
            return captured
        for expression in (self._given, self._first):
            for match in expression.finditer(text):
                if not _NOBODY.search(match["who"]):
                    return Span(*match.span("who"))
        return None

    def _whole(self, text: str, span: Span, captured: Span | None) -> Span:
        """With the surname before it: 林阿福, 王小李."""
        if span.start == 0 or text[span.start - 1] not in self._names:
            return span
        longer = Span(span.start - 1, span.end)
        begins = text[span.start] == "阿" and not text[max(0, span.start - 2) : span.start - 1].isalpha()
        return longer if begins or captured == longer else span

    @staticmethod
    def _score(text: str, match: re.Match[str]) -> int:
        before, behind = text[max(0, match.start() - 4) : match.start()], text[match.end() : match.end() + 8]
        score = 0
        if _GIVEN_TO.search(before):
            score += 3
        if _SAID_OF.match(behind):
            score += 3
        if _SPEAKER.search(before) or _SPEAKER_BEHIND.match(behind):
            score -= 4
        return score


_GIVEN_TO = re.compile(r"(?:给|畀|为|奖励?|准了?|批了?|批准|同意|准假|批假|把|让|是|叫|加分)[\s:,]*$")
_SAID_OF = re.compile(
    r"(?:同志)?(?:的|嘅|那个?|这个?)?(?:请?假|请个假|假条|加|记|\+|\s?\d|\s?[零一二两三四五六七八九十]+分)|报到|报道"
)
_SPEAKER = re.compile(r"(?:替|帮|跟|和|问|听|告诉|照顾|伺候|接送|陪|请示)[\s]*$")
_SPEAKER_BEHIND = re.compile(r"(?:交代|说的|让我|叫我|定的|批示|你好|您好|好[,\s]|在吗)")
_NOBODY = re.compile(
    r"小蜂|大家|他们|她们|我们|你们|咱们|自己|人家|积分|加分|申报|请假|报到|签到|上次|这次|今天|昨天|昨晚|明天"
    r"|今晚|假条|时间|活动|他|她|我|你|这|那"
    r"|[的了吧呗哈嘛哦啊分加记奖准批]|多少|同意|批准|支部|党员|通过|审批|志愿|群里|手机|尾号|后四位|所有|扫雪"
    r"|社区|老人|一下|本人|书记$"
)


# ---- Organisations ----

_SUFFIX = (
    r"(?:公司|集团|管理局|分局|局|供电所|管理所|派出所|所(?!以|有)|大队|中队|支队|总队|队|服务站|站|服务中心|中心"
    r"|办事处|办公室|(?<=[道居区镇乡治政督创])办(?![结理完好了法])"
    r"|管委会|居委会|村委会|业委会|委员会|委(?!托|屈)|工会|部门|处(?![理置罚])|厅(?!里)|院|支部|党委|物业|段(?!时))"
)
_NO_NAME = r"(?![派转给归让由去来到请把将但拨畀俾落]|交(?![运通投建管警])|你们|这个|那个|直接|赶紧|他们|我们|你们)"
_ASSIGN = re.compile(
    r"(?:派单|转派|改派|转办|转交|分派|指派|交办|移交|下派|派给|转给|交给|分给|归给|派到|转到|交到|派|转|交|分|归"
    r"|推|让|由|该|找|请|给)"
    rf"(?:一下|给|到|至|由|去|往|了|:|\s|#?\d{{3,7}}号?|[{CHINESE}]{{3,9}}号?)*"
)
_HANDED = re.compile(r"(?:派单|转派|改派|转办|转交|分派|指派|交办|移交|派给|转给|交给|分给|派到|转到)")
_TAIL = re.compile(
    r"去|来|处理|管|吧|哈|呗|啊|嘛|哦|呢|弄|办|接|修|看|让|他们|过去|派|负责|赶紧|尽快|一下|解决|落实|跟进|那边"
    r"|这边|的|了|牵头|先|今天|明天|现在|处置|核实|认领|搞|整|啦|喽"
)


class Units:
    """Finds who a case is handed to: whatever stands after 派给, 转给 or 交给, without what follows it."""

    def __init__(self, words: Sequence[str]) -> None:
        stem = longest_first(words)
        self._unit = re.compile(rf"(?:{_NO_NAME}[{_HAN}]){{0,6}}?(?:{stem}|{_SUFFIX})(?:{stem}|{_SUFFIX})*")
        self._any = re.compile(
            rf"(?:(?<=@)|(?<=跟)|(?<=找)|(?<=联系))[{_HAN}]{{0,6}}?(?:{stem})(?:{stem}|{_SUFFIX})*"
            rf"|(?:{stem})(?:{stem}|{_SUFFIX})*"
        )

    def find(self, text: str) -> Span | None:
        """The unit after the first verb that has one behind it."""
        for verb in _ASSIGN.finditer(text):
            unit = self.begin(text, verb.end())
            if unit:
                return unit
        for verb in _HANDED.finditer(text):
            said = re.compile(rf"[\s:]*(?:给|到|至)?\s*([{_HAN}a-z]{{1,12}})").match(text, verb.end())
            cut = _TAIL.search(text, said.start(1), said.end(1)) if said else None
            end = cut.start() if cut else said.end(1) if said else 0
            if said and end > said.start(1) and said[1][0] not in "你他她我咱":
                return Span(said.start(1), end)
        found = self._any.search(text)
        return Span(*found.span()) if found else None

    def begin(self, text: str, start: int) -> Span | None:
        """The unit that begins there."""
        unit = self._unit.match(text, start)
        return Span(*unit.span()) if unit else None


_BRANCH = re.compile(
    r"(?:党支部|支部|党小组|党总支|总支|党工委|行业党委|党委|党组|服务站|工作站|党建联盟)(?!的?书记|的?群?[里])"
)
_BEFORE_BRANCH = re.compile(
    r"绑[定订上]?[到成至在为给]?(?:一下|一哈|下)?|綁定|邦定|挂[到在靠]|归属?[于到]?|属于|对应|关联[到]?"
    r"|[我咱]们?[这]?[是]?|这(?:里|儿|个)?[是]?|此群[是]?|本群|(?<=群)[是]"
    r"|名[称字][是为叫]?|叫做?|群(?!体|众)[聊组]?(?=[^\s])|与|跟|将|把|为|以后|就是|组织(?=\s|:)|[\s,.:;!?+]"
)


def branch(text: str) -> Span | None:
    """The party branch that a group is bound to: all of its name before 党支部."""
    edges = [0, *(match.end() for match in _BEFORE_BRANCH.finditer(text))]
    found = []
    for match in _BRANCH.finditer(text):
        start = max(edge for edge in edges if edge <= match.start())
        found.append(Span(start, match.end()))
    return max(found, key=lambda span: span.end - span.start, default=None)


# ---- Things ----

_MEASURE = "个|副|双|件|顶|瓶|桶|袋|箱|盒|条|张|把|套|只|台|包|份|次|床|块|支|对|杯|提|本|斤|罐|卷|点|根|盏"
_SWAP = re.compile(
    rf"(?:兑换|兑还|对换|换购|兑|换|领|(?<![想需只主])要|来|拿|给我)(?:成|一下|了|到"
    rf"|取)*(?:[一俩两二三1-9\d]{{0,2}}(?:{_MEASURE})|那个?|这个?"
    rf"|[:\s,])*(?P<item>(?![换兑领拿来])[{_HAN}]{{1,7}})"
)
_NO_ITEM = re.compile(
    r"什么|啥|哪些|东西|礼品|奖品|积分|多少|怎么|几|[分了吧呗吗嘛不没哈哦啊嘞伐行]|可以|能|要|用|我|你|他|给|拿"
    r"|从|有|的|大号|小号|一|两|双$|扣|还|谢|麻烦|黑|白|红|加|呢|得|咯|喽|好|再|是|\s"
)


class Prizes:
    """Finds what somebody wants for points."""

    def __init__(self, words: Sequence[str]) -> None:
        known = [word for word in words if word not in {"东西", "礼品", "奖品"}]
        long = longest_first(word for word in known if len(word) > 1)
        short = longest_first(word for word in known if len(word) == 1)
        self._known = re.compile(rf"(?:{long})|(?<=[换兑要桶袋箱点])(?:{short})(?![{_HAN}])")

    def find(self, text: str) -> Span | None:
        """What follows the verb and its measure, else a thing that shops are known to have."""
        known = self._known.search(text)
        for match in _SWAP.finditer(text):
            start, end = match.span("item")
            cut = _NO_ITEM.search(text, start, end)
            end = cut.start() if cut else end
            inner = self._known.search(text, start, end)
            if inner:
                return Span(start, inner.end()) if inner.start() - start <= 2 else Span(*inner.span())
            if end - start >= 2 and not known:
                return Span(start, end)
        return Span(*known.span()) if known else None


class Words:
    """Finds words of a list, the longest first."""

    def __init__(self, words: Iterable[str]) -> None:
        self._expression = re.compile(longest_first(words))

    def find(self, text: str) -> Span | None:
        """The first of them."""
        match = self._expression.search(text)
        return Span(*match.span()) if match else None


_ELSE = (
    "开|上课|召|举行|集合|搞|学习|讲|参观|的|我们|咱|大家|统一|安排|通知|计划|等|带|谈|主题|议题|题目|地点|会场|地址"
)


class Venues:
    """Finds where a meeting will be, said before or behind everything else: 在东站驿站, 社区二楼会议室."""

    def __init__(self, words: Sequence[str]) -> None:
        venue = longest_first(words)
        floor = rf"(?:负?[{CHINESE}\d]{{1,3}}[楼层])?"
        side = "(?:[东西南北正后侧大]?门口?|门口|对面|旁边|隔壁|楼下|大厅|院里|院内)?"
        self._venue = re.compile(
            r"(?:^|(?<=[\s,.;:!?(])|在|到|去|于|地点|地方|位置|会场)(?:在|是|定在|设在|放在|:|\s){0,3}"
            rf"(?P<venue>(?:(?!{_ELSE}"
            rf"|[在到去于])[{_HAN}a-z\d]){{0,12}}?(?:{venue}){floor}{side}(?:(?:{venue}){side})?)"
            r"(?=$|[\s,.;:!?)]|[开上召举集搞学参见碰里内那这的吧哈呢聚咱我])"
        )

    def find(self, text: str) -> Span | None:
        """The first of them, in a text where what tells something else has been blanked."""
        found = self._venue.search(text)
        return Span(*found.span("venue")) if found else None
