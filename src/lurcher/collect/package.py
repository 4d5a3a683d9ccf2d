"""Signatures of app packages (.appx, .msix and bundles of them): a member `AppxSignature.p7x` of the zip.

What is signed is five digests under four-letter names: AXPC of the members as they lie in the file, AXCD of the zip's directory
as it was before the signature came in, AXCT of `[Content_Types].xml`, AXBM of `AppxBlockMap.xml`, AXCI of
`AppxMetadata/CodeIntegrity.cat` where there is one. Microsoft has not published it: `osslsigncode` agrees (tests).
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

from lurcher.collect.authenticode import SIP_INFO, Signature, Signatures, read_blob
from lurcher.collect.filehash import CHUNK, IMAGE_DIGESTS
from lurcher.collect.pe import MAX_CERTIFICATE_TABLE, PeError, Reader
from lurcher.collect.subjects import Subject

MAGIC = b"PK\x03\x04"

_MAX_DIRECTORY = 32 * 1024 * 1024
_MAX_MEMBERS = 200_000
#: A member that is digested by what it holds; the largest block maps have some MiB.
_MAX_MEMBER = 64 * 1024 * 1024

_SIGNATURE = b"AppxSignature.p7x"
_KINDS = {b"AppxManifest.xml": "app package", b"AppxMetadata/AppxBundleManifest.xml": "app bundle"}
_HOLDS = {
    b"AXCT": b"[Content_Types].xml",
    b"AXBM": b"AppxBlockMap.xml",
    b"AXCI": b"AppxMetadata/CodeIntegrity.cat",
}
_NOT_SIGNED = Signatures(())
_NAMES = (".appx", ".msix", ".appxbundle", ".msixbundle")


@dataclass(frozen=True, slots=True)
class _Member:
    offset: int
    packed: int
    size: int
    method: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Zip:
    """The directory of a zip; `at` is where it begins, `end` its closing record, `end64` the one for large files and its
    locator."""

    members: dict[bytes, _Member] = field(repr=False)
    at: int
    end: bytes = field(repr=False)
    end64: bytes = field(repr=False)


def read(reader: Reader, file_name: str) -> Subject | None:
    """None for any other zip."""
    try:
        archive = _directory(reader)
    except PeError:
        if file_name.lower().endswith(_NAMES):
            raise
        return None
    kind = next((k for name, k in _KINDS.items() if name in archive.members), None)
    if kind is None:
        return None
    member = archive.members.get(_SIGNATURE)
    if member is None:
        return Subject(kind, _NOT_SIGNED, lambda _: None)
    try:
        blob = _content(reader, member, MAX_CERTIFICATE_TABLE)
        if not blob.startswith(b"PKCX"):
            raise PeError("the signature does not begin as one")
        signatures = read_blob(blob[4:], frozenset({SIP_INFO}))
    except PeError as error:
        signatures = Signatures((), (str(error),))
    return Subject(
        kind,
        signatures,
        lambda s: _agrees(reader, archive, member, s),
        "the package is laid out in a way whose digest is not known",
    )


def _agrees(reader: Reader, archive: _Zip, signature: _Member, stated: Signature) -> bool | None:
    name, blob = stated.digest_name, stated.file_digest
    if name not in IMAGE_DIGESTS or blob[:4] != b"APPX":
        return None
    length = hashlib.new(name, usedforsecurity=False).digest_size + 4
    parts = {blob[i : i + 4]: blob[i + 4 : i + length] for i in range(4, len(blob), length)}
    wanted = {b"AXPC", b"AXCD", b"AXCT", b"AXBM"} | ({b"AXCI"} if _HOLDS[b"AXCI"] in archive.members else set())
    if set(parts) != wanted or (len(blob) - 4) % length:
        return False
    for tag, member_name in _HOLDS.items():
        if tag in parts:
            member = archive.members.get(member_name)
            if member is None or _digest(name, _content(reader, member, _MAX_MEMBER)) != parts[tag]:
                return False
    last = max(m.offset for m in archive.members.values()) == signature.offset
    if not last:
        return None
    if _of_members(reader, name, signature.offset) != parts[b"AXPC"]:
        return False
    return _digest(name, _directory_before(archive, signature)) == parts[b"AXCD"]


def _of_members(reader: Reader, name: str, end: int) -> bytes:
    digest = hashlib.new(name, usedforsecurity=False)
    at = 0
    while at < end:
        length = min(CHUNK, end - at)
        digest.update(reader.at(at, length, "the package"))
        at += length
    return digest.digest()


def _directory_before(archive: _Zip, signature: _Member) -> bytes:
    """The directory as it was before the signature was a member: without it, and with the counts and places of then."""
    kept = [m.raw for m in archive.members.values() if m is not signature]
    size, count, at = sum(map(len, kept)), len(kept), signature.offset
    out = b"".join(kept)
    if archive.end64:
        record, locator = bytearray(archive.end64[:-20]), bytearray(archive.end64[-20:])
        record[24:32] = record[32:40] = count.to_bytes(8, "little")
        record[40:48] = size.to_bytes(8, "little")
        record[48:56] = at.to_bytes(8, "little")
        locator[8:16] = (at + size).to_bytes(8, "little")
        out += bytes(record + locator)
    end = bytearray(archive.end)
    end[4:8] = bytes(4)
    for place, length, value in ((8, 2, count), (10, 2, count), (12, 4, size), (16, 4, at)):
        if end[place : place + length] != b"\xff" * length:
            end[place : place + length] = (value & ((1 << 8 * length) - 1)).to_bytes(length, "little")
    return out + bytes(end)


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def _content(reader: Reader, member: _Member, limit: int) -> bytes:
    """What a member holds. Raises `PeError` where it is larger than it says, or than `limit`."""
    if member.size > limit or member.packed > limit:
        raise PeError(f"a member of more than {limit >> 20} MiB")
    head = reader.at(member.offset, 30, "a member's header")
    if head[:4] != b"PK\x03\x04":
        raise PeError("a member is not where the directory says")
    begin = member.offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    packed = reader.at(begin, member.packed, "a member")
    if member.method == 0:
        return packed
    if member.method != 8:
        raise PeError(f"a member is packed by method {member.method}")
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise PeError(f"a member cannot be unpacked: {error}") from None
    if len(content) != member.size:
        raise PeError("a member is of another size than the directory says")
    return content


def _directory(reader: Reader) -> _Zip:
    tail_at = max(0, reader.size - 65_557)
    tail = reader.at(tail_at, reader.size - tail_at, "the end of the zip")
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + 22 > len(tail):
        raise PeError("a zip without its directory")
    end = tail[place:]
    count, size, at = (int.from_bytes(end[i : i + n], "little") for i, n in ((10, 2), (12, 4), (16, 4)))
    end64 = b""
    locator_at = tail_at + place - 20
    if locator_at >= 56:
        locator = reader.at(locator_at, 20, "the zip's locator")
        record_at = int.from_bytes(locator[8:16], "little")
        if locator[:4] == b"PK\x06\x07" and record_at < locator_at and locator_at - record_at <= 4096:
            end64 = reader.at(record_at, locator_at - record_at, "the zip's end record") + locator
            if end64[:4] != b"PK\x06\x06" or len(end64) < 76:
                raise PeError("the zip's end record is malformed")
            count, size, at = (int.from_bytes(end64[i : i + 8], "little") for i in (32, 40, 48))
    if size > _MAX_DIRECTORY or count > _MAX_MEMBERS:
        raise PeError("a zip with a directory that is too large")
    data = reader.at(at, size, "the zip's directory")
    members: dict[bytes, _Member] = {}
    i = 0
    while i + 46 <= len(data) and data[i : i + 4] == b"PK\x01\x02":
        lengths = [int.from_bytes(data[i + p : i + p + 2], "little") for p in (28, 30, 32)]
        stop = i + 46 + sum(lengths)
        raw = data[i:stop]
        name = raw[46 : 46 + lengths[0]]
        if name in members:
            raise PeError("a zip with two members of one name")
        members[name] = _member(raw, raw[46 + lengths[0] : 46 + lengths[0] + lengths[1]])
        i = stop
    if len(members) != count or i != len(data):
        raise PeError("the zip's directory is malformed")
    return _Zip(members, at, end, end64)


def _member(raw: bytes, extra: bytes) -> _Member:
    packed, size, offset = (int.from_bytes(raw[i : i + 4], "little") for i in (20, 24, 42))
    large: list[int] = []
    at = 0
    while at + 4 <= len(extra):
        kind, length = (int.from_bytes(extra[at + i : at + i + 2], "little") for i in (0, 2))
        if kind == 1:
            body = extra[at + 4 : at + 4 + length]
            large = [int.from_bytes(body[i : i + 8], "little") for i in range(0, len(body) - 7, 8)]
        at += 4 + length
    values = []
    for value in (size, packed, offset):
        values.append(large.pop(0) if value == 0xFFFFFFFF and large else value)
    return _Member(values[2], values[1], values[0], int.from_bytes(raw[10:12], "little"), raw)
