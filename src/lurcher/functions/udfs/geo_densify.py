"""Lines that are straight on the map, as lines of arcs: points are put in where the arc would leave the map's line too far.

The library's way: an edge is halved on the map until two probes, a third from each end or so, show that arc and line are within
the tolerance of each other (S2EdgeTessellator; the scale is its bound for the largest error, seen from those two probes).
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_lines import RADIUS, Vector, angle, degrees, dot, lines_of, part_of, refuse_open, vector
from lurcher.functions.udfs.geo_polygons import polygons_of
from lurcher.functions.udfs.jsontext import Number, dump_plain, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

_Place = tuple[float, float]
_PROBE, _SCALE = 0.31215691082248312, 0.83829992569888509
#: "Supported values are in the range [0.1, 10000]", metres.
_FINEST, _COARSEST = 0.1, 10_000
_MOST = 200_000


def _at(place: _Place) -> Vector:
    found = vector(*place)
    assert found is not None
    return found


def _between(a: _Place, b: _Place, part: float) -> _Place:
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part


def _is_near(a: _Place, b: _Place, tolerance: float) -> bool:
    start, end = _at(a), _at(b)
    if dot(start, end) < -1e-14:
        return False
    if start == end:
        return True
    return all(
        angle(part_of(start, end, part), _at(_between(a, b, part))) <= _SCALE * tolerance
        for part in (_PROBE, 1 - _PROBE)
    )


def _dense(function: str, places: list[_Place], tolerance: float) -> list[_Place]:
    found = [places[0]]
    for edge in pairwise(places):
        if abs(edge[0][0] - edge[1][0]) >= 180:
            refuse_open(function, "an edge across the 180th meridian")
        waiting = [edge]
        while waiting:
            a, b = waiting.pop()
            if _is_near(a, b, tolerance):
                found.append(b)
                continue
            middle = _between(a, b, 0.5)
            waiting += [(middle, b), (a, middle)]
            if len(found) > _MOST:
                raise LurcherError(f"{function}(): more than {_MOST} points would take too long", kind="unsupported")
    return found


def _densified(function: str, kind: str, text: str, tolerance: float) -> str | None:
    if not _FINEST <= tolerance <= _COARSEST:
        return None
    shape = load(text)
    if _strays(shape.get("coordinates") if isinstance(shape, dict) else None):
        # The documentation gives null, the service points on the other side of the globe.
        refuse_open(function, "longitudes out of range")
    if (lines_of(function, text) if kind == "LineString" else polygons_of(function, text)) is None:
        return None
    if shape["type"] != kind:
        refuse_open(function, "several shapes")
    parts = [shape["coordinates"]] if kind == "LineString" else shape["coordinates"]
    dense = [_dense(function, [(float(x.text), float(y.text)) for x, y in part], tolerance / RADIUS) for part in parts]
    # They come back from the sphere, as its points do.
    back = [[degrees(*_at(place)) for place in part] for part in dense]
    # Of lines they were measured to be the nearer one.
    if kind == "Polygon" and any(_is_written_two_ways(n) for part in back for place in part for n in place):
        refuse_open(function, "coordinates whose last digit can be written in two ways")
    return dump_plain({"type": kind, "coordinates": back[0] if kind == "LineString" else back})


def _is_written_two_ways(number: float) -> bool:
    """Whether another text as short is the same number: the service writes now the nearer, now the other."""
    text = repr(abs(number))
    if "e" in text or len(text) < 16:
        return False
    step = Decimal(1).scaleb(-len(text.partition(".")[2]))
    return any(float(Decimal(text) + way) == abs(number) for way in (step, -step))


def _strays(places: Any) -> bool:
    if not isinstance(places, list) or not places:
        return False
    if isinstance(places[0], Number):
        return abs(float(places[0].text)) > 180
    return any(map(_strays, places))


def _line(text: str, tolerance: float) -> str | None:
    return _densified("geo_line_densify", "LineString", text, tolerance)


@udf("JSON", "DOUBLE", returns="VARCHAR")
def line_dense(lines: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_line, "string", lines, tolerances)


def _polygon(text: str, tolerance: float) -> str | None:
    return _densified("geo_polygon_densify", "Polygon", text, tolerance)


@udf("JSON", "DOUBLE", returns="VARCHAR")
def polygon_dense(polygons: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_polygon, "string", polygons, tolerances)
