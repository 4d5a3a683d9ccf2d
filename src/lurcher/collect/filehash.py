"""All digests of a file in one pass: of the whole, and Authenticode's, which leaves three places out.

Source: "Windows Authenticode Portable Executable Signature Format", section "Calculating the PE Image Hash". Windows (and everyone
else) hashes the file from front to end without the checksum, the certificate table's directory entry, and the table itself; for
files with ordered sections, which is all that linkers write, this is what the specification's walk over the sections gives. What
comes after the table is hashed, so that something appended to a signed file does not go unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lurcher.collect.pe import File, Headers, PeError

#: What is read at a time, into one buffer: it stays in the processor's cache from one digest to the next.
CHUNK = 256 * 1024
#: hashlib's names of the digests that a signature may be over.
IMAGE_DIGESTS = frozenset({"md5", "sha1", "sha256", "sha384", "sha512"})


@dataclass(frozen=True, slots=True)
class FileHashes:
    """Lower-case hex of the whole file's digests, by hashlib's name; `image` holds Authenticode's as octets."""

    whole: dict[str, str]
    image: dict[str, bytes]


def left_out(headers: Headers) -> list[tuple[int, int]]:
    """The parts [start, end) of the file that Authenticode's digest leaves out, in order and without overlap."""
    parts = [(headers.checksum_at, headers.checksum_at + 4)]
    if headers.certificates_entry_at is not None:
        parts.append((headers.certificates_entry_at, headers.certificates_entry_at + 8))
    offset, size = headers.certificates
    if size:
        parts.append((offset, offset + size))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def hash_file(
    file: File, size: int, headers: Headers, whole_digests: Iterable[str], image_digests: Iterable[str]
) -> FileHashes:
    """The digests of a file of that size. Raises `PeError` where the file has become shorter or longer meanwhile."""
    whole = {n: hashlib.new(n, usedforsecurity=False) for n in whole_digests}
    image = {n: hashlib.new(n, usedforsecurity=False) for n in image_digests if n in IMAGE_DIGESTS}
    gaps = left_out(headers) if image else []
    everywhere = [*whole.values(), *image.values()]
    at = 0
    for view in _pieces(file):
        end = at + len(view)
        if image and any(first < end and last > at for first, last in gaps):
            for digest in whole.values():
                digest.update(view)
            kept = 0
            for first, last in gaps:
                first, last = max(first - at, 0), min(last - at, len(view))
                if first >= last:
                    continue
                for digest in image.values():
                    digest.update(view[kept:first])
                kept = last
            for digest in image.values():
                digest.update(view[kept:])
        else:
            for digest in everywhere:
                digest.update(view)
        at = end
        if at > size:
            break
    if at != size:
        raise PeError("the file was changed while it was read")
    return FileHashes({n: d.hexdigest() for n, d in whole.items()}, {n: d.digest() for n, d in image.items()})


def hash_whole(file: File, size: int, names: Iterable[str]) -> dict[str, str]:
    """The digests (lower-case hex) of a file of that size. Raises `PeError` as `hash_file` does."""
    whole = {n: hashlib.new(n, usedforsecurity=False) for n in names}
    at = 0
    for view in _pieces(file):
        at += len(view)
        for digest in whole.values():
            digest.update(view)
        if at > size:
            break
    if at != size:
        raise PeError("the file was changed while it was read")
    return {n: d.hexdigest() for n, d in whole.items()}


def _pieces(file: File) -> Iterator[memoryview]:
    """The file from its beginning. A piece is good until the next one is asked for."""
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    file.seek(0)
    while count := file.readinto(buffer):
        yield view[:count]
