"""Compound files (OLE structured storage): a file system in a file, read within bounds.

Source: [MS-CFB] "Compound File Binary File Format". Windows Installer packages are such files. Chains of sectors can be made to
run in circles or out of the file, and trees of entries to bite their tails: every walk here is counted, and what does not fit is
a `PeError`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from lurcher.collect.pe import PeError, Reader

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

STORAGE, STREAM, ROOT = 1, 2, 5

#: Entries of a directory. Honest packages have some hundred.
MAX_ENTRIES = 65_536
#: Octets of one read.
_READ = 1024 * 1024
_MINI = 64
_END = 0xFFFFFFFE
_LARGEST = 0xFFFFFFFA
_NONE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """A storage or a stream. `name` is UTF-16-LE without its end, as it is sorted and digested; `raw` the whole entry."""

    kind: int
    name: bytes
    left: int
    right: int
    child: int
    start: int
    size: int
    raw: bytes = field(repr=False)

    @property
    def class_id(self) -> bytes:
        return self.raw[80:96]


class CompoundFile:
    """The entries of a compound file, and the content of its streams. Making one reads the header and the directory."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        head = reader.at(0, 512, "the header")
        if head[:8] != MAGIC or head[28:30] != b"\xfe\xff":
            raise PeError("not a compound file")
        self._shift = int.from_bytes(head[30:32], "little")
        if self._shift not in (9, 12):
            raise PeError(f"a compound file with sectors of 2^{self._shift} octets")
        self._cutoff = int.from_bytes(head[56:60], "little")
        if self._cutoff > 1 << 20:
            raise PeError("a compound file whose short streams are not short")
        self._sectors = (reader.size >> self._shift) + 1
        self._fat = self._allocation(head)
        self.entries = self._directory(int.from_bytes(head[48:52], "little"))
        if not self.entries or self.entries[0].kind != ROOT:
            raise PeError("a compound file without a root")
        self.root = self.entries[0]
        self._mini_fat_start = int.from_bytes(head[60:64], "little")
        self._mini: tuple[array[int], list[int]] | None = None

    def check_streams(self) -> None:
        """Raises `PeError` where the streams are together larger than the file: some share their sectors, and reading them all
        could take for ever."""
        if sum(e.size for e in self.entries if e.kind == STREAM) > self._reader.size:
            raise PeError("streams of the compound file lie over one another")

    def children(self, parent: Entry) -> list[Entry]:
        """What is in a storage, in no order. Raises `PeError`."""
        found: list[Entry] = []
        seen: set[int] = set()
        waiting = [parent.child]
        while waiting:
            index = waiting.pop()
            if index == _NONE:
                continue
            if index >= len(self.entries) or index in seen:
                raise PeError("the directory of the compound file runs in circles or out of it")
            seen.add(index)
            entry = self.entries[index]
            if entry.kind not in (STORAGE, STREAM):
                raise PeError("the directory of the compound file names an entry that is none")
            found.append(entry)
            waiting += (entry.left, entry.right)
        return found

    def read(self, stream: Entry, limit: int) -> bytes:
        """A whole stream of at most `limit` octets."""
        if stream.size > limit:
            raise PeError(f"a stream of {stream.size} octets where at most {limit} were expected")
        return b"".join(self.blocks(stream))

    def blocks(self, stream: Entry) -> Iterator[bytes]:
        """The content of a stream, in pieces. Raises `PeError` where its sectors are not all there."""
        if stream.size < self._cutoff:
            yield self._short(stream)
            return
        left = stream.size
        for first, count in self._runs(stream.start, (left + (1 << self._shift) - 1) >> self._shift):
            at, end = (first + 1) << self._shift, (first + 1 + count) << self._shift
            while at < end and left:
                length = min(_READ, end - at, left)
                yield self._reader.at(at, length, "a stream of the compound file")
                at, left = at + length, left - length

    # --- sectors ---

    def _allocation(self, head: bytes) -> array[int]:
        """The file allocation table: which sector follows which."""
        count = int.from_bytes(head[44:48], "little")
        per = 1 << (self._shift - 2)
        if count > self._sectors // per + 2:
            raise PeError("the allocation table of the compound file is larger than the file")
        places = _numbers(head[76:512])
        following = int.from_bytes(head[68:72], "little")
        seen = 0
        while len(places) < count and following <= _LARGEST:
            seen += 1
            if seen > count:
                raise PeError("the allocation table of the compound file runs in circles")
            block = self._words(following)
            places += block[:-1]
            following = block[-1]
        table: array[int] = array("I")
        for sector in places[:count]:
            table += self._words(sector)
        return table

    def _words(self, sector: int) -> array[int]:
        return _numbers(self._sector(sector))

    def _sector(self, sector: int) -> bytes:
        if sector > _LARGEST:
            raise PeError("a chain of the compound file ends too early")
        return self._reader.at((sector + 1) << self._shift, 1 << self._shift, "a sector of the compound file")

    def _runs(self, start: int, count: int) -> Iterator[tuple[int, int]]:
        """`count` sectors of a chain, as (first, how many follow each other on disk)."""
        if count > self._sectors:
            raise PeError("a stream is larger than the compound file")
        first, length, sector = start, 0, start
        for _ in range(count):
            if sector > _LARGEST or sector >= len(self._fat):
                raise PeError("a chain of the compound file ends too early")
            if sector != first + length:
                yield first, length
                first, length = sector, 0
            length += 1
            sector = self._fat[sector]
        if length:
            yield first, length

    def _directory(self, start: int) -> list[Entry]:
        found: list[Entry] = []
        sector, most = start, (MAX_ENTRIES * 128) >> self._shift
        for _ in range(min(most, self._sectors) + 1):
            if sector == _END:
                return found
            if sector >= len(self._fat):
                raise PeError("the directory of the compound file is cut off")
            data = self._sector(sector)
            found += (_entry(data[i : i + 128], self._shift) for i in range(0, len(data), 128))
            sector = self._fat[sector]
        raise PeError("the directory of the compound file has no end")

    def _short(self, stream: Entry) -> bytes:
        """A stream that lies in the root's stream, in sectors of 64 octets."""
        if stream.size == 0:
            return b""
        if self._mini is None:
            self._mini = self._mini_tables()
        table, homes = self._mini
        parts: list[bytes] = []
        sector, per = stream.start, self._shift - 6
        for _ in range((stream.size + _MINI - 1) // _MINI):
            if sector >= len(table) or sector >> per >= len(homes):
                raise PeError("a short stream of the compound file is cut off")
            at = ((homes[sector >> per] + 1) << self._shift) + (sector & ((1 << per) - 1)) * _MINI
            parts.append(self._reader.at(at, min(_MINI, self._reader.size - at), "a short stream"))
            sector = table[sector]
        return b"".join(parts)[: stream.size]

    def _mini_tables(self) -> tuple[array[int], list[int]]:
        table = array("I")
        sector = self._mini_fat_start
        for _ in range(self._sectors + 1):
            if sector > _LARGEST:
                break
            table += self._words(sector)
            sector = self._fat[sector] if sector < len(self._fat) else _END
        else:
            raise PeError("the table of short streams runs in circles")
        count = (self.root.size + (1 << self._shift) - 1) >> self._shift
        homes = [first + i for first, length in self._runs(self.root.start, count) for i in range(length)]
        return table, homes


def _numbers(data: bytes) -> array[int]:
    words = array("I", data)
    if sys.byteorder == "big":  # pragma: no cover
        words.byteswap()
    return words


def _entry(raw: bytes, shift: int) -> Entry:
    def number(at: int, length: int = 4) -> int:
        return int.from_bytes(raw[at : at + length], "little")

    length = min(max(number(64, 2) - 2, 0), 62)
    # Files with short sectors have sizes of 32 bits; what writers leave above them is not one.
    size = number(120, 8) if shift == 12 else number(120)
    return Entry(raw[66], raw[:length], number(68), number(72), number(76), number(116), size, raw)
