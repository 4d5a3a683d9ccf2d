"""Which parts a plan falls into, and that they give what DuckDB gives over the same rows."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pytest

from lurcher.engines import background
from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.source import Source
from lurcher.kql.types import Column, ScalarType
from lurcher.plan.compile import compile_text
from lurcher.plan.nodes import Query
from lurcher.schema import TableSchema

_NOW = datetime(2026, 2, 1, tzinfo=UTC)
_TYPES = {"Timestamp": "datetime", "Name": "string", "name": "string", "N": "long", "R": "real", "G": "guid", "B": "bool",
          "Span": "timespan", "I": "int", "D": "dynamic"}  # fmt: skip
_SCHEMA = TableSchema("E", tuple(Column(name, ScalarType(kind)) for name, kind in _TYPES.items()))
_ROWS = 3000


def _table() -> pa.Table:
    """Of each type something, nulls among it; `Name` and `name` are two columns."""
    reals = [1.5, -0.0, 0.0, float("nan"), float("inf"), None, 2.25]
    objects = ['{"k":1,"l":["a","B"]}', '{"k":"x","l":[]}', None, "[1,2.5,null]", '"text"']
    rows = range(_ROWS)
    return pa.table(
        {
            "Timestamp": pa.array(
                [None if i % 97 == 5 else _NOW - timedelta(minutes=7 * i) for i in rows], pa.timestamp("us", "UTC")
            ),
            "Name": pa.array([("", "ninja", "Éclair", "cmd.exe", "a b")[i % 5] for i in rows]),
            "name": pa.array([f"n{i % 11}" for i in rows]),
            "N": pa.array([None if i % 13 == 0 else (i * 7919) % 1000 - 300 for i in rows], pa.int64()),
            "R": pa.array([reals[i % 7] for i in rows], pa.float64()),
            "G": pa.array(
                [None if i % 3 else f"0000000{i % 8}-0000-0000-0000-00000000000a" for i in rows], pa.string()
            ),
            "B": pa.array([(True, False, None)[i % 3] for i in rows], pa.bool_()),
            "Span": pa.array([i * 36_000_000_000 for i in rows], pa.int64()),
            "I": pa.array([None if i % 5 == 1 else i % 17 for i in rows], pa.int32()),
            "D": pa.array([objects[i % 5] for i in rows]),
        }
    )


class Tables:
    def table(self, name: str) -> TableSchema | None:
        return _SCHEMA if name == "E" else None

    def table_names(self) -> list[str]:
        return ["E"]

    def data(self, name: str) -> Any:
        return _table()


def _query(text: str) -> Query:
    found = compile_text(Source(text), Tables(), now=_NOW)
    assert not [d for d in found.diagnostics if d.is_error], found.diagnostics
    (query,) = found.queries
    return query


# --- which parts ---
_PARTS = (
    ("E | where Name == 'x' | extend u = toupper(Name) | summarize count() by u", "sql rows sql"),
    ("E | where toupper(Name) == 'X' and N > 1 | project N", "sql rows sql"),
    ("E | summarize percentile(N, 50) by Name", "sql sql groups sql"),
    # Zeros of two signs, and NaN, are one group each: Spark's hash has them apart.
    ("E | summarize percentile(N, 50) by R", "sql whole sql"),
    ("E | summarize percentile(N, 50)", "sql whole sql"),
    ("E | sort by N asc | serialize n = row_number()", "sql whole sql"),
    # A sort stays with Spark: what comes after it looks at each row alone, and is done before.
    ("E | sort by N asc | extend u = toupper(Name)", "sql rows sql"),
    ("E | top 3 by N | extend u = toupper(Name)", "sql whole sql"),
    ("E | mv-expand D | where tostring(D) == 'a'", "sql rows sql"),
    ("E | mv-apply d = D on (summarize c = count()) | summarize sum(c)", "sql rows sql"),
    # What differs each time is computed once.
    ("let r = E | extend x = rand(); r | join kind=inner (r) on N | count", "sql whole sql"),
    ("E | extend u = toupper(Name) | join kind=inner (E | extend u = tolower(Name)) on u", "sql rows sql"),
    ("print a = toupper('x') | extend b = tolower(a)", "whole sql"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "sorts"), _PARTS, ids=lambda v: v[:60])
def test_parts(text: str, sorts: str) -> None:
    from lurcher.engines.spark.saying import says
    from lurcher.engines.spark.stages import cut
    from lurcher.functions.spark import load

    load()
    assert " ".join(part.sort for part in cut(_query(text).plan, says)) == sorts


def test_only_columns_that_are_read_go_to_a_worker() -> None:
    from lurcher.engines.spark.saying import says
    from lurcher.engines.spark.stages import cut
    from lurcher.functions.spark import load

    load()
    first, rows, last = cut(_query("E | where N > 1 | extend u = toupper(Name) | summarize count() by u").plan, says)
    assert [first.columns[i].name for i in first.needed] == ["Name"]
    assert [rows.columns[i].name for i in rows.needed] == ["u"]
    assert last.reads()


def test_a_worker_needs_nothing_of_lurcher() -> None:
    """The function is sent by value; where it is read no `lurcher` can be imported."""
    cloudpickle = pytest.importorskip("pyspark.cloudpickle")
    from lurcher.engines.spark import worker

    cloudpickle.register_pickle_by_value(worker)
    given = worker.Input("t", (0,), ("VARCHAR", "BIGINT"))
    work = worker.Work((given,), "SELECT upper(c0), c1 FROM t", "", ("string", "long"), (), (), "100MB", 1)
    sent = cloudpickle.dumps(worker.each(work))
    read = (
        "import sys, pickle; sys.modules['lurcher'] = None; import pyarrow as pa;"
        "run = pickle.loads(sys.stdin.buffer.read());"
        "print([b.to_pydict() for b in run(iter([pa.record_batch({'x': ['a', 'b']})]))])"
    )
    told = subprocess.run([sys.executable, "-c", read], input=sent, capture_output=True, check=False)
    assert told.stdout.decode().strip() == "[{'c0': ['A', 'B'], 'c1': [None, None]}]", told.stderr.decode()


# --- what they give ---
@pytest.fixture(scope="module")
def there(engine: str) -> Iterator[Any]:
    from lurcher.engines.spark.engine import SparkEngine

    tables: Any = Tables()
    made = SparkEngine(engine, tables)
    yield made
    made.close()


@pytest.fixture(scope="module")
def here() -> Iterator[Any]:
    tables: Any = Tables()
    made = DuckDBEngine(tables, threads=1)
    yield made
    made.close()


def _rows(engine: Any, query: Query) -> list[str]:
    result = engine.run(query)
    return [orjson.dumps(r).decode() for b in result.batches for r in protocol_rows(b, result.columns)]


#: A query of which the rows are the same in any order; those that are sorted come in that order.
_ALIKE = (
    "E | extend u = toupper(Name), k = tostring(D.k) | summarize count(), sum(N), max(Timestamp) by u, k",
    "E | summarize percentile(N, 50), stdev(N), countif(B), make_bag(bag_pack(name, 1)) by Name, B",
    "E | summarize percentile(N, 90), count() by R",
    "E | summarize percentile(N, 90), count() by G",
    "E | summarize variance(N) by bin(Timestamp, 1d)",
    "E | where toupper(Name) == 'no such' | summarize percentile(N, 50), count()",
    "E | where toupper(Name) == 'no such' | summarize percentile(N, 50) by Name",
    "E | mv-expand l = D.l to typeof(string) | summarize count() by l, Name",
    "E | mv-apply l = D.l to typeof(string) on (where l == toupper(l) | project l) | summarize count() by l",
    "E | sort by Span asc | serialize n = row_number(), p = prev(N) | where n % 500 == 1 | project n, p, Span, Name, name",
    "E | sort by Span desc | extend u = toupper(Name) | where Span < 20h | project u, Span",
    "E | top 7 by Span desc | extend u = toupper(Name), s = tostring(Span) | project u, s, R, G, D",
    "E | where D.k == 1 | join kind=inner (E | where Span < 100h | extend u = tolower(toupper(name)) | project u, Span)"
    " on $left.name == $right.u | summarize count(), max(Span1) by name",
    "E | extend u = toupper(Name) | where u in~ ((E | extend v = toupper(Name) | where v startswith 'n' | project v)) | count",
    "let m = toscalar(E | summarize percentile(N, 50)); E | extend u = toupper(Name), low = N < m | summarize count() by u, low",
    "let r = materialize(E | extend x = rand()); r | join kind=inner (r | project Span, y = x) on Span | where x != y | count",
    "E | where isnotnull(Timestamp) | make-series c = count() on Timestamp step 5d by name | project name, array_length(c)",
    "E | summarize make_list(N) by name | mv-expand N = list_N to typeof(long) | summarize sum(N), count() by name",
    "E | project-away R | summarize arg_max(Span, *) by Name | extend t = gettype(D), u = strcat(toupper(tostring(G)), '|', I)",
    "E | project d = todecimal(N) / 4, Span | where Span < 50h | sort by Span asc",
    "E | extend v = N * 9223372036854775807 | where Span < 10h | project v | sort by v asc",
    "E | extend i = iff(B, I, int(null)), t = Timestamp + Span, u = toupper(name) | summarize max(t), sum(i), dcount(i) by u",
    "union withsource=from E, (E | extend Extra = toupper(Name)) | summarize count() by Extra",
    "E | project Timestamp, N | summarize hll(N) | project dcount_hll(hll_N)",
    "E | where ingestion_time() > datetime(2000-01-01) and toupper(Name) == 'X' | count",
    "E | count | extend u = toupper('a')",
    "E | distinct Name | extend u = toupper(Name) | summarize count()",
)  # fmt: skip


@pytest.mark.parametrize("text", _ALIKE, ids=lambda v: v[:60])
def test_alike(text: str, here: Any, there: Any) -> None:
    query = _query(text)
    one, other = _rows(here, query), _rows(there, query)
    assert sorted(one) == sorted(other)
    if "sort by" in text or "top" in text:
        assert one == other
    assert there.run(query).columns == query.plan.columns


@pytest.mark.parametrize(
    "text",
    [
        # A text of the rows that is no regular expression, a number beyond a decimal, a year that no calendar has.
        "E | where Span == 0s | extend x = extract(strcat(name, '('), 1, Name)",
        "E | where Span == 0s | extend x = todecimal(1e30) + N",
        "E | where Span == 1h | extend x = Timestamp + 9000000 * 24h * strlen(toupper(name))",
        "E | where Span == 0s | extend x = series_outliers(D)",
    ],
    ids=lambda v: v[:60],
)
def test_an_error_of_a_worker_is_told_as_here(text: str, here: Any, there: Any) -> None:
    told = []
    for engine in (here, there):
        try:
            told.append(_rows(engine, _query(text)))
        except LurcherError as error:
            told.append([error.message, error.hint, error.kind])
    assert told[0] == told[1]


def test_sql_is_shown_by_its_parts(there: Any) -> None:
    told = there.sql(_query("E | extend u = toupper(Name) | project u").plan)
    assert "DuckDB in the workers, on the rows that each has" in told
    assert "-- 0: Spark" in told


def test_a_thread_that_another_query_left_is_not_ours(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lurcher.engines.spark.engine import SparkEngine

    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    monkeypatch.setattr(background, "_abandoned", [thread])
    made = SparkEngine(engine, Tables())
    try:
        (query,) = compile_text(Source("print n = 1"), Tables(), now=_NOW).queries
        made.run(query).table()
        session = made._connection.session()
        made.run(query).table()
        assert made._connection.session() is session
    finally:
        done.set()
        made.close()


def test_queries_ask_their_own_session(engine: str, there: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has a first session of the process: of another engine maybe, whose server is gone."""
    from lurcher.engines.spark.engine import SparkEngine

    # The client can be imported then.
    there.run(_query("E | count")).table()
    from pyspark.errors import utils
    from pyspark.sql.connect.session import SparkSession

    def first(*_: Any) -> Any:
        raise AssertionError("asked of the first session of the process")

    # What the client has asked of it once it does not ask again.
    monkeypatch.setattr(utils, "_enable_debugging_cache", None, raising=False)
    for name in ("active", "getActiveSession", "_get_default_session"):
        monkeypatch.setattr(SparkSession, name, first)
    tables: Any = Tables()
    made = SparkEngine(engine, tables)
    try:
        for text, told in (
            ("E | extend u = toupper(Name) | count", "the rows that each has"),
            ("E | summarize stdev(N) by Name | count", "the rows of some keys"),
            ("E | summarize percentile(N, 50) | count", "in one worker"),
        ):
            query = _query(text)
            assert told in made.sql(query.plan)
            assert made.run(query).table().num_rows == 1
    finally:
        made.close()


@pytest.mark.parametrize(
    ("missing", "functions", "message", "hint"),
    [
        ("duckdb", (), "the workers of Spark have no duckdb", "pip install duckdb"),
        ("lurcher.functions.udf", ("x",), "the query calls a function that the workers of Spark have not", "pip install lurcher"),
    ],
)  # fmt: skip
def test_what_a_worker_lacks_is_told(
    missing: str, functions: tuple[str, ...], message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lurcher.engines.spark import worker
    from lurcher.engines.spark.engine import failure

    given = worker.Input("t", (0,), ("VARCHAR",))
    work = worker.Work((given,), "SELECT c0 FROM t", "", ("string",), functions, (), "100MB", 1)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(RuntimeError) as raised:
        list(worker.each(work)(iter([pa.record_batch({"x": ["a"]})])))
    monkeypatch.undo()
    told = failure(raised.value)
    assert told.message == message
    assert hint in told.hint


def test_a_worker_that_needs_too_much_memory_says_so() -> None:
    from lurcher.engines.spark import worker
    from lurcher.engines.spark.engine import failure

    given = worker.Input("t", (0,), ("BIGINT",))
    sql = "SELECT count(DISTINCT repeat('x', 100) || CAST(i AS VARCHAR)) FROM t, range(3000000) AS r(i)"
    work = worker.Work((given,), sql, "", ("long",), (), ("SET max_temp_directory_size = '0KB'",), "10MB", 1)
    with pytest.raises(RuntimeError) as raised:
        list(worker.each(work)(iter([pa.record_batch({"x": pa.array([1], pa.int64())})])))
    assert failure(raised.value).message == "the query needs more memory than it may use"


def test_a_server_that_ended_is_told_in_plain_words() -> None:
    from lurcher.engines.spark.engine import failure

    said = (
        '<_MultiThreadedRendezvous of RPC that terminated with: status = StatusCode.UNAVAILABLE details = "overflow">'
    )
    told = failure(Exception(said))
    assert (told.message, told.kind) == ("Spark does not answer any more", "error")
