"""The rows of a query, as whatever one goes on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.api.display import COLUMNS, ROWS, Shown, View
from lurcher.errors import LurcherError
from lurcher.kql.types import Columns, ScalarType

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.base import Result as Rows
    from lurcher.plan.nodes import Render

_NUMBERS = frozenset((ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL))


class Result(Shown):
    """All rows of a query's result. It is a sequence of dicts with Python values; in a notebook it shows itself.

    `columns` have `name` and `type` (KQL's); `render` is the hint of the query's render operator, or None; `notes` what the
    query's answer should be read with (warnings). A text of several queries gives several results: this is the first, and `all`
    has them in order.

    KQL's types in Python: datetime is `datetime` (UTC), timespan `timedelta`, both in microseconds; dynamic the plain value of
    its JSON; guid a text; decimal `Decimal`. Null is None; a string is never null.
    """

    def __init__(
        self, columns: Columns, rows: pa.Table, render: Render | None = None, notes: tuple[str, ...] = ()
    ) -> None:
        self.columns = columns
        self.render = render
        self.notes = notes
        self.all: tuple[Result, ...] = (self,)
        self._rows = rows

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def arrow(self) -> pa.Table:
        """An Arrow table as the engine gives it: each column's KQL type is in its field's metadata (`kql`), a timespan is an
        integer of 100 ns, a dynamic is JSON text."""
        return self._rows

    def pandas(self) -> Any:
        """A DataFrame. A null makes no other type of a column: integers and booleans are pandas' own nullable ones. A timespan
        is in microseconds, a dynamic is JSON text."""
        pandas = _need("pandas")
        import pyarrow as pa

        nullable = {
            pa.int64(): pandas.Int64Dtype(), pa.int32(): pandas.Int32Dtype(), pa.bool_(): pandas.BooleanDtype()
        }  # fmt: skip
        return self._with_durations().replace_schema_metadata(None).to_pandas(types_mapper=nullable.get)

    def polars(self) -> Any:
        """A DataFrame of polars. A timespan is a duration in microseconds, a dynamic is JSON text."""
        return _need("polars").from_arrow(self._with_durations())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples of Python values."""
        for batch in self._rows.to_batches():
            yield from self._values(batch)

    def dicts(self) -> list[dict[str, Any]]:
        return list(self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.names
        return (dict(zip(names, row, strict=True)) for row in self.rows())

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __getitem__(self, index: int | slice) -> Any:
        """A row as a dict; of a slice, a list of them."""
        names = self.names
        if isinstance(index, slice):
            import pyarrow as pa

            places = pa.array(range(*index.indices(len(self))), pa.int64())
            return [dict(zip(names, row, strict=True)) for row in self._values(self._rows.take(places))]
        place = range(len(self))[index]
        return dict(zip(names, next(self._values(self._rows.slice(place, 1))), strict=True))

    def column(self, name: str) -> list[Any]:
        """The values of one column. Raises `LurcherError` where there is none of the name."""
        for index, column in enumerate(self.columns):
            if column.name == name:
                return _python(self._rows.column(index), column.type)
        raise LurcherError(f"the result has no column '{name}'", f"it has: {', '.join(self.names)}")

    def value(self) -> Any:
        """The one value of a result that has one row and one column."""
        if len(self) != 1 or len(self.columns) != 1:
            raise LurcherError(
                f"the result has {len(self):,} rows and {len(self.columns)} columns, one value is one of each"
            )
        return self.column(self.columns[0].name)[0]

    def write(self, path: str | Path, format: str | None = None) -> Path:
        """Write the rows to a file: CSV, JSON, JSON lines or Parquet, as its name ends or `format` says."""
        from lurcher.report.results import format_of, write_result

        path = Path(path)
        chosen = format or format_of(path)
        if chosen not in ("csv", "json", "jsonl", "parquet"):
            raise LurcherError(f"the ending of {path} says no format", "format='csv', 'json', 'jsonl' or 'parquet'")
        write_result(self._engine_rows(), chosen, path)
        return path

    # --- how it shows ---
    def _view(self, pictures: bool) -> View:
        from lurcher.engines.values import protocol_rows
        from lurcher.report.results import cell_text

        types = [c.type for c in self.columns]
        shown = []
        for batch in self._rows.slice(0, ROWS).to_batches():
            for row in protocol_rows(batch, self.columns):
                shown.append([cell_text(v, t) for v, t in zip(row[:COLUMNS], types, strict=False)])
        notes = list(self.notes)
        text, picture = self._chart(pictures, notes)
        if len(self.all) > 1 and self is self.all[0]:
            notes.append(f"the first of {len(self.all)} results: .all has them")
        return View(
            self.names, shown, len(self), kinds=[t.value for t in types],
            right=frozenset(i for i, t in enumerate(types) if t in _NUMBERS), notes=notes, chart=text, picture=picture,
        )  # fmt: skip

    def _chart(self, pictures: bool, notes: list[str]) -> tuple[str, bytes]:
        """What `render` asks for, as text or as a picture."""
        if self.render is None:
            return "", b""
        from lurcher.report.charts import NotDrawn, chart_of, draw, image, left_out
        from lurcher.report.results import rows_of

        chart = chart_of(self.render, self.columns, list(rows_of(self._engine_rows())))
        if isinstance(chart, NotDrawn):
            if chart.reason:
                notes.append(f"note: {chart.reason}")
            return "", b""
        if not pictures:
            return draw(chart, 100), b""
        try:
            picture = image(chart, "svg")
        except LurcherError as error:
            notes.append(f"note: {error.message}: {error.hint}")
            return "", b""
        if note := left_out(chart):
            notes.append(f"note: {note}")
        return "", picture

    def _engine_rows(self) -> Rows:
        from lurcher.engines.base import Result as Rows

        return Rows(self.columns, iter(self._rows.to_batches()), self.render)

    # --- values ---
    def _values(self, rows: pa.RecordBatch | pa.Table) -> Iterator[tuple[Any, ...]]:
        if not self.columns:
            return iter([()] * rows.num_rows)
        return zip(*(_python(a, c.type) for a, c in zip(rows.columns, self.columns, strict=True)), strict=True)

    def _with_durations(self) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = self._rows
        for index, column in enumerate(self.columns):
            if column.type is ScalarType.TIMESPAN:
                micros = pc.divide(table.column(index), 10).cast(pa.duration("us"))
                table = table.set_column(index, pa.field(column.name, micros.type), micros)
        return table


def _python(array: Any, kind: ScalarType) -> list[Any]:
    import pyarrow as pa

    if kind is ScalarType.DATETIME:
        # Without their zone: which class of zone Arrow takes depends on what else is installed.
        naive = array.cast(pa.int64()).cast(pa.timestamp("us")).to_pylist()
        return [None if v is None else v.replace(tzinfo=UTC) for v in naive]
    values: list[Any] = array.to_pylist()
    form = _FORMS.get(kind)
    return values if form is None else [None if v is None else form(v) for v in values]


def _timedelta(ticks: int) -> timedelta:
    return timedelta(microseconds=ticks // 10 if ticks >= 0 else -(-ticks // 10))


_FORMS: dict[ScalarType, Callable[[Any], Any]] = {ScalarType.TIMESPAN: _timedelta, ScalarType.DYNAMIC: json.loads}


def _need(package: str) -> Any:
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError:
        raise LurcherError(
            f"a DataFrame of {package} needs {package}, which is not installed", f"pip install {package}"
        ) from None
