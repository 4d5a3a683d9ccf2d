"""Cells of text -> Arrow arrays of a KQL type. An empty cell is null, or `''` where the column is of strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports import times
from lurcher.kql.types import ScalarType as T
from lurcher.lake.layout import DECIMAL_PRECISION, DECIMAL_SCALE, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.collect.exports.context import ReadContext

#: Place in the batch -> why the value there does not fit; the array is null there.
Bad = dict[int, str]

_INTEGER = re.compile(r"([+-]?\d{1,19})(?:\.0+)?")
_GUID = re.compile(r"\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?")
_SPAN = re.compile(r"(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,7}))?")


def text_array(texts: pa.Array, kind: T, context: ReadContext) -> tuple[pa.Array, Bad]:
    """The array of `kind`, and what does not fit. All at once where everything does; one by one where something does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind is T.STRING:
        return texts, {}
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), arrow_type(kind)), {}
    if kind is T.DYNAMIC:
        return _dynamic(texts), {}
    try:
        match kind:
            case T.BOOL | T.INT | T.LONG | T.REAL:
                return texts.cast(arrow_type(kind)), {}
            case T.DATETIME:
                return times.iso_array(texts), {}
            case _:
                pass
    except pa.ArrowInvalid:
        pass
    return one_by_one(texts.to_pylist(), kind, lambda text: text_value(text, kind, context))


def one_by_one(values: Any, kind: T, convert: Callable[[Any], Any]) -> tuple[pa.Array, Bad]:
    """The slow way, which knows which value it was."""
    import pyarrow as pa

    result: list[Any] = []
    bad: Bad = {}
    for i, value in enumerate(values):
        try:
            result.append(None if value is None else convert(value))
        except (ValueError, InvalidOperation, OverflowError) as error:
            bad[i] = str(error)
            result.append(None)
    target = arrow_type(kind)
    if kind is T.DATETIME:
        return pa.array(result, pa.int64()).cast(target), bad
    return pa.array(result, target), bad


def text_value(text: str, kind: T, context: ReadContext) -> Any:
    """One value; None for empty text. Raises `ValueError` with the reason."""
    text = text.strip()
    if not text:
        return None
    match kind:
        case T.DATETIME:
            return times.parse(text, context)
        case T.BOOL:
            if text.lower() in ("true", "1"):
                return True
            if text.lower() in ("false", "0"):
                return False
        case T.INT | T.LONG:
            if match_ := _INTEGER.fullmatch(text):
                return in_range(int(match_[1]), kind)
        case T.REAL:
            # float() takes `1_000` and digits of any script.
            if text.isascii() and "_" not in text:
                return _float(text)
        case T.DECIMAL:
            return decimal_value(text)
        case T.GUID:
            if match_ := _GUID.fullmatch(text):
                return "-".join(match_.groups()).lower()
        case T.TIMESPAN:
            if match_ := _SPAN.fullmatch(text):
                return _ticks(*match_.groups())
        case _:
            pass
    raise ValueError(f"'{text[:60]}' is not of type {kind}")


def in_range(number: int, kind: T) -> int:
    bits = 31 if kind is T.INT else 63
    if not -(1 << bits) <= number < 1 << bits:
        raise ValueError(f"{number} does not fit {kind}")
    return number


def decimal_value(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text[:60]}' is not of type decimal") from None
    if not value.is_finite() or "_" in text:
        raise ValueError(f"'{text[:60]}' is not of type decimal")
    _, digits, exponent = value.as_tuple()
    fraction = max(0, -int(exponent))
    if fraction > DECIMAL_SCALE or len(digits) + int(exponent) > DECIMAL_PRECISION - DECIMAL_SCALE:
        raise ValueError(f"{text[:60]} has more digits than are kept ({DECIMAL_SCALE} after the point)")
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text[:60]}' is not of type real") from None


def _ticks(sign: str | None, days: str | None, hours: str, minutes: str, seconds: str, fraction: str | None) -> int:
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise ValueError(f"{hours}:{minutes}:{seconds} is not of type timespan")
    whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    ticks = whole * 10_000_000 + int((fraction or "0").ljust(7, "0"))
    return in_range(-ticks if sign else ticks, T.LONG)


def _dynamic(texts: pa.Array) -> pa.Array:
    """JSON text as it is; any other text as a JSON string. Each distinct text is looked at once."""
    import orjson
    import pyarrow as pa

    def as_json(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            orjson.loads(text)
            return text
        except orjson.JSONDecodeError:
            return orjson.dumps(text).decode()

    encoded = texts.dictionary_encode()
    return pa.array([as_json(t) for t in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)
