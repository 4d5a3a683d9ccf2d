"""One file -> what is known about it: its facts, its signatures, or why it could not be read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import datetime

from lurcher.collect.authenticode import Signature, Signatures, read_table
from lurcher.collect.chain import Chains
from lurcher.collect.filehash import hash_file, hash_whole
from lurcher.collect.pe import Headers, PeError, Reader, certificate_table, is_pe, read_headers
from lurcher.collect.roots import programme_roots
from lurcher.collect.subjects import Subject, subject_of
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
    """What a file is that is signed, or could be. `details` are its version information and other facts by name; `problems` say
    what of it could not be read. There is at least one signature row: the one of an unsigned file says so.

    `listable`: unsigned, and of a kind that a catalogue can vouch for; `listed` are the digests (hashlib's name, hex) by which it
    would, as far as they were asked for. `members` are those that it vouches for, where it is a catalogue itself."""

    path: str
    size: int
    hashes: dict[str, str]
    details: dict[str, str]
    signatures: tuple[SignatureFacts, ...]
    problems: tuple[str, ...]
    listable: bool = False
    listed: dict[str, str] = field(default_factory=dict)
    members: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    @property
    def is_signed(self) -> bool:
        return self.signatures[0].is_signed


@dataclass(frozen=True, slots=True)
class NotPe:
    """A file that is nothing that is signed: passed over."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that could not be examined."""

    reason: str


class Examiner:
    """Examines files. Making one loads the roots (0.1 s); what it learns about certificates serves all files after."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chains = Chains(programme_roots(settings.trusted))

    def examine(self, path: str, listed: tuple[str, ...] = ()) -> FileFacts | NotPe | Rejected:
        """Never raises for what a file contains, or because it cannot be read. `listed` are the digests by which catalogues know
        files: an unsigned file's are computed."""
        try:
            with os.fdopen(_open(path), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return Rejected("not a regular file any more")
                reader = Reader(file, status.st_size)
                if is_pe(reader):
                    return self._read(path, reader, listed)
                subject = subject_of(reader, os.path.basename(path))
                return self._other(path, reader, subject, listed) if subject is not None else NotPe()
        except PeError as error:
            return Rejected(str(error))
        except OSError as error:
            return Rejected(error.strerror or str(error))

    def _read(self, path: str, reader: Reader, listed: tuple[str, ...]) -> FileFacts | Rejected:
        settings = self._settings
        headers = read_headers(reader)
        problems: list[str] = []
        signatures = Signatures(())
        try:
            table = certificate_table(reader, headers)
            if table:
                signatures = read_table(table, nested=settings.nested)
        except PeError as error:
            signatures = Signatures((), (str(error),))
        problems += signatures.problems
        details = self._details(reader, headers, problems)
        wanted = signatures.found if settings.nested else signatures.found[:1]
        hashes: dict[str, str] = {}
        digests: dict[str, bytes] | None = None
        known: dict[str, str] = {}
        if settings.hashes:
            asked = {s.digest_name for s in wanted} or set(listed)
            hashed = hash_file(reader.file, reader.size, headers, self._names, asked)
            hashes, digests = hashed.whole, hashed.image
            known = {n: d.hex() for n, d in hashed.image.items()} if not wanted else {}
        rows = tuple(_facts(s, judge(s, digests, self._chains, settings.now)) for s in wanted)
        return FileFacts(
            path, reader.size, hashes, details, rows or _unsigned(signatures), tuple(problems), not wanted, known
        )

    def _other(self, path: str, reader: Reader, subject: Subject, listed: tuple[str, ...]) -> FileFacts | Rejected:
        settings = self._settings
        signatures = subject.signatures
        wanted = signatures.found if settings.nested else signatures.found[:1]
        hashes = hash_whole(reader.file, reader.size, self._names) if settings.hashes else {}
        problems = list(signatures.problems)
        rows = []
        for signature in wanted:
            digests: dict[str, bytes] | None = None
            unverified = "the file was not hashed"
            if settings.hashes:
                agrees = None
                unverified = subject.unverified or f"unknown digest {signature.digest_name}"
                try:
                    agrees = subject.agrees(signature)
                except PeError as error:
                    problems.append(str(error))
                    agrees = False
                if agrees is not None:
                    digests = {signature.digest_name: signature.file_digest if agrees else b""}
            rows.append(_facts(signature, judge(signature, digests, self._chains, settings.now, unverified)))
        listable = subject.flat and not wanted
        known = {n: hashes[n] for n in listed if n in hashes} if listable else {}
        facts = tuple(rows) or _unsigned(signatures)
        details = {"FileType": subject.kind}
        return FileFacts(path, reader.size, hashes, details, facts, tuple(problems), listable, known, subject.members)

    @property
    def _names(self) -> tuple[str, ...]:
        return ("md5", "sha1", "sha256") if self._settings.md5 else ("sha1", "sha256")

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


def _unsigned(signatures: Signatures) -> tuple[SignatureFacts, ...]:
    problems = signatures.problems
    status = f"unreadable signature: {problems[0]}" if problems else "no embedded signature"
    return (SignatureFacts(is_signed=False, status=status),)


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
