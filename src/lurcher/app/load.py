"""Files as tables at once, without a lake: `lurcher query --data export.csv`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.app.add import read_parts
from lurcher.collect.exports import Passed, Reject, TableBatch, leaves
from lurcher.collect.exports.context import DateOrder
from lurcher.errors import LurcherError
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type
from lurcher.schema import TableSchema, known_table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Loaded:
    """Tables by name: their KQL schema, and their rows under the columns' own names. `rejects`: (file, reject)."""

    tables: dict[str, tuple[TableSchema, pa.Table]] = field(default_factory=dict)
    rejects: list[tuple[str, Reject]] = field(default_factory=list)


def load_files(
    paths: Iterable[Path | str],
    table: str | None = None,
    *,
    platform: str = "defender",
    date_order: DateOrder | None = None,
) -> Loaded:
    """Read files as `add` does, into memory. Raises `LurcherError` for a file that cannot be taken.

    Rows that an at-least-once source gives twice are dropped, as in a lake.
    """

    loaded = Loaded()
    schemas: dict[str, TableSchema] = {}
    batches: dict[str, list[pa.RecordBatch]] = {}
    seen: dict[str, set[bytes]] = {}

    def problem(passed: Passed) -> None:
        if not passed.harmless:
            raise LurcherError(passed.reason, passed.hint, passed.name)

    for path in paths:
        for leaf in leaves(Path(path), problem):
            for parts in read_parts(leaf, lambda n: schemas.get(n) or known_table(n), table, platform, date_order):
                for part in parts:
                    if isinstance(part, Reject):
                        loaded.rejects.append((leaf.name, part))
                        continue
                    name = part.schema.name
                    _widen(schemas, part.schema)
                    batches.setdefault(name, []).append(_first(part, seen.setdefault(name, set())))
    for name, schema in schemas.items():
        loaded.tables[name] = schema, _table(schema, batches[name])
    return loaded


def _widen(schemas: dict[str, TableSchema], schema: TableSchema) -> None:
    have = schemas.get(schema.name)
    if have is not None:
        names = {c.name for c in have.columns}
        schema = replace(have, columns=(*have.columns, *(c for c in schema.columns if c.name not in names)))
    schemas[schema.name] = schema


def _first(part: TableBatch, seen: set[bytes]) -> pa.RecordBatch:
    import pyarrow as pa

    if part.row_hash is None:
        return part.batch
    keep = []
    for digest in part.row_hash.to_pylist():
        keep.append(digest is None or digest not in seen)
        seen.add(digest)
    return part.batch.filter(pa.array(keep))


def _table(schema: TableSchema, batches: list[pa.RecordBatch]) -> pa.Table:
    import pyarrow as pa

    fields = pa.schema([pa.field(c.name, arrow_type(c.type)) for c in schema.columns])
    tables = []
    for batch in batches:
        have = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        columns = []
        for column in schema.columns:
            values = have.get(column.name)
            if values is None:
                values = pa.nulls(batch.num_rows, arrow_type(column.type))
            columns.append(values.fill_null("") if column.type is ScalarType.STRING else values)
        tables.append(pa.Table.from_arrays(columns, schema=fields))
    return pa.concat_tables(tables) if tables else fields.empty_table()
