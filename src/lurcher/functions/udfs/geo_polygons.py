"""Polygons on the sphere: GeoJSON Polygons and MultiPolygons whose edges are the shortest arcs.

A ring has at least three distinct points, the last one the first again; rings neither cross nor share edges, and enclose the
smaller side. Of anything else the answer is null. Refused is what the documentation leaves open or what needs S2's own tie rules:
rings that do not fit into half of the globe, points on a boundary, a vertex on another edge, holes outside their shell.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_lines import (
    RADIUS,
    Line,
    Vector,
    angle,
    closest_edge,
    cross,
    dot,
    edges,
    line_of,
    part_of,
    point,
    refuse_open,
    vector,
)
from lurcher.functions.udfs.geo_near import pairs
from lurcher.functions.udfs.jsontext import load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: Closer than this (a hundredth of a millimetre) a point is on the boundary.
ON = 1e-12
#: So many times the points of a polygon with holes are looked at in about a second.
_MOST = 500_000
Polygon = list[Line]


def _middle(ring: Line) -> Vector:
    """The direction of the mean of the points."""
    x, y, z = (math.fsum(v[k] for v in ring[1:]) for k in range(3))
    size = math.hypot(x, y, z) or 1.0
    return x / size, y / size, z / size


def inside(p: Vector, ring: Line) -> bool:
    """Whether the directions from p to the ring's points turn once around. The ring is within half of the globe."""
    if dot(p, _middle(ring)) <= 0:
        return False
    turned = 0.0
    for a, b in pairwise(ring):
        one, other = cross(p, a), cross(p, b)
        turned += math.atan2(dot(p, cross(one, other)), dot(one, other))
    return abs(turned) > math.pi


def _meet(function: str, polygon: Polygon) -> bool:
    """Whether two edges cross, or are one."""
    import numpy as np

    ends = list(edges(polygon))
    first, last = np.array([e[0] for e in ends]), np.array([e[1] for e in ends])
    normals = np.cross(first, last)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    unsure = False
    for i, j in pairs(function, ends):
        a, b, c, d = first[i], last[i], first[j], last[j]
        equal = [np.all(one == other, axis=1) for one, other in ((c, a), (d, b), (c, b), (d, a))]
        if ((equal[0] & equal[1]) | (equal[2] & equal[3])).any():
            return True
        touching = equal[0] | equal[1] | equal[2] | equal[3]
        sides = [np.sum(v * normals[k], axis=1) for v, k in ((c, i), (d, i), (a, j), (b, j))]
        left = ~(apart(*sides[:2]) | apart(*sides[2:]) | touching)
        sure = np.min(np.abs(sides), axis=0) > ON
        if (left & sure).any():
            return True
        unsure |= bool(left.any())
    if unsure:
        refuse_open(function, "a polygon with a point on another edge")
    return False


def apart(one: Any, other: Any) -> Any:
    """Whether both ends of an edge are on one side of a great circle."""
    import numpy as np

    return (np.minimum(one, other) > ON) | (np.maximum(one, other) < -ON)


def _nested(places: list[Any]) -> bool:
    return any(isinstance(p, list) and any(isinstance(n, list) for n in p) for p in places)


def _polygon(function: str, rings: Any) -> Polygon | None:
    if not isinstance(rings, list) or not rings:
        return None
    polygon: Polygon = []
    for places in rings:
        if isinstance(places, list) and _nested(places):
            # make_list(pack_array(polygon.coordinates)) makes none: it takes the elements of arrays one by one.
            refuse_open(function, "rings within rings")
        if not isinstance(places, list) or len(places) < 4:
            return None
        texts = [[getattr(n, "text", None) for n in p] if isinstance(p, list) else None for p in places]
        if texts[0] != texts[-1] or any(a == b for a, b in pairwise(texts)):
            return None
        ring = line_of(function, places)
        if ring is None or len(set(ring[1:])) < len(ring) - 1:
            return None
        middle = _middle(ring)
        if min(dot(middle, v) for v in ring) < 1e-6:
            refuse_open(function, "a polygon that does not fit into half of the globe")
        polygon.append(ring)
    if _meet(function, polygon):
        return None
    if len(polygon) * sum(map(len, polygon)) > _MOST:
        raise LurcherError(f"{function}(): a polygon of so many holes would take too long", kind="unsupported")
    for hole in polygon[1:]:
        if not inside(hole[1], polygon[0]) or any(inside(hole[1], h) for h in polygon[1:] if h is not hole):
            refuse_open(function, "a hole that is not in its polygon, or in another hole")
    return polygon


@lru_cache(maxsize=4096)
def polygons_of(function: str, text: str) -> list[Polygon] | None:
    """The polygons of a shape; None where it is none or invalid."""
    shape = load(text)
    if not isinstance(shape, dict):
        return None
    rings = shape.get("coordinates")
    match shape.get("type"):
        case "Polygon":
            rings = [rings]
        case "MultiPolygon":
            if not isinstance(rings, list) or not rings:
                return None
        case _:
            return None
    polygons = [_polygon(function, r) for r in rings]
    return None if None in polygons else [p for p in polygons if p is not None]


def contains(p: Vector, polygons: list[Polygon]) -> bool:
    return any(inside(p, one[0]) and not any(inside(p, hole) for hole in one[1:]) for one in polygons)


def _in_polygon(longitude: float, latitude: float, text: str) -> bool | None:
    p = vector(longitude, latitude)
    polygons = polygons_of("geo_point_in_polygon", text) if p is not None else None
    if p is None or polygons is None:
        return None
    if closest_edge(p, [ring for one in polygons for ring in one])[0] < ON:
        refuse_open("geo_point_in_polygon", "a point on the boundary")
    return contains(p, polygons)


@udf("DOUBLE", "DOUBLE", "JSON", returns="BOOLEAN")
def in_polygon(longitudes: pa.Array, latitudes: pa.Array, polygons: pa.Array) -> pa.Array:
    return each(_in_polygon, "bool", longitudes, latitudes, polygons)


def _distance(longitude: float, latitude: float, text: str) -> float | None:
    p = vector(longitude, latitude)
    polygons = polygons_of("geo_distance_point_to_polygon", text) if p is not None else None
    if p is None or polygons is None:
        return None
    if contains(p, polygons):
        return 0.0
    return RADIUS * closest_edge(p, [ring for one in polygons for ring in one])[0]


@udf("DOUBLE", "DOUBLE", "JSON", returns="DOUBLE")
def polygon_distance(longitudes: pa.Array, latitudes: pa.Array, polygons: pa.Array) -> pa.Array:
    return each(_distance, "double", longitudes, latitudes, polygons)


def _turned(ring: Line) -> float:
    """The part of the sphere of radius 1 that a ring encloses, negative where it turns clockwise: triangles from its middle, by
    their signs."""
    o = _middle(ring)
    parts = []
    for a, b in pairwise(ring):
        # Of a triangle, tan(area / 2) = a.(b x c) / (1 + ab + bc + ca) (Eriksson).
        parts.append(2 * math.atan2(dot(o, cross(a, b)), 1 + dot(o, a) + dot(a, b) + dot(b, o)))
    return math.fsum(parts)


def outward(polygon: Polygon) -> Polygon:
    """Its shell counterclockwise, its holes clockwise; a ring that is so already is given as it is."""
    return [r if (_turned(r) > 0) == (n == 0) else r[::-1] for n, r in enumerate(polygon)]


def _united(function: str, text: str) -> list[Line] | None:
    """The rings of what a shape encloses, turned by it."""
    polygons = polygons_of(function, text)
    if polygons is None:
        return None
    from lurcher.functions.udfs.geo_overlay import region, united

    return region(polygons[0]) if len(polygons) == 1 else united(function, polygons)


def _area(text: str) -> float | None:
    rings = _united("geo_polygon_area", text)
    return None if rings is None else RADIUS**2 * math.fsum(map(_turned, rings))


@udf("JSON", returns="DOUBLE")
def polygon_area(polygons: pa.Array) -> pa.Array:
    return each(_area, "double", polygons)


def _perimeter(text: str) -> float | None:
    rings = _united("geo_polygon_perimeter", text)
    if rings is None:
        return None
    if any(_turned(ring) < 0 for ring in rings):
        refuse_open("geo_polygon_perimeter", "holes")
    return RADIUS * math.fsum(angle(a, b) for ring in rings for a, b in pairwise(ring))


@udf("JSON", returns="DOUBLE")
def polygon_perimeter(polygons: pa.Array) -> pa.Array:
    return each(_perimeter, "double", polygons)


def _centroid(text: str) -> str | None:
    """The middle of all points within: their integral is half the sum of the edges' normals, each as long as its edge."""
    rings = _united("geo_polygon_centroid", text)
    if rings is None:
        return None
    parts = []
    for a, b in (edge for ring in rings for edge in pairwise(ring)):
        normal = cross(a, b)
        scale = angle(a, b) / math.hypot(*normal)
        parts.append([n * scale for n in normal])
    return point(*(math.fsum(part[k] for part in parts) for k in range(3)))


@udf("JSON", returns="VARCHAR")
def polygon_centroid(polygons: pa.Array) -> pa.Array:
    return each(_centroid, "string", polygons)


def _closest(longitude: float, latitude: float, text: str) -> str | None:
    p = vector(longitude, latitude)
    polygons = polygons_of("geo_closest_point_on_polygon", text) if p is not None else None
    if p is None or polygons is None:
        return None
    if contains(p, polygons):
        return point(*p)
    rings = [ring for one in polygons for ring in one]
    _, number, part = closest_edge(p, rings)
    return point(*part_of(*list(edges(rings))[number], part))


@udf("DOUBLE", "DOUBLE", "JSON", returns="VARCHAR")
def polygon_closest(longitudes: pa.Array, latitudes: pa.Array, polygons: pa.Array) -> pa.Array:
    return each(_closest, "string", longitudes, latitudes, polygons)
