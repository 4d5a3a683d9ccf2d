"""Statistics, lines and polynomials of a numeric array. Variances are those of a sample, as in the documentation's figures.

A line's x is 1 for the first element: the interception of series_fit_line()'s page is one step before it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.series_numbers import bag, bounded, complete, gapped, numerically

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    _Array = np.ndarray[Any, Any]


def line(x: _Array, y: _Array) -> tuple[float, float]:
    """Slope and interception of the least-squares line. Raises nothing: there are two different x."""
    if y.max() == y.min():
        return 0.0, float(y[0])
    middle_x, middle_y = x.mean(), y.mean()
    from_middle = x - middle_x
    slope = float(from_middle @ (y - middle_y) / (from_middle @ from_middle))
    return slope, float(middle_y - slope * middle_x)


def goodness(y: _Array, fit: _Array) -> tuple[float, float, float]:
    """R-square, variance and residual variance. Of equal values 0/0, no number."""
    left, around = y - fit, y - y.mean()
    residual = float(left @ left) / (len(y) - 1)
    if y.max() == y.min():
        return math.nan, 0.0, residual
    variance = float(around @ around) / (len(y) - 1)
    return 1.0 - residual / variance, variance, residual


def _fit_line(series: str) -> str | None:
    import numpy as np

    y = complete(series)
    if y is None or len(y) < 2:
        return None
    x = np.arange(1, len(y) + 1, dtype=np.float64)
    slope, interception = line(x, y)
    fit = slope * x + interception
    rsquare, variance, residual = goodness(y, fit)
    return bag(
        rsquare=rsquare, slope=slope, variance=variance, rvariance=residual, interception=interception, line_fit=fit
    )


@udf("JSON", returns="VARCHAR")
def series_fit_line(series: pa.Array) -> pa.Array:
    return numerically(_fit_line, series)


def _fit_poly(series: str, axis: str | None, degree: int) -> str | None:
    import numpy as np

    y = complete(series)
    if y is None:
        return None
    x = np.arange(1, len(y) + 1, dtype=np.float64) if axis is None else complete(axis)
    if x is None or len(x) != len(y):
        return None
    if len(np.unique(x)) <= degree:
        return None
    bounded("series_fit_poly", len(y) * (degree + 1), 10_000_000)
    # Where x is ill-conditioned numpy drops small singular values, which is another polynomial: the rank tells.
    try:
        coefficients, _, rank, _, _ = np.polyfit(x, y, degree, full=True)
    except np.linalg.LinAlgError:
        rank = 0
    if rank <= degree:
        raise LurcherError(
            f"series_fit_poly(): a polynomial of degree {degree} is not determined by these x",
            "bring x into 0 to 1 first, or lower the degree",
            kind="unsupported",
        )
    fit = np.polyval(coefficients, x)
    rsquare, variance, residual = goodness(y, fit)
    return bag(rsquare=rsquare, coefficients=coefficients, variance=variance, rvariance=residual, poly_fit=fit)


@udf("JSON", "JSON", "BIGINT", returns="VARCHAR")
def series_fit_poly(series: pa.Array, axis: pa.Array, degree: pa.Array) -> pa.Array:
    return numerically(_fit_poly_or_null, series, axis, degree, strict=False)


def _fit_poly_or_null(series: str | None, axis: str | None, degree: int | None) -> str | None:
    return None if series is None or degree is None or degree < 1 else _fit_poly(series, axis, degree)


def _stats(series: str, ignore: bool) -> str | None:
    values = gapped(series)
    if values is None:
        return None
    present = [v for v in values if v is not None]
    if not present or (len(present) < len(values) and not ignore):
        return None
    low, high, total = min(present), max(present), math.fsum(present)
    average = total / len(present)
    variance = math.fsum((v - average) ** 2 for v in present) / (len(present) - 1) if len(present) > 1 else None
    return bag(
        min=low,
        min_idx=values.index(low),
        max=high,
        max_idx=values.index(high),
        avg=average,
        stdev=None if variance is None else math.sqrt(variance),
        variance=variance,
        sum=total,
        len=len(values),
    )


@udf("JSON", "BOOLEAN", returns="VARCHAR")
def series_stats(series: pa.Array, ignore: pa.Array) -> pa.Array:
    return numerically(_stats, series, ignore)


def _fit_2lines(series: str) -> str | None:
    if complete(series) is None:
        return None
    raise LurcherError(
        "series_fit_2lines() of a series: which breaks the service tries, and how it counts them, is not published",
        "fit each part with series_fit_line()",
        kind="unsupported",
    )


@udf("JSON", returns="VARCHAR")
def series_fit_2lines(series: pa.Array) -> pa.Array:
    return numerically(_fit_2lines, series)
