"""Gaps of an array filled, and filters over it.

Source: "series_fill_linear()", "series_fir()" (Kusto documentation).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump, load, number_of
from lurcher.functions.udfs.series_numbers import array, bounded, complete, numerically

if TYPE_CHECKING:
    import pyarrow as pa


def _same(value: Any, placeholder: Any) -> bool:
    """Whether an element stands for a missing one: null, or of the placeholder's value."""
    if placeholder is None or value is None:
        return value is None and placeholder is None
    a, b = number_of(value), number_of(placeholder)
    return a == b if a is not None and b is not None else value == placeholder


def _fill(name: str, series: str, constant: str | None, placeholder: str | None) -> str | None:
    values = load(series)
    if not isinstance(values, list):
        return None
    stands = load(placeholder) if placeholder is not None else None
    missing = [_same(v, stands) for v in values]
    if name == "const":
        given = load(constant) if constant is not None else None
        return dump([given if m else v for v, m in zip(values, missing, strict=True)])
    out: list[Any] = []
    last: Any = stands
    steps = list(zip(values, missing, strict=True))
    for value, gap in steps if name == "forward" else reversed(steps):
        last = last if gap else value
        out.append(last)
    return dump(out if name == "forward" else out[::-1])


@udf("VARCHAR", "JSON", "JSON", "JSON", returns="VARCHAR")
def series_fill(name: pa.Array, series: pa.Array, constant: pa.Array, placeholder: pa.Array) -> pa.Array:
    return numerically(_fill_or_null, name, series, constant, placeholder, strict=False)


def _fill_or_null(name: str, series: str | None, constant: str | None, placeholder: str | None) -> str | None:
    return None if series is None else _fill(name, series, constant, placeholder)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Number) and value.text.lstrip("-").isdigit()


def _between(before: Number, behind: Number, step: int, steps: int, whole: bool) -> float | int:
    if whole:
        # Exact, then cut off: the service gives 73 for 73.5 and 32 for 32.67.
        sum_ = int(before.text) * (steps - step) + int(behind.text) * step
        return -(-sum_ // steps) if sum_ < 0 else sum_ // steps
    start, stop = float(before.text), float(behind.text)
    return start + (stop - start) * step / steps


def _linear(series: str | None, placeholder: str | None, edges: bool | None, constant: str | None) -> str | None:
    values = load(series) if series is not None else None
    if not isinstance(values, list) or edges is None:
        return None
    stands = load(placeholder) if placeholder is not None else None
    missing = [_same(v, stands) for v in values]
    there = [i for i, gap in enumerate(missing) if not gap]
    if not there:
        if constant is None:
            return dump(values)
        given = load(constant)
        if _is_whole(given) and not all(_is_whole(v) for v in values):
            given = float(given.text)
        return dump([given] * len(values))
    if not all(isinstance(values[i], Number) for i in there):
        return None
    whole = all(_is_whole(values[i]) for i in there)
    out: list[Any] = list(values)
    for before, behind in pairwise(there):
        for i in range(before + 1, behind):
            out[i] = _between(values[before], values[behind], i - before, behind - before, whole)
    if edges:
        out[: there[0]] = [values[there[0]]] * there[0]
        out[there[-1] + 1 :] = [values[there[-1]]] * (len(values) - there[-1] - 1)
    return dump(out)


@udf("JSON", "JSON", "BOOLEAN", "JSON", returns="VARCHAR")
def series_fill_linear(series: pa.Array, placeholder: pa.Array, edges: pa.Array, constant: pa.Array) -> pa.Array:
    return numerically(_linear, series, placeholder, edges, constant, strict=False)


def _fir(series: str | None, filter: str | None, normalize: bool | None, center: bool | None) -> str | None:
    """y[i] = sum of b[j] x[i-j], what lies before or behind the array as zeros; centred, j counts from the filter's middle."""
    import numpy as np

    x = complete(series) if series is not None else None
    b = complete(filter) if filter is not None else None
    if x is None or b is None or center is None:
        return None
    negative = bool((b < 0).any())
    if normalize or (normalize is None and not negative):
        # A weight below zero under normalisation is null by the documentation; weights of zero have no sum to divide by.
        if negative or not b.sum():
            return None
        b = b / b.sum()
    if center and len(b) % 2 == 0:
        raise LurcherError(
            f"series_fir(): a filter of {len(b)} coefficients has no middle to centre", "give it an odd number of them"
        )
    bounded("series_fir", len(x) * len(b), 1_000_000_000)
    start = len(b) // 2 if center else 0
    return array(np.convolve(x, b)[start : start + len(x)])


@udf("JSON", "JSON", "BOOLEAN", "BOOLEAN", returns="VARCHAR")
def series_fir(series: pa.Array, filter: pa.Array, normalize: pa.Array, center: pa.Array) -> pa.Array:
    return numerically(_fir, series, filter, normalize, center, strict=False)
