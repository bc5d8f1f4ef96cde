"""Made-up reports of hazards, in pairs: the same one told by two people, and two that are only near each other.

There are two vocabularies without a word of an incident or a name of a place in common: the likeness of reports was
tuned with one (``TUNING``), and is measured with the other (``MEASURING``).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

_T = TypeVar("_T")
SAME = "同一件"
NEAR_MISSES = ("同路不同号", "不同的门或方位", "别的类别", "同类别的东西", "别处的同样的话")


@dataclass(frozen=True, slots=True)
class Incident:
    """What is wrong, as several people say it, with no place."""

    category: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What people of one made-up city say."""

    incidents: tuple[Incident, ...]
    compounds: tuple[str, ...]
    """Where people live; there are houses and gates."""
    roads: tuple[str, ...]
    landmarks: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    misheard: Mapping[str, str]
    """What a transcript writes for a word."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports, and how they belong together: ``SAME`` or one of ``NEAR_MISSES``."""

    one: str
    other: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place: a name with a house number, a gate or a side; or a crossing of two roads."""

    name: str
    number: int = 0
    unit: str = ""
    door: int = 0
    """Of a house, the staircase (单元)."""
    side: str = ""
    crosses: str = ""


_GATES = ("东门", "西门", "南门", "北门", "后门")
_SIDES = ("正门", "后门", "对面", "东侧", "西侧", "地下车库")
_SAID_AS = {
    "东门": ("东门", "东门口", "的东门"),
    "西门": ("西门", "西门口", "的西门"),
    "南门": ("南门", "南门口", "的南门"),
    "北门": ("北门", "北门口", "的北门"),
    "后门": ("后门", "的后门", "后门"),
    "正门": ("正门", "正门口", "的正门"),
    "对面": ("对面", "的对面", "正对面"),
    "东侧": ("东侧", "东边", "的东边"),
    "西侧": ("西侧", "西边", "的西边"),
    "地下车库": ("地下车库", "地库", "的地库"),
}
_ORDERS = (
    "{before}{place}{way}{after}",
    "{before}{place}，{way}{after}",
    "{before}{place}这边{way}{after}",
    "{before}{way}，就在{place}{after}",
    "{before}{way}，{place}{after}",
    "{place}{way}",
)
_DIGITS = "零一二三四五六七八九"


def pairs(vocabulary: Vocabulary, seed: int, of_each: int) -> Iterator[Pair]:
    """``of_each`` pairs of every kind of near miss, and as many as all these that are the same."""
    rng = random.Random(seed)
    for _ in range(of_each * len(NEAR_MISSES)):
        spot, incident = _spot(vocabulary, rng), rng.choice(vocabulary.incidents)
        yield Pair(_told(vocabulary, rng, spot, incident), _told(vocabulary, rng, spot, incident), SAME)
    for kind, miss in zip(NEAR_MISSES, (_number, _side, _category, _thing, _elsewhere), strict=True):
        for _ in range(of_each):
            yield miss(vocabulary, rng, kind)


def _number(vocabulary: Vocabulary, rng: random.Random, kind: str) -> Pair:
    spot = _until(lambda: _spot(vocabulary, rng), lambda found: found.number > 0)
    other = replace(spot, number=_other(rng, range(1, 200 if spot.unit == "号" else 30), spot.number))
    return _pair(vocabulary, rng, (spot, other), rng.choice(vocabulary.incidents), kind)


def _side(vocabulary: Vocabulary, rng: random.Random, kind: str) -> Pair:
    spot = _until(lambda: _spot(vocabulary, rng), lambda found: bool(found.side))
    sides = _GATES if spot.side in _GATES and spot.name in vocabulary.compounds else _SIDES
    other = replace(spot, side=rng.choice([side for side in sides if side != spot.side]))
    return _pair(vocabulary, rng, (spot, other), rng.choice(vocabulary.incidents), kind)


def _category(vocabulary: Vocabulary, rng: random.Random, kind: str) -> Pair:
    spot, first = _spot(vocabulary, rng), rng.choice(vocabulary.incidents)
    second = _until(lambda: rng.choice(vocabulary.incidents), lambda found: found.category != first.category)
    return Pair(_told(vocabulary, rng, spot, first), _told(vocabulary, rng, spot, second), kind)


def _thing(vocabulary: Vocabulary, rng: random.Random, kind: str) -> Pair:
    def others(first: Incident) -> list[Incident]:
        return [each for each in vocabulary.incidents if each.category == first.category and each is not first]

    first = _until(lambda: rng.choice(vocabulary.incidents), lambda found: bool(others(found)))
    spot = _spot(vocabulary, rng)
    return Pair(_told(vocabulary, rng, spot, first), _told(vocabulary, rng, spot, rng.choice(others(first))), kind)


def _elsewhere(vocabulary: Vocabulary, rng: random.Random, kind: str) -> Pair:
    spot = _spot(vocabulary, rng)
    names = next(n for n in (vocabulary.compounds, vocabulary.roads, vocabulary.landmarks) if spot.name in n)
    other = replace(spot, name=rng.choice([name for name in names if name not in (spot.name, spot.crosses)]))
    return _pair(vocabulary, rng, (spot, other), rng.choice(vocabulary.incidents), kind)


def _pair(
    vocabulary: Vocabulary, rng: random.Random, spots: tuple[_Spot, _Spot], incident: Incident, kind: str
) -> Pair:
    one, other = (_told(vocabulary, rng, spot, incident) for spot in spots)
    return Pair(one, other, kind)


def _until(make: Callable[[], _T], fits: Callable[[_T], bool]) -> _T:
    while not fits(made := make()):
        pass
    return made


def _other(rng: random.Random, numbers: range, than: int) -> int:
    """Mostly a neighbour: 170号 and 172号."""
    near = [number for number in (than - 2, than - 1, than + 1, than + 2, than + 10) if number in numbers]
    return rng.choice(near or [number for number in numbers if number != than])


def _spot(vocabulary: Vocabulary, rng: random.Random) -> _Spot:
    match rng.randrange(6):
        case 0:
            return _Spot(rng.choice(vocabulary.compounds), rng.randint(1, 20), "号楼", rng.choice((0, 0, 1, 2, 3)))
        case 1:
            return _Spot(rng.choice(vocabulary.compounds), side=rng.choice(_GATES))
        case 2:
            return _Spot(rng.choice(vocabulary.roads), rng.randint(1, 190), rng.choice(("号", "号院")))
        case 3:
            one, other = rng.sample(vocabulary.roads, 2)
            return _Spot(one, crosses=other)
        case 4:
            return _Spot(rng.choice(vocabulary.landmarks), side=rng.choice(_SIDES))
        case _:
            return _Spot(rng.choice(vocabulary.roads), rng.randint(1, 190), "号", side=rng.choice(("", "对面")))


def _told(vocabulary: Vocabulary, rng: random.Random, spot: _Spot, incident: Incident) -> str:
    text = rng.choice(_ORDERS).format(
        before=rng.choice(vocabulary.before) if rng.random() < 0.4 else "",
        place=_place(rng, spot),
        way=rng.choice(incident.ways),
        after=rng.choice(vocabulary.after) if rng.random() < 0.5 else "",
    )
    return _dictated(vocabulary, rng, text) if rng.random() < 0.35 else text


def _place(rng: random.Random, spot: _Spot) -> str:
    if spot.crosses:
        roads = [spot.name, spot.crosses]
        rng.shuffle(roads)
        return rng.choice(("{}和{}交叉口", "{}与{}路口", "{}{}路口", "{}和{}的十字路口")).format(*roads)
    name = spot.name
    if name.endswith("小区") and (spot.side or spot.number) and rng.random() < 0.3:
        name = name.removesuffix("小区")
    number = ""
    if spot.number:
        unit = rng.choice(("号楼", "号楼", "栋")) if spot.unit == "号楼" else spot.unit
        spoken = rng.random() < 0.35
        number = f"{_spoken(spot.number) if spoken else spot.number}{unit}"
        number += f"{_spoken(spot.door) if spoken else spot.door}单元" if spot.door else ""
    return name + number + (rng.choice(_SAID_AS[spot.side]) if spot.side else "")


def _spoken(number: int) -> str:
    """170 as 一百七十."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    said = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        said += f"{_DIGITS[tens] if hundreds or tens > 1 else ''}十"
    elif hundreds and ones:
        said += "零"
    return said + (_DIGITS[ones] if ones else "")


def _dictated(vocabulary: Vocabulary, rng: random.Random, text: str) -> str:
    """A voice transcript: no marks, and now and then a wrong word."""
    bare = "".join(character for character in text if character.isalnum())
    wrong = [word for word in vocabulary.misheard if word in bare]
    for word in wrong if rng.random() < 0.6 else ():
        bare = bare.replace(word, vocabulary.misheard[word], 1)
    return bare


TUNING = Vocabulary(
    incidents=(
        Incident("公共设施", ("井盖没了", "窨井盖不见了", "井盖子丢了", "下水井没有盖", "井盖被偷了", "少了个井盖")),
        Incident("公共设施", ("路灯不亮", "路灯坏了", "路灯全黑", "路灯灭了好几盏", "路灯晚上不亮")),
        Incident("公共设施", ("电梯坏了", "电梯停了没人修", "电梯一直坏着", "电梯又坏了")),
        Incident("公共设施", ("广告牌要掉下来了", "广告牌松了快掉了", "店招牌要掉了", "广告牌歪了，摇摇欲坠")),
        Incident("环境卫生", ("垃圾堆成山", "垃圾没人清", "一大堆垃圾", "垃圾堆了好几天", "垃圾满地都是")),
        Incident("环境卫生", ("下水道反水，臭得不行", "下水道冒污水", "污水横流", "下水道往外冒脏水")),
        Incident("消防安全", ("消防通道被堵了", "消防通道堵死了", "消防车道堆满杂物", "消防通道走不通了")),
        Incident("消防安全", ("灭火器过期了", "灭火器都过期", "灭火器早过期了")),
        Incident("用电用气", ("有人飞线充电", "飞线给电瓶充电", "楼上拉线下来充电", "从窗户拉电线给电动车充电")),
        Incident("用电用气", ("电线垂到地上了", "电线掉下来了", "电线耷拉到地上", "有根电线垂下来")),
        Incident("道路交通", ("红绿灯不亮了", "红绿灯坏了", "信号灯灭了", "红绿灯不工作")),
        Incident("道路交通", ("有个大坑", "路上一个深坑", "路面有个大坑，差点摔了", "路面坑太大了")),
        Incident("道路交通", ("护栏被撞断了", "护栏断了", "护栏撞坏了", "护栏被车撞倒了")),
        Incident("自然灾害", ("积水很深", "路淹了", "积水严重，走不了", "水淹了，骑不过去")),
        Incident("自然灾害", ("一棵树倒了", "树倒了横在路上", "大树被风刮倒了", "倒了一棵树挡住路")),
        Incident("违停占道", ("车停在盲道上", "盲道上停满了车", "车占了盲道", "盲道被车占了")),
        Incident("违停占道", ("摆摊占道经营", "摊位占道", "小摊贩占了人行道", "占道摆摊")),
        Incident("建筑施工", ("工地围挡倒了", "施工围挡被风刮倒了", "工地的围挡倒在路上")),
        Incident("建筑施工", ("工地半夜施工", "夜间施工太吵", "工地夜里还在施工")),
        Incident("食品安全", ("饭店后厨有蟑螂", "那家店后厨蟑螂乱爬", "餐馆后厨蟑螂很多")),
        Incident("治安", ("有人打架", "几个人打起来了", "有人在打架斗殴")),
    ),
    compounds=("幸福里小区", "阳光花园", "和平小区", "金港城小区", "怡园小区", "中兴花园"),
    roads=("滨河路", "建设路", "张掖路", "庆阳路", "解放街", "福利路"),
    landmarks=("万达广场", "华联超市", "朝阳菜市场", "东站驿站", "五一公园"),
    before=("书记，", "大家注意，", "刚才路过看到，", "报告一下，", "麻烦看看，"),
    after=("，请派人处理", "，太危险了", "，骑车的小心", "，好几天了", "，快来人看看", "，注意安全"),
    misheard={
        "井盖": "景盖", "路灯": "陆灯", "垃圾": "拉圾", "护栏": "护拦", "积水": "几水", "电梯": "店梯", "盲道": "忙道",
        "东门": "冬门", "信号灯": "新号灯", "围挡": "围档", "蟑螂": "张郎",
    },
)  # fmt: skip

MEASURING = Vocabulary(
    incidents=(
        Incident("公共设施", ("健身器材断了", "健身器材坏了", "那个健身器材断裂了", "健身器的架子断了")),
        Incident("公共设施", ("单元门关不上", "单元门锁坏了", "单元门坏了关不严", "单元门一直开着关不上")),
        Incident("公共设施", ("外墙皮往下掉", "墙皮脱落", "外墙砖掉下来了", "楼上的墙皮一直掉")),
        Incident("公共设施", ("自来水管爆了", "水管爆裂，往外喷水", "水管破了一直漏水", "自来水管漏水")),
        Incident("公共设施", ("公交站牌倒了", "站牌倒在地上", "公交站牌被风吹倒了", "站牌歪倒了")),
        Incident("环境卫生", ("垃圾桶满了溢出来了", "垃圾桶爆满", "垃圾桶满了没人收", "果皮箱满得溢出来")),
        Incident("环境卫生", ("有人烧落叶", "有人焚烧树叶", "在烧落叶，烟很大")),
        Incident("环境卫生", ("装修垃圾堆在路边", "有人偷倒建筑垃圾", "装修废料倒在路边没人管")),
        Incident("消防安全", ("消火栓没水", "消火栓打不出水", "消防栓里没有水", "消火栓坏了没水")),
        Incident("消防安全", ("安全出口被锁了", "安全出口锁着", "安全出口的门上了锁", "安全出口打不开")),
        Incident("消防安全", ("应急灯不亮", "应急灯全坏了", "应急照明灯不亮")),
        Incident("用电用气", ("闻到煤气味", "有煤气味", "一股燃气味", "煤气漏了，味道很大")),
        Incident("用电用气", ("配电箱门开着", "配电箱敞着", "配电箱没有锁，开着门", "电箱门坏了敞开着")),
        Incident("用电用气", ("充电桩漏电", "充电桩电人", "充电桩漏电，电到人了", "那个充电桩带电")),
        Incident("道路交通", ("减速带坏了，钉子露在外面", "减速带翘起来了", "减速带断了露着钉子", "减速带破了有钉子")),
        Incident("道路交通", ("漏了一地油", "地上一片油", "路面有油污，很滑", "油洒了一地")),
        Incident("道路交通", ("指示牌歪了", "路牌快掉了", "指示牌歪得快掉下来", "指示牌松动了")),
        Incident("道路交通", ("井边塌陷了", "路面塌了一块", "路面塌陷", "路塌下去一块")),
        Incident("自然灾害", ("路面结冰", "地上结冰了很滑", "桥面结冰打滑", "结了冰，滑得很")),
        Incident("自然灾害", ("山上掉石头", "有落石", "掉石头下来把路堵了", "山坡上石头滚下来")),
        Incident("违停占道", ("共享单车堵住了人行道", "共享单车堆得走不了人", "共享单车乱停，人行道堵了")),
        Incident("违停占道", ("僵尸车占着车位", "有辆僵尸车停了半年", "僵尸车没人挪")),
        Incident("建筑施工", ("脚手架松了", "脚手架晃得厉害", "脚手架松动要倒")),
        Incident("建筑施工", ("渣土车没盖布", "渣土车撒了一路土", "渣土车不盖苫布")),
        Incident("建筑施工", ("挖沟没放围挡", "挖了条沟没有警示", "挖沟没设警示标志")),
        Incident("食品安全", ("卖变质肉", "肉摊卖的肉发臭了", "卖臭肉", "有家肉铺卖变质的肉")),
        Incident("食品安全", ("奶茶店用过期牛奶", "奶茶店的牛奶过期了", "那家奶茶店用过期的奶")),
        Incident("治安", ("有人偷电瓶", "电瓶被偷了", "小偷在偷电动车电瓶", "又有人偷电瓶")),
        Incident("治安", ("流浪狗咬人", "野狗追着人咬", "有条流浪狗咬人了")),
    ),
    compounds=("梧桐苑小区", "江南里小区", "城北新苑", "锦绣家园", "七里庄小区", "棉三家属院", "翠湖花园", "铁路新村"),
    roads=("凤凰路", "长江路", "学府路", "靖远路", "甘南路", "青年大街", "文化路", "兴工街"),
    landmarks=("万象城", "大润发超市", "雁滩市场", "人民医院", "第三中学", "长途汽车站", "西湖公园"),
    before=("小蜂，", "各位骑手，", "我刚送单经过，", "反映个情况，", "跟你们说一声，", "有个事，"),
    after=("，赶紧来修", "，差点出事", "，都绕着走吧", "，没人管", "，三天了", "，尽快弄一下吧", "，挺吓人的"),
    misheard={
        "器材": "器才", "单元门": "单元们", "墙皮": "强皮", "水管": "水馆", "站牌": "战牌", "垃圾": "垃及",
        "落叶": "落夜", "消火栓": "消火拴", "出口": "出扣", "煤气": "没气", "配电箱": "配电厢", "充电桩": "充电庄",
        "减速带": "减速代", "结冰": "结兵", "石头": "时头", "单车": "担车", "僵尸车": "江师车", "脚手架": "脚手价",
        "渣土": "扎土", "挖沟": "哇沟", "变质": "变制", "电瓶": "电平", "流浪狗": "流浪够", "凤凰路": "奉皇路",
        "学府路": "雪府路", "南门": "男门", "梧桐苑": "吾同苑", "雁滩": "燕滩", "西侧": "西测",
    },
)  # fmt: skip
