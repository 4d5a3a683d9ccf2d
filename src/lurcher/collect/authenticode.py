"""Authenticode signatures as files carry them: read here, judged in `trust`.

Source: "Windows Authenticode Portable Executable Signature Format" (Microsoft), and "PE Format", section "The Attribute
Certificate Table".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.collect import cms, der, x509
from lurcher.collect.cms import SignedData, SignerInfo
from lurcher.collect.crypto import DIGESTS
from lurcher.collect.der import DerError, Element

INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
NESTED_SIGNATURE = "1.3.6.1.4.1.311.2.4.1"
#: The content of a catalogue.
TRUST_LIST = "1.3.6.1.4.1.311.10.1"

# What sort of file a digest is of.
PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"
CAB_DATA = "1.3.6.1.4.1.311.2.1.25"
SIP_INFO = "1.3.6.1.4.1.311.2.1.30"
_PE = frozenset({PE_IMAGE_DATA})

#: WIN_CERTIFICATE.wCertificateType of a PKCS #7 SignedData.
_PKCS_SIGNED_DATA = 0x0002

MAX_SIGNATURES = 16
MAX_NESTING = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. `digest_name` (hashlib's) and `file_digest` are what it says about the file; `content` is what the signer's
    digest is over, and `content_type` what that is. A catalogue's signature is over its own list: it has no digest of a file.
    `certificate` is the signer's, None where the file does not have it."""

    signer: SignerInfo
    certificate: x509.Certificate | None
    around: SignedData = field(repr=False)
    digest_name: str
    file_digest: bytes
    content: bytes = field(repr=False)
    issuer_name: str
    nesting: int
    content_type: str = INDIRECT_DATA

    @property
    def serial_hex(self) -> str:
        """The serial number of the signer's certificate, known even where that is missing."""
        return x509.serial_hex(self.signer.serial if self.certificate is None else self.certificate.serial)


@dataclass(frozen=True, slots=True)
class Signatures:
    """All signatures of a file, the primary first, each before those nested in it. `problems` says what could not be read:
    with no signature at all, why a certificate table gave none."""

    found: tuple[Signature, ...]
    problems: tuple[str, ...] = ()


def read_table(table: bytes, *, nested: bool = True) -> Signatures:
    """The signatures of an attribute certificate table; those that are nested in others only if they are asked for. Never raises:
    the table may be anything."""
    found: list[Signature] = []
    problems: list[str] = []
    at = 0
    while at + 8 <= len(table):
        length = int.from_bytes(table[at : at + 4], "little")
        kind = int.from_bytes(table[at + 6 : at + 8], "little")
        if length == 0 and not any(table[at : at + 8]):
            break  # padding
        if length < 8 or at + length > len(table):
            problems.append("a certificate entry is longer than the table")
            break
        if kind == _PKCS_SIGNED_DATA:
            try:
                info = der.read(table, at + 8, at + length)
            except DerError as error:
                problems.append(f"a signature cannot be read: {error}")
            else:
                _read_nested(info, 0, found, problems, _PE, nested)
        else:
            problems.append(f"a certificate entry of type {kind:#06x}, which is no signature")
        at += (length + 7) & ~7
        if len(found) + len(problems) >= MAX_SIGNATURES:
            break
    if not found and not problems:
        problems.append("the certificate table is empty")
    return Signatures(tuple(found), tuple(problems))


def read_blob(blob: bytes, subjects: frozenset[str], *, nested: bool = True) -> Signatures:
    """The signature in these bytes, and those nested in it. Never raises. `subjects` are the sorts of file that it may be of."""
    found: list[Signature] = []
    problems: list[str] = []
    try:
        _read_nested(der.read(blob), 0, found, problems, subjects, nested)
    except DerError as error:
        problems.append(f"a signature cannot be read: {error}")
    return Signatures(tuple(found), tuple(problems))


def read_list(info: Element) -> Signatures:
    """The signature of a catalogue, over the list that it is. Never raises."""
    try:
        data = cms.signed_data(info)
        if not data.signers or data.content is None:
            return Signatures(())
        signer = data.signers[0]
        certificate, issuer_name = _certificate(data, signer)
        name = DIGESTS.get(signer.digest.oid, signer.digest.oid)
        content = data.content.content
        return Signatures((Signature(signer, certificate, data, name, b"", content, issuer_name, 0, TRUST_LIST),))
    except DerError as error:
        return Signatures((), (f"a signature cannot be read: {error}",))


def _read_nested(
    info: Element, nesting: int, found: list[Signature], problems: list[str], subjects: frozenset[str], nested: bool
) -> None:
    try:
        signature = read_signature(info, nesting, subjects)
    except DerError as error:
        problems.append(f"a signature cannot be read: {error}")
        return
    found.append(signature)
    for inner in signature.signer.unsigned.get(NESTED_SIGNATURE, ()) if nested else ():
        if len(found) + len(problems) >= MAX_SIGNATURES or nesting == MAX_NESTING:
            problems.append(
                f"more than {MAX_SIGNATURES} signatures, or nested deeper than {MAX_NESTING}: the rest is not read"
            )
            return
        _read_nested(inner, nesting + 1, found, problems, subjects, nested)


def read_signature(info: Element, nesting: int = 0, subjects: frozenset[str] = _PE) -> Signature:
    """The signature in a ContentInfo. Authenticode has one signer; of several the first counts, as for Windows."""
    data = cms.signed_data(info)
    if not data.signers:
        raise DerError("a signature without a signer")
    if data.content_type != INDIRECT_DATA or data.content is None:
        raise DerError("a signature over something else than a file's digest")
    indirect = der.Fields(data.content.expect(der.SEQUENCE, "indirect data"), "indirect data")
    subject = der.Fields(indirect.take(der.SEQUENCE), "indirect data")
    if der.oid(subject.take()) not in subjects:
        raise DerError("a signature for another sort of file")
    stated = der.Fields(indirect.take(der.SEQUENCE), "digest")
    algorithm = cms.algorithm(stated.take()).oid
    signer = data.signers[0]
    certificate, issuer_name = _certificate(data, signer)
    return Signature(
        signer=signer,
        certificate=certificate,
        around=data,
        digest_name=DIGESTS.get(algorithm, algorithm),
        file_digest=stated.take(der.OCTET_STRING).content,
        # PKCS #7 digests the content without its own tag and length.
        content=data.content.content,
        issuer_name=issuer_name,
        nesting=nesting,
    )


def _certificate(data: SignedData, signer: SignerInfo) -> tuple[x509.Certificate | None, str]:
    """The signer's certificate, and the name of who issued it."""
    certificate = data.certificate_of(signer)
    if certificate is not None:
        return certificate, certificate.issuer_name
    return None, x509.display_name(der.read(signer.issuer)) if signer.issuer else ""
