"""Columns of rows of one table, made kind by kind -> one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.mapping.frame import as_text, flat
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type
from lurcher.schema import known_table

if TYPE_CHECKING:
    import pyarrow as pa


def array(values: Sequence[Any], kind: ScalarType) -> pa.Array:
    """The array of a column. A part of an event that is not what it should be is null, or the text of it."""
    import pyarrow as pa

    target = arrow_type(kind)
    plain = pa.int64() if kind is ScalarType.DATETIME else target
    try:
        made = pa.array(values, plain)
    except UnicodeEncodeError:
        raise
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        made = pa.array([_fit(value, kind) for value in values], plain)
    return made.cast(target) if plain is not target else made


def _fit(value: Any, kind: ScalarType) -> Any:
    if value is None:
        return None
    if kind in (ScalarType.STRING, ScalarType.DYNAMIC):
        return flat(as_text(value))
    if kind is ScalarType.BOOL:
        return value if isinstance(value, bool) else None
    bound = 1 << (31 if kind is ScalarType.INT else 63)
    return value if type(value) is int and -bound <= value < bound else None


def joined(table: str, parts: Sequence[tuple[int, Mapping[str, Sequence[Any]]]]) -> pa.RecordBatch:
    """One batch of parts, each with its number of rows; a column that a part does not have is null there."""
    import pyarrow as pa

    schema = known_table(table)
    assert schema is not None
    arrays: dict[str, pa.Array] = {}
    names = dict.fromkeys(name for _, columns in parts for name in columns)
    types = {column.name: column.type for column in schema.columns}
    for name in names:
        values: list[Any] = []
        for count, columns in parts:
            values += columns.get(name) or [None] * count
        arrays[name] = array(values, types[name])
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
