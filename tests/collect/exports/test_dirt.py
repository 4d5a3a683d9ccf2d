"""Encodings, headers and values as they are out there: each row is taken or told of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.app.add import FileOutcome, add
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.times import parse
from lurcher.errors import LurcherError
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READ_AS_1252 = "it is not UTF-8, and was read as Windows-1252 (--encoding says another)"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case")


def put(lake: Lake, name: str, content: bytes, table: str | None = "T", **more: Any) -> FileOutcome:
    path = lake.path.parent / name
    path.write_bytes(content)
    return add(lake, [path], now=NOW, table=table, **more).files[0]


def rows(lake: Lake, table: str = "T") -> list[dict[str, Any]]:
    found = lake.table(table)
    return found.arrow().to_pylist() if found else []


def rejects(outcome: FileOutcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()] if outcome.rejects else []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["a,b\r\n1,é€\r\n", '{"a":1,"b":"é€"}\r\n', '[\n {"a": 1,\n "b": "é€"}\n]'])
def test_unicode_in_any_form(lake: Lake, encoding: str, text: str) -> None:
    outcome = put(lake, "x", text.encode(encoding))
    assert rows(lake) == [{"a": 1, "b": "é€"}]
    assert outcome.notes == (
        [f"it was read as UTF-16-{'BE' if 'be' in encoding else 'LE'}"] if "16" in encoding else []
    )


def test_half_a_character_of_utf16_is_told(lake: Lake) -> None:
    content = "A,B\nx".encode("utf-16") + b"\x00\xd8" + ",y\n".encode("utf-16-le")
    outcome = put(lake, "half.csv", content)
    assert outcome.rows == 1
    assert "it holds what is no character: that is U+FFFD in the rows" in outcome.notes


@pytest.mark.parametrize("text", ["a,b\n1,Grüße €\n2,plain\n", '{"a":1,"b":"Grüße €"}\n{"a":2,"b":"plain"}\n'])
def test_what_is_not_utf8_is_read_as_windows_1252_and_said(lake: Lake, text: str) -> None:
    outcome = put(lake, "x", text.encode("cp1252"))
    assert [r["b"] for r in rows(lake)] == ["Grüße €", "plain"]
    assert outcome.notes == [READ_AS_1252]


def test_an_encoding_can_be_said(lake: Lake) -> None:
    outcome = put(lake, "x", "a,b\n1,Grüße\n".encode("cp850"), encoding="cp850")
    assert (rows(lake), outcome.notes) == ([{"a": 1, "b": "Grüße"}], ["it was read as CP850"])
    with pytest.raises(LurcherError, match="no encoding 'klingon'"):
        put(lake, "y", b"", encoding="klingon")


def test_a_broken_line_of_utf8_is_rejected_and_the_file_stays_utf8(lake: Lake) -> None:
    outcome = put(lake, "x.csv", "a,b\n1,é\n2,ü\n".encode() + b"3,\xff\n4,x\n")
    assert [r["b"] for r in rows(lake)] == ["é", "ü", "x"]
    assert outcome.notes == []
    assert [(r["row"], r["reason"]) for r in rejects(outcome)] == [(3, "not UTF-8: invalid start byte")]


def test_a_byte_that_windows_1252_does_not_have_rejects_its_row(lake: Lake) -> None:
    outcome = put(lake, "x.csv", b"a,b\n1,\xe9\n2,\x81\n3,x\n")
    assert [r["b"] for r in rows(lake)] == ["é", "x"]
    assert (outcome.notes, [r["row"] for r in rejects(outcome)]) == ([READ_AS_1252], [2])


def test_a_file_cut_within_a_character_is_still_utf8(lake: Lake) -> None:
    outcome = put(lake, "x.csv", "a,b\n1,x\n2,é".encode()[:-1])
    assert (outcome.notes, outcome.rows, outcome.rejected) == ([], 1, 1)


def test_columns_of_one_name_are_both_taken(lake: Lake) -> None:
    outcome = put(lake, "x.csv", b"a,a,a_2,,\n1,2,3,4,\n5,6,7,,\n")
    assert rows(lake) == [{"a": 1, "a_3": 2, "a_2": 3, "Column4": 4}, {"a": 5, "a_3": 6, "a_2": 7, "Column4": None}]
    assert outcome.notes == ["the header has the column 'a' more than once: it was taken as a_3"]


def test_ragged_rows_and_nul_bytes_are_told_of(lake: Lake) -> None:
    outcome = put(lake, "x.csv", b"a,b\n1,x\n2\n3,x,y\n4,\0\n5,z\n")
    assert [r["a"] for r in rows(lake)] == [1, 5]
    assert [(r["row"], r["reason"], r["raw"]) for r in rejects(outcome)] == [
        (2, "the row has 1 cells, the header 2", "2"),
        (3, "the row has 3 cells, the header 2", "3,x,y"),
        (4, "b: holds a NUL byte", "4,\0"),
    ]


def test_thousands_of_columns(lake: Lake) -> None:
    names = [f"c{i}" for i in range(3000)]
    outcome = put(lake, "x.csv", (",".join(names) + "\n" + ",".join(map(str, range(3000)))).encode())
    assert (outcome.rows, rows(lake)[0]["c2999"]) == (1, 2999)
    many = ",".join(f"c{i}" for i in range(5000)).encode()
    assert "5,000 columns, more than 4,096" in put(lake, "y.csv", many + b"\n1\n").skipped


def test_a_decimal_comma_is_no_number(lake: Lake) -> None:
    put(lake, "a.csv", b"n;x\n1.5;a\n")
    outcome = put(lake, "b.csv", b"n;x\n1,5;a\n2.5;b\n")
    assert [r["n"] for r in rows(lake)] == [1.5, 2.5]
    assert [r["reason"] for r in rejects(outcome)] == ["n: '1,5' is not of type real"]


def test_mixed_types_in_a_column_are_text_where_nobody_says_more(lake: Lake) -> None:
    put(lake, "x.json", b'{"EventID":1}\n{"EventID":"1008"}\n')
    assert [r["EventID"] for r in rows(lake)] == ["1", "1008"]
    put(lake, "y.json", b'{"EventID":1}\n{"EventID":"1008"}\n', "SecurityEvent")
    assert [r["EventID"] for r in rows(lake, "SecurityEvent")] == [1, 1008]


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("1/31/2025, 12:00:00.000 AM", None, "2025-01-31T00:00:00"),
        ("1/31/2025, 12:30:05.123 PM", None, "2025-01-31T12:30:05.123000"),
        ("1/31/2025, 1:02:03.1234567\u202fPM", None, "2025-01-31T13:02:03.123456"),
        ("31/01/2025, 13:02:03", None, "2025-01-31T13:02:03"),
        ("2/1/2025 1:02:03 p.m.", "dmy", "2025-01-02T13:02:03"),
        ("31-01-2025 13:02", None, "2025-01-31T13:02:00"),
        ("2.1.2025, 13:02:03,5", None, "2025-01-02T13:02:03.500000"),
        ("2025/1/2 13:02:03", None, "2025-01-02T13:02:03"),
        ("2025-01-02, 1:02:03 PM", None, "2025-01-02T13:02:03"),
        ("Jan 2, 2025 1:02:03 PM", None, "2025-01-02T13:02:03"),
        ("1/31/2025", None, "2025-01-31T00:00:00"),
    ],
)
def test_times_of_locales(text: str, order: Any, iso: str) -> None:
    context = ReadContext(lambda name: None, "x", date_order=order)
    told = datetime.fromisoformat(iso).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    parse(text, context)
    context.settle()
    assert parse(text, context) == round(told.total_seconds() * 1e6)


@pytest.mark.parametrize(
    "text", ["13/31/2025 1:00:00", "1/2/25 1:00", "1/31/2025 13:00 PM", "0/1/2025 1:00", "1/2-2025 1:00"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text, ReadContext(lambda name: None, "x", date_order="mdy"))
