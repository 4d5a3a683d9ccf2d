"""Signature primitives against signatures that `cryptography` has made, and the files of roots that a user names."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.collect import made

from lurcher.collect.cms import Algorithm
from lurcher.collect.crypto import verified
from lurcher.collect.roots import read_root_file
from lurcher.errors import LurcherError

RSA = rsa.generate_private_key(65537, 2048)
SIGNED = b"what is signed"
#: SHA-256, MGF1 with SHA-256, salt of 32 octets (RFC 4055, section 3.1)
PSS_SHA256 = bytes.fromhex(
    "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
)


def public(key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_rsa_pss_takes_digest_and_salt_from_its_parameters() -> None:
    signature = RSA.sign(SIGNED, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    algorithm = Algorithm("1.2.840.113549.1.1.10", PSS_SHA256)
    assert verified(public(RSA), algorithm, "sha256", signature, SIGNED)
    assert not verified(public(RSA), algorithm, "sha256", signature, SIGNED + b"!")
    # Without parameters it would be SHA-1 and 20 octets.
    assert not verified(public(RSA), Algorithm("1.2.840.113549.1.1.10"), "sha256", signature, SIGNED)


def test_an_algorithm_that_names_a_key_only_takes_the_signers_digest() -> None:
    signature = RSA.sign(SIGNED, padding.PKCS1v15(), hashes.SHA384())
    assert verified(public(RSA), Algorithm("1.2.840.113549.1.1.1"), "sha384", signature, SIGNED)
    assert not verified(public(RSA), Algorithm("1.2.840.113549.1.1.1"), "sha256", signature, SIGNED)
    assert not verified(public(RSA), Algorithm("1.2.840.113549.1.1.1"), None, signature, SIGNED)


def test_dsa() -> None:
    key = dsa.generate_private_key(1024)
    signature = key.sign(SIGNED, hashes.SHA1())
    assert verified(public(key), Algorithm("1.2.840.10040.4.3"), "sha1", signature, SIGNED)
    assert not verified(public(key), Algorithm("1.2.840.10040.4.3"), "sha1", signature, b"other")


@pytest.mark.parametrize("key", [b"", b"junk", b"\x30\x00", public(RSA)[:-5], b"\0" * 5000])
def test_a_key_that_is_none_verifies_nothing(key: bytes) -> None:
    assert not verified(key, Algorithm("1.2.840.113549.1.1.11"), None, b"signature", SIGNED)


def test_an_unknown_algorithm_verifies_nothing() -> None:
    signature = RSA.sign(SIGNED, padding.PKCS1v15(), hashes.SHA256())
    assert not verified(public(RSA), Algorithm("1.2.3.4"), "sha256", signature, SIGNED)


def test_roots_of_ones_own_come_as_pem_or_der(tmp_path: Path) -> None:
    pem, der = tmp_path / "roots.pem", tmp_path / "root.cer"
    pem.write_text("# ours\n" + made.CA.pem + "\n# the old one\n" + made.SHA1_CA.pem)
    der.write_bytes(made.CA.root)
    assert read_root_file(pem) == [made.CA.root, made.SHA1_CA.root]
    assert read_root_file(der) == [made.CA.root]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a certificate"),
        (b"hello", "not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "not a certificate: a certificate without its END line"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "not a certificate"),
        (b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", "no certificate in it"),
    ],
)
def test_a_file_without_a_certificate_is_an_error_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(content)
    with pytest.raises(LurcherError) as raised:
        read_root_file(path)
    assert str(path) in str(raised.value)
    assert message in str(raised.value)
    assert "PEM or DER" in str(raised.value)


def _raw(data: bytes) -> bytes:
    """What the key makes of `data` in the padding of PKCS #1, version 1.5, and nothing else."""
    numbers = RSA.private_numbers()
    block = b"\0\1" + b"\xff" * (256 - 3 - len(data)) + b"\0" + data
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


def test_a_digest_without_the_name_of_its_algorithm_is_one() -> None:
    import hashlib

    algorithm = Algorithm("1.2.840.113549.1.1.1")
    bare = hashlib.sha1(SIGNED).digest()
    assert verified(public(RSA), algorithm, "sha1", _raw(bare), SIGNED)
    assert not verified(public(RSA), algorithm, "sha1", _raw(bare), SIGNED + b"!")
    assert not verified(public(RSA), algorithm, "sha256", _raw(bare), SIGNED)
    for other in (bare[:-1], bare + b"\0", b"\0" + bare, b"", b"\x30\x21" + bare):
        assert not verified(public(RSA), algorithm, "sha1", _raw(other), SIGNED)
