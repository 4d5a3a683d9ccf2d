"""Arrow rows as plain values: the forms of the JSON lines protocol, of JSON output and of the terminal.

null; true/false; numbers, with "NaN", "Infinity", "-Infinity" as text; decimal as text; datetime as ISO text with 7 digits and Z;
timespan as [-][d.]hh:mm:ss[.fffffff]; guid as text; dynamic as plain JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lurcher.kql.types import Columns, ScalarType

if TYPE_CHECKING:
    import pyarrow as pa

_SECOND = 10_000_000
_DAY = 86_400 * _SECOND


def timespan_text(ticks: int) -> str:
    """Ticks of 100 ns as `[-][d.]hh:mm:ss[.fffffff]`."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    days, rest = divmod(ticks, _DAY)
    seconds, fraction = divmod(rest, _SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + text + (f".{fraction:07}" if fraction else "")


def _real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _dynamic(value: str) -> Any:
    import json

    # The standard library keeps integers of any size, as the service's text does.
    return json.loads(value)


def _decimal(value: Any) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seven(text: str) -> str:
    """Seven digits behind the point: a time is kept in microseconds, so the last is 0; but what ends in .999999 is the last
    moment of something (endofday), whose seventh digit was a 9."""
    if "." not in text:
        return text + ".0000000Z"
    return text + ("9Z" if text.endswith(".999999") else "0Z")


_FORMS: dict[ScalarType, Callable[[Any], Any]] = {
    ScalarType.REAL: _real,
    ScalarType.DECIMAL: _decimal,
    ScalarType.TIMESPAN: timespan_text,
    ScalarType.DYNAMIC: _dynamic,
}


def _column(array: pa.Array, type_: ScalarType) -> list[Any]:
    if type_ is ScalarType.DATETIME:
        import pyarrow.compute as pc

        # By text, which is faster than Python's datetime.
        texts = pc.strftime(array, format="%Y-%m-%dT%H:%M:%S", locale="C").to_pylist()
        return [None if v is None else _seven(v) for v in texts]
    values = array.to_pylist()
    form = _FORMS.get(type_)
    return values if form is None else [None if v is None else form(v) for v in values]


def protocol_rows(batch: pa.RecordBatch, columns: Columns) -> Iterator[list[Any]]:
    """The rows of a batch, a list of plain values each."""
    if not columns:
        yield from ([] for _ in range(batch.num_rows))
        return
    lists = [_column(array, column.type) for array, column in zip(batch.columns, columns, strict=True)]
    for row in zip(*lists, strict=True):
        yield list(row)
