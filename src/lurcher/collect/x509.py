"""Certificates as they are written, read leniently and without trust (RFC 5280).

`cryptography` refuses certificates that Windows takes (a serial number below one, a malformed extension nobody asked for), and
its refusal would hide the name of the signer from a hunt. So the fields are read here; keys and signatures stay with
`cryptography` (see `crypto`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from lurcher.collect import der
from lurcher.collect.der import DerError, Element

MAX_CERTIFICATE = 64 * 1024
#: Only certificates up to this size are remembered, so that what is remembered stays small whatever the files hold.
_REMEMBERED = 8 * 1024

COMMON_NAME = "2.5.4.3"
ORGANIZATION = "2.5.4.10"
ORGANIZATIONAL_UNIT = "2.5.4.11"
SUBJECT_KEY_ID = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
BASIC_CONSTRAINTS = "2.5.29.19"
NAME_CONSTRAINTS = "2.5.29.30"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
EXTENDED_KEY_USAGE = "2.5.29.37"

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
ANY_USAGE = "2.5.29.37.0"
#: "Lifetime signing": a time stamp does not keep the signature alive beyond the certificate's own end.
LIFETIME_SIGNING = "1.3.6.1.4.1.311.10.3.13"

_STRING_CODECS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString: Latin-1 in practice, as Windows and OpenSSL read it
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's fields. `subject` and `issuer` are the encoded names, by which chains are built; `serial` is the content
    of the INTEGER; times are UTC. `usages` is None where the certificate has no extended key usage: it is good for all."""

    encoded: bytes = field(repr=False)
    sha1: str
    serial: bytes
    subject: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    subject_name: str
    issuer_name: str
    not_before: datetime
    not_after: datetime
    key: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    usages: frozenset[str] | None
    is_ca: bool | None
    path_length: int | None
    may_sign_certificates: bool
    key_id: bytes | None
    crl_urls: tuple[str, ...]
    has_name_constraints: bool

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer


def certificate(encoded: bytes) -> Certificate:
    """The certificate in these bytes (DER, exactly one). A fleet's million files are signed with some hundred
    certificates: each is read once. Raises `DerError`."""
    if len(encoded) > MAX_CERTIFICATE:
        raise DerError("a certificate of more than 64 KiB")
    return _remembered(encoded) if len(encoded) <= _REMEMBERED else _read(encoded)


@lru_cache(maxsize=1024)
def _remembered(encoded: bytes) -> Certificate:
    return _read(encoded)


def _read(encoded: bytes) -> Certificate:
    outer = der.Fields(der.read(encoded).expect(der.SEQUENCE, "certificate"), "certificate")
    body = outer.take(der.SEQUENCE)
    algorithm = outer.take(der.SEQUENCE)
    signature = der.bit_string(outer.take())
    fields = der.Fields(body, "certificate")
    fields.maybe(0xA0)  # the version
    serial = fields.take(der.INTEGER).content
    fields.take(der.SEQUENCE)  # the signature algorithm once more
    issuer = fields.take(der.SEQUENCE)
    validity = der.Fields(fields.take(der.SEQUENCE), "validity")
    subject = fields.take(der.SEQUENCE)
    key = fields.take(der.SEQUENCE)
    extensions: dict[str, Element] = {}
    for element in fields.rest():
        if element.tag == 0xA3:
            extensions = _extensions(element)
    constraints = extensions.get(BASIC_CONSTRAINTS)
    is_ca, path_length = _basic_constraints(constraints) if constraints else (None, None)
    return Certificate(
        encoded=encoded,
        sha1=hashlib.sha1(encoded, usedforsecurity=False).hexdigest(),
        serial=serial,
        subject=subject.encoded,
        issuer=issuer.encoded,
        subject_name=display_name(subject),
        issuer_name=display_name(issuer),
        not_before=der.time(validity.take()),
        not_after=der.time(validity.take()),
        key=key.encoded,
        signed=body.encoded,
        algorithm=algorithm.encoded,
        signature=signature,
        usages=_usages(extensions.get(EXTENDED_KEY_USAGE)),
        is_ca=is_ca,
        path_length=path_length,
        may_sign_certificates=_may_sign_certificates(extensions.get(KEY_USAGE)),
        key_id=_key_id(extensions.get(SUBJECT_KEY_ID)),
        crl_urls=_crl_urls(extensions.get(CRL_DISTRIBUTION_POINTS)),
        has_name_constraints=NAME_CONSTRAINTS in extensions,
    )


def serial_hex(content: bytes) -> str:
    """A serial number (an INTEGER's content) as Defender writes it: lower-case hex of whole octets, leading zeros kept, without
    the octet that only carries the sign."""
    return (content[1:] if len(content) > 1 and content[0] == 0 else content).hex()


def display_name(name: Element) -> str:
    """The common name; where there is none, the organisational unit or the organisation, as Windows displays it
    (CertGetNameString, CERT_NAME_SIMPLE_DISPLAY_TYPE)."""
    found: dict[str, str] = {}
    for relative in der.children(name):
        for pair in der.children(relative):
            fields = der.Fields(pair, "name")
            kind, value = der.oid(fields.take()), fields.take()
            codec = _STRING_CODECS.get(value.tag)
            if codec is not None and kind in (COMMON_NAME, ORGANIZATIONAL_UNIT, ORGANIZATION):
                # The last of several is the most specific one.
                found[kind] = value.content.decode(codec, "replace").strip("\0")
    return next((found[k] for k in (COMMON_NAME, ORGANIZATIONAL_UNIT, ORGANIZATION) if found.get(k)), "")


def _extensions(holder: Element) -> dict[str, Element]:
    found: dict[str, Element] = {}
    for extension in der.children(der.only_child(holder, "extensions")):
        fields = der.Fields(extension, "extension")
        kind = der.oid(fields.take())
        fields.maybe(der.BOOLEAN)
        found.setdefault(kind, fields.take(der.OCTET_STRING))
    return found


def _inside(extension: Element, tag: int) -> Element:
    return der.read(extension.data, extension.body, extension.end).expect(tag, "extension")


def _usages(extension: Element | None) -> frozenset[str] | None:
    if extension is None:
        return None
    try:
        return frozenset(der.oid(e) for e in der.children(_inside(extension, der.SEQUENCE)))
    except DerError:
        return frozenset()  # A usage that cannot be read allows nothing.


def _basic_constraints(extension: Element) -> tuple[bool, int | None]:
    try:
        fields = der.Fields(_inside(extension, der.SEQUENCE), "basic constraints")
        is_ca, length = fields.maybe(der.BOOLEAN), fields.maybe(der.INTEGER)
        return (der.boolean(is_ca) if is_ca else False), (der.integer(length) if length else None)
    except DerError:
        return False, None


def _may_sign_certificates(extension: Element | None) -> bool:
    if extension is None:
        return True
    try:
        bits = der.bit_string(_inside(extension, der.BIT_STRING))
    except DerError:
        return False
    return bool(bits) and bool(bits[0] & 0x04)  # keyCertSign is bit 5, counted from the highest


def _key_id(extension: Element | None) -> bytes | None:
    if extension is None:
        return None
    try:
        return _inside(extension, der.OCTET_STRING).content
    except DerError:
        return None


def _crl_urls(extension: Element | None) -> tuple[str, ...]:
    if extension is None:
        return ()
    urls: list[str] = []
    try:
        for point in der.children(_inside(extension, der.SEQUENCE)):
            for part in der.children(point):
                if part.tag != 0xA0:
                    continue
                for full_name in der.children(part):
                    if full_name.tag == 0xA0:
                        names = der.children(full_name)
                        urls += [n.content.decode("utf-8", "replace") for n in names if n.tag == 0x86]
    except DerError:
        return ()
    return tuple(urls)
