"""Files other than programs that can be signed: which they are, what signature they carry, and whether it is of this file.

Each kind is a function from a file to a `Subject`, or None where the file is not of that kind; they are tried by what the file
begins with, scripts by their extension (they begin with nothing of their own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lurcher.collect.authenticode import Signature, Signatures
from lurcher.collect.pe import Reader


@dataclass(frozen=True, slots=True)
class Subject:
    """A file that can be signed. `agrees` says whether a signature is over this file: True only where the digest was computed and
    is the same; None, where it could not be (`unverified` says why). It may raise `PeError`.

    `members`: of a catalogue, the digests (hashlib's name, octets) that it vouches for. `flat`: whether a catalogue lists files of
    this kind by the digest of the whole file."""

    kind: str
    signatures: Signatures
    agrees: Callable[[Signature], bool | None] = field(repr=False)
    unverified: str = ""
    members: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    flat: bool = False


def subject_of(reader: Reader, name: str) -> Subject | None:
    """What the file is; None where it is nothing that is signed. Raises `PeError` where it is, but is damaged: of what is too
    damaged to be told by its content, the name says what it was."""
    from lurcher.collect import cabinet, catalogue, compound, msi, package, script

    head = reader.at(0, min(64, reader.size), "")
    if head.startswith(compound.MAGIC):
        return msi.read(reader, name)
    if head.startswith(cabinet.MAGIC):
        return cabinet.read(reader)
    if head.startswith(package.MAGIC):
        return package.read(reader, name)
    if catalogue.may_be(head):
        found = catalogue.read(reader, name)
        if found is not None:
            return found
    return script.read(reader, name)
