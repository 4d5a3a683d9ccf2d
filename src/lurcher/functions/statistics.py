"""Distributions: beta_cdf, beta_inv, beta_pdf, erf, erfc, welch_test.

Source: the functions' pages (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions.registry import Naming, Nulls, scalar

_UDF = "lurcher.functions.udfs.statistics:"


def _reals(*names: str) -> str:
    return ", ".join(f"CAST({{{name}}} AS DOUBLE)" for name in names)


for _name, _first, _doc, _example in (
    (
        "beta_cdf",
        "x",
        "The beta distribution's cumulative probability; NaN outside 0..1, and where a parameter is none from 0 to 10000.",
        ("round(beta_cdf(0.5, 2, 3), 12)", "0.6875"),
    ),
    (
        "beta_inv",
        "probability",
        "Where the beta distribution's cumulative probability is reached; null for what is no probability.",
        ("round(beta_inv(0.6875, 2, 3), 12)", "0.5"),
    ),
    (
        "beta_pdf",
        "x",
        "The beta distribution's density; NaN outside 0..1, and where a parameter is none from 0 to 10000.",
        ("round(beta_pdf(0.5, 2, 3), 12)", "1.5"),
    ),
):
    scalar(
        _name,
        f"{_first}: number, alpha: number, beta: number",
        "real",
        _doc,
        # Of beta_inv the page's text and its table say the opposite of null and NaN: as the table has it.
        f"kql_{_name}({_reals(_first, 'alpha', 'beta')})",
        udf=_UDF + _name,
        nulls=Nulls.MAYBE,
        example=_example,
    )
for _name, _doc, _example in (
    ("erf", "The error function.", ("erf(0)", "0.0")),
    ("erfc", "One less the error function.", ("erfc(0)", "1.0")),
):
    scalar(
        _name,
        "number: number",
        "real",
        _doc,
        f"kql_{_name}({_reals('number')})",
        udf=_UDF + _name,
        naming=Naming.FIRST,
        nulls=Nulls.MAYBE,
        example=_example,
    )
_SIX = ("mean1", "variance1", "count1", "mean2", "variance2", "count2")
scalar(
    "welch_test",
    ", ".join(f"{name}: number" for name in _SIX),
    "real",
    "The p-value of Welch's t-test, two-tailed.",
    f"kql_welch_test({_reals(*_SIX)})",
    udf=_UDF + "welch_test",
    nulls=Nulls.MAYBE,
    # Two degrees of freedom: t = 1/sqrt(2), p = 1 - t/sqrt(2 + t*t) * 1 = 1 - 1/sqrt(5).
    example=("round(welch_test(1, 1, 2, 0, 1, 2), 10)", "round(1 - 1 / sqrt(3.0), 10)"),
)
