"""Files that come again with more in them: what is in the lake already is not added again.

A file of lines that begins with all of an earlier source is read from where that ended: its whole lines are in the lake. The
last line of the earlier state counts where it was whole; where it was cut, it is read again with what completes it. So it is
with `<Event>` elements. Of what tells no such place all is read again, and a note says so. A log of
Windows (EVTX) is told apart record by record: see `lurcher.lake.repeats`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, cast

from lurcher.collect.exports.leaf import BLOCK, Leaf, reading
from lurcher.collect.exports.rows import Reject
from lurcher.errors import LurcherError
from lurcher.lake.sources import HEAD, SourceId, SourceRecord

if TYPE_CHECKING:
    from lurcher.lake import Lake

#: Formats of a row a line.
LINES = frozenset({"event-json", "json", "defender-streaming", "log-analytics-export"})
#: Formats of elements that tell themselves where each ends.
ELEMENTS = frozenset({"event-xml"})
#: Formats of which nothing, or not every state, tells where the rest begins, and whose rows tell no copies.
_UNTOLD = frozenset({"event-xml", "evtx-dump", "win-event-log", "event-json", "json"})
#: Formats whose copies are told apart record by record.
COPIES = frozenset({"evtx"})
#: Formats of rows behind a header.
CELLS = frozenset({"csv", "event-csv"})
#: Earlier states that are tried.
_TRIED = 64


@dataclass(frozen=True)
class Grown:
    """A file whose beginning is an earlier source. `start`: the byte at which the new part begins; `lines`: the lines before."""

    before: SourceRecord
    start: int
    lines: int
    #: Whether the line that begins before `start` was taken, too.
    whole: bool
    #: Where the header ends that the new part is read with.
    header: int = 0
    #: What is counted.
    unit: str = "line"
    #: Whether the row at `start` was taken when only its beginning was there.
    cut: bool = False
    #: Whether where the new part begins is not known: all of the file is read, and what is in the lake comes again.
    again: bool = False

    def note(self) -> str:
        before = self.before
        if self.again:
            return (
                f"again: the file begins with all of {before.name}, in the lake since {before.taken[:10]}; where the rest of it "
                "begins is not known: the rows of that come a second time"
            )
        if self.unit == "event":
            return f"grown: {_numbered('event', self.lines)} in the lake since {before.taken[:10]}, as {before.name}"
        if self.unit == "row":
            have = _numbered("row", self.lines) if self.lines else "the header is"
            more = f"; row {self.lines + 1:,} was cut then: it is there as it was, and now whole" if self.cut else ""
            return f"grown: {have} in the lake since {before.taken[:10]}, as {before.name}{more}"
        have = _numbered("line", self.lines + self.whole)
        return f"grown: {have} in the lake since {before.taken[:10]}, as {before.name}"

    def table(self, rest: Leaf) -> str | None:
        """The table of what was added, where the columns of the file told it and its rows do not: of a few rows they might not."""
        tables = [name for name in self.before.tables if name != "DeviceInfo"]
        told = self.before.format != "json" or len(tables) != 1 or b'"Type"' in rest.head()
        return None if told else tables[0]


def _numbered(unit: str, count: int) -> str:
    return f"{unit}s 1-{count:,} are" if count > 1 else f"{unit} 1 is"


@dataclass(frozen=True)
class _Prefix:
    digest: str
    lines: int
    #: Where its last line begins.
    last: int


@dataclass(frozen=True)
class Before:
    """What the lake has of a file already. `head`: see `SourceRecord`; `copies`: sources that may be earlier copies of it."""

    head: str
    grown: Grown | None
    copies: frozenset[str]

    def placed(self, reject: Reject) -> Reject:
        """A reject of what was read of the file, with its place in the whole file."""
        if self.grown is None or reject.unit != self.grown.unit:
            return reject
        return replace(reject, position=reject.position + self.grown.lines)


def unreadable(grown: Grown, name: str) -> LurcherError:
    return LurcherError(
        f"it begins with what is in the lake as {grown.before.name}; "
        + ("its quotes do not tell" if grown.start < 0 else "in its encoding it cannot be told")
        + " where the rest begins",
        "add what is new as a file of its own",
        name,
    )


def head_of(leaf: Leaf) -> str:
    """What `SourceRecord.head` is of a file."""
    return hashlib.sha256(leaf.head(HEAD)).hexdigest()


def copies_of(lake: Lake, kind: str, source: SourceId) -> frozenset[str]:
    """The sources that may be earlier copies of a log: those of the same file name."""
    if kind not in COPIES:
        return frozenset()
    base = _base(source.name)
    return frozenset(
        r.digest
        for r in lake.known_sources()
        if r.format in COPIES and r.base_name == base and r.digest != source.digest
    )


def find(lake: Lake, leaf: Leaf, kind: str, size: int, table: str | None) -> Grown | None:
    """The longest earlier source that a file of UTF-8 lines, of `<Event>`s, or a CSV, begins with; None where there is none. Its
    `start` is negative where it cannot be told where the rest begins; `again` where all of it is read all the same."""
    from lurcher.collect.exports.documents import is_lines

    if kind not in LINES | CELLS | _UNTOLD:
        return None
    candidates = _candidates(lake, leaf, kind, size, table)
    if not candidates or (kind in LINES - _UNTOLD and not is_lines(leaf)):
        return None
    prefixes = _prefixes(leaf, [r.size for r in candidates])
    for record in sorted(candidates, key=lambda r: -r.size):
        prefix = prefixes.get(record.size)
        if prefix is not None and prefix.digest == record.digest:
            if kind in CELLS:
                return _cells(leaf, record)
            if kind not in LINES or not is_lines(leaf):
                return _elements(lake, leaf, kind, record)
            start = _start(leaf, prefix, record.size)
            return Grown(record, start, prefix.lines, start == record.size != prefix.last)
    return None


def _base(name: str) -> str:
    return PurePath(name.replace("\\", "/")).name.casefold()


def _candidates(lake: Lake, leaf: Leaf, kind: str, size: int, table: str | None) -> list[SourceRecord]:
    head, base = head_of(leaf), _base(leaf.name)
    found = [
        r
        for r in lake.known_sources()
        if 0 < r.size < size
        and r.format == kind
        and (r.head == head if r.size >= HEAD else r.base_name == base)
        and (_begun(lake, r) if r.adding else r.tables and (table is None or table in r.tables))
    ]
    return sorted(found, key=lambda r: -r.size)[:_TRIED]


def _begun(lake: Lake, record: SourceRecord) -> bool:
    """Whether some table has rows of a source that was being added."""
    tables = (lake.table(name) for name in lake.table_names())
    return any(table is not None and table.has_source(record.digest) for table in tables)


def _prefixes(leaf: Leaf, sizes: Iterable[int]) -> dict[int, _Prefix]:
    """What the beginning of the file is, for each of these sizes."""
    found: dict[int, _Prefix] = {}
    sha, place, lines, last = hashlib.sha256(), 0, 0, 0
    with reading(leaf.name), closing(leaf.open()) as stream:
        for size in sorted(set(sizes)):
            while place < size:
                block = stream.read(min(BLOCK, size - place))
                if not block:
                    return found
                sha.update(block)
                if (newline := block.rfind(b"\n")) >= 0:
                    last = place + newline + 1
                    lines += block.count(b"\n")
                place += len(block)
            found[size] = _Prefix(sha.copy().hexdigest(), lines, last)
    return found


def _start(leaf: Leaf, prefix: _Prefix, size: int) -> int:
    """Where the new part begins: behind the earlier state, or at its last line, where that goes on."""
    import orjson

    if prefix.last == size:
        return size
    with reading(leaf.name), closing(_From(leaf, prefix.last)) as stream:
        line = _exactly(stream, size - prefix.last)
        follows = stream.read(4096)
    if prefix.last == 0:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return prefix.last  # cut: it was rejected, and is read with the rest of it
    ends = follows.partition(b"\n")[0].strip() == b""
    return size if ends else prefix.last


def _elements(lake: Lake, leaf: Leaf, kind: str, record: SourceRecord) -> Grown | None:
    """The same for elements: behind the last whole one of an earlier state of which no other was rejected than one that was cut."""
    from lurcher.collect.events.event_xml import END, MAX_EVENT, between
    from lurcher.collect.exports.encodings import of_head

    if record.adding:
        return None
    if kind in ELEMENTS and of_head(leaf.head()) == "utf-8":
        first = max(record.size - 2 * MAX_EVENT, 0)
        with reading(leaf.name), closing(_From(leaf, first, record.size)) as stream:
            tail = _exactly(stream, record.size - first)
        end = tail.rfind(END) + len(END)
        cut = not between(tail[end:])
        if end >= len(END) and record.rejected == cut and (events := _events(lake, record)):
            return Grown(record, first + end, events, False, unit="event")
    return Grown(record, 0, 0, False, again=True)


def _events(lake: Lake, record: SourceRecord | None) -> int:
    """The events that a source has given, and those states of it that it had grown from."""
    found = 0
    while record is not None:
        found += record.tables.get("WindowsEvent", 0)
        record = lake.source(record.grown_from) if record.grown_from else None
    return found


def _cells(leaf: Leaf, record: SourceRecord) -> Grown:
    """The same for a CSV."""
    from lurcher.app import grown_cells
    from lurcher.collect.exports.encodings import of_head
    from lurcher.collect.exports.readers.csv_cells import separator_of

    size = record.size
    with reading(leaf.name):
        with closing(_From(leaf, size - 1)) as stream:
            around = _exactly(stream, 3)
        before = cast(IO[bytes], _From(leaf, 0, size))
        utf8 = of_head(leaf.head()) == "utf-8"
        found = grown_cells.rest(before, size, around[:1], around[1:], separator_of(leaf)) if utf8 else None
        before.close()
    if found is None:
        return Grown(record, -1 if utf8 else 0, 0, False, unit="row")
    return Grown(record, found.start, found.rows, False, found.header, "row", found.cut)


def _exactly(stream: _From, size: int) -> bytes:
    parts = []
    while size > 0 and (part := stream.read(min(BLOCK, size))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def behind(leaf: Leaf, grown: Grown) -> Leaf:
    """What a file holds from where the new part begins, behind its header."""
    opened = lambda: cast(IO[bytes], _Headed(leaf, grown.header, grown.start))  # noqa: E731
    return replace(leaf, open=opened, on_disk=False)


def upto(leaf: Leaf, record: SourceRecord) -> Leaf:
    """An earlier state of a file, out of what it is now."""
    opened = lambda: cast(IO[bytes], _From(leaf, 0, record.size))  # noqa: E731
    return replace(leaf, name=record.name, open=opened, on_disk=False)


class _From:
    """A stream from a place on."""

    def __init__(self, leaf: Leaf, start: int, end: int | None = None) -> None:
        self._stream = leaf.open()
        self._left = None if end is None else end - start
        if leaf.on_disk:
            self._stream.seek(start)
            return
        while start > 0:
            block = self._stream.read(min(BLOCK, start))
            if not block:
                raise LurcherError("the file became shorter while it was read", "add it again", leaf.name)
            start -= len(block)

    def read(self, size: int = BLOCK) -> bytes:
        if self._left is None:
            return self._stream.read(size)
        block = self._stream.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._stream.close()


class _Headed:
    """The first bytes of a stream, then what is from a place on."""

    def __init__(self, leaf: Leaf, header: int, start: int) -> None:
        self._header = b""
        if header:
            with closing(_From(leaf, 0, header)) as stream:
                self._header = _exactly(stream, header)
        self._rest = _From(leaf, start)

    def read(self, size: int = BLOCK) -> bytes:
        if not self._header:
            return self._rest.read(size)
        block, self._header = (self._header, b"") if size < 0 else (self._header[:size], self._header[size:])
        return block + self._rest.read(size - len(block) if size >= 0 else size)

    def close(self) -> None:
        self._rest.close()
