"""Is this signature by that key? The one place that calls `cryptography`.

Its own `verify_directly_issued_by` refuses SHA-1, with which half of the signed files in the world were signed; so the key's
primitive is used. What cannot be verified (an unknown algorithm, a key that the library refuses) counts as not verified.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from lurcher.collect import der
from lurcher.collect.cms import Algorithm, algorithm
from lurcher.collect.der import DerError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

#: Digests, by object identifier; the names are hashlib's.
DIGESTS = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}

#: Signature algorithms that name their digest too.
SIGNATURE_DIGESTS = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",  # sha1WithRSA of OIW, which makecert wrote
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
    "1.2.840.10040.4.3": "sha1",  # DSA
    "2.16.840.1.101.3.4.3.2": "sha256",  # DSA
}
#: Algorithms that name a key only: the digest is the signer's.
_KEY_ONLY = {"1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.2.840.10040.4.1"}
_PSS = "1.2.840.113549.1.1.10"

#: An RSA exponent or modulus beyond this makes one verification take seconds: no authority issues such a key.
_MAX_KEY = 4 * 1024


def digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def verified(key: bytes, algorithm_used: Algorithm, digest_name: str | None, signature: bytes, signed: bytes) -> bool:
    """Whether `signature` over the bytes `signed` is by the key (an encoded SubjectPublicKeyInfo). `digest_name` is the
    signer's digest, where the algorithm does not say."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

    public = _public_key(key)
    if public is None:
        return False
    try:
        pss = algorithm_used.oid == _PSS
        if pss:
            name, salt = _pss_parameters(algorithm_used.parameters)
        elif algorithm_used.oid in _KEY_ONLY:
            name = digest_name or ""
        else:
            name = SIGNATURE_DIGESTS.get(algorithm_used.oid, "")
        chosen = _hash(name)
        if chosen is None:
            return False
        if isinstance(public, rsa.RSAPublicKey):
            if pss:
                public.verify(signature, signed, padding.PSS(padding.MGF1(chosen), salt), chosen)
            elif not _pkcs1(public, signature, signed, name, chosen):
                return False
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, signed, ec.ECDSA(chosen))
        elif isinstance(public, dsa.DSAPublicKey):
            public.verify(signature, signed, chosen)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, DerError):
        return False
    return True


def _pkcs1(public: RSAPublicKey, signature: bytes, signed: bytes, name: str, chosen: HashAlgorithm) -> bool:
    """PKCS #1, version 1.5; also where the digest stands bare, without the name of its algorithm (RFC 8017, 9.2, asks for it). Some
    of Symantec's time stamps are such, and Windows takes them: its CryptVerifySignature does not ask for the name."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        public.verify(signature, signed, padding.PKCS1v15(), chosen)
    except InvalidSignature:
        return public.recover_data_from_signature(signature, padding.PKCS1v15(), None) == digest(name, signed)
    return True


@lru_cache(maxsize=1024)
def _public_key(key: bytes) -> PublicKeyTypes | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if len(key) > _MAX_KEY:
        return None
    try:
        return load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _hash(name: str) -> HashAlgorithm | None:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, type[HashAlgorithm]] = {
        "md5": hashes.MD5,
        "sha1": hashes.SHA1,
        "sha256": hashes.SHA256,
        "sha384": hashes.SHA384,
        "sha512": hashes.SHA512,
    }
    return kinds[name]() if name in kinds else None


def _pss_parameters(encoded: bytes) -> tuple[str, int]:
    """Digest and salt length of RSASSA-PSS (RFC 4055, 3.1); SHA-1 and 20 octets where nothing is said."""
    name, salt = "sha1", 20
    for part in der.children(der.read(encoded)) if encoded else ():
        value = der.only_child(part, "PSS parameters")
        if part.tag == 0xA0:
            name = DIGESTS.get(algorithm(value).oid, "")
        elif part.tag == 0xA2:
            salt = der.integer(value)
            if not 0 <= salt <= 512:
                raise DerError("a salt length out of bounds")
    return name, salt
