"""Any JSON: an object a line, or an array of them. `--table` says what it is, or its columns do."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import Rejecter, finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, documents
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch


def _recognise(head: Head) -> bool:
    start = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]"))


@source_format("json", "JSON lines, or a JSON array", 60, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    tables: guess.Tables | None = None
    for piece in documents(leaf, unwrap="value"):
        yield from piece.rejects
        if not piece.values:
            continue
        if tables is None:
            tables = guess.Tables(context)
            tables.columns(list(dict.fromkeys(n for row in piece.values[:1000] for n in row)))
        types = [row.get(guess.TYPE) for row in piece.values]
        for table, places in tables.of(None if all(t is None for t in types) else types, len(types)):
            if places is None:
                yield from from_json(table, piece.values, context, piece.reject)
            else:
                at = places.to_pylist()
                yield from from_json(table, [piece.values[i] for i in at], context, _rejecter(piece, at))
    for table in tables.seen if tables else ():
        yield from finish(table, context)


def _rejecter(piece: Piece, at: list[int]) -> Rejecter:
    return lambda i, why: piece.reject(at[i], why)
