"""S2 cells: the six faces of a cube around Earth, each halved both ways up to 30 times, numbered along Hilbert curves.

Source: "S2 Cells" and "Earth Cube" (s2geometry.io/devguide, s2geometry.io/resources). A cell's id is three bits of its face, two
for each level, a 1; its token the id in hexadecimal digits without the zeros at its end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError, shown
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

LEVELS = 30
SIDE = 1 << LEVELS
_Vector = tuple[float, float, float]
#: Of each of the curve's four ways to turn: which quarter, as (i bit, j bit), comes first, second, ... and how that turns it.
_QUARTERS = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
_TURNS = (1, 0, 0, 3)
#: Just over the edge of a face.
_OVER = math.nextafter(1.0, 2.0)


def to_vector(face: int, u: float, v: float) -> _Vector:
    return ((1, u, v), (-u, 1, v), (-u, -v, 1), (-1, -v, -u), (v, -1, -u), (v, u, -1))[face]


def _on_face(x: float, y: float, z: float) -> tuple[int, float, float]:
    """The face that a vector leaves the cube through, and where."""
    sizes = (abs(x), abs(y), abs(z))
    # Of equal ones the later, as the library has it.
    face = (0 if sizes[0] > sizes[2] else 2) if sizes[0] > sizes[1] else (1 if sizes[1] > sizes[2] else 2)
    if (x, y, z)[face] < 0:
        face += 3
    match face:
        case 0:
            return face, y / x, z / x
        case 1:
            return face, -x / y, z / y
        case 2:
            return face, -x / z, -y / z
        case 3:
            return face, z / x, y / x
        case 4:
            return face, z / y, -x / y
    return face, -y / z, -x / z


def _to_side(u: float) -> float:
    """From the cube to where cells are squares of like areas: 0 to 1."""
    return 0.5 * math.sqrt(1 + 3 * u) if u >= 0 else 1 - 0.5 * math.sqrt(1 - 3 * u)


def to_cube(s: float) -> float:
    return (4 * s * s - 1) / 3 if s >= 0.5 else (1 - 4 * (1 - s) * (1 - s)) / 3


def _step(s: float) -> int:
    return max(0, min(SIDE - 1, math.floor(SIDE * s)))


def identify(face: int, i: int, j: int, level: int) -> int:
    """The id of the cell of a level that a leaf is in."""
    turn, number = face & 1, face
    for k in range(LEVELS - 1, LEVELS - 1 - level, -1):
        position = _QUARTERS[turn].index((i >> k & 1) << 1 | j >> k & 1)
        number = number << 2 | position
        turn ^= _TURNS[position]
    return (number << 1 | 1) << 2 * (LEVELS - level)


def _place(cell: int) -> tuple[int, int, int, int]:
    """Face, first i and j, level."""
    level = LEVELS - (((cell & -cell).bit_length() - 1) // 2)
    face, i, j = cell >> 61, 0, 0
    turn = face & 1
    for k in range(level):
        position = cell >> (59 - 2 * k) & 3
        quarter = _QUARTERS[turn][position]
        i, j = i << 1 | quarter >> 1, j << 1 | quarter & 1
        turn ^= _TURNS[position]
    return face, i << LEVELS - level, j << LEVELS - level, level


def token_of(cell: int) -> str:
    return f"{cell:016x}".rstrip("0")


def _cell(token: str) -> int | None:
    """The id; None of what names no cell."""
    if not 1 <= len(token) <= 16 or not set(token.lower()) <= set("0123456789abcdef"):
        return None
    cell = int(token.ljust(16, "0"), 16)
    return cell if cell >> 61 < 6 and cell & -cell & 0x1555555555555555 else None


def _degrees(vector: _Vector) -> list[float]:
    x, y, z = vector
    return [math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))]


def _s2_cell(longitude: float, latitude: float, level: int) -> str | None:
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90 and 0 <= level <= LEVELS):
        return None
    phi, theta = math.radians(latitude), math.radians(longitude)
    face, u, v = _on_face(math.cos(theta) * math.cos(phi), math.sin(theta) * math.cos(phi), math.sin(phi))
    return token_of(identify(face, _step(_to_side(u)), _step(_to_side(v)), level))


@udf("DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def s2_cell(longitude: pa.Array, latitude: pa.Array, level: pa.Array) -> pa.Array:
    return each(_s2_cell, "string", longitude, latitude, level)


def _centre(token: str) -> str | None:
    cell = _cell(token)
    if cell is None:
        return None
    face, i, j, level = _place(cell)
    half = 0.5 * (SIDE >> level)
    centre = to_vector(face, to_cube((i + half) / SIDE), to_cube((j + half) / SIDE))
    return dump_plain({"type": "Point", "coordinates": _degrees(centre)})


@udf("VARCHAR", returns="VARCHAR")
def s2_centre(tokens: pa.Array) -> pa.Array:
    return each(_centre, "string", tokens)


def _polygon(token: str) -> str | None:
    cell = _cell(token)
    if cell is None:
        return None
    face, i, j, level = _place(cell)
    size = SIDE >> level
    (u, far_u), (v, far_v) = [(to_cube(k / SIDE), to_cube((k + size) / SIDE)) for k in (i, j)]
    corners = ((u, v), (far_u, v), (far_u, far_v), (u, far_v), (u, v))
    ring = [_degrees(to_vector(face, *corner)) for corner in corners]
    return dump_plain({"type": "Polygon", "coordinates": [ring]})


@udf("VARCHAR", returns="VARCHAR")
def s2_polygon(tokens: pa.Array) -> pa.Array:
    return each(_polygon, "string", tokens)


def _beside(face: int, i: int, j: int, level: int) -> int:
    """The cell of a level that a leaf is in, which may be over the edge of the face."""
    if 0 <= i < SIDE and 0 <= j < SIDE:
        return identify(face, i, j, level)
    u, v = (max(-_OVER, min(_OVER, (2 * k + 1 - SIDE) / SIDE)) for k in (i, j))
    face, u, v = _on_face(*to_vector(face, u, v))
    return identify(face, _step((u + 1) / 2), _step((v + 1) / 2), level)


def _neighbors(token: str) -> str | None:
    cell = _cell(token)
    if cell is None:
        return None
    face, i, j, level = _place(cell)
    size = SIDE >> level
    steps = [(x, y) for x in (-size, 0, size) for y in (-size, 0, size) if x or y]
    # One leaf beyond the edge is enough, and keeps to it where the size is a face's.
    leaves = [(max(-1, min(SIDE, i + x)), max(-1, min(SIDE, j + y))) for x, y in steps]
    found = [token_of(_beside(face, *leaf, level)) for leaf in leaves]
    if len(set(found)) < len(found):
        raise LurcherError(
            f"geo_s2cell_neighbors(): what the service gives at a corner of the cube ('{shown(token)}') is not published",
            kind="unsupported",
        )
    return dump_plain(found)


@udf("VARCHAR", returns="VARCHAR")
def s2_neighbors(tokens: pa.Array) -> pa.Array:
    return each(_neighbors, "string", tokens)
