"""The rows of a file that a query reads by externaldata: a format, columns, nothing of the lake.

Text comes as strings, json as JSON text: the query converts (`lurcher.plan.supplies`). The formats are documented by the service
(ingestion-supported-formats): csv and its like by position, json and parquet by name, txt and raw the first column."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import Columns, ScalarType
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

#: Of what is packed, when it is unpacked.
MAX_UNPACKED = 256 * 1024 * 1024
#: Rows that are turned into columns at once.
_BATCH = 50_000
_DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";", "sohsv": "\x01"}


def read_rows(data: bytes, format_: str, columns: Columns, *, skip_first: bool, name: str) -> pa.Table:
    """The rows, with `columns` in the types that they have there. `name` is the file's in messages. Raises `LurcherError`."""
    data = unpacked(data, name)
    if format_ == "parquet":
        return _parquet(data, columns, skip_first, name)
    text = text_of(data)
    width = len(columns)
    rows: Iterator[Sequence[str | None]]
    if format_ in _DELIMITERS:
        rows = _separated(text, _DELIMITERS[format_], width, name)
    elif format_ in ("json", "multijson"):
        rows = _named(_lines(text, name) if format_ == "json" else _objects(text, name), [c.name for c in columns])
    else:
        rows = _first_column([text] if format_ == "raw" else _lines_of(text), width)
    return _table(columns, islice(rows, 1, None) if skip_first else rows)


# --- bytes -----------------------------------------------------------------------------------------------------------------
def unpacked(data: bytes, name: str) -> bytes:
    """What is in a gzip or zip file (of one file); other bytes as they are."""
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                return _bounded(file.read(MAX_UNPACKED + 1), name)
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = [m for m in archive.infolist() if not m.is_dir()]
                if len(members) != 1:
                    raise LurcherError(f"the zip file holds {len(members)} files, one is expected", path=name)
                with archive.open(members[0]) as file:
                    return _bounded(file.read(MAX_UNPACKED + 1), name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise LurcherError(f"it cannot be unpacked: {error}", path=name) from None
    return data


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > MAX_UNPACKED:
        raise LurcherError(f"it unpacks to more than {MAX_UNPACKED:,} bytes", path=name)
    return data


def text_of(data: bytes) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so. What is no text becomes U+FFFD."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, errors="replace")


# --- rows ------------------------------------------------------------------------------------------------------------------
def _separated(text: str, delimiter: str, width: int, name: str) -> Iterator[Sequence[str | None]]:
    """Cells by position. A row that is shorter than the schema lacks the rest, a longer one has more than is asked for; an empty
    line is no row."""
    csv.field_size_limit(MAX_UNPACKED)
    missing = [None] * width
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                yield (row + missing)[:width] if len(row) < width else row[:width]
    except csv.Error as error:
        raise LurcherError(f"it is no text of separated values: {error}", path=name) from None


def _lines_of(text: str) -> Iterator[str]:
    """txt: a row a line; empty lines are none."""
    for line in io.StringIO(text, newline="\n"):
        if line := line.removesuffix("\n").removesuffix("\r"):
            yield line


def _first_column(lines: Iterable[str], width: int) -> Iterator[Sequence[str | None]]:
    rest = [None] * (width - 1)
    return ([line, *rest] for line in lines)


def _named(records: Iterable[dict[str, Any]], names: Sequence[str]) -> Iterator[Sequence[str | None]]:
    for record in records:
        yield [None if (value := record.get(name)) is None else _json_text(value) for name in names]


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lines(text: str, name: str) -> Iterator[dict[str, Any]]:
    """json: an object a line."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                hint = "a JSON array, or objects over several lines, are read with (format='multijson')"
                raise LurcherError("this line is no JSON object", hint, name, number) from None
            if not isinstance(value, dict):
                hint = "a JSON array, or objects over several lines, are read with (format='multijson')"
                raise LurcherError("this line is no JSON object", hint, name, number)
            yield value


def _objects(text: str, name: str) -> Iterator[dict[str, Any]]:
    """multijson: an array of objects, or objects one after the other. Read one by one, so that no more is held than one."""
    decoder = json.JSONDecoder()
    place = _skipped(text, 0)
    inside = text[place : place + 1] == "["
    place = _skipped(text, place + inside)
    first = True
    while place < len(text) and not (inside and text[place] == "]"):
        if inside and not first:
            if text[place] != ",":
                raise _no_json(text, place, name)
            place = _skipped(text, place + 1)
        first = False
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            raise _no_json(text, place, name) from None
        if not isinstance(value, dict):
            raise _no_json(text, place, name)
        yield value
        place = _skipped(text, end)
    if inside:
        rest = _skipped(text, place + 1)
        if place >= len(text) or rest < len(text):
            raise _no_json(text, min(rest, len(text)), name)


def _skipped(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _no_json(text: str, place: int, name: str) -> LurcherError:
    line = text.count("\n", 0, place) + 1
    return LurcherError("here is no JSON object", "multijson is an array of objects, or objects in a row", name, line)


def _table(columns: Columns, rows: Iterator[Sequence[str | None]]) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema([pa.field(c.name, pa.string()) for c in columns])
    batches = []
    while part := list(islice(rows, _BATCH)):
        arrays = []
        for column, values in zip(columns, zip(*part, strict=True), strict=True):
            array = pa.array(values, pa.string())
            arrays.append(array.fill_null("") if column.type is ScalarType.STRING else array)
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)


# --- parquet ---------------------------------------------------------------------------------------------------------------
def _parquet(data: bytes, columns: Columns, skip_first: bool, name: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if size > MAX_UNPACKED:
            raise LurcherError(f"it unpacks to more than {MAX_UNPACKED:,} bytes", path=name)
        have = set(file.schema_arrow.names)
        table = file.read([c.name for c in columns if c.name in have])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LurcherError(f"it is no Parquet file that can be read: {str(error)[:200]}", path=name) from None
    if skip_first:
        table = table.slice(1)
    arrays = [_cast(table, c.name, c.type, name) for c in columns]
    return pa.Table.from_arrays(arrays, names=[c.name for c in columns])


def _cast(table: pa.Table, column: str, kind: ScalarType, name: str) -> pa.ChunkedArray:
    import pyarrow as pa

    wanted = arrow_type(kind)
    if column not in table.column_names:
        values = pa.chunked_array([pa.nulls(table.num_rows, wanted)])
        return values.fill_null("") if kind is ScalarType.STRING else values
    values = table.column(column)
    try:
        if kind is ScalarType.DYNAMIC:
            if not pa.types.is_string(values.type):
                values = pa.chunked_array([pa.array([_dynamic(v) for v in values.to_pylist()], pa.string())])
            else:
                values = pa.chunked_array([pa.array([_dynamic_text(v) for v in values.to_pylist()], pa.string())])
        elif pa.types.is_timestamp(values.type) and kind is ScalarType.DATETIME and values.type.tz is None:
            values = values.cast(pa.timestamp("us"), safe=False).cast(wanted)
        elif pa.types.is_timestamp(values.type) and kind is ScalarType.DATETIME:
            values = values.cast(wanted, safe=False)
        elif kind in (ScalarType.GUID, ScalarType.TIMESPAN) or not _fits(values.type, kind):
            raise pa.ArrowInvalid("")
        else:
            values = values.cast(wanted)
    except (pa.ArrowException, TypeError, ValueError):
        hint = "declare the column as the file has it, and convert in the query"
        raise LurcherError(f"the column '{column}' holds {values.type}, the query wants {kind}", hint, name) from None
    return values.fill_null("") if kind is ScalarType.STRING else values


def _fits(stored: Any, kind: ScalarType) -> bool:
    """Whether a stored type is one that a column of a KQL type may be made of without a question."""
    import pyarrow.types as pt

    match kind:
        case ScalarType.STRING:
            return bool(pt.is_string(stored) or pt.is_large_string(stored) or pt.is_dictionary(stored))
        case ScalarType.BOOL:
            return bool(pt.is_boolean(stored))
        case ScalarType.INT | ScalarType.LONG:
            return bool(pt.is_integer(stored))
        case ScalarType.REAL:
            return bool(pt.is_floating(stored) or pt.is_integer(stored))
        case ScalarType.DECIMAL:
            return bool(pt.is_decimal(stored) or pt.is_integer(stored))
        case ScalarType.DATETIME:
            return bool(pt.is_date(stored))
    return False


def _dynamic(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _dynamic_text(value: str | None) -> str | None:
    """A text in a column of dynamic: its JSON, or the text as a JSON string."""
    if value is None:
        return None
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return json.dumps(value, ensure_ascii=False)
    return value
