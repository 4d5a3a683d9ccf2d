"""Season, trend and outliers of a numeric array.

Source: "series_decompose()", "series_outliers()" (Kusto documentation) for the steps. How a score is normalised is told by the
function's author (Stack Overflow, question 75264555, with the service's own figures): percentiles are interpolated between
their neighbours; a point beyond one scores its distance in percentile ranges, times a factor under which 1.5 means for normal
values what it means in Tukey's test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.rows import each
from lurcher.functions.udfs.series_fit import line
from lurcher.functions.udfs.series_numbers import array, bag, complete, gapped

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    _Array = np.ndarray[Any, Any]

#: kind -> the percentiles, and the factor of the normalisation. The second factor is the service's own, taken from its scores:
#: its normal quantiles are rounded, exact ones would give 2.7144.
_FENCES = {"tukey": (25.0, 75.0, 1.0), "ctukey": (10.0, 90.0, 2.7726056055079146)}
#: Below this part of the largest value a range is rounding, not spread.
_ROUNDING = 1e-12


def outliers(values: list[float | None], kind: str) -> list[float]:
    """The score of each value, 0 for gaps and for what lies between the percentiles.

    Raises LurcherError where a value lies outside and the percentiles are equal: no page says what the service gives."""
    import numpy as np

    present = np.array([v for v in values if v is not None], dtype=np.float64)
    if not len(present):
        return [0.0] * len(values)
    at_low, at_high, factor = _FENCES[kind]
    low, high = (float(p) for p in np.percentile(present, (at_low, at_high)))
    rounding = float(np.abs(present).max()) * _ROUNDING
    flat = high - low <= rounding
    slack = rounding if flat else 0.0
    scores: list[float] = []
    for value in values:
        if value is None or low - slack <= value <= high + slack:
            scores.append(0.0)
        elif flat:
            raise LurcherError(
                f"outliers of a series that is the same at its percentiles {at_low:g} and {at_high:g} and differs elsewhere:"
                " what the service scores there is not published",
                "leave such series out, or compare with avg and stdev of series_stats()",
                kind="unsupported",
            )
        else:
            scores.append((value - (high if value > high else low)) / (high - low) * factor)
    return scores


def _outliers(series: str | None, kind: str, ignored: float | None) -> str | None:
    values = gapped(series) if series is not None else None
    if values is None:
        return None
    return array(outliers([None if v == ignored else v for v in values], kind))


@udf("JSON", "VARCHAR", "DOUBLE", returns="VARCHAR")
def series_outliers(series: pa.Array, kind: pa.Array, ignored: pa.Array) -> pa.Array:
    return each(_outliers, "string", series, kind, ignored, strict=False)


def season(y: _Array, period: int, learned: int) -> _Array:
    """The median of each phase over the learned points; zeros for the period 0.

    Raises LurcherError for a period below 0 (to be detected), and where a phase is not among what is learned."""
    import numpy as np

    if period < 0:
        raise LurcherError(
            "how the service detects a season is not published",
            "give it as an argument: 0 for none, or the period in bins",
            kind="unsupported",
        )
    if period == 0:
        return np.zeros(len(y))
    if learned < min(period, len(y)):
        raise LurcherError(
            f"a season of {period} bins out of {learned} points to learn from",
            "give fewer test points",
            kind="unsupported",
        )
    phases = [float(np.median(y[start:learned:period])) for start in range(min(period, learned))]
    return np.resize(np.array(phases, dtype=np.float64), len(y))


def _trend(y: _Array, kind: str, learned: int) -> _Array:
    import numpy as np

    match kind:
        case "none":
            return np.zeros(len(y))
        case "avg":
            return np.full(len(y), y[:learned].mean())
        case "linefit":
            x = np.arange(1, len(y) + 1, dtype=np.float64)
            if learned == 1:
                return np.full(len(y), y[0])
            slope, interception = line(x[:learned], y[:learned])
            return slope * x + interception
    raise LurcherError(f"'{kind}' is no trend", "trends are 'avg', 'linefit' and 'none'")


def _components(series: str, period: int, trend: str, points: int) -> tuple[_Array, _Array, _Array] | None:
    """The array, its season and its trend; None where it has gaps or nothing to learn from."""
    y = complete(series)
    if y is None or points < 0 or points >= len(y):
        return None
    learned = len(y) - points
    seasonal = season(y, period, learned)
    return y, seasonal, _trend(y - seasonal, trend, learned)


def _decompose(series: str, period: int, trend: str, points: int) -> str | None:
    found = _components(series, period, trend, points)
    if found is None:
        return None
    y, seasonal, level = found
    baseline = seasonal + level
    return bag(baseline=baseline, seasonal=seasonal, trend=level, residual=y - baseline)


def _forecast(series: str, period: int, trend: str, points: int) -> str | None:
    found = _components(series, period, trend, points)
    if found is None:
        return None
    y, seasonal, level = found
    return bag(forecast=seasonal + level, seasonal=seasonal, trend=level, residual=y - seasonal - level)


def _anomalies(series: str, threshold: float, period: int, trend: str, method: str) -> str | None:
    found = _components(series, period, trend, 0)
    if found is None:
        return None
    y, seasonal, level = found
    baseline = seasonal + level
    scores = outliers([float(v) for v in y - baseline], method)
    flags = [(s > threshold) - (s < -threshold) for s in scores]
    return bag(ad_flag=flags, ad_score=scores, baseline=baseline)


def _seasonal(series: str, period: int, points: int) -> str | None:
    y = complete(series)
    if y is None or points < 0 or points >= len(y):
        return None
    return array(season(y, period, len(y) - points))


@udf("JSON", "BIGINT", "VARCHAR", "BIGINT", returns="VARCHAR")
def series_decompose(series: pa.Array, period: pa.Array, trend: pa.Array, points: pa.Array) -> pa.Array:
    return each(_decompose, "string", series, period, trend, points)


@udf("JSON", "BIGINT", "VARCHAR", "BIGINT", returns="VARCHAR")
def series_decompose_forecast(series: pa.Array, period: pa.Array, trend: pa.Array, points: pa.Array) -> pa.Array:
    return each(_forecast, "string", series, period, trend, points)


@udf("JSON", "DOUBLE", "BIGINT", "VARCHAR", "VARCHAR", returns="VARCHAR")
def series_decompose_anomalies(
    series: pa.Array, threshold: pa.Array, period: pa.Array, trend: pa.Array, method: pa.Array
) -> pa.Array:
    return each(_anomalies, "string", series, threshold, period, trend, method)


@udf("JSON", "BIGINT", "BIGINT", returns="VARCHAR")
def series_seasonal(series: pa.Array, period: pa.Array, points: pa.Array) -> pa.Array:
    return each(_seasonal, "string", series, period, points)
