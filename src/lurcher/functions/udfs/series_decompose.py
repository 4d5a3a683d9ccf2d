"""Season, trend and outliers of a numeric array.

Source: "series_decompose()", "series_outliers()" (Kusto documentation) for the steps. How a score is normalised is told by the
function's author (Stack Overflow, question 75264555, with the service's own figures): percentiles are interpolated between
their neighbours; a point beyond one scores its distance in percentile ranges, times a factor under which 1.5 means for normal
values what it means in Tukey's test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError, shown
from lurcher.functions.udf import udf
from lurcher.functions.udfs.series_fit import line
from lurcher.functions.udfs.series_numbers import array, bag, complete, gapped, numerically

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    _Array = np.ndarray[Any, Any]

#: kind -> the percentiles, and the factor of the normalisation. The second factor is the service's own, taken from its scores:
#: its normal quantiles are rounded, exact ones would give 2.7144.
_FENCES = {"tukey": (25.0, 75.0, 1.0), "ctukey": (10.0, 90.0, 2.7726056055079146)}
#: Below this part of the largest value a range is rounding, not spread.
_ROUNDING = 1e-12
#: How far below the threshold a score must be: periods between two lags may score a little more than either.
_DOUBT = 0.05


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
    return numerically(_outliers, series, kind, ignored, strict=False)


def season(y: _Array, period: int, learned: int, threshold: float) -> _Array:
    """The median of each phase over the learned points; zeros for the period 0. The period -1 is to be detected.

    Raises LurcherError where it cannot be for sure, for other periods below 0, and where a phase is not among what is learned."""
    import numpy as np

    if period < -1:
        raise LurcherError(f"{period} is no period", "give 0 for none, or the period in bins")
    if period == -1:
        found = {_detected(part, threshold) for part in (y, y[:learned])}
        if len(found) > 1:
            raise LurcherError(
                "a series has a season with its test points and another one, or none, without them",
                "give the period as an argument: 0 for none, or the number of bins (24 for days of hours)",
                kind="unsupported",
            )
        period = found.pop()
    if period <= 0:
        return np.zeros(len(y))
    if learned < min(period, len(y)):
        raise LurcherError(
            f"a season of {period} bins out of {learned} points to learn from",
            "give fewer test points",
            kind="unsupported",
        )
    phases = [float(np.median(y[start:learned:period])) for start in range(min(period, learned))]
    return np.resize(np.array(phases, dtype=np.float64), len(y))


def period_scores(y: _Array) -> _Array:
    """The score of each lag as a period: the circular autocorrelation, from its least value as 0 to 1.

    Found from the service's figure for the series of the documentation, which it gives in all digits; the service gives 0
    for some lags besides, and by which rule is not known."""
    import numpy as np

    power = np.abs(np.fft.fft(y - y.mean())) ** 2
    correlation = np.fft.ifft(power).real
    scores: _Array = (correlation - correlation.min()) / (correlation[0] - correlation.min())
    return scores


def _detected(y: _Array, threshold: float) -> int:
    """The period that the series has, 0 for none.

    A period is 4 bins or more, and less than half the series ("series_periods_detect()"). Of those the service takes the lag
    that scores most, where it reaches the threshold: so it is in every figure that is published. Raises LurcherError where another
    rule that gives those figures might take another one: where two lags score alike, or the threshold is near, or fewer than
    three periods are there."""
    import numpy as np

    if len(y) < 9 or y.max() == y.min():
        return 0
    every = period_scores(y)
    scores = every[: (len(y) + 1) // 2].copy()
    scores[:4] = 0.0
    # The first of those that differ by rounding alone.
    best = int(np.argmax(scores >= scores.max() - _ROUNDING))
    if scores[best] < threshold - _DOUBT:
        return 0
    others = scores.copy()
    others[best - 1 : best + 2] = 0.0
    # Twice the period is one too: no rule prefers it where it scores no more.
    others[2 * best :: best] = np.where(
        others[2 * best :: best] <= scores[best] + _ROUNDING, 0.0, others[2 * best :: best]
    )
    peak = every[best - 1 : best + 2].max() <= every[best] + _ROUNDING
    sure = scores[best] > threshold + _DOUBT and scores[best] - others.max() > _DOUBT
    if peak and sure and len(y) >= 3 * best:
        return best
    second = int(np.argmax(others))
    raise LurcherError(
        f"a series may have a season (the period {best} scores {scores[best]:.2f}, {second} {others[second]:.2f}), and which one"
        " the service detects is not published",
        "give the period as an argument: 0 for none, or the number of bins (24 for days of hours)",
        kind="unsupported",
    )


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
    raise LurcherError(f"'{shown(kind)}' is no trend", "trends are 'avg', 'linefit' and 'none'")


def _components(
    series: str, period: int, trend: str, points: int, threshold: float
) -> tuple[_Array, _Array, _Array] | None:
    """The array, its season and its trend; None where it has gaps or nothing to learn from."""
    y = complete(series)
    if y is None or points < 0 or points >= len(y):
        return None
    learned = len(y) - points
    seasonal = season(y, period, learned, threshold)
    return y, seasonal, _trend(y - seasonal, trend, learned)


def _decompose(series: str, period: int, trend: str, points: int, threshold: float) -> str | None:
    found = _components(series, period, trend, points, threshold)
    if found is None:
        return None
    y, seasonal, level = found
    baseline = seasonal + level
    return bag(baseline=baseline, seasonal=seasonal, trend=level, residual=y - baseline)


def _forecast(series: str, period: int, trend: str, points: int, threshold: float) -> str | None:
    found = _components(series, period, trend, points, threshold)
    if found is None:
        return None
    y, seasonal, level = found
    return bag(forecast=seasonal + level, seasonal=seasonal, trend=level, residual=y - seasonal - level)


def _anomalies(series: str, threshold: float, period: int, trend: str, method: str, least: float) -> str | None:
    found = _components(series, period, trend, 0, least)
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
    return array(season(y, period, len(y) - points, 0.7))


@udf("JSON", "BIGINT", "VARCHAR", "BIGINT", "DOUBLE", returns="VARCHAR")
def series_decompose(
    series: pa.Array, period: pa.Array, trend: pa.Array, points: pa.Array, threshold: pa.Array
) -> pa.Array:
    return numerically(_decompose, series, period, trend, points, threshold)


@udf("JSON", "BIGINT", "VARCHAR", "BIGINT", "DOUBLE", returns="VARCHAR")
def series_decompose_forecast(
    series: pa.Array, period: pa.Array, trend: pa.Array, points: pa.Array, threshold: pa.Array
) -> pa.Array:
    return numerically(_forecast, series, period, trend, points, threshold)


@udf("JSON", "DOUBLE", "BIGINT", "VARCHAR", "VARCHAR", "DOUBLE", returns="VARCHAR")
def series_decompose_anomalies(
    series: pa.Array,
    threshold: pa.Array,
    period: pa.Array,
    trend: pa.Array,
    method: pa.Array,
    least: pa.Array,
) -> pa.Array:
    return numerically(_anomalies, series, threshold, period, trend, method, least)


@udf("JSON", "BIGINT", "BIGINT", returns="VARCHAR")
def series_seasonal(series: pa.Array, period: pa.Array, points: pa.Array) -> pa.Array:
    return numerically(_seasonal, series, period, points)
