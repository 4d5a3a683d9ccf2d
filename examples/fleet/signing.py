"""Authenticode signatures by a certificate authority of one's own, for examples and tests.

    ca = TestCA("Example Code Signing CA")
    agent = sign(program, ca.signer("NinjaOne LLC"), timestamp=datetime(2026, 3, 1, tzinfo=UTC))
    Path("ca.pem").write_text(ca.pem)          # lurcher collect signatures --trust-root ca.pem

No system trusts such a CA. Keys are derived from names and signatures are deterministic, so the same arguments give the same
bytes on every machine; whoever knows a name knows the key: never trust one of these CAs.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_FROM, _TO = datetime(2024, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
LIFETIME_SIGNING = "1.3.6.1.4.1.311.10.3.13"

_DIGESTS = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
}
_ECDSA = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3"}
_RSA = {"sha1": "1.2.840.113549.1.1.5", "sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12"}

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_DATA = "1.2.840.113549.1.7.1"
_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"


# --- DER -------------------------------------------------------------------------------------------------------------


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _seq(*parts: bytes) -> bytes:
    return _tlv(0x30, *parts)


def _set(*parts: bytes) -> bytes:
    return _tlv(0x31, *sorted(parts))


def _int(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _octets(value: bytes) -> bytes:
    return _tlv(0x04, value)


def _bits(value: bytes) -> bytes:
    return _tlv(0x03, b"\0" + value)


def _text(value: str) -> bytes:
    return _tlv(0x0C, value.encode())


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(0x80 | arc & 0x7F)
        out += bytes(reversed(octets))
    return _tlv(0x06, out)


def _time(value: datetime, *, general: bool = False) -> bytes:
    if general or value.year >= 2050:
        return _tlv(0x18, value.strftime("%Y%m%d%H%M%SZ").encode())
    return _tlv(0x17, value.strftime("%y%m%d%H%M%SZ").encode())


def _digest_algorithm(digest: str) -> bytes:
    return _seq(_oid(_DIGESTS[digest]), _tlv(0x05))


def _hash(digest: str, data: bytes) -> bytes:
    return hashlib.new(digest, data, usedforsecurity=False).digest()


# --- keys and certificates -------------------------------------------------------------------------------------------


class Key:
    """A private key: on the curve P-256, derived from a name; or any that `cryptography` made."""

    def __init__(self, name: str, private: Any = None) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        secret = int.from_bytes(hashlib.sha256(b"lurcher example key " + name.encode()).digest(), "big") >> 1
        self._private = private or ec.derive_private_key(secret, ec.SECP256R1())
        self.public: bytes = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._rsa = not isinstance(self._private, ec.EllipticCurvePrivateKey)

    def algorithm(self, digest: str) -> bytes:
        return _seq(_oid(_RSA[digest]), _tlv(0x05)) if self._rsa else _seq(_oid(_ECDSA[digest]))

    def sign(self, data: bytes, digest: str) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding

        chosen = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[digest]
        if self._rsa:
            return bytes(self._private.sign(data, padding.PKCS1v15(), chosen))
        return bytes(self._private.sign(data, ec.ECDSA(chosen, deterministic_signing=True)))


@dataclass(frozen=True)
class Signer:
    """A certificate with its key, the certificates above it that a signature brings along, and the authority whose time stamps
    it uses."""

    name: str
    certificate: bytes
    key: Key
    issuer: bytes
    serial: int
    chain: tuple[bytes, ...] = field(repr=False, default=())
    stamper: Signer | None = None


def _name(common_name: str, *, country: str = "") -> bytes:
    parts = [_set(_seq(_oid("2.5.4.6"), _tlv(0x13, country.encode())))] if country else []
    return _seq(*parts, _set(_seq(_oid("2.5.4.3"), _text(common_name))))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _seq(_oid(oid), *([_tlv(0x01, b"\xff")] if critical else []), _octets(value))


def _certificate(
    subject: bytes,
    key: Key,
    issuer: bytes,
    issuer_key: Key,
    serial: int,
    valid: tuple[datetime, datetime],
    digest: str,
    extensions: list[bytes],
) -> bytes:
    algorithm = issuer_key.algorithm(digest)
    key_id = _extension("2.5.29.14", _octets(_hash("sha1", key.public)))
    body = _seq(
        _tlv(0xA0, _int(2)), _int(serial), algorithm, issuer, _seq(_time(valid[0]), _time(valid[1])), subject, key.public,
        _tlv(0xA3, _seq(*extensions, key_id)),
    )  # fmt: skip
    return _seq(body, algorithm, _bits(issuer_key.sign(body, digest)))


class TestCA:
    """A root and an issuing authority under it, both named after `name`, that issue code-signing certificates, and a time-stamping
    authority. The root is not in the files that are signed."""

    __test__ = False  # pytest: this is no test

    def __init__(
        self, name: str, *, digest: str = "sha256", valid: tuple[datetime, datetime] = (_FROM.replace(year=1999), _TO)
    ) -> None:
        self.name = name
        self._digest = digest
        root_key, self._key = Key(f"{name} root"), Key(name)
        root = _name(f"{name} Root")
        self._subject = _name(name)
        authority = [
            _extension("2.5.29.19", _seq(_tlv(0x01, b"\xff")), critical=True),
            _extension("2.5.29.15", b"\x03\x02\x01\x06", critical=True),  # keyCertSign, cRLSign
        ]
        self.root = _certificate(root, root_key, root, root_key, 1, valid, digest, authority)
        self.certificate = _certificate(self._subject, self._key, root, root_key, 2, valid, digest, authority)
        self.stamper = self.signer(f"{name} Timestamping", valid=valid, usages=(TIME_STAMPING,), critical_usages=True)

    @property
    def pem(self) -> str:
        """The root, for whoever wants to trust it."""
        return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(self.root).decode()}-----END CERTIFICATE-----\n"

    def signer(
        self, name: str, *, valid: tuple[datetime, datetime] = (_FROM, _TO), usages: Sequence[str] = (CODE_SIGNING,),
        critical_usages: bool = False, crl_urls: Sequence[str] = (), country: str = "", serial: int = 0, key: Key | None = None,
        subject: bytes = b"",
    ) -> Signer:  # fmt: skip
        """A certificate for `name` (its common name, in any script). `subject` replaces the whole encoded name."""
        key = key or Key(f"{self.name} {name}")
        serial = serial or int.from_bytes(_hash("sha1", f"{self.name} {name} {valid}".encode())[:16], "big")
        extensions = [_extension("2.5.29.15", b"\x03\x02\x07\x80", critical=True)]  # digitalSignature
        if usages:
            extensions.append(_extension("2.5.29.37", _seq(*map(_oid, usages)), critical=critical_usages))
        if crl_urls:
            points = [_seq(_tlv(0xA0, _tlv(0xA0, _tlv(0x86, url.encode())))) for url in crl_urls]
            extensions.append(_extension("2.5.29.31", _seq(*points)))
        subject = subject or _name(name, country=country)
        certificate = _certificate(subject, key, self._subject, self._key, serial, valid, self._digest, extensions)
        return Signer(
            name, certificate, key, self._subject, serial, (self.certificate,), getattr(self, "stamper", None)
        )


# --- signatures ------------------------------------------------------------------------------------------------------


def sign(
    pe: bytes, signer: Signer, *, digest: str = "sha256", timestamp: datetime | None = None, countersign: str = "rfc3161",
    stamper: Signer | None = None, nested: Sequence[Signer] = (),
) -> bytes:  # fmt: skip
    """The unsigned file `pe` with a signature by `signer`. With `timestamp` it is time-stamped by the signer's authority (or by
    `stamper`): `countersign` is "rfc3161" or "pkcs9". Each of `nested` signs too, inside of the first signature, with SHA-256."""
    pe = pe.ljust((len(pe) + 7) // 8 * 8, b"\0")
    unsigned: list[bytes] = []
    if nested:
        inner = [signature(pe, n, timestamp=timestamp, stamper=stamper) for n in nested]
        unsigned.append(_seq(_oid("1.3.6.1.4.1.311.2.4.1"), _set(*inner)))
    info = signature(
        pe, signer, digest=digest, timestamp=timestamp, countersign=countersign, stamper=stamper, unsigned=unsigned
    )
    return attach(pe, info)


def attach(pe: bytes, *infos: bytes) -> bytes:
    """The file with a certificate table of these signatures, whatever they are. Its length must be a multiple of 8."""
    table = b""
    for info in infos:
        length = (8 + len(info) + 7) // 8 * 8
        table += struct.pack("<IHH", length, 0x0200, 2) + info.ljust(length - 8, b"\0")
    checksum, entry = _places(pe)
    head = bytearray(pe)
    struct.pack_into("<II", head, entry, len(pe), len(table))
    struct.pack_into("<I", head, checksum, 0x1234)
    return bytes(head) + table


def signature(
    pe: bytes, signer: Signer, *, digest: str = "sha256", timestamp: datetime | None = None, countersign: str = "rfc3161",
    stamper: Signer | None = None, unsigned: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    """A signature over an unsigned file: a ContentInfo."""
    checksum, entry = _places(pe)
    image = _hash(digest, pe[:checksum] + pe[checksum + 4 : entry] + pe[entry + 8 :])
    link = _tlv(0xA0, _tlv(0xA2, _tlv(0x80, "<<<Obsolete>>>".encode("utf-16-be"))))
    subject = _seq(_oid("1.3.6.1.4.1.311.2.1.15"), _seq(_tlv(0x03, b"\0"), link))
    content = _seq(subject, _seq(_digest_algorithm(digest), _octets(image)))
    attributes = [
        _seq(_oid("1.3.6.1.4.1.311.2.1.12"), _set(_seq())),
        _seq(_oid("1.3.6.1.4.1.311.2.1.11"), _set(_seq(_oid("1.3.6.1.4.1.311.2.1.21")))),
    ]
    stamper = stamper or signer.stamper
    extra = list(unsigned)
    certificates = [signer.certificate, *signer.chain]
    value, head = _signed(signer, _INDIRECT_DATA, content[_header(content) :], digest, attributes)
    if timestamp is not None:
        assert stamper is not None
        if countersign == "rfc3161":
            extra.append(_seq(_oid("1.3.6.1.4.1.311.3.3.1"), _set(_token(stamper, value, digest, timestamp))))
        else:
            stated = [_seq(_oid("1.2.840.113549.1.9.5"), _set(_time(timestamp)))]
            _, by = _signed(stamper, _DATA, value, digest, stated)
            extra.append(_seq(_oid("1.2.840.113549.1.9.6"), _set(_seq(*by))))
            certificates += [c for c in (stamper.certificate, *stamper.chain) if c not in certificates]
    if extra:
        head.append(_tlv(0xA1, *sorted(extra)))
    return _content_info(digest, _INDIRECT_DATA, content, certificates, _seq(*head))


def _signed(
    signer: Signer, content_type: str, content: bytes, digest: str, attributes: Sequence[bytes]
) -> tuple[bytes, list[bytes]]:
    """A signature's value, and the parts of its SignerInfo before the unsigned attributes."""
    signed = _set(
        _seq(_oid("1.2.840.113549.1.9.3"), _set(_oid(content_type))),
        _seq(_oid("1.2.840.113549.1.9.4"), _set(_octets(_hash(digest, content)))),
        *attributes,
    )
    value = signer.key.sign(signed, digest)
    who = _seq(signer.issuer, _int(signer.serial))
    parts = [
        _int(1),
        who,
        _digest_algorithm(digest),
        b"\xa0" + signed[1:],
        signer.key.algorithm(digest),
        _octets(value),
    ]
    return value, parts


def _token(stamper: Signer, value: bytes, digest: str, time: datetime) -> bytes:
    """An RFC 3161 token over a signature's value."""
    imprint = _seq(_digest_algorithm(digest), _octets(_hash(digest, value)))
    content = _seq(_int(1), _oid("1.3.6.1.4.1.4146.2.3"), imprint, _int(7), _time(time, general=True))
    certificate = _seq(_seq(_seq(_octets(_hash("sha256", stamper.certificate)))))
    attributes = [_seq(_oid("1.2.840.113549.1.9.16.2.47"), _set(certificate))]
    _, parts = _signed(stamper, _TST_INFO, content, "sha256", attributes)
    return _content_info("sha256", _TST_INFO, _octets(content), [stamper.certificate, *stamper.chain], _seq(*parts))


def _content_info(
    digest: str, content_type: str, content: bytes, certificates: Sequence[bytes], signer: bytes
) -> bytes:
    version = _int(3 if content_type == _TST_INFO else 1)
    inner = _seq(_oid(content_type), _tlv(0xA0, content))
    data = _seq(version, _set(_digest_algorithm(digest)), inner, _tlv(0xA0, *certificates), _set(signer))
    return _seq(_oid(_SIGNED_DATA), _tlv(0xA0, data))


def _header(element: bytes) -> int:
    """The length of an element's tag and length."""
    return 2 + (element[1] & 0x7F if element[1] & 0x80 else 0)


def _places(pe: bytes) -> tuple[int, int]:
    """Where the checksum and the certificate table's directory entry are."""
    optional = int.from_bytes(pe[60:64], "little") + 24
    plus = pe[optional : optional + 2] == b"\x0b\x02"
    return optional + 64, optional + (112 if plus else 96) + 8 * 4
