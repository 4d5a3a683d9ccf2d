"""Events of a file -> rows: what the readers of all formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lurcher.collect.events.clock import Clock
from lurcher.collect.events.event import Events
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.rows import Reject, TableBatch

#: Events that are made into rows at once: a kind of event has its columns built once for all of them.
BATCH = 4096


def to_rows(parts: Iterable[Events | Reject], context: ReadContext) -> Iterator[TableBatch | Reject]:
    """The rows of the events of a file, and what could not be taken, in the file's order."""
    from lurcher.collect.events.mapping import ProcessMemory, map_events

    memory, clock = ProcessMemory(), Clock(context)
    for part in parts:
        if isinstance(part, Reject):
            yield part
        else:
            yield from map_events(part._replace(clock_offset=clock.offset(part.events)), context, memory)
    clock.settle()
