"""Places on the map: degrees as platforms give them, and the two ways in which China counts them.

Maps in China, and so every chat platform's locations and ``models.cases.Case``, go by GCJ-02, which lies some hundred
metres beside WGS-84, the world's. Open311 speaks WGS-84. The formula was never published by its makers; the one here
is the one that all converters use (Krasovsky 1940 ellipsoid), right to well below a metre.
"""

from math import cos, isfinite, pi, radians, sin, sqrt

AXIS = 6378245.0
"""Metres: the greater half axis of the ellipsoid."""
FLATNESS = 0.00669342162296594323
"""The square of its eccentricity."""
NORTH_SOUTH = (0.8293, 55.8271)
WEST_EAST = (72.004, 137.8347)
"""Outside of these degrees the two are the same."""
NEAR_ENOUGH = 1e-9
"""Degrees: a tenth of a millimetre."""

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


def read_point(latitude: str, longitude: str) -> Point | None:
    """The degrees that two texts are; None where they are none, and for 0, 0, which phones send that know nothing."""
    try:
        point = (float(latitude), float(longitude))
    except ValueError:
        return None
    within = all(map(isfinite, point)) and abs(point[0]) <= 90 and abs(point[1]) <= 180
    return point if within and point != (0.0, 0.0) else None


def to_gcj(point: Point) -> Point:
    """A WGS-84 point by GCJ-02."""
    if not _in_china(point):
        return point
    north, east = _shift(point)
    return point[0] + north, point[1] + east


def to_wgs(point: Point) -> Point:
    """A GCJ-02 point by WGS-84: the one whose shift leads there."""
    if not _in_china(point):
        return point
    guess = point
    for _ in range(30):  # each round is nearer by a hundred times; a few are enough
        shifted = to_gcj(guess)
        off = (point[0] - shifted[0], point[1] - shifted[1])
        guess = (guess[0] + off[0], guess[1] + off[1])
        if max(map(abs, off)) < NEAR_ENOUGH:
            break
    return guess


def _in_china(point: Point) -> bool:
    return NORTH_SOUTH[0] <= point[0] <= NORTH_SOUTH[1] and WEST_EAST[0] <= point[1] <= WEST_EAST[1]


def _shift(point: Point) -> Point:
    """Degrees to the north and to the east, from metres that waves of several lengths add up to."""
    y, x = point[0] - 35.0, point[1] - 105.0
    both = _waves(x, (20.0, 6.0), (20.0, 2.0))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += both + _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += both + _waves(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
    latitude = radians(point[0])
    bend = 1 - FLATNESS * sin(latitude) ** 2
    metres_north = AXIS * (1 - FLATNESS) / (bend * sqrt(bend)) * pi / 180
    metres_east = AXIS / sqrt(bend) * cos(latitude) * pi / 180
    return north / metres_north, east / metres_east


def _waves(at: float, *waves: tuple[float, float]) -> float:
    """Height and frequency of each."""
    return sum(height * sin(frequency * at * pi) for height, frequency in waves) * 2 / 3
