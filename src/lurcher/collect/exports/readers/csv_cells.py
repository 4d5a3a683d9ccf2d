"""CSV: a portal's export, or any table with a header line.

Cells are quoted as RFC 4180 says. A quote within a bare cell is a letter like any other; text after a closing quote, an open
quote and a row with too few or too many cells are rejected. Comma, semicolon and tab are told apart by the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import Rejecter, finish, from_text
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.csv_header import Header, read_header
from lurcher.collect.exports.csv_table import (
    CsvNames,
    CsvRead,
    CsvRows,
    CsvText,
    quoted_well,
    read_rows,
    split_line,
    stretches,
)
from lurcher.collect.exports.files import Leaf, reading
from lurcher.collect.exports.partwise import Parts, one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.kql.types import ScalarType

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = ",;\t"


def _recognise(head: Head) -> str | bool:
    first = _first_line(head.data)
    if first is None:
        return False
    separator = _separator(first)
    if not separator and not head.name.lower().endswith(".csv"):
        return False
    named = {",": "commas", ";": "semicolons", "\t": "tabs", "": "one column"}[separator]
    return f"a header of {len(split_line(first, separator or ','))} columns ({named})"


def _first_line(data: bytes) -> str | None:
    """The header; None where the file does not begin with text."""
    line = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").partition(b"\n")[0]
    if re.search(rb"[\x00-\x08\x0e-\x1f]", line) or not line.strip():
        return None
    return line.decode("utf-8", "replace")


def _separator(line: str) -> str:
    """The separator with the most cells in the header; one beside which quotes stand as they should comes first. '' where there is
    but one cell."""
    counts = {s: len(split_line(line, s)) for s in _SEPARATORS}
    best = max(counts, key=lambda s: (counts[s] > 1, quoted_well(line, s), counts[s]))
    return best if counts[best] > 1 else ""


def separator_of(leaf: Leaf) -> str:
    return _separator(_first_line(leaf.head()) or "") or ","


class _Cells(Parts):
    unit = "row"

    def __init__(self) -> None:
        self._header: Header | None = None
        self._tables: guess.Tables | None = None

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[CsvNames | CsvText | CsvRead]:
        separator = separator_of(leaf)
        with reading(leaf.name), closing(leaf.open()) as stream:
            yield from stretches(stream, separator)

    def settled(self) -> bool:
        return self._tables is not None and bool(self._tables.seen)

    def read(self, part: CsvNames | CsvText | CsvRead, context: ReadContext) -> Iterator[TableBatch | Reject]:
        self.count = 0
        if isinstance(part, CsvNames):
            self._header = read_header(part, context)
            self._tables = guess.Tables(context)
            self._tables.columns(list(self._header.columns.values()))
            return
        found = read_rows(part)
        self.count = found.count
        for rows in found.parts:
            if isinstance(rows, Reject):
                yield rows
            else:
                yield from self._rows(rows, context)

    def _rows(self, part: CsvRows, context: ReadContext) -> Iterator[TableBatch | Reject]:
        header, tables = self._header, self._tables
        assert header is not None  # a file begins with its header
        assert tables is not None
        columns = header.of(part.columns)
        for table, places in tables.of(columns.get(guess.TYPE), part.count, columns.get(guess.ACTION)):
            if context.schema_of(table) is None:
                for name in header.times:
                    context.declare(table, name, ScalarType.DATETIME)
            rows = columns if places is None else {n: a.take(places) for n, a in columns.items()}
            count = part.count if places is None else len(places)
            yield from from_text(table, rows, count, context, _rejecter(part, places))

    def learned(self) -> list[str]:
        return list(self._tables.seen) if self._tables else []

    def learn(self, learned: list[str]) -> None:
        if self._tables:
            self._tables.seen.update(dict.fromkeys(learned))

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        if self._tables is None:
            return
        if not self._tables.seen:
            context.note("it has a header, and no row that could be taken")
        for table in self._tables.seen:
            yield from finish(table, context)


@source_format("csv", "CSV (portal export, or any table with a header)", 90, _recognise, _Cells)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Cells(), leaf, context)


def _rejecter(part: CsvRows, places: pa.Array | None) -> Rejecter:
    if places is None:
        return part.reject
    return lambda i, why: part.reject(places[i].as_py(), why)
