"""CSV: a portal's export, or any table with a header line.

Cells are quoted as RFC 4180 says. A quote within a bare cell is a letter like any other; text after a closing quote, an open
quote and a row with too few or too many cells are rejected. Comma, semicolon and tab are told apart by the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import finish, from_text
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.csv_table import CsvRows, read_table, split_line
from lurcher.collect.exports.files import Leaf, reading
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.errors import LurcherError

_SEPARATORS = ",;\t"


def _recognise(head: Head) -> bool:
    text = _decoded(head.data)
    if text is None or "\0" in text:
        return False
    first = text.lstrip("\ufeff").partition("\n")[0]
    control = re.search(r"[\x01-\x08\x0e-\x1f]", first)
    return not control and bool(first.strip()) and (_separator(first) != "" or head.name.lower().endswith(".csv"))


def _decoded(data: bytes) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data[: len(data) & ~1].decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def _separator(line: str) -> str:
    """The separator with the most cells in the header; '' where there is but one."""
    counts = {s: len(split_line(line, s)) for s in _SEPARATORS}
    best = max(counts, key=lambda s: counts[s])
    return best if counts[best] > 1 else ""


@source_format("csv", "CSV (portal export, or any table with a header)", 90, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    text = _decoded(leaf.head()) or ""
    separator = _separator(text.lstrip("\ufeff").partition("\n")[0]) or ","
    with reading(leaf.name), closing(leaf.open()) as stream:
        table = ""
        for part in read_table(stream, separator, utf16=leaf.head(2) in (b"\xff\xfe", b"\xfe\xff")):
            if isinstance(part, Reject):
                yield part
            elif isinstance(part, CsvRows):
                yield from from_text(table, part.columns, part.count, context, part.reject)
            else:
                _check_header(part, leaf.name)
                table = guess.table_of(part, context)
        if table:
            yield from finish(table, context)


def _check_header(names: list[str], file: str) -> None:
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise LurcherError(f"the header has the column '{twice}' twice", "rename one", file, 1)
