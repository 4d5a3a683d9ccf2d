"""parse-kv: a text that does not keep to what is documented fails; it is not read somehow."""

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
    ("text", "options"),
    [
        ('a=x"y",b=2', "pair_delimiter=',', kv_delimiter='=', quote='\"'"),
        ('a="x', "pair_delimiter=',', kv_delimiter='=', quote='\"'"),
        ('a=" x"', "pair_delimiter=',', kv_delimiter='=', quote='\"'"),
        ("a= x", "regex=@'(a)=(.*)'"),
    ],
)
def test_no_value_is_guessed(text: str, options: str) -> None:
    kql = f"print s = '{text}' | parse-kv s as (a:string) with ({options})"
    compiled = compile_text(Source(kql), Tables(), now=datetime(2026, 3, 10, tzinfo=UTC)).checked()
    engine = DuckDBEngine(Tables(), threads=1)
    with pytest.raises(LurcherError, match="is not documented") as caught:
        list(engine.run(compiled.queries[0]).batches)
    assert caught.value.kind == "unsupported"
    engine.close()
