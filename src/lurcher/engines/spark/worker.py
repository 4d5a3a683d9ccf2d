"""What runs in the workers of a cluster: DuckDB, over the rows that Spark hands it.

This module is sent along by value: it imports nothing of lurcher, and nothing at all before it is called. Workers need `duckdb` and
`pyarrow`; lurcher as well where a statement calls one of its functions in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Input:
    """Rows that come in: which of the columns `c0`, `c1`, ... of a table come, and all of its columns' types in DuckDB."""

    table: str
    have: tuple[int, ...]
    types: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """A statement over the inputs; `wrapping` is the same where whole numbers wrap around. `gives` are the types of what comes out,
    as KQL calls them."""

    inputs: tuple[Input, ...]
    sql: str
    wrapping: str
    gives: tuple[str, ...]
    functions: tuple[str, ...]
    settings: tuple[str, ...]
    memory: str
    threads: int


#: How an error of DuckDB's is told to whoever asked: `lurcher worker|class|text|.`
_TOLD = "lurcher worker|"
#: Rows of which a statement makes something at a time, and of a batch that comes out.
_ROWS, _OUT = 65_536, 16_384


def each(work: Work) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """For statements that look at each row alone: some rows after others, in their order."""

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        held: list[Any] = []
        rows = 0
        database = None
        try:
            for batch in batches:
                if not batch.num_rows:
                    continue
                held.append(batch)
                rows += batch.num_rows
                if rows >= _ROWS:
                    database = database or _Database(work)
                    yield from database.answer([held])
                    held, rows = [], 0
            if held:
                database = database or _Database(work)
                yield from database.answer([held])
        finally:
            if database is not None:
                database.close()

    return run


def group(work: Work) -> Callable[[Any], Any]:
    """For statements that look at rows of the same keys together: all rows of some keys."""

    def run(table: Any) -> Any:
        import pyarrow as pa

        database = _Database(work)
        try:
            batches = list(database.answer([table.to_batches()]))
            return pa.Table.from_batches(batches, _schema(work))
        finally:
            database.close()

    return run


def whole(work: Work) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """For statements that look at all rows: they come in one part, each with the number of its input in the first column, and one
    row of the number -1, by which it is seen that they do."""

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow.compute as pc

        marks = rows = 0
        database = _Database(work)
        try:
            for batch in batches:
                rows += batch.num_rows
                number = batch.column(0)
                marks += pc.sum(pc.equal(number, -1)).as_py() or 0
                first = 1
                for index, given in enumerate(work.inputs):
                    last = first + len(given.have)
                    part = batch.filter(pc.equal(number, index)).select(list(range(first, last)) or [0])
                    database.add(index, [part])
                    first = last
            if not rows:
                return
            if marks != 1:
                raise RuntimeError("the rows of one part came in several")
            yield from database.result(last=True)
        finally:
            database.close()

    return run


class _Database:
    def __init__(self, work: Work) -> None:
        import tempfile

        try:
            import duckdb
        except ImportError:
            raise RuntimeError(
                f"{_TOLD}LurcherError|the workers of Spark have no duckdb\n  hint: install it there: pip install duckdb|."
            ) from None
        self._work = work
        self._folder = tempfile.TemporaryDirectory(prefix="lurcher-", ignore_cleanup_errors=True)
        self._connection: Any = duckdb.connect(
            ":memory:", config={"threads": work.threads, "memory_limit": work.memory}
        )
        for setting in work.settings:
            self._connection.execute(setting)
        self._connection.execute(f"SET temp_directory = '{self._folder.name}'")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._functions()
        for index, given in enumerate(work.inputs):
            have = ", ".join(f"c{i} {given.types[i]}" for i in given.have) or "c BOOLEAN"
            self._connection.execute(f"CREATE TABLE rows_{index} ({have})")
            shown = [f"c{i}" if i in given.have else f"CAST(NULL AS {t}) AS c{i}" for i, t in enumerate(given.types)]
            said = ", ".join(shown) or "1 AS c"
            self._connection.execute(f"CREATE VIEW {given.table} AS SELECT {said} FROM rows_{index}")

    def _functions(self) -> None:
        if not self._work.functions:
            return
        try:
            from lurcher.functions.udf import load_udf
        except ImportError:
            raise RuntimeError(
                f"{_TOLD}LurcherError|the query calls a function that the workers of Spark have not"
                "\n  hint: install lurcher there: pip install lurcher|."
            ) from None
        for path in self._work.functions:
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

    def answer(self, inputs: list[list[Any]]) -> Iterator[Any]:
        """What comes of these rows, and of no others."""
        for index, batches in enumerate(inputs):
            self._connection.execute(f"DELETE FROM rows_{index}")
            self.add(index, batches)
        yield from self.result()

    def add(self, index: int, batches: list[Any]) -> None:
        import pyarrow as pa

        given = self._work.inputs[index]
        table = pa.Table.from_batches(batches)
        if not table.num_rows:
            return
        have = given.have
        if have:
            table = table.select(list(range(len(have)))).rename_columns([f"c{i}" for i in have])
        said = ", ".join(_read(f"c{i}", given.types[i]) for i in have) or "true"
        self._connection.register("incoming", table)
        try:
            self._told(f"INSERT INTO rows_{index} SELECT {said} FROM incoming")
        finally:
            self._connection.unregister("incoming")

    def result(self, last: bool = False) -> Iterator[Any]:
        """`last`: its inputs are not needed any more."""
        import duckdb

        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE result AS {self._work.sql}")
        except duckdb.OutOfRangeException as error:
            if "verflow" not in str(error):
                raise _failure(error) from None
            self._told(f"CREATE OR REPLACE TEMP TABLE result AS {self._work.wrapping}")
        except duckdb.Error as error:
            raise _failure(error) from None
        if last:
            for index in range(len(self._work.inputs)):
                self._told(f"DELETE FROM rows_{index}")
        schema = _schema(self._work)
        try:
            # Rows that were laid on the disk come back from there.
            for batch in self._connection.sql("SELECT * FROM result").to_arrow_reader(_OUT):
                yield _out(batch, schema, bool(self._work.gives))
        except duckdb.Error as error:
            raise _failure(error) from None

    def _told(self, sql: str) -> None:
        import duckdb

        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise _failure(error) from None

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()


def _read(name: str, type_: str) -> str:
    """A column as it comes, in DuckDB's type."""
    if type_ == "TIMESTAMP":
        return f"make_timestamp(epoch_us({name}))"
    return f"CAST({name} AS {type_})" if type_ in ("UUID", "JSON") else name


def _failure(error: Exception) -> RuntimeError:
    return RuntimeError(f"{_TOLD}{type(error).__name__}|{error}|.")


def _schema(work: Work) -> Any:
    import pyarrow as pa

    types = {
        "bool": pa.bool_(),
        "int": pa.int32(),
        "long": pa.int64(),
        "real": pa.float64(),
        "decimal": pa.decimal128(38, 18),
        "datetime": pa.timestamp("us", "UTC"),
        "timespan": pa.int64(),
    }
    given = work.gives or ("bool",)
    return pa.schema([pa.field(f"c{i}", types.get(name, pa.string())) for i, name in enumerate(given)])


def _out(batch: Any, schema: Any, columns: bool) -> Any:
    import pyarrow as pa

    if not columns:
        return pa.RecordBatch.from_arrays([pa.array([True] * batch.num_rows, pa.bool_())], schema=schema)
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if pa.types.is_timestamp(field.type) and array.type.tz is None:
            array = array.cast(pa.timestamp("us")).view(field.type)
        try:
            arrays.append(array if array.type == field.type else array.cast(field.type))
        except pa.ArrowInvalid:
            # A whole decimal, of parse_version() say, has more digits before the point than others.
            said = "a number does not fit into decimal, which has 20 digits before the point here"
            raise RuntimeError(f"{_TOLD}Unsupported|{said}|.") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
