"""Numeric arrays: arithmetic element by element, sums, similarity, gaps filled, filters.

Source: "Series functions" (Kusto documentation).
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions.build import fill
from lurcher.functions.registry import Naming, Nulls, scalar
from lurcher.sql import tree as t

_UDF = "lurcher.functions.udfs.series:"
_GAPS = "lurcher.functions.udfs.series_gaps:"
_MAYBE = Nulls.MAYBE
_ZERO = t.Cast(t.Literal("0"), "JSON")
_TRUE, _FALSE = t.Literal(True), t.Literal(False)

for _name, _doc, _example in (
    ("abs", "The elements without their signs.", ("[-6, 0]", "[6,0]")),
    ("sign", "-1, 0 or 1 for each element.", ("[-6, 0, 8]", "[-1,0,1]")),
    ("exp", "e to the power of each element.", ("[0]", "[1.0]")),
    ("log", "The natural logarithm of each element.", ("[1]", "[0.0]")),
    ("sin", "The sine of each element.", ("[0]", "[0.0]")),
    ("cos", "The cosine of each element.", ("[0]", "[1.0]")),
    ("tan", "The tangent of each element.", ("[0]", "[0.0]")),
    ("asin", "The angle of each sine.", ("[0]", "[0.0]")),
    ("acos", "The angle of each cosine.", ("[1]", "[0.0]")),
    ("atan", "The angle of each tangent.", ("[0]", "[0.0]")),
    ("floor", "The elements rounded down.", ("[-1.5,1,2.5]", "[-2.0,1.0,2.0]")),
    ("ceiling", "The elements rounded up.", ("[-1.5,1,2.5]", "[-1.0,1.0,3.0]")),
):
    scalar(
        f"series_{_name}",
        "series: dynamic",
        "dynamic",
        _doc,
        f"kql_series_unary('{_name}', {{series}})::JSON",
        udf=_UDF + "series_unary",
        nulls=_MAYBE,
        example=(f"series_{_name}(dynamic({_example[0]}))", f"dynamic({_example[1]})"),
    )
for _name, _doc, _result in (
    ("add", "The sums of the elements.", "[5,4,5]"),
    ("subtract", "The differences of the elements.", "[-3,0,3]"),
    ("multiply", "The products of the elements.", "[4,4,4]"),
    ("divide", "The quotients of the elements.", "[0.25,1.0,4.0]"),
    ("pow", "The elements to the powers of the others.", "[1.0,4.0,4.0]"),
    ("greater", "Whether the elements are greater.", "[false,false,true]"),
    ("greater_equals", "Whether the elements are greater or equal.", "[false,true,true]"),
    ("less", "Whether the elements are less.", "[true,false,false]"),
    ("less_equals", "Whether the elements are less or equal.", "[true,true,false]"),
    ("equals", "Whether the elements are equal.", "[false,true,false]"),
    ("not_equals", "Whether the elements differ.", "[true,false,true]"),
):
    for _params in (
        "series1: dynamic, series2: dynamic",
        "series1: dynamic, series2: boxed",
        "series1: boxed, series2: dynamic",
    ):
        scalar(
            f"series_{_name}",
            _params,
            "dynamic",
            _doc,
            f"kql_series_binary('{_name}', {{series1}}, {{series2}})::JSON",
            udf=_UDF + "series_binary",
            nulls=_MAYBE,
            examples=((f"series_{_name}(dynamic([1,2,4]), dynamic([4,2,1]))", f"dynamic({_result})"),)
            if "boxed" not in _params
            else (),
        )
for _name, _doc, _result in (
    ("sum", "The sum of the elements.", "10.0"),
    ("product", "The product of the elements.", "24.0"),
    ("magnitude", "The length of the array as a vector.", "sqrt(30)"),
):
    scalar(
        f"series_{_name}",
        "series: dynamic",
        "real",
        _doc,
        f"kql_series_reduce('{_name}', {{series}})",
        udf=_UDF + "series_reduce",
        nulls=_MAYBE,
        example=(f"series_{_name}(dynamic([1,2,3,4]))", _result),
    )
for _function, _name, _doc, _result in (
    ("series_dot_product", "dot_product", "The sum of the elements' products.", "11.0"),
    ("series_cosine_similarity", "cosine", "The cosine of the angle between the arrays as vectors.", "0.984"),
    ("series_pearson_correlation", "pearson", "How far the arrays are in a line with each other.", "1.0"),
):
    scalar(
        _function,
        "series1: dynamic, series2: dynamic",
        "real",
        _doc,
        f"kql_series_pair('{_name}', {{series1}}, {{series2}})",
        udf=_UDF + "series_pair",
        nulls=_MAYBE,
        example=(f"round({_function}(dynamic([1,2]), dynamic([3,4])), 3)", _result),
    )
for _params in ("series1: dynamic, series2: number", "series1: number, series2: dynamic"):
    _dynamic = "series2" if "series1: number" in _params else "series1"
    scalar(
        "series_dot_product",
        _params,
        "real",
        "The sum of the elements, each times a number.",
        "kql_series_pair('dot_product', to_json({series1})::JSON, to_json({series2})::JSON)",
        udf=_UDF + "series_pair",
        nulls=_MAYBE,
        example=(
            "series_dot_product(dynamic([1,2]), 3)"
            if _dynamic == "series1"
            else "series_dot_product(3, dynamic([1,2]))",
            "9.0",
        ),
    )
scalar(
    "series_cosine_similarity",
    "series1: dynamic, series2: dynamic, series1_magnitude: number, series2_magnitude: number",
    "real",
    "The cosine of the angle between the arrays as vectors, whose lengths are known.",
    "kql_series_pair('dot', {series1}, {series2}) / ({series1_magnitude} * {series2_magnitude})",
    udf=_UDF + "series_pair",
    nulls=_MAYBE,
    example=("series_cosine_similarity(dynamic([3,4]), dynamic([4,3]), 5.0, 5.0)", "0.96"),
)


def _fill(name: str) -> Callable[..., t.SqlExpr]:
    def sql(series: t.SqlExpr, placeholder: t.SqlExpr = t.NULL) -> t.SqlExpr:
        text = f"kql_series_fill('{name}', {{series}}, NULL, {{placeholder}})::JSON"
        return fill(text, series=series, placeholder=placeholder)

    return sql


def _fill_const(series: t.SqlExpr, constant: t.SqlExpr = _ZERO, placeholder: t.SqlExpr = t.NULL) -> t.SqlExpr:
    text = "kql_series_fill('const', {series}, {constant}, {placeholder})::JSON"
    return fill(text, series=series, constant=constant, placeholder=placeholder)


def _fill_linear(
    series: t.SqlExpr,
    placeholder: t.SqlExpr = t.NULL,
    edges: t.SqlExpr = _TRUE,
    constant: t.SqlExpr = _ZERO,
) -> t.SqlExpr:
    text = "kql_series_fill_linear({series}, {placeholder}, {edges}, {constant})::JSON"
    return fill(text, series=series, placeholder=placeholder, edges=edges, constant=constant)


for _name, _doc, _result in (
    ("forward", "The gaps filled with the value before them.", "[null,1,1,2,2]"),
    ("backward", "The gaps filled with the value behind them.", "[1,1,2,2,null]"),
):
    scalar(
        f"series_fill_{_name}",
        "series: dynamic, missing_value_placeholder?: boxed",
        "dynamic",
        _doc,
        _fill(_name),
        udf=_GAPS + "series_fill",
        naming=Naming.FIRST,
        nulls=_MAYBE,
        example=(f"series_fill_{_name}(dynamic([null,1,null,2,null]))", f"dynamic({_result})"),
    )
scalar(
    "series_fill_const",
    "series: dynamic, constant_value?: boxed, missing_value_placeholder?: boxed",
    "dynamic",
    "The gaps filled with a constant, 0 where none is given.",
    _fill_const,
    udf=_GAPS + "series_fill",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    examples=(
        ("series_fill_const(dynamic([1,null]), -1)", "dynamic([1,-1])"),
        ("series_fill_const(dynamic([1,9]), 5, 9)", "dynamic([1,5])"),
    ),
)
scalar(
    "series_fill_linear",
    "series: dynamic, missing_value_placeholder?: boxed, fill_edges?: bool, constant_value?: boxed",
    "dynamic",
    "The gaps filled along the line between the values around them; at the edges with the nearest value.",
    _fill_linear,
    udf=_GAPS + "series_fill_linear",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("series_fill_linear(dynamic([null,1.0,null,2.0]))", "dynamic([1.0,1.0,1.5,2.0])"),
)


def _fir(
    series: t.SqlExpr,
    filter: t.SqlExpr,
    normalize: t.SqlExpr = t.NULL,
    center: t.SqlExpr = _FALSE,
) -> t.SqlExpr:
    text = "kql_series_fir({series}, {filter}, {normalize}, {center})::JSON"
    return fill(text, series=series, filter=filter, normalize=normalize, center=center)


scalar(
    "series_fir",
    "series: dynamic, filter: dynamic, normalize?: bool, center?: bool",
    "dynamic",
    "The array through a filter: each element a weighted sum of itself and the ones before it.",
    _fir,
    udf=_GAPS + "series_fir",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("series_fir(dynamic([3,3,6]), dynamic([1,1,1]))", "dynamic([1.0,2.0,4.0])"),
)
scalar(
    "series_iir",
    "series: dynamic, numerators: dynamic, denominators: dynamic",
    "dynamic",
    "The array through a filter with feedback.",
    "kql_series_iir({series}, {numerators}, {denominators})::JSON",
    udf=_UDF + "series_iir",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("series_iir(dynamic([1,2,3]), dynamic([1]), dynamic([1,-1]))", "dynamic([1.0,3.0,6.0])"),
)
