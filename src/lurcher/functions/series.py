"""Numeric arrays: arithmetic element by element, sums, similarity, gaps filled, filters.

Source: "Series functions" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions.registry import Naming, Nulls, scalar

_UDF = "lurcher.functions.udfs.series:"
_MAYBE = Nulls.MAYBE

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
for _name, _doc, _result in (
    ("forward", "The gaps filled with the value before them.", "[null,1,1,2,2]"),
    ("backward", "The gaps filled with the value behind them.", "[1,1,2,2,null]"),
):
    scalar(
        f"series_fill_{_name}",
        "series: dynamic",
        "dynamic",
        _doc,
        f"kql_series_fill('{_name}', {{series}}, NULL)::JSON",
        udf=_UDF + "series_fill",
        naming=Naming.FIRST,
        nulls=_MAYBE,
        example=(f"series_fill_{_name}(dynamic([null,1,null,2,null]))", f"dynamic({_result})"),
    )
scalar(
    "series_fill_const",
    "series: dynamic, constant_value: boxed",
    "dynamic",
    "The gaps filled with a constant.",
    "kql_series_fill('const', {series}, {constant_value})::JSON",
    udf=_UDF + "series_fill",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("series_fill_const(dynamic([1,null]), -1)", "dynamic([1,-1])"),
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
