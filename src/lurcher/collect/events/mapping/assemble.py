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
    if kind is ScalarType.STRING and _one(values):
        return pa.repeat(values[0], len(values))
    plain = pa.int64() if kind is ScalarType.DATETIME else target
    try:
        made = pa.array(values, plain)
    except UnicodeEncodeError:
        raise
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        made = pa.array([_fit(value, kind) for value in values], plain)
    return made.cast(target) if plain is not target else made


def _one(values: Sequence[Any]) -> bool:
    """Whether a column holds one text throughout; most columns show at two places that they do not."""
    if not values or values[0] is not values[-1] or values[0] is not values[len(values) // 2]:
        return False
    return isinstance(values[0], str) and list(values).count(values[0]) == len(values)


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
    types = {column.name: column.type for column in schema.columns}
    names = dict.fromkeys(name for _, columns in parts for name in columns)
    arrays = {
        name: column_of([(count, columns.get(name)) for count, columns in parts], types[name])
        for name in names
        if name != "TimeGenerated"
    }
    if "TimeGenerated" in names:
        arrays["TimeGenerated"] = arrays["Timestamp"]  # of the events themselves, as of all others that are here
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


#: Rows from which on nulls are made as such, and not as a list of them.
_MANY = 256


def column_of(parts: Sequence[tuple[int, Sequence[Any] | None]], kind: ScalarType) -> pa.Array:
    import pyarrow as pa

    arrays: list[pa.Array] = []
    values: list[Any] = []
    for count, part in parts:
        if part is not None:
            values += part
        elif count < _MANY:
            values += [None] * count
        else:
            if values:
                arrays.append(array(values, kind))
                values = []
            arrays.append(pa.nulls(count, arrow_type(kind)))
    if values or not arrays:
        arrays.append(array(values, kind))
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
