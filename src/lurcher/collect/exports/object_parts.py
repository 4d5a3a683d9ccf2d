"""A file of JSON objects that is read in parts: what all of its readers share."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.exports.assemble import finish
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, is_lines, stretches
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.partwise import Parts
from lurcher.collect.exports.rows import Reject, TableBatch


class ObjectParts(Parts):
    #: A key that may hold a list of objects.
    unwrap = ""

    def __init__(self) -> None:
        #: The tables that there were rows of.
        self.tables: dict[str, None] = {}

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[Lines | Piece]:
        return stretches(leaf, self.unwrap)

    def splits(self, leaf: Leaf) -> bool:
        return is_lines(leaf)

    def learned(self) -> list[str]:
        return list(self.tables)

    def learn(self, learned: list[str]) -> None:
        self.tables.update(dict.fromkeys(learned))

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        for table in self.tables:
            yield from finish(table, context)
