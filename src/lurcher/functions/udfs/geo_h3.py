"""H3 cells, by Uber's library, which the extra `lurcher[geo]` brings."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: "Valid distance is in range [0, 142]", "can't be more than 5" (documentation of rings and children).
_FARTHEST, _DEEPEST, _FINEST = 142, 5, 15
_DIGITS = re.compile(r"[0-9a-f]{15,16}")


def library() -> Any:
    """Raises `LurcherError` where it is not installed."""
    try:
        return importlib.import_module("h3")
    except ImportError:
        raise LurcherError(
            "functions of H3 cells need the package h3, which is not installed",
            "pip install 'lurcher[geo]'",
            kind="denied",
        ) from None


def _cell(h3: Any, text: str) -> str | None:
    """The cell's own text; None of what names none. The library would take prefixes and white space."""
    if not _DIGITS.fullmatch(text.lower()) or not h3.is_valid_cell(text):
        return None
    return str(h3.int_to_str(h3.str_to_int(text)))


def _degrees(corner: tuple[float, float]) -> list[float]:
    """Longitude first, as GeoJSON has it."""
    return [corner[1], corner[0]]


@udf("DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def h3_cell(longitude: pa.Array, latitude: pa.Array, resolution: pa.Array) -> pa.Array:
    h3 = library()

    def cell(x: float, y: float, level: int) -> str | None:
        if not (-180 <= x <= 180 and -90 <= y <= 90 and 0 <= level <= _FINEST):
            return None
        return str(h3.latlng_to_cell(y, x, level))

    return each(cell, "string", longitude, latitude, resolution)


@udf("VARCHAR", returns="VARCHAR")
def h3_centre(cells: pa.Array) -> pa.Array:
    h3 = library()

    def centre(text: str) -> str | None:
        cell = _cell(h3, text)
        return cell and dump_plain({"type": "Point", "coordinates": _degrees(h3.cell_to_latlng(cell))})

    return each(centre, "string", cells)


@udf("VARCHAR", returns="VARCHAR")
def h3_polygon(cells: pa.Array) -> pa.Array:
    h3 = library()

    def polygon(text: str) -> str | None:
        cell = _cell(h3, text)
        if cell is None:
            return None
        ring = [_degrees(corner) for corner in h3.cell_to_boundary(cell)]
        return dump_plain({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})

    return each(polygon, "string", cells)


@udf("VARCHAR", returns="VARCHAR")
def h3_neighbors(cells: pa.Array) -> pa.Array:
    h3 = library()

    def neighbors(text: str) -> str | None:
        cell = _cell(h3, text)
        return cell and dump_plain([c for c in h3.grid_disk(cell, 1) if c != cell])

    return each(neighbors, "string", cells)


@udf("VARCHAR", returns="BIGINT")
def h3_level(cells: pa.Array) -> pa.Array:
    h3 = library()

    def level(text: str) -> int | None:
        cell = _cell(h3, text)
        return None if cell is None else int(h3.get_resolution(cell))

    return each(level, "int64", cells)


@udf("VARCHAR", "BIGINT", "BOOLEAN", returns="VARCHAR")
def h3_parent(cells: pa.Array, resolution: pa.Array, next_one: pa.Array) -> pa.Array:
    h3 = library()

    def parent(text: str, level: int, next_one: bool) -> str | None:
        cell = _cell(h3, text)
        if cell is None:
            return None
        own = h3.get_resolution(cell)
        level = own - 1 if next_one else level
        return str(h3.cell_to_parent(cell, level)) if 0 <= level <= own else None

    return each(parent, "string", cells, resolution, next_one)


@udf("VARCHAR", "BIGINT", "BOOLEAN", returns="VARCHAR")
def h3_children(cells: pa.Array, resolution: pa.Array, next_one: pa.Array) -> pa.Array:
    h3 = library()

    def children(text: str, level: int, next_one: bool) -> str | None:
        cell = _cell(h3, text)
        if cell is None:
            return None
        own = h3.get_resolution(cell)
        level = own + 1 if next_one else level
        if not own <= level <= min(own + _DEEPEST, _FINEST):
            return None
        return dump_plain(list(h3.cell_to_children(cell, level)))

    return each(children, "string", cells, resolution, next_one)


@udf("VARCHAR", "BIGINT", returns="VARCHAR")
def h3_rings(cells: pa.Array, distance: pa.Array) -> pa.Array:
    h3 = library()

    def rings(text: str, farthest: int) -> str | None:
        cell = _cell(h3, text)
        if cell is None or not 0 <= farthest <= _FARTHEST:
            return None
        found: list[list[str]] = [[] for _ in range(farthest + 1)]
        disk = list(h3.grid_disk(cell, farthest))
        # The disk is in order of distance: a ring ends where the one before has its full count, without pentagons.
        if len(disk) == 3 * farthest * (farthest + 1) + 1:
            found[0] = disk[:1]
            for k in range(1, farthest + 1):
                found[k] = disk[3 * k * (k - 1) + 1 : 3 * k * (k + 1) + 1]
        else:
            seen: set[str] = set()
            for k in range(farthest + 1):
                found[k] = [c for c in h3.grid_disk(cell, k) if c not in seen]
                seen.update(found[k])
        return dump_plain(found)

    return each(rings, "string", cells, distance)
