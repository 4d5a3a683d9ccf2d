"""Random queries end in rows, or in a refusal that names its place: never in what the engine thinks of the SQL.

`LURCHER_RANDOM=20000 pytest tests/engines/test_random.py` runs so many of them.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, note, settings

sys.path.insert(0, str(Path(__file__).parent))
from queries import SCHEMAS, queries, rows

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source
from lurcher.plan.compile import compile_text
from lurcher.schema import TableSchema

_MANY = int(os.environ.get("LURCHER_RANDOM", "60"))
#: What only an engine says that was given SQL that is none.
_ENGINES = (
    "Binder",
    "Parser",
    "Catalog",
    "INTERNAL",
    "Internal",
    "Not implemented",
    "syntax error",
    "No function",
    "Cannot mix",
)


class Tables:
    def table(self, name: str) -> TableSchema | None:
        return SCHEMAS.get(name)

    def table_names(self) -> list[str]:
        return list(SCHEMAS)

    def data(self, name: str) -> pa.Table:
        return rows(ord(name) - ord("A"))


@pytest.fixture(scope="module")
def engine() -> Any:
    made = DuckDBEngine(Tables(), threads=1, timeout=20, memory_limit="1GB")
    yield made
    made.close()


@settings(
    max_examples=_MANY, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=_MANY == 60
)
@given(queries())
def test_a_random_query_gives_rows_or_a_refusal(engine: DuckDBEngine, text: str) -> None:
    note(text)
    source = Source(text)
    compiled = compile_text(source, Tables(), now=datetime(2026, 3, 1, tzinfo=UTC))
    errors = [d for d in compiled.diagnostics if d.is_error]
    if errors:
        assert all(0 <= d.span.start <= d.span.end <= len(text) + 1 for d in errors)
        return
    try:
        result = engine.run(compiled.queries[0])
        for batch in result.batches:
            list(protocol_rows(batch, result.columns))
    except (Refused, LurcherError) as error:
        said = error
    else:
        return
    if isinstance(said, Refused):
        assert all(d.kind in ("unsupported", "denied") for d in said.diagnostics)
        assert all(d.span.end > d.span.start for d in said.diagnostics)
    else:
        assert not any(word in said.message for word in _ENGINES), said.message
