"""What a test's events are queried on: rows in memory, no lake, no file beyond the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lurcher.app.session import Limits, Session, Tables, added
from lurcher.content.testing.model import Events, RuleTest
from lurcher.errors import LurcherError
from lurcher.kql.types import ScalarType
from lurcher.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa

#: A test is small and quick, or it is wrong: a hostile one must not hold up the others.
LIMITS = Limits(timeout=60, memory="2GB", threads=1)
#: Of a file of events.
MAX_BYTES = 64 * 1024 * 1024


def session_of(test: RuleTest, limits: Limits | None = None) -> Session:
    """A session in which the test's tables hold its events, all others are empty, and now() is the test's.

    Raises `LurcherError` for a file of events that cannot be read, or a row of it."""
    return Session(Tables(None, tables_of(test)), test.now, limits or LIMITS)


def tables_of(test: RuleTest) -> dict[str, tuple[TableSchema, pa.Table]]:
    """The test's events as Arrow tables, by table."""
    found: dict[str, tuple[TableSchema, pa.Table]] = {}
    for name, events in test.tables.items():
        schema, rows = (events.schema, _inline(events)) if events.file is None else _beside(events)
        found[name] = schema, added(rows, test.now)
    return found


def _inline(events: Events) -> pa.Table:
    import pyarrow as pa

    from lurcher.lake.layout import arrow_type

    columns: list[pa.Array] = []
    fields: list[pa.Field] = []
    for column in events.schema.columns:
        values = events.values.get(column.name)
        if values is None:
            # The engine knows the columns of the schema that are not there; a table needs one to have rows.
            if columns or column is not events.schema.columns[-1]:
                continue
            values = ["" if column.type is ScalarType.STRING else None] * len(events.rows)
        target = arrow_type(column.type)
        array = (
            pa.array(values, pa.int64()).cast(target)
            if column.type is ScalarType.DATETIME
            else pa.array(values, target)
        )
        columns.append(array)
        fields.append(pa.field(column.name, target))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _beside(events: Events) -> tuple[TableSchema, pa.Table]:
    from lurcher.app.load import load_files

    assert events.file is not None
    size = events.file.stat().st_size
    if size > MAX_BYTES:
        raise LurcherError(
            f"the file has {size:,} bytes, events of a test at most {MAX_BYTES:,}", path=str(events.file)
        )
    loaded = load_files([events.file], events.table)
    if loaded.rejects:
        name, first = loaded.rejects[0]
        raise LurcherError(f"a row cannot be taken: {first.reason}", "", name, first.position)
    if events.table not in loaded.tables:
        other = ", ".join(sorted(loaded.tables)) or "no rows"
        raise LurcherError(f"expected rows of {events.table}, the file has {other}", path=str(events.file))
    return loaded.tables[events.table]
