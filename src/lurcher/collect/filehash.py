"""All digests of a file in one pass: of the whole, and Authenticode's, which leaves three places out.

Source: "Windows Authenticode Portable Executable Signature Format", section "Calculating the PE Image Hash". Windows (and everyone
else) hashes the file from front to end without the checksum, the certificate table's directory entry, and the table itself; for
files with ordered sections, which is all that linkers write, this is what the specification's walk over the sections gives. What
comes after the table is hashed, so that something appended to a signed file does not go unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from lurcher.collect.pe import File, Headers, PeError

CHUNK = 1024 * 1024
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
    file.seek(0)
    at = 0
    while chunk := file.read(CHUNK):
        for digest in whole.values():
            digest.update(chunk)
        if image:
            view = memoryview(chunk)
            kept = 0
            for start, end in gaps:
                first, last = max(start - at, 0), min(end - at, len(chunk))
                if first >= last:
                    continue
                for digest in image.values():
                    digest.update(view[kept:first])
                kept = last
            for digest in image.values():
                digest.update(view[kept:])
        at += len(chunk)
        if at > size:
            break
    if at != size:
        raise PeError("the file was changed while it was read")
    return FileHashes({n: d.hexdigest() for n, d in whole.items()}, {n: d.digest() for n, d in image.items()})


def hash_whole(file: File, size: int, names: Iterable[str]) -> dict[str, str]:
    """The digests (lower-case hex) of a file of that size. Raises `PeError` as `hash_file` does."""
    whole = {n: hashlib.new(n, usedforsecurity=False) for n in names}
    file.seek(0)
    at = 0
    while chunk := file.read(CHUNK):
        at += len(chunk)
        for digest in whole.values():
            digest.update(chunk)
        if at > size:
            break
    if at != size:
        raise PeError("the file was changed while it was read")
    return {n: d.hexdigest() for n, d in whole.items()}
