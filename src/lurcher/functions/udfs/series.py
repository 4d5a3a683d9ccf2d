"""Arithmetic over numeric arrays, element by element. What is no number, or lies beyond the shorter array, gives null.

Arrays of whole numbers stay whole where the operation does (as measured on Microsoft's emulator); a number in place of an array
stands for as many equal elements.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump, load
from lurcher.functions.udfs.rows import each
from lurcher.functions.udfs.series_numbers import bounded

if TYPE_CHECKING:
    import pyarrow as pa

_N = float | int | None


def _number(value: Any) -> _N:
    if not isinstance(value, Number):
        return None
    return int(value.text) if value.text.lstrip("-").isdigit() else float(value.text)


def _numbers(array: Any) -> list[_N] | None:
    return [_number(v) for v in array] if isinstance(array, list) else None


def _whole(values: list[_N]) -> bool:
    return all(isinstance(v, int) for v in values if v is not None)


def _text(values: list[Any]) -> str:
    """Numbers as JSON; what JSON has no number for as the service boxes it."""
    return dump(
        [
            ("NaN" if math.isnan(v) else "Infinity" if v > 0 else "-Infinity")
            if isinstance(v, float) and not math.isfinite(v)
            else v
            for v in values
        ]
    )


def _safely(function: Callable[..., Any], *args: Any) -> Any:
    """IEEE's answer where Python raises."""
    try:
        return function(*args)
    except ZeroDivisionError:
        return math.nan if args[0] == 0 else math.copysign(math.inf, args[0])
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _log(x: float) -> float:
    return -math.inf if x == 0 else math.log(x)


#: name -> the function, and whether whole numbers stay whole.
_UNARY: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "abs": (abs, True),
    "sign": (lambda x: (x > 0) - (x < 0), True),
    "exp": (math.exp, False),
    "log": (_log, False),
    "sin": (math.sin, False),
    "cos": (math.cos, False),
    "tan": (math.tan, False),
    "asin": (math.asin, False),
    "acos": (math.acos, False),
    "atan": (math.atan, False),
    "floor": (math.floor, False),
    "ceiling": (math.ceil, False),
}
_BINARY: dict[str, tuple[Callable[[Any, Any], Any], bool]] = {
    "add": (operator.add, True),
    "subtract": (operator.sub, True),
    "multiply": (operator.mul, True),
    "divide": (operator.truediv, False),
    "pow": (math.pow, False),
    "greater": (operator.gt, True),
    "greater_equals": (operator.ge, True),
    "less": (operator.lt, True),
    "less_equals": (operator.le, True),
    "equals": (operator.eq, True),
    "not_equals": (operator.ne, True),
}


def _real(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _apply1(name: str, series: str) -> str | None:
    values = _numbers(load(series))
    if values is None:
        return None
    function, keeps = _UNARY[name]
    out = [None if v is None else _safely(function, v) for v in values]
    return _text(out if keeps and _whole(values) else [_real(v) for v in out])


def _apply2(name: str, one: str, other: str) -> str | None:
    a, b = load(one), load(other)
    if not isinstance(a, list) and not isinstance(b, list):
        return None
    size = max(len(x) for x in (a, b) if isinstance(x, list))
    left, right = ([_number(x)] * size if not isinstance(x, list) else _numbers(x) or [] for x in (a, b))
    left, right = left + [None] * (size - len(left)), right + [None] * (size - len(right))
    function, keeps = _BINARY[name]
    out = [None if x is None or y is None else _safely(function, x, y) for x, y in zip(left, right, strict=True)]
    return _text(out if keeps and _whole(left) and _whole(right) else [_real(v) for v in out])


@udf("VARCHAR", "JSON", returns="VARCHAR")
def series_unary(name: pa.Array, series: pa.Array) -> pa.Array:
    return each(_apply1, "string", name, series)


@udf("VARCHAR", "JSON", "JSON", returns="VARCHAR")
def series_binary(name: pa.Array, one: pa.Array, other: pa.Array) -> pa.Array:
    return each(_apply2, "string", name, one, other)


def _reduce(name: str, series: str) -> float | None:
    values = _numbers(load(series))
    if values is None:
        return None
    present = [float(v) for v in values if v is not None]
    if name == "magnitude":
        return math.sqrt(sum(v * v for v in present))
    return math.fsum(present) if name == "sum" else math.prod(present)


@udf("VARCHAR", "JSON", returns="DOUBLE")
def series_reduce(name: pa.Array, series: pa.Array) -> pa.Array:
    return each(_reduce, "double", name, series)


def _pair(name: str, one: str, other: str) -> float | None:
    """Null where the arrays differ in size or hold what is no number. One of the two may be a number.

    A dot product leaves out what is no number, and what the shorter array has no partner for."""
    first, second = load(one), load(other)
    if isinstance(first, list) and isinstance(second, Number):
        second = [second] * len(first)
    elif isinstance(second, list) and isinstance(first, Number):
        first = [first] * len(second)
    a, b = _numbers(first), _numbers(second)
    if name == "dot_product" and a and b:
        pairs = [(p, q) for p, q in zip(a, b, strict=False) if p is not None and q is not None]
        if not pairs:
            raise LurcherError("series_dot_product(): arrays without a pair of numbers", "leave such rows out")
        a, b = [p for p, _ in pairs], [q for _, q in pairs]
    if a is None or b is None or len(a) != len(b) or not a or None in a or None in b:
        return None
    x, y = [float(v) for v in a if v is not None], [float(v) for v in b if v is not None]
    dot = sum(p * q for p, q in zip(x, y, strict=True))
    if name in ("dot_product", "dot"):
        return dot
    if name == "pearson":
        mx, my = sum(x) / len(x), sum(y) / len(y)
        x, y = [v - mx for v in x], [v - my for v in y]
        dot = sum(p * q for p, q in zip(x, y, strict=True))
    size = math.sqrt(sum(v * v for v in x)) * math.sqrt(sum(v * v for v in y))
    return dot / size if size else math.nan


@udf("VARCHAR", "JSON", "JSON", returns="DOUBLE")
def series_pair(name: pa.Array, one: pa.Array, other: pa.Array) -> pa.Array:
    return each(_pair, "double", name, one, other)


def _iir(series: str, numerators: str, denominators: str) -> str | None:
    """y[i] = (sum of b[j] x[i-j] less the sum of a[j] y[i-j] for j > 0) / a[0]."""
    x, b, a = (_numbers(load(s)) for s in (series, numerators, denominators))
    if x is None or not b or not a or None in x or None in b or None in a or not a[0]:
        return None
    bounded("series_iir", len(x) * (len(b) + len(a)), 20_000_000)
    y: list[float] = []
    for i in range(len(x)):
        fed = sum(float(b[j] or 0) * float(x[i - j] or 0) for j in range(min(len(b), i + 1)))
        back = sum(float(a[j] or 0) * y[i - j] for j in range(1, min(len(a), i + 1)))
        y.append((fed - back) / float(a[0]))
    return _text(y)


@udf("JSON", "JSON", "JSON", returns="VARCHAR")
def series_iir(series: pa.Array, numerators: pa.Array, denominators: pa.Array) -> pa.Array:
    return each(_iir, "string", series, numerators, denominators)
