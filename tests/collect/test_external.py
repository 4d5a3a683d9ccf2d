"""Files of externaldata: text by position, JSON by name, bounded."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lurcher.collect import external
from lurcher.collect.external import read_rows
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType

T = ScalarType


def columns(*names: str, type: ScalarType = T.STRING) -> tuple[Column, ...]:
    return tuple(Column(name, type) for name in names)


def rows(
    data: bytes | str, format_: str, *names: str, skip: bool = False, type: ScalarType = T.STRING
) -> list[Sequence[object]]:
    data = data.encode() if isinstance(data, str) else data
    table = read_rows(data, format_, columns(*names, type=type), skip_first=skip, name="x")
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("csv", 'h1,h2\n"a ""x"", b",1\nc\n\nd,2,3\n'),
        ("csv", '\ufeffh1,h2\r\n"a ""x"", b",1\r\nc\r\n\r\nd,2,3'),
        ("tsv", 'h1\th2\n"a ""x"", b"\t1\nc\nd\t2\t3\n'),
        ("psv", 'h1|h2\na "x", b|1\nc\nd|2|3\n'),
        ("scsv", 'h1;h2\na "x", b;1\nc\nd;2;3\n'),
        ("sohsv", 'h1\x01h2\na "x", b\x011\nc\nd\x012\x013\n'),
    ],
)
def test_separated_values_go_by_position(format_: str, text: str) -> None:
    assert rows(text, format_, "A", "B", skip=True) == [('a "x", b', "1"), ("c", ""), ("d", "2")]


def test_a_cell_may_have_lines_in_it() -> None:
    assert rows('"a\nb",1\n', "csv", "A", "B") == [("a\nb", "1")]


def test_a_quote_that_is_not_closed_ends_with_the_file() -> None:
    assert rows('"a,1\nb', "csv", "A", "B") == [("a,1\nb", "")]


def test_a_line_of_text_is_the_first_column() -> None:
    assert rows("# list\r\n10.0.0.1,x\r\n\r\n\n10.0.0.2", "txt", "A", "B", skip=True) == [
        ("10.0.0.1,x", ""),
        ("10.0.0.2", ""),
    ]


def test_raw_is_one_value() -> None:
    assert rows("a\n\nb\n", "raw", "A", "B") == [("a\n\nb\n", "")]


def test_json_goes_by_name() -> None:
    text = '{"B":1,"A":"x"}\n\n{"A":{"k":[1]},"a":2}\r\n{"A":null,"B":"ü"}'
    assert rows(text, "json", "A", "B", type=T.DYNAMIC) == [('"x"', "1"), ('{"k":[1]}', None), (None, '"ü"')]


@pytest.mark.parametrize(
    "text", ['[{"A":1},\n {"A":2}]', '{"A":1}{"A":2}', '{"A":1}\n\n{\n"A":2}\n', ' [ {"A":1} , {"A":2} ] ']
)
def test_multijson_is_an_array_or_objects_in_a_row(text: str) -> None:
    assert rows(text, "multijson", "A", type=T.DYNAMIC) == [("1",), ("2",)]
    assert rows(text, "multijson", "A", type=T.DYNAMIC, skip=True) == [("2",)]


@pytest.mark.parametrize(
    ("format_", "text", "line"),
    [
        ("json", '{"A":1}\n[{"A":1}]', 2),
        ("json", '{"A":1}\n{"A":', 2),
        ("json", "[" * 100_000, 1),
        ("multijson", '[{"A":1}\n{"A":2}]', 2),
        ("multijson", '[{"A":1}]\nx', 2),
        ("multijson", '[{"A":1},]', 1),
        ("multijson", '[{"A":1}', 1),
        ("multijson", "[1]", 1),
        ("multijson", '{"A":' * 100_000, 1),
    ],
)
def test_what_is_no_json_is_told_with_its_line(format_: str, text: str, line: int) -> None:
    with pytest.raises(LurcherError) as caught:
        rows(text, format_, "A", type=T.DYNAMIC)
    assert (caught.value.path, caught.value.line) == ("x", line)


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        ("csv", b""),
        ("txt", b"\n\n"),
        ("json", b" \n"),
        ("multijson", b""),
        ("multijson", b"[]"),
        ("csv", b"only a header\n"),
    ],
)
def test_nothing_gives_no_row(format_: str, data: bytes) -> None:
    table = read_rows(data, format_, columns("A", "B"), skip_first=format_ == "csv", name="x")
    assert (table.num_rows, table.column_names) == (0, ["A", "B"])


def test_what_is_packed_is_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.csv", "a,1\n")
    assert (
        rows(packed.getvalue(), "csv", "A", "B")
        == rows(gzip.compress(b"a,1\n", mtime=0), "csv", "A", "B")
        == [("a", "1")]
    )


def test_utf_16_is_read_and_what_is_no_text_is_replaced() -> None:
    assert rows("ä,1".encode("utf-16"), "csv", "A", "B") == [("ä", "1")]
    assert rows(b"\xff\x41,1", "csv", "A", "B") == [("\ufffdA", "1")]


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "MAX_UNPACKED", 1000)
    with pytest.raises(LurcherError, match="more than 1,000 bytes"):
        rows(gzip.compress(b"x" * 2000), "csv", "A")


@pytest.mark.parametrize("data", [gzip.compress(b"a,1\n" * 99, mtime=0)[:-12], b"PK\x03\x04 broken"])
def test_what_is_broken_is_told(data: bytes) -> None:
    with pytest.raises(LurcherError, match="unpacked"):
        rows(data, "csv", "A")


def test_parquet_goes_by_name_and_type() -> None:
    made = io.BytesIO()
    pq.write_table(
        pa.table({
            "n": pa.array([1, None], pa.int32()),
            "t": pa.array([1_700_000_000_000_000_000, None], pa.timestamp("ns")),
            "d": pa.array([{"k": 1}, None]),
            "s": pa.array(["x", None]),
        }),
        made,
    )  # fmt: skip
    wanted = (
        Column("s", T.STRING),
        Column("n", T.LONG),
        Column("t", T.DATETIME),
        Column("d", T.DYNAMIC),
        Column("z", T.REAL),
    )
    found = read_rows(made.getvalue(), "parquet", wanted, skip_first=False, name="x").to_pylist()
    assert found[0]["t"].isoformat() == "2023-11-14T22:13:20+00:00"
    assert json.loads(found[0]["d"]) == {"k": 1}
    assert [found[0]["s"], found[0]["n"], found[0]["z"]] == ["x", 1, None]
    assert list(found[1].values()) == ["", None, None, None, None]


def test_parquet_of_another_type_is_refused() -> None:
    made = io.BytesIO()
    pq.write_table(pa.table({"n": ["x"]}), made)
    with pytest.raises(LurcherError, match="'n' holds string, the query wants long"):
        read_rows(made.getvalue(), "parquet", (Column("n", T.LONG),), skip_first=False, name="x")
    with pytest.raises(LurcherError, match="no Parquet file"):
        read_rows(b"x", "parquet", (Column("n", T.LONG),), skip_first=False, name="x")
