"""KQL's types and literals in SQL.

bool BOOLEAN, int INTEGER, long BIGINT, real DOUBLE, decimal DECIMAL(38, 18), string VARCHAR and never null, datetime TIMESTAMP
(microseconds, UTC), timespan BIGINT of 100 ns ticks, guid UUID, dynamic JSON text, a JSON null being NULL.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from lurcher.kql.types import ScalarType
from lurcher.sql import tree as t

SQL_TYPES: dict[ScalarType, str] = {
    ScalarType.BOOL: "BOOLEAN",
    ScalarType.INT: "INTEGER",
    ScalarType.LONG: "BIGINT",
    ScalarType.REAL: "DOUBLE",
    ScalarType.DECIMAL: "DECIMAL(38, 18)",
    ScalarType.STRING: "VARCHAR",
    ScalarType.DATETIME: "TIMESTAMP",
    ScalarType.TIMESPAN: "BIGINT",
    ScalarType.GUID: "UUID",
    ScalarType.DYNAMIC: "JSON",
    ScalarType.UNKNOWN: "JSON",
}

_EPOCH = dt.datetime(1, 1, 1)
_LAST_TICK = 3_155_378_975_999_999_999


def ticks_to_timestamp(ticks: int) -> str:
    """Ticks since 0001-01-01 as the text of a TIMESTAMP literal; what is below a microsecond is cut off."""
    moment = _EPOCH + dt.timedelta(microseconds=max(0, min(ticks, _LAST_TICK)) // 10)
    return moment.isoformat(sep=" ")


def json_text(value: Any) -> str:
    """A dynamic literal as the JSON text that stands for it: NaN and infinities are strings, as the service keeps them."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def literal(type: ScalarType, value: Any) -> t.Literal:
    """A constant of a KQL type; its SQL type is always definite."""
    sql_type = SQL_TYPES[type]
    if value is None:
        return t.EMPTY if type is ScalarType.STRING else t.Literal(None, sql_type)
    match type:
        case ScalarType.BOOL:
            return t.Literal(bool(value))
        case ScalarType.REAL:
            return t.Literal(float(value))
        case ScalarType.STRING:
            return t.Literal(str(value))
        case ScalarType.DATETIME:
            return t.Literal(ticks_to_timestamp(value), sql_type)
        case ScalarType.GUID:
            return t.Literal(str(value), sql_type)
        case ScalarType.DYNAMIC | ScalarType.UNKNOWN:
            return t.Literal(json_text(value), sql_type)
    return t.Literal(value, sql_type)
