"""Events as Splunk's input `WinEventLog` keeps them: a time, `LogName=Security` and other names, `Message=` and the event's text.

What searches are exported as (`_raw` in JSON or CSV) is read by those readers.
Source: "Monitor Windows event log data with Splunk Enterprise", Splunk Docs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.read import BATCH, to_rows
from lurcher.collect.events.rendered import START, parse
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.leaf import BLOCK, Leaf, reading
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch

#: The longest event: those of Windows have 64 KiB.
MAX_EVENT = 4 * 1024 * 1024
_BEGIN = re.compile(
    rb"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d(?:\.\d{1,7})? [AP]M\r?\n(?=(?:[A-Za-z]+=[^\r\n]*\r?\n){0,12}LogName=)",
    re.MULTILINE,
)
#: More than the lines that an event begins with.
_LINE = 4096


def _recognise(head: Head) -> bool:
    text = head.data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")[:4096].decode("utf-8", "replace")
    return START.match(text) is not None


@source_format("win-event-log", "Windows events as text (Splunk's WinEventLog)", 29, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return to_rows(events(leaf), context)


def events(leaf: Leaf) -> Iterator[Events | Reject]:
    """The events of a file, some at a time."""
    found: list[Event] = []
    texts: list[bytes] = []
    for number, raw in enumerate(_pieces(leaf), 1):
        try:
            found.append(parse(raw.decode(), number))
            texts.append(raw)
        except UnicodeDecodeError as error:
            yield Reject("event", number, f"not UTF-8: {error.reason}", raw[:65_536])
        except ValueError as error:
            yield Reject("event", number, str(error), raw[:65_536])
        if len(found) >= BATCH:
            yield Events(found, texts.__getitem__, "event")
            found, texts = [], []
    if found:
        yield Events(found, texts.__getitem__, "event")


def _pieces(leaf: Leaf) -> Iterator[bytes]:
    """The text of each event: from one beginning to the next."""
    with reading(leaf.name), closing(leaf.open()) as stream:
        buffer, ended = b"", False
        while not ended:
            block = stream.read(BLOCK)
            ended = not block
            buffer += block
            starts = [
                m.start() for m in _BEGIN.finditer(buffer, 0, len(buffer) if ended else max(len(buffer) - _LINE, 0))
            ]
            bounds = [0, *(s for s in starts if s)]
            for start, end in pairwise(bounds):
                if piece := buffer[start:end].removeprefix(b"\xef\xbb\xbf").strip(b"\r\n"):
                    yield piece
            buffer = buffer[bounds[-1] :]
            if len(buffer) > MAX_EVENT and not ended:  # no event: what it is, a reject tells
                yield buffer[:MAX_EVENT]
                buffer = buffer[MAX_EVENT:]
        if piece := buffer.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n"):
            yield piece
