"""What is trusted, and why not: each case is a file made for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.collect import made
from tests.collect.made import CA, NOW, PROGRAM, ROOTS, STAMPED, TestCA, sign

from lurcher.collect.examine import Examiner, FileFacts, Settings, SignatureFacts


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(Settings(NOW, trusted=ROOTS, nested=True))


def facts(examiner: Examiner, folder: Path, content: bytes) -> FileFacts:
    path = folder / "a.exe"
    path.write_bytes(content)
    result = examiner.examine(str(path))
    assert isinstance(result, FileFacts), result
    return result


@pytest.fixture
def judged(examiner: Examiner, tmp_path: Path):
    def judge(content: bytes) -> SignatureFacts:
        return facts(examiner, tmp_path, content).signatures[0]

    return judge


@pytest.mark.parametrize(
    ("name", "trusted", "status"),
    [
        ("one.exe", True, "trusted"),
        ("unstamped.exe", True, "trusted"),
        ("script.exe", True, "trusted"),
        ("nested.exe", True, "trusted"),
        ("sha384.exe", True, "trusted"),
        ("sha1.exe", True, "trusted"),
        ("expired-rfc3161.exe", True, "trusted"),
        ("expired-pkcs9.exe", True, "trusted"),
        ("expired.exe", False, "the certificate of 'Old Ltd.' had expired on 2022-01-01"),
        ("tampered.exe", False, "the file is not what was signed: its digest differs"),
        ("unsigned.exe", False, "no embedded signature"),
    ],
)
def test_each_kind_of_file_gets_its_verdict(judged, name: str, trusted: bool, status: str) -> None:
    found = judged(made.files()[name])
    assert (found.is_trusted, found.status) == (trusted, status)


def test_without_the_test_root_nothing_made_is_trusted(tmp_path: Path) -> None:
    plain = Examiner(Settings(NOW))
    for name, content in made.files().items():
        assert facts(plain, tmp_path, content).signatures[0].is_trusted is False, name


@pytest.mark.parametrize("length", range(1, 18))
def test_an_overlay_of_any_length_is_part_of_the_digest(judged, length: int) -> None:
    signed = sign(made.make_pe(None, overlay=b"x" * length), CA.signer("Overlay"))
    assert judged(signed).is_trusted is True
    assert judged(made.tamper(signed, 1536)).is_trusted is False  # the overlay's first octet


def test_what_is_appended_after_the_signature_does_not_go_unnoticed(judged) -> None:
    assert judged(sign(PROGRAM, CA.signer("A")) + b"appended").is_trusted is False


def test_every_octet_counts_but_the_checksum_and_the_table(judged) -> None:
    signed = sign(PROGRAM, CA.signer("A"))
    headers_checksum = 64 + 24 + 64
    assert judged(made.tamper(signed, headers_checksum)).is_trusted is True
    for at in (2, headers_checksum - 1, headers_checksum + 4, 1023, 1024, len(PROGRAM) - 1):
        assert judged(made.tamper(signed, at)).is_trusted is False, at


def test_a_signature_moved_to_another_file_is_not_trusted(judged) -> None:
    other = made.make_pe({"CompanyName": "Evil"}, b"payload").ljust(len(PROGRAM) + 1024, b"\0")
    found = judged(
        made.attach(
            other, made.signature(PROGRAM.ljust(len(PROGRAM) + -len(PROGRAM) % 8, b"\0"), CA.signer("NinjaOne LLC"))
        )
    )
    assert (found.signer, found.is_trusted) == ("NinjaOne LLC", False)
    assert found.status == "the file is not what was signed: its digest differs"


def test_a_changed_signature_value_is_not_trusted(judged) -> None:
    signed = bytearray(sign(PROGRAM, CA.signer("A")))
    padding = len(signed) - len(signed.rstrip(b"\0"))
    signed[-padding - 1] ^= 1  # the last octet of the ECDSA signature
    assert judged(bytes(signed)).status == "the signature is not by the key of its certificate"


def test_a_signature_with_a_malformed_certificate_is_not_trusted(judged) -> None:
    signer = CA.signer("A")
    for broken in (b"\x30\x03\x02\x01\x05", CA.root.replace(b"\x17\x0d", b"\x19\x0d")):
        found = judged(
            sign(
                PROGRAM,
                made.Signer("A", signer.certificate, signer.key, signer.issuer, signer.serial, (*signer.chain, broken)),
            )
        )
        assert (found.signer, found.status) == ("A", "a certificate in the signature is malformed")


def test_a_time_stamp_for_another_signature_spoils_it(judged) -> None:
    stamped = sign(PROGRAM, CA.signer("A"), timestamp=STAMPED)
    other = sign(PROGRAM, CA.signer("B"), timestamp=STAMPED)
    info, theirs = _unsigned(stamped), _unsigned(other)
    found = judged(stamped.replace(info, theirs))
    assert (found.is_trusted, found.countersigned) == (False, None)
    assert found.status == "the time stamp is not trusted: the time stamp is not over this signature"


def _unsigned(signed: bytes) -> bytes:
    """The digest that the time stamp is over, as it stands in the token."""
    marker = bytes.fromhex("300d060960864801650304020105000420")
    at = signed.rindex(marker + b"", 0, signed.rindex(b"20260301123005Z"))
    return signed[at : at + len(marker) + 32]


def test_a_time_stamp_by_an_authority_that_nobody_trusts_spoils_it(judged) -> None:
    stranger = TestCA("Stranger")
    found = judged(sign(PROGRAM, CA.signer("A"), timestamp=STAMPED, stamper=stranger.stamper))
    assert found.is_trusted is False
    assert found.status.startswith("the time stamp is not trusted: ")
    # The token itself holds, so the time that it states is shown.
    assert found.countersigned == STAMPED


def test_a_time_stamp_by_a_code_signer_is_none(judged) -> None:
    found = judged(sign(PROGRAM, CA.signer("A"), timestamp=STAMPED, stamper=CA.signer("Not a stamper")))
    assert found.is_trusted is False


def test_a_lifetime_signer_is_not_kept_alive_by_its_time_stamp(judged) -> None:
    usages = ("1.3.6.1.5.5.7.3.3", made.LIFETIME_SIGNING)
    ends = NOW - timedelta(days=1)
    signer = CA.signer("Lifetime", valid=(STAMPED - timedelta(days=9), ends), usages=usages)
    assert (
        judged(sign(PROGRAM, signer, timestamp=STAMPED)).status
        == "the certificate of 'Lifetime' had expired on 2026-05-31"
    )


def test_a_signature_from_before_the_certificate_is_not_trusted(judged) -> None:
    signer = CA.signer("Later", valid=(STAMPED + timedelta(days=1), NOW + timedelta(days=900)))
    assert judged(sign(PROGRAM, signer, timestamp=STAMPED)).status == "the certificate of 'Later' was not valid yet"


@pytest.mark.parametrize(("usages", "trusted"), [((), True), (("2.5.29.37.0",), True), (("1.3.6.1.5.5.7.3.1",), False)])
def test_the_certificate_must_be_for_code_signing(judged, usages: tuple[str, ...], trusted: bool) -> None:
    assert judged(sign(PROGRAM, CA.signer("A", usages=usages))).is_trusted is trusted


def test_a_signer_who_is_no_authority_cannot_issue(judged) -> None:
    middle = CA.signer("Middle")
    forger = TestCA("Forger")
    forger._subject, forger._key = made_name("Middle"), middle.key
    leaf = forger.signer("Leaf")
    leaf = made.Signer(
        leaf.name, leaf.certificate, leaf.key, leaf.issuer, leaf.serial, (middle.certificate, CA.certificate)
    )
    assert judged(sign(PROGRAM, leaf)).status == "the certificate of 'Middle' may not issue certificates"


def made_name(name: str) -> bytes:
    import signing

    return signing._name(name)


def test_rsa_keys_are_verified_too(judged) -> None:
    key = made.Key("", rsa.generate_private_key(65537, 2048))
    signed = sign(PROGRAM, CA.signer("RSA", key=key), timestamp=STAMPED, countersign="pkcs9")
    assert judged(signed).is_trusted is True
    assert judged(made.tamper(signed)).is_trusted is False


def test_a_missing_certificate_still_names_issuer_and_serial_number(judged) -> None:
    signer = CA.signer("Gone", serial=0x00C0FFEE)
    stripped = made.Signer("Gone", CA.certificate, signer.key, signer.issuer, signer.serial)
    found = judged(sign(PROGRAM, stripped))
    assert (found.is_signed, found.signer, found.issuer, found.serial) == (True, "", "Lurcher Test CA", "c0ffee")
    assert found.status == "the certificate of the signer is not in the file"


def test_a_missing_intermediate_is_named(judged) -> None:
    signer = CA.signer("Lonely")
    alone = made.Signer("Lonely", signer.certificate, signer.key, signer.issuer, signer.serial)
    found = judged(sign(PROGRAM, alone))
    assert (found.is_trusted, found.issuer_hash) == (False, "")
    assert found.status == "the certificate of the issuer is not in the file: 'Lurcher Test CA'"


def test_nested_signatures_are_rows_after_the_primary(examiner: Examiner, tmp_path: Path) -> None:
    found = facts(examiner, tmp_path, made.files()["nested.exe"]).signatures
    assert [(s.signer, s.is_trusted) for s in found] == [("NinjaRMM, LLC", True), ("NinjaOne LLC", True)]


def test_nothing_is_called_trusted_that_was_not_hashed(tmp_path: Path) -> None:
    quick = Examiner(Settings(NOW, hashes=False, trusted=ROOTS))
    made_files = made.files()
    for name, trusted in (("one.exe", None), ("tampered.exe", None), ("expired.exe", False), ("unsigned.exe", False)):
        result = facts(quick, tmp_path, made_files[name])
        assert (result.hashes, result.signatures[0].is_trusted) == ({}, trusted), name
