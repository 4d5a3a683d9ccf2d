"""Parquet and Arrow files: typed already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import repr_json
from lurcher.collect.exports.files import Leaf, reading
from lurcher.collect.exports.infer import all_json
from lurcher.collect.exports.registry import source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.errors import LurcherError
from lurcher.kql.types import TYPE_NAMES
from lurcher.kql.types import ScalarType as T
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

#: Such a file is read from its end; one in an archive is held in memory.
_MAX_HELD = 512 * 1024 * 1024


@source_format("parquet", "Parquet", 1, lambda head: head.data.startswith(b"PAR1"))
def read_parquet(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(_seekable(leaf))
        yield from _rows(file.schema_arrow, file.iter_batches(batch_size=65_536), context)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # OSError: its metadata are not to be read
        raise LurcherError(f"not a whole Parquet file: {error}", "is it cut off?", leaf.name) from None


@source_format("arrow", "Arrow file (Feather 2)", 2, lambda head: head.data.startswith(b"ARROW1"))
def read_arrow(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    import pyarrow as pa

    try:
        file = pa.ipc.open_file(_seekable(leaf))
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        yield from _rows(file.schema, batches, context)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise LurcherError(f"not a whole Arrow file: {error}", "is it cut off?", leaf.name) from None


def _seekable(leaf: Leaf) -> Any:
    import pyarrow as pa

    if leaf.name == str(leaf.file):
        return leaf.file
    with reading(leaf.name), closing(leaf.open()) as stream:
        content = stream.read(_MAX_HELD + 1)
    if len(content) > _MAX_HELD:
        raise LurcherError("too large to be read inside of an archive", "unpack it first", leaf.name)
    return pa.BufferReader(content)


def _rows(schema: pa.Schema, batches: Iterator[pa.RecordBatch], context: ReadContext) -> Iterator[TableBatch | Reject]:
    if len(set(schema.names)) < len(schema.names):
        raise LurcherError("two columns have the same name", "rename one", context.name)
    tables = guess.Tables(context)
    tables.columns(schema.names)
    own = frozenset(field.name for field in schema if _own(field) is not None)
    start = 1
    for given in batches:
        batch, numbers, rejects = _readable(given, start)
        start += given.num_rows
        yield from rejects
        said = batch.column(guess.TYPE) if guess.TYPE in schema.names else None
        actions = batch.column(guess.ACTION) if guess.ACTION in schema.names else None
        for table, places in tables.of(_texts(said), batch.num_rows, _texts(actions)):
            types = _declared(table, schema, context)
            part = batch if places is None else batch.take(places)
            whole = _cast(part, types, own)
            if whole is not None:
                yield TableBatch(context.schema(table), whole)
            else:  # some value does not fit: the way that knows which one
                rows = [{k: _plain(v) for k, v in row.items()} for row in _micros(part).to_pylist()]
                at = numbers if places is None else [numbers[i] for i in places.to_pylist()]
                yield from from_json(table, rows, context, _rejecter(rows, at))
    for table in tables.seen or [t for t in (tables.by_columns,) if t]:
        _declared(table, schema, context)
        yield from finish(table, context)


def _texts(values: pa.Array | None) -> pa.Array | None:
    """A column of text, however it is held; None for any other."""
    import pyarrow as pa

    if values is not None and pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values is None or not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    return values.cast(pa.string())


def _declared(table: str, schema: pa.Schema, context: ReadContext) -> dict[str, T]:
    """The types of the file's columns in a table: its own, or those that the file has."""
    base = context.schema_of(table)
    for field in schema:
        if base is None or base.column(field.name) is None:
            context.declare(table, field.name, _own(field) or _kql(field.type))
    return {c.name: c.type for c in context.schema(table).columns}


def _rejecter(rows: list[dict[str, Any]], places: Sequence[int]) -> Callable[[int, str], Reject]:
    return lambda i, why: Reject("row", places[i], why, repr_json(rows[i]))


def _readable(batch: pa.RecordBatch, start: int) -> tuple[pa.RecordBatch, Sequence[int], list[Reject]]:
    """The rows whose text is UTF-8, the number of each, and the others. Raises `ArrowException` where more than text is wrong."""
    import pyarrow as pa

    places = range(start, start + batch.num_rows)
    try:
        batch.validate(full=True)
        return batch, places, []
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
    bad: dict[int, Reject] = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            values.validate(full=True)
            continue
        octets = values.cast(pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary())
        octets.validate(full=True)  # where texts begin and end may be wrong as well, and to read there ends the process
        for i, text in enumerate(octets.to_pylist()):
            try:
                _ = text is None or text.decode()
            except UnicodeDecodeError:
                bad.setdefault(i, Reject("row", start + i, f"{name}: text that is not UTF-8", text[:65_536]))
    keep = [i for i in range(batch.num_rows) if i not in bad]
    kept = batch.take(pa.array(keep, pa.int64()))
    kept.validate(full=True)
    return kept, [start + i for i in keep], list(bad.values())


def _own(field: pa.Field) -> T | None:
    """The KQL type of a column that lurcher has written itself, in the form that it has at rest."""
    said = (field.metadata or {}).get(b"kql", b"").decode("latin-1")
    kql = TYPE_NAMES.get(said)
    return kql if kql is not None and arrow_type(kql) == field.type else None


def _kql(kind: pa.DataType) -> T:
    import pyarrow as pa

    t = pa.types
    small = ("int8", "int16", "int32", "uint8", "uint16")
    if str(kind) in small:
        return T.INT
    tests: list[tuple[Any, T]] = [
        (t.is_boolean, T.BOOL),
        (t.is_integer, T.LONG),
        (t.is_floating, T.REAL),
        (t.is_decimal, T.DECIMAL),
        (t.is_timestamp, T.DATETIME),
        (t.is_date, T.DATETIME),
        (t.is_duration, T.TIMESPAN),
        (t.is_nested, T.DYNAMIC),
    ]
    for test, kql in tests:
        if test(kind):
            return kql
    return T.STRING


def _cast(batch: pa.RecordBatch, types: dict[str, T], own: frozenset[str]) -> pa.RecordBatch | None:
    """The batch in the types of the table; None where a value, or a kind of column, needs a look."""
    import pyarrow as pa

    arrays = []
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        target, kind = types[name], values.type
        if (
            name in own
            and kind == arrow_type(target)
            and batch.schema.field(name).metadata[b"kql"].decode() == target.value
        ):
            if target is T.DYNAMIC and not all_json(values):
                return None
            arrays.append(values)
            continue
        if pa.types.is_dictionary(kind):
            values = values.dictionary_decode()
            kind = values.type
        texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        easy = (
            (target is T.STRING and texts)
            or (target in (T.BOOL, T.INT, T.LONG, T.REAL, T.DECIMAL) and _kql(kind) is target)
            or (target in (T.LONG, T.REAL, T.DECIMAL) and pa.types.is_integer(kind))
            or (target is T.DATETIME and _kql(kind) is T.DATETIME)
            or (target is T.TIMESPAN and pa.types.is_duration(kind))
        )
        if not easy and not pa.types.is_null(kind):
            return None
        try:
            if pa.types.is_timestamp(kind) and kind.unit == "ns":
                values = values.cast(pa.timestamp("us", kind.tz), safe=False)  # cut off, as everywhere
            if pa.types.is_timestamp(values.type) and values.type.tz is None:
                values = values.cast(pa.timestamp("us"))
            if pa.types.is_duration(kind):
                values = _ticks(values)
            arrays.append(values.cast(arrow_type(target)))
        except pa.ArrowException:
            return None
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _micros(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without nanoseconds, which Python's times do not have."""
    import pyarrow as pa

    arrays = []
    for values in batch.columns:
        if getattr(values.type, "unit", "") == "ns":
            kind = values.type
            t = pa.types
            target = (
                pa.timestamp("us", kind.tz)
                if t.is_timestamp(kind)
                else pa.duration("us")
                if t.is_duration(kind)
                else pa.time64("us")
            )
            values = values.cast(target, safe=False)
        arrays.append(values)
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _ticks(values: pa.Array) -> pa.Array:
    """Durations as ticks of 100 ns; what is finer is cut off. Raises `ArrowException` where one is too long."""
    import pyarrow as pa
    import pyarrow.compute as pc

    number = values.cast(pa.int64())
    if values.type.unit == "ns":
        return pc.divide(number, 100)
    return pc.multiply_checked(number, {"us": 10, "ms": 10_000, "s": 10_000_000}[values.type.unit])


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    from datetime import date, datetime, timedelta
    from decimal import Decimal

    match value:
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            micros = value // timedelta(microseconds=1)
            sign, micros = ("-" if micros < 0 else ""), abs(micros)
            seconds, fraction = divmod(micros, 1_000_000)
            return f"{sign}{seconds // 86400}.{seconds // 3600 % 24}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
        case Decimal():
            return str(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value
