"""Names that are written one way."""

import hashlib
import ipaddress
import uuid

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lurcher.collect import entities as e

COLUMN = ((e.device_ids, e.device_id), (e.guids, e.guid), (e.sids, e.sid), (e.file_hashes, e.file_hash),
          (e.ip_addresses, e.ip_address))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("WS01", "ws01"),
        ("ws01.corp.local", "ws01"),
        ("WS01.", "ws01"),
        (" \\\\WS01 ", "ws01"),
        ("BÜRO-1.firma.example", "büro-1"),
        ("10.1.2.3", "10.1.2.3"),
        ("FE80:0:0:0:0:0:0:1", "fe80::1"),
        ("10.1.2.300", "10"),
        ("", ""),
        ("-", ""),
        (" ", ""),
        (".corp", ".corp"),
    ],
)
def test_a_host_is_known_by_its_first_label(name: str, label: str) -> None:
    assert e.host_label(name) == label
    assert e.device_id(name) == (hashlib.sha1(label.encode()).hexdigest() if label else "")


def test_a_device_id_never_changes() -> None:
    # $ printf ws01 | sha1sum
    assert e.device_id("WS01.corp.local") == "dfcdb3a7242463a81f19b1abb8803a1b8d9f4f96"


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (e.guid, "{747F3D96-E2F1-5F81-0000-001053B22400}", "747f3d96-e2f1-5f81-0000-001053b22400"),
        (e.guid, "747F3D96E2F15F810000001053B22400", "747f3d96-e2f1-5f81-0000-001053b22400"),
        (e.guid, "{747F3D96-E2F1-5F81-0000}", "{747F3D96-E2F1-5F81-0000}"),
        (e.guid, "747F3D96-E2F15F810000001053B22400", "747F3D96-E2F15F810000001053B22400"),
        (e.guid, "-", ""),
        (e.sid, "s-1-5-18", "S-1-5-18"),
        (e.sid, "%{S-1-5-21-1-2-3-500}", "S-1-5-21-1-2-3-500"),
        (e.sid, "%{nonsense}", "%{nonsense}"),
        (e.sid, "CORP\\anna", "CORP\\anna"),
        (e.file_hash, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"),
        (e.file_hash, "D41D", "D41D"),
        (e.ip_address, "10.0.0.1", "10.0.0.1"),
        (e.ip_address, "FE80:0:0:0:1:0:0:2", "fe80::1:0:0:2"),
        (e.ip_address, "::FFFF:10.0.0.1", "::ffff:10.0.0.1"),
        (e.ip_address, "::ffff:a00:1", "::ffff:10.0.0.1"),
        (e.ip_address, "fe80::1%12", "fe80::1%12"),
        (e.ip_address, "[::1]", "::1"),
        (e.ip_address, "LOCAL", "LOCAL"),
        (e.ip_address, "010.0.0.1", "010.0.0.1"),
        (e.ip_address, "-", ""),
    ],
)  # fmt: skip
def test_one_form(change, text: str, expected: str) -> None:
    assert change(text) == expected


@given(st.text())
def test_writing_it_twice_changes_nothing_more(text: str) -> None:
    for change in (e.host_label, e.guid, e.sid, e.file_hash, e.ip_address):
        once = change(text)
        assert change(once) == once


@given(st.uuids())
def test_every_way_to_write_a_guid(value: uuid.UUID) -> None:
    for text in (str(value), str(value).upper(), f"{{{str(value).upper()}}}", value.hex, f" {{{value.hex}}}"):
        assert e.guid(text) == str(value)


@given(st.ip_addresses(v=6))
def test_every_way_to_write_an_address(value: ipaddress.IPv6Address) -> None:
    assert e.ip_address(value.exploded.upper()) == e.ip_address(str(value))
    assert ipaddress.ip_address(e.ip_address(value.exploded)) == value


@given(
    st.from_regex(r"[a-z0-9-]{1,15}", fullmatch=True).filter(lambda h: h.strip("-")),
    st.sampled_from(["", ".corp.local", "."]),
)
def test_case_and_domain_make_no_other_device(host: str, domain: str) -> None:
    assert e.device_id(host.upper() + domain) == e.device_id(host)


@given(st.lists(st.one_of(st.none(), st.text(), st.just("{747F3D96-E2F1-5F81-0000-001053B22400}"))))
def test_a_column_is_its_values(texts: list[str | None]) -> None:
    for column, change in COLUMN:
        expected = [change(t) if t is not None else "" for t in texts]
        assert column(pa.array(texts, pa.string())).to_pylist() == expected
        assert column(pa.array(texts, pa.string()).dictionary_encode()).to_pylist() == expected
        assert column(pa.chunked_array([pa.array(texts, pa.string())])).to_pylist() == expected
