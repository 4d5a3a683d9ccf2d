"""Small PE files with version information, made from nothing: 64-bit programs that do nothing but exit.

    program = make_pe({"CompanyName": "NinjaOne LLC", "OriginalFilename": "NinjaRMMAgent.exe"}, payload=b"build 7")

The same arguments give the same bytes. `signing` signs them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_FILE_ALIGNMENT = 512
_SECTION_ALIGNMENT = 4096
_HEADERS = 1024

#: xor eax, eax; ret
_CODE = b"\x31\xc0\xc3"


def make_pe(
    version_info: Mapping[str, str] | None = None, payload: bytes = b"", *, machine: int = 0x8664, overlay: bytes = b""
) -> bytes:
    """A PE32+ program. `version_info` maps the resource's own names (CompanyName, ProductName, ProductVersion, FileVersion,
    InternalName, OriginalFilename, FileDescription) to texts; `payload` lies in a data section, `overlay` behind all sections,
    of any length."""
    sections: list[tuple[bytes, bytes, int]] = [(b".text", _CODE, 0x60000020)]
    if payload:
        sections.append((b".data", payload, 0xC0000040))
    resources = (0, 0)
    if version_info is not None:
        address = _SECTION_ALIGNMENT * (
            1 + sum(_round(len(s[1]), _SECTION_ALIGNMENT) // _SECTION_ALIGNMENT for s in sections)
        )
        content = _resources(_version_resource(version_info), address)
        resources = (address, len(content))
        sections.append((b".rsrc", content, 0x40000040))
    rows, bodies, address, offset = b"", b"", _SECTION_ALIGNMENT, _HEADERS
    for name, content, flags in sections:
        size = _round(len(content), _FILE_ALIGNMENT)
        rows += struct.pack("<8sIIIIIIHHI", name, len(content), address, size, offset, 0, 0, 0, 0, flags)
        bodies += content.ljust(size, b"\0")
        address += _round(len(content), _SECTION_ALIGNMENT)
        offset += size
    directories = bytearray(16 * 8)
    struct.pack_into("<II", directories, 2 * 8, *resources)
    coff = struct.pack("<HHIIIHH", machine, len(sections), 1_700_000_000, 0, 0, 112 + len(directories), 0x0022)
    optional = struct.pack(
        "<HBBIIIII QIIHHHHHHIIIIHH QQQQII".replace(" ", ""),
        0x20B, 14, 0, _FILE_ALIGNMENT, len(bodies), 0, _SECTION_ALIGNMENT, _SECTION_ALIGNMENT,
        0x140000000, _SECTION_ALIGNMENT, _FILE_ALIGNMENT, 6, 0, 0, 0, 6, 0, 0, address, _HEADERS, 0, 3, 0x8160,
        0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )  # fmt: skip
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    headers = dos + b"PE\0\0" + coff + optional + bytes(directories) + rows
    return headers.ljust(_HEADERS, b"\0") + bodies + overlay


def tamper(signed: bytes, at: int = _HEADERS) -> bytes:
    """The file with one octet of its code changed, its signature left as it was."""
    return signed[:at] + bytes([signed[at] ^ 0xFF]) + signed[at + 1 :]


def _round(number: int, to: int) -> int:
    return (number + to - 1) // to * to


def _resources(content: bytes, address: int) -> bytes:
    """A resource section with one entry: version (16), name 1, English (1033)."""
    tree = b""
    for entry, target in ((16, 0x80000018), (1, 0x80000030), (1033, 0x48)):
        tree += struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, entry, target)
    return tree + struct.pack("<IIII", address + len(tree) + 16, len(content), 0, 0) + content


def _block(key: str, children: list[bytes], value: bytes = b"", *, text: bool = False) -> bytes:
    """A block of the version resource: length, value's length, kind, key, value, children, each aligned to 4."""
    head = key.encode("utf-16-le") + b"\0\0"
    head = head.ljust(_round(6 + len(head), 4) - 6, b"\0")
    body = head + value
    for child in children:
        body = body.ljust(_round(6 + len(body), 4) - 6, b"\0") + child
    return struct.pack("<HHH", 6 + len(body), len(value) // 2 if text else len(value), int(text)) + body


def _version_resource(strings: Mapping[str, str]) -> bytes:
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, 0x10000, 0, 0x10000, 0, 0x3F, 0, 0x40004, 1, 0, 0, 0)
    entries = [_block(name, [], value.encode("utf-16-le") + b"\0\0", text=True) for name, value in strings.items()]
    table = _block("StringFileInfo", [_block("040904b0", entries, text=True)], text=True)
    translation = _block("VarFileInfo", [_block("Translation", [], struct.pack("<HH", 1033, 1200))], text=True)
    return _block("VS_VERSION_INFO", [table, translation], fixed)
