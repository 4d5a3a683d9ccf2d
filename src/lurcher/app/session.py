"""What queries run on: a lake, files, or nothing but the services' empty tables; at a time that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.app.supplies import Asked, SessionSupplies
from lurcher.kql.diagnostics import Diagnostic, Refused
from lurcher.kql.source import Source
from lurcher.schema import TableSchema, known_table, table_names

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.base import Engine, Result
    from lurcher.engines.duckdb import DuckDBEngine
    from lurcher.engines.hot import Hot
    from lurcher.engines.spark.engine import SparkEngine
    from lurcher.lake import Lake, LakeTable
    from lurcher.lake.settings import ClusterTable
    from lurcher.plan import nodes as n
    from lurcher.plan.compile import Compiled
    from lurcher.plan.nodes import Plan
    from lurcher.plan.windows import TimeWindow


@dataclass(frozen=True)
class Limits:
    """What a query may use: seconds, memory ("4GB"), threads. None is the engine's own measure."""

    timeout: float | None = None
    memory: str | None = None
    threads: int | None = None


class Tables:
    """Which tables there are, and where their rows: files that the user named come before the lake's, and a known table that has
    no rows is an empty one. It is both the binder's catalogue and the engine's source."""

    def __init__(
        self,
        lake: Lake | None = None,
        files: dict[str, tuple[TableSchema, pa.Table]] | None = None,
        supplies: SessionSupplies | None = None,
        cluster: Mapping[str, ClusterTable] | None = None,
    ) -> None:
        """`cluster`: tables that the engine has itself, under the names of the services'. They come before the lake's."""
        self.lake = lake
        self.cluster = cluster or {}
        self.supplies = supplies or SessionSupplies(lake)
        self._files = files or {}
        self._opened: dict[str, LakeTable | None] = {}
        #: The time of the rows that are looked at, where not all are.
        self.window: TimeWindow | None = None

    def table(self, name: str) -> TableSchema | None:
        """The columns of a known table in the services' order, then those that only the data have."""
        known = known_table(name)
        data = self.data(name)
        if data is None:
            return known
        if name in self.cluster and name not in self._files:
            return known
        schema = self._files[name][0] if name in self._files else data.schema
        if known is None:
            return schema
        types = {c.name: c for c in schema.columns}
        own = tuple(types.pop(c.name, c) for c in known.columns)
        return replace(known, columns=(*own, *types.values()))

    def table_names(self) -> Iterable[str]:
        own = self.lake.table_names() if self.lake is not None else []
        return sorted({*table_names(), *own, *self._files})

    def data(self, name: str) -> LakeTable | pa.Table | None:
        """The rows of a table, of a cluster's what it is called there; None where there are none."""
        if name in self._files:
            return self._files[name][1]
        if name in self.cluster:
            return self.cluster[name]
        if self.lake is None:
            return None
        # One version for the whole session: what is added meanwhile does not show in half of a hunt.
        if name not in self._opened:
            self._opened[name] = self.lake.table(name)
        return self._opened[name]

    def supplied(self, rows: n.Supplied) -> pa.Table:
        """Rows that are no table: fetched, or read from a file that the user supplied."""
        return self.supplies.rows(rows)


#: Texts whose plans are kept, and how long they may be.
_KEPT_TEXTS, _KEPT_LENGTH = 600, 20_000


@dataclass
class Session:
    """Compiles and runs KQL. `now` is what `now()` means in every query of the session."""

    tables: Tables
    now: datetime
    limits: Limits = field(default_factory=Limits)
    _engine: DuckDBEngine | None = None
    #: Not of the constructor: the same session at another time (`replace`) understands texts anew.
    _compiled: dict[tuple[str, bool], Compiled] = field(default_factory=dict, init=False, repr=False)
    #: `spark:sail`, `spark://HOST:15002`: what answers in place of DuckDB. What has to be known of the data before (columns that
    #: are values of rows) is asked there, too.
    elsewhere: str | None = None
    _spark: SparkEngine | None = None
    #: Tables kept in memory, which outlive the session; then `close` it when it is done.
    hot: Hot | None = None
    #: Set, it ends what runs.
    stop: threading.Event | None = None
    #: Values of `declare query_parameters`, in the form of `Literal.value`.
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        lake: Lake | None,
        now: datetime,
        *,
        files: Sequence[Path] = (),
        table: str | None = None,
        limits: Limits | None = None,
        asked: Asked | None = None,
        engine: str | None = None,
    ) -> Session:
        """`asked` is what queries may use beyond tables. `files` become tables at once, without a
        lake. Raises `LurcherError` for a file that cannot be taken, or a row of it:
        a query over half of a file would be a wrong answer."""
        loaded = {}
        if files:
            from lurcher.app.load import load_files
            from lurcher.errors import LurcherError

            result = load_files(files, table, platform=lake.platform if lake is not None else "defender")
            if result.rejects:
                name, first = result.rejects[0]
                raise LurcherError(
                    f"{len(result.rejects)} rows cannot be taken; the first: {first.reason}",
                    "lurcher add takes the others into a lake and keeps these aside",
                    name,
                    first.position,
                )
            loaded = {name: (schema, added(rows, now)) for name, (schema, rows) in result.tables.items()}
        elsewhere = spark_of(engine)
        # The catalogue is that of a cluster: a Spark that is started here has none.
        cluster = lake.settings.tables if lake is not None and elsewhere is not None and "://" in elsewhere else None
        tables = Tables(lake, loaded, SessionSupplies(lake, asked), cluster)
        return cls(tables, now, limits or Limits(), elsewhere=elsewhere)

    @property
    def engine(self) -> DuckDBEngine:
        if self._engine is None:
            from lurcher.engines.duckdb import DuckDBEngine

            self._engine = DuckDBEngine(
                self.tables, memory_limit=self.limits.memory, threads=self.limits.threads, timeout=self.limits.timeout,
                hot=self.hot, stop=self.stop,
            )  # fmt: skip
        return self._engine

    def close(self) -> None:
        """Give back what the engine holds; it opens again where another query comes."""
        if self._engine is not None:
            self._engine.close()

    @property
    def runner(self) -> Engine:
        """What runs the queries: DuckDB, unless another engine was named."""
        if self.elsewhere is None:
            return self.engine
        if self._spark is None:
            from lurcher.engines.spark.engine import SparkEngine

            self._spark = SparkEngine(
                self.elsewhere, self.tables, memory_limit=self.limits.memory, timeout=self.limits.timeout
            )
        return self._spark

    @property
    def engine_name(self) -> str:
        return self.elsewhere or "duckdb"

    def deadline(self) -> float | None:
        """When (of `time.monotonic()`) a text that is begun now has had its time: to be compiled, and to give its rows."""
        return time.monotonic() + self.limits.timeout if self.limits.timeout is not None else None

    def compile(self, source: Source | str, *, probe: bool = False, until: float | None = None) -> Compiled:
        """Tokens to plan; what is wrong is in the diagnostics. Reads no rows but where `probe` says so: then columns that are
        values of the rows (`evaluate bag_unpack`, `pivot`) are known, else open. Raises `LurcherError` at `until`, a
        `deadline()` that began before; else it begins here."""
        from lurcher.engines.limits import too_late, within
        from lurcher.plan.compile import compile_text

        source = source if isinstance(source, Source) else Source(source)
        until = until if until is not None else self.deadline()
        # A hunt asks for what a rule means several times. The tables of a session do not change.
        before = self._compiled.get((source.text, probe))
        if before is not None:
            return replace(before, source=source)

        def rows(plan: Plan) -> pa.Table:
            from lurcher.plan.nodes import Query

            return self.runner.run(Query(plan), until).table()

        def work() -> Compiled:
            return compile_text(source, self.tables, self.now, self.parameters, probe=rows if probe else None)

        compiled = within(until, lambda: too_late(self.limits.timeout), work)
        if len(source.text) <= _KEPT_LENGTH:
            while len(self._compiled) >= _KEPT_TEXTS:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[source.text, probe] = compiled
        return compiled

    def need(self, source: Source | str, until: float | None = None) -> Compiled:
        """What can be run; raises `Refused` where the text does not stand. `until`: see `compile`."""
        source = source if isinstance(source, Source) else Source(source)
        compiled = self.compile(source, probe=True, until=until)
        if any(d.is_error for d in compiled.diagnostics):
            raise Refused(compiled.diagnostics, source)
        return compiled

    def run(self, source: Source | str) -> list[Result]:
        """One result for each query of the text, streamed. Raises `Refused`, or `LurcherError` where the engine fails."""
        until = self.deadline()
        compiled = self.need(source, until)
        return [self.start(query, compiled.source, until) for query in compiled.queries]

    def start(self, query: n.Query, source: Source, until: float | None = None) -> Result:
        """The rows of one query. What the engine refuses is told with its place in `source`. `until`: see `compile`."""
        try:
            return self.runner.run(query, until)
        except Refused as refused:
            raise Refused(refused.diagnostics, source) from None

    def run_table(self, source: Source | str) -> pa.Table:
        """All rows of the first result."""
        return self.run(source)[0].table()

    def warnings(self, compiled: Compiled) -> tuple[Diagnostic, ...]:
        return tuple(d for d in compiled.diagnostics if not d.is_error)


def added(rows: pa.Table, now: datetime) -> pa.Table:
    """Rows with the time at which they came: what ingestion_time() gives."""
    import pyarrow as pa

    from lurcher.engines.lowering.rel import INGESTED

    if INGESTED in rows.column_names:
        return rows
    return rows.append_column(INGESTED, pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), len(rows)))


def spark_of(engine: str | None) -> str | None:
    """The address of another engine than DuckDB; raises `LurcherError` for what is none."""
    if engine is None or engine == "duckdb":
        return None
    from lurcher.engines.spark.connect import need_address

    return need_address(engine)
