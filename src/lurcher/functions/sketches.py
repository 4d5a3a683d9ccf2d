"""hll and tdigest: here they hold what they were made of, so that merging, counting and ranking are exact.

What the service's sketches look like is not reproduced: the binder refuses a query that shows one, reads one with another
function than those here, or reads with them what the query did not make (`lurcher.plan.binder.sketches`).

Source: "hll()", "tdigest()" and the functions that read them (Kusto documentation).
"""

from __future__ import annotations

from typing import NoReturn

from lurcher.functions.build import refuse
from lurcher.functions.registry import Naming, Nulls, aggregate, scalar
from lurcher.sql import tree as t

#: What makes a sketch, and what reads one.
MAKERS = frozenset({"hll", "hll_if", "hll_merge", "tdigest", "tdigest_merge", "merge_tdigest"})
READERS = frozenset(
    {
        "hll_merge",
        "dcount_hll",
        "__dcount_intersect",
        "tdigest_merge",
        "merge_tdigest",
        "percentile_tdigest",
        "percentiles_array_tdigest",
        "rank_tdigest",
        "percentrank_tdigest",
    }
)
_NEVER, _MAYBE = Nulls.NEVER, Nulls.MAYBE
_UDF = "lurcher.functions.udfs.sketches:"
_P = Naming.PREFIX

# --- distinct values ---
_HLL = "json_object('hll', to_json(coalesce(list_sort(list(DISTINCT {expr}) FILTER (WHERE {expr} IS NOT NULL%s)), [])))"
aggregate(
    "hll",
    "expr: boxed, accuracy?: integer",
    "dynamic",
    "The distinct values, for dcount_hll() and hll_merge().",
    _HLL % "",
    nulls=_NEVER,
    naming=_P,
    prefix="hll",
)
aggregate(
    "hll_if",
    "expr: boxed, predicate: bool, accuracy?: integer",
    "dynamic",
    "The distinct values where the predicate is true, for dcount_hll() and hll_merge().",
    _HLL % " AND {predicate}",
    nulls=_NEVER,
    naming=_P,
    prefix="hll_if",
)
_MERGED = "json_object('hll', to_json(list_sort(list_distinct(flatten(%s)))))"
_VALUES = "CAST(json_extract(%s, '$.hll[*]') AS JSON[])"
aggregate(
    "hll_merge",
    "hll: dynamic",
    "dynamic",
    "The distinct values of all.",
    _MERGED % f"coalesce(list({_VALUES % '{hll}'}) FILTER (WHERE {{hll}} IS NOT NULL), [])",
    nulls=_NEVER,
    naming=_P,
    prefix="hll_merge",
)
scalar(
    "hll_merge",
    "*hll: dynamic",
    "dynamic",
    "The distinct values of all.",
    _MERGED % f"list_transform([{{hll...}}], lambda h__: {_VALUES % 'h__'})",
    nulls=_MAYBE,
    naming=_P,
    prefix="hll_merged_result",
)
scalar(
    "dcount_hll",
    "hll: dynamic",
    "long",
    "The number of distinct values, counted exactly.",
    "CAST(json_array_length({hll}, '$.hll') AS BIGINT)",
    nulls=_MAYBE,
    naming=_P,
    prefix="dcount_hll",
)
# What `evaluate dcount_intersect` counts.
scalar(
    "__dcount_intersect",
    "*hll: dynamic",
    "long",
    "The number of values that all hold.",
    f"CAST(len(list_reduce(list_transform([{{hll...}}], lambda h__: {_VALUES % 'h__'}), lambda a__, b__: list_intersect(a__, b__)))"
    " AS BIGINT)",
    nulls=_MAYBE,
    hidden=True,
)

# --- ranked values ---
_VALUE = "list({expr} ORDER BY {expr}) FILTER (WHERE {expr} IS NOT NULL%s)"


def _no_numbers(expr: t.SqlExpr, *rest: t.SqlExpr, order: tuple[t.OrderKey, ...] = ()) -> NoReturn:
    refuse("tdigest() of what is no number", "percentile() takes times")


for _type in ("integer", "real"):
    aggregate(
        "tdigest",
        f"expr: {_type}",
        "dynamic",
        "The values, for percentile_tdigest() and what is like it.",
        f"json_object('values', to_json(coalesce({_VALUE % ''}, [])))",
        nulls=_NEVER,
        naming=_P,
        prefix="tdigest",
    )
    aggregate(
        "tdigest",
        f"expr: {_type}, weight: integer",
        "dynamic",
        "The values, each as often as its weight says.",
        f"json_object('values', to_json(coalesce({_VALUE % ' AND {weight} > 0'}, [])), 'weights',"
        " to_json(coalesce(list({weight} ORDER BY {expr}) FILTER (WHERE {expr} IS NOT NULL AND {weight} > 0), [])))",
        nulls=_NEVER,
        naming=_P,
        prefix="tdigest",
    )
aggregate("tdigest", "expr: scalar, weight?: integer", "dynamic", "Refused.", _no_numbers, nulls=_NEVER, hidden=True)
for _name in ("tdigest_merge", "merge_tdigest"):
    aggregate(
        _name,
        "tdigest: dynamic",
        "dynamic",
        "The values of all.",
        "kql_tdigest_merge(to_json(coalesce(list({tdigest}) FILTER (WHERE {tdigest} IS NOT NULL), [])))::JSON",
        udf=_UDF + "tdigest_merge",
        nulls=_NEVER,
        naming=_P,
        prefix="merge_tdigests",
    )
    scalar(
        _name,
        "*tdigest: dynamic",
        "dynamic",
        "The values of all.",
        "kql_tdigest_merge(json_array({tdigest...}))::JSON",
        udf=_UDF + "tdigest_merge",
        nulls=_MAYBE,
        naming=_P,
        prefix="tdigests_merge_result",
    )
scalar(
    "percentile_tdigest",
    "tdigest: dynamic, percentile1: number",
    "dynamic",
    "The percentile of the values (nearest rank).",
    "kql_percentile_tdigest({tdigest}, CAST({percentile1} AS DOUBLE))::JSON",
    udf=_UDF + "percentile_tdigest",
    nulls=_MAYBE,
    naming=_P,
    prefix="percentile_tdigest",
)
scalar(
    "percentile_tdigest",
    "tdigest: dynamic, percentile1: number, type: literal type",
    "custom",
    "The same, converted to the type.",
    None,
    nulls=_MAYBE,
    naming=_P,
    prefix="percentile_tdigest",
)


def _array(tdigest: t.SqlExpr, *percentiles: t.SqlExpr) -> t.SqlExpr:
    ranks = tuple(t.call("kql_percentile_tdigest", tdigest, t.Cast(p, "DOUBLE")) for p in percentiles)
    return t.call("json_array", *(t.Cast(rank, "JSON") for rank in ranks))


scalar(
    "percentiles_array_tdigest",
    "tdigest: dynamic, *percentile: number",
    "dynamic",
    "The percentiles of the values, as an array.",
    _array,
    udf=_UDF + "percentile_tdigest",
    nulls=_MAYBE,
    naming=_P,
    prefix="percentile_tdigest",
)
scalar(
    "percentiles_array_tdigest",
    "tdigest: dynamic, percentiles: dynamic",
    "dynamic",
    "The percentiles of the values, as an array.",
    "kql_percentiles_tdigest({tdigest}, {percentiles})::JSON",
    udf=_UDF + "percentiles_tdigest",
    nulls=_MAYBE,
    naming=_P,
    prefix="percentile_tdigest",
)
for _name, _percent, _doc in (
    ("rank_tdigest", "false", "How many of the values are not greater."),
    ("percentrank_tdigest", "true", "How many percent of the values are not greater."),
):
    scalar(
        _name,
        "digest: dynamic, value: number",
        "real",
        _doc,
        f"kql_rank_tdigest({{digest}}, CAST({{value}} AS DOUBLE), {_percent})",
        udf=_UDF + "rank_tdigest",
        nulls=_MAYBE,
    )
