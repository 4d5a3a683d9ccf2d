"""The headers of PE files (EXE, DLL, SYS, ...), read with few small reads and believed in nothing.

Source: "PE Format" (Microsoft). A file is a PE file here when it has the two magic numbers; from there on what does not fit is
a `PeError`, which says what is wrong with it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

#: What is read first. The headers of nearly every file are in it.
PREFIX = 1024
#: What is read beyond a short piece, as the next one is mostly near: on a share, a read is a journey.
AHEAD = 4096
#: A certificate table of more than this is refused. The biggest honest ones (drivers with page hashes) have 2 MiB.
MAX_CERTIFICATE_TABLE = 16 * 1024 * 1024
MAX_SECTIONS = 256

_MACHINES = {0x014C: "x86", 0x8664: "x64", 0xAA64: "ARM64", 0x01C0: "ARM", 0x01C4: "ARM", 0x0200: "IA64"}

_RESOURCES, _CERTIFICATES = 2, 4

#: VirtualSize, VirtualAddress, SizeOfRawData, PointerToRawData.
_SECTION = struct.Struct("<8x4I16x")


class PeError(ValueError):
    """A file that is malformed or cut off; the text says where."""


class File(Protocol):
    """A file opened for reading: unbuffered, or `io.BytesIO`."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def read(self, size: int = -1, /) -> bytes | None: ...

    def readinto(self, buffer: bytearray, /) -> int | None: ...


class Reader:
    """Reads at offsets, never outside of the file."""

    def __init__(self, file: File, size: int) -> None:
        self.file = file
        self.size = size
        self._prefix = self._read(0, min(PREFIX, size))
        self._near, self._near_at = b"", 0

    def at(self, offset: int, length: int, what: str) -> bytes:
        """Exactly these bytes."""
        end = offset + length
        if end <= len(self._prefix):
            return self._prefix[offset:end]
        if end > self.size:
            raise PeError(f"{what} is outside of the file")
        if length > AHEAD:
            return self._read(offset, length)
        at = self._near_at
        if offset < at or end > at + len(self._near):
            self._near, self._near_at = self._read(offset, min(AHEAD, self.size - offset)), offset
            at = offset
        return self._near[offset - at : end - at]

    def _read(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        parts: list[bytes] = []
        while length:
            part = self.file.read(length)
            if not part:
                raise PeError("the file ends before its size: it was changed while it was read")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Section:
    address: int
    virtual_size: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Headers:
    """What is needed of a PE file's headers. Offsets and sizes are octets in the file, but for `resources`, which is an address and
    a size in memory; (0, 0) where there is none. `time` is TimeDateStamp as it stands: seconds since 1970, or a hash."""

    machine: str
    time: int
    checksum_at: int
    certificates_entry_at: int | None
    certificates: tuple[int, int]
    resources: tuple[int, int]
    sections: tuple[Section, ...]
    size: int

    def offset_of(self, address: int) -> int | None:
        """Where in the file a relative virtual address is."""
        for section in self.sections:
            if section.address <= address < section.address + max(section.virtual_size, section.size):
                # The loader rounds the pointer down to a sector.
                return (section.offset & ~0x1FF) + address - section.address
        return address if address < self.size else None


def is_pe(reader: Reader) -> bool:
    """Whether it has the magic numbers of a PE file. DOS programs begin with the first one too."""
    if reader.size < 64 or reader.at(0, 2, "") != b"MZ":
        return False
    at = int.from_bytes(reader.at(60, 4, ""), "little")
    return 0 < at <= reader.size - 4 and reader.at(at, 4, "") == b"PE\0\0"


def read_headers(reader: Reader) -> Headers:
    """The headers of a file for which `is_pe` holds. Raises `PeError`."""

    def number(data: bytes, at: int, length: int = 4) -> int:
        return int.from_bytes(data[at : at + length], "little")

    start = number(reader.at(60, 4, ""), 0) + 4
    coff = reader.at(start, 20, "the file header")
    sections_count, optional_size = number(coff, 2, 2), number(coff, 16, 2)
    optional_at = start + 20
    optional = reader.at(optional_at, optional_size, "the optional header")
    magic = number(optional, 0, 2)
    if magic not in (0x10B, 0x20B):
        raise PeError(f"an optional header of unknown kind {magic:#06x}")
    directories_at = 96 if magic == 0x10B else 112
    if optional_size < directories_at:
        raise PeError("an optional header that is cut off")
    # The count is believed only as far as the header reaches.
    count = min(number(optional, directories_at - 4), (optional_size - directories_at) // 8)

    def directory(index: int) -> tuple[int, int]:
        if index >= count:
            return 0, 0
        at = directories_at + 8 * index
        return number(optional, at), number(optional, at + 4)

    table = reader.at(optional_at + optional_size, 40 * min(sections_count, MAX_SECTIONS), "the section table")
    sections = tuple(
        Section(address, virtual, offset, size) for virtual, address, size, offset in _SECTION.iter_unpack(table)
    )
    return Headers(
        machine=_MACHINES.get(number(coff, 0, 2), f"{number(coff, 0, 2):#06x}"),
        time=number(coff, 4),
        checksum_at=optional_at + 64,
        certificates_entry_at=optional_at + directories_at + 8 * _CERTIFICATES if count > _CERTIFICATES else None,
        certificates=directory(_CERTIFICATES),
        resources=directory(_RESOURCES),
        sections=sections,
        size=number(optional, 60),
    )


def certificate_table(reader: Reader, headers: Headers) -> bytes:
    """The attribute certificate table, empty where there is none. Its data directory holds a file offset, not an address. Raises
    `PeError` where it cannot be there."""
    offset, size = headers.certificates
    if size == 0:
        return b""
    if size > MAX_CERTIFICATE_TABLE:
        raise PeError(f"the certificate table has {size} bytes, more than {MAX_CERTIFICATE_TABLE} are not read")
    return reader.at(offset, size, "the certificate table")
