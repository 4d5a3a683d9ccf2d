"""The shell of a signature: SignedData of PKCS #7 (RFC 2315) and CMS (RFC 5652), read and not judged.

Only what Authenticode uses is read. What is signed stays as bytes, exactly as it was written, because digests are over bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.collect import der, x509
from lurcher.collect.der import DerError, Element

SIGNED_DATA = "1.2.840.113549.1.7.2"

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
COUNTERSIGNATURE = "1.2.840.113549.1.9.6"

#: Certificates in one signature; the longest honest bags have a dozen.
MAX_CERTIFICATES = 64


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An AlgorithmIdentifier: its object identifier, and its parameters as they were encoded (empty: none)."""

    oid: str
    parameters: bytes = b""


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """Who signed, how, and over what. Attributes map an object identifier to the encoded values under it. `signed` are the
    bytes that the signature is over, None where there are no signed attributes: it is then over the content."""

    issuer: bytes = field(repr=False)
    serial: bytes
    key_id: bytes | None
    digest: Algorithm
    algorithm: Algorithm
    signature: bytes = field(repr=False)
    signed: bytes | None = field(repr=False)
    attributes: dict[str, tuple[Element, ...]] = field(repr=False)
    unsigned: dict[str, tuple[Element, ...]] = field(repr=False)

    def attribute(self, oid: str) -> Element | None:
        """The value of a signed attribute that has exactly one."""
        values = self.attributes.get(oid, ())
        return values[0] if len(values) == 1 else None

    def message_digest(self) -> bytes | None:
        value = self.attribute(MESSAGE_DIGEST)
        return value.content if value is not None and value.tag == der.OCTET_STRING else None

    def content_type(self) -> str | None:
        value = self.attribute(CONTENT_TYPE)
        try:
            return der.oid(value) if value is not None else None
        except DerError:
            return None

    def is_signer(self, certificate: x509.Certificate) -> bool:
        if self.key_id is not None:
            return self.key_id == certificate.key_id
        return self.serial == certificate.serial and self.issuer == certificate.issuer


@dataclass(frozen=True, slots=True)
class SignedData:
    """`content_type` says what `content` is: the one element inside the content's explicit tag, None where the signature is
    detached. `unreadable` counts certificates that were left out because they are malformed."""

    content_type: str
    content: Element | None
    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    unreadable: int
    signers: tuple[SignerInfo, ...]

    def certificate_of(self, signer: SignerInfo) -> x509.Certificate | None:
        return next((c for c in self.certificates if signer.is_signer(c)), None)


def algorithm(element: Element) -> Algorithm:
    """Signatures name the same dozen algorithms again and again: each is read once."""
    encoded = element.encoded
    known = _ALGORITHMS.get(encoded)
    if known is None:
        known = _algorithm(element)
        if len(_ALGORITHMS) < 1024 and len(encoded) < 256:
            _ALGORITHMS[encoded] = known
    return known


_ALGORITHMS: dict[bytes, Algorithm] = {}


def _algorithm(element: Element) -> Algorithm:
    fields = der.Fields(element.expect(der.SEQUENCE, "algorithm"), "algorithm")
    name = der.oid(fields.take())
    parameters = next(fields.rest(), None)
    return Algorithm(name, parameters.encoded if parameters is not None else b"")


def signed_data(info: Element) -> SignedData:
    """The SignedData in a ContentInfo. Raises `DerError` where it is none."""
    outer = der.Fields(info.expect(der.SEQUENCE, "content info"), "content info")
    if der.oid(outer.take()) != SIGNED_DATA:
        raise DerError("content that is not signed data")
    fields = der.Fields(der.only_child(outer.take(0xA0), "content").expect(der.SEQUENCE, "signed data"), "signed data")
    fields.take(der.INTEGER)  # the version: writers disagree, readers ignore it
    fields.take(der.SET)  # the digest algorithms; each signer names its own
    inner = der.Fields(fields.take(der.SEQUENCE), "encapsulated content")
    content_type = der.oid(inner.take())
    holder = inner.maybe(0xA0)
    bag = fields.maybe(0xA0)
    fields.maybe(0xA1)  # revocation lists
    certificates, unreadable = _certificates(bag)
    return SignedData(
        content_type,
        der.only_child(holder, "content") if holder is not None else None,
        certificates,
        unreadable,
        tuple(signer_info(e) for e in der.children(fields.take(der.SET))),
    )


def signer_info(element: Element) -> SignerInfo:
    """One SignerInfo: of a signature, or the whole of a PKCS #9 countersignature."""
    fields = der.Fields(element.expect(der.SEQUENCE, "signer"), "signer")
    fields.take(der.INTEGER)
    who = fields.take()
    issuer, serial, key_id = b"", b"", None
    if who.tag == 0x80:
        key_id = who.content
    else:
        name = der.Fields(who.expect(der.SEQUENCE, "signer"), "signer")
        issuer, serial = name.take(der.SEQUENCE).encoded, name.take(der.INTEGER).content
    digest = algorithm(fields.take())
    signed = fields.maybe(0xA0)
    signature_algorithm = algorithm(fields.take())
    signature = fields.take(der.OCTET_STRING).content
    unsigned = fields.maybe(0xA1)
    return SignerInfo(
        issuer,
        serial,
        key_id,
        digest,
        signature_algorithm,
        signature,
        # RFC 5652, 5.4: the digest is over the attributes as a SET OF, whose tag the implicit [0] has replaced.
        bytes([der.SET]) + signed.encoded[1:] if signed is not None else None,
        _attributes(signed),
        _attributes(unsigned),
    )


def _attributes(holder: Element | None) -> dict[str, tuple[Element, ...]]:
    found: dict[str, tuple[Element, ...]] = {}
    for attribute in der.children(holder) if holder is not None else ():
        fields = der.Fields(attribute.expect(der.SEQUENCE, "attribute"), "attribute")
        kind = der.oid(fields.take())
        values = tuple(der.children(fields.take(der.SET)))
        # Some signers write an attribute once for each of its values.
        found[kind] = found.get(kind, ()) + values
    return found


def _certificates(bag: Element | None) -> tuple[tuple[x509.Certificate, ...], int]:
    elements = der.children(bag) if bag is not None else []
    if len(elements) > MAX_CERTIFICATES:
        raise DerError(f"more than {MAX_CERTIFICATES} certificates in one signature")
    found: list[x509.Certificate] = []
    unreadable = 0
    for element in elements:
        if element.tag != der.SEQUENCE:
            continue  # attribute certificates and other forms, which Authenticode does not use
        try:
            found.append(x509.certificate(element.encoded))
        except DerError:
            unreadable += 1
    return tuple(found), unreadable
