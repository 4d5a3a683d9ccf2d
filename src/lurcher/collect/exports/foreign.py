"""Files that are known, and not read: what a user is told of them."""

from __future__ import annotations

_UNPACK = "unpack it first"
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"MSCF", "a cabinet", _UNPACK),
    (b"\x04\x22\x4d\x18", "an LZ4 archive", _UNPACK),
    (
        b"\0\0\0\0LfLe",
        "an event log of Windows before Vista",
        "convert it first: wevtutil epl OLD.evt NEW.evtx /lf:true",
    ),
    (
        b"\x30\0\0\0LfLe",
        "an event log of Windows before Vista",
        "convert it first: wevtutil epl OLD.evt NEW.evtx /lf:true",
    ),
    (b"MZ", "a program", "its signature is collected with: lurcher collect signatures"),
    (b"#separator", "a Zeek log", "write it as JSON (LogAscii::use_json=T), and name a table: --table"),
    (b"regf", "a registry hive", ""),
    (b"SQLite format 3\0", "an SQLite database", "export its tables as CSV"),
    (b"EVF\x09", "a disk image", "mount it, and add what is in it"),
    (b"conectix", "a disk image", "mount it, and add what is in it"),
    (b"vhdxfile", "a disk image", "mount it, and add what is in it"),
    (b"\xd0\xcf\x11\xe0", "an OLE document", ""),
    (b"%PDF", "a PDF", ""),
    (b"\x89PNG", "a picture", ""),
    (b"Obj\x01", "an Avro file", "as Event Hubs Capture writes it: export it as JSON lines"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture", ""),
    (b"\x0a\x0d\x0d\x0a", "a packet capture", ""),
)


def foreign(head: bytes) -> tuple[str, str]:
    """What a file is that cannot be taken, and a way out."""
    for start, what, hint in _STARTS:
        if head.startswith(start):
            return f"{what}, which is not read", hint
    return "of no format that is known here", ""
