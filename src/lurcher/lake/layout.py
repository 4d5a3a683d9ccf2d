"""How a table of KQL columns is stored: types, names, and the columns that no query sees.

| KQL | Arrow, Parquet | Delta | null |
|---|---|---|---|
| string | string | string | never: `''` |
| bool, int, long, real | bool, int32, int64, double | boolean, integer, long, double | yes |
| datetime | timestamp[us, UTC] | timestamp | yes |
| timespan | int64, ticks of 100 ns | long | yes |
| decimal | decimal128(38, 18) | decimal(38, 18) | yes |
| guid | string: lower case, hyphens, no braces | string | yes |
| dynamic | string: JSON text | string | yes |

The KQL type and name of a column are in the metadata of its Delta field, so that a table reads back as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.schema import physical_names

if TYPE_CHECKING:
    import pyarrow as pa

#: The version of the folder's layout. A lake of a newer version is refused; an older one is read.
FORMAT_VERSION = 1

#: The partition of a row: the day (UTC) of its time column, null where it has none.
DAY = "day"
#: The digest of the source that a row came from.
SOURCE = "_source"
#: When the row was added: what `ingestion_time()` gives.
INGESTED = "_ingested"
#: 16 bytes over the content of a row of an at-least-once source, null for others. See `repeats`.
ROW_HASH = "_row_hash"

#: Stored beside the columns of a table, not in its schema. They take their names first, so that a user's own `day` is
#: stored as `day~2` and not lost in the partition.
HIDDEN = (DAY, SOURCE, INGESTED, ROW_HASH)

# Keys of a Delta field's metadata.
_KINDS = {kind.value: kind for kind in ScalarType}
_NAME, _TYPE, _LATE = "lurcher.name", "lurcher.type", "lurcher.late"

DECIMAL_PRECISION, DECIMAL_SCALE = 38, 18

_DELTA = {
    ScalarType.STRING: "string",
    ScalarType.BOOL: "boolean",
    ScalarType.INT: "integer",
    ScalarType.LONG: "long",
    ScalarType.REAL: "double",
    ScalarType.DATETIME: "timestamp",
    ScalarType.TIMESPAN: "long",
    ScalarType.DECIMAL: f"decimal({DECIMAL_PRECISION},{DECIMAL_SCALE})",
    ScalarType.GUID: "string",
    ScalarType.DYNAMIC: "string",
}

#: Delta type -> DuckDB's, as it reads and writes it.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "binary": "BLOB",
    f"decimal({DECIMAL_PRECISION},{DECIMAL_SCALE})": f"DECIMAL({DECIMAL_PRECISION}, {DECIMAL_SCALE})",
}


def arrow_type(kql: ScalarType) -> pa.DataType:
    """The Arrow type that holds values of a KQL type, at rest and between rooms."""
    import pyarrow as pa

    match kql:
        case ScalarType.BOOL:
            return pa.bool_()
        case ScalarType.INT:
            return pa.int32()
        case ScalarType.LONG | ScalarType.TIMESPAN:
            return pa.int64()
        case ScalarType.REAL:
            return pa.float64()
        case ScalarType.DATETIME:
            return pa.timestamp("us", "UTC")
        case ScalarType.DECIMAL:
            return pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE)
        case ScalarType.STRING | ScalarType.GUID | ScalarType.DYNAMIC:
            return pa.string()
        case _:
            raise ValueError(f"no column has the type {kql}")


def stored_names(columns: Iterable[Column]) -> dict[str, str]:
    """Logical name -> the name of the stored column: distinct without case, and from the hidden ones."""
    logical = [c.name for c in columns]
    # A user's `day` comes after the hidden one, so the dictionary holds the name of the user's.
    names = physical_names([*HIDDEN, *logical])
    return {name: names[name] for name in logical}


def delta_field(column: Column, stored: str, *, late: bool) -> Any:
    """The Delta field of a column. `late`: some file of the table may lack it."""
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    metadata = {_NAME: column.name, _TYPE: column.type.value, **({_LATE: "1"} if late else {})}
    return Field(stored, PrimitiveType(_DELTA[column.type]), nullable=True, metadata=metadata)


def hidden_fields() -> list[Any]:
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    types = {DAY: "date", SOURCE: "string", INGESTED: "timestamp", ROW_HASH: "binary"}
    return [Field(name, PrimitiveType(types[name]), nullable=True) for name in HIDDEN]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a Delta field is. `column`: the one that it holds, None for a hidden one; `ours`: whether `delta_field` or
    `hidden_fields` has made it; `late`: whether a file of the table may lack it."""

    name: str
    column: Column | None
    ours: bool
    late: bool


def stored(field: Any) -> Stored:
    """What a Delta field is.

    A table that another program has put into the lake has no metadata of ours: its types say what they can, and any file may
    lack any column.
    """
    name, metadata = field.name, field.metadata or {}  # each of which is made anew by every look
    if _TYPE in metadata:
        return Stored(name, Column(metadata[_NAME], _KINDS[metadata[_TYPE]]), True, _LATE in metadata)
    if name in HIDDEN:
        return Stored(name, None, True, True)
    return Stored(name, Column(name, _foreign_type(str(getattr(field.type, "type", field.type)))), False, True)


def _foreign_type(delta: str) -> ScalarType:
    if delta.startswith("decimal"):
        return ScalarType.DECIMAL
    return {
        "boolean": ScalarType.BOOL,
        "byte": ScalarType.INT,
        "short": ScalarType.INT,
        "integer": ScalarType.INT,
        "long": ScalarType.LONG,
        "float": ScalarType.REAL,
        "double": ScalarType.REAL,
        "timestamp": ScalarType.DATETIME,
        "timestamp_ntz": ScalarType.DATETIME,
        "date": ScalarType.DATETIME,
        "string": ScalarType.STRING,
    }.get(delta, ScalarType.DYNAMIC)


_TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def check_table_name(name: str) -> None:
    """Raise `LurcherError` where `name` cannot name a table: it is a folder's name, and a KQL identifier."""
    if not _TABLE_NAME.fullmatch(name):
        raise LurcherError(
            f"'{name[:80]}' cannot name a table",
            "use letters, digits and _, beginning with a letter, at most 128 characters",
        )
