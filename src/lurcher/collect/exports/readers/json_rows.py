"""Any JSON: an object a line, or an array of them. `--table` says what it is, or its columns do."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, objects
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.object_parts import ObjectParts
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch


def _recognise(head: Head) -> bool:
    start = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]"))


class _Rows(ObjectParts):
    unwrap = "value"

    def __init__(self) -> None:
        super().__init__()
        self._guess: guess.Tables | None = None

    def settled(self) -> bool:
        return bool(self.tables)

    def read(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
        piece = objects(part, self.unwrap)
        yield from piece.rejects
        if not piece.values:
            return
        if self._guess is None:
            self._guess = guess.Tables(context)
            self._guess.columns(list(dict.fromkeys(n for row in piece.values[:1000] for n in row)))
        types = [row.get(guess.TYPE) for row in piece.values]
        actions = [row.get(guess.ACTION) for row in piece.values]
        for table, places in self._guess.of(None if all(t is None for t in types) else types, len(types), actions):
            self.tables[table] = None
            if places is None:
                yield from from_json(table, piece.values, context, piece.reject)
            else:
                at = places.to_pylist()
                yield from from_json(table, [piece.values[i] for i in at], context, piece.rejecter(at))


@source_format("json", "JSON lines, or a JSON array", 60, _recognise, _Rows)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Rows(), leaf, context)
