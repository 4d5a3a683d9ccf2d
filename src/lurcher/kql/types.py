"""KQL's scalar types, and columns of them.

Source: "Scalar data types" (Kusto documentation).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ScalarType(enum.StrEnum):
    """A scalar type of KQL. `UNKNOWN` is the type of an expression that has an error already: it fits everywhere, so that
    one mistake gives one diagnostic."""

    BOOL = "bool"
    INT = "int"
    LONG = "long"
    REAL = "real"
    DECIMAL = "decimal"
    STRING = "string"
    DATETIME = "datetime"
    TIMESPAN = "timespan"
    GUID = "guid"
    DYNAMIC = "dynamic"
    UNKNOWN = "unknown"


#: Every spelling that KQL takes for a type, with the type it means.
TYPE_NAMES: dict[str, ScalarType] = {
    **{t.value: t for t in ScalarType if t is not ScalarType.UNKNOWN},
    "boolean": ScalarType.BOOL,
    **dict.fromkeys(("int32", "uint", "uint32", "int8", "uint8", "int16", "uint16"), ScalarType.INT),
    **dict.fromkeys(("int64", "ulong", "uint64"), ScalarType.LONG),
    **dict.fromkeys(("double", "float"), ScalarType.REAL),
    "date": ScalarType.DATETIME,
    "time": ScalarType.TIMESPAN,
    **dict.fromkeys(("uuid", "uniqueid"), ScalarType.GUID),
}

INTEGER_TYPES = frozenset({ScalarType.INT, ScalarType.LONG})
NUMERIC_TYPES = frozenset({ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or of a result. Names are case-sensitive: `LogonId` and `LogonID` are two columns."""

    name: str
    type: ScalarType


#: The columns of a relation, in order, their names distinct.
Columns = tuple[Column, ...]
