"""Statistics of numeric arrays, lines and curves through them, their seasons, trends and outliers.

Functions that give several columns (`extend (flags, scores, baseline) = series_decompose_anomalies(y, 1.5, 24)`) are rows that
make a bag; the binder makes columns of it. Source: "Series functions" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions.build import constant, constant_integer, fill, refuse
from lurcher.functions.registry import Naming, Nulls, scalar
from lurcher.sql import tree as t

_FIT = "lurcher.functions.udfs.series_fit:"
_DECOMPOSE = "lurcher.functions.udfs.series_decompose:"
_MAYBE = Nulls.MAYBE
# Arguments that are left out.
_FALSE = t.Literal(False)
_ONE = t.Literal(1)
_CTUKEY = t.Literal("ctukey")
_P10 = t.Literal(10)
_P90 = t.Literal(90)
_AVG = t.Literal("avg")
#: Its page says so in all versions up to 2022, and shows a trend that only this one has; later ones repeat what is said of
#: series_decompose().
_LINEFIT = t.Literal("linefit")
_MILD = t.Literal(1.5)
_ZERO = t.Literal(0)
_DETECT = t.Literal(-1)
_SURE = t.Literal(0.6)


# --- statistics and fits -----------------------------------------------------------------------------------------------------
def _stats(series: t.SqlExpr, ignore: t.SqlExpr = _FALSE) -> t.SqlExpr:
    return fill("kql_series_stats({series}, {ignore})::JSON", series=series, ignore=ignore)


for _name, _example in (
    ("series_stats", ("series_stats(dynamic([23,46,2,87]))", "2.0")),
    ("series_stats_dynamic", ("series_stats_dynamic(dynamic([1,3])).avg", "dynamic(2.0)")),
):
    scalar(
        _name,
        "series: dynamic, ignore_nonfinite?: constant bool",
        "dynamic",
        "Least, greatest and average element, where they are, standard deviation and variance of a sample.",
        _stats,
        udf=_FIT + "series_stats",
        nulls=_MAYBE,
        example=_example,
    )
for _name, _example in (
    ("series_fit_line", ("series_fit_line(dynamic([1,3,5]))", "1.0")),
    ("series_fit_line_dynamic", ("series_fit_line_dynamic(dynamic([1,3,5])).slope", "dynamic(2.0)")),
):
    scalar(
        _name,
        "series: dynamic",
        "dynamic",
        "The straight line nearest to the elements, and how near it is.",
        "kql_series_fit_line({series})::JSON",
        udf=_FIT + "series_fit_line",
        nulls=_MAYBE,
        example=_example,
    )
for _name in ("series_fit_2lines", "series_fit_2lines_dynamic"):
    scalar(
        _name,
        "series: dynamic",
        "dynamic",
        "Two straight lines with a break between them. Null without a series; with one the query is refused when it runs, as which"
        " breaks the service tries is not published.",
        "kql_series_fit_2lines({series})::JSON",
        udf=_FIT + "series_fit_2lines",
        nulls=_MAYBE,
        example=(f"{_name}(dynamic(null))", "dynamic(null)" if _name.endswith("dynamic") else "real(null)"),
    )


def _fit_poly(series: t.SqlExpr, axis: t.SqlExpr = t.NULL, degree: t.SqlExpr = _ONE) -> t.SqlExpr:
    text = "kql_series_fit_poly({series}, {axis}, ({degree})::BIGINT)::JSON"
    return fill(text, series=series, axis=axis, degree=degree)


scalar(
    "series_fit_poly",
    "y_series: dynamic, x_series?: dynamic, degree?: int|long",
    "dynamic",
    "The polynomial nearest to the elements, and how near it is.",
    _fit_poly,
    udf=_FIT + "series_fit_poly",
    nulls=_MAYBE,
    example=("series_fit_poly(dynamic([1,3]))", "1.0"),
)


# --- outliers ----------------------------------------------------------------------------------------------------------------
def _kind(function: str, parameter: str, kind: t.SqlExpr) -> t.SqlExpr:
    found = constant(function, parameter, kind)
    if found not in ("tukey", "ctukey"):
        refuse(f"{function}(): '{found}' is no {parameter}", "there are 'tukey' and 'ctukey'")
    return kind


def _number(value: t.SqlExpr) -> float | None:
    match value:
        case t.Literal(int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case t.Literal(str() as text, "DOUBLE"):
            return float(text)
        case t.Cast(inner, "DOUBLE" | "BIGINT" | "INTEGER"):
            return _number(inner)
    return None


def _no_test_points(function: str, points: t.SqlExpr) -> None:
    if constant_integer(points) != 0:
        refuse(
            f"{function}(): which points the percentiles are taken of beside test points is not published",
            "give 0 test points",
        )


def _outliers(
    series: t.SqlExpr,
    kind: t.SqlExpr = _CTUKEY,
    ignored: t.SqlExpr = t.NULL,
    low: t.SqlExpr = _P10,
    high: t.SqlExpr = _P90,
    points: t.SqlExpr = _ZERO,
) -> t.SqlExpr:
    kind = _kind("series_outliers", "kind", kind)
    if (_number(low), _number(high)) != (10.0, 90.0):
        refuse(
            "series_outliers(): how scores of other percentiles than 10 and 90 are normalised is not published",
            "leave the percentiles out",
        )
    _no_test_points("series_outliers", points)
    return fill(
        "kql_series_outliers({series}, {kind}, ({ignored})::DOUBLE)::JSON", series=series, kind=kind, ignored=ignored
    )


scalar(
    "series_outliers",
    "series: dynamic, kind?: string, ignore_val?: number, min_percentile?: number, max_percentile?: number,"
    " test_points?: int|long",
    "dynamic",
    "How far each element lies beyond the usual: above 1.5 a rise, below -1.5 a decline.",
    _outliers,
    udf=_DECOMPOSE + "series_outliers",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=('series_outliers(dynamic([1,2,3,4,10]), "tukey")', "dynamic([-0.5,0.0,0.0,0.0,3.0])"),
)


# --- season and trend --------------------------------------------------------------------------------------------------------
def _known_trend(function: str, trend: t.SqlExpr) -> t.SqlExpr:
    found = constant(function, "trend", trend)
    if found not in ("avg", "linefit", "none"):
        refuse(f"{function}(): '{found}' is no trend", "trends are 'avg', 'linefit' and 'none'")
    return trend


def _decompose(
    series: t.SqlExpr,
    period: t.SqlExpr = _DETECT,
    trend: t.SqlExpr = _AVG,
    points: t.SqlExpr = _ZERO,
    threshold: t.SqlExpr = _SURE,
) -> t.SqlExpr:
    return fill(
        "kql_series_decompose({series}, ({period})::BIGINT, {trend}, ({points})::BIGINT, ({threshold})::DOUBLE)::JSON",
        series=series,
        period=period,
        trend=_known_trend("series_decompose", trend),
        points=points,
        threshold=threshold,
    )


def _forecast(
    series: t.SqlExpr,
    points: t.SqlExpr,
    period: t.SqlExpr = _DETECT,
    trend: t.SqlExpr = _LINEFIT,
    threshold: t.SqlExpr = _SURE,
) -> t.SqlExpr:
    return fill(
        "kql_series_decompose_forecast({series}, ({period})::BIGINT, {trend}, ({points})::BIGINT, ({threshold})::DOUBLE)::JSON",
        series=series,
        period=period,
        trend=_known_trend("series_decompose_forecast", trend),
        points=points,
        threshold=threshold,
    )


def _anomalies(
    series: t.SqlExpr,
    threshold: t.SqlExpr = _MILD,
    period: t.SqlExpr = _DETECT,
    trend: t.SqlExpr = _AVG,
    points: t.SqlExpr = _ZERO,
    method: t.SqlExpr = _CTUKEY,
    least: t.SqlExpr = _SURE,
) -> t.SqlExpr:
    name = "series_decompose_anomalies"
    _no_test_points(name, points)
    return fill(
        "kql_series_decompose_anomalies({series}, ({threshold})::DOUBLE, ({period})::BIGINT, {trend}, {method},"
        " ({least})::DOUBLE)::JSON",
        series=series,
        threshold=threshold,
        period=period,
        trend=_known_trend(name, trend),
        method=_kind(name, "method", method),
        least=least,
    )


def _seasonal(series: t.SqlExpr, period: t.SqlExpr = _DETECT, points: t.SqlExpr = _ZERO) -> t.SqlExpr:
    return fill(
        "kql_series_seasonal({series}, ({period})::BIGINT, ({points})::BIGINT)::JSON",
        series=series,
        period=period,
        points=points,
    )


scalar(
    "series_seasonal",
    "series: dynamic, period?: int|long, test_points?: int|long",
    "dynamic",
    "What comes again in each period: the median of the elements at the same place of it.",
    _seasonal,
    udf=_DECOMPOSE + "series_seasonal",
    nulls=_MAYBE,
    example=(
        "series_seasonal(dynamic([1,3,5,1,3,5,2,4,6]), 3)",
        "dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0])",
    ),
)
scalar(
    "series_decompose",
    "series: dynamic, period?: int|long, trend?: string, test_points?: int|long, seasonality_threshold?: number",
    "dynamic",
    "Baseline, season, trend and rest of a series. Without a period, a series whose period is not plain is refused.",
    _decompose,
    udf=_DECOMPOSE + "series_decompose",
    nulls=_MAYBE,
    example=("series_decompose(dynamic([1,5,3,7]), 2)", "dynamic([2.0,6.0,2.0,6.0])"),
)
scalar(
    "series_decompose_forecast",
    "series: dynamic, test_points: int|long, period?: int|long, trend?: string, seasonality_threshold?: number",
    "dynamic",
    "The last points told from the ones before by season and trend.",
    _forecast,
    udf=_DECOMPOSE + "series_decompose_forecast",
    nulls=_MAYBE,
    example=(
        "series_decompose_forecast(dynamic([1,2,3,0]), 1, 0, 'linefit')",
        "dynamic([1.0,2.0,3.0,4.0])",
    ),
)
scalar(
    "series_decompose_anomalies",
    "series: dynamic, threshold?: number, period?: int|long, trend?: string, test_points?: int|long, method?: string,"
    " seasonality_threshold?: number",
    "dynamic",
    "Which elements lie beyond season and trend: 1 above, -1 below. Without a period, a series whose own is not plain is refused.",
    _anomalies,
    udf=_DECOMPOSE + "series_decompose_anomalies",
    nulls=_MAYBE,
    example=(
        "series_decompose_anomalies(dynamic([1,2,3,4,100]), 1.5, 0)",
        "dynamic([0,0,0,0,1])",
    ),
)

# --- columns of a bag ----------------------------------------------------------------------------------------------------------
for _name, _type, _sql in (
    ("__series_real", "real", "json_extract_string({bag}, {key})::DOUBLE"),
    ("__series_long", "long", "json_extract_string({bag}, {key})::BIGINT"),
    ("__series_dynamic", "dynamic", "json_extract({bag}, {key})"),
):
    scalar(
        _name,
        "bag: dynamic, key: string",
        _type,
        "A column of what a function of several columns gives.",
        _sql,
        nulls=_MAYBE,
        hidden=True,
    )
