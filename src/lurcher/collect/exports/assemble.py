"""Values of a piece of a file, by column -> one typed batch, and the rows that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports import guess, infer
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.json_values import json_array
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.collect.exports.text_values import Bad, text_array
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

_GIVEN_AS_TEXT = {
    ScalarType.STRING,
    ScalarType.DATETIME,
    ScalarType.GUID,
    ScalarType.TIMESPAN,
    ScalarType.DYNAMIC,
}

#: Makes the reject of the row at a place of the batch, for a reason.
Rejecter = Callable[[int, str], Reject]


def from_json(
    table: str,
    rows: Sequence[Mapping[str, Any]],
    context: ReadContext,
    reject: Rejecter,
    row_hash: pa.Array | None = None,
) -> Iterator[TableBatch | Reject]:
    """Rows as JSON objects."""
    names = list(dict.fromkeys(chain.from_iterable(dict.fromkeys(map(tuple, rows)))))
    columns = _texts(table, names, rows, context)
    for name in names:
        if name not in columns:
            columns[name] = [row.get(name) for row in rows]
    in_order = {name: columns[name] for name in names}
    yield from _assemble(table, in_order, len(rows), context, reject, row_hash, infer.of_json, json_array)


def from_columns(
    table: str,
    columns: Mapping[str, Sequence[Any]],
    count: int,
    context: ReadContext,
    reject: Rejecter,
    row_hash: pa.Array | None = None,
) -> Iterator[TableBatch | Reject]:
    """Rows as columns of JSON values: Python's, or arrays of texts, integers or truth values."""
    yield from _assemble(table, columns, count, context, reject, row_hash, _kind_of, json_array)


def _kind_of(values: Any) -> ScalarType | None:
    return infer.of_json(values if isinstance(values, (list, tuple)) else values.to_pylist())


def _texts(table: str, names: list[str], rows: Sequence[Mapping[str, Any]], context: ReadContext) -> dict[str, Any]:
    """The columns that the table has as text or that are given as text, where each value is text: taken out of the rows in one
    go, which is twice as fast as one by one. Of others Arrow would make a number without a word, so they are not among these.
    """
    import pyarrow as pa

    base = context.schema_of(table)
    types = {c.name: c.type for c in base.columns} if base else {}
    given = [n for n in names if types.get(n) in _GIVEN_AS_TEXT]
    try:
        struct = pa.array(rows, pa.struct([(n, pa.string()) for n in given])) if given else None
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return {}  # a number, an object: the way that looks at each value
    if struct is None or struct.null_count:
        return {}
    return dict(zip(given, struct.flatten(), strict=True))


def from_text(
    table: str, columns: Mapping[str, pa.Array], count: int, context: ReadContext, reject: Rejecter
) -> Iterator[TableBatch | Reject]:
    """Columns of text cells."""
    yield from _assemble(table, columns, count, context, reject, None, infer.of_text, text_array)


def _assemble(
    table: str,
    columns: Mapping[str, Any],
    count: int,
    context: ReadContext,
    reject: Rejecter,
    row_hash: pa.Array | None,
    type_of: Callable[[Any], Any],
    convert: Callable[[Any, Any, ReadContext], tuple[pa.Array, Bad]],
) -> Iterator[TableBatch | Reject]:
    import pyarrow as pa

    base = context.schema_of(table)
    types = {c.name: c.type for c in base.columns} if base else {}
    bare = guess.bare_names(list(columns), frozenset(types)) if base and columns.keys() - types.keys() else {}
    for name, column in bare.items():
        context.note(f"{name} was taken as {column}")
    columns = {bare.get(name, name): values for name, values in columns.items()} if bare else columns
    arrays: dict[str, pa.Array] = {}
    bad: dict[int, str] = {}
    for name, values in columns.items():
        kind = types.get(name) or context.learn(table, name, type_of(values))
        if kind is None:
            continue  # null in all rows so far
        arrays[name], misfits = convert(values, kind, context)
        for place, reason in misfits.items():
            bad.setdefault(place, f"{name}: {reason}")
    for place in sorted(bad):
        yield reject(place, bad[place])
    if not arrays:  # rows of nothing but nulls are rows; without a column they are none
        if base is None:
            for place in range(count):
                yield reject(place, "the row holds no value")
            return
        arrays[base.columns[0].name] = pa.nulls(count, arrow_type(base.columns[0].type))
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    if bad:
        keep = pa.array([i not in bad for i in range(count)])
        batch, row_hash = batch.filter(keep), None if row_hash is None else row_hash.filter(keep)
    yield TableBatch(context.schema(table), batch, row_hash)


def finish(table: str, context: ReadContext) -> Iterator[TableBatch]:
    """At the end of a file of a table that nobody knows: columns that were null throughout are there, as text."""
    import pyarrow as pa

    if context.schema_of(table) is None:
        types = context.inferred(table)
        types.update({name: ScalarType.STRING for name, kind in types.items() if kind is None})
        if types:
            yield TableBatch(context.schema(table), pa.RecordBatch.from_arrays([], names=[]))
