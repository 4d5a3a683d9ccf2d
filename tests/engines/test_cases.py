"""KQL in, SQL or rows out: the case files under `tests/cases/sql` and `tests/cases/rows`.

The tables of the cases are `T` (below) and the services' own, which are empty.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
import sqlglot
from tests.cases import Case, load

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.kql.source import Source
from lurcher.kql.types import Column, ScalarType
from lurcher.plan.compile import compile_text
from lurcher.plan.nodes import Plan, Query
from lurcher.schema import TableSchema, known_table, table_names

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_T = TableSchema(
    "T",
    (
        Column("Timestamp", ScalarType.DATETIME),
        Column("LogonId", ScalarType.LONG),
        Column("LogonID", ScalarType.STRING),  # differs in case alone
        Column("Signer", ScalarType.STRING),
        Column("Data", ScalarType.DYNAMIC),
        Column("x__", ScalarType.LONG),  # looks like a variable that SQL binds
    ),
)
_ROWS = {
    "Timestamp": pa.array([0, 3_600_000_000, None, 86_400_000_000], pa.timestamp("us", "UTC")),
    "LogonId": [1, 2, None, 4],
    "LogonID": ["a", "b", "c", ""],
    "Signer": ["NinjaRMM, LLC", "DWSNET OÜ", "TEKNOPARS BİLİŞİM", "x_ninjarmm"],
    "Data": ['{"a": {"b": [1, 2]}, "s": "x"}', None, "[1, 2.5, null]", '"text"'],
    "x__": [10, 20, 30, 40],
}


class Tables:
    def table(self, name: str) -> TableSchema | None:
        return _T if name == "T" else known_table(name)

    def table_names(self) -> list[str]:
        return ["T", *table_names()]

    def data(self, name: str) -> Any:
        return pa.table(_ROWS) if name == "T" else None


@pytest.fixture(scope="module")
def engine() -> Any:
    made = DuckDBEngine(Tables(), threads=1)
    yield made
    made.close()


def compiled(text: str, engine: DuckDBEngine) -> Any:
    def probe(plan: Plan, /) -> pa.Table:
        return engine.run(Query(plan)).table()

    result = compile_text(Source(text), Tables(), now=NOW, probe=probe)
    errors = [d for d in result.diagnostics if d.is_error]
    assert not errors, errors
    return result.queries


@pytest.mark.parametrize("case", load("sql"), ids=str)
def test_sql(case: Case, engine: DuckDBEngine, accept: bool) -> None:
    statements = [engine.sql(q.plan) for q in compiled(case.input, engine)]
    for statement in statements:
        # A second opinion: another parser of the dialect takes it too.
        sqlglot.parse_one(statement, read="duckdb")
    case.check("\n;\n".join(statements), accept)


@pytest.mark.parametrize("case", load("rows"), ids=str)
def test_rows(case: Case, engine: DuckDBEngine, accept: bool) -> None:
    """The columns as `name:type`, then a row a line; sorted where the case says `unordered`."""
    lines = []
    for query in compiled(case.input, engine):
        result = engine.run(query)
        rows = [orjson.dumps(r).decode() for b in result.batches for r in protocol_rows(b, result.columns)]
        head = " ".join(f"{c.name}:{c.type}" for c in result.columns)
        lines.append("\n".join([head, *(sorted(rows) if "unordered" in case.arguments else rows)]))
    case.check("\n\n".join(lines), accept)
