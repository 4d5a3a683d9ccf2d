"""DuckDB, embedded: plans run over a lake's Parquet files, Arrow tables, or nothing.

The connection is shut in: no file but the lake's tables, no network, no extension is loaded or installed, no setting can be
changed by a statement; and a statement is made of a typed plan, never of a user's text.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from inspect import GEN_RUNNING, getgeneratorstate
from typing import TYPE_CHECKING, Any

from lurcher.engines.background import in_background
from lurcher.engines.base import Result, arrow_type
from lurcher.engines.deep import deep_recursion
from lurcher.engines.failures import beyond_the_calendar, failure, too_much
from lurcher.engines.limits import memory_bytes, too_late, watching, within
from lurcher.engines.views import Tables, Views, quote
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import LU003, Refused
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan.nodes import Plan, Query

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.computed import Part
    from lurcher.engines.hot import Hot, Kept
    from lurcher.engines.lowering.computed import Computed
    from lurcher.engines.lowering.context import Stored
    from lurcher.engines.lowering.context import Tables as LoweringTables
    from lurcher.engines.narrowing import Asked, Costs, Shared
    from lurcher.engines.profile import Profile
    from lurcher.engines.views import Narrowed
    from lurcher.plan.nodes import Expr, Scan
    from lurcher.plan.windows import Windows

_NOTHING: Mapping[str, Sequence[Kept]] = {}
#: Rows of a batch that comes out.
BATCH_ROWS = 65_536
#: Settings of every connection. GLOBAL, as cursors do not take over what was set for a session.
_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    # An integer divided by zero is null in KQL, not an error.
    "SET GLOBAL error_on_division_by_zero = false",
    "SET GLOBAL preserve_insertion_order = true",
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL allow_community_extensions = false",
    # A tree of KQL is as deep as its author made it; the parser has bounded it before.
    "SET GLOBAL max_expression_depth = 10000",
)


class DuckDBEngine:
    """`memory_limit` such as "4GB"; `threads`; `timeout` in seconds, for each query; `temp_directory` for what does not fit
    into memory (none: a query that needs more fails). Results are streamed, several may be open at once. `hot`: tables kept in
    memory, which engines with the same limits share; then `close` when done. `stop`: set, it ends whatever runs."""

    def __init__(
        self,
        tables: Tables,
        *,
        memory_limit: str | None = None,
        threads: int | None = None,
        timeout: float | None = None,
        temp_directory: str | None = None,
        hot: Hot | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._tables = tables
        self._memory_limit, self._threads = memory_limit, threads
        self._timeout, self._temp = timeout, temp_directory
        self._connection: Any = None
        self._views: Views | None = None
        self._udfs: set[str] = set()
        self._lock = threading.Lock()
        self._counter = 0
        self._hot = hot if hot is not None and hot.limits == (memory_limit, threads) else None
        self._stop = stop
        self._leased: list[Kept] = []
        #: Rows that are given out: what was not read of them to its end is at work until it is closed.
        self._given: weakref.WeakSet[Generator[pa.RecordBatch, None, None]] = weakref.WeakSet()

    def sql(self, plan: Plan) -> str:
        return self._statement(plan, Views(self._tables))[0]

    def _statement(self, plan: Plan, views: LoweringTables, *, wrapping: bool = False) -> tuple[str, frozenset[str]]:
        from lurcher.engines.lowering import lower
        from lurcher.sql.printer import to_sql

        try:
            with deep_recursion():
                lowered = lower(plan, views, wrapping=wrapping)
                return to_sql(lowered.query), lowered.udfs
        except RecursionError:
            # A thousand operators in a row nest as deep when they are written as SQL.
            what = LU003.at(plan.span, what="expressions in expressions", limit="some thousand deep")
            raise Refused((what,)) from None

    def run(self, query: Query, until: float | None = None) -> Result:
        """`until`: when (of `time.monotonic()`) the query has had its time; else the engine's `timeout` begins here."""
        if until is None and self._timeout is not None:
            until = time.monotonic() + self._timeout
        connection = self._open()
        kept, waiting = self._lease(query, until)
        text = within(until, self._interrupted, lambda: self._prepared(query, kept=kept))
        rows = self._rows(connection, query, text, until, kept, waiting)
        self._given.add(rows)
        return Result(query.columns, rows, query.render)

    def _lease(self, query: Query, until: float | None) -> tuple[Mapping[str, Sequence[Kept]], Sequence[str]]:
        """What is read from memory, by table, and the tables that are not, or not all of them."""
        if self._hot is None:
            return {}, ()
        assert self._views is not None
        kept, waiting = self._hot.lease(query.plan, self._tables, self._views, self.execute, until)
        self._leased += [k for some in kept.values() for k in some]
        return kept, waiting

    def _prepared(
        self,
        query: Query,
        tables: LoweringTables | None = None,
        *,
        wrapping: bool = False,
        kept: Mapping[str, Sequence[Kept]] = _NOTHING,
    ) -> str:
        import duckdb

        with self._lock:
            assert self._views is not None
            self._views.kept = kept
            try:
                text, udfs = self._statement(query.plan, tables or self._views, wrapping=wrapping)
                self._register(udfs)
            except duckdb.Error as error:
                # Making a view reads what its files are of.
                raise failure(error) from None
        return text

    def over(self, tables: Tables) -> None:
        """Answer over other tables in memory from here on: a new connection for each few rows would take most of the time. Not
        for a lake's, whose folder the connection is shut in to."""
        assert getattr(tables, "lake", None) is None
        assert getattr(self._tables, "lake", None) is None
        with self._lock:
            self._tables = tables
            if self._connection is not None:
                self._views = Views(tables, self._connection)

    # --- rows that many statements share ---
    def narrow(
        self, asked: Iterable[Asked], costs: Costs | None = None, told: Callable[[str], None] | None = None
    ) -> list[Shared]:
        """Read once what these places of plans need of tables; see `lurcher.engines.narrowing`. Fails for nothing."""
        from lurcher.engines import narrowing

        self._open()
        costs = costs or narrowing.Costs()
        memory = memory_bytes(self._memory_limit)
        if memory is not None:
            costs = replace(costs, bytes=min(costs.bytes, memory // 8))
        return narrowing.narrow(self, asked, costs, told=told)

    def execute(self, text: str, until: float | None = None) -> list[Any]:
        """The rows of a statement of the engine's own. Raises `LurcherError`."""
        import duckdb

        if until is None and self._timeout is not None:
            until = time.monotonic() + self._timeout
        cursor = self._open().cursor()
        watch = self._watching(until)
        left = threading.Event()
        try:
            (rows,) = in_background(lambda: iter([cursor.execute(text).fetchall()]), cursor.interrupt, watch, left.set)
            return list(rows)
        except duckdb.InterruptException:
            raise self._interrupted() from None
        except (duckdb.Error, OSError) as error:
            raise failure(error) from None
        finally:
            if left.is_set():
                self._forget()
            else:
                cursor.close()

    def profile(self, query: Query, until: float | None = None) -> Profile:
        """Run a query for what the engine measures; its rows are not kept. `until`: see `run`. Raises as `run` does."""
        from lurcher.engines.profile import Noted, profile

        if until is None and self._timeout is not None:
            until = time.monotonic() + self._timeout
        self._open()
        assert self._views is not None
        for wrapping in (False, True):
            noted = Noted(self._views)
            work = partial(self._prepared, query, noted, wrapping=wrapping)
            text = within(until, self._interrupted, work)
            try:
                rows = self.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", until)
            except LurcherError as error:
                # As where it is run: whole numbers have overflown, and it runs again so that they wrap around.
                if wrapping or not isinstance(error.__context__, Exception) or "verflow" not in str(error.__context__):
                    raise
                continue
            return replace(profile(rows[0][1], text, noted.asked, self._tables), wrapping=wrapping)
        raise AssertionError("a query runs, or it fails")

    def stored(self, scan: Scan, windows: Windows) -> Stored:
        import duckdb

        self._open()
        with self._lock:
            assert self._views is not None
            try:
                return self._views.stored(scan, windows)
            except duckdb.Error as error:
                raise failure(error) from None

    def time_column(self, table: str) -> str | None:
        """The column by which a table's days can be told; None where they cannot."""
        self._open()
        assert self._views is not None
        return self._views.time_column(table)

    def sql_over(self, plan: Plan, tables: LoweringTables) -> str:
        """The text of a plan over tables that are no views of the engine's."""
        text, udfs = self._statement(plan, tables)
        with self._lock:
            self._register(udfs)
        return text

    def use(self, table: str, rows: Narrowed) -> None:
        """From here on, read these rows for the table where they are all that is needed."""
        assert self._views is not None
        self._views.narrowed.setdefault(table, []).append(rows)
        self._views.narrowed[table].sort(key=lambda r: r.rows)

    def drop(self, table: str, rows: Narrowed) -> None:
        """Give back what `use` was told of."""
        if self._views is not None and rows in (have := self._views.narrowed.get(table, [])):
            have.remove(rows)
            self.execute(f"DROP TABLE IF EXISTS {quote(rows.name)}")

    def compute(self, plans: Iterable[tuple[str, Plan]], costs: Costs | None = None, spent: int = 0) -> list[Part]:
        """Compute once what these plans have in common; see `lurcher.engines.computed`. `spent`: bytes that are taken. Fails for
        nothing."""
        from lurcher.engines import computed, narrowing

        self._open()
        costs = costs or narrowing.Costs()
        memory = memory_bytes(self._memory_limit)
        if memory is not None:
            costs = replace(costs, bytes=min(costs.bytes, memory // 8))
        return computed.compute(self, plans, replace(costs, bytes=costs.bytes - spent))

    def rows_read(self, scan: Scan, windows: Windows, predicates: Sequence[Expr], columns: Collection[str]) -> int:
        """How many rows are read for a scan, about; none where they are kept."""
        self._open()
        assert self._views is not None
        return self._views.rows_read(scan, windows, predicates, columns)

    def sql_of(self, plan: Plan) -> str:
        """The text of a plan as it is run."""
        self._open()
        assert self._views is not None
        return self.sql_over(plan, self._views)

    def use_computed(self, made: Computed) -> None:
        """From here on, read these rows for the plan that they are of."""
        assert self._views is not None
        self._views.computed.append(made)

    def drop_computed(self, made: Computed) -> None:
        if self._views is not None and made in self._views.computed:
            self._views.computed.remove(made)
            self.execute(f"DROP TABLE IF EXISTS {quote(made.name)}")

    def fresh(self) -> int:
        self._counter += 1
        return self._counter

    def close(self) -> None:
        for rows in [g for g in self._given if getgeneratorstate(g) != GEN_RUNNING]:
            rows.close()
        if self._hot is not None:
            self._hot.release(self._leased)
            self._leased = []
        if self._connection is not None:
            if self._hot is not None and self._views is not None:
                self._views.drop()
            self._connection.close()
            self._connection = None

    def _forget(self) -> None:
        with self._lock:
            self._connection, self._views, self._udfs = None, None, set()

    def _watching(self, until: float | None) -> Callable[[], Exception | None]:
        watch, stop = watching(until, self._memory_limit, self._interrupted, too_much), self._stop
        return watch if stop is None else lambda: too_late(None) if stop.is_set() else watch()

    # --- rows ---
    def _rows(
        self,
        connection: Any,
        query: Query,
        text: str,
        until: float | None,
        kept: Mapping[str, Sequence[Kept]],
        waiting: Sequence[str],
    ) -> Generator[pa.RecordBatch, None, None]:
        import duckdb

        from lurcher.engines.hot import MISSING

        begun, started = False, time.monotonic()
        try:
            for batch in self._stream(connection, text, query.columns, until):
                begun = True
                yield batch
            if self._hot is not None:
                self._hot.spent(waiting, time.monotonic() - started)
            return
        except (duckdb.OutOfRangeException, OSError) as error:
            # Once it streams, the engine's errors come as OSError.
            # KQL's integers wrap around. Arithmetic that does costs several times as much, and hardly any query needs it: only
            # one that has overflown runs again so.
            again = "verflow" in str(error) or MISSING in str(error)
            if begun or not again:
                raise failure(error) from None
            wrapping = MISSING not in str(error)
        except duckdb.InterruptException:
            raise self._interrupted() from None
        except duckdb.Error as error:
            if begun or MISSING not in str(error):
                raise failure(error) from None
            wrapping = False
        if not wrapping and self._hot is not None:
            for table in kept:
                self._hot.missed(table)
        # Another connection where the first is still at work on something that nobody waits for.
        connection = self._open()
        text = within(until, self._interrupted, lambda: self._prepared(query, wrapping=wrapping))
        try:
            yield from self._stream(connection, text, query.columns, until)
        except duckdb.InterruptException:
            raise self._interrupted() from None
        except (duckdb.Error, OSError) as error:
            raise failure(error) from None

    def _stream(self, connection: Any, text: str, columns: Columns, until: float | None) -> Iterator[pa.RecordBatch]:
        """The rows through a cursor of their own: another query may begin before these are read."""
        import pyarrow as pa

        cursor = connection.cursor()
        watch = self._watching(until)
        types: list[Any] = []
        left = threading.Event()

        def batches() -> Iterator[pa.RecordBatch]:
            return iter(cursor.sql(text).to_arrow_reader(BATCH_ROWS))

        try:
            for batch in in_background(batches, cursor.interrupt, watch, left.set):
                if not columns:
                    yield pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
                    continue
                if not types:
                    types = [_out(c, a.type) for c, a in zip(columns, batch.columns, strict=True)]
                    fields = zip(columns, types, strict=True)
                    schema = pa.schema([pa.field(c.name, t, metadata={"kql": c.type.value}) for c, t in fields])
                arrays = [_cast(a, t) for a, t in zip(batch.columns, types, strict=True)]
                _check_years(arrays)
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        finally:
            if left.is_set():
                # It is still at work: the next query gets another connection.
                self._forget()
            else:
                cursor.close()

    def _interrupted(self) -> LurcherError:
        return too_late(self._timeout)

    # --- the connection ---
    def _open(self) -> Any:
        with self._lock:
            if self._connection is None and self._hot is not None:
                self._connection = self._hot.connection(self._connect)
                self._views = Views(self._tables, self._connection, f" ~{self._hot.fresh()}")
            elif self._connection is None:
                self._connection = self._connect()
                self._views = Views(self._tables, self._connection)
            return self._connection

    def _connect(self) -> Any:
        import duckdb

        config: dict[str, Any] = {}
        if self._threads is not None:
            config["threads"] = self._threads
        if self._memory_limit is not None:
            config["memory_limit"] = self._memory_limit
        try:
            connection = duckdb.connect(":memory:", config=config)
            for setting in _SETTINGS:
                connection.execute(setting)
            self._shut_in(connection)
        except duckdb.Error as error:
            raise failure(error) from None
        # An open connection with functions in it complains at the interpreter's end.
        atexit.register(_close, weakref.ref(self))
        return connection

    def _shut_in(self, connection: Any) -> None:
        """From here on only the lake's own tables can be read, and no statement can change that."""
        from lurcher.sql.printer import Printer

        string = Printer().string
        lake = getattr(self._tables, "lake", None)
        if lake is not None:
            folders = dict.fromkeys(f"{p / 'tables'}/" for p in (lake.path, lake.path.absolute(), lake.path.resolve()))
            connection.execute(f"SET allowed_directories = [{', '.join(map(string, folders))}]")
        connection.execute(f"SET temp_directory = {string(self._temp or '')}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def _register(self, paths: frozenset[str]) -> None:
        from lurcher.functions.udf import load_udf

        have, lock = (self._udfs, nullcontext()) if self._hot is None else (self._hot.functions, self._hot.lock)
        with lock:
            for path in sorted(paths - have):
                udf = load_udf(path)
                self._connection.create_function(
                    udf.name,
                    udf.function,
                    list(udf.params),
                    udf.returns,
                    type="arrow",
                    null_handling="special",
                    side_effects=udf.volatile,
                )
                have.add(path)


def _close(engine: weakref.ref[DuckDBEngine]) -> None:
    found = engine()
    if found is not None:
        found.close()


def _out(column: Column, found: Any) -> Any:
    """The type that a column comes out in. A whole decimal (of parse_version()) has more digits before the point than others."""
    import pyarrow as pa

    whole = column.type is ScalarType.DECIMAL and pa.types.is_decimal(found) and found.scale == 0
    return found if whole else arrow_type(column.type)


def _cast(array: Any, type_: Any) -> Any:
    import pyarrow as pa

    if array.type == type_:
        return array
    if pa.types.is_timestamp(type_) and pa.types.is_timestamp(array.type) and array.type.tz is None:
        return array.cast(pa.timestamp("us")).view(type_)
    return array.cast(type_)


#: Microseconds since 1970 of the first and the last moment that a datetime holds.
_YEARS = (-62_135_596_800_000_000, 253_402_300_799_999_999)


def _check_years(arrays: list[Any]) -> None:
    """Raises `LurcherError` for a time before the year 1 or after 9999, which arithmetic can come to and no datetime holds."""
    import pyarrow as pa

    for array in arrays:
        if pa.types.is_timestamp(array.type):
            import pyarrow.compute as pc

            ends = pc.min_max(array.view(pa.int64())).as_py()
            if ends["min"] is not None and (ends["min"] < _YEARS[0] or ends["max"] > _YEARS[1]):
                raise beyond_the_calendar()
