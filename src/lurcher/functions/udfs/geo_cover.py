"""The S2 and H3 cells that lines and polygons are in.

On the face of S2's cube a great circle is a straight line, so that a cell, a rectangle there, is split again and again, along with
the pieces of edges that are in it, down to the level that is asked for. A cell that a shape only touches is of the covering, as in
the library, whose test is padded by its rounding error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_h3 import library
from lurcher.functions.udfs.geo_lines import Vector, lines_of, refuse_open
from lurcher.functions.udfs.geo_meets import Edge, edges_of
from lurcher.functions.udfs.geo_polygons import Polygon, contains, polygons_of
from lurcher.functions.udfs.geo_s2 import LEVELS, SIDE, identify, to_cube, to_vector, token_of
from lurcher.functions.udfs.jsontext import dump_plain, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: "Maximum count of tokens per polygon is 65536" (S2), "61680" (H3).
_MOST, _MOST_H3 = 65_536, 61_680
#: So many looks at a piece of an edge in a cell take about two seconds.
_LOOKS = 2_000_000
_PAD = 2.4e-15
_Segment = tuple[float, float, float, float]


class _TooMany(Exception):
    """More cells than the service gives."""


def _on_face(face: int, p: Vector) -> Vector:
    """(u, v, w): the point is at u / w, v / w where w is not negative."""
    x, y, z = p
    return ((y, z, x), (-x, z, y), (-x, -y, z), (-z, -y, -x), (-z, x, -y), (y, x, -z))[face]


def _segment(face: int, edge: Edge) -> _Segment | None:
    """The part of an edge that is on a face."""
    a, b = _on_face(face, edge[0]), _on_face(face, edge[1])
    start, end = 0.0, 1.0
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        one, other = a[2] + sign * a[axis] + _PAD, b[2] + sign * b[axis] + _PAD
        if one < 0 and other < 0:
            return None
        if one < 0:
            start = max(start, one / (one - other))
        elif other < 0:
            end = min(end, one / (one - other))
    if start > end:
        return None
    c, d = (a if start == 0 else _mix(a, b, start)), (b if end == 1 else _mix(a, b, end))
    if c[2] <= 0 or d[2] <= 0:
        return None
    return c[0] / c[2], c[1] / c[2], d[0] / d[2], d[1] / d[2]


def _mix(a: Vector, b: Vector, part: float) -> Vector:
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part


def _touches(segment: _Segment, u: float, v: float, far_u: float, far_v: float) -> bool:
    """Whether a segment and a rectangle meet: no line along a side of either is between them."""
    a, b, c, d = segment
    if max(a, c) < u - _PAD or min(a, c) > far_u + _PAD or max(b, d) < v - _PAD or min(b, d) > far_v + _PAD:
        return False
    x, y = d - b, a - c
    at = x * a + y * b
    sides = [x * k + y * n - at for k, n in ((u, v), (far_u, v), (far_u, far_v), (u, far_v))]
    slack = _PAD * (abs(x) + abs(y))
    return min(sides) <= slack and max(sides) >= -slack


def _covering(function: str, edges: list[Edge], polygons: list[Polygon], level: int) -> list[int]:
    """The ids of the cells of a level, in order. Raises `_TooMany`."""
    found: list[int] = []
    looks = 0

    def split(face: int, i: int, j: int, depth: int, segments: list[_Segment]) -> None:
        nonlocal looks
        size = SIDE >> depth
        u, v, far_u, far_v = (to_cube(k / SIDE) for k in (i, j, i + size, j + size))
        looks += len(segments) + 1
        if looks > _LOOKS:
            raise LurcherError(
                f"{function}(): a shape of so many edges in so many cells would take too long", kind="unsupported"
            )
        here = [s for s in segments if _touches(s, u, v, far_u, far_v)]
        if not here:
            # All of it is within, or nothing.
            middle = to_vector(face, (u + far_u) / 2, (v + far_v) / 2)
            if not polygons or not contains(middle, polygons):
                return
        if depth == level:
            found.append(identify(face, i, j, level))
            if len(found) > _MOST:
                raise _TooMany
            return
        if not here:
            if len(found) + 4 ** (level - depth) > _MOST:
                raise _TooMany
            step = SIDE >> level
            found.extend(
                identify(face, x, y, level) for x in range(i, i + size, step) for y in range(j, j + size, step)
            )
            return
        half = size // 2
        for x, y in ((i, j), (i, j + half), (i + half, j), (i + half, j + half)):
            split(face, x, y, depth + 1, here)

    for face in range(6):
        split(face, 0, 0, 0, [s for e in edges if (s := _segment(face, e)) is not None])
    return sorted(found)


def _cells(function: str, edges: list[Edge], polygons: list[Polygon], level: int, radius: float) -> str | None:
    if not 0 <= level <= LEVELS or radius < 0:
        return None
    if radius > 0:
        refuse_open(function, "a radius")
    try:
        return dump_plain([token_of(cell) for cell in _covering(function, edges, polygons, level)])
    except _TooMany:
        return None


def _polygon_cells(text: str, level: int, radius: float) -> str | None:
    function = "geo_polygon_to_s2cells"
    polygons = polygons_of(function, text)
    if polygons is None:
        return None
    return _cells(function, edges_of([r for p in polygons for r in p]), polygons, level, radius)


@udf("JSON", "BIGINT", "DOUBLE", returns="VARCHAR")
def polygon_s2_cells(polygons: pa.Array, levels: pa.Array, radii: pa.Array) -> pa.Array:
    return each(_polygon_cells, "string", polygons, levels, radii)


def _line_cells(text: str, level: int, radius: float) -> str | None:
    function = "geo_line_to_s2cells"
    lines = lines_of(function, text)
    return None if lines is None else _cells(function, edges_of(lines), [], level, radius)


@udf("JSON", "BIGINT", "DOUBLE", returns="VARCHAR")
def line_s2_cells(lines: pa.Array, levels: pa.Array, radii: pa.Array) -> pa.Array:
    return each(_line_cells, "string", lines, levels, radii)


def _h3_cells(text: str, resolution: int, radius: float) -> str | None:
    """The cells whose centres are in the polygon, its edges straight on the map."""
    function = "geo_polygon_to_h3cells"
    if polygons_of(function, text) is None or not 0 <= resolution <= 15 or radius < 0:
        return None
    if radius > 0:
        refuse_open(function, "a radius")
    h3, shape = library(), load(text)
    places = shape["coordinates"]
    found: set[str] = set()
    for rings in [places] if shape["type"] == "Polygon" else places:
        # Latitude first, as the library has it.
        turned = [[(float(p[1].text), float(p[0].text)) for p in ring] for ring in rings]
        _is_small(function, h3, turned[0], resolution)
        found.update(h3.h3shape_to_cells(h3.LatLngPoly(*turned), resolution))
        if len(found) > _MOST_H3:
            return None
    return dump_plain(sorted(found))


def _is_small(function: str, h3: Any, ring: list[tuple[float, float]], resolution: int) -> None:
    """The library holds all cells of a polygon's box in memory."""
    latitudes, longitudes = zip(*ring, strict=True)
    if max(longitudes) - min(longitudes) > 180:
        refuse_open(function, "a polygon across the 180th meridian")
    box = (max(longitudes) - min(longitudes)) * (max(latitudes) - min(latitudes)) * 12_400
    if box / h3.average_hexagon_area(resolution, unit="km^2") > 20 * _MOST_H3:
        raise LurcherError(f"{function}(): so many cells would take too long", kind="unsupported")


@udf("JSON", "BIGINT", "DOUBLE", returns="VARCHAR")
def polygon_h3_cells(polygons: pa.Array, resolutions: pa.Array, radii: pa.Array) -> pa.Array:
    return each(_h3_cells, "string", polygons, resolutions, radii)
