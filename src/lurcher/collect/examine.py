"""One file -> what is known about it: its facts, its signatures, or why it could not be read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import datetime

from lurcher.collect.authenticode import Signature, Signatures, read_table
from lurcher.collect.chain import Chains
from lurcher.collect.filehash import hash_file
from lurcher.collect.pe import Headers, PeError, Reader, certificate_table, is_pe, read_headers
from lurcher.collect.roots import programme_roots
from lurcher.collect.trust import Verdict, judge
from lurcher.collect.version_info import read_version_info


@dataclass(frozen=True, slots=True)
class Settings:
    """What is wanted. `now` (UTC) is when signatures without a time stamp are judged; `trusted` are encoded certificates of roots
    that are trusted besides Microsoft's programme."""

    now: datetime
    hashes: bool = True
    md5: bool = True
    nested: bool = False
    trusted: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """A row of DeviceFileCertificateInfo, as far as it is about the signature. Unknown texts are empty, the rest None."""

    is_signed: bool
    signature_type: str = ""
    signer: str = ""
    signer_hash: str = ""
    issuer: str = ""
    issuer_hash: str = ""
    serial: str = ""
    crl_urls: tuple[str, ...] | None = None
    created: datetime | None = None
    expires: datetime | None = None
    countersigned: datetime | None = None
    is_trusted: bool | None = False
    is_root_microsoft: bool | None = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a PE file is. `details` are its version information and other facts by name; `problems` say what of it could not be
    read. There is at least one signature row: the one of an unsigned file says so."""

    path: str
    size: int
    hashes: dict[str, str]
    details: dict[str, str]
    signatures: tuple[SignatureFacts, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotPe:
    """A file of another kind: passed over."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that could not be examined."""

    reason: str


class Examiner:
    """Examines files. Making one loads the roots (0.1 s); what it learns about certificates serves all files after."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chains = Chains(programme_roots(settings.trusted))

    def examine(self, path: str) -> FileFacts | NotPe | Rejected:
        """Never raises for what a file contains, or because it cannot be read."""
        try:
            with os.fdopen(_open(path), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return Rejected("not a regular file any more")
                reader = Reader(file, status.st_size)
                return self._read(path, reader) if is_pe(reader) else NotPe()
        except PeError as error:
            return Rejected(str(error))
        except OSError as error:
            return Rejected(error.strerror or str(error))

    def _read(self, path: str, reader: Reader) -> FileFacts | Rejected:
        settings = self._settings
        headers = read_headers(reader)
        problems: list[str] = []
        signatures = Signatures(())
        try:
            table = certificate_table(reader, headers)
            if table:
                signatures = read_table(table)
        except PeError as error:
            signatures = Signatures((), (str(error),))
        problems += signatures.problems
        details = self._details(reader, headers, problems)
        wanted = signatures.found if settings.nested else signatures.found[:1]
        hashes: dict[str, str] = {}
        digests: dict[str, bytes] | None = None
        if settings.hashes:
            names = ("md5", "sha1", "sha256") if settings.md5 else ("sha1", "sha256")
            hashed = hash_file(reader.file, reader.size, headers, names, {s.digest_name for s in wanted})
            hashes, digests = hashed.whole, hashed.image
        rows = tuple(_facts(s, judge(s, digests, self._chains, settings.now)) for s in wanted)
        if not rows:
            status = (
                f"unreadable signature: {signatures.problems[0]}" if signatures.problems else "no embedded signature"
            )
            rows = (SignatureFacts(is_signed=False, status=status),)
        return FileFacts(path, reader.size, hashes, details, rows, tuple(problems))

    def _details(self, reader: Reader, headers: Headers, problems: list[str]) -> dict[str, str]:
        details: dict[str, str] = {}
        try:
            details.update(read_version_info(reader, headers))
        except PeError as error:
            problems.append(str(error))
        details["Machine"] = headers.machine
        return details


def _open(path: str) -> int:
    # Not blocking: between the listing and here, a file may have become a pipe that nobody writes to.
    return os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    )


def _facts(signature: Signature, verdict: Verdict) -> SignatureFacts:
    certificate = signature.certificate
    return SignatureFacts(
        is_signed=True,
        signature_type="Embedded",
        signer=certificate.subject_name if certificate else "",
        signer_hash=certificate.sha1 if certificate else "",
        issuer=signature.issuer_name,
        issuer_hash=verdict.issuer.sha1 if verdict.issuer else "",
        serial=signature.serial_hex,
        crl_urls=certificate.crl_urls if certificate else None,
        created=certificate.not_before if certificate else None,
        expires=certificate.not_after if certificate else None,
        countersigned=verdict.countersigned_at,
        is_trusted=verdict.trusted,
        is_root_microsoft=verdict.microsoft_root,
        status="trusted" if verdict.trusted else verdict.reason,
    )
