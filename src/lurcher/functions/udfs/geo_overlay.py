"""Unions and intersections of polygons, by their edges.

Each edge is cut where it crosses one of the other shape; the pieces that are within it (of a union: outside) are kept, and
followed around. S2 numbers the pieces in their order, those of the first shape before those of the second, and a ring ends with
its piece of the highest number: so rings begin where the service lets them begin.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.geo_lines import Line, Vector, degrees, lines_of, refuse_open
from lurcher.functions.udfs.geo_meets import NOTHING, along, edges_of, meeting, shape_of
from lurcher.functions.udfs.geo_polygons import Polygon, inside, outward, polygons_of
from lurcher.functions.udfs.jsontext import dump, dump_plain, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: Rings that turn counterclockwise around what is inside, clockwise around holes. They do not meet.
Region = list[Line]


def region(polygon: Polygon) -> Region:
    return outward(polygon)


def holds(p: Vector, rings: Region, shells: list[bool]) -> bool:
    return sum((1 if shell else -1) for ring, shell in zip(rings, shells, strict=True) if inside(p, ring)) > 0


def overlay(function: str, ones: Region, others: Region, union: bool) -> Region | None:
    """None where they touch, or are too near to tell."""
    if not ones or not others:
        return [*ones, *others] if union else []
    met = meeting(function, edges_of(ones), edges_of(others))
    if not met.is_clean:
        return None
    pieces: list[tuple[Vector, Vector]] = []
    for rings, around, side in ((ones, others, 0), (others, ones, 1)):
        shells = [turns_left(ring) for ring in around]
        cuts: dict[int, list[Vector]] = {}
        for *numbers, at in met.crossings:
            cuts.setdefault(int(numbers[side]), []).append(at)
        number = 0
        for ring in rings:
            within = holds(ring[0], around, shells)
            for a, b in pairwise(ring):
                for start, end in pairwise([a, *along(a, cuts.get(number, [])), b]):
                    if within != union:
                        pieces.append((start, end))
                    if end is not b:
                        within = not within
                number += 1
    return followed(function, pieces)


def turns_left(ring: Line) -> bool:
    return outward([ring])[0] is ring


def followed(function: str, pieces: list[tuple[Vector, Vector]]) -> Region:
    """The rings that pieces make."""
    at = {start: number for number, (start, _) in enumerate(pieces)}
    if len(at) < len(pieces):
        refuse_open(function, "polygons that cross in one point more than once")
    left, rings = set(range(len(pieces))), []
    while left:
        number = min(left)
        ring = []
        while number in left:
            left.remove(number)
            ring.append(number)
            following = at.get(pieces[number][1])
            if following is None:
                refuse_open(function, "polygons that all but touch")
            number = following
        last = ring.index(max(ring))
        ring = ring[last + 1 :] + ring[: last + 1]
        rings.append([pieces[ring[0]][0], *(pieces[n][1] for n in ring)])
    return rings


def united(function: str, polygons: list[Polygon]) -> Region:
    """As the library does it: the two with the fewest points first, then their union as the last one of its size."""
    queue = [(sum(len(r) - 1 for r in p), region(p)) for p in polygons]
    queue.sort(key=lambda entry: entry[0])
    while len(queue) > 1:
        (_, one), (_, other) = queue[:2]
        made = overlay(function, one, other, union=True)
        if made is None:
            refuse_open(function, "polygons that touch")
        size = sum(len(r) - 1 for r in made)
        rest = queue[2:]
        place = sum(entry[0] <= size for entry in rest)
        queue = [*rest[:place], (size, made), *rest[place:]]
    return queue[0][1]


def _simple(function: str, shape: list[Polygon]) -> list[Line]:
    """The rings of polygons whose order the service is known to keep."""
    if any(len(polygon) > 1 for polygon in shape):
        refuse_open(function, "polygons with holes")
    rings = [polygon[0] for polygon in shape]
    if not all(map(turns_left, rings)):
        refuse_open(function, "polygons that are given clockwise")
    return rings


def _in_common(one: str, other: str) -> str | None:
    function = "geo_intersection_2polygons"
    shape, more = polygons_of(function, one), polygons_of(function, other)
    if shape is None or more is None:
        return None
    ours, theirs = _simple(function, shape), _simple(function, more)
    for side in (ours, theirs):
        if any(overlay(function, [a], [b], union=False) != [] for a, b in combinations(side, 2)):
            refuse_open(function, "a MultiPolygon whose polygons meet")
    points, rings = set(), []
    for a in ours:
        for b in theirs:
            made = overlay(function, [a], [b], union=False)
            if made is not None:
                rings += made
                continue
            met = meeting(function, edges_of([a]), edges_of([b]))
            apart = not any(inside(v, r) for vs, r in ((a, b), (b, a)) for v in vs if v not in met.ends)
            if met.unsure or met.crossings or len(met.ends) > 1 or not apart:
                refuse_open(function, "polygons that touch in more than a corner")
            points |= met.ends
    if len(points) > 1 or len(rings) > 1:
        refuse_open(function, "polygons that have several places in common")
    found = [dump_plain({"type": "Point", "coordinates": degrees(*p)}) for p in points]
    found += [shape_of("Polygon", rings)] if rings else []
    if len(found) == 2:
        return f'{{"type":"GeometryCollection","geometries":[{",".join(found)}]}}'
    return found[0] if found else NOTHING


@udf("JSON", "JSON", returns="VARCHAR")
def polygons_in_common(ones: pa.Array, others: pa.Array) -> pa.Array:
    return each(_in_common, "string", ones, others)


def _polygons_united(text: str) -> str | None:
    function = "geo_union_polygons_array"
    shapes = _each(text)
    found = None if shapes is None else [polygons_of(function, shape) for shape in shapes]
    if found is None or any(f is None for f in found):
        return None
    if not found:
        refuse_open(function, "an array of nothing")
    if any(len(f) > 1 for f in found if f is not None):
        refuse_open(function, "a MultiPolygon in the array")
    polygons = [f[0] for f in found if f is not None]
    _simple(function, polygons)
    rings = united(function, polygons)
    if len(rings) > 1:
        refuse_open(function, "polygons that are not one when united, or leave holes")
    return shape_of("Polygon", rings)


def _each(text: str) -> list[str] | None:
    """The members of an array, as texts."""
    members = load(text)
    return [dump(m) for m in members] if isinstance(members, list) else None


@udf("JSON", returns="VARCHAR")
def polygons_united(arrays: pa.Array) -> pa.Array:
    return each(_polygons_united, "string", arrays)


def _lines_united(text: str) -> str | None:
    function = "geo_union_lines_array"
    shapes = _each(text)
    found = None if shapes is None else [lines_of(function, shape) for shape in shapes]
    if found is None or any(f is None for f in found):
        return None
    lines = [line for f in found if f is not None for line in f]
    if not lines:
        refuse_open(function, "an array of nothing")
    return shape_of("LineString", [_one_line(function, lines)])


def _one_line(function: str, lines: list[Line]) -> Line:
    """The one line that all edges make, each taken once: no place has two ways on."""
    onward: dict[Vector, Vector] = {}
    for a, b in edges_of(lines):
        if onward.setdefault(a, b) != b:
            refuse_open(function, "lines that fork")
    starts = set(onward) - set(onward.values())
    if len(starts) != 1 or len(set(onward.values())) < len(onward):
        refuse_open(function, "lines that are not one when united")
    line = [starts.pop()]
    while line[-1] in onward:
        line.append(onward[line[-1]])
    if len(line) <= len(onward):
        refuse_open(function, "lines that are not one when united")
    edges = edges_of([line])
    met = meeting(function, edges, edges)
    if met.crossings or met.unsure:
        refuse_open(function, "a line that crosses itself")
    return line


@udf("JSON", returns="VARCHAR")
def lines_united(arrays: pa.Array) -> pa.Array:
    return each(_lines_united, "string", arrays)
