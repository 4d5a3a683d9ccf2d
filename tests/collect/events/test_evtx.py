"""Event logs, whole and damaged: each record is an event or a reject, and what is wrong with the file is said."""

from __future__ import annotations

import io
import os
import random
import struct
from pathlib import Path

import pytest
from tests.collect.events import evtx_made as made
from tests.collect.events.evtx_made import CHUNK

from lurcher.collect.events.event import Event, Events
from lurcher.collect.exports import ReadContext, Reject, recognise
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.readers.evtx import events
from lurcher.errors import LurcherError

#: A folder with published logs.
REAL = os.environ.get("LURCHER_TELEMETRY", "")


def read(data: bytes) -> tuple[list[Event], list[Reject], list[str]]:
    leaf = Leaf("a.evtx", Path("a.evtx"), lambda: io.BytesIO(data))
    context = ReadContext(lambda _: None, "a.evtx")
    found: list[Event] = []
    rejects: list[Reject] = []
    for part in events(leaf, context):
        if isinstance(part, Events):
            found += part.events
            assert all(part.raw(i).startswith(b'{"Event"') for i in range(len(part.events)))
        else:
            rejects.append(part)
    return found, rejects, list(context.notes)


def places(data: bytes, chunk: int) -> list[int]:
    """Where the records of a chunk (from 0) are in the file."""
    base = 4096 + chunk * CHUNK
    (end,) = struct.unpack_from("<I", data, base + 48)
    found, at = [], 512
    while at < end:
        found.append(base + at)
        at += struct.unpack_from("<I", data, base + at + 4)[0]
    return found


def ids(found: list[Event]) -> list[int | None]:
    return [e.record_id for e in found]


def test_a_whole_log_is_read_and_nothing_is_said_of_it() -> None:
    found, rejects, notes = read(made.log(45))
    assert ids(found) == list(range(1, 46))
    assert (rejects, notes) == ([], [])
    assert len({e.identity for e in found}) == 45
    assert found[6]._replace(identity=None) == Event(
        position=7,
        time="2026-01-02T03:04:05.123456Z",
        provider="Microsoft-Windows-Sysmon",
        event_id=1,
        channel="Microsoft-Windows-Sysmon/Operational",
        computer="pc.example.org",
        record_id=7,
        data={"Image": "C:\\7.exe"},
        level=4,
    )


def test_it_is_recognised_by_its_magic_or_its_first_chunk() -> None:
    data = made.log(3)
    for content in (data, b"\0" * 4096 + data[4096:]):
        kind = recognise(Leaf("x", Path("x"), lambda content=content: io.BytesIO(content)))
        assert kind is not None
        assert kind.name == "evtx"


def test_a_log_cut_at_the_end_of_a_chunk() -> None:
    found, rejects, notes = read(made.log(45)[: 4096 + CHUNK])
    assert ids(found) == list(range(1, 21))
    assert rejects == []
    assert notes == ["cut: 1 of 3 chunks are there", "25 records missing: 21-45"]


def test_a_log_cut_within_a_record() -> None:
    data = made.log(45)
    cut = places(data, 1)[10] + 40
    found, rejects, notes = read(data[:cut])
    assert ids(found) == list(range(1, 31))
    assert [r.unit for r in rejects] == ["chunk"]
    assert "of which 40 are there" in rejects[0].reason
    assert notes[0] == "cut: 2 of 3 chunks are there"
    assert any(n.startswith("chunk 2: cut after") for n in notes)
    assert notes[-1] == "15 records missing: 31-45"


def test_a_damaged_record_costs_itself() -> None:
    data = bytearray(made.log(20))
    at = places(bytes(data), 0)[4]
    data[at + 24 : at + 40] = b"\xff" * 16
    found, rejects, notes = read(bytes(data))
    assert ids(found) == [n for n in range(1, 21) if n != 5]
    (reject,) = rejects
    assert (reject.unit, reject.position) == ("record", 5)
    assert reject.reason.startswith("record 5 of chunk 1: Failed to parse record number 5")
    assert reject.raw.startswith(b"2a2a0000")
    assert notes == ["chunk 1: the checksum of its records is wrong"]
    assert [e.position for e in found] == [n for n in range(1, 21) if n != 5]


@pytest.mark.parametrize("what", ["magic", "size", "larger", "zeros"])
def test_records_behind_a_damaged_one_are_found_again(what: str) -> None:
    data = bytearray(made.log(20))
    starts = places(bytes(data), 0)
    at, after = starts[4], starts[5]
    match what:
        case "magic":
            data[at : at + 4] = b"XXXX"
        case "size":
            struct.pack_into("<I", data, at + 4, 7)
        case "larger":
            struct.pack_into("<I", data, at + 4, 0x7FFF_FFFF)
        case _:
            data[at:after] = bytes(after - at)
    found, rejects, notes = read(bytes(data))
    assert ids(found) == [n for n in range(1, 21) if n != 5]
    (reject,) = rejects
    assert reject.unit == "chunk"
    assert reject.reason.startswith(f"chunk 1, from byte {at - 4096:,}: ")
    assert len(reject.raw) == 2 * (after - at)
    assert "1 record missing: 5" in notes


def test_a_chunk_that_is_none_is_told_and_the_next_one_is_read() -> None:
    data = made.log(60)
    data = data[: 4096 + CHUNK] + random.Random(1).randbytes(CHUNK) + data[4096 + 2 * CHUNK :]
    found, rejects, notes = read(data)
    assert ids(found) == [*range(1, 21), *range(41, 61)]
    assert [(r.unit, r.position, r.reason) for r in rejects] == [
        ("chunk", 2, "chunk 2: 65,536 bytes that are no chunk")
    ]
    assert notes == ["cut: 2 of 3 chunks are there", "20 records missing: 21-40"]


def test_a_chunk_whose_magic_is_lost_is_read_all_the_same() -> None:
    data = bytearray(made.log(40))
    data[4096:4104] = bytes(8)
    found, rejects, notes = read(bytes(data))
    assert ids(found) == list(range(1, 41))
    assert rejects == []
    assert "chunk 1: its header is damaged" in notes


def test_bytes_put_in_between_chunks() -> None:
    data = made.log(40)
    found, rejects, _ = read(data[: 4096 + CHUNK] + b"junk" * 25 + data[4096 + CHUNK :])
    assert ids(found) == list(range(1, 41))
    assert [(r.unit, r.reason) for r in rejects] == [("chunk", "chunk 2: 100 bytes that are no chunk")]


def test_an_open_log_has_more_than_its_headers_count() -> None:
    data = bytearray(made.log(40, flags=1))
    data[:4096] = made.header(1, 21, flags=1)  # the second chunk is not counted
    starts = places(bytes(data), 1)
    struct.pack_into("<I", data, 4096 + CHUNK + 48, starts[15] - 4096 - CHUNK)  # nor the last five records in it
    found, rejects, notes = read(bytes(data))
    assert ids(found) == list(range(1, 41))
    assert rejects == []
    assert "dirty: the log was copied while it was open" in notes
    assert "its header counts 1 chunk; all 2 were read" in notes
    assert "5 records that a chunk's header does not count yet were read" in notes


def test_what_an_earlier_use_of_a_chunk_left_is_no_part_of_the_log() -> None:
    data = bytearray(made.log(20))
    (end,) = struct.unpack_from("<I", data, 4096 + 48)
    data[4096 + end : 4096 + end + 600] = made.record(7, made.event_xml(7), end).ljust(600, b"\0")[:600]
    found, rejects, notes = read(bytes(data))
    assert ids(found) == list(range(1, 21))
    assert (rejects, notes) == ([], [])


def test_a_field_that_comes_twice_is_kept_twice() -> None:
    element = ("EventData", {}, [("Data", {"Name": "LogonGuid"}, "a"), ("Data", {"Name": "LogonGuid"}, "b")])
    event = made.event_xml(1)
    event = (event[0], event[1], [event[2][0], element])
    found, _, _ = read(made.header(1, 2) + made.chunk({1: event}))
    assert found[0].data == {"LogonGuid": "a", "LogonGuid_1": "b"}


def test_a_text_that_looks_like_a_key_is_none() -> None:
    found, _, _ = read(made.log(3, data={"CommandLine": 'x "a":"b", \\":', "Image": "C:\\"}))
    assert [e.data for e in found] == [{"CommandLine": 'x "a":"b", \\":', "Image": "C:\\"}] * 3


def test_a_record_without_a_number_of_an_event_is_a_reject() -> None:
    element = ("Event", {}, [("System", {}, [("EventID", {}, "soon")])])
    found, rejects, _ = read(made.header(1, 3) + made.chunk({1: element, 2: made.event_xml(2)}))
    assert ids(found) == [2]
    assert rejects[0].reason == "record 1 of chunk 1: EventID is 'soon', no number"


def test_a_damaged_header_is_told() -> None:
    _, _, notes = read(b"\0" * 4096 + made.log(3)[4096:])
    assert notes == ["the file's header is damaged, or has no checksum"]


@pytest.mark.parametrize("size", [8, 12, 4095])
def test_a_log_that_ends_within_its_header_is_not_taken_for_an_empty_one(size: int) -> None:
    with pytest.raises(LurcherError, match=f"cut: it ends within its header, after {size:,} of 4,096 bytes"):
        read(made.log(3)[:size])


def test_whatever_is_changed_reading_ends_and_nothing_raises() -> None:
    chance = random.Random(20)
    whole = made.log(60)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(4096, len(data)) if chance.random() < 0.9 else chance.randrange(4096)
            data[at : at + chance.choice((1, 2, 4, 16))] = chance.randbytes(chance.choice((1, 4, 16)))
        if chance.random() < 0.3:
            del data[chance.randrange(4096, len(data)) :]
        found, rejects, _ = read(bytes(data))
        assert all(r.reason for r in rejects)
        assert len({e.position for e in found}) == len(found)


@pytest.mark.skipif(not REAL, reason="LURCHER_TELEMETRY names no folder of published logs")
def test_every_record_of_published_logs_is_an_event_or_a_reject() -> None:
    for path in sorted(Path(REAL).rglob("*.evtx")):
        data = path.read_bytes()
        counted = 0
        for base in range(4096, len(data), CHUNK):
            if data[base : base + 8] != b"ElfChnk\0":
                continue
            (end,) = struct.unpack_from("<I", data, base + 48)
            at = 512
            while at < end and data[base + at : base + at + 4] == b"**\0\0":
                counted += 1
                at += struct.unpack_from("<I", data, base + at + 4)[0]
        found, rejects, _notes = read(data)
        assert len(found) + len(rejects) >= counted, path
        if not rejects:
            assert len(found) == counted, path
