"""Windows events as XML: the Event Viewer's "Save as XML", `wevtutil qe`, a forwarder's lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.event_xml import is_event_xml, read_events
from lurcher.collect.events.read import BATCH, to_rows
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.leaf import Leaf, reading
from lurcher.collect.exports.registry import source_format
from lurcher.collect.exports.rows import Reject, TableBatch


@source_format("event-xml", "Windows events as XML", 28, lambda head: is_event_xml(head.data))
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    yield from to_rows(events(leaf), context)


def events(leaf: Leaf) -> Iterator[Events | Reject]:
    """The events of a file, some at a time."""
    found: list[Event] = []
    texts: list[bytes] = []
    with reading(leaf.name), closing(leaf.open()) as stream:
        for part in read_events(stream):
            if isinstance(part, Reject):
                yield part
                continue
            found.append(part.event)
            texts.append(part.raw)
            if len(found) >= BATCH:
                yield Events(found, texts.__getitem__, "event")
                found, texts = [], []
    if found:
        yield Events(found, texts.__getitem__, "event")
