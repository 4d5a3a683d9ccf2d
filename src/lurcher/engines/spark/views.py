"""Tables as views of a Spark session: a lake's files by name, from its log; Arrow rows sent along."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lurcher.engines.lowering.context import Stored
from lurcher.engines.lowering.rel import INGESTED, stored_names
from lurcher.engines.lowering.times import day_range
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.errors import LurcherError, shown
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.lake.settings import ClusterTable
from lurcher.plan import nodes as n
from lurcher.schema import TableSchema, physical_names
from lurcher.sql import tree as t
from lurcher.sql.dialect import SPARK
from lurcher.sql.printer import to_sql

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.views import Tables
    from lurcher.lake import LakeTable
    from lurcher.plan.windows import TimeWindow, Windows

#: What Spark would take for a pattern of names, in a path.
_PATTERN = re.compile(r"[*?\[\]{}\\,]")
#: What a view's name has none of: Spark reads the name of a view as SQL, Sail as it is.
_ODD = re.compile(r"[^0-9A-Za-z_]+")
#: Bytes of Arrow rows that are sent along: more belong into a lake.
_MOST = 256 << 20


class SparkViews:
    """Makes a view the first time that a statement names it. Implements `lowering.Tables`. `session` None only gives the names.

    A column whose type Spark has no exact form for here is missing: who asks for it is refused."""

    def __init__(self, tables: Tables, session: Any = None) -> None:
        self._tables = tables
        self._session = session
        self._made: dict[tuple[str, TimeWindow | None], str] = {}
        self._supplied: dict[n.Supplied, str] = {}
        self._taken: set[str] = set()

    def stored(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr] = ()) -> Stored:
        from lurcher.lake import LakeTable

        name = table.table
        schema = self._tables.table(name)
        if schema is None:
            raise LurcherError(f"there is no table '{name}'")
        data = self._tables.data(name)
        window = None
        if windows and isinstance(data, LakeTable) and data.ours and data.schema.time_column is not None:
            window = windows.get(data.schema.time_column)
        elif windows and isinstance(data, ClusterTable) and schema.time_column is not None:
            window = windows.get(schema.time_column)
        key = (name, window)
        if key not in self._made:
            # Not the name that it may have in the catalogue: this one would hide it.
            base = f"{name} there" if isinstance(data, ClusterTable) else name
            view = self._named(base if window is None else "{} {}..{}".format(base, *day_range(window)))
            if self._session is not None:
                self._make(view, schema, window, data)
            self._made[key] = view
        return Stored(self._made[key], stored_names(c.name for c in schema.columns))

    def is_empty(self, table: n.Scan) -> bool:
        return self._tables.data(table.table) is None

    def supplied(self, rows: n.Supplied) -> Stored:
        view = self._supplied.get(rows)
        if view is None:
            view = self._named(rows.what)
            if self._session is not None:
                self._show(view, rows.columns, self._tables.supplied(rows))
            self._supplied[rows] = view
        return Stored(view, stored_names(c.name for c in rows.columns))

    def _named(self, what: str) -> str:
        """A name that no other view has: `T` and `t` are two tables to KQL and one to Spark."""
        plain = _ODD.sub("_", what)
        if not plain[0].isalpha():
            plain = f"t{plain}"
        view, count = plain, 1
        while view.casefold() in self._taken:
            count += 1
            view = f"{plain}_{count}"
        self._taken.add(view.casefold())
        return view

    # --- making ---
    def _make(self, view: str, schema: TableSchema, window: TimeWindow | None, data: Any) -> None:
        from lurcher.lake import LakeTable

        if isinstance(data, ClusterTable):
            self._cluster(view, schema, window, data)
            return
        if not isinstance(data, LakeTable):
            self._show(view, schema.columns, data)
            return
        # Whoever is asked has a working folder of its own.
        paths = [os.path.abspath(p) for p in data.file_uris(day_range(window) if window is not None else None)]
        for path in paths:
            if _PATTERN.search(path):
                raise LurcherError("a character of the lake's path is a pattern to Spark", "move the lake", path)
        if not paths:
            self._view(view, schema.columns, None, {}, None)
            return
        files = self._named(f"files of {view}")
        try:
            self._files(data, paths).createOrReplaceTempView(files)
        except Exception as error:
            if "PATH_NOT_FOUND" not in str(error):
                raise
            hint = "it has to see the lake under the path that it has here: keep it on storage that both share"
            raise LurcherError("the cluster does not see a file of the lake", hint, paths[0]) from None
        ingested = "_ingested" if "_ingested" in data.stored_types else None
        self._view(view, schema.columns, files, data.physical, ingested)

    def _cluster(self, view: str, schema: TableSchema, window: TimeWindow | None, table: ClusterTable) -> None:
        """A table of the cluster's catalogue. It has the rows that it has when a query reads them."""
        from lurcher.engines.spark import cluster

        try:
            frame = self._session.table(".".join("`{}`".format(part.replace("`", "``")) for part in table.name))
            fields = cluster.fields_of(frame)
        except Exception as error:  # noqa: BLE001 - whatever the client raises: there is none, or none for us
            said = " ".join(str(error).split())
            raise LurcherError(
                f"the cluster's table {shown(str(table), 80)} cannot be read: {shown(said, 200)}",
                f"[tables] of lake.toml names it for {schema.name}",
            ) from None
        made = cluster.items(table, schema.name, schema.columns, fields)
        where = cluster.within(table, schema.time_column, window, fields) if window is not None else None
        source = self._named(f"cluster of {view}")
        frame.createOrReplaceTempView(source)
        names = stored_names(c.name for c in schema.columns)
        items = [t.SelectItem(value, names[name]) for name, value in made]
        items.append(t.SelectItem(_column(Column(INGESTED, ScalarType.DATETIME), None), INGESTED))
        self._session.sql(to_sql(t.Select(tuple(items), t.Table(source), where), SPARK)).createOrReplaceTempView(view)

    def _files(self, data: LakeTable, paths: list[str]) -> Any:
        """The files with the columns of the table as it is now: what a file lacks, as a column came later, is null."""
        from pyspark.sql import types as s

        known = {"string": s.StringType, "boolean": s.BooleanType, "integer": s.IntegerType, "long": s.LongType,
                 "double": s.DoubleType, "timestamp": s.TimestampType}  # fmt: skip
        # `day` is the partition: of the folder's name, not of the file.
        fields = [
            s.StructField(name, known[delta](), True)
            for name, delta in data.stored_types.items()
            if delta in known and name != "day"
        ]
        return self._session.read.schema(s.StructType(fields)).parquet(*paths)

    def _show(self, view: str, columns: Columns, data: pa.Table | None) -> None:
        if data is None:
            self._view(view, columns, None, {}, None)
            return
        if data.nbytes > _MOST:
            raise LurcherError("more rows than can be sent to Spark with a query", "add them to a lake: lurcher add")
        have = physical_names(data.column_names)
        rows = data.rename_columns(list(have.values()))
        added = have.get(INGESTED) if INGESTED not in {c.name for c in columns} else None
        if not rows.num_rows or not rows.num_columns:
            self._view(view, columns, None, {}, None)
            return
        sent = self._named(f"rows of {view}")
        self._session.createDataFrame(rows).createOrReplaceTempView(sent)
        self._view(view, columns, sent, have, added)

    def _view(
        self, view: str, columns: Columns, source: str | None, have: dict[str, str], ingested: str | None
    ) -> None:
        names = stored_names(c.name for c in columns)
        items = [
            t.SelectItem(_column(c, have.get(c.name)), names[c.name])
            for c in columns
            if c.type is not ScalarType.DECIMAL
        ]
        items.append(t.SelectItem(_column(Column(INGESTED, ScalarType.DATETIME), ingested), INGESTED))
        query = t.Select(tuple(items), t.Table(source) if source else None, None if source else t.FALSE)
        self._session.sql(to_sql(query, SPARK)).createOrReplaceTempView(view)


def _column(column: Column, stored: str | None) -> t.SqlExpr:
    """What the data lack is empty or null; a guid is compared as it is written."""
    if stored is None:
        return t.EMPTY if column.type is ScalarType.STRING else t.Literal(None, SQL_TYPES[column.type])
    ident = t.Ident(stored)
    match column.type:
        case ScalarType.STRING:
            return t.call("coalesce", ident, t.EMPTY)
        case ScalarType.GUID:
            return t.call("lower", ident)
    return ident
