"""Signatures of cabinets (.cab): in a reserved area of the header it says where, at the end of the file.

Source: "Microsoft Cabinet Format"; the reserved area of 20 octets holds offset and size of the signature. The digest is over the
whole file before the signature, without the checksum, the number in a set, and the reserved area but for its last four octets.
"""

from __future__ import annotations

import hashlib

from lurcher.collect.authenticode import CAB_DATA, Signature, Signatures, read_blob
from lurcher.collect.filehash import CHUNK, IMAGE_DIGESTS
from lurcher.collect.pe import MAX_CERTIFICATE_TABLE, PeError, Reader
from lurcher.collect.subjects import Subject

MAGIC = b"MSCF\0\0\0\0"

_KIND = "cabinet"
_OF_SET, _RESERVED = 0x0003, 0x0004


def read(reader: Reader) -> Subject | None:
    if reader.size < 36:
        return None
    head = reader.at(0, 36, "the header")
    flags = int.from_bytes(head[30:32], "little")
    if head[25] != 1 or not flags & _RESERVED:
        return Subject(_KIND, Signatures(()), lambda _: None) if head[25] == 1 else None
    area = reader.at(36, min(24, reader.size - 36), "the reserved area")
    if len(area) < 24 or int.from_bytes(area[0:2], "little") < 20 or area[4:8] != b"\0\0\x10\0":
        return Subject(_KIND, Signatures(()), lambda _: None)  # reserved for something else
    offset, size = int.from_bytes(area[8:12], "little"), int.from_bytes(area[12:16], "little")
    if not size:
        return Subject(_KIND, Signatures(()), lambda _: None)
    try:
        if size > MAX_CERTIFICATE_TABLE:
            raise PeError(f"the signature has {size} bytes, more than {MAX_CERTIFICATE_TABLE} are not read")
        signatures = read_blob(reader.at(offset, size, "the signature"), frozenset({CAB_DATA}))
    except PeError as error:
        signatures = Signatures((), (str(error),))
    return Subject(
        _KIND,
        signatures,
        lambda s: _agrees(reader, offset, size, flags, s),
        "the digest of a cabinet of a set is not known",
    )


def _agrees(reader: Reader, offset: int, size: int, flags: int, signature: Signature) -> bool | None:
    if signature.digest_name not in IMAGE_DIGESTS:
        return None
    if offset < 60 or offset + size != reader.size:
        return False  # something was added after the signature
    digest = hashlib.new(signature.digest_name, usedforsecurity=False)
    for start, end in ((0, 4), (8, 34), (56, 60)):
        digest.update(reader.at(start, end - start, "the header"))
    at = 60
    while at < offset:
        length = min(CHUNK, offset - at)
        digest.update(reader.at(at, length, "the cabinet"))
        at += length
    if digest.digest() == signature.file_digest:
        return True
    return None if flags & _OF_SET else False
