"""Files of each format, as a user would add them, and what `lurcher query` then says."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lurcher.app.add import AddReport, add
from lurcher.app.session import Session
from lurcher.collect.exports import csv_table, elements, lines, registry
from lurcher.collect.exports.readers import columnar
from lurcher.engines.values import protocol_rows
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case")


def put(lake: Lake, name: str, content: str | bytes, table: str | None = "T", **more: Any) -> AddReport:
    path = lake.path.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return add(lake, [path], now=NOW, table=table, **more)


def query(lake: Lake, text: str) -> list[list[Any]]:
    """The rows of a query, as `lurcher query --jsonl` gives them."""
    result = Session.open(lake, NOW).run(text)[0]
    columns = result.columns
    return [row for batch in result.table().to_batches() for row in protocol_rows(batch, columns)]


def parquet(table: pa.Table) -> bytes:
    held = io.BytesIO()
    pq.write_table(table, held)
    return held.getvalue()


def arrow(table: pa.Table) -> bytes:
    held = io.BytesIO()
    with pa.ipc.new_file(held, table.schema) as writer:
        writer.write_table(table)
    return held.getvalue()


GUID = "74be27de-1e4e-49d9-b579-fe0b331d3642"
TYPED = pa.table(
    {
        "b": [True, None],
        "i": pa.array([-(2**31), None], pa.int32()),
        "l": pa.array([2**63 - 1, None], pa.int64()),
        "r": pa.array([0.1, None], pa.float64()),
        "m": pa.array([Decimal("123456789012345678.000000000000000001"), None], pa.decimal128(38, 18)),
        "t": pa.array([datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "s": pa.array([-timedelta(days=1, microseconds=1), None], pa.duration("us")),
        "x": pa.array(["é", None], pa.string()),
        "d": pa.array([{"a": [1]}, None], pa.struct([("a", pa.list_(pa.int64()))])),
    }
)
OUT = [
    [
        *(True, -(2**31), 2**63 - 1, 0.1, "123456789012345678.000000000000000001"),
        *("2025-01-02T03:04:05.6789010Z", "-1.00:00:00.0000010", "é", {"a": [1]}),
    ],
    [None, None, None, None, None, None, None, "", None],
]


@pytest.mark.parametrize("write", [parquet, arrow])
def test_typed_files_come_out_of_a_query_as_they_went_in(lake: Lake, write: Any) -> None:
    outcome = put(lake, "x.bin", write(TYPED)).files[0]
    assert (outcome.rows, outcome.rejected, outcome.skipped) == (2, 0, "")
    assert query(lake, "T | project b, i, l, r, m, t, s, x, d | order by i desc nulls last") == OUT


@pytest.mark.parametrize("write", [parquet, arrow])
@pytest.mark.parametrize(
    ("values", "out"),
    [
        (pa.array([1_735_787_045_123_456_789], pa.timestamp("ns", "UTC")), "2025-01-02T03:04:05.1234560Z"),
        (pa.array([1_735_787_045], pa.timestamp("s")), "2025-01-02T03:04:05.0000000Z"),
        (pa.array([1_735_787_045_000], pa.timestamp("ms", "Europe/Berlin")), "2025-01-02T03:04:05.0000000Z"),
        (pa.array([date(2025, 1, 2)], pa.date32()), "2025-01-02T00:00:00.0000000Z"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array([255], pa.uint8()), 255),
        (pa.array([2**63 - 1], pa.uint64()), 2**63 - 1),
        (pa.array([1.5], pa.float32()), 1.5),
        (pa.array([[1, 2]]), [1, 2]),
        (pa.array([b"\x01\xff"], pa.binary()), "01ff"),
        (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), "1.5"),
        (pa.array([1_000_000_123], pa.duration("ns")), "00:00:01.0000001"),
        (pa.array([25 * 3600], pa.duration("s")), "1.01:00:00"),
        (pa.array([None, "x"], pa.string()).slice(1), "x"),
    ],
    ids=lambda v: str(getattr(v, "type", "")),
)
def test_a_type_of_arrow_becomes_one_of_kql(lake: Lake, write: Any, values: pa.Array, out: Any) -> None:
    outcome = put(lake, "x", write(pa.table({"v": values}))).files[0]
    assert (outcome.rows, outcome.skipped, outcome.reasons) == (1, "", {})
    assert query(lake, "T | project v") == [[out]]


def test_a_value_of_a_typed_file_that_does_not_fit_rejects_its_row_alone(lake: Lake) -> None:
    table = pa.table({"ReportId": pa.array([1, 2**64 - 1, 3], pa.uint64()), "DeviceName": ["a", "b", "c"]})
    outcome = put(lake, "x.parquet", parquet(table), "DeviceProcessEvents").files[0]
    assert (outcome.rows, outcome.rejected) == (2, 1)
    told = json.loads(Path(outcome.rejects).read_text())
    assert (told["row"], told["reason"]) == (2, f"ReportId: {2**64 - 1} does not fit long")
    assert query(lake, "DeviceProcessEvents | project ReportId | order by ReportId asc") == [[1], [3]]


def test_nanoseconds_beside_a_value_that_does_not_fit(lake: Lake) -> None:
    table = pa.table(
        {
            "Timestamp": pa.array([1_735_787_045_123_456_789] * 2, pa.timestamp("ns", "UTC")),
            "ReportId": pa.array([2**64 - 1, 1], pa.uint64()),
            "Took": pa.array([1001, 1001], pa.duration("ns")),
        }
    )
    outcome = put(lake, "x.parquet", parquet(table), "DeviceEvents").files[0]
    assert (outcome.rows, outcome.rejected, outcome.skipped) == (1, 1, "")
    assert query(lake, "DeviceEvents | project Timestamp, Took") == [
        ["2025-01-02T03:04:05.1234560Z", "00:00:00.0000010"]
    ]


@pytest.mark.parametrize("write", [parquet, arrow])
def test_a_typed_file_that_is_cut_is_refused_whole(lake: Lake, write: Any) -> None:
    content = write(TYPED)
    for keep in (8, 100, len(content) // 2, len(content) - 1):
        outcome = put(lake, f"{keep}", content[:keep]).files[0]
        assert "not a whole" in outcome.skipped, keep
        assert outcome.rows == 0
    assert lake.table_names() == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_any_encoding(lake: Lake, encoding: str, separator: str) -> None:
    text = '"Gerät";"n"\r\n"zwei\r\nZeilen; ""so""";1\r\n日本;2\r\n'.replace(";", separator)
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding.endswith("-bom") else text.encode(encoding)
    outcome = put(lake, "x.csv", data).files[0]
    assert (outcome.format, outcome.rows, outcome.rejected) == ("csv", 2, 0)
    assert query(lake, "T | project ['Gerät'], n | order by n asc") == [
        [f'zwei\r\nZeilen{separator} "so"', 1],
        ["日本", 2],
    ]


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ('n,"b;c;d;e"', "1,x;y;z;w", ["n", "b;c;d;e"]),
        ('"x, y, z";n', '"1, 2, 3";4', ["x, y, z", "n"]),
        ('a,"b;c"', '1,"2;3"', ["a", "b;c"]),
        ('n;say "hi"', "1;2", ["n", 'say "hi"']),
    ],
)
def test_a_separator_within_quotes_of_the_header_is_none(lake: Lake, header: str, row: str, columns: list[str]) -> None:
    put(lake, "x.csv", f"{header}\n{row}\n")
    schema = lake.schema_of("T")
    assert schema is not None
    assert [c.name for c in schema.columns] == columns


def test_a_row_of_csv_that_never_ends_is_rejected_and_the_next_are_read(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_table, "_BLOCK", 1000)
    monkeypatch.setattr(csv_table, "MAX_ROW", 5000)
    text = "a,b\n1,x\n2," + '"' + "y" * 30_000 + "\n" + "".join(f"{i},z\n" for i in range(3, 9))
    outcome = put(lake, "x.csv", text).files[0]
    assert sorted(query(lake, "T | project a")) == [[1], *([i] for i in range(3, 9))]
    assert outcome.rejected == 1


def test_a_line_beyond_the_limit_is_rejected_and_the_next_are_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 1000)
    monkeypatch.setattr(lines, "MAX_LINE", 5000)
    text = '{"a":1}\n{"a":"' + "y" * 30_000 + '"}\n{"a":3}\n'
    outcome = put(lake, "x.json", text).files[0]
    assert sorted(query(lake, "T | project a")) == [[1], [3]]
    assert [json.loads(line)["line"] for line in Path(outcome.rejects).read_text().splitlines()] == [2]


def test_text_becomes_the_types_of_the_table_and_comes_out_again(lake: Lake) -> None:
    put(lake, "first.parquet", parquet(TYPED))
    row = '"{{""a"": [1]}}",{x},0.1,{l},true,{i},{m},{t},{s}'
    fill = {"x": "é", "l": 2**63 - 1, "i": -(2**31), "m": OUT[0][4], "t": OUT[0][5], "s": OUT[0][6]}
    outcome = put(lake, "x.csv", "d,x,r,l,b,i,m,t,s\n" + row.format(**fill) + "\n,,,,,,,,\n").files[0]
    assert (outcome.rows, outcome.reasons) == (2, {})
    columns = "b, i, l, r, m, t, s, x, d"
    assert query(lake, f"T | project {columns} | order by i desc nulls last") == [OUT[0], OUT[0], OUT[1], OUT[1]]


def test_guids_of_any_form_are_one_guid(lake: Lake, tmp_path: Path) -> None:
    from lurcher.collect.exports.context import ReadContext
    from lurcher.collect.exports.text_values import text_array
    from lurcher.kql.types import Column, ScalarType
    from lurcher.lake import SourceId
    from lurcher.schema import TableSchema

    forms = [GUID, GUID.upper(), "{" + GUID + "}", GUID.replace("-", ""), "", "not one"]
    array, bad = text_array(pa.array(forms), ScalarType.GUID, ReadContext(lambda n: None, "x"))
    assert bad == {5: "'not one' is not of type guid"}
    schema = TableSchema("T", (Column("g", ScalarType.GUID),))
    batch = pa.record_batch({"g": array})
    lake.append("T", [batch], source=SourceId.of_content("x", b"x", NOW), schema=schema)
    assert query(lake, "T | summarize n = count() by g | order by n desc") == [[GUID, 4], [None, 2]]
    assert query(lake, f"T | where g == guid({GUID}) | count") == [[4]]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('{"a":1,"a":2}', "a"),
        ('{"a" :1,"a" :2}', "a"),
        ('{"b":"x\\":","a":1,"a":2}', "a"),
        ('{"b\\\\":1,"a":1,"a":2}', "a"),
        ('{"b":{"c":[{"d":1,"d":2}]}}', "d"),
        ('{"\\u0061":1,"a":2}', "a"),
        ('{"a":1,"a":' + "9" * 300 + "}", "a"),
    ],
)
def test_a_key_that_comes_twice_rejects_its_row(lake: Lake, line: str, key: str) -> None:
    outcome = put(lake, "x.json", f'{{"a":7}}\n{line}\n{{"a":8}}\n').files[0]
    assert (outcome.rows, outcome.reasons) == (2, {f"the key '{key}' comes twice in an object": 1})


@pytest.mark.parametrize(
    "line", ['{"a":"\\":\\":","b":{"a":"C:\\\\\\":"}}', '{"a" : {"b" : 1}, "c":[{"b":1},{"b":2}]}', '{"a\\\\":1,"b":2}']
)
def test_keys_that_come_once_are_taken_however_they_look(lake: Lake, line: str) -> None:
    assert put(lake, "x.json", f"{line}\n{line}\n").files[0].rows == 2


def test_among_texts_that_begin_with_a_colon_a_key_that_comes_twice_is_found(lake: Lake) -> None:
    text = "".join(f'{{"n":{i},"ip":"::1"}}\n' for i in range(50))
    assert put(lake, "a.json", text).files[0].rows == 50
    tail = '{"n":50,"n":51}\n{"x:":":","n":52}\n'
    broken = put(lake, "b.json", '{"n":53}\n' + text + tail).files[0]
    assert (broken.rows, broken.reasons) == (52, {"the key 'n' comes twice in an object": 1})
    fresh = put(lake, "c.json", '{"n":60,"n":61}\n' + text).files[0]
    assert (fresh.rows, fresh.reasons) == (50, {"the key 'n' comes twice in an object": 1})


def test_an_element_with_a_key_twice_is_rejected(lake: Lake) -> None:
    outcome = put(lake, "x.json", '[{"a":7},\n{"a":1,\n"a":2},{"a":8}]').files[0]
    assert (outcome.rows, outcome.reasons) == (2, {"the key 'a' comes twice in an object": 1})


VALUES = [{"a": i, "s": "x\\" * (i % 4) + '"]}[{,' * (i % 3), "d": {"n": [i, {}]}} for i in range(50)]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("block", [1, 7, 64, 1000, 1_000_000])
def test_arrays_are_read_in_pieces(lake: Lake, monkeypatch: pytest.MonkeyPatch, indent: int | None, block: int) -> None:
    monkeypatch.setattr(elements, "BLOCK", block)
    assert put(lake, "x.json", " \n" + json.dumps(VALUES, indent=indent)).files[0].rows == 50
    assert query(lake, "T | project a, s, d | order by a asc") == [[v["a"], v["s"], v["d"]] for v in VALUES]


@pytest.mark.parametrize("block", [1, 64, 1_000_000])
def test_objects_over_several_lines_one_after_the_other(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(elements, "BLOCK", block)
    put(lake, "x.json", "\n".join(json.dumps(v, indent=1) for v in VALUES))
    assert query(lake, "T | project a, s, d | order by a asc") == [[v["a"], v["s"], v["d"]] for v in VALUES]


@pytest.mark.parametrize(
    ("text", "rows", "told"),
    [
        ('[{"a":1},{"a":2},{"a":3', [1, 2], [(3, "cut: the document ends before its end", '{"a":3')]),
        ('[{"a":1},{"a":2}', [1, 2], [(3, "cut: the document ends before its end", "")]),
        (
            '[{"a":1},5,"x",{"a":2},[{}]]',
            [1, 2],
            [(n, "not a JSON object", raw) for n, raw in ((2, "5"), (3, '"x"'), (5, "[{}]"))],
        ),
        ('[{"a":1},{"a":nul},{"a":3}]', [1, 3], [(2, "not JSON: invalid literal, expected 'null'", '{"a":nul}')]),
        ('[{"a":1}] [{"a":2}]', [1], [(2, "something follows the end of the array", '[{"a":2}]')]),
        ('[{"a":1}]\n\n', [1], []),
        ('{\n"a":1\n}\n{\n"a":2', [1], [(2, "cut: the document ends before its end", '{\n"a":2')]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_document_is_told_and_the_rest_taken(lake: Lake, text: str, rows: Any, told: Any) -> None:
    outcome = put(lake, "x.json", text).files[0]
    assert query(lake, "T | project a | order by a asc") == [[n] for n in rows]
    lines = Path(outcome.rejects).read_text().splitlines() if outcome.rejects else []
    found = [json.loads(line) for line in lines]
    assert sorted((r["element"], r["reason"].partition(" (")[0], r["raw"]) for r in found) == told


def test_a_defect_of_a_reader_is_told_of_and_the_other_files_go_on(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    csv = registry.FORMATS["csv"]

    def broken(leaf: Any, context: Any) -> Any:
        raise ZeroDivisionError("a hole")

    monkeypatch.setitem(
        registry.FORMATS, "csv", registry.SourceFormat("csv", csv.title, csv.rank, csv.recognise, broken)
    )
    for name, text in (("a.csv", "a,b\n1,2\n"), ("b.json", '{"a":1}\n')):
        (lake.path.parent / name).write_text(text)
    report = add(lake, [lake.path.parent / "a.csv", lake.path.parent / "b.json"], now=NOW, table="T")
    assert report.files[0].skipped == "lurcher failed on it (ZeroDivisionError: a hole)"
    assert report.failed == [report.files[0]]
    assert report.files[1].rows == 1


def test_a_file_of_rejects_alone_is_noted_counts_as_failed_and_is_read_again(lake: Lake) -> None:
    for _ in range(2):
        report = put(lake, "x.json", '{"a":1,"a":2}\n{"a":\n')
        assert report.failed == report.files
        record = next(lake.sources())
        assert (record.rejected, record.tables, record.rejects) == (2, {}, report.files[0].rejects)
    assert len(list(lake.sources())) == 1


def test_text_of_a_typed_file_that_is_not_utf8_rejects_its_row_alone(lake: Lake) -> None:
    texts = pa.array([b"a", b"\xff", None, b"c"], pa.binary()).view(pa.string())
    table = pa.table({"n": pa.array([1, 2, 3, 4]), "s": texts})
    outcome = put(lake, "x", arrow(table)).files[0]
    assert (outcome.rows, outcome.reasons) == (3, {"s: text that is not UTF-8": 1})
    assert query(lake, "T | project n, s | order by n asc") == [[1, "a"], [3, ""], [4, "c"]]


def test_a_header_that_never_ends_is_told(lake: Lake) -> None:
    assert "the header is broken" in put(lake, "x.csv", 'a,"b\n1,2\n').files[0].skipped


def test_wrong_offsets_beside_text_that_is_not_utf8_are_found_before_they_are_used() -> None:
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, 2**30, 1)))
    wild = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"x")])
    texts = pa.array([b"\xff", b"x"], pa.binary()).view(pa.string())
    with pytest.raises(pa.ArrowInvalid):
        columnar._readable(pa.RecordBatch.from_arrays([texts, wild], ["a", "b"]), 1)
