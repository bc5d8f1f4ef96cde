"""WGS-84 and GCJ-02: the points that every converter is tested with, and what a round trip loses."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.coordinates import Point, read_point, to_gcj, to_wgs

PUBLISHED = [  # github.com/googollee/eviltransform, tests of all its languages
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
]
ABROAD = [(39.7392, -104.9903), (-27.4698, 153.0251), (-22.9068, -43.1729)]
METRES = 111_320
"""Of one degree of latitude."""


def apart(one: Point, other: Point) -> float:
    """Metres, good enough for neighbours."""
    return hypot(one[0] - other[0], (one[1] - other[1]) * cos(radians(one[0]))) * METRES


@pytest.mark.parametrize(("wgs", "gcj"), PUBLISHED)
def test_published_points(wgs: Point, gcj: Point) -> None:
    assert to_gcj(wgs) == pytest.approx(gcj, abs=1e-9)
    assert to_wgs(gcj) == pytest.approx(wgs, abs=1e-8)


@pytest.mark.parametrize("point", ABROAD)
def test_abroad_the_two_are_the_same(point: Point) -> None:
    assert to_gcj(point) == to_wgs(point) == point


@given(st.tuples(st.floats(18, 53), st.floats(74, 134)))
def test_there_and_back(point: Point) -> None:
    there = to_gcj(point)
    assert 0 < apart(point, there) < 1500
    assert apart(point, to_wgs(there)) < 0.001


@given(st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
def test_everywhere_there_is_an_answer(point: Point) -> None:
    for found in (to_gcj(point), to_wgs(point)):
        assert apart(point, found) < 5000


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [("", ""), ("36.06", ""), ("x", "1"), ("nan", "1"), ("inf", "1"), ("91", "1"), ("1", "181"), ("0", "0.000")],
)
def test_what_is_no_point(latitude: str, longitude: str) -> None:
    assert read_point(latitude, longitude) is None


def test_texts_are_read_as_degrees() -> None:
    assert read_point("36.0611", " 103.8343 ") == (36.0611, 103.8343)
    assert read_point("0", "103") == (0.0, 103.0)


@given(st.text(), st.text())
def test_no_text_raises(latitude: str, longitude: str) -> None:
    read_point(latitude, longitude)
