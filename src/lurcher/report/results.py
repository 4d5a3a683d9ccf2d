"""Rows of a query as text and files: a table for the terminal, CSV, JSON, JSON lines, Parquet.

Control characters are shown in tables, never sent (`report.text`); CSV and JSON hold the data as they are.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import ScalarType
from lurcher.report.tables import print_table
from lurcher.report.whole import whole_file

if TYPE_CHECKING:
    from lurcher.engines.base import Result

Rows = Iterator[list[Any]]


def rows_of(result: Result) -> Rows:
    """The rows in the value forms of `lurcher.engines.values`: JSON-like, times as text."""
    from lurcher.engines.values import protocol_rows

    for batch in result.batches:
        yield from protocol_rows(batch, result.columns)


def cell_text(value: Any, type_: ScalarType) -> str:
    """A value as a terminal or a CSV shows it: null is empty, dynamics are JSON, booleans `true`/`false`."""
    if value is None:
        return ""
    if type_ is ScalarType.DYNAMIC and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def write_table(result: Result, out: IO[str]) -> int:
    """A table with a header. Returns the number of rows."""
    numeric = {ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL}
    columns = result.columns
    count = print_table(
        [c.name for c in columns],
        ([cell_text(v, c.type) for v, c in zip(row, columns, strict=True)] for row in rows_of(result)),
        right=[i for i, c in enumerate(columns) if c.type in numeric],
        out=out,
    )
    if out.isatty():
        out.write(f"{count:,} row{'' if count == 1 else 's'}\n")
    return count


def write_csv(result: Result, out: IO[str]) -> int:
    writer = csv.writer(out, lineterminator="\n")
    # A carriage return ends a line for those who read it; the writer sees that only where its own lines end with one.
    careful = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([c.name for c in result.columns])
    count = 0
    for row in rows_of(result):
        cells = [cell_text(v, c.type) for v, c in zip(row, result.columns, strict=True)]
        (careful if any("\r" in cell for cell in cells) else writer).writerow(cells)
        count += 1
    return count


def write_json(result: Result, out: IO[str]) -> int:
    """One array of objects."""
    names = [c.name for c in result.columns]
    count = 0
    out.write("[")
    for row in rows_of(result):
        out.write(("," if count else "") + "\n" + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
        count += 1
    out.write("\n]\n" if count else "]\n")
    return count


def write_json_lines(result: Result, out: IO[str]) -> int:
    names = [c.name for c in result.columns]
    count = 0
    for row in rows_of(result):
        out.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
        count += 1
    return count


TEXT_FORMATS: dict[str, Callable[[Result, IO[str]], int]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_json_lines,
}
FORMATS = (*TEXT_FORMATS, "parquet")
_ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def format_of(path: Path) -> str:
    """The format that a file's name says; '' where it says none."""
    return _ENDINGS.get(path.suffix.lower(), "")


def write_parquet(result: Result, path: Path) -> int:
    """A Parquet file, each column's KQL type in its field metadata (`kql`). Timespans are int64 ticks of 100 ns."""
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(path, result.schema) as writer:
        for batch in result.batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def write_result(result: Result, format_: str, output: Path | None) -> int:
    """Write to a file (or to standard output); a file appears whole or not at all. Returns the number of rows."""
    if format_ == "parquet":
        if output is None:
            raise LurcherError("Parquet goes into a file", "name one with --output FILE")
        with whole_file(output) as partial:
            return write_parquet(result, partial)
    if output is None:
        count = TEXT_FORMATS[format_](result, sys.stdout)
        sys.stdout.flush()
        return count
    buffer = io.StringIO() if format_ == "table" else None
    with whole_file(output) as partial, partial.open("w", encoding="utf-8", newline="") as out:
        count = TEXT_FORMATS[format_](result, buffer or out)
        if buffer:
            out.write(buffer.getvalue())
    return count
