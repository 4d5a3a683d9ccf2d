"""JSON values of the services -> Arrow arrays, typed as every engine's (`engines.base.arrow_type`).

A datetime has seven digits behind the point; six are kept and the last is cut off, as everywhere in lurcher. A dynamic is JSON
text: where the service hands it over as text already, an object or array in it is that, a number or truth value as well,
anything else is a JSON string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lurcher.engines.base import arrow_type
from lurcher.engines.remote.answers import Table
from lurcher.engines.remote.faults import RemoteError
from lurcher.errors import shown
from lurcher.kql.types import Column, ScalarType
from lurcher.kql.values import parse_datetime, parse_timespan

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH_TICKS = 621_355_968_000_000_000
_INFINITY = float("inf")
_NUMBERS = {
    "nan": float("nan"),
    **dict.fromkeys(("infinity", "inf"), _INFINITY),
    **dict.fromkeys(("-infinity", "-inf"), -_INFINITY),
}
_SCALE = 18


def arrow_table(table: Table) -> pa.Table:
    """All rows. Raises `RemoteError` for a row or a value that is not what the columns say."""
    import pyarrow as pa

    width = len(table.columns)
    if any(len(row) != width for row in table.rows):
        raise RemoteError(f"the answer has a row that does not have {width} values")
    values: Sequence[Sequence[Any]] = list(zip(*table.rows, strict=True)) if table.rows else [()] * width
    arrays, fields = [], []
    for column, given in zip(table.columns, values, strict=True):
        array = _array(column, given, table.texts or column.name in table.also)
        arrays.append(array)
        fields.append(pa.field(column.name, array.type, metadata={"kql": column.type.value}))
    if not fields:
        return pa.Table.from_batches(
            [pa.RecordBatch.from_struct_array(pa.array([{}] * len(table.rows), pa.struct([])))]
        )
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def joined(tables: Sequence[pa.Table], columns: Sequence[Column]) -> pa.Table:
    """The rows of parts, one after the other. Decimals have as many digits as the longest."""
    import pyarrow as pa

    first = tables[0]
    if any(t.schema.names != first.schema.names for t in tables):
        raise RemoteError("the parts of the answer have different columns", "name them: | project ...")
    fields = []
    for i, column in enumerate(columns):
        kinds = {t.schema.field(i).type for t in tables}
        kind = first.schema.field(i).type
        if len(kinds) > 1:
            if column.type is not ScalarType.DECIMAL:
                raise RemoteError(f"the column {shown(column.name)} has different types in the parts of the answer")
            kind = max(kinds, key=lambda k: k.scale)
        fields.append(pa.field(column.name, kind, metadata={"kql": column.type.value}))
    schema = pa.schema(fields)
    return pa.concat_tables([t.cast(schema) if t.schema != schema else t for t in tables])


def _array(column: Column, values: Sequence[Any], texts: bool) -> pa.Array:
    import pyarrow as pa

    kind = column.type
    try:
        match kind:
            case ScalarType.STRING:
                return _texts([v if type(v) is str else _text(v) for v in values])
            case ScalarType.DATETIME:
                return _times(values)
            case ScalarType.DYNAMIC:
                form = _dynamic_text if texts else _dynamic
                return _texts([None if v is None else form(v) for v in values])
            case ScalarType.DECIMAL:
                return _decimals([None if v is None or v == "" else Decimal(str(v)) for v in values])
            case _:
                form_ = _FORMS[kind]
                return pa.array([None if v is None else form_(v) for v in values], arrow_type(kind))
    except (ValueError, TypeError, OverflowError, InvalidOperation, RecursionError, pa.ArrowException) as error:
        said = f": {shown(str(error), 60)}" if isinstance(error, ValueError) else ""
        raise RemoteError(f"a value of the column {shown(column.name)} is not of type {kind}{said}") from None


def _texts(values: list[str | None]) -> pa.Array:
    """Halves of surrogates, as a text has them that was cut in the middle of a character, become U+FFFD: one event must not hide
    the others."""
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        whole = (v and v.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for v in values)
        return pa.array(list(whole), pa.string())


def _times(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array([None if v == "" else v for v in values], pa.string())
    usual = pc.match_substring_regex(texts, r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$")
    if pc.all(usual).as_py() is not False:
        bare = pc.replace_substring_regex(pc.utf8_rtrim(texts, "Z"), r"(\.\d{6})\d$", r"\1")
        return bare.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.timestamp("us", "UTC"))
    return pa.array([None if v is None or v == "" else _micros(v) for v in values], pa.int64()).cast(
        pa.timestamp("us", "UTC")
    )


def _micros(value: Any) -> int:
    ticks = parse_datetime(value) if isinstance(value, str) else None
    if ticks is None:
        raise ValueError(str(value))
    return (ticks - _EPOCH_TICKS) // 10


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    found = {0: False, 1: True, "0": False, "1": True, "true": True, "false": False, "": None}
    key = value.lower() if isinstance(value, str) else value
    if key not in found:
        raise ValueError(str(value))
    return found[key]


def _integer(value: Any) -> int | None:
    if type(value) is int:
        return value
    if value == "":
        return None
    if isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 21:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise ValueError(str(value))


def _real(value: Any) -> float | None:
    if isinstance(value, str):
        if value == "":
            return None
        return _NUMBERS[value.lower()] if value.lower() in _NUMBERS else float(value)
    if isinstance(value, bool):
        raise ValueError(str(value))
    return float(value)


def _ticks(value: Any) -> int | None:
    if value == "":
        return None
    ticks = parse_timespan(value) if isinstance(value, str) and ":" in value else None
    if ticks is None:
        raise ValueError(str(value))
    return ticks


def _guid(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError(str(value))
    return value.lower() or None


def _dynamic(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _dynamic_text(value: Any) -> str | None:
    if not isinstance(value, str):
        return _dynamic(value)
    if value == "":
        return None
    try:
        found = json.loads(value, parse_constant=_refused, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return _dynamic(value)
    # The text as it came: nothing of a number is lost.
    return None if found is None else value


def _refused(name: str) -> Any:
    raise ValueError(name)


_FORMS: dict[ScalarType, Callable[[Any], Any]] = {
    ScalarType.BOOL: _bool,
    ScalarType.INT: _integer,
    ScalarType.LONG: _integer,
    ScalarType.REAL: _real,
    ScalarType.TIMESPAN: _ticks,
    ScalarType.GUID: _guid,
}


def _decimals(values: list[Decimal | None]) -> pa.Array:
    import pyarrow as pa

    scale = 0
    for value in values:
        if value is not None:
            if not value.is_finite():
                raise ValueError(str(value))
            scale = max(scale, -int(value.as_tuple().exponent))
    try:
        return pa.array(values, pa.decimal128(38, max(scale, _SCALE)))
    except pa.ArrowInvalid:
        return pa.array(values, pa.decimal128(38, scale))
