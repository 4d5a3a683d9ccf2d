"""Event logs made from the description of the format (libyal, "Windows XML Event Log (EVTX) format"): no templates, each text
in its record; what a test needs to damage at a known place."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime

CHUNK = 65_536
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def event_xml(
    number: int,
    event_id: int = 1,
    provider: str = "Microsoft-Windows-Sysmon",
    channel: str = "Microsoft-Windows-Sysmon/Operational",
    computer: str = "pc.example.org",
    time: str = "2026-01-02T03:04:05.123456Z",
    data: dict[str, str] | None = None,
) -> tuple:
    """An element: (name, attributes, children or text)."""
    return (
        "Event",
        {},
        [
            (
                "System",
                {},
                [
                    ("Provider", {"Name": provider}, []),
                    ("EventID", {}, str(event_id)),
                    ("Level", {}, "4"),
                    ("TimeCreated", {"SystemTime": time}, []),
                    ("EventRecordID", {}, str(number)),
                    ("Channel", {}, channel),
                    ("Computer", {}, computer),
                ],
            ),
            ("EventData", {}, [("Data", {"Name": n}, v) for n, v in (data or {"Image": f"C:\\{number}.exe"}).items()]),
        ],
    )


def _name(name: str) -> bytes:
    code = 0
    for letter in name:
        code = (code * 65599 + ord(letter)) & 0xFFFF_FFFF
    return struct.pack("<IHH", 0, code & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _element(element: tuple, place: int) -> bytes:
    """An element of binary XML that begins at a place of its chunk; outside of templates it has no dependency."""
    name, attributes, inside = element
    out = _name(name)
    if attributes:
        at, listed = place + 9 + len(out) + 4, b""
        for left, (key, value) in zip(range(len(attributes) - 1, -1, -1), attributes.items(), strict=True):
            listed += struct.pack("<BI", 0x46 if left else 0x06, at + len(listed) + 5) + _name(key) + _text(value)
        out += struct.pack("<I", len(listed)) + listed
    body = b"\x02"
    if isinstance(inside, str):
        body += _text(inside)
    else:
        for child in inside:
            body += _element(child, place + 9 + len(out) + len(body))
    body += b"\x04"
    token = 0x41 if attributes else 0x01
    return struct.pack("<BII", token, 4 + len(out) + len(body), place + 9) + out + body


def _text(value: str) -> bytes:
    return struct.pack("<BBH", 0x05, 0x01, len(value)) + value.encode("utf-16-le")


def record(number: int, element: tuple, place: int, when: datetime = datetime(2026, 1, 2, tzinfo=UTC)) -> bytes:
    """A record that begins at a place of its chunk."""
    ticks = int((when - _EPOCH).total_seconds()) * 10_000_000
    content = b"\x0f\x01\x01\x00" + _element(element, place + 28) + b"\x00"
    size = 24 + len(content) + 4
    content += b"\0" * (-size % 8)
    size = 24 + len(content) + 4
    return struct.pack("<4sIQQ", b"**\0\0", size, number, ticks) + content + struct.pack("<I", size)


def chunk(elements: dict[int, tuple]) -> bytes:
    """A chunk of records: number -> element."""
    body = b""
    last = 512
    for number, element in elements.items():
        last = 512 + len(body)
        body += record(number, element, last)
    end = 512 + len(body)
    assert end <= CHUNK, "too much for a chunk"
    first, final = (min(elements), max(elements)) if elements else (0, 0)
    return seal((_chunk_head(first, final, last, end) + body).ljust(CHUNK, b"\0"))


def _chunk_head(first: int, final: int, last: int, end: int) -> bytes:
    head = struct.pack("<8sQQQQIIII", b"ElfChnk\0", first, final, first, final, 128, last, end, 0)
    return head.ljust(512, b"\0")


def seal(data: bytes) -> bytes:
    """The chunk with its checksums."""
    (end,) = struct.unpack_from("<I", data, 48)
    out = bytearray(data)
    struct.pack_into("<I", out, 52, zlib.crc32(out[512:end]))
    struct.pack_into("<I", out, 124, zlib.crc32(bytes(out[:120]) + bytes(out[128:512])))
    return bytes(out)


def header(chunks: int, next_record: int, flags: int = 0) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, max(chunks - 1, 0), next_record, 128, 1, 3, 4096, chunks)
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", flags, zlib.crc32(head))).ljust(4096, b"\0")


def log(records: int, per_chunk: int = 20, flags: int = 0, **more: object) -> bytes:
    """A log of so many records of Sysmon, numbered from 1."""
    numbers = list(range(1, records + 1))
    parts = [numbers[i : i + per_chunk] for i in range(0, records, per_chunk)]
    chunks = [chunk({n: event_xml(n, **more) for n in part}) for part in parts]  # type: ignore[arg-type]
    return header(len(chunks), records + 1, flags) + b"".join(chunks)
