"""JSON values -> Arrow arrays of a KQL type."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports.text_values import Bad, decimal_value, in_range, one_by_one, text_array, text_value
from lurcher.kql.types import ScalarType as T
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.collect.exports.context import ReadContext

#: The Arrow types whose every value a KQL type has, or which a checked cast makes so.
_EXACT = {T.BOOL: ("bool",), T.INT: ("int64",), T.LONG: ("int64",), T.REAL: ("int64", "double")}
# orjson reads an integer beyond 64 bits as a float, and writes such a float with an exponent.
_EXPONENT = re.compile(r"\d[eE][+\d]")


def json_array(values: Any, kind: T, context: ReadContext) -> tuple[pa.Array, Bad]:
    """The array of `kind`, and what does not fit. All at once where everything does; one by one where something does not.

    `values` are Python's, or an array of texts, integers or truth values."""
    import pyarrow as pa

    if isinstance(values, pa.StringArray):
        if kind is T.DYNAMIC:
            return _dynamic_texts(values)
        return (values, {}) if kind is T.STRING else text_array(values, kind, context)
    if isinstance(values, pa.Array) and str(values.type) not in _EXACT.get(kind, ""):
        values = values.to_pylist()
    if kind is T.DYNAMIC:
        return _dynamic(values)
    try:
        if kind in (T.STRING, T.DATETIME, T.GUID, T.TIMESPAN):
            texts = pa.array(values, pa.string())
            return (texts, {}) if kind is T.STRING else text_array(texts, kind, context)
        # Without a type: `pa.array([1.5], pa.int64())` cuts the fraction off without a word once a 2 follows.
        found = values if isinstance(values, pa.Array) else pa.array(values)
        if pa.types.is_null(found.type):
            return found.cast(arrow_type(kind)), {}
        if pa.types.is_string(found.type):
            return text_array(found, kind, context)
        if str(found.type) in _EXACT.get(kind, ""):
            return found.cast(arrow_type(kind)), {}
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    values = values.to_pylist() if isinstance(values, pa.Array) else values
    return one_by_one(values, kind, lambda value: json_value(value, kind, context))


def json_value(value: Any, kind: T, context: ReadContext) -> Any:
    """One value that is not null. Raises `ValueError` with the reason."""
    if kind is T.STRING:
        return value if isinstance(value, str) else dumps(value)
    if isinstance(value, str):
        return text_value(value, kind, context)
    match value, kind:
        case bool(), T.BOOL:
            return value
        case bool(), _:
            pass
        case int(), T.BOOL if value in (0, 1):
            return bool(value)
        case int(), T.INT | T.LONG:
            return in_range(value, kind)
        case float(), T.INT | T.LONG if value.is_integer() and abs(value) <= 2**53:
            return in_range(int(value), kind)
        case float(), T.INT | T.LONG if abs(value) >= 2**63:
            raise ValueError(f"a number near {value} does not fit {kind}")
        case int(), T.REAL:
            if int(float(value)) == value:
                return float(value)
            raise ValueError(f"{value} is not exact as a real")
        case float(), T.REAL:
            return value
        case int() | float(), T.DECIMAL:
            return decimal_value(repr(value))
        case _:
            pass
    raise ValueError(f"{dumps(value)[:60]} is not of type {kind}")


def dumps(value: Any) -> str:
    """The compact JSON text of a value. Raises `ValueError` where it is nested too deep."""
    import orjson

    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        if "Integer" not in str(error):
            raise ValueError("nested deeper than 254 levels") from None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _dynamic(values: Sequence[Any]) -> tuple[pa.Array, Bad]:
    """JSON text of each value. A string that is an object or an array in JSON text, as the services give them, is that;
    any other string is a JSON string; an empty one is null."""
    import pyarrow as pa

    known: dict[str, str | None] = {"": None}
    result: list[str | None] = []
    bad: Bad = {}
    for i, value in enumerate(values):
        if value is None:
            result.append(None)
        elif isinstance(value, str):
            if value not in known:
                if len(known) > 10_000:
                    known = {"": None}
                known[value] = _of_text(value)
            result.append(known[value])
        else:
            try:
                text = dumps(value)
                if _EXPONENT.search(text) and _lost(value):
                    raise ValueError("holds an integer beyond 64 bits")
                result.append(text)
            except ValueError as error:
                bad[i] = str(error)
                result.append(None)
    return pa.array(result, pa.string()), bad


def _dynamic_texts(texts: pa.Array) -> tuple[pa.Array, Bad]:
    """The same for texts, of which each different one is looked at once."""
    import pyarrow as pa

    encoded = texts.dictionary_encode()
    known = pa.array([_of_text(text) if text else None for text in encoded.dictionary.to_pylist()], pa.string())
    return known.take(encoded.indices), {}


def _of_text(text: str) -> str:
    import orjson

    if text.lstrip()[:1] in ("{", "["):
        try:
            orjson.loads(text)
            return text
        except orjson.JSONDecodeError:
            pass
    return orjson.dumps(text).decode()


def _lost(value: Any) -> bool:
    """Whether a number may have been an integer that did not fit: orjson has made a float of it."""
    if isinstance(value, float):
        return value.is_integer() and abs(value) >= 2**63
    if isinstance(value, dict):
        return any(map(_lost, value.values()))
    return isinstance(value, list) and any(map(_lost, value))
