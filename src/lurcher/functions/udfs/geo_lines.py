"""Lines on the sphere: GeoJSON LineStrings and MultiLineStrings whose edges are the shortest arcs.

A line is at least two points within range, its edges less than half a turn; of anything else the answer is null. What the
documentation leaves open is refused: points that repeat, heights, lines of a MultiLineString that share an edge (of those the
service takes the union).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump_plain, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

RADIUS = 6_371_010.0
Vector = tuple[float, float, float]
Line = list[Vector]


def refuse_open(function: str, what: str) -> NoReturn:
    raise LurcherError(f"{function}(): what the service makes of {what} is not published", kind="unsupported")


def vector(longitude: float, latitude: float) -> Vector | None:
    """The point on the sphere of radius 1; None where it is out of range."""
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return None
    phi, theta = math.radians(latitude), math.radians(longitude)
    return math.cos(theta) * math.cos(phi), math.sin(theta) * math.cos(phi), math.sin(phi)


def degrees(x: float, y: float, z: float) -> list[float]:
    """Longitude and latitude of a vector of any length. The root as the library takes it: hypot() gives other last digits."""
    return [math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.sqrt(x * x + y * y)))]


def point(x: float, y: float, z: float) -> str:
    return dump_plain({"type": "Point", "coordinates": degrees(x, y, z)})


def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _mix(a: Vector, s: float, b: Vector, t: float) -> Vector:
    return a[0] * s + b[0] * t, a[1] * s + b[1] * t, a[2] * s + b[2] * t


def angle(a: Vector, b: Vector) -> float:
    return math.atan2(math.hypot(*cross(a, b)), dot(a, b))


def part_of(a: Vector, b: Vector, part: float) -> Vector:
    """The point at a part of the arc."""
    whole = angle(a, b)
    return _mix(a, math.sin((1 - part) * whole), b, math.sin(part * whole))


def line_of(function: str, places: Any) -> Line | None:
    if not isinstance(places, list) or len(places) < 2:
        return None
    line: Line = []
    for place in places:
        if not isinstance(place, list) or len(place) < 2 or not all(isinstance(n, Number) for n in place):
            return None
        if len(place) > 2:
            refuse_open(function, "heights")
        found = vector(float(place[0].text), float(place[1].text))
        if found is None:
            return None
        line.append(found)
    for a, b in pairwise(line):
        turn = angle(a, b)
        if turn < 1e-15:
            refuse_open(function, "a line with a point twice in a row")
        if turn > math.pi - 1e-15:
            return None
    return line


def lines_of(function: str, text: str) -> list[Line] | None:
    """The lines of a shape; None where it is none or invalid."""
    shape = load(text)
    if not isinstance(shape, dict):
        return None
    places = shape.get("coordinates")
    match shape.get("type"):
        case "LineString":
            places = [places]
        case "MultiLineString":
            if not isinstance(places, list) or not places:
                return None
        case _:
            return None
    lines = [line_of(function, p) for p in places]
    return None if None in lines else [line for line in lines if line is not None]


def edges(lines: list[Line]) -> Iterator[tuple[Vector, Vector]]:
    for line in lines:
        yield from pairwise(line)


def _united(function: str, text: str) -> list[Line] | None:
    lines = lines_of(function, text)
    if lines is not None and len(lines) > 1:
        found = [frozenset(e) for e in edges(lines)]
        if len(set(found)) < len(found):
            refuse_open(function, "lines that share an edge")
    return lines


def _single(function: str, text: str) -> Line | None:
    lines = lines_of(function, text)
    if lines is not None and '"MultiLineString"' in text:
        refuse_open(function, "several lines")
    return None if lines is None else lines[0]


def _length(text: str) -> float | None:
    lines = _united("geo_line_length", text)
    return None if lines is None else RADIUS * math.fsum(angle(*e) for e in edges(lines))


@udf("JSON", returns="DOUBLE")
def line_length(lines: pa.Array) -> pa.Array:
    return each(_length, "double", lines)


def _centroid(text: str) -> str | None:
    """The middle of all points of the lines: of an arc, their integral is the sum of its ends, scaled."""
    lines = _united("geo_line_centroid", text)
    if lines is None:
        return None
    total: Vector = (0.0, 0.0, 0.0)
    for a, b in edges(lines):
        total = _mix(total, 1, _mix(a, 1, b, 1), math.tan(angle(a, b) / 2))
    if math.hypot(*total) < 1e-12:
        refuse_open("geo_line_centroid", "a line around Earth, which has its middle nowhere")
    return point(*total)


@udf("JSON", returns="VARCHAR")
def line_centroid(lines: pa.Array) -> pa.Array:
    return each(_centroid, "string", lines)


def _interpolate(text: str, fraction: float) -> str | None:
    if not 0 <= fraction <= 1:
        return None
    line = _single("geo_line_interpolate_point", text)
    if line is None:
        return None
    angles = [angle(*e) for e in edges([line])]
    left = fraction * math.fsum(angles)
    for (a, b), whole in zip(edges([line]), angles, strict=True):
        if left < whole:
            return point(*part_of(a, b, left / whole))
        left -= whole
    return point(*line[-1])


@udf("JSON", "DOUBLE", returns="VARCHAR")
def line_interpolate(lines: pa.Array, fractions: pa.Array) -> pa.Array:
    return each(_interpolate, "string", lines, fractions)


def _nearest(p: Vector, a: Vector, b: Vector) -> float:
    """The part of the arc from a to b at which it is nearest to p."""
    normal = cross(a, b)
    if dot(cross(normal, a), p) <= 0 or dot(cross(b, normal), p) <= 0:
        # Beside the arc one of its ends is the nearest.
        return 0.0 if angle(p, a) <= angle(p, b) else 1.0
    foot = _mix(p, 1, normal, -dot(p, normal) / dot(normal, normal))
    return min(1.0, angle(a, foot) / angle(a, b)) if math.hypot(*foot) > 1e-15 else 0.0


def closest_edge(p: Vector, lines: list[Line]) -> tuple[float, int, float]:
    """Angle, number of the edge, part of the edge."""
    found = (math.inf, 0, 0.0)
    for number, (a, b) in enumerate(edges(lines)):
        part = _nearest(p, a, b)
        at = a if part == 0 else b if part == 1 else part_of(a, b, part)
        found = min(found, (angle(p, at), number, part))
    return found


def _at(function: str, answer: Callable[[Vector, list[Line]], Any], lines: Any, longitudes: Any, latitudes: Any) -> Any:
    def one(text: str, longitude: float, latitude: float) -> Any:
        p = vector(longitude, latitude)
        found = lines_of(function, text) if p is not None else None
        return None if p is None or found is None else answer(p, found)

    return each(one, "string" if function.startswith("geo_closest") else "double", lines, longitudes, latitudes)


@udf("JSON", "DOUBLE", "DOUBLE", returns="DOUBLE")
def line_distance(lines: pa.Array, longitudes: pa.Array, latitudes: pa.Array) -> pa.Array:
    def distance(p: Vector, found: list[Line]) -> float:
        return RADIUS * closest_edge(p, found)[0]

    return _at("geo_distance_point_to_line", distance, lines, longitudes, latitudes)


@udf("JSON", "DOUBLE", "DOUBLE", returns="VARCHAR")
def line_closest(lines: pa.Array, longitudes: pa.Array, latitudes: pa.Array) -> pa.Array:
    def closest(p: Vector, found: list[Line]) -> str:
        _, number, part = closest_edge(p, found)
        return point(*part_of(*list(edges(found))[number], part))

    return _at("geo_closest_point_on_line", closest, lines, longitudes, latitudes)


def _locate(text: str, longitude: float, latitude: float) -> float | None:
    p = vector(longitude, latitude)
    line = _single("geo_line_locate_point", text) if p is not None else None
    if p is None or line is None:
        return None
    _, number, part = closest_edge(p, [line])
    angles = [angle(*e) for e in edges([line])]
    return min(1.0, (math.fsum(angles[:number]) + part * angles[number]) / math.fsum(angles))


@udf("JSON", "DOUBLE", "DOUBLE", returns="DOUBLE")
def line_locate(lines: pa.Array, longitudes: pa.Array, latitudes: pa.Array) -> pa.Array:
    return each(_locate, "double", lines, longitudes, latitudes)
