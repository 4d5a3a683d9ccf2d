"""What a file says it is: the version resource (VS_VERSIONINFO) of a PE file.

Anyone can write anything here. It is worth reading because most do not bother to change it: a renamed tool still says what it was.
Source: "VS_VERSIONINFO structure", "The .rsrc Section" (Microsoft).
"""

from __future__ import annotations

import struct

from lurcher.collect.pe import Headers, PeError, Reader

#: The strings that are kept, in Windows' spelling -> in Defender's (its column names end so: ProcessVersionInfoInternalFileName).
STRINGS = {
    "CompanyName": "CompanyName",
    "ProductName": "ProductName",
    "ProductVersion": "ProductVersion",
    "InternalName": "InternalFileName",
    "OriginalFilename": "OriginalFileName",
    "FileDescription": "FileDescription",
    "FileVersion": "FileVersion",
}

#: How the keys of these begin.
_WANTED = frozenset(name[:5].encode("utf-16-le") for name in STRINGS)

_HEAD = struct.Struct("<HHH")
_RT_VERSION = 16
_MAX_RESOURCE = 64 * 1024
_MAX_ENTRIES = 4096
#: Characters that are kept of one string.
MAX_STRING = 2048


def read_version_info(reader: Reader, headers: Headers) -> dict[str, str]:
    """Defender's name -> value, of the first language that the resource has; empty where it has none. Raises `PeError` where the
    resource is malformed."""
    address, size = headers.resources
    if not address or not size:
        return {}
    base = headers.offset_of(address)
    if base is None:
        raise PeError("the resources are outside of the sections")
    found = _data_entry(reader, base)
    if found is None:
        return {}
    address, size = found
    offset = headers.offset_of(address)
    if offset is None:
        raise PeError("the version resource is outside of the sections")
    return parse(reader.at(offset, min(size, _MAX_RESOURCE), "the version resource"))


def _data_entry(reader: Reader, base: int) -> tuple[int, int] | None:
    """(address, size) of the version resource. Its tree has three levels: type, name, language."""
    at = 0
    for level in range(3):
        head = reader.at(base + at, 16, "a resource directory")
        named, numbered = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
        count = min(named + numbered, _MAX_ENTRIES)
        entries = reader.at(base + at + 16, 8 * count, "a resource directory")
        for i in range(0, len(entries), 8):
            name = int.from_bytes(entries[i : i + 4], "little")
            target = int.from_bytes(entries[i + 4 : i + 8], "little")
            if level > 0 or name == _RT_VERSION:
                break
        else:
            return None
        if bool(target & 0x80000000) != (level < 2):
            raise PeError("the version resource is at the wrong level")
        at = target & 0x7FFFFFFF
    entry = reader.at(base + at, 16, "a resource's data entry")
    return int.from_bytes(entry[0:4], "little"), int.from_bytes(entry[4:8], "little")


def parse(data: bytes) -> dict[str, str]:
    """The strings of a VS_VERSIONINFO."""
    key, body, end, _ = _block(data, 0, len(data))
    if key != "VS_VERSION_INFO":
        raise PeError("the version resource does not begin with VS_VERSION_INFO")
    for kind, first, last, _ in _blocks(data, body, end):
        if kind != "StringFileInfo":
            continue
        for _, start, stop, _ in _blocks(data, first, last):
            found = {
                STRINGS[name]: value for name, _, _, value in _blocks(data, start, stop, _WANTED) if name in STRINGS
            }
            if found:
                return found
    return {}


_Block = tuple[str, int, int, str]


def _blocks(data: bytes, at: int, end: int, wanted: frozenset[bytes] | None = None) -> list[_Block]:
    """The blocks between two places; `wanted`: of those, only the ones whose key begins so."""
    found: list[_Block] = []
    seen = 0
    while at + 6 <= end and seen < 256:
        length = data[at] | data[at + 1] << 8
        if not length:
            at += 4  # Some compilers leave empty words between.
            continue
        seen += 1
        if wanted is not None and length >= 6 and data[at + 6 : at + 16] not in wanted:
            at = (min(at + length, end) + 3) & ~3
            continue
        block = _block(data, at, end)
        found.append(block)
        at = (block[2] + 3) & ~3
    return found


def _block(data: bytes, at: int, end: int) -> _Block:
    """A block's key, where its children begin and end, and its value as text. All is aligned to 4 from the resource's start."""
    length, value_length, is_text = _HEAD.unpack_from(data, at) if at + 6 <= len(data) else (0, 0, 0)
    stop = min(at + length, end)
    if length < 6:
        raise PeError("a block of the version resource is too short")
    zero = data.find(b"\0\0", at + 6, stop)
    while zero >= 0 and (zero - at) % 2:  # within two characters
        zero = data.find(b"\0\0", zero + 1, stop)
    if zero < 0:
        zero = at + 6 + (stop - at - 6) // 2 * 2
    key = data[at + 6 : min(zero, stop)].decode("utf-16-le", "replace")
    value_at = min((zero + 2 + 3) & ~3, stop)
    # The length of a text is in characters, but some resource compilers wrote octets: text ends at its zero in any case.
    value_end = min(value_at + value_length * (2 if is_text else 1), stop)
    text = data[value_at : value_at + (value_end - value_at) // 2 * 2].decode("utf-16-le", "replace") if is_text else ""
    return key, min((value_end + 3) & ~3, stop), stop, text.partition("\0")[0].strip()[:MAX_STRING]
