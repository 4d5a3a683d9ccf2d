"""Aggregates: counts, sums, extremes, averages, spread, percentiles, bits.

Source: "Aggregation function types at a glance" (Kusto documentation). Nulls are passed over; without
rows sums are 0 and an average is NaN.
"""

from __future__ import annotations

from typing import NoReturn

from lurcher.functions.build import fill, refuse
from lurcher.functions.registry import Naming, Nulls, aggregate
from lurcher.sql import tree as t

_MAYBE, _NEVER = Nulls.MAYBE, Nulls.NEVER


def _prefix(name: str) -> dict[str, object]:
    return {"naming": Naming.PREFIX, "prefix": name}


# --- counts ---
aggregate("count", "", "long", "The number of rows.", "count(*)", nulls=_NEVER, **_prefix("count"))
aggregate(
    "count",
    "expr: not_bool",
    "long",
    "The number of rows, nulls among them.",
    "count(*)",
    nulls=_NEVER,
    hidden=True,
    **_prefix("count"),
)
aggregate(
    "count",
    "predicate: bool",
    "long",
    "The number of rows for which the predicate is true.",
    "count(*) FILTER (WHERE {predicate})",
    nulls=_NEVER,
    hidden=True,
    **_prefix("count"),
)
for _params, _sql in (("", "count(*)"), ("expr: not_bool", "count(*)")):
    aggregate(
        "cnt",
        _params,
        "long",
        "The number of rows.",
        _sql,
        nulls=_NEVER,
        obsolete="count",
        hidden=bool(_params),
        **_prefix("cnt"),
    )
aggregate(
    "countif",
    "predicate: bool",
    "long",
    "The number of rows for which the predicate is true.",
    "count(*) FILTER (WHERE {predicate})",
    nulls=_NEVER,
    **_prefix("countif"),
)
# The service estimates; an exact count is within every accuracy that may be asked for.
for _name, _exact in (("dcount", "expr: scalar, accuracy?: scalar"), ("count_distinct", "expr: not_dynamic")):
    aggregate(
        _name,
        _exact,
        "long",
        "The number of distinct values, counted exactly.",
        "count(DISTINCT {expr})",
        nulls=_NEVER,
        **_prefix(_name),
    )
for _name, _exact in (
    ("dcountif", "expr: scalar, predicate: bool, accuracy?: scalar"),
    ("count_distinctif", "expr: not_dynamic, predicate: bool"),
):
    aggregate(
        _name,
        _exact,
        "long",
        "The number of distinct values where the predicate is true, counted exactly.",
        "count(DISTINCT {expr}) FILTER (WHERE {predicate})",
        nulls=_NEVER,
        **_prefix(_name),
    )

# --- sums and averages ---
_SUMS = (
    ("integer", "long", "CAST(coalesce(sum(CAST({expr} AS BIGINT))%s, 0) AS BIGINT)"),
    ("real", "real", "coalesce(sum({expr})%s, 0)"),
    ("decimal", "decimal", "CAST(coalesce(sum({expr})%s, 0) AS DECIMAL(38, 18))"),
    ("timespan", "timespan", "CAST(coalesce(sum({expr})%s, 0) AS BIGINT)"),
)
_AVERAGES = (
    ("integer", "real", "coalesce(avg(CAST({expr} AS DOUBLE))%s, 'nan'::DOUBLE)"),
    ("real", "real", "coalesce(avg({expr})%s, 'nan'::DOUBLE)"),
    ("decimal", "decimal", "CAST(avg({expr})%s AS DECIMAL(38, 18))"),
    ("timespan", "timespan", "CAST(trunc(avg({expr})%s) AS BIGINT)"),
    ("datetime", "datetime", "make_timestamp(CAST(avg(epoch_us({expr}))%s AS BIGINT))"),
)
_IF = " FILTER (WHERE {predicate})"
for _name, _rows, _what in (("sum", _SUMS, "sum"), ("avg", _AVERAGES, "average")):
    for _type, _result, _sql in _rows:
        aggregate(
            _name, f"expr: {_type}", _result, f"The {_what} of the values.", _sql % "", nulls=_MAYBE, **_prefix(_name)
        )
        aggregate(
            f"{_name}if",
            f"expr: {_type}, predicate: bool",
            _result,
            f"The {_what} of the values where the predicate is true.",
            _sql % _IF,
            nulls=_MAYBE,
            **_prefix(f"{_name}if"),
        )

# --- extremes and any ---
for _name, _what in (("min", "least"), ("max", "greatest")):
    aggregate(
        _name, "expr: orderable", "arg 0", f"The {_what} value.", f"{_name}({{expr}})", nulls=_MAYBE, **_prefix(_name)
    )
    aggregate(
        f"{_name}if",
        "expr: orderable, predicate: bool",
        "arg 0",
        f"The {_what} value where the predicate is true.",
        f"{_name}({{expr}}){_IF}",
        nulls=_MAYBE,
        **_prefix(f"{_name}if"),
    )
aggregate(
    "take_any",
    "expr: scalar",
    "arg 0",
    "The value of some row, of one where it is not null if there is one.",
    "any_value({expr})",
    nulls=_MAYBE,
    naming=Naming.FIRST,
)
aggregate("take_any", "*expr: star scalar", "custom", "The values of some row.", None, nulls=_MAYBE)
aggregate(
    "any",
    "expr: scalar",
    "arg 0",
    "The value of some row, of one where it is not null if there is one.",
    "any_value({expr})",
    nulls=_MAYBE,
    obsolete="take_any",
    hidden=True,
    **_prefix("any"),
)
aggregate(
    "any",
    "*expr: star scalar",
    "custom",
    "The values of some row.",
    None,
    nulls=_MAYBE,
    obsolete="take_any",
    hidden=True,
)
aggregate(
    "take_anyif",
    "expr: scalar, predicate: bool",
    "arg 0",
    "The value of some row where the predicate is true.",
    f"any_value({{expr}}){_IF}",
    nulls=_MAYBE,
    naming=Naming.FIRST,
)
aggregate(
    "anyif",
    "expr: scalar, predicate: bool",
    "arg 0",
    "The value of some row where the predicate is true.",
    f"any_value({{expr}}){_IF}",
    nulls=_MAYBE,
    obsolete="take_anyif",
    hidden=True,
    **_prefix("anyif"),
)
for _name, _what, _by in (("arg_max", "greatest", "maximized"), ("arg_min", "least", "minimized")):
    aggregate(
        _name,
        f"{_by}: orderable, *returned?: star scalar",
        "custom",
        f"The row with the {_what} value.",
        None,
        nulls=_MAYBE,
    )
    aggregate(
        _name.replace("_", ""),
        f"{_by}: orderable, *returned?: star scalar",
        "custom",
        f"The row with the {_what} value.",
        None,
        nulls=_MAYBE,
        obsolete=_name,
        hidden=True,
    )
    # One column of that row, null cells too. Where all are null some row is kept: the extreme of nothing is any. All columns are
    # of one row, as the engine merges the states of all in one order. The filter keeps rows from a first() that nobody needs.
    aggregate(
        f"__{_name}",
        f"returned: scalar, {_by}: orderable",
        "arg 0",
        f"A column of the row with the {_what} value.",
        f"CASE WHEN {_name[4:]}({{{_by}}}) IS NULL"
        f" THEN first({{returned}}) FILTER (WHERE {{{_by}}} IS NULL) ELSE {_name}_null({{returned}}, {{{_by}}}) END",
        nulls=_MAYBE,
        hidden=True,
    )

# --- spread ---
#: name, SQL, what it is; of a single value the service's sample spread is 0.
for _name, _sql, _doc in (
    ("stdev", "stddev_samp", "The standard deviation of a sample"),
    ("stdevp", "stddev_pop", "The standard deviation of a population"),
    ("variance", "var_samp", "The variance of a sample"),
    ("variancep", "var_pop", "The variance of a population"),
):
    # Of one value, and of none, the documented default.
    _zero, _nulls = ("coalesce(%s, 0.0)", Nulls.NEVER) if _sql.endswith("samp") else ("%s", _MAYBE)
    _spread = f"{_sql}(CAST({{expr}} AS DOUBLE))"
    aggregate(_name, "expr: number", "real", f"{_doc}.", _zero % _spread, nulls=_nulls, **_prefix(_name))
    if _name == "stdevp":
        continue  # The service has no stdevpif.
    aggregate(
        f"{_name}if",
        "expr: number, predicate: bool",
        "real",
        f"{_doc}, where the predicate is true.",
        _zero % (_spread + _IF),
        nulls=_nulls,
        **_prefix(f"{_name}if"),
    )
for _name, _sql, _doc in (
    ("covariance", "covar_samp", "The covariance of a sample"),
    ("covariancep", "covar_pop", "The covariance of a population"),
):
    _both = f"{_sql}(CAST({{expr1}} AS DOUBLE), CAST({{expr2}} AS DOUBLE))"
    aggregate(_name, "expr1: number, expr2: number", "real", f"{_doc}.", _both, nulls=_MAYBE, **_prefix(_name))
    aggregate(
        f"{_name}if",
        "expr1: number, expr2: number, predicate: bool",
        "real",
        f"{_doc}, where the predicate is true.",
        _both + _IF,
        nulls=_MAYBE,
        **_prefix(f"{_name}if"),
    )


def _times(*args: t.SqlExpr, order: tuple[t.OrderKey, ...] = ()) -> NoReturn:
    refuse("the spread of times", "divide spans by one of them: stdev(span / 1s)")


for _name in ("stdev", "stdevp", "variance", "variancep"):
    aggregate(_name, "expr: summable", "real", "Refused.", _times, nulls=_MAYBE, hidden=True, **_prefix(_name))
    if _name != "stdevp":
        aggregate(
            f"{_name}if",
            "expr: summable, predicate: bool",
            "real",
            "Refused.",
            _times,
            nulls=_MAYBE,
            hidden=True,
            **_prefix(f"{_name}if"),
        )

# --- bits ---
for _name, _sql, _doc in (
    ("binary_all_and", "bit_and", "The bits set in all values."),
    ("binary_all_or", "bit_or", "The bits set in any value."),
    ("binary_all_xor", "bit_xor", "The bits set in an odd number of values."),
):
    aggregate(
        _name, "expr: integer", "long", _doc, f"{_sql}(CAST({{expr}} AS BIGINT))", nulls=_MAYBE, naming=Naming.FIRST
    )

# --- percentiles: the nearest rank ---
#: What may be ranked, and its result. The service estimates over many values; this is exact.
_RANKED = (
    ("integer", "long", "CAST(%s AS BIGINT)"),
    ("real", "real", "%s"),
    ("timespan", "timespan", "%s"),
    ("datetime", "datetime", "%s"),
    ("decimal", "decimal", "%s"),
)
for _type, _result, _cast in _RANKED:
    aggregate(
        "percentile",
        f"expr: {_type}, percentile: constant number",
        _result,
        "The value below which so many percent of the values lie (nearest rank).",
        _cast % "quantile_disc({expr}, {percentile} / 100.0::DOUBLE)",
        nulls=_MAYBE,
    )
# The binder makes a percentile of each of these.
aggregate(
    "percentiles",
    "expr: summable, *percentile: constant number",
    "custom",
    "The values of several percentiles, a column each.",
    None,
    nulls=_MAYBE,
)


#: The first value whose weight, with those of all lesser values, reaches the percentile's share of the whole.
_WEIGHTED = (
    "list_extract(list({expr} ORDER BY {expr}) FILTER (WHERE {expr} IS NOT NULL AND {weight} > 0),"
    " kql_weighted_rank(list(CAST({weight} AS BIGINT) ORDER BY {expr}) FILTER (WHERE {expr} IS NOT NULL AND {weight} > 0),"
    " CAST({percentile} AS DOUBLE)))"
)
for _type, _result, _cast in _RANKED:
    aggregate(
        "percentilew",
        f"expr: {_type}, weight: integer, percentile: constant number",
        _result,
        "The percentile of values that count as often as their weight says.",
        _cast % _WEIGHTED,
        udf="lurcher.functions.udfs.ranks:weighted_rank",
        nulls=_MAYBE,
    )
aggregate(
    "percentilesw_array",
    "expr: summable, weight: integer, *percentile: constant number",
    "dynamic",
    "Several weighted percentiles, as an array.",
    None,
    nulls=_MAYBE,
    naming=Naming.PREFIX,
    prefix="percentiles",
)
aggregate(
    "percentilesw_array",
    "expr: summable, weight: integer, percentiles: constant dynamic",
    "dynamic",
    "Several weighted percentiles, as an array.",
    None,
    nulls=_MAYBE,
    naming=Naming.PREFIX,
    prefix="percentiles",
)
aggregate(
    "percentilesw",
    "expr: summable, weight: integer, *percentile: constant number",
    "custom",
    "Several weighted percentiles, a column each.",
    None,
    nulls=_MAYBE,
)


def _percentiles_array(expr: t.SqlExpr, *percentiles: t.SqlExpr, order: tuple[t.OrderKey, ...] = ()) -> t.SqlExpr:
    one = "quantile_disc({expr}, {p} / 100.0::DOUBLE)"
    return t.call("to_json", t.ListOf(tuple(fill(one, expr=expr, p=p) for p in percentiles)))


aggregate(
    "percentiles_array",
    "expr: summable, percentiles: constant dynamic",
    "dynamic",
    "The values of several percentiles, as an array.",
    None,
    nulls=_MAYBE,
    naming=Naming.PREFIX,
    prefix="percentiles",
)
aggregate(
    "percentiles_array",
    "expr: int|long|real, *percentile: constant number",
    "dynamic",
    "The values of several percentiles, as an array.",
    _percentiles_array,
    nulls=_MAYBE,
    naming=Naming.PREFIX,
    prefix="percentiles",
)

aggregate(
    "buildschema",
    "expr: dynamic",
    "dynamic",
    "The types that the values have at each of their paths.",
    "kql_build_schema(to_json(list({expr}) FILTER (WHERE {expr} IS NOT NULL)))::JSON",
    udf="lurcher.functions.udfs.bags:build_schema",
    nulls=_MAYBE,
    **_prefix("schema"),
)
