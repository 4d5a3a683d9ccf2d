"""Arrays as sets: order of first occurrence, no element twice.

Source: "set_union()", "set_intersect()", "set_difference()", "set_has_element()" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.registry import Nulls, scalar

_UDF = "lurcher.functions.udfs.sets:"
scalar(
    "set_has_element",
    "set: dynamic, value: boxed",
    "bool",
    "Whether the array has the value.",
    f"coalesce(list_contains({s.elements('{set}')}, {{value}}), false)",
    nulls=Nulls.MAYBE,
    examples=(('set_has_element(dynamic(["a","b"]), "b")', "true"), ("set_has_element(dynamic([1]), 2)", "false")),
)
for _name, _doc, _example in (
    (
        "set_union",
        "The elements of any of the arrays.",
        ("set_union(dynamic([1,2,1]), dynamic([3]))", "dynamic([1,2,3])"),
    ),
    (
        "set_intersect",
        "The elements that are in all arrays.",
        ("set_intersect(dynamic([1,2,3]), dynamic([3,2]))", "dynamic([2,3])"),
    ),
    (
        "set_difference",
        "The elements of the first array that are in none of the others.",
        ("set_difference(dynamic([1,2,3]), dynamic([2]))", "dynamic([1,3])"),
    ),
):
    scalar(
        _name,
        "*set: dynamic",
        "dynamic",
        _doc,
        f"kql_{_name}(json_array({{set...}}))::JSON",
        udf=_UDF + _name,
        nulls=Nulls.MAYBE,
        example=_example,
    )
scalar(
    "set_equals",
    "set1: dynamic, set2: dynamic",
    "bool",
    "Whether the arrays have the same elements.",
    "kql_set_equals({set1}, {set2})",
    udf=_UDF + "set_equals",
    nulls=Nulls.MAYBE,
    example=("set_equals(dynamic([1,2]), dynamic([2,1,1]))", "true"),
)
scalar(
    "jaccard_index",
    "set1: dynamic, set2: dynamic",
    "real",
    "The size of the intersection by that of the union.",
    "kql_jaccard_index({set1}, {set2})",
    udf=_UDF + "jaccard_index",
    nulls=Nulls.MAYBE,
    example=("jaccard_index(dynamic([1,2,3]), dynamic([1,2,3,4]))", "0.75"),
)
