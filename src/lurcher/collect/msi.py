"""Signatures of Windows Installer packages (.msi, .msp, .mst): a stream of the compound file.

The digest is over the content of all streams in the order of their names, storages inside of one another, each storage followed
by its class; before it comes, where there is a stream `MsiDigitalSignatureEx`, a digest over names, sizes and times, which that
stream holds. Microsoft has not published it: the order is that of signers whose packages Windows takes, and `osslsigncode`
agrees (tests).
"""

from __future__ import annotations

import hashlib
from typing import Any

from lurcher.collect.authenticode import SIP_INFO, Signature, Signatures, read_blob
from lurcher.collect.compound import ROOT, STREAM, CompoundFile, Entry
from lurcher.collect.filehash import IMAGE_DIGESTS
from lurcher.collect.pe import MAX_CERTIFICATE_TABLE, PeError, Reader
from lurcher.collect.subjects import Subject

_SIGNATURE = "\x05DigitalSignature".encode("utf-16-le")
_EXTENDED = "\x05MsiDigitalSignatureEx".encode("utf-16-le")
_OWN = (_SIGNATURE, _EXTENDED)

#: The class of the root: a package or merge module, a patch, a transform.
_KINDS = {
    bytes.fromhex("84100c0000000000c000000000000046"): "Windows Installer package",
    bytes.fromhex("86100c0000000000c000000000000046"): "Windows Installer patch",
    bytes.fromhex("82100c0000000000c000000000000046"): "Windows Installer transform",
}
#: Storages in storages.
_MAX_DEPTH = 32


_NAMES = (".msi", ".msp", ".mst", ".msm")


def read(reader: Reader, file_name: str) -> Subject | None:
    """None for compound files that are no packages (documents, thumbnails) and carry no such signature."""
    try:
        file = CompoundFile(reader)
        kind = _KINDS.get(file.root.class_id)
        if kind is None and not any(e.name == _SIGNATURE for e in file.entries):
            return None
        top = {e.name: e for e in file.children(file.root) if e.kind == STREAM}
    except PeError:
        # Documents are damaged as often as anything: only the name can tell that this was a package.
        if file_name.lower().endswith(_NAMES):
            raise
        return None
    stream = top.get(_SIGNATURE)
    if stream is None:
        return Subject(kind, Signatures(()), lambda _: None) if kind else None
    try:
        signatures = read_blob(file.read(stream, MAX_CERTIFICATE_TABLE), frozenset({SIP_INFO}))
    except PeError as error:
        signatures = Signatures((), (str(error),))
    return Subject(kind or "compound file", signatures, lambda s: _agrees(file, top.get(_EXTENDED), s))


def _agrees(file: CompoundFile, extended: Entry | None, signature: Signature) -> bool | None:
    if signature.digest_name not in IMAGE_DIGESTS:
        return None
    file.check_streams()
    digest = hashlib.new(signature.digest_name, usedforsecurity=False)
    if extended is not None:
        meta = hashlib.new(signature.digest_name, usedforsecurity=False)
        _metadata(file, file.root, meta, 0)
        if file.read(extended, 1024) != meta.digest():
            return False
        digest.update(meta.digest())
    _content(file, file.root, digest, 0)
    return bool(digest.digest() == signature.file_digest)


def _ordered(file: CompoundFile, storage: Entry) -> list[Entry]:
    entries = file.children(storage)
    if storage.kind == ROOT:
        entries = [e for e in entries if e.name not in _OWN]
    return sorted(entries, key=lambda e: e.name)


def _content(file: CompoundFile, storage: Entry, digest: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise PeError("storages are nested too deep")
    for entry in _ordered(file, storage):
        if entry.kind == STREAM:
            for block in file.blocks(entry):
                digest.update(block)
        else:
            _content(file, entry, digest, depth + 1)
    digest.update(storage.class_id)


def _metadata(file: CompoundFile, storage: Entry, digest: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise PeError("storages are nested too deep")
    _describe(storage, digest)
    for entry in _ordered(file, storage):
        if entry.kind == STREAM:
            _describe(entry, digest)
        else:
            _metadata(file, entry, digest, depth + 1)


def _describe(entry: Entry, digest: Any) -> None:
    raw = entry.raw
    if entry.kind != ROOT:
        digest.update(entry.name)
    digest.update(raw[120:124] if entry.kind == STREAM else entry.class_id)
    digest.update(raw[96:100])  # state bits
    if entry.kind != ROOT:
        digest.update(raw[100:116])  # created, modified
