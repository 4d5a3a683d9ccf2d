"""Well-known text of shapes (OGC Simple Features) as GeoJSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: The name in GeoJSON, how deep its coordinates are nested.
_KINDS = {
    "POINT": ("Point", 0),
    "LINESTRING": ("LineString", 1),
    "POLYGON": ("Polygon", 2),
    "MULTIPOINT": ("MultiPoint", 1),
    "MULTILINESTRING": ("MultiLineString", 2),
    "MULTIPOLYGON": ("MultiPolygon", 3),
}
_TOKEN = re.compile(r"\s*(?:([A-Za-z]+)|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|([(),]))")


class _Invalid(Exception):
    """The text is no shape."""


def _open(what: str) -> LurcherError:
    return LurcherError(f"geo_from_wkt(): what the service makes of {what} is not published", kind="unsupported")


def _tokens(text: str) -> list[str]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Invalid
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    return tokens[::-1]


def _take(tokens: list[str], wanted: str) -> None:
    if not tokens or tokens.pop() != wanted:
        raise _Invalid


def _list(tokens: list[str], item: Any) -> list[Any]:
    _take(tokens, "(")
    items = [item()]
    while tokens and tokens[-1] == ",":
        tokens.pop()
        items.append(item())
    _take(tokens, ")")
    return items


def _place(tokens: list[str]) -> list[float]:
    numbers = []
    while tokens and tokens[-1] not in ("(", ")", ",") and not tokens[-1][0].isalpha():
        numbers.append(float(tokens.pop()))
    if len(numbers) < 2:
        raise _Invalid
    if len(numbers) > 2:
        raise _open("heights")
    if not (-180 <= numbers[0] <= 180 and -90 <= numbers[1] <= 90):
        raise _open("coordinates out of range")
    return numbers


def _nested(tokens: list[str], depth: int) -> Any:
    if depth == 0:
        return _place(tokens)
    return _list(tokens, lambda: _nested(tokens, depth - 1))


def _shape(tokens: list[str], depth: int = 0) -> dict[str, Any]:
    if depth > 20:
        raise _open("collections this deep within collections")
    name = tokens.pop() if tokens else ""
    if name.upper() not in {*_KINDS, "GEOMETRYCOLLECTION"}:
        raise _Invalid
    if name != name.upper():
        raise _open("names of shapes in small letters")
    if tokens and tokens[-1].upper() in ("EMPTY", "Z", "M", "ZM"):
        raise _open(tokens[-1])
    if name == "GEOMETRYCOLLECTION":
        shapes = _list(tokens, lambda: _shape(tokens, depth + 1))
        return {"type": "GeometryCollection", "geometries": shapes}
    kind, nesting = _KINDS[name]
    if kind == "Point":
        _take(tokens, "(")
        coordinates = _place(tokens)
        _take(tokens, ")")
    elif kind == "MultiPoint" and len(tokens) > 1 and tokens[-2] == "(":
        # Each of its points may stand in brackets of its own.
        coordinates = [point for (point,) in _list(tokens, lambda: _list(tokens, lambda: _place(tokens)))]
    else:
        coordinates = _nested(tokens, nesting)
    return {"type": kind, "coordinates": coordinates}


def _from_wkt(text: str) -> str | None:
    try:
        tokens = _tokens(text)
        shape = _shape(tokens)
    except (_Invalid, ValueError):
        return None
    if tokens:
        return None
    _checked(shape)
    return dump_plain(shape)


def _checked(shape: dict[str, Any]) -> None:
    """Whether the service looks at more than the text is not published: a line has two points, a ring four, the last the first."""
    for part in shape.get("geometries", ()):
        _checked(part)
    kind: str = shape["type"]
    places: Any = shape.get("coordinates")
    lines = [places] if kind == "LineString" else places if kind == "MultiLineString" else []
    rings = places if kind == "Polygon" else [r for p in places for r in p] if kind == "MultiPolygon" else []
    if any(len(p) < 2 for p in lines) or any(len(r) < 4 or r[0] != r[-1] for r in rings):
        raise _open("lines of one point and rings that are not closed")


@udf("VARCHAR", returns="VARCHAR")
def from_wkt(text: pa.Array) -> pa.Array:
    return each(_from_wkt, "string", text)
