"""Any JSON: an object a line, or an array of them. `--table` says what it is, or its columns do."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import documents
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch


def _recognise(head: Head) -> bool:
    start = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]"))


@source_format("json", "JSON lines, or a JSON array", 60, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    table = ""
    for piece in documents(leaf):
        yield from piece.rejects
        if not piece.values:
            continue
        table = table or guess.table_of(list(dict.fromkeys(n for row in piece.values[:1000] for n in row)), context)
        yield from from_json(table, piece.values, context, piece.reject)
    if table:
        yield from finish(table, context)
