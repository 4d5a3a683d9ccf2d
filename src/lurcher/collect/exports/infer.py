"""The type of a column that nobody declared: the narrowest that holds every value of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lurcher.kql.types import ScalarType as T

if TYPE_CHECKING:
    import pyarrow as pa

_BY_PYTHON: dict[type, T] = {bool: T.BOOL, int: T.LONG, float: T.REAL, dict: T.DYNAMIC, list: T.DYNAMIC}

_ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$"


def join(a: T | None, b: T | None) -> T | None:
    """The narrowest type that holds the values of both; None is the type of null alone."""
    if a is b or b is None:
        return a
    if a is None:
        return b
    if T.DYNAMIC in (a, b):
        return T.DYNAMIC
    return T.REAL if {a, b} == {T.LONG, T.REAL} else T.STRING


def of_json(values: Sequence[Any]) -> T | None:
    """The type of JSON values. Integers beyond 64 bits make the column text: no other type keeps them."""
    found: T | None = None
    for kind in {type(v) for v in values}:
        if kind is type(None):
            continue
        if kind is str:
            found = join(found, _of_texts([v for v in values if type(v) is str]))
        elif kind is int and any(not -(2**63) <= v < 2**63 for v in values if type(v) is int):
            found = join(found, T.STRING)
        else:
            found = join(found, _BY_PYTHON.get(kind, T.STRING))
    return found


def _of_texts(values: list[str]) -> T | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [v for v in values if v]
    if not texts:
        return None
    dates = pc.all(pc.match_substring_regex(pa.array(texts, pa.string()), _ISO)).as_py()
    return T.DATETIME if dates else T.STRING


def of_text(values: pa.Array) -> T | None:
    """The type of a column of text cells, where an empty cell is null."""
    import pyarrow.compute as pc

    texts = values.filter(pc.not_equal(values, ""))
    if len(texts) == 0:
        return None
    for kind, pattern in (
        (T.LONG, r"^-?(0|[1-9]\d{0,17})$"),  # a leading zero is part of a code, not of a number
        (T.REAL, r"^-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d{1,3})?$"),
        (T.BOOL, r"^(?i:true|false)$"),
        (T.DATETIME, _ISO),
    ):
        if pc.all(pc.match_substring_regex(texts, pattern)).as_py():
            return kind
    if pc.all(pc.match_substring_regex(texts, r"^\s*[\[{]")).as_py() and all_json(texts):
        return T.DYNAMIC
    return T.STRING


def all_json(texts: pa.Array) -> bool:
    """Whether each text that is there is JSON."""
    import orjson

    try:
        for text in texts.unique().to_pylist():
            if text is not None:
                orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
