"""Plans on Spark, over Spark Connect: `spark://HOST:15002`, or `spark:sail`, a server of Sail in this process.

The rows come as Arrow. What has no form in Spark's SQL that was looked at (`functions.spark`), and what the server does not take
itself, runs in its workers as the SQL that runs here (`stages`, `frames`, `worker`).
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lurcher.engines.background import in_background
from lurcher.engines.base import Result, arrow_type
from lurcher.engines.deep import deep_recursion
from lurcher.engines.failures import beyond_the_calendar, too_much
from lurcher.engines.failures import failure as of_duckdb
from lurcher.engines.limits import memory_bytes, too_late, watching, within
from lurcher.engines.spark.connect import Connection, cancel, stream
from lurcher.engines.spark.frames import Frames, Statement, shown, statements
from lurcher.engines.spark.saying import reads, say, says, scans
from lurcher.engines.spark.stages import Part, cut, needs_once
from lurcher.engines.spark.views import SparkViews
from lurcher.errors import LurcherError
from lurcher.errors import shown as short
from lurcher.kql.diagnostics import LU001, LU003, Refused
from lurcher.kql.types import Columns
from lurcher.plan import nodes as n

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.views import Tables

#: What the server is asked to say of a plan, and less where it does not take that: tables and filters, tables alone.
_LESS = (says, reads, scans)
#: Statements of one session are told apart, to end one and not the others.
_TAGS = itertools.count(1)


class SparkEngine:
    """`where` is `spark:sail` or `spark://HOST[:PORT]`; `timeout` in seconds, for each query."""

    def __init__(
        self, where: str, tables: Tables, *, memory_limit: str | None = None, timeout: float | None = None
    ) -> None:
        from lurcher.functions.spark import load

        load()
        self.name = where
        self._tables = tables
        self._connection = Connection(where, memory_bytes(memory_limit) if memory_limit is not None else None)
        self._views: SparkViews | None = None
        self._last: tuple[n.Plan, int, list[Part]] | None = None
        self._memory_limit, self._timeout = memory_limit, timeout

    def sql(self, plan: n.Plan) -> str:
        return shown(self._statements(plan, SparkViews(self._tables), "part"))

    def _statements(self, plan: n.Plan, views: SparkViews, prefix: str, level: int = 0) -> list[Statement]:
        """What Spark says of the plan, in one statement where it can, and what its workers do in DuckDB. `level`: of `_LESS`."""
        try:
            with deep_recursion():
                if not level and not needs_once(plan):
                    with suppress(Refused):
                        return [Statement(Part(0, "sql", plan), say(plan, views))]
                return statements(self._parts(plan, level), plan, views, say, prefix, self._memory_limit)
        except LurcherError as error:
            if error.kind != "unsupported" or isinstance(error, Refused):
                raise
            raise Refused((LU001.at(plan.span, construct=error.message, hint=error.hint),)) from None
        except RecursionError:
            what = LU003.at(plan.span, what="expressions in expressions", limit="some thousand deep")
            raise Refused((what,)) from None

    def _parts(self, plan: n.Plan, level: int) -> list[Part]:
        """Kept for one plan: it is asked for before the server is, and then again."""
        last = self._last
        if last is None or last[0] is not plan or last[1] != level:
            last = self._last = (plan, level, cut(plan, _LESS[level]))
        return last[2]

    def run(self, query: n.Query, until: float | None = None) -> Result:
        if until is None and self._timeout is not None:
            until = time.monotonic() + self._timeout
        # What is refused is refused before anybody is asked.
        within(until, self._interrupted, lambda: self._statements(query.plan, SparkViews(self._tables), "part"))
        session = self._connection.session()
        if self._views is None:
            self._views = SparkViews(self._tables, session)
        level, rows = self._from(session, query, until, 0)
        return Result(query.columns, self._again(session, query, until, level, rows), query.render)

    def told(self, query: n.Query) -> str:
        """What the server says of how it would run the query; "" where that takes several statements. No row is read."""
        statements = within(
            None, self._interrupted, lambda: self._statements(query.plan, SparkViews(self._tables), "part")
        )
        if len(statements) > 1:
            return ""
        session = self._connection.session()
        try:
            views = SparkViews(self._tables, session)
            (statement,) = self._statements(query.plan, views, "part")
            return "\n".join(
                str(row) for row in session.sql(f"EXPLAIN {statement.sql}").toArrow().column(0).to_pylist()
            )
        except (LurcherError, Refused):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the client raises is told as what the server said
            raise failure(error) from None

    def _begun(self, session: Any, query: n.Query, until: float | None, level: int) -> Iterator[pa.RecordBatch]:
        assert self._views is not None
        frames = Frames(session)
        try:
            text = frames.last(self._statements(query.plan, self._views, frames.prefix, level))
        except (LurcherError, Refused):
            frames.drop()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the client raises is told as what the server said
            frames.drop()
            raise failure(error) from None
        return self._all(frames, self._rows(session, text, query.columns, until))

    def _all(self, frames: Frames, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        finally:
            frames.drop()

    def _from(
        self, session: Any, query: n.Query, until: float | None, level: int
    ) -> tuple[int, Iterator[pa.RecordBatch]]:
        """The rows at the first level, from this on, that the server takes."""
        while True:
            try:
                return level, self._begun(session, query, until, level)
            except NotTaken:
                if level + 1 == len(_LESS):
                    raise
                level += 1

    def _again(
        self, session: Any, query: n.Query, until: float | None, level: int, rows: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        """The rows; what the server does not take, or cannot compute with (a whole number that overflows, where KQL goes on from
        the other end), is computed in its workers, so long as no row has come."""
        first: NotTaken | None = None
        begun = False
        while True:
            try:
                for batch in rows:
                    begun = True
                    yield batch
                return
            except NotTaken as error:
                first = first or error
            if begun or self._views is None or level + 1 == len(_LESS):
                raise first
            try:
                level, rows = self._from(session, query, until, level + 1)
            except (NotTaken, Refused):
                raise first from None

    def _rows(self, session: Any, text: str, columns: Columns, until: float | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        tag = f"lurcher-{next(_TAGS)}"
        watch = watching(until, self._memory_limit, self._interrupted, too_much)
        schema = pa.schema([pa.field(c.name, arrow_type(c.type), metadata={"kql": c.type.value}) for c in columns])
        try:
            for batch in in_background(
                lambda: stream(session, text, tag), lambda: cancel(session, tag), watch, self._forget
            ):
                if not columns:
                    yield pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
                    continue
                arrays = [a if a.type == f.type else a.cast(f.type) for a, f in zip(batch.columns, schema, strict=True)]
                _check_years(arrays)
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except (LurcherError, Refused):
            raise
        except Exception as error:  # noqa: BLE001
            raise failure(error) from None

    def _forget(self) -> None:
        """A thread is still at work in the session: the next query gets another."""
        self._views = None
        self._connection.forget()

    def _interrupted(self) -> LurcherError:
        return too_late(self._timeout)

    def close(self) -> None:
        self._connection.close()
        self._views = None


#: What the client raises for a statement that the server does not take, or a value that it cannot compute with.
_REFUSING = frozenset({"AnalysisException", "ParseException", "UnsupportedOperationException", "NumberFormatException",
                       "ArithmeticException", "IllegalArgumentException", "PySparkNotImplementedError"})  # fmt: skip


#: What a worker says of an error of DuckDB's: its class, its text.
_WORKER = re.compile(r"lurcher worker\|(\w+)\|(.*?)\|\.", re.DOTALL)


def _in_worker(kind: str, text: str) -> LurcherError:
    """As DuckDB's own error, had the query run here."""
    import duckdb

    if kind in ("LurcherError", "Unsupported"):
        message, _, hint = text.partition("\n  hint: ")
        return LurcherError(message, hint, kind="error" if kind == "LurcherError" else "unsupported")
    made = getattr(duckdb, kind, duckdb.Error)
    return of_duckdb(made(text))


class NotTaken(LurcherError):
    """What the server itself does not take of a statement, or cannot compute."""


def failure(error: Exception) -> LurcherError:
    """What the server says, in one sentence."""
    text = " ".join(str(error).split())
    if (found := _WORKER.search(str(error))) is not None:
        return _in_worker(found[1], found[2])
    if "LurcherError: " in text:
        return LurcherError(short(text.partition("LurcherError: ")[2], 300), kind="unsupported")
    if "StatusCode.UNAVAILABLE" in text:
        return LurcherError("Spark does not answer any more", "is it still running? see: lurcher engines ENGINE")
    kind = type(error).__name__
    if "verflow" in text or kind in _REFUSING or "Error during planning" in text:
        return NotTaken(
            f"Spark refuses the query: {short(text, 300)}", "run it here: leave out --engine", kind="unsupported"
        )
    if kind == "PythonException":
        # Where an error of the server's own comes to a worker with its rows, it is one of Python to whoever asks.
        last = [line for line in str(error).splitlines() if line.strip()][-1].strip()
        if last.startswith(("ModuleNotFoundError", "ImportError")):
            return LurcherError(f"the workers of Spark lack something: {short(last, 200)}", "see: lurcher engines")
        return NotTaken(f"the query failed on Spark: {short(last, 300)}")
    told = f"the query failed on Spark: {short(text, 300)}"
    # Of this kind are values that it cannot compute with, and what Sail's planner fails on.
    return NotTaken(told) if kind == "SparkRuntimeException" else LurcherError(told)


def _check_years(arrays: list[Any]) -> None:
    from lurcher.engines.duckdb import _check_years as check

    try:
        check(arrays)
    except LurcherError:
        raise beyond_the_calendar() from None
