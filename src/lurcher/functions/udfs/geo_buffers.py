"""Buffers around shapes, and shapes made simpler: what is null, which is documented.

Where a shape would have to be made it is refused: which points the service makes or keeps is not published.

Source: "geo_point_buffer()" and its kin, "geo_line_simplify()" and its kin (Kusto documentation).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_lines import RADIUS, Vector, angle, lines_of, refuse_open, vector
from lurcher.functions.udfs.geo_polygons import polygons_of
from lurcher.functions.udfs.jsontext import dump, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: "Supported values are in the range [0, ~7,800,000 meters)": surely out of it.
_BEYOND = 8_000_000


def _is_buffered(radius: float, tolerance: float) -> bool:
    """ "Radius: valid value must be positive"; the tolerance "no lower than 0.0001% of the radius"."""
    return radius > 0 and tolerance > 0


def _point(longitude: float, latitude: float, radius: float, tolerance: float) -> str | None:
    if vector(longitude, latitude) is None or not _is_buffered(radius, tolerance):
        return None
    refuse_open("geo_point_buffer", "a buffer's points")


@udf("DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", returns="VARCHAR")
def point_buffer(longitudes: pa.Array, latitudes: pa.Array, radii: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_point, "string", longitudes, latitudes, radii, tolerances)


def _line(text: str, radius: float, tolerance: float) -> str | None:
    if not _is_buffered(radius, tolerance) or lines_of("geo_line_buffer", text) is None:
        return None
    refuse_open("geo_line_buffer", "a buffer's points")


@udf("JSON", "DOUBLE", "DOUBLE", returns="VARCHAR")
def line_buffer(lines: pa.Array, radii: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_line, "string", lines, radii, tolerances)


def _polygon(text: str, radius: float, tolerance: float) -> str | None:
    if not _is_buffered(radius, tolerance) or polygons_of("geo_polygon_buffer", text) is None:
        return None
    refuse_open("geo_polygon_buffer", "a buffer's points")


@udf("JSON", "DOUBLE", "DOUBLE", returns="VARCHAR")
def polygon_buffer(polygons: pa.Array, radii: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_polygon, "string", polygons, radii, tolerances)


def _vanishes(points: Iterable[Vector], tolerance: float) -> bool:
    """Whether no two points are farther apart than the tolerance: then one of them is all that is left."""
    first, *rest = points
    return all(angle(first, p) * RADIUS < tolerance / 2 for p in rest)


def _is_in_range(tolerance: float) -> bool:
    return 0 <= tolerance < _BEYOND and not math.isnan(tolerance)


def _simple_line(text: str, tolerance: float) -> str | None:
    lines = lines_of("geo_line_simplify", text) if _is_in_range(tolerance) else None
    if lines is None or _vanishes(chain(*lines), tolerance):
        return None
    refuse_open("geo_line_simplify", "which points it keeps")


@udf("JSON", "DOUBLE", returns="VARCHAR")
def line_simplify(lines: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_simple_line, "string", lines, tolerances)


def _simple_polygon(text: str, tolerance: float) -> str | None:
    polygons = polygons_of("geo_polygon_simplify", text) if _is_in_range(tolerance) else None
    if polygons is None or _vanishes(chain(*chain(*polygons)), tolerance):
        return None
    refuse_open("geo_polygon_simplify", "which points it keeps")


@udf("JSON", "DOUBLE", returns="VARCHAR")
def polygon_simplify(polygons: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_simple_polygon, "string", polygons, tolerances)


def _simple_polygons(text: str, tolerance: float) -> str | None:
    function = "geo_simplify_polygons_array"
    shapes = load(text)
    if not isinstance(shapes, list) or not shapes:
        refuse_open(function, "what is no array of polygons")
    if not _is_in_range(tolerance):
        return None
    found = [polygons_of(function, dump(shape)) for shape in shapes]
    if None in found or _vanishes(chain(*chain(*chain(*(f or [] for f in found)))), tolerance):
        return None
    refuse_open(function, "which points it keeps")


@udf("JSON", "DOUBLE", returns="VARCHAR")
def simplify_polygons(polygons: pa.Array, tolerances: pa.Array) -> pa.Array:
    return each(_simple_polygons, "string", polygons, tolerances)
