"""The beta distribution against its closed forms; Welch's test against Student's t with known degrees of freedom."""

from __future__ import annotations

import math

import pytest

from lurcher.functions.udfs.statistics import _cdf, _inv, _pdf, _welch, incomplete_beta

NEAR = 1e-12


@pytest.mark.parametrize("x", [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999])
def test_cumulative_probabilities_are_those_of_the_closed_forms(x: float) -> None:
    assert _cdf(x, 1, 7) == pytest.approx(-math.expm1(7 * math.log1p(-x)), rel=NEAR)
    assert _cdf(x, 5.5, 1) == pytest.approx(x**5.5, rel=NEAR)
    assert _cdf(x, 2, 3) == pytest.approx(6 * x**2 - 8 * x**3 + 3 * x**4, rel=NEAR)
    assert _cdf(x, 0.5, 0.5) == pytest.approx(2 / math.pi * math.asin(math.sqrt(x)), rel=NEAR)


@pytest.mark.parametrize("a", [0.001, 0.5, 3, 40, 1234.5, 10_000])
def test_half_of_a_symmetric_distribution_lies_below_the_middle(a: float) -> None:
    assert _cdf(0.5, a, a) == pytest.approx(0.5, rel=NEAR)
    assert _inv(0.5, a, a) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [(10, 20), (0.2, 900), (3000, 7), (12, 12), (0.5, 0.5)])
@pytest.mark.parametrize("p", [0.001, 0.25, 0.9])
def test_the_inverse_gives_the_probability_back(a: float, b: float, p: float) -> None:
    x = _inv(p, a, b)
    assert x is not None
    assert incomplete_beta(x, a, b) == pytest.approx(p, rel=1e-9)


def test_the_two_sides_add_up_to_one() -> None:
    for a, b, x in ((3, 8, 0.2), (200, 0.7, 0.99), (5000, 4000, 0.55)):
        assert _cdf(x, a, b) + _cdf(1 - x, b, a) == pytest.approx(1.0, rel=NEAR)


def test_densities() -> None:
    assert _pdf(0.5, 2, 3) == pytest.approx(1.5, rel=NEAR)
    assert _pdf(0.0, 1, 4) == 4.0
    assert _pdf(0.0, 0.5, 4) == math.inf
    assert _pdf(1.0, 2, 3) == 0.0


def test_what_is_out_of_range_is_no_number() -> None:
    assert all(math.isnan(_cdf(*wrong)) for wrong in ((1.5, 10, 20), (-10, 10, 20), (0.1, -1, 20), (0.1, 1, 10_001)))
    assert _inv(1.5, 10, 20) is None
    assert math.isnan(_inv(0.1, -1, 20) or 0.0)


def test_a_test_of_equal_means_has_probability_one() -> None:
    assert _welch(5, 2, 10, 5, 3, 20) == 1.0


def test_two_degrees_of_freedom_have_a_closed_form() -> None:
    # Two samples of two with variance 1 each: t = 1, freedom 2, p = 1 - t / sqrt(2 + t * t).
    assert _welch(1, 1, 2, 0, 1, 2) == pytest.approx(1 - 1 / math.sqrt(3), rel=NEAR)
    assert math.isnan(_welch(1, 1, 1, 0, 1, 2))
