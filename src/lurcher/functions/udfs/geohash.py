"""Geohashes: base-32 texts whose bits halve longitude and latitude by turns, longitude first.

Halves of 360 and 180 degrees are exact in doubles down to the 45 bits that 18 characters have of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lurcher.errors import LurcherError, shown
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_VALUE = {c: i for i, c in enumerate(_ALPHABET)}
_LONGEST = 18
#: West first, then by the south: the order in which the service lists them.
_AROUND = ((-1, 0), (-1, -1), (0, -1), (1, -1), (1, 1), (1, 0), (0, 1), (-1, 1))


def _half(value: float, bound: float, bits: int) -> int:
    """Which of 2**bits equal parts of -bound to bound a value is in; the last one has its end."""
    low, high, part = -bound, bound, 0
    for _ in range(bits):
        middle = (low + high) / 2
        part <<= 1
        if value >= middle:
            low, part = middle, part | 1
        else:
            high = middle
    return part


def _bits(length: int) -> tuple[int, int]:
    """How many bits of longitude and of latitude a text of this length has."""
    return (5 * length + 1) // 2, 5 * length // 2


def _text(x: int, y: int, length: int) -> str:
    """The geohash of a column and a row."""
    wide, high = _bits(length)
    whole = 0
    for i in range(5 * length):
        if i % 2:
            high -= 1
            whole = whole << 1 | y >> high & 1
        else:
            wide -= 1
            whole = whole << 1 | x >> wide & 1
    return "".join(_ALPHABET[whole >> 5 * (length - 1 - i) & 31] for i in range(length))


def _cell(text: str) -> tuple[int, int] | None:
    """Column and row of a geohash; None of what is none."""
    if not 1 <= len(text) <= _LONGEST:
        return None
    x = y = turn = 0
    for character in text:
        value = _VALUE.get(character)
        if value is None:
            if character.lower() in _VALUE and all(c.lower() in _VALUE for c in text):
                raise LurcherError(
                    f"whether the service takes a geohash with capitals, '{shown(text)}', is not published",
                    "tolower() it",
                    kind="unsupported",
                )
            return None
        for shift in (4, 3, 2, 1, 0):
            bit = value >> shift & 1
            if turn:
                y = y << 1 | bit
            else:
                x = x << 1 | bit
            turn = 1 - turn
    return x, y


def _edges(text: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north in degrees."""
    cell = _cell(text)
    if cell is None:
        return None
    (x, y), (wide, high) = cell, _bits(len(text))
    width, height = 360.0 / 2**wide, 180.0 / 2**high
    return x * width - 180.0, y * height - 90.0, (x + 1) * width - 180.0, (y + 1) * height - 90.0


def _geohash(longitude: float, latitude: float, accuracy: int) -> str | None:
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90 and 1 <= accuracy <= _LONGEST):
        return None
    wide, high = _bits(accuracy)
    return _text(_half(longitude, 180.0, wide), _half(latitude, 90.0, high), accuracy)


@udf("DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def geohash(longitude: pa.Array, latitude: pa.Array, accuracy: pa.Array) -> pa.Array:
    return each(_geohash, "string", longitude, latitude, accuracy)


def _centre(text: str) -> str | None:
    edges = _edges(text)
    if edges is None:
        return None
    west, south, east, north = edges
    return dump_plain({"type": "Point", "coordinates": [(west + east) / 2, (south + north) / 2]})


@udf("VARCHAR", returns="VARCHAR")
def geohash_centre(text: pa.Array) -> pa.Array:
    return each(_centre, "string", text)


def _polygon(text: str) -> str | None:
    edges = _edges(text)
    if edges is None:
        return None
    west, south, east, north = edges
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return dump_plain({"type": "Polygon", "coordinates": [ring]})


@udf("VARCHAR", returns="VARCHAR")
def geohash_polygon(text: pa.Array) -> pa.Array:
    return each(_polygon, "string", text)


def _neighbors(text: str) -> str | None:
    cell = _cell(text)
    if cell is None:
        return None
    (x, y), (wide, high) = cell, _bits(len(text))
    if y in (0, 2**high - 1):
        raise LurcherError(
            f"geo_geohash_neighbors(): which cells the service gives beyond a pole ('{shown(text)}') is not published",
            kind="unsupported",
        )
    return dump_plain([_text((x + i) % 2**wide, y + j, len(text)) for i, j in _AROUND])


@udf("VARCHAR", returns="VARCHAR")
def geohash_neighbors(text: pa.Array) -> pa.Array:
    return each(_neighbors, "string", text)
