"""Rows as they come: ended where nobody wants them any more; a server that is none is told."""

from __future__ import annotations

import socket
import time
from importlib.util import find_spec
from typing import Any

import pytest
from tests.engines.test_cases import NOW

from lurcher.app.session import Limits, Session
from lurcher.errors import LurcherError
from lurcher.schema import TableSchema

_MANY = "range x from 1 to 300000 step 1 | extend y = hash_sha256(strcat('a', tostring(x)))"


def test_all_rows_come_in_parts(engine: str) -> None:
    session = Session.open(None, NOW, engine=engine)
    batches = [b.num_rows for b in session.run(_MANY)[0].batches]
    assert sum(batches) == 300_000
    assert len(batches) > 1
    session.runner.close()  # type: ignore[attr-defined]


def test_one_that_is_no_longer_read_leaves_the_others(engine: str) -> None:
    session = Session.open(None, NOW, engine=engine)
    first, second = session.run(f"{_MANY}; {_MANY} | take 1000")
    rows = iter(first.batches)
    assert next(rows).num_rows > 0
    other = iter(second.batches)
    count = next(other).num_rows
    rows.close()  # type: ignore[attr-defined]
    assert count + sum(b.num_rows for b in other) == 1000
    assert session.run_table("print 1").num_rows == 1
    session.runner.close()  # type: ignore[attr-defined]


def test_late_is_ended_and_the_session_goes_on(engine: str) -> None:
    session = Session.open(None, NOW, engine=engine, limits=Limits(timeout=60))
    session.run_table("print 1")
    session.runner._timeout = 1  # type: ignore[attr-defined]
    began = time.monotonic()
    many = "range x from 1 to 30000000 step 1 | extend y = hash_sha256(strcat('a', tostring(x))) | summarize dcount(y)"
    with pytest.raises(LurcherError, match="the query took longer than 1 s"):
        session.runner.run(session.need(many).queries[0], time.monotonic() + 1).table()
    assert time.monotonic() - began < 15
    assert session.run_table("print 2").num_rows == 1
    session.runner.close()  # type: ignore[attr-defined]


def test_names_that_differ_in_case_alone_are_two_tables(engine: str) -> None:
    import pyarrow as pa

    from lurcher.engines.spark.engine import SparkEngine
    from lurcher.kql.types import Column, ScalarType
    from lurcher.plan.compile import compile_text

    class Two:
        def table(self, name: str) -> TableSchema | None:
            return TableSchema(name, (Column("A", ScalarType.LONG),)) if name in ("T", "t", "1 ü") else None

        def table_names(self) -> list[str]:
            return ["T", "t", "1 ü"]

        def data(self, name: str) -> Any:
            return pa.table({"A": [{"T": 1, "t": 2}.get(name, 3)]})

    tables: Any = Two()
    made = SparkEngine(engine, tables)
    for text, value in (("T", 1), ("t", 2), ("['1 ü']", 3), ("union T, t | summarize A = sum(A)", 3)):
        (query,) = compile_text(_source(text), tables, now=NOW).queries
        assert made.run(query).table().to_pylist() == [{"A": value}]
    made.close()


def _source(text: str) -> Any:
    from lurcher.kql.source import Source

    return Source(text)


@pytest.mark.skipif(find_spec("pyspark") is None, reason="the extra 'spark'")
def test_what_is_no_spark_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a connection and says nothing."""
    from lurcher.engines.spark import connect

    monkeypatch.setattr(connect, "_AT_MOST", 2)
    monkeypatch.setattr(connect, "_AGAIN", {"max_retries": 0})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"spark://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(LurcherError, match="does not answer: no answer in 2 s"):
            connect.Connection(where).session()


def test_a_session_that_was_forgotten_ends_with_the_others(engine: str) -> None:
    """A thread that was left alone may still wait in it, and its query still run."""
    from lurcher.engines.spark import connect

    made = connect.Connection(engine)
    first = made.session()
    made.forget()
    second = made.session()
    assert second is not first
    assert connect._open.count(made) == 1
    made.close()
    assert first.is_stopped
    assert second.is_stopped
    assert made not in connect._open


def test_a_server_that_is_gone_is_not_waited_for(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine != "spark:sail":
        pytest.skip("Sail")
    from pysail.spark import SparkConnectServer  # type: ignore[import-untyped, unused-ignore]

    from lurcher.engines.spark.connect import Connection

    monkeypatch.setenv("RUST_LOG", "off")
    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    made = Connection(f"spark://127.0.0.1:{server.listening_address[1]}")
    made.session()
    made.forget()
    made.session()
    server.stop()
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 10
