"""Arrays as sets. Elements are compared by their JSON: 1 and 1.0 are two, as they are of two types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa


def _keys(array: Any) -> dict[str, None] | None:
    return dict.fromkeys(map(dump, array)) if isinstance(array, list) else None


def _sets(arrays: str) -> list[dict[str, None]] | None:
    """The arguments, None where one of them is no array."""
    found = [_keys(a) for a in load(arrays)]
    return None if None in found else [f for f in found if f is not None]


def _union(arrays: str) -> str | None:
    sets = _sets(arrays)
    return None if sets is None else f"[{','.join(dict.fromkeys(k for x in sets for k in x))}]"


def _intersect(arrays: str) -> str | None:
    sets = _sets(arrays)
    return None if sets is None else f"[{','.join(k for k in sets[0] if all(k in x for x in sets[1:]))}]"


def _difference(arrays: str) -> str | None:
    sets = _sets(arrays)
    return None if sets is None else f"[{','.join(k for k in sets[0] if not any(k in x for x in sets[1:]))}]"


@udf("JSON", returns="VARCHAR")
def set_union(arrays: pa.Array) -> pa.Array:
    return each(_union, "string", arrays)


@udf("JSON", returns="VARCHAR")
def set_intersect(arrays: pa.Array) -> pa.Array:
    return each(_intersect, "string", arrays)


@udf("JSON", returns="VARCHAR")
def set_difference(arrays: pa.Array) -> pa.Array:
    return each(_difference, "string", arrays)


def _equals(one: str, other: str) -> bool | None:
    a, b = _keys(load(one)), _keys(load(other))
    return None if a is None or b is None else a.keys() == b.keys()


@udf("JSON", "JSON", returns="BOOLEAN")
def set_equals(one: pa.Array, other: pa.Array) -> pa.Array:
    return each(_equals, "bool", one, other)


def _jaccard(one: str, other: str) -> float | None:
    a, b = _keys(load(one)), _keys(load(other))
    if a is None or b is None:
        return None
    union = a.keys() | b.keys()
    return len(a.keys() & b.keys()) / len(union) if union else float("nan")


@udf("JSON", "JSON", returns="DOUBLE")
def jaccard_index(one: pa.Array, other: pa.Array) -> pa.Array:
    return each(_jaccard, "double", one, other)
