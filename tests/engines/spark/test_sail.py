"""On Sail, and on Spark where it is there: the same answers as DuckDB, or a refusal with its place."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.cases import load
from tests.engines.test_cases import NOW, Tables

from lurcher.app.session import Session
from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.functions.registry import FUNCTIONS, FunctionKind
from lurcher.kql.diagnostics import LU001, Refused
from lurcher.kql.source import Source
from lurcher.plan.compile import compile_text
from lurcher.plan.nodes import Query


@pytest.fixture(scope="module")
def sail(engine: str) -> Any:
    from lurcher.engines.spark.engine import SparkEngine

    made = SparkEngine(engine, Tables())
    yield made
    made.close()


@pytest.fixture(scope="module")
def duckdb() -> Any:
    made = DuckDBEngine(Tables(), threads=1)
    yield made
    made.close()


def _rows(engine: Any, query: Query) -> tuple[list[tuple[str, str]], list[str]]:
    result = engine.run(query)
    rows = [orjson.dumps(r).decode() for b in result.batches for r in protocol_rows(b, result.columns)]
    return [(c.name, c.type.value) for c in result.columns], rows


def _queries(text: str, engine: Any) -> list[Query]:
    found = compile_text(Source(text), Tables(), now=NOW, probe=lambda plan: engine.run(Query(plan)).table())
    assert not [d for d in found.diagnostics if d.is_error], text
    return list(found.queries)


def _answer(engine: Any, query: Query) -> Any:
    """None where it is refused."""
    try:
        return _rows(engine, query)
    except Refused as refused:
        if all(d.code == LU001.code for d in refused.diagnostics):
            return None
        raise
    except LurcherError as error:
        if error.kind == "unsupported":
            return None
        raise


def test_cases_are_answered_alike_or_refused(sail: Any, duckdb: Any) -> None:
    """Rows in any order: a table has none."""
    told: Counter[str] = Counter()
    wrong = []
    for case in load("rows"):
        for query in _queries(case.input, duckdb):
            here, there = _answer(duckdb, query), _answer(sail, query)
            if there is None or here is None:
                told["refused"] += 1
            elif here[0] != there[0] or sorted(here[1]) != sorted(there[1]):
                wrong.append((str(case), case.input, here, there))
            else:
                told["same"] += 1
    assert not wrong
    assert told["same"] > 60, told


def test_examples_of_functions_are_answered_alike(sail: Any, duckdb: Any) -> None:
    """Each row that has a form for Spark is tried; no answer is another."""
    wrong, same = [], 0
    for (kind, _), rows in FUNCTIONS.items():
        for row in rows:
            if kind is not FunctionKind.SCALAR or "spark" not in row.overrides:
                continue
            for expression, _ in row.examples:
                (query,) = _queries(f"print v = {expression}", duckdb)
                there = _answer(sail, query)
                if there is not None:
                    same += 1
                    if _rows(duckdb, query) != there:
                        wrong.append((expression, there))
    assert not wrong
    assert same > 30


#: Query -> its rows, worked out by hand.
_BY_HAND = (
    ("print 7 / 2, -7 / 2, 7 / 0, -7 % 3", ["[3,-3,null,2]"]),
    ("print 1.0 / 0, -1.0 / 0, 1.0 / -0.0", ['["Infinity","-Infinity","-Infinity"]']),
    ("print datetime(2026-01-31 23:59:59.999999) + 1tick, datetime(2026-01-01) - 1s",
     ['["2026-01-31T23:59:59.9999999Z","2025-12-31T23:59:59.0000000Z"]']),
    ("print datetime(2026-03-01) - datetime(2026-02-28), bin(datetime(2026-03-01 13:14), 1h), startofweek(datetime(2026-03-04))",
     ['["1.00:00:00","2026-03-01T13:00:00.0000000Z","2026-03-01T00:00:00.0000000Z"]']),
    ("print 'ΟΔΟΣ' =~ 'οδοσ', 'İX' contains 'ix', 'x_ninja' has 'ninja', 'éninja' has 'ninja'", ["[true,true,true,false]"]),
    (r"print 'a.b' matches regex @'^a\.b$', 'a1' matches regex @'^a\d$', 'a٣' matches regex @'^a\d$', 'a' matches regex 'a.'",
     ["[true,true,false,false]"]),
    (r"print 'C:\\x\'s ${y} {z}'", ["[\"C:\\\\x's ${y} {z}\"]"]),
    ("print tostring(-26h), tostring(datetime(2026-01-01)), strcat('a', int(null), true)",
     ['["-1.02:00:00","2026-01-01T00:00:00.0000000Z","aTrue"]']),
    ("print tolong(' 12 '), tolong('0x1F'), tolong('1.5'), toint('2147483648')", ["[12,31,null,null]"]),
    ("print substring('abcdefg', 2), substring('abc', -2), substring('abc', -10), substring('abc', 1, 1)",
     ['["cdefg","bc","","b"]']),
    ("datatable(a:long)[1, 2, long(null)] | summarize count(), sum(a), avg(a), max(a), dcount(a), countif(a > 1)",
     ["[3,3,1.5,2,2,1]"]),
    ("datatable(a:string, b:long)['x', 1, 'x', 3, 'y', long(null)] | summarize arg_max(b, *) by a | sort by a asc",
     ['["x",3]', '["y",null]']),
    ("datatable(a:string)['b', 'a', 'b'] | summarize make_set(a)", ['[["a","b"]]']),
    ("datatable(a:long)[1, 2] | join kind=leftanti (datatable(a:long)[2]) on a", ["[1]"]),
    ("datatable(a:long, b:string)[1, 'x'] | join kind=leftouter (datatable(a:long, c:string)[2, 'z']) on a | project a, c",
     ['[1,""]']),
    ("let t = datatable(a:string)['X']; datatable(a:string)['x', 'y'] | extend f = a in~ (t) | sort by a asc",
     ['["x",true]', '["y",false]']),
    ("range x from 5 to 1 step -2 | sort by x asc", ["[1]", "[3]", "[5]"]),
    ("range x from 5 to 1 step 1 | count", ["[0]"]),
    ("datatable(a:long)[3, 1, 2] | sort by a desc | take 2", ["[3]", "[2]"]),
    ("union (datatable(a:long)[1]), (datatable(b:string)['x']) | sort by a asc nulls first", ['[null,"x"]', '[1,""]']),
)  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), _BY_HAND, ids=lambda v: v[:40] if isinstance(v, str) else "")
def test_by_hand(text: str, rows: list[str], sail: Any) -> None:
    (query,) = _queries(text, sail)
    assert _rows(sail, query)[1] == rows


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("T | mv-expand Data | extend i = ingestion_time()", "ingestion_time() of computed rows on Spark", 21),
    ],
)
def test_refused_with_its_place(text: str, what: str, at: int, sail: Any) -> None:
    (query,) = _queries(text, DuckDBEngine(Tables()))
    with pytest.raises(Refused) as refused:
        sail.run(query)
    (said,) = refused.value.diagnostics
    assert what in said.message
    assert said.span.start == at


def test_a_lake_is_read_by_its_log(tmp_path: Path, engine: str) -> None:
    """A column that came later, a time window, a file that a killed writer left behind, a guid in another case."""
    import pyarrow as pa

    from lurcher.kql.types import Column, ScalarType
    from lurcher.lake import Lake
    from lurcher.lake.sources import SourceId
    from lurcher.schema import TableSchema

    lake = Lake.create(tmp_path / "a b")
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    base = (Column("Timestamp", ScalarType.DATETIME), Column("N", ScalarType.LONG))
    for number, columns in enumerate((base, (*base, Column("Late", ScalarType.STRING)))):
        rows = {"Timestamp": pa.array([times[number]], pa.timestamp("us", "UTC")), "N": pa.array([number], pa.int64())}
        if number:
            rows["Late"] = pa.array(["x"])
        source = SourceId.of_content(str(number), str(number).encode(), times[1])
        lake.append("My_CL", pa.table(rows).to_batches(), source=source, schema=TableSchema("My_CL", columns))
    found = next((lake.path / "tables" / "My_CL").rglob("*.parquet"))
    found.with_name("left.parquet").write_bytes(found.read_bytes())
    session = Session.open(lake, datetime(2026, 1, 3, tzinfo=UTC), engine=engine)
    told = session.run_table("My_CL | sort by N asc | project N, Late").to_pylist()
    assert told == [{"N": 0, "Late": ""}, {"N": 1, "Late": "x"}]
    assert session.run_table("My_CL | where Timestamp > datetime(2026-01-02) - 1h | project N").to_pylist() == [
        {"N": 1}
    ]
    assert session.run_table("My_CL | where Timestamp > datetime(2027-01-02)").num_rows == 0
    session.runner.close()  # type: ignore[attr-defined]
