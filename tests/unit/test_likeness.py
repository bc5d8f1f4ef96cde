"""Whether two reports tell of the same thing: places, words, sounds, and what the benchmark promises, on less."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.duplicates import PRECISION, RECALL, measure
from benchmarks.reports import MEASURING, NEAR_MISSES, SAME, TUNING, pairs
from bot.understanding.categories import OTHER
from bot.understanding.likeness import ALIKE, SURELY_ALIKE, Report, likeness, metres
from bot.understanding.sounds import sounds

PIECES = (
    *(
        "幸福里",
        "小区",
        "东门",
        "西门",
        "对面",
        "3号楼",
        "三号楼",
        "2单元",
        "张掖路",
        "170号",
        "和",
        "的",
        "路口",
        "万达广场",
    ),
    *("井盖", "没了", "a口", "，", "附近", "里", "１２"),
)
WORDS = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
TEXTS = WORDS | st.text(max_size=40)


def same_place(one: str, other: str) -> bool:
    known = likeness()
    return known.same_spot(known.spot(one), known.spot(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("170号院", "一百七十号院"),
        ("张掖路170号", "张掖路的170号院"),
        ("幸福里小区东门", "幸福里东门口"),
        ("幸福里东门", "幸福里冬门"),
        ("幸福里东门", "幸福里的东大门"),
        ("3号楼2单元", "三栋二单元"),
        ("阳光花园3号楼", "阳光花园3幢2单元"),
        ("人民路和解放街交叉口", "解放街与人民路的十字路口"),
        ("人民路解放街路口", "人民路和解放街交叉口"),
        ("三桥路口", "三桥路路口"),
        ("万达广场对面", "万达广场的正对面"),
        ("城关区张掖路170号", "张掖路170号"),
        ("万达广场门口", "万达广场正门"),
        ("万达广场地库", "万达广场地下车库"),
        ("和平小区北门", "和平北门"),
        ("Ａ座", "a座"),
    ],
)
def test_places_are_the_same_however_they_are_written(one: str, other: str) -> None:
    assert same_place(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("幸福里东门", "幸福里西门"),
        ("幸福里东门", "幸福里"),
        ("万达广场对面", "万达广场"),
        ("万达广场对面", "万达广场门口"),
        ("万达广场门口", "万达广场附近"),
        ("张掖路170号", "张掖路172号"),
        ("张掖路170号", "张掖路"),
        ("张掖路170号", "庆阳路170号"),
        ("3号楼", "5号楼"),
        ("十号楼", "四号楼"),
        ("3号楼2单元", "3号楼1单元"),
        ("滨河路", "南滨河路"),
        ("人民路和解放街交叉口", "人民路"),
        ("人民路和解放街交叉口", "人民路和文化街交叉口"),
        ("阳光花园", "阳光家园"),
        ("", ""),
        ("，", "，"),
    ],
)
def test_places_are_two_where_a_number_a_gate_or_a_name_says_so(one: str, other: str) -> None:
    assert not same_place(one, other)


def test_a_gate_or_a_number_may_stand_in_the_text_alone() -> None:
    known = likeness()
    gate = known.spot("幸福里小区", "幸福里小区井盖没了，东门那个")
    assert known.same_spot(gate, known.spot("幸福里东门", "幸福里东门没有井盖"))
    assert not known.same_spot(gate, known.spot("幸福里西门", "幸福里西门没有井盖"))
    assert known.spot("张掖路7号", "张掖路7号正对面井盖没了").sides == {"对面"}


@pytest.mark.parametrize("place", ["门口", "小区门口", "路口", "前面路口", "2单元", "楼道", "马路对面"])
def test_what_is_in_every_street_is_nobodys_place(place: str) -> None:
    assert likeness().is_everywhere(likeness().spot(place))


@pytest.mark.parametrize(
    ("place", "local"), [("东门", True), ("3号楼", True), ("幸福里门口", False), ("张掖路", False)]
)
def test_what_has_no_name_is_known_to_neighbours(place: str, local: bool) -> None:
    spot = likeness().spot(place)
    assert (likeness().is_local(spot), likeness().is_everywhere(spot)) == (local, False)


def words(one: str, other: str) -> float:
    return likeness().of(Report(OTHER, "", one), Report(OTHER, "", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("井盖没了", "窨井盖不见了，大家注意"),
        ("路灯不亮", "路灯晚上全黑，太危险了"),
        ("护栏被撞断了", "护拦撞坏了"),
        ("红绿灯坏了", "信号灯不工作"),
        ("有个大坑", "路面塌了一块"),
        ("垃圾没人清", "一大堆垃圾，臭得不行"),
    ],
)
def test_one_thing_in_other_words_is_alike(one: str, other: str) -> None:
    assert words(one, other) >= SURELY_ALIKE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("井盖没了", "路灯不亮"),
        ("灭火器过期了", "消防通道堵了"),
        ("电线掉下来了", "从窗户拉电线给电动车充电"),
        ("请派人处理", "井盖没了"),
    ],
)
def test_other_things_are_not(one: str, other: str) -> None:
    assert words(one, other) < ALIKE


def test_two_known_categories_want_surer_words_than_one() -> None:
    one, other = Report("公共设施", "", "垃圾桶倒了"), Report("环境卫生", "", "垃圾满地没人清")
    likely = likeness().of(one, other)
    told = {
        category: likeness().alike(one, Report(category, "", other.text))
        for category in ("环境卫生", "公共设施", OTHER)
    }
    assert told["公共设施"] == told[OTHER] == (likely if likely >= ALIKE else 0.0)
    assert told["环境卫生"] == (likely if likely >= SURELY_ALIKE else 0.0)


def test_what_sounds_the_same_looks_the_same() -> None:
    for said, meant in (("景盖", "井盖"), ("打咔", "打卡"), ("签道", "签到"), ("四", "是"), ("3x，", "3x，")):
        assert sounds().of(said) == sounds().of(meant)
    assert sounds().of("绿") != sounds().of("路")
    assert sounds().of("3x，") == "3x，"


@given(TEXTS, TEXTS)
def test_no_text_is_too_strange_and_the_order_makes_no_difference(one: str, other: str) -> None:
    known = likeness()
    spots = known.spot(one, other), known.spot(other, one)
    assert known.same_spot(*spots) == known.same_spot(*reversed(spots))
    assert words(one, other) == words(other, one)
    assert 0.0 <= words(one, other) <= 1.0


@given(WORDS, WORDS, WORDS, WORDS)
def test_the_quick_look_misses_no_same_place(one: str, other: str, said: str, more: str) -> None:
    here, there = likeness().spot(one, said), likeness().spot(other, more)
    if likeness().same_spot(here, there):
        assert likeness().may_be(here)(other)


@given(WORDS)
def test_a_place_is_itself(place: str) -> None:
    spot = likeness().spot(place)
    assert same_place(place, place) == spot.told


@given(st.floats(18, 53), st.floats(74, 134), st.floats(0, 300), st.floats(0, 2 * math.pi))
def test_metres_are_those_of_the_sphere(latitude: float, longitude: float, far: float, angle: float) -> None:
    """By the haversine formula, to one in a hundred."""
    north, east = far * math.cos(angle) / 111_195, far * math.sin(angle) / 111_195 / math.cos(math.radians(latitude))
    other = latitude + north, longitude + east
    assert metres((latitude, longitude), other) == pytest.approx(
        _haversine((latitude, longitude), other), rel=0.01, abs=0.1
    )


def _haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a, b), (c, d) = (tuple(map(math.radians, point)) for point in (one, other))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(half))


def test_the_benchmark_keeps_its_promise_on_a_smaller_sample() -> None:
    measured = measure(MEASURING, seed=11, of_each=40)
    assert measured.precision >= PRECISION
    assert measured.recall >= RECALL - 0.05  # 200 pairs say it to a few hundredths


def test_what_was_tuned_with_is_not_what_is_measured_with() -> None:
    ways = [{way for incident in vocabulary.incidents for way in incident.ways} for vocabulary in (TUNING, MEASURING)]
    names = [{*v.compounds, *v.roads, *v.landmarks, *v.before, *v.after, *v.misheard} for v in (TUNING, MEASURING)]
    assert not ways[0] & ways[1]
    assert names[0] & names[1] == {"垃圾"}


def test_the_generator_makes_what_it_says() -> None:
    made = list(pairs(MEASURING, 3, 10))
    assert len(made) == 2 * 10 * len(NEAR_MISSES)
    assert {pair.kind for pair in made} == {SAME, *NEAR_MISSES}
    assert made == list(pairs(MEASURING, 3, 10))
    assert made != list(pairs(MEASURING, 4, 10))
