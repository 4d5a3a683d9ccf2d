"""make-series: what is not documented is refused where the rows ask for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.errors import LurcherError
from lurcher.kql.source import Source
from lurcher.plan.compile import compile_text
from lurcher.schema import TableSchema, known_table, table_names


class Tables:
    lake = None

    def table(self, name: str) -> TableSchema | None:
        return known_table(name)

    def table_names(self) -> list[str]:
        return table_names()

    def data(self, name: str) -> Any:
        return None


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("x in range(1, 12, 5)", "whose start is no multiple of its step"),
        ("x in range(0, 10, 5)", "rows after its stop in the step of the stop"),
        ("x from 0 to 3000000 step 1", "more than 1,048,576 steps"),
        ("y step 5", "without a value on the axis"),
    ],
)
def test_no_series_is_guessed(axis: str, message: str) -> None:
    text = f"datatable(x:long, y:long)[3, long(null), 11, 4] | make-series count() on {axis}"
    compiled = compile_text(Source(text), Tables(), now=datetime(2026, 3, 10, tzinfo=UTC)).checked()
    engine = DuckDBEngine(Tables(), threads=1)
    with pytest.raises(LurcherError, match=message) as caught:
        list(engine.run(compiled.queries[0]).batches)
    assert caught.value.kind == "unsupported"
    engine.close()
