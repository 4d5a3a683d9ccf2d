"""Plans on Spark, over Spark Connect: `spark://HOST:15002`, or `spark:sail`, a server of Sail in this process.

The rows come as Arrow. What has no form that was looked at is refused (`functions.spark`), and what the server refuses
itself.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lurcher.engines.background import abandoned, in_background
from lurcher.engines.base import Result, arrow_type
from lurcher.engines.deep import deep_recursion
from lurcher.engines.failures import beyond_the_calendar, too_much
from lurcher.engines.limits import too_late, watching, within
from lurcher.engines.spark.connect import Connection, cancel, stream
from lurcher.engines.spark.translate import spark
from lurcher.engines.spark.views import SparkViews
from lurcher.errors import LurcherError, shown
from lurcher.kql.diagnostics import LU001, LU003, Refused
from lurcher.kql.types import Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.walk import inputs
from lurcher.sql.dialect import SPARK

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.views import Tables

#: The operators that have a form here.
_NODES: frozenset[type] = frozenset(
    {
        n.Scan,
        n.Supplied,
        n.Values,
        n.Range,
        n.Filter,
        n.Project,
        n.Sort,
        n.Limit,
        n.Aggregate,
        n.Join,
        n.Union,
        n.Aligned,
        n.Shared,
        n.Pick,
    }
)
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
        self._connection = Connection(where)
        self._views: SparkViews | None = None
        self._memory_limit, self._timeout = memory_limit, timeout

    def sql(self, plan: n.Plan) -> str:
        return self._statement(plan, SparkViews(self._tables))

    def _statement(self, plan: n.Plan, views: SparkViews) -> str:
        from lurcher.engines.lowering import lower
        from lurcher.sql.printer import to_sql

        _askable(plan)
        try:
            with deep_recursion():
                lowered = lower(plan, views, dialect=SPARK, check=spark, nodes=_NODES)
                if lowered.udfs:
                    raise LurcherError("not on Spark yet: a function in Python", kind="unsupported")
                return to_sql(spark(lowered.query), SPARK)
        except LurcherError as error:
            if error.kind != "unsupported" or isinstance(error, Refused):
                raise
            raise Refused((LU001.at(plan.span, construct=error.message, hint=error.hint),)) from None
        except RecursionError:
            what = LU003.at(plan.span, what="expressions in expressions", limit="some thousand deep")
            raise Refused((what,)) from None

    def run(self, query: n.Query, until: float | None = None) -> Result:
        if until is None and self._timeout is not None:
            until = time.monotonic() + self._timeout
        # What is refused is refused before anybody is asked.
        within(until, self._interrupted, lambda: self.sql(query.plan))
        session = self._connection.session()
        if self._views is None:
            self._views = SparkViews(self._tables, session)
        try:
            text = self._statement(query.plan, self._views)
        except (LurcherError, Refused):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the client raises is told as what the server said
            raise failure(error) from None
        return Result(query.columns, self._rows(session, text, query.columns, until), query.render)

    def _rows(self, session: Any, text: str, columns: Columns, until: float | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        tag = f"lurcher-{next(_TAGS)}"
        watch = watching(until, self._memory_limit, self._interrupted, too_much)
        schema = pa.schema([pa.field(c.name, arrow_type(c.type), metadata={"kql": c.type.value}) for c in columns])
        try:
            for batch in in_background(lambda: stream(session, text, tag), lambda: cancel(session, tag), watch):
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
        finally:
            if abandoned():
                self._views = None
                self._connection.forget()

    def _interrupted(self) -> LurcherError:
        return too_late(self._timeout)

    def close(self) -> None:
        self._connection.close()
        self._views = None


def _askable(plan: n.Plan) -> None:
    """What is refused wherever it stands: decimals that come out, and rows that are computed once but differ each time."""
    for column in plan.columns:
        if column.type is ScalarType.DECIMAL:
            raise Refused((LU001.at(plan.span, construct=f"{column.name}, a decimal, on Spark", hint="use toreal()"),))
    stack: list[tuple[n.Plan, bool]] = [(plan, False)]
    seen: set[tuple[int, bool]] = set()
    while stack:
        node, shared = stack.pop()
        if (id(node), shared) in seen:
            continue
        seen.add((id(node), shared))
        shared = shared or isinstance(node, n.Shared)
        if shared and isinstance(node, n.Limit):
            # Spark computes what stands in several places once for each.
            raise Refused((LU001.at(node.span, construct="materialize() of a part of the rows on Spark", hint=""),))
        stack.extend((i, shared) for i in inputs(node))


#: What the client raises for a statement that the server does not take, or a value that it cannot compute with.
_REFUSING = frozenset({"AnalysisException", "ParseException", "UnsupportedOperationException", "NumberFormatException",
                       "ArithmeticException", "IllegalArgumentException", "PySparkNotImplementedError"})  # fmt: skip


def failure(error: Exception) -> LurcherError:
    """What the server says, in one sentence."""
    text = " ".join(str(error).split())
    if "LurcherError: " in text:
        return LurcherError(shown(text.partition("LurcherError: ")[2], 300), kind="unsupported")
    kind = type(error).__name__
    if "verflow" in text or kind in _REFUSING:
        return LurcherError(
            f"Spark refuses the query: {shown(text, 300)}", "run it here: leave out --engine", kind="unsupported"
        )
    return LurcherError(f"the query failed on Spark: {shown(text, 300)}")


def _check_years(arrays: list[Any]) -> None:
    from lurcher.engines.duckdb import _check_years as check

    try:
        check(arrays)
    except LurcherError:
        raise beyond_the_calendar() from None
