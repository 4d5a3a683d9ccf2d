"""Tables as views that the engine can read: in its own types, under names that differ without case."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from lurcher.engines.lowering.context import Stored
from lurcher.engines.lowering.rel import INGESTED, stored_names
from lurcher.engines.lowering.texts import twin
from lurcher.engines.lowering.times import day_range, microseconds, of_whole_days
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.covers import Test, covered
from lurcher.plan.windows import ANY_TIME, TimeWindow, Windows
from lurcher.schema import TableSchema, physical_names
from lurcher.sql import tree as t
from lurcher.sql.printer import Printer, to_sql

if TYPE_CHECKING:
    from lurcher.engines.hot import Kept
    from lurcher.engines.lowering.computed import Computed
    from lurcher.lake import LakeTable
    from lurcher.lake.table import DataFile

quote = Printer().name


class Tables(Protocol):
    """What is there: a schema by name, and the rows (a lake's table, an Arrow table; None: no rows)."""

    def table(self, name: str) -> TableSchema | None: ...

    def data(self, name: str) -> Any: ...

    def supplied(self, rows: n.Supplied) -> Any:
        """An Arrow table with the columns of the plan node. Raises `LurcherError` where it cannot be had."""


@dataclass
class Narrowed:
    """Rows of a table as a table of its own, with the view's names: all that fulfil one of the tests in its window (of the `time`
    column). It has no other `columns` than these."""

    name: str
    time: str | None
    tests: Mapping[Test, TimeWindow]
    rows: int
    columns: frozenset[str]
    #: Test -> the window in which its answers are known, and the values of its column there for which it is true.
    matched: Mapping[Test, tuple[TimeWindow, tuple[str, ...]]] = field(default_factory=dict)
    #: How many places of statements have read it.
    served: int = 0

    def hold(self, table: n.Scan, predicates: Sequence[n.Expr], windows: Windows) -> bool:
        """Whether they are all the rows that somebody needs who asks for these, with the columns that he looks at."""
        if not all(c.name in self.columns for c in table.columns):
            return False
        asked = self._asked(windows)
        return covered(predicates, {test for test, window in self.tests.items() if window.holds(asked)})

    def known(self, windows: Windows) -> dict[Test, tuple[str, ...]]:
        """The values for which tests are true, as far as they are known of the rows that are asked for."""
        asked = self._asked(windows)
        return {test: values for test, (window, values) in self.matched.items() if window.holds(asked)}

    def _asked(self, windows: Windows) -> TimeWindow:
        return windows.get(self.time, ANY_TIME) if self.time is not None else ANY_TIME


class Views:
    """Makes a view the first time that a statement names it. Implements `lowering.Tables`.

    `connection` None only gives the names: for SQL that is printed and not run. `tag`: what the names of views end in, where
    others make theirs in the same database."""

    def __init__(self, tables: Tables, connection: Any = None, tag: str = "") -> None:
        self._tables = tables
        self._connection = connection
        self._tag = tag
        #: Copies in memory that the next statement reads in place of a table's files, by table.
        self.kept: Mapping[str, Sequence[Kept]] = {}
        self._made: dict[tuple[str, TimeWindow | None, tuple[str, ...]], str] = {}
        self._supplied: dict[n.Supplied, str] = {}
        #: Table -> some of its rows, in place of it for those that need no others. The smallest first.
        self.narrowed: dict[str, list[Narrowed]] = {}
        #: Parts of plans whose rows are known.
        self.computed: list[Computed] = []

    def stored(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr] = ()) -> Stored:
        from lurcher.lake import LakeTable

        name = table.table
        data = self._tables.data(name)
        window = None
        for rows in self.narrowed.get(name, ()):
            if rows.hold(table, predicates, windows):
                rows.served += 1
                names = stored_names(c.name for c in self._schema(name).columns)
                physical = {c: at for c, at in names.items() if c in rows.columns}
                return Stored(rows.name, physical, matched=rows.known(windows))
        looked_at: TimeWindow | None = getattr(self._tables, "window", None)
        time = self.time_column(name) if windows or looked_at is not None else None
        if time is not None:
            window = windows.get(time)
        if looked_at is not None:
            window = self._looked_at(name, time, looked_at, window)
        kept = self.kept.get(name, ())
        key = (name, window, tuple(k.database for k in kept))
        if key not in self._made:
            view = self._named(name, window, bool(kept))
            if self._connection is not None:
                self._make(view, name, window, data, kept)
            self._made[key] = view
        columns = self._schema(name).columns
        names = stored_names(c.name for c in columns)
        # What another program has written is first checked to be JSON.
        ours = isinstance(data, LakeTable) and data.ours
        return Stored(self._made[key], names, texts=_texts(columns, names) if ours else frozenset())

    def time_column(self, name: str) -> str | None:
        """The column by whose days the rows of a table are stored."""
        from lurcher.lake import LakeTable

        data = self._tables.data(name)
        # A table that another program has made may have days of its own.
        return data.schema.time_column if isinstance(data, LakeTable) and data.ours else None

    def window_of(self, view: str) -> TimeWindow | None:
        """The time whose days a view reads; None where it reads all."""
        return next((window for (_, window, _), made in self._made.items() if made == view), None)

    def _named(self, name: str, window: TimeWindow | None, kept: bool) -> str:
        """A table's name with the days behind it: what no table is called."""
        if window is None and not kept:
            return name + self._tag
        view = "{} {}..{}".format(name, *day_range(window or ANY_TIME)) + self._tag
        same = sum(made == view or made.startswith(f"{view} #") for made in self._made.values())
        return f"{view} #{same + 1}" if same else view

    def drop(self) -> None:
        """Take away what was made here, from a database that others use as well."""
        for view in (*self._made.values(), *self._supplied.values()):
            self._connection.execute(f"DROP VIEW IF EXISTS {quote(view)}")
            self._connection.execute(f"DROP TABLE IF EXISTS {quote(f'rows of {view}')}")
        self._made, self._supplied = {}, {}

    def _looked_at(
        self, name: str, time: str | None, window: TimeWindow, asked: TimeWindow | None
    ) -> TimeWindow | None:
        """Where rows of a table can matter of which those in a window are looked at; one without a time is looked at whole."""
        if time is not None:
            return window.both(asked or ANY_TIME)
        if self._tables.data(name) is not None and self._schema(name).time_column is not None:
            raise LurcherError(
                f"a time span for {name}, whose rows no lake of this program has stored",
                "write the time into the query",
                kind="unsupported",
            )
        return None

    def rows_read(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr], columns: Collection[str]) -> int:
        """How many rows are read for a scan, as the log of its files has it; none where they are kept."""
        from lurcher.lake import LakeTable

        asked = replace(table, columns=tuple(c for c in table.columns if c.name in columns))
        data = self._tables.data(table.table)
        if data is None or any(rows.hold(asked, predicates, windows) for rows in self.narrowed.get(table.table, ())):
            return 0
        if not isinstance(data, LakeTable):
            return int(data.num_rows)
        time = self.time_column(table.table)
        window = windows.get(time) if time is not None else None
        return sum(f.rows for f in data.files_of(day_range(window) if window is not None else None))

    def is_empty(self, table: n.Scan) -> bool:
        return self._tables.data(table.table) is None

    def supplied(self, rows: n.Supplied) -> Stored:
        """Rows that are fetched or read now, the first time that a statement names them."""
        view = self._supplied.get(rows)
        if view is None:
            # A table's name never begins with a space.
            view = f" {rows.what} {len(self._supplied) + 1}{self._tag}"
            if self._connection is not None:
                self._show(view, rows.columns, self._tables.supplied(rows))
            self._supplied[rows] = view
        return Stored(view, stored_names(c.name for c in rows.columns))

    def _schema(self, name: str) -> TableSchema:
        schema = self._tables.table(name)
        if schema is None:
            raise LurcherError(f"there is no table '{name}'")
        return schema

    def _make(self, view: str, name: str, window: TimeWindow | None, data: Any, kept: Sequence[Kept] = ()) -> None:
        from lurcher.lake import LakeTable, layout

        columns = self._schema(name).columns
        if not isinstance(data, LakeTable):
            self._show(view, columns, data)
            return
        files = data.files_of(day_range(window) if window is not None else None)
        source, have, late = _of_files(data, [f.path for f in files]) if not kept else _of_kept(data, files, kept)
        # Rows of whole days need not be asked for their time: a file has those of one day. What is kept has those of several.
        asked = window is not None and (bool(kept) or not of_whole_days(window))
        where = _within(data, window) if source is not None and window is not None and asked else None
        # Another program's table does not know when its rows came.
        ingested = layout.INGESTED if source is not None and layout.INGESTED in data.stored_types else None
        self._view(view, columns, source, have, frozenset(late), ingested, where, texts=data.ours)

    def _show(self, view: str, columns: Columns, data: Any) -> None:
        """A view of Arrow rows (None: of none). What is called `INGESTED`, and no column of theirs, says when they were added."""
        if data is None:
            self._view(view, columns, None, {})
            return
        # As the engine's own table: it answers two to four times faster than Arrow, and other cursors see it.
        have = physical_names(data.column_names)
        self._connection.register("incoming rows", data.rename_columns(list(have.values())))
        self._connection.execute(f'CREATE OR REPLACE TABLE {quote(f"rows of {view}")} AS SELECT * FROM "incoming rows"')
        self._connection.unregister("incoming rows")
        added = have.get(INGESTED) if INGESTED not in {c.name for c in columns} else None
        self._view(view, columns, t.Table(f"rows of {view}"), have, ingested=added)

    def _view(
        self,
        view: str,
        columns: Columns,
        source: t.FromItem | None,
        have: Mapping[str, str],
        late: frozenset[str] = frozenset(),
        ingested: str | None = None,
        where: t.SqlExpr | None = None,
        texts: bool = False,
    ) -> None:
        names = stored_names(c.name for c in columns)
        items = [t.SelectItem(_column(c, have.get(c.name), c.name in late), names[c.name]) for c in columns]
        items.append(t.SelectItem(_column(Column(INGESTED, ScalarType.DATETIME), ingested, False), INGESTED))
        if texts:
            beside = _texts(columns, names)
            items += [
                t.SelectItem(
                    t.Ident(have[c.name]) if c.name in have else t.Literal(None, "VARCHAR"), twin(names[c.name])
                )
                for c in columns
                if names[c.name] in beside
            ]
        query = t.Select(tuple(items), source, where if source is not None else t.FALSE)
        self._connection.execute(f"CREATE OR REPLACE VIEW {quote(view)} AS {to_sql(query)}")

    def source(self, table: LakeTable, paths: Sequence[str]) -> str:
        """What stands behind FROM for some of a table's files, with the columns as they are stored."""
        item, _, _ = _of_files(table, paths)
        return f"({to_sql(t.Select((t.SelectItem(t.Star()),), item))})"


#: What a view takes its rows from, the stored names of its columns, the strings that may be null there.
_Source = tuple[t.FromItem | None, dict[str, str], Iterable[str]]


def _of_files(table: LakeTable, paths: Sequence[str]) -> _Source:
    from lurcher.lake import layout

    if not paths:
        return None, {}, ()
    # The files are named one by one, from the log: a folder would show what a killed writer left behind.
    listed = t.ListOf(tuple(t.Literal(p) for p in paths))
    late = [] if not table.ours else [table.physical[c.name] for c in table.schema.columns if c.name in table.late]
    # Where every file has every column, not each must be opened before the first is read.
    options = (
        ", hive_partitioning = false)"
        if table.ours and not late
        else ", union_by_name = true, hive_partitioning = false)"
    )
    source: t.FromItem = t.FunctionFrom(t.Fragment(("read_parquet(", t.Slot(listed, True), options), True), "files")
    if late:
        # A column that came later may be in none of these files: they are of other days, or whoever gave the table the
        # column was killed before its rows came.
        blank = [t.SelectItem(t.Literal(None, layout.DUCKDB_TYPES[table.stored_types[n]]), n) for n in late]
        every = t.Select((t.SelectItem(t.Star()),), source)
        source = t.QueryFrom(t.SetOp("UNION ALL BY NAME", (every, t.Select(tuple(blank), where=t.FALSE))), "files")
    return source, table.physical, table.nullable_strings


def _of_kept(table: LakeTable, files: Sequence[DataFile], kept: Sequence[Kept]) -> _Source:
    """Copies in memory of some of the files, and the others as they are stored."""
    from lurcher.engines.hot import MISSING, ROWS
    from lurcher.lake import layout

    columns = [*table.physical.values(), *({layout.INGESTED} & table.stored_types.keys())]
    # Where rows are only counted, the engine takes the first column, whichever it is.
    columns.sort(key=lambda c: not all(c in k.types for k in kept))
    held = set[str]().union(*(k.files for k in kept))
    parts = []
    for one in kept:
        if any(f.name in one.files for f in files):
            items = []
            for c in columns:
                kind = layout.DUCKDB_TYPES[table.stored_types[c]]
                missing = t.Cast(t.call("error", t.Literal(MISSING + table.name)), kind)
                items.append(t.SelectItem(t.Ident(c) if c in one.types else missing, c))
            rows = t.Fragment((f"{quote(one.database)}.{quote(ROWS)}",), True)
            parts.append(t.Select(tuple(items), t.FunctionFrom(rows, "kept")))
    others, have, late = _of_files(table, [f.path for f in files if f.name not in held])
    if others is not None:
        parts.append(t.Select(tuple(t.SelectItem(t.Ident(c), c) for c in columns), others))
    if not parts:
        return others, have, late
    source = parts[0] if len(parts) == 1 else t.SetOp("UNION ALL", tuple(parts))
    return t.QueryFrom(source, "files"), table.physical, table.nullable_strings


def _texts(columns: Columns, names: Mapping[str, str]) -> frozenset[str]:
    """The dynamic columns, as the view names them, that have their text beside them."""
    taken = {n.casefold() for n in (*names.values(), INGESTED)}
    dynamic = [names[c.name] for c in columns if c.type is ScalarType.DYNAMIC]
    return frozenset(n for n in dynamic if twin(n).casefold() not in taken)


def _within(table: LakeTable, window: TimeWindow) -> t.SqlExpr:
    """The window as a condition on what is stored: the engine holds it against the statistics of each part of a file, which it
    cannot do with a condition on what the view makes of it."""
    time = t.Ident(table.physical[table.schema.time_column or ""])
    first, last = microseconds(window)
    ends: list[t.SqlExpr] = [
        t.Op(op, (time, t.Cast(t.call("make_timestamp", t.Literal(end, "BIGINT")), "TIMESTAMPTZ")))
        for op, end in ((">=", first), ("<=", last))
        if end is not None
    ]
    return t.conjunction(ends) or t.TRUE


def _column(column: Column, stored: str | None, late: bool) -> t.SqlExpr:
    """A column of the view. What the data lack is empty or null; a string that some file lacks is empty there."""
    if stored is None:
        return t.EMPTY if column.type is ScalarType.STRING else t.Literal(None, SQL_TYPES[column.type])
    ident = t.Ident(stored)
    match column.type:
        case ScalarType.STRING:
            return t.call("coalesce", ident, t.EMPTY) if late else ident
        case ScalarType.DATETIME:
            # What is stored has UTC for its zone. A cast would ask the time zone library for each row: ten times slower.
            return t.call("make_timestamp", t.call("epoch_us", ident))
        case ScalarType.GUID | ScalarType.DYNAMIC:
            # Not TRY_CAST: what a lake holds is valid; were it not, the query has to say so.
            return t.Cast(ident, SQL_TYPES[column.type])
    return ident
