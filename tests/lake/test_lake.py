"""The folder, its tables, and how they grow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.lake.layout import arrow_type
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 1, tzinfo=UTC)
T0 = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case")


def append(lake: Lake, name: str, types: dict[str, ScalarType], *rows: tuple[Any, ...]) -> Any:
    columns = tuple(Column(n, t) for n, t in types.items())
    arrays = [pa.array([r[i] for r in rows], arrow_type(c.type)) for i, c in enumerate(columns)]
    batch = pa.RecordBatch.from_arrays(arrays, list(types))
    source = SourceId.of_content("rows", repr((name, rows)).encode(), NOW)
    return lake.append(name, [batch], source=source, schema=TableSchema(name, columns))


def query(lake: Lake, text: str) -> list[list[Any]]:
    from lurcher.engines.values import protocol_rows

    result = Session.open(lake, NOW).run(text)[0]
    return [row for batch in result.table().to_batches() for row in protocol_rows(batch, result.columns)]


S, L, D = ScalarType.STRING, ScalarType.LONG, ScalarType.DATETIME


def test_find_goes_up_to_the_nearest_lake(lake: Lake, tmp_path: Path) -> None:
    below = lake.path / "a" / "b"
    below.mkdir(parents=True)
    inner = Lake.create(lake.path / "a" / "inner")
    for start, found in (
        (lake.path, lake),
        (below, lake),
        (inner.path, inner),
        (inner.path / "tables", inner),
        (tmp_path, None),
    ):
        assert (f.path if (f := Lake.find(start)) else None) == (found.path if found else None)


def test_a_lake_is_made_once(lake: Lake) -> None:
    with pytest.raises(LurcherError, match="there is a lake already"):
        Lake.create(lake.path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("format = 2", "the lake is of format 2, this lurcher knows 1"),
        ("format = '1'", "no settings of a lake"),
        ("format = 1\nplatform = 'x'", "no settings of a lake"),
        ("format", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_lake_that_is_not_understood_is_refused(lake: Lake, settings: str | bytes, said: str) -> None:
    data = settings if isinstance(settings, bytes) else settings.encode()
    (lake.path / "lake.toml").write_bytes(data)
    with pytest.raises(LurcherError, match=said):
        Lake.open(lake.path)
    with pytest.raises(LurcherError, match=said):
        Lake.find(lake.path)


def test_no_lake(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="lurcher init"):
        Lake.open(tmp_path)


def test_columns_that_come_later_are_empty_in_older_rows(lake: Lake) -> None:
    append(lake, "T", {"n": L}, (1,))
    every = {c.value: c for c in ScalarType if c not in (ScalarType.UNKNOWN,)} if hasattr(ScalarType, "UNKNOWN") else {}
    types = every or {c.value: c for c in ScalarType}
    values = {
        "bool": True,
        "int": 1,
        "long": 2,
        "real": 0.5,
        "decimal": 3,
        "datetime": T0,
        "timespan": 10_000_000,
        "guid": "74be27de-1e4e-49d9-b579-fe0b331d3642",
        "string": "x",
        "dynamic": "[1]",
    }
    types = {"n": L, **{name: t for name, t in types.items() if name in values}}
    append(lake, "T", types, (2, *(values[name] for name in types if name != "n")))
    named = ", ".join(f"['{name}']" for name in types)
    expected = {
        "bool": True,
        "int": 1,
        "long": 2,
        "real": 0.5,
        "decimal": "3",
        "datetime": "2025-01-02T03:04:05.0000000Z",
        "timespan": "00:00:01",
        "guid": values["guid"],
        "string": "x",
        "dynamic": [1],
    }
    assert len(types) == 11
    assert query(lake, f"T | project {named} | order by n asc") == [
        [1, *("" if name == "string" else None for name in types if name != "n")],
        [2, *(expected[name] for name in types if name != "n")],
    ]
    assert query(lake, "T | where isempty(['string']) | project n") == [[1]]
    assert query(lake, "T | where ['string'] == '' | count") == [[1]]
    assert query(lake, "T | where isnull(['long']) | project n") == [[1]]
    assert query(lake, "T | where ['string'] != 'x' | project n") == [[1]]


def test_users_columns_named_like_hidden_ones_keep_their_values(lake: Lake) -> None:
    types = {"day": S, "Day": L, "_source": S, "_ingested": L, "_row_hash": S, "Timestamp": D}
    append(lake, "T", types, ("Monday", 5, "mine", 6, "hash", T0))
    assert query(lake, "T | project day, Day, _source, _ingested, _row_hash") == [["Monday", 5, "mine", 6, "hash"]]
    table = lake.table("T")
    assert table is not None
    assert [f.day for f in table.files] == [T0.date()]
    assert query(lake, "T | where Timestamp between (datetime(2025-01-02) .. 1d) | project day") == [["Monday"]]


def test_rows_without_a_time_are_in_the_lake_and_in_no_range_of_time(lake: Lake) -> None:
    append(lake, "T", {"Timestamp": D, "n": L}, (T0, 1), (None, 2), (T0 + timedelta(days=1), 3), (None, 4))
    table = lake.table("T")
    assert table is not None
    assert [(f.day, f.rows) for f in table.files] == [(None, 2), (date(2025, 1, 2), 1), (date(2025, 1, 3), 1)]
    assert len(table.file_uris((date(2025, 1, 3), date(2025, 1, 3)))) == 1
    assert sorted(query(lake, "T | project n")) == [[1], [2], [3], [4]]
    assert query(lake, "T | where Timestamp > datetime(2025-01-02 12:00) | project n") == [[3]]
    assert query(lake, "T | where isnull(Timestamp) | project n | order by n asc") == [[2], [4]]
    info = lake.tables()[0]
    assert (info.rows, info.first, info.last) == (4, T0, T0 + timedelta(days=1))


def test_a_table_whose_rows_all_lack_a_time(lake: Lake) -> None:
    append(lake, "T", {"Timestamp": D, "n": L}, (None, 1))
    append(lake, "T", {"n": L}, (2,))
    assert sorted(query(lake, "T | project n, Timestamp")) == [[1, None], [2, None]]
    assert (lake.tables()[0].first, lake.tables()[0].sources) == (None, 2)


def test_a_source_is_in_a_table_once_and_says_how_many_rows_it_gave(lake: Lake) -> None:
    first, again = (append(lake, "T", {"n": L}, (1,), (2,)) for _ in range(2))
    assert (first.rows, first.already, again.rows, again.already) == (2, False, 0, True)
    digest = SourceId.of_content("rows", repr(("T", ((1,), (2,)))).encode(), NOW).digest
    assert (lake.rows_of("T", digest), lake.rows_of("T", "0" * 64), lake.rows_of("U", digest)) == (2, 0, 0)


def test_another_type_for_a_column_is_refused_and_nothing_is_added(lake: Lake) -> None:
    append(lake, "T", {"n": L}, (1,))
    with pytest.raises(LurcherError, match="the column n of T is long, the new rows have string"):
        append(lake, "T", {"n": S}, ("x",))
    assert query(lake, "T | count") == [[1]]
    assert list((lake.path / "staging").iterdir()) == []


def test_tables_that_differ_in_case_alone_are_refused(lake: Lake) -> None:
    append(lake, "Table", {"n": L}, (1,))
    with pytest.raises(LurcherError, match="differs from 'TABLE' only in case"):
        append(lake, "TABLE", {"n": L}, (1,))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a" * 129, "1a", "é"])
def test_what_cannot_name_a_table_is_refused(lake: Lake, name: str) -> None:
    with pytest.raises(LurcherError, match="cannot name a table"):
        append(lake, name, {"n": L}, (1,))


def test_times_at_the_ends_of_the_calendar(lake: Lake) -> None:
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
    append(lake, "T", {"Timestamp": D}, (ends[0],), (ends[1],))
    assert query(lake, "T | order by Timestamp asc") == [
        ["0001-01-01T00:00:00.0000000Z"],
        ["9999-12-31T23:59:59.9999999Z"],
    ]


def test_an_open_version_does_not_change(lake: Lake) -> None:
    append(lake, "T", {"n": L}, (1,))
    before = lake.table("T")
    append(lake, "T", {"n": L, "m": S}, (2, "x"))
    assert before is not None
    assert (before.row_count, before.arrow().to_pylist()) == (1, [{"n": 1}])
