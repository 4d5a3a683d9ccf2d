"""The parts of a plan as statements, and as frames of a session."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lurcher.engines.lowering.context import Stored
from lurcher.engines.lowering.sharing import calls
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.engines.spark import worker
from lurcher.engines.spark.connect import not_for_long
from lurcher.engines.spark.stages import BUCKET, Part, alone, number_of
from lurcher.engines.spark.views import SparkViews
from lurcher.kql.diagnostics import LU001, Refused
from lurcher.kql.types import Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.walk import inputs, walk
from lurcher.plan.windows import ANY_TIME, Windows, scan_windows

#: Into how many groups of rows keys are put.
_BUCKETS = 32
#: What a worker may use of memory where nobody says, and its threads where it has all rows.
_MEMORY, _THREADS = "2GB", 4
_QUERIES = itertools.count(1)
#: Seconds that the end of a query waits for its views to go.
_PATIENCE = 0.5


class Between:
    """Tables as a part reads them: those of the catalogue, as `views` has them, and other parts. Implements `lowering.Tables`."""

    def __init__(self, views: SparkViews, names: Callable[[int], str], windows: dict[int, Windows]) -> None:
        self._views, self._names, self._windows = views, names, windows

    def stored(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr] = ()) -> Stored:
        number = number_of(table)
        if number is not None:
            return Stored(self._names(number), {c.name: f"c{i}" for i, c in enumerate(table.columns)})
        # What is said of its rows in other parts.
        both = dict(windows)
        for column, window in self._windows.get(id(table), {}).items():
            both[column] = window.both(both.get(column, ANY_TIME))
        return self._views.stored(table, both, predicates)

    def is_empty(self, table: n.Scan) -> bool:
        return number_of(table) is None and self._views.is_empty(table)

    def supplied(self, rows: n.Supplied) -> Stored:
        return self._views.supplied(rows)


@dataclass(frozen=True)
class Statement:
    """A part, ready to run: `sql` of it, and the work of the workers where it is theirs."""

    part: Part
    sql: str
    work: worker.Work | None = None


def statements(
    parts: list[Part],
    plan: n.Plan,
    views: SparkViews,
    say: Callable[[n.Plan, Between], str],
    prefix: str,
    memory: str | None,
) -> list[Statement]:
    """`say` gives a part's statement in Spark's SQL."""
    between = Between(views, lambda number: f"{prefix}_{number}", scan_windows(plan))
    made = []
    for part in parts:
        if calls(part.plan, "ingestion_time"):
            _no_ingestion(part)
        if part.sort == "sql":
            made.append(Statement(part, say(part.plan, between)))
        else:
            made.append(_worked(part, between, memory))
    return made


def _no_ingestion(part: Part) -> None:
    """Rows of another part have lost when they were added."""
    stack: list[n.Plan] = [part.plan]
    while stack:
        node = stack.pop()
        below = inputs(node)
        if calls(alone(node), "ingestion_time") and (part.sort != "sql" or any(p in part.reads() for p in walk(node))):
            construct = "ingestion_time() of computed rows on Spark"
            raise Refused((LU001.at(node.span, construct=construct, hint="take it before: extend t = ..."),))
        stack.extend(below)


def _worked(part: Part, tables: Between, memory: str | None) -> Statement:
    from lurcher.engines.duckdb import _SETTINGS as SETTINGS
    from lurcher.engines.lowering import lower
    from lurcher.sql.printer import to_sql

    lowered = [lower(part.plan, tables, wrapping=wrapping) for wrapping in (False, True)]
    plain, wrapping = (to_sql(each.query) for each in lowered)
    given = [
        worker.Input(tables.stored(s, {}).name, part.read[number], tuple(SQL_TYPES[c.type] for c in s.columns))
        for number, s in _inputs(part).items()
    ]
    work = worker.Work(
        inputs=tuple(given),
        sql=plain,
        wrapping=wrapping,
        gives=tuple(c.type.value for c in part.plan.columns),
        functions=tuple(sorted(lowered[0].udfs | lowered[1].udfs)),
        settings=SETTINGS,
        memory=memory or _MEMORY,
        threads=_THREADS if part.sort == "whole" else 1,
    )
    return Statement(part, plain, work)


def _inputs(part: Part) -> dict[int, n.Scan]:
    """Number -> the table that stands for the part of that number."""
    return {number: scan for scan in part.reads() if (number := number_of(scan)) is not None}


class Frames:
    """Frames of one query in a session: what the workers give as views, until `drop`."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.prefix = f"lurcher_{next(_QUERIES)}"
        self._made: dict[int, Any] = {}
        self._views: list[str] = []

    def last(self, made: list[Statement]) -> str:
        """The statement that gives a query's rows, its parts before it being there."""
        read = {number for s in made if s.work is None for number in _inputs(s.part)}
        for statement in made[:-1]:
            frame = self._frame(statement, made)
            number = statement.part.number
            self._made[number] = frame
            if number in read:
                self._view(number, statement.part, frame)
        return made[-1].sql

    def _frame(self, statement: Statement, made: list[Statement]) -> Any:
        part, work = statement.part, statement.work
        names = [f"c{i}" for i in part.needed] or ["c"]
        if work is None:
            return self._session.sql(statement.sql).toDF(*names)
        _by_value()
        shape = _shape(part.plan.columns)
        inputs = _inputs(part)
        if part.sort == "whole":
            frame = self._together(inputs, work).mapInArrow(worker.whole(work), shape)
        else:
            ((number, scan),) = inputs.items()
            rows = self._made[number]
            have = [f"c{i}" for i in work.inputs[0].have]
            if part.sort == "groups":
                frame = self._bucketed(rows, scan, have).applyInArrow(worker.group(work), shape)
            else:
                frame = rows.selectExpr(*(have or _none(rows))).mapInArrow(worker.each(work), shape)
        return frame.toDF(*names)

    def _bucketed(self, rows: Any, scan: n.Scan, have: list[str]) -> Any:
        from pyspark.sql.connect.functions import expr

        keys = ", ".join(f"c{i}" for i, c in enumerate(scan.columns) if c.name.startswith(BUCKET))
        # Not by its name: of that the client asks the process' first session, whose server may be gone.
        return rows.selectExpr(*have, f"pmod(hash({keys}), {_BUCKETS}) AS bucket").groupBy(expr("bucket"))

    def _together(self, inputs: dict[int, n.Scan], work: worker.Work) -> Any:
        """The rows of all inputs as those of one frame, in one part, with their number before them; -1 for a row of none."""
        columns = [
            (index, i, _type(scan.columns[i].type).simpleString())
            for index, (given, scan) in enumerate(zip(work.inputs, inputs.values(), strict=True))
            for i in given.have
        ]
        nothing = {(index, i): f"CAST(NULL AS {kind}) AS i{index}_c{i}" for index, i, kind in columns}
        frame = self._session.sql("SELECT " + ", ".join(["-1 AS input", *nothing.values()]))
        for index, number in enumerate(inputs):
            said = [f"c{i} AS i{index}_c{i}" if at == index else nothing[at, i] for at, i, _ in columns]
            frame = frame.unionAll(self._made[number].selectExpr(f"{index} AS input", *said))
        return frame.repartition(1)

    def _view(self, number: int, part: Part, frame: Any) -> None:
        """Under the names by which other parts ask: a column that nobody reads is null."""
        columns: Columns = part.columns
        said = [
            f"c{i}" if i in part.needed else f"CAST(NULL AS {_type(c.type).simpleString()}) AS c{i}"
            for i, c in enumerate(columns)
        ]
        name = f"{self.prefix}_{number}"
        frame.selectExpr(*(said or ["c"])).createOrReplaceTempView(name)
        self._views.append(name)

    def drop(self) -> None:
        if not self._views:
            return
        views, self._views = self._views, []

        def work() -> None:
            for view in views:
                with suppress(Exception):
                    self._session.catalog.dropTempView(view)

        not_for_long("drop", _PATIENCE, work)


def _type(kind: ScalarType) -> Any:
    """A KQL type as Spark's, where rows go from one part to the next."""
    from pyspark.sql import types as s

    known: dict[ScalarType, Any] = {
        ScalarType.BOOL: s.BooleanType(),
        ScalarType.INT: s.IntegerType(),
        ScalarType.LONG: s.LongType(),
        ScalarType.REAL: s.DoubleType(),
        ScalarType.DECIMAL: s.DecimalType(38, 18),
        ScalarType.DATETIME: s.TimestampType(),
        ScalarType.TIMESPAN: s.LongType(),
    }
    return known.get(kind, s.StringType())


def _shape(columns: Columns) -> Any:
    """What a part gives, as Spark's type: a text of it the server would be asked to read."""
    from pyspark.sql import types as s

    fields = [s.StructField(f"c{i}", _type(c.type), True) for i, c in enumerate(columns)]
    return s.StructType(fields or [s.StructField("c0", s.BooleanType(), True)])


def _none(rows: Any) -> list[str]:
    """One column, where none is read: rows count all the same."""
    return list(rows.columns[:1])


def _by_value() -> None:
    """Workers need not have lurcher: what runs there is sent along."""
    from pyspark import cloudpickle

    register: Any = cloudpickle.register_pickle_by_value
    register(worker)


def shown(made: list[Statement]) -> str:
    """All statements, for people to read."""
    if len(made) == 1:
        return made[0].sql
    told = {
        "sql": "Spark",
        "rows": "DuckDB in the workers, on the rows that each has",
        "groups": "DuckDB in the workers, on the rows of some keys",
        "whole": "DuckDB in one worker, on all rows",
    }
    return "\n\n".join(f"-- {s.part.number}: {told[s.part.sort]}\n{s.sql}" for s in made)
