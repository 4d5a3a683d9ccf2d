"""Dynamic columns of a lake, read as text where that does as well: the same rows as of columns that are checked to be JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lurcher.app.session import Session
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.schema import TableSchema

NOW = datetime(2026, 3, 31, tzinfo=UTC)
VALUES = [
    '{"a":1,"b":[1,{"c":"x"}],"m":[{"n":"p","size":3},{"n":"q","size":"0x10"}]}',
    "[1,null]",
    '"text"',
    "12",
    None,
    None,
    '  {"a":"7"}',
    '{"a":null}',
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder: Path = tmp_path_factory.mktemp("texts") / "lake"
    lake = Lake.create(folder)
    columns = (
        Column("TimeGenerated", ScalarType.DATETIME),
        Column("k", ScalarType.LONG),
        Column("d", ScalarType.DYNAMIC),
        Column("d~text", ScalarType.STRING),
        Column("e", ScalarType.DYNAMIC),
    )
    rows = pa.table(
        {
            "TimeGenerated": pa.array([NOW] * len(VALUES), pa.timestamp("us", "UTC")),
            "k": range(len(VALUES)),
            "d": VALUES,
            "d~text": ["own"] * len(VALUES),
            "e": VALUES,
        }
    )
    lake.append("T", rows.to_reader(), source=SourceId.of_content("t", b"t", NOW), schema=TableSchema("T", columns))
    return Session.open(lake, NOW)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("T | where isnotempty(e) | project k", [0, 1, 2, 3, 6, 7]),
        ("T | where isnull(e) | project k", [4, 5]),
        ("T | where e.a == 1 | project k", [0]),
        ("T | where tostring(e.a) == '7' | project k", [6]),
        ("T | where isnotempty(e.a) | project k", [0, 6]),
        ("T | where isnull(e.a) | project k", [1, 2, 3, 4, 5, 7]),
        ("T | where gettype(e) == 'array' | project k", [1]),
        ("T | mv-expand x = e.m | where isnotempty(x) | project tolong(x.size)", [3, 16]),
        ("T | summarize n = count() by e = tostring(e) | where e == 'text' | project n", [1]),
        ("T | join kind=inner (T | where isnotempty(e.a) | project k) on k | project k", [0, 6]),
        ("T | extend e = e.a | where isnotempty(e) | project k", [0, 6]),
        ("T | project k, x = d, d = e | where isnotempty(d.a) | project k", [0, 6]),
        # A column that is called as the text would be.
        ("T | where isnotempty(d.a) and ['d~text'] == 'own' | project k", [0, 6]),
    ],
)
def test_values(session: Session, query: str, expected: list[int]) -> None:
    table = session.run_table(query)
    assert sorted(table.column(0).to_pylist()) == expected


def test_the_text_is_read_and_never_shown(session: Session) -> None:
    query = session.compile("T | where isnotempty(e.a)").queries[0]
    assert '"e~text"' in session.engine.sql(query.plan)
    assert '"d~text~text"' not in session.engine.sql(session.compile("T | where isnotempty(d.a)").queries[0].plan)
    assert session.run_table("T").column_names == ["TimeGenerated", "k", "d", "d~text", "e"]
    assert session.run_table("T | getschema").num_rows == 5
