"""EVTX: the records of a binary event log, and what is wrong with the file.

A file is a header and chunks of 64 KiB; a chunk has a header, the texts and templates that its records share, and records,
one behind the other. Each chunk is given to the parser (the Rust package `evtx`) as a log of its own, so that what is wrong
with one does not touch the others, a stream is read as well as a file, and memory is bounded. The records of a chunk are
counted here, from their own headers: what the parser does not give for one of them is told of.

A writer (Windows) keeps the headers up to date only now and then: a log that was copied while it was open is `dirty`, its
header counts too few chunks, and a chunk's too few records.

Source: "Windows XML Event Log (EVTX) format", libyal (libevtx); the names of the fields are theirs.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

HEADER = 4096
CHUNK = 65_536
FIRST = 512
MAGIC, CHUNK_MAGIC, RECORD_MAGIC = b"ElfFile\0", b"ElfChnk\0", b"**\0\0"
#: A record: magic, size, number, time; what it says; its size again.
_SMALLEST = 28
_RECORD = struct.Struct("<4sIQ").unpack_from
_DIRTY, _NO_CRC = 1, 4
#: The number given to what only leads over a damaged stretch.
_BRIDGE = 0xFFFF_FFFF_FFFF_FFF0


@dataclass
class Header:
    """What the file's header says."""

    next_record: int
    chunks: int
    dirty: bool
    good: bool


@dataclass(slots=True)
class Record:
    """A record by its header: where it is in its chunk, how long, its number in the log; `text` is its JSON, or `error` says
    why there is none."""

    offset: int
    size: int
    number: int
    text: str | None = None
    error: str = ""


@dataclass
class Chunk:
    """A chunk that was read, from 1. `stretches`: (offset, size, why) of what is no record where one should be; `defects`:
    what is wrong with it as a whole; `uncounted`: records that its header does not count yet. What lies behind the last
    record is of an earlier use of the chunk, and no part of the log."""

    number: int
    data: bytes
    records: list[Record] = field(default_factory=list)
    stretches: list[tuple[int, int, str]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    uncounted: int = 0
    #: The numbers that its header gives, where that can be trusted.
    numbers: tuple[int, int] | None = None


def is_evtx(head: bytes) -> bool:
    return head.startswith(MAGIC) or head[HEADER : HEADER + 8] == CHUNK_MAGIC


def read_header(data: bytes) -> Header:
    """The header of a file, as far as it can be trusted."""
    if len(data) < 128 or not data.startswith(MAGIC):
        return Header(0, 0, False, False)
    (next_record,) = struct.unpack_from("<Q", data, 24)
    (chunks,) = struct.unpack_from("<H", data, 42)
    flags, crc = struct.unpack_from("<II", data, 120)
    good = bool(flags & _NO_CRC) or crc == zlib.crc32(data[:120])
    return Header(next_record, chunks, bool(flags & _DIRTY), good)


def chunks(stream: IO[bytes]) -> Iterator[Chunk]:
    """The chunks behind the header, parsed. Unused ones are passed over. What is no chunk comes as one without records."""
    return map(parsed, stretches(stream))


def parsed(chunk: Chunk) -> Chunk:
    """A chunk with its records."""
    return chunk if chunk.stretches else _read(chunk)


def stretches(stream: IO[bytes]) -> Iterator[Chunk]:
    """The same, not parsed yet: nothing is known but where each chunk is, and what is none."""
    number, rest = 0, b""
    while True:
        block = rest + _exactly(stream, CHUNK - len(rest))
        rest = b""
        if not block:
            return
        number += 1
        start = block.find(CHUNK_MAGIC)
        if start != 0 and not block.strip(b"\0"):
            continue
        if start < 0 and block[FIRST : FIRST + 4] == RECORD_MAGIC:
            yield Chunk(number, block, defects=["its header is damaged"])
            continue
        if start != 0:
            # The next chunk may begin anywhere, where something was cut out or put in.
            size = start if start > 0 else len(block)
            yield Chunk(number, block[:size], stretches=[(0, size, f"{size:,} bytes that are no chunk")])
            rest = block[size:]
            continue
        yield Chunk(number, block)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read(chunk: Chunk) -> Chunk:
    whole = len(chunk.data) >= CHUNK
    data = bytearray(chunk.data.ljust(CHUNK, b"\0"))
    end = _check(chunk, data, whole)
    _scan(chunk, data, end)
    _parse(chunk, data)
    return chunk


def _check(chunk: Chunk, data: bytearray, whole: bool) -> int:
    """Where its records end, as far as that is known, and what is wrong with its header and its sums."""
    limit = len(chunk.data)
    first, last, _, _, _, _, end, crc = struct.unpack_from("<QQQQIIII", data, 8)
    header = bytes(data[:120]) + bytes(data[128:FIRST])
    flags, header_crc = struct.unpack_from("<II", data, 120)
    summed = whole and not flags & _NO_CRC
    sound = FIRST <= end <= CHUNK
    if not whole:
        chunk.defects.append(f"cut after {limit:,} of {CHUNK:,} bytes")
    elif summed and header_crc != zlib.crc32(header) and not chunk.defects:
        chunk.defects.append("the checksum of its header is wrong")
    if summed and sound and crc != zlib.crc32(data[FIRST:end]):
        chunk.defects.append("the checksum of its records is wrong")
    if sound and first <= last < _BRIDGE and last - first < CHUNK // _SMALLEST:
        chunk.numbers = (first, last)
    return min(end if sound else CHUNK, limit)


def _scan(chunk: Chunk, data: bytearray, end: int) -> None:
    """The records up to `end`, and those that its header does not count yet: they go on behind it, number by number."""
    limit, place, records = len(chunk.data), FIRST, chunk.records
    counted = end
    while place < limit:
        found = _record(data, place, limit)
        if place >= counted:
            follows = found is not None and (not records or found.number == records[-1].number + 1)
            if not follows or not records:
                break
            chunk.uncounted += 1
        if found is None:
            after = _next(data, place + 4, counted)
            if after < 0:
                if data[place:counted].strip(b"\0"):
                    chunk.stretches.append((place, counted - place, _why(data, place, limit)))
                break
            chunk.stretches.append((place, after - place, _why(data, place, limit)))
            place = after
            continue
        records.append(found)
        place += found.size
    if not any(d.startswith("cut") for d in chunk.defects):
        return
    if chunk.numbers and records and chunk.numbers[1] > records[-1].number:
        lost = chunk.numbers[1] - records[-1].number
        chunk.defects.append(f"{lost} of its records lost")


def _record(data: bytearray, place: int, limit: int) -> Record | None:
    """The record at a place; None where there is none."""
    if place + _SMALLEST > limit:
        return None
    magic, size, number = _RECORD(data, place)
    if magic != RECORD_MAGIC or not _SMALLEST <= size <= limit - place:
        return None
    return Record(place, size, number)


def _next(data: bytearray, place: int, limit: int) -> int:
    """The next place where there is a record beyond doubt: its size stands at its end, too."""
    while (place := data.find(RECORD_MAGIC, place, limit)) >= 0:
        found = _record(data, place, limit)
        if found is not None and struct.unpack_from("<I", data, place + found.size - 4)[0] == found.size:
            return place
        place += 4
    return -1


def _why(data: bytearray, place: int, limit: int) -> str:
    if data[place : place + 4] != RECORD_MAGIC:
        return "no record where one should begin"
    (size,) = struct.unpack_from("<I", data, place + 4)
    if size > limit - place:
        return f"a record of {size:,} bytes, of which {limit - place:,} are there"
    return f"a record whose size is given as {size:,} bytes"


def _one_chunk() -> bytes:
    """The header of a file of one chunk."""
    head = struct.pack("<8sQQQIHHHH", MAGIC, 0, 0, 1, 128, 1, 3, HEADER, 1).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(HEADER, b"\0")


_HEAD = _one_chunk()


def _parse(chunk: Chunk, data: bytearray) -> None:
    """Give each record its text. Where the parser goes no further it is led over the place: the first record of a copy of
    the chunk is made to reach up to the next one."""
    records = chunk.records
    if not records:
        return
    data[:8] = CHUNK_MAGIC
    struct.pack_into("<I", data, 40, 128)
    struct.pack_into("<I", data, 48, records[-1].offset + records[-1].size)
    start = _at_once(bytes(data), records)
    while start < len(records):
        place = records[start].offset
        bridged = data
        if place != FIRST:
            bridged = bytearray(data)
            struct.pack_into("<4sIQ", bridged, FIRST, RECORD_MAGIC, place - FIRST, _BRIDGE)
        reached = _run(bytes(bridged), records, start)
        if reached == start:
            records[reached].error = records[reached].error or "the parser does not get to it"
            reached += 1
        start = reached


def _at_once(data: bytes, records: list[Record]) -> int:
    """Parse a chunk with which nothing is wrong: the number of its records, or 0 where something is."""
    from evtx import PyEvtxParser

    try:
        rows: list[Any] = list(PyEvtxParser(io.BytesIO(_HEAD + data), 1).records_json())
    except BaseException as error:  # noqa: BLE001
        _is_defect(error)
        return 0
    if len(rows) != len(records):
        return 0
    for record, row in zip(records, rows, strict=True):
        if record.number != row["event_record_id"]:
            return 0
        record.text = row["data"]
    return len(records)


def _run(data: bytes, records: list[Record], start: int) -> int:
    """Parse as far as it goes; the place of the first record that was not reached."""
    from evtx import PyEvtxParser

    place = start
    try:
        rows = iter(PyEvtxParser(io.BytesIO(_HEAD + data), 1).records_json())
    except BaseException as error:  # noqa: BLE001
        _is_defect(error)
        records[place].error = _said(error)
        return place
    skips = records[start].offset != FIRST
    while True:
        try:
            row: Any = next(rows, None)
        except RuntimeError as error:
            if skips:
                skips = False  # the bridge: what it says is not asked for
                continue
            said = _said(error)
            if place >= len(records) or f"record number {records[place].number}:" not in said:
                return place  # not of the record: of the way to it
            records[place].error = said
            place += 1
            continue
        except BaseException as error:  # noqa: BLE001
            _is_defect(error)
            if skips or place >= len(records):
                return place
            records[place].error = _said(error)
            return place + 1
        if row is None:
            return place
        skips = False
        number = row["event_record_id"]
        if number == _BRIDGE:
            continue
        at = place
        while at < len(records) and records[at].number != number:
            at += 1
        if at < len(records):
            for missed in records[place:at]:
                missed.error = missed.error or "the parser passes over it"
            records[at].text = row["data"]
            place = at + 1


def _is_defect(error: BaseException) -> None:
    """A panic of the parser is no `Exception`; what the user or the interpreter raises is not the file's."""
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)):
        raise error


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
