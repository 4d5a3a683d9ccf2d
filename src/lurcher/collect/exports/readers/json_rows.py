"""Any JSON: an object a line, or an array of them. `--table` says what it is, or its columns do."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import Rejecter, finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, is_lines, objects, stretches
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.partwise import Parts, one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch


def _recognise(head: Head) -> bool:
    start = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]"))


class _Rows(Parts):
    def __init__(self) -> None:
        self._tables: guess.Tables | None = None

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[Lines | Piece]:
        return stretches(leaf, "value")

    def splits(self, leaf: Leaf) -> bool:
        return is_lines(leaf)

    def settled(self) -> bool:
        return self._tables is not None and bool(self._tables.seen)

    def read(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
        piece = objects(part, "value")
        yield from piece.rejects
        if not piece.values:
            return
        if self._tables is None:
            self._tables = guess.Tables(context)
            self._tables.columns(list(dict.fromkeys(n for row in piece.values[:1000] for n in row)))
        types = [row.get(guess.TYPE) for row in piece.values]
        for table, places in self._tables.of(None if all(t is None for t in types) else types, len(types)):
            if places is None:
                yield from from_json(table, piece.values, context, piece.reject)
            else:
                at = places.to_pylist()
                yield from from_json(table, [piece.values[i] for i in at], context, _rejecter(piece, at))

    def learned(self) -> list[str]:
        return list(self._tables.seen) if self._tables else []

    def learn(self, learned: list[str]) -> None:
        if self._tables:
            self._tables.seen.update(dict.fromkeys(learned))

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        for table in self._tables.seen if self._tables else ():
            yield from finish(table, context)


@source_format("json", "JSON lines, or a JSON array", 60, _recognise, _Rows)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Rows(), leaf, context)


def _rejecter(piece: Piece, at: list[int]) -> Rejecter:
    return lambda i, why: piece.reject(at[i], why)
