"""The engine around the SQL: what it may touch, how it fails, what it reads of a lake."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.source import Source
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.plan.compile import compile_text
from lurcher.schema import TableSchema, known_table, table_names

NOW = datetime(2026, 3, 10, tzinfo=UTC)


class Tables:
    """A lake's tables, or none."""

    def __init__(self, lake: Lake | None = None) -> None:
        self.lake = lake

    def table(self, name: str) -> TableSchema | None:
        return (self.lake.schema_of(name) if self.lake is not None else None) or known_table(name)

    def table_names(self) -> list[str]:
        return table_names()

    def data(self, name: str) -> Any:
        return self.lake.table(name) if self.lake is not None else None


def rows(engine: DuckDBEngine, text: str, tables: Tables) -> list[list[Any]]:
    compiled = compile_text(Source(text), tables, now=NOW)
    assert not [d for d in compiled.diagnostics if d.is_error], compiled.diagnostics
    result = engine.run(compiled.queries[0])
    return [row for batch in result.batches for row in protocol_rows(batch, result.columns)]


@pytest.fixture(scope="module")
def engine() -> Any:
    made = DuckDBEngine(Tables(), threads=1)
    yield made
    made.close()


ATTACKS = [
    "'; COPY (SELECT 1) TO '{out}'; --",
    "\\'); COPY (SELECT 1) TO '{out}'; --",
    "\"; ATTACH '{out}'; --",
    "x' UNION ALL SELECT content FROM read_text('/etc/passwd') --",
    "$$; SET lock_configuration = false; $$",
    "/*'*/ || (SELECT content FROM read_text('/etc/passwd'))",
    "\u0000'; SELECT 1; --",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_text_of_a_query_stays_a_text(engine: DuckDBEngine, attack: str, tmp_path: Path) -> None:
    out = tmp_path / "stolen"
    text = attack.format(out=out)
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\0") + '"'
    assert rows(engine, f"print x = {quoted}, y = {quoted} has 'z'", Tables())[0][0] == text
    assert rows(engine, f"datatable(s:string)[{quoted}] | where s in ({quoted}) and s contains {quoted}", Tables()) == [
        [text]
    ]
    assert not out.exists()


@pytest.mark.parametrize(
    "name", ['a"b', "a'b", "a;--", "a\\", "order 1", "row 1", "element 1.1", "v1__", "t", "x~2", "ä"]
)
def test_any_name_of_a_column(engine: DuckDBEngine, name: str) -> None:
    quoted = "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"
    text = (
        f"datatable({quoted}:long, d:dynamic)[2, dynamic([7, 8]), 1, dynamic([9])] | sort by {quoted} asc"
        f" | mv-expand d | extend n = row_number() | where {quoted} > 0 | project {quoted}, d, n"
    )
    assert rows(engine, text, Tables()) == [[1, 9, 1], [2, 7, 2], [2, 8, 3]]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "COPY (SELECT 1) TO '/tmp/lurcher-test-out'",
        "ATTACH '/tmp/lurcher-test.db'",
        "INSTALL httpfs",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SET enable_external_access = true",
        "SET GLOBAL memory_limit = '1TB'",
        "SET lock_configuration = false",
    ],
)
def test_even_sql_could_not_leave_the_connection(engine: DuckDBEngine, statement: str) -> None:
    import duckdb

    rows(engine, "print 1", Tables())
    with pytest.raises(duckdb.Error):
        engine._connection.execute(statement).fetchall()


def test_a_query_that_takes_too_long_is_stopped() -> None:
    engine = DuckDBEngine(Tables(), threads=1, timeout=0.2)
    side = "range {} from 1 to 100000 step 1 | extend k = 1"
    text = f"{side.format('a')} | join kind=inner ({side.format('b')}) on k | summarize sum(a * b)"
    with pytest.raises(LurcherError, match=r"longer than 0\.2 s"):
        rows(engine, text, Tables())
    # The connection is not lost by it.
    assert rows(engine, "print 1", Tables()) == [[1]]
    engine.close()


def test_results_are_streams_that_do_not_disturb_each_other(engine: DuckDBEngine) -> None:
    query = compile_text(Source("range a from 1 to 500000 step 1"), Tables(), now=NOW).queries[0]
    first, second = engine.run(query).batches, engine.run(query).batches
    assert next(first).num_rows == next(second).num_rows
    assert sum(b.num_rows for b in first) == sum(b.num_rows for b in second)


def test_queries_of_several_threads(engine: DuckDBEngine) -> None:
    answers: list[list[list[Any]]] = []

    def ask(i: int) -> None:
        answers.append(rows(engine, f"range a from 1 to {1000 + i} step 1 | where a % 2 == 0 | count", Tables()))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a[0][0] for a in answers) == sorted((1000 + i) // 2 for i in range(8))


def test_a_failure_is_a_sentence(engine: DuckDBEngine) -> None:
    # A regular expression that is no RE2, from a column: only the engine can see it.
    with pytest.raises(LurcherError) as caught:
        rows(engine, "datatable(s:string, p:string)['a', '('] | where s matches regex p", Tables())
    assert "Traceback" not in str(caught.value)
    assert "missing )" in str(caught.value)


def test_a_chain_of_a_thousand_conditions(engine: DuckDBEngine) -> None:
    text = "datatable(a:long)[5] | where " + " or ".join(f"a == {i}" for i in range(1000))
    assert rows(engine, text, Tables()) == [[5]]


def test_nested_functions_do_not_double_the_statement(engine: DuckDBEngine) -> None:
    text = "s"
    for _ in range(30):
        text = f"substring(trim(' ', {text}), 0, 10)"
    compiled = compile_text(Source(f"datatable(s:string)[' abc '] | project r = {text}"), Tables(), now=NOW)
    sql = engine.sql(compiled.queries[0].plan)
    assert len(sql) < 100_000
    assert rows(engine, f"datatable(s:string)[' abc '] | project r = {text}", Tables()) == [["abc"]]


# --- a lake ---
_TABLE = TableSchema(
    "DeviceEvents",
    (
        Column("Timestamp", ScalarType.DATETIME),
        Column("DeviceName", ScalarType.STRING),
        Column("AdditionalFields", ScalarType.DYNAMIC),
    ),
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.create(tmp_path / "a case's lake")
    times = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 6)] + [None]
    batch = pa.record_batch(
        {
            "Timestamp": pa.array(times, pa.timestamp("us", "UTC")),
            "DeviceName": [f"pc{i}" for i in range(1, 7)],
            "AdditionalFields": ['{"k": "v"}', None, "[1]", '"x"', "5", "{}"],
        }
    )
    made.append("DeviceEvents", [batch], source=SourceId.of_content("test", b"1", NOW), schema=_TABLE)
    return made


def test_a_lake_is_read(lake: Lake) -> None:
    tables = Tables(lake)
    engine = DuckDBEngine(tables, threads=1)
    assert rows(engine, "DeviceEvents | summarize count(), countif(isnull(Timestamp)), max(Timestamp)", tables) == [
        [6, 1, "2026-03-05T12:00:00.0000000Z"]
    ]
    assert rows(engine, "DeviceEvents | where AdditionalFields.k == 'v' | project DeviceName", tables) == [["pc1"]]
    # A column that the service's table has and this lake's rows do not.
    assert rows(engine, "DeviceEvents | where FileName == '' and isnull(ProcessId) | count", tables) == [[6]]
    engine.close()


def test_only_the_files_of_the_days_are_read(lake: Lake) -> None:
    tables = Tables(lake)
    engine = DuckDBEngine(tables, threads=1)
    text = (
        "DeviceEvents | where Timestamp >= datetime(2026-03-02) | where Timestamp < datetime(2026-03-04)"
        " | project DeviceName"
    )
    table = lake.table("DeviceEvents")
    assert table is not None
    for file in table.files:
        if file.day != date(2026, 3, 2) and file.day != date(2026, 3, 3) and file.day != date(2026, 3, 4):
            Path(file.path).write_bytes(b"no Parquet at all")
    assert sorted(rows(engine, text, tables)) == [["pc2"], ["pc3"]]
    with pytest.raises(LurcherError):
        rows(engine, "DeviceEvents | count", tables)
    engine.close()


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Timestamp == datetime(2026-03-02T12:00:00Z)", ["pc2"]),
        ("datetime(2026-03-03) > Timestamp", ["pc1", "pc2"]),
        ("Timestamp > ago(6d)", ["pc4", "pc5"]),
        ("Timestamp between (datetime(2026-03-01) .. datetime(2026-03-01T12:00:00Z))", ["pc1"]),
        ("Timestamp > datetime(2026-03-04) or DeviceName == 'pc1'", ["pc1", "pc4", "pc5"]),
        ("not(Timestamp > datetime(2026-03-02))", ["pc1"]),
        ("isnull(Timestamp)", ["pc6"]),
        ("Timestamp != datetime(2026-03-01T12:00:00Z)", ["pc2", "pc3", "pc4", "pc5", "pc6"]),
        ("Timestamp < datetime(2020-01-01)", []),
    ],
)
def test_narrowing_to_days_loses_no_row(lake: Lake, condition: str, names: list[str]) -> None:
    tables = Tables(lake)
    engine = DuckDBEngine(tables, threads=1)
    assert sorted(r[0] for r in rows(engine, f"DeviceEvents | where {condition} | project DeviceName", tables)) == names
    engine.close()


def test_the_empty_lake_has_empty_tables(tmp_path: Path) -> None:
    tables = Tables(Lake.create(tmp_path / "lake"))
    engine = DuckDBEngine(tables, threads=1)
    assert rows(engine, "DeviceEvents | count", tables) == [[0]]
    engine.close()
