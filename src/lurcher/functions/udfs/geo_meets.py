"""Where shapes on the sphere meet: lines and polygons that cross, and what they have in common.

Two edges that cross, well apart from all ends, are sure; so are ends that are the same. An end that is on another edge, or within
micrometres of it, is S2's to judge, by rules of its own: refused, where the answer depends on it. So is what has several parts
whose order the documentation does not give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_lines import Line, Vector, cross, degrees, dot, lines_of, refuse_open
from lurcher.functions.udfs.geo_near import pairs
from lurcher.functions.udfs.geo_polygons import ON, Polygon, contains, outward, polygons_of
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

Edge = tuple[Vector, Vector]
#: What shapes that do not meet have in common.
NOTHING = dump_plain({"type": "GeometryCollection", "geometries": []})


@dataclass(frozen=True, slots=True)
class Meeting:
    """`crossings`: (number of one edge, of the other, where). `ends`: those that both have. `along`: edges that both have, in the
    same direction. `unsure`: an end is on, or all but on, an edge."""

    crossings: list[tuple[int, int, Vector]]
    ends: set[Vector]
    along: list[tuple[int, int]]
    unsure: bool

    @property
    def is_clean(self) -> bool:
        return not self.ends and not self.unsure


def edges_of(lines: list[Line]) -> list[Edge]:
    return [edge for line in lines for edge in pairwise(line)]


def crossing(one: Edge, other: Edge) -> Vector:
    """Where two edges that cross do so."""
    x, y, z = cross(cross(*one), cross(*other))
    size = math.hypot(x, y, z)
    if dot((x, y, z), one[0]) + dot((x, y, z), one[1]) < 0:
        size = -size
    return x / size, y / size, z / size


def meeting(function: str, ones: list[Edge], others: list[Edge]) -> Meeting:
    import numpy as np

    found = Meeting([], {v for e in ones for v in e} & {v for e in others for v in e}, [], False)
    edges = [*ones, *others]
    normals = np.cross(np.array([e[0] for e in edges]), np.array([e[1] for e in edges]))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    unsure = False
    for first, last in pairs(function, edges):
        of_both = (first < len(ones)) & (last >= len(ones))
        for i, j in zip(first[of_both].tolist(), last[of_both].tolist(), strict=True):
            one, other = edges[i], edges[j]
            shared = set(one) & set(other)
            if len(shared) == 2:
                if one == other:
                    found.along.append((i, j - len(ones)))
                continue
            if len(shared) == 1:
                # From their common end: do they go the same way?
                (at,) = shared
                way, turn = _away(one, at), _away(other, at)
                unsure |= math.hypot(*cross(way, turn)) < ON and dot(way, turn) > 0
                continue
            sides = [dot(tuple(normals[k]), v) for k, edge in ((i, other), (j, one)) for v in edge]
            if any(min(s) > ON or max(s) < -ON for s in (sides[:2], sides[2:])):
                continue
            if min(map(abs, sides)) > ON:
                found.crossings.append((i, j - len(ones), crossing(one, other)))
            else:
                unsure = True
    return Meeting(sorted(found.crossings), found.ends, found.along, unsure)


def _away(edge: Edge, at: Vector) -> Vector:
    """The direction in which an edge leaves one of its ends."""
    other = edge[1] if edge[0] == at else edge[0]
    part = dot(at, other)
    x, y, z = (o - part * v for o, v in zip(other, at, strict=True))
    size = math.hypot(x, y, z) or 1.0
    return x / size, y / size, z / size


def _lines_meet(one: str, other: str) -> bool | None:
    function = "geo_intersects_2lines"
    lines, more = lines_of(function, one), lines_of(function, other)
    if lines is None or more is None:
        return None
    met = meeting(function, edges_of(lines), edges_of(more))
    if met.crossings or met.ends:
        return True
    if met.unsure:
        refuse_open(function, "a line that ends on another")
    return False


@udf("JSON", "JSON", returns="BOOLEAN")
def lines_meet(ones: pa.Array, others: pa.Array) -> pa.Array:
    return each(_lines_meet, "bool", ones, others)


def _line_meets_polygon(text: str, shape: str) -> bool | None:
    function = "geo_intersects_line_with_polygon"
    lines, polygons = lines_of(function, text), polygons_of(function, shape)
    if lines is None or polygons is None:
        return None
    met = meeting(function, edges_of(lines), edges_of([r for p in polygons for r in p]))
    free = (v for line in lines for v in line if v not in met.ends)
    if met.crossings or (not met.unsure and any(contains(v, polygons) for v in free)):
        return True
    if not met.is_clean:
        refuse_open(function, "a line that touches the polygon")
    return False


@udf("JSON", "JSON", returns="BOOLEAN")
def line_meets_polygon(lines: pa.Array, polygons: pa.Array) -> pa.Array:
    return each(_line_meets_polygon, "bool", lines, polygons)


def _polygons_meet(one: str, other: str) -> bool | None:
    function = "geo_intersects_2polygons"
    polygons, more = polygons_of(function, one), polygons_of(function, other)
    if polygons is None or more is None:
        return None
    ours, theirs = ([outward(p) for p in shapes] for shapes in (polygons, more))
    met = meeting(function, *(edges_of([r for p in shapes for r in p]) for shapes in (ours, theirs)))
    if met.crossings or met.along:
        return True
    if not met.unsure:
        for shapes, around in ((ours, theirs), (theirs, ours)):
            if any(contains(v, around) for p in shapes for ring in p for v in ring if v not in met.ends):
                return True
    if not met.is_clean:
        refuse_open(function, "polygons that touch")
    return False


@udf("JSON", "JSON", returns="BOOLEAN")
def polygons_meet(ones: pa.Array, others: pa.Array) -> pa.Array:
    return each(_polygons_meet, "bool", ones, others)


def _lines_in_common(one: str, other: str) -> str | None:
    function = "geo_intersection_2lines"
    lines, more = lines_of(function, one), lines_of(function, other)
    if lines is None or more is None:
        return None
    if len(lines) == 1 and lines == more and len(set(lines[0])) == len(lines[0]):
        return shape_of("LineString", [lines[0]])
    met = meeting(function, edges_of(lines), edges_of(more))
    if met.unsure or met.along or len(met.ends) + len(met.crossings) > 1 or _shares(lines, more):
        refuse_open(function, "lines that meet in more than a point, or end on each other")
    if met.ends or met.crossings:
        (at,) = met.ends or {met.crossings[0][2]}
        return dump_plain({"type": "Point", "coordinates": degrees(*at)})
    return NOTHING


def _shares(lines: list[Line], more: list[Line]) -> bool:
    return bool({frozenset(e) for e in edges_of(lines)} & {frozenset(e) for e in edges_of(more)})


@udf("JSON", "JSON", returns="VARCHAR")
def lines_in_common(ones: pa.Array, others: pa.Array) -> pa.Array:
    return each(_lines_in_common, "string", ones, others)


def shape_of(kind: str, parts: list[Line]) -> str:
    """A line, or a polygon of one ring: the shape of a part, or of several."""
    places = [[degrees(*v) for v in part] for part in parts]
    if kind == "Polygon":
        return dump_plain({"type": kind, "coordinates": places})
    if len(places) == 1:
        return dump_plain({"type": kind, "coordinates": places[0]})
    return dump_plain({"type": "Multi" + kind, "coordinates": places})


def _line_in_polygon(text: str, shape: str) -> str | None:
    function = "geo_intersection_line_with_polygon"
    lines, polygons = lines_of(function, text), polygons_of(function, shape)
    if lines is None or polygons is None:
        return None
    if len(lines) > 1 or len(polygons) > 1 or len(set(lines[0])) < len(lines[0]):
        refuse_open(function, "several lines or polygons, or a line that comes back to a point of its own")
    met = meeting(function, edges_of(lines), edges_of(polygons[0]))
    if not met.is_clean:
        refuse_open(function, "a line that touches the polygon")
    return shape_of("LineString", found) if (found := _pieces(lines[0], met, polygons)) else NOTHING


def _pieces(line: Line, met: Meeting, polygons: list[Polygon]) -> list[Line]:
    """What of a line is inside: it changes sides at each crossing."""
    inside = contains(line[0], polygons)
    pieces: list[Line] = [[line[0]]] if inside else []
    for i, (a, b) in enumerate(pairwise(line)):
        for at in along(a, [v for k, _, v in met.crossings if k == i]):
            if inside:
                pieces[-1].append(at)
            else:
                pieces.append([at])
            inside = not inside
        if inside:
            pieces[-1].append(b)
    return pieces


def along(start: Vector, places: list[Vector]) -> list[Vector]:
    """Places on an edge, in the order in which it comes by them."""
    return sorted(places, key=lambda v: math.dist(start, v))


@udf("JSON", "JSON", returns="VARCHAR")
def line_in_polygon(lines: pa.Array, polygons: pa.Array) -> pa.Array:
    return each(_line_in_polygon, "string", lines, polygons)
