"""The beta distribution and what is computed from it, by continued fraction (modified Lentz), to about 1e-14.

Source: "beta_cdf()", "beta_inv()", "beta_pdf()", "welch_test()" (Kusto documentation) for what is no number; DLMF 8.17 for the
incomplete beta function.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

_TINY = 1e-300
#: The service's limit of alpha and beta.
_MOST = 10_000
_NAN = float("nan")


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value


def _correction(z: float) -> float:
    """What Stirling's formula lacks of the logarithm of gamma, for z from 10 on (DLMF 5.11.1)."""
    w = 1.0 / (z * z)
    return (((((-691 / 360360 * w + 1 / 1188) * w - 1 / 1680) * w + 1 / 1260) * w - 1 / 360) * w + 1 / 12) / z


def _log_beta(a: float, b: float) -> float:
    small, large = min(a, b), max(a, b)
    if large < 10.0:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    # lgamma(large) - lgamma(a + b), whose leading digits cancel, by Stirling's formula.
    rest = small - (large - 0.5) * math.log1p(small / large) - small * math.log(a + b)
    return math.lgamma(small) + rest + _correction(large) - _correction(a + b)


def _front(x: float, a: float, b: float) -> float:
    """x**a * (1-x)**b / B(a, b), for x between 0 and 1."""
    if min(a, b) < 10.0:
        return math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b))
    # Near the mean the logarithms of large powers cancel: taken from the mean on, they are small.
    mean, other = a / (a + b), b / (a + b)
    off = x - mean
    if abs(off) < 0.5 * min(mean, other):
        power = a * math.log1p(off / mean) + b * math.log1p(-off / other)
    else:
        power = a * math.log(x / mean) + b * math.log((1.0 - x) / other)
    correction = _correction(a) + _correction(b) - _correction(a + b)
    return math.sqrt(a * b / (2 * math.pi * (a + b))) * math.exp(power - correction)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, for x from 0 to 1 and positive a and b."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = _front(x, a, b)
    # The fraction converges quickly on one side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _valid(a: float, b: float) -> bool:
    return 0.0 < a <= _MOST and 0.0 < b <= _MOST


def _cdf(x: float, a: float, b: float) -> float:
    return incomplete_beta(x, a, b) if 0.0 <= x <= 1.0 and _valid(a, b) else _NAN


def _pdf(x: float, a: float, b: float) -> float:
    if not (0.0 <= x <= 1.0 and _valid(a, b)):
        return _NAN
    if x in (0.0, 1.0):
        power, other = (a, b) if x == 0.0 else (b, a)
        return math.inf if power < 1.0 else other if power == 1.0 else 0.0
    return _front(x, a, b) / x / (1.0 - x)


def _inv(p: float, a: float, b: float) -> float | None:
    """Newton's steps, each kept inside the interval that bisection leaves."""
    if not 0.0 < p <= 1.0 or math.isnan(p):
        return None
    if not _valid(a, b):
        return _NAN
    if p == 1.0:
        return 1.0
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(1200):
        error = incomplete_beta(x, a, b) - p
        if error == 0.0:
            break
        low, high = (x, high) if error < 0.0 else (low, x)
        slope = _pdf(x, a, b) if 0.0 < x < 1.0 else 0.0
        step = x - error / slope if slope > 0.0 else low
        following = step if low < step < high else (low + high) / 2
        if following in (x, low, high):
            break
        x = following
    return x


@udf("DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_cdf(x: pa.Array, alpha: pa.Array, beta: pa.Array) -> pa.Array:
    return each(_cdf, "double", x, alpha, beta)


@udf("DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_inv(probability: pa.Array, alpha: pa.Array, beta: pa.Array) -> pa.Array:
    return each(_inv, "double", probability, alpha, beta)


@udf("DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_pdf(x: pa.Array, alpha: pa.Array, beta: pa.Array) -> pa.Array:
    return each(_pdf, "double", x, alpha, beta)


@udf("DOUBLE", returns="DOUBLE")
def erf(number: pa.Array) -> pa.Array:
    return each(math.erf, "double", number)


@udf("DOUBLE", returns="DOUBLE")
def erfc(number: pa.Array) -> pa.Array:
    return each(math.erfc, "double", number)


def _welch(mean1: float, variance1: float, count1: float, mean2: float, variance2: float, count2: float) -> float:
    """The two-tailed p-value of Student's t with the degrees of freedom of Welch and Satterthwaite."""
    if count1 <= 1 or count2 <= 1 or variance1 < 0 or variance2 < 0:
        return _NAN
    one, two = variance1 / count1, variance2 / count2
    if not one + two > 0:
        return _NAN
    t = (mean1 - mean2) / math.sqrt(one + two)
    freedom = (one + two) ** 2 / (one**2 / (count1 - 1) + two**2 / (count2 - 1))
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


@udf("DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def welch_test(
    mean1: pa.Array, variance1: pa.Array, count1: pa.Array, mean2: pa.Array, variance2: pa.Array, count2: pa.Array
) -> pa.Array:
    return each(_welch, "double", mean1, variance1, count1, mean2, variance2, count2)
