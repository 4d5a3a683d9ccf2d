"""When was it signed? Time stamps of both kinds: RFC 3161 tokens and PKCS #9 countersignatures.

A countersignature is over the *signature value* of the signer, so it is judged without the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lurcher.collect import cms, der, x509
from lurcher.collect.cms import SignedData, SignerInfo
from lurcher.collect.crypto import DIGESTS, digest, verified
from lurcher.collect.der import DerError, Element

#: Microsoft's attribute for an RFC 3161 token.
RFC3161_TOKEN = "1.3.6.1.4.1.311.3.3.1"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"

#: Time stamps that are tried for one signature.
MAX_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Countersignature:
    """The time (UTC) that an authority put to a signature. `objection` is empty where the authority's signature holds and is over
    *this* signature; whether the authority is trusted is for its chain to say, to which `pool` may help."""

    time: datetime
    certificate: x509.Certificate | None
    pool: tuple[x509.Certificate, ...] = field(repr=False)
    objection: str = ""


def countersignatures(signer: SignerInfo, around: SignedData) -> Iterator[Countersignature | str]:
    """The time stamps of a signer, RFC 3161's first; a text instead says why one cannot be read."""
    tokens = [(_rfc3161, e) for e in signer.unsigned.get(RFC3161_TOKEN, ())]
    tokens += [(_pkcs9, e) for e in signer.unsigned.get(cms.COUNTERSIGNATURE, ())]
    for reader, element in tokens[:MAX_TOKENS]:
        try:
            yield reader(element, signer, around)
        except DerError as error:
            yield f"the time stamp cannot be read: {error}"


def _rfc3161(element: Element, signer: SignerInfo, around: SignedData) -> Countersignature:
    token = cms.signed_data(element)
    if token.content_type != _TST_INFO or token.content is None or not token.signers:
        raise DerError("not a time-stamp token")
    content = token.content.expect(der.OCTET_STRING, "time-stamp token").content
    fields = der.Fields(der.read(content).expect(der.SEQUENCE, "time-stamp info"), "time-stamp info")
    fields.take(der.INTEGER)  # the version
    fields.take(der.OID)  # the authority's policy
    imprint = der.Fields(fields.take(der.SEQUENCE), "message imprint")
    imprint_digest = DIGESTS.get(cms.algorithm(imprint.take()).oid)
    imprint_value = imprint.take(der.OCTET_STRING).content
    fields.take(der.INTEGER)  # the serial number
    time = der.time(fields.take())
    pool = token.certificates + around.certificates
    stamper = token.signers[0]
    certificate = next((c for c in pool if stamper.is_signer(c)), None)
    if imprint_digest is None or digest(imprint_digest, signer.signature) != imprint_value:
        return Countersignature(time, certificate, pool, "the time stamp is not over this signature")
    if token.unreadable:
        return Countersignature(time, certificate, pool, "a certificate in the time stamp is malformed")
    return Countersignature(time, certificate, pool, signer_objection(stamper, certificate, _TST_INFO, content))


def _pkcs9(element: Element, signer: SignerInfo, around: SignedData) -> Countersignature:
    stamper = cms.signer_info(element)
    stated = stamper.attribute(cms.SIGNING_TIME)
    if stated is None:
        raise DerError("a countersignature without a time")
    certificate = around.certificate_of(stamper)
    # No content type: RFC 5652 (11.4) forbids the attribute, PKCS #9 asks for `data`, and Certum's authority writes TSTInfo.
    objection = signer_objection(stamper, certificate, None, signer.signature)
    return Countersignature(der.time(stated), certificate, around.certificates, objection)


def signer_objection(
    signer: SignerInfo, certificate: x509.Certificate | None, content_type: str | None, content: bytes
) -> str:
    """Why a signer's signature over `content` does not hold; empty if it does (RFC 5652, sections 5.4 and 5.6). A content type
    of None is not asked for."""
    if certificate is None:
        return "the certificate of the signer is not in the file"
    digest_name = DIGESTS.get(signer.digest.oid)
    if digest_name is None:
        return f"unknown digest {signer.digest.oid}"
    signed = signer.signed
    if signed is None:
        signed = content
    else:
        if content_type is not None and signer.content_type() != content_type:
            return "the signed content type is another"
        if signer.message_digest() != digest(digest_name, content):
            return "the signed digest is of another content"
    if not verified(certificate.key, signer.algorithm, digest_name, signer.signature, signed):
        return "the signature is not by the key of its certificate"
    return ""
