"""What tells rows of JSON apart: their content, in whatever order their keys are. A key whose value is null says nothing.

A row is hashed as its keys, sorted, each with its value. Columns are written out for all rows at once, as the hash of a row is
little work beside that. It is a cryptographic one: a row that was made to have the hash of another would be dropped as its repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

#: What ends a key, what ends its value, and what begins a value that is no text. In a text, what they are is written otherwise.
_IS, _ENDS, _TYPED, _ESCAPE = "\x02", "\x01", "\x03", "\x04"
_ESCAPES = {ord(letter): f"{_ESCAPE}{ord(letter)}" for letter in (_IS, _ENDS, _TYPED, _ESCAPE)}


def content_hashes(columns: Mapping[str, Sequence[Any] | pa.Array], count: int, *, tame: bool = False) -> pa.Array:
    """16 bytes for each row of these columns (of so many values: Python's, as they are in JSON, or an array of texts, integers
    or truth values), which two rows share when they say the same. `tame`: no text has a letter below U+0010."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts: list[Any] = [""]  # Arrow leaves a row out altogether of which all parts are null
    for name in sorted(columns):
        cells = _cells(columns[name], tame)
        if cells.null_count == len(cells):
            continue
        key = name.translate(_ESCAPES) + _IS
        if cells.null_count:
            parts.append(pc.binary_join_element_wise(key, cells, _ENDS))  # null where the value is
        else:
            parts += key, cells
    if len(parts) == 1:
        return _hashed([b""] * count)
    rows = pc.binary_join_element_wise(*parts, _ENDS, null_handling="skip")
    return _hashed(rows.cast(pa.binary()).to_pylist())


def content_hashes_of(rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    """The same for rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return content_hashes({name: [row.get(name) for row in rows] for name in names}, len(rows))


def _hashed(texts: Iterable[bytes]) -> pa.Array:
    import pyarrow as pa

    return pa.array([blake2b(text, digest_size=16).digest() for text in texts], pa.binary())


def _cells(values: Any, tame: bool) -> pa.Array:
    """Values as they are hashed; null where they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(values, pa.Array):
        if set(map(type, values)) - {type(None)} != {str}:
            return _one_by_one(values)
        values = pa.array(values, pa.string())
    if not pa.types.is_string(values.type):
        return pc.binary_join_element_wise(_TYPED, values.cast(pa.string()), "")
    return values if tame or not _marked(values) else _one_by_one(values.to_pylist())


def _marked(texts: pa.Array) -> bool:
    """Whether some text may hold a letter that is to be written otherwise."""
    import numpy as np

    held = texts.buffers()[2]
    return held is not None and bool((np.frombuffer(held, np.uint8) - np.uint8(1) < len(_ESCAPES)).any())


def _one_by_one(values: Iterable[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else _cell(value) for value in values], pa.string())


def _cell(value: Any) -> str:
    import orjson

    if isinstance(value, str):
        return value.translate(_ESCAPES)
    try:
        return _TYPED + orjson.dumps(value, None, orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # nested deeper than it writes: such a row has a value that is rejected
        return _TYPED
