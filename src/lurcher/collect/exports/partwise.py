"""A file that is read in parts: one process cuts it, and the parts are read one after the other, or by several processes at once.

What comes of a file is the same either way. So a part is all that is needed to read it, beside what the file's beginning has
decided (`settled`) and what a reader exchanges; and what a part tells of the whole file is gathered, in the parts' order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.rows import Reject, TableBatch

if TYPE_CHECKING:
    from lurcher.collect.exports.context import ReadContext


class Parts:
    """Reads one file. Other processes get a copy of it, once the beginning is read."""

    #: What is counted from the beginning of each part, so that a reject's place is known only in the parts' order; '': nothing.
    unit = ""
    #: How many of these the part had that was read last.
    count = 0

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[Any]:
        """The file's parts, which can be sent to another process."""
        raise NotImplementedError

    def read(self, part: Any, context: ReadContext) -> Iterator[TableBatch | Reject]:
        raise NotImplementedError

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        """What the end of the file adds."""
        yield from ()

    def splits(self, leaf: Leaf) -> bool:
        """Whether cutting the file is much less work than reading it."""
        return True

    def settled(self) -> bool:
        """Whether what is read next no longer depends on what was read before."""
        return True

    def join(self, number: int, exchange: Exchange) -> None:
        """Another process' copy is about to read part `number`."""

    def leave(self) -> None:
        """It has read it."""

    def learned(self) -> Any:
        """What the whole file has to know of what this copy has read since it was last asked."""
        return None

    def learn(self, learned: Any) -> None:
        """What another process' copy has learned."""


class Exchange:
    """What the processes that read a file tell each other: one word for each part, heard in the parts' order."""

    def tell(self, number: int, word: Any) -> None:
        raise NotImplementedError

    def before(self, number: int) -> Iterator[Any]:
        """The words for the parts before this one that others read and that were not heard yet; waits for them."""
        raise NotImplementedError


class NotApartError(Exception):
    """The file holds something that only reading it from its beginning to its end can take."""


def one_after_another(parts: Parts, leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    """The rows and rejects of a file, by this process alone."""
    before = 0
    for part in parts.cut(leaf, context):
        for made in parts.read(part, context):
            yield placed(made, parts.unit, before)
        before += parts.count
    yield from parts.finish(context)


def placed(made: TableBatch | Reject, unit: str, before: int) -> TableBatch | Reject:
    """A reject with its place in the whole file."""
    if before and isinstance(made, Reject) and made.unit == unit:
        return replace(made, position=made.position + before)
    return made
